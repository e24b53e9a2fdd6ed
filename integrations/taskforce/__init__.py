"""The pages of trends, for analysts and the task force: frozen numbers, charts, downloads, and the brief."""
