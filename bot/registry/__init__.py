"""Companies: what we know of them, who may see it, and what their status is."""
