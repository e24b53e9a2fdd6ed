"""The public API, the chat widget and the pages."""
