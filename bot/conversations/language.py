"""Which language a text is in. Short texts never decide anything; a switch needs certainty."""

from __future__ import annotations

import re
from functools import lru_cache

from lingua import Language as Lingua
from lingua import LanguageDetector, LanguageDetectorBuilder

FEWEST_WORDS = 4
CERTAINTY = 0.9

# Names and terms that questions in either language use as they are; they say nothing about the language.
_NAMES = re.compile(
    r"\b((SER )?diversiteit in bedrijf|charter diversiteit|(SER )?diversiteitsportaal|diversiteitswet"
    r"|(wet )?ingroeiquotum( en streefcijfers)?|streefcijfers?|raad van commissarissen|bestuursverslag"
    r"|burgerlijk wetboek|staatsblad|dataverkenner|werkagenda|diversiteitswijzers?|doe-?netwerk(en)?"
    r"|koerskaart|diversity day|diversiteitsprijs|denktank diversiteit|(nederlandse )?inclusiviteitsmonitor"
    r"|communit(y|ies) of practice|selecteren zonder vooroordelen|objectief selecteren|e-?learning"
    r"|ABU|AWVN|NBBU|VNO-NCW|FNV|Randstad|Inspectie SZW|bestuursvoorzitter|plan van aanpak|werk jij mee,? zeg nee)\b",
    re.IGNORECASE,
)
_NO_WORD = re.compile(r"\S*(?:\d|@|\w\.\w)\S*")
"""A number, a code, an address: of no language."""
_CODES = {Lingua.DUTCH: "nl", Lingua.ENGLISH: "en"}


@lru_cache
def _detector() -> LanguageDetector:
    return LanguageDetectorBuilder.from_languages(*_CODES).with_low_accuracy_mode().build()


def certain_language(text: str) -> str | None:
    """Give "nl" or "en" where the text leaves no doubt, else None.

    Texts of fewer than four words leave doubt: they are often terms that both languages use. Numbers, codes
    and addresses are no words.
    """
    plain = _NO_WORD.sub(" ", _NAMES.sub(" ", text))
    if len(plain.split()) < FEWEST_WORDS:
        return None
    best = _detector().compute_language_confidence_values(plain)[0]
    return _CODES[best.language] if best.value >= CERTAINTY else None
