"""What of a text is visible: for texts that hide their first character behind ones that nobody sees."""

from __future__ import annotations

import unicodedata

# Letters and signs by their category, and yet blank: Hangul fillers and the empty Braille pattern.
_BLANK = {"\u115f", "\u1160", "\u3164", "\uffa0", "\u2800"}


def _invisible(character: str) -> bool:
    """Spaces, controls, zero-width and combining characters."""
    return unicodedata.category(character)[0] in "ZCM" or character in _BLANK


def from_first_visible(text: str) -> str:
    """The text from its first visible character on, without blanks at its end."""
    for at, character in enumerate(text):
        if not _invisible(character):
            return text[at:].rstrip()
    return ""


def has_words(text: str) -> bool:
    """Whether there is a letter or a digit in it."""
    return any(character.isalnum() for character in text)
