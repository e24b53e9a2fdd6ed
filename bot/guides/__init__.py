"""Guides: what has to be done, a step at a time. The steps are data (knowledge/guides/), one state machine leads."""
