"""Which language a text is in. Short texts never decide anything; a switch needs certainty."""

from __future__ import annotations

import re
from functools import lru_cache

from lingua import Language as Lingua
from lingua import LanguageDetector, LanguageDetectorBuilder

FEWEST_WORDS = 4
CERTAINTY = 0.9

# Names and terms that stand in Dutch in an English question too; they say nothing about its language.
_DUTCH_NAMES = re.compile(
    r"\b((SER )?diversiteit in bedrijf|charter diversiteit|(SER )?diversiteitsportaal|diversiteitswet"
    r"|(wet )?ingroeiquotum( en streefcijfers)?|streefcijfers?|raad van commissarissen|bestuursverslag"
    r"|burgerlijk wetboek|staatsblad|dataverkenner|werkagenda|diversiteitswijzers?|doe-?netwerk(en)?"
    r"|ABU|AWVN|NBBU|VNO-NCW|FNV|Randstad|Inspectie SZW|bestuursvoorzitter|plan van aanpak|werk jij mee,? zeg nee)\b",
    re.IGNORECASE,
)
_CODES = {Lingua.DUTCH: "nl", Lingua.ENGLISH: "en"}


@lru_cache
def _detector() -> LanguageDetector:
    return LanguageDetectorBuilder.from_languages(*_CODES).with_low_accuracy_mode().build()


def certain_language(text: str) -> str | None:
    """Give "nl" or "en" where the text leaves no doubt, else None.

    Texts of fewer than four words leave doubt: they are often terms that both languages use.
    """
    plain = _DUTCH_NAMES.sub(" ", text)
    if len(plain.split()) < FEWEST_WORDS:
        return None
    best = _detector().compute_language_confidence_values(plain)[0]
    return _CODES[best.language] if best.value >= CERTAINTY else None
