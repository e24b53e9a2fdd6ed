"""Masks what looks like an activation code before a text is stored or goes anywhere."""

from __future__ import annotations

import re

MASK = "•••"


def mask_codes(text: str, pattern: str) -> tuple[str, bool]:
    """The text with every match of the activation-code pattern masked, and whether there was one.

    Upper and lower case alike: people type codes as they please.
    """
    masked, count = re.subn(pattern, MASK, text, flags=re.IGNORECASE)
    return masked, count > 0
