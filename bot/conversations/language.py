"""Which language a text is in. Short texts never decide anything; a switch needs certainty."""

from __future__ import annotations

from functools import lru_cache

from lingua import Language as Lingua
from lingua import LanguageDetector, LanguageDetectorBuilder

FEWEST_WORDS = 4
CERTAINTY = 0.9
_CODES = {Lingua.DUTCH: "nl", Lingua.ENGLISH: "en"}


@lru_cache
def _detector() -> LanguageDetector:
    return LanguageDetectorBuilder.from_languages(*_CODES).with_low_accuracy_mode().build()


def certain_language(text: str) -> str | None:
    """Give "nl" or "en" where the text leaves no doubt, else None.

    Texts of fewer than four words leave doubt: they are often terms that both languages use.
    """
    if len(text.split()) < FEWEST_WORDS:
        return None
    best = _detector().compute_language_confidence_values(text)[0]
    return _CODES[best.language] if best.value >= CERTAINTY else None
