"""Masks what looks like an activation code before a text is stored or goes anywhere."""

from __future__ import annotations

import re

MASK = "•••"

_ONE_TIME_CODE = r"\b(?=[A-Z-]*[2-9])(?=[2-9-]*[A-Z])[A-HJ-NP-Z2-9]{4}-?[A-HJ-NP-Z2-9]{4}\b"
"""As `bot.registry.verification` makes them, whatever activation codes look like."""


def mask_codes(text: str, pattern: str) -> tuple[str, bool]:
    """The text with every activation code (by the pattern) and one-time code masked, and whether there was one.

    Upper and lower case alike: people type codes as they please.
    """
    masked, count = re.subn(pattern, MASK, text, flags=re.IGNORECASE)
    masked, more = re.subn(_ONE_TIME_CODE, MASK, masked, flags=re.IGNORECASE)
    return masked, count + more > 0
