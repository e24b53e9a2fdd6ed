"""Masks what looks like an activation code before a text is stored or goes anywhere; what else points to one asker."""

from __future__ import annotations

import re

MASK = "•••"

ONE_TIME_CODE = r"\b(?=[A-Z-]*[2-9])(?=[2-9-]*[A-Z])[A-HJ-NP-Z2-9]{4}-?[A-HJ-NP-Z2-9]{4}\b"
"""As `bot.registry.verification` makes them, whatever activation codes look like."""

EMAIL = re.compile(r"[\w.+%'-]+@[\w-]+(?:\.[\w-]+)+")
IBAN = re.compile(
    r"\b[A-Z]{2}\d{2}(?:[ .-]?[A-Z]{4})?(?:[ .-]?\d){10,26}\b"  # NL, GB, DE, BE …, however it is spaced
    r"|\b[A-Z]{2}\d{2}(?=(?:[A-Z]*\d){8})[A-Z0-9]{11,30}\b",  # any other, in one piece
    re.IGNORECASE,
)
PHONE = re.compile(
    r"(?<![\w+])(?:"
    r"(?:\+|00)[\s(]*\d(?:[\s().-]*\d){7,13}"  # with its country
    r"|\(?0\d(?:[\s().-]*\d){8}"  # ten digits, from 0
    r"|6[\s-]*\d(?:[\s-]*\d){7}"  # a mobile one without its 0
    r")(?!\d)"
)
NUMBER = re.compile(
    r"(?<!\d)(?:"
    r"\d{8,}"  # KVK and RSIN, a citizen's number, an establishment
    r"|\d{2}([ .])\d{2}\1\d{2}\1\d{2}|\d{3} \d{3} \d{3}"
    r"|(?!(?:19|20)\d{2}[ .](?:19|20)\d{2})\d{4}[ .]\d{4}"  # but not two years
    r")(?!\d)"
)
"""A number that points to one company or person: KVK, RSIN, BSN, an establishment's."""


def mask_codes(text: str, pattern: str) -> tuple[str, bool]:
    """The text with every activation code (by the pattern) and one-time code masked, and whether there was one.

    Upper and lower case alike: people type codes as they please.
    """
    masked, count = re.subn(pattern, MASK, text, flags=re.IGNORECASE)
    masked, more = re.subn(ONE_TIME_CODE, MASK, masked, flags=re.IGNORECASE)
    return masked, count + more > 0
