"""Reads what the register answers: Zoeken v2, Basisprofiel v1 and their errors, as KVK documents them.

Fields that are not named here are passed over; one that is there and has another form makes the answer unreadable.
"""

from __future__ import annotations

import json
import re
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from integrations.kvk.errors import RegisterDown
from integrations.kvk.interfaces import Activity, Found, Profile

Number = Annotated[str, Field(pattern=r"^[0-9]{8}$")]
Words = Annotated[str, Field(max_length=1000)]

_RANK = ("rechtspersoon", "hoofdvestiging")


class _Shape(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel)


class _DomesticAddress(_Shape):
    plaats: Words | None = None


class _Address(_Shape):
    binnenlands_adres: _DomesticAddress | None = None


class _Result(_Shape):
    kvk_nummer: Number
    naam: Words
    type: Words
    adres: _Address | None = None

    def found(self) -> Found:
        domestic = self.adres.binnenlands_adres if self.adres else None
        return Found(self.kvk_nummer, self.naam, self.type, domestic.plaats if domestic else None)


class _Page(_Shape):
    totaal: Annotated[int, Field(ge=0)]
    resultaten: list[_Result]


class _TradeName(_Shape):
    naam: Words


class _Activity(_Shape):
    sbi_code: Words
    sbi_omschrijving: Words = ""
    ind_hoofdactiviteit: Words = ""


class _Owner(_Shape):
    rechtsvorm: Words | None = None


class _Embedded(_Shape):
    eigenaar: _Owner | None = None


class _BasicProfile(_Shape):
    kvk_nummer: Number
    naam: Words
    statutaire_naam: Words | None = None
    totaal_werkzame_personen: Annotated[int, Field(ge=0)] | None = None
    handelsnamen: list[_TradeName] = []
    sbi_activiteiten: list[_Activity] = []
    embedded: _Embedded | None = Field(None, alias="_embedded")


Answer = TypeVar("Answer", bound=_Shape)


def _read(kind: type[Answer], body: bytes) -> Answer:
    try:
        return kind.model_validate_json(body)
    except ValidationError:
        # Not `from` it: a validation error quotes what it read.
        raise RegisterDown("an answer of another form") from None


def page(body: bytes) -> tuple[list[Found], int]:
    """The entries on a page of Zoeken, and how many there are on all pages.

    Raises RegisterDown where it cannot be read.
    """
    read = _read(_Page, body)
    return [result.found() for result in read.resultaten], read.totaal


def each_once(entries: list[Found]) -> list[Found]:
    """One entry for each company, in the order of the register: its own name before that of an establishment."""
    best: dict[str, Found] = {}
    for entry in entries:
        known = best.setdefault(entry.kvk_number, entry)
        if _rank(entry) < _rank(known):
            best[entry.kvk_number] = entry
    return list(best.values())


def _rank(entry: Found) -> int:
    return _RANK.index(entry.kind) if entry.kind in _RANK else len(_RANK)


def profile(body: bytes) -> Profile:
    """A Basisprofiel. Raises RegisterDown where it cannot be read."""
    read = _read(_BasicProfile, body)
    owner = read.embedded.eigenaar if read.embedded else None
    return Profile(
        kvk_number=read.kvk_nummer,
        name=read.naam,
        statutory_name=read.statutaire_naam,
        legal_form=owner.rechtsvorm if owner else None,
        employees=read.totaal_werkzame_personen,
        trade_names=tuple(name.naam for name in read.handelsnamen),
        activities=tuple(
            Activity(activity.sbi_code, activity.sbi_omschrijving, activity.ind_hoofdactiviteit.casefold() == "ja")
            for activity in read.sbi_activiteiten
        ),
    )


def error_codes(body: bytes) -> frozenset[str]:
    """The codes of an error, such as IPD5200; none where it is no error of the register's own."""
    try:
        said: Any = json.loads(body)
    except (ValueError, RecursionError):
        return frozenset()
    errors = said.get("fout") if isinstance(said, dict) else None
    codes = [error.get("code") for error in errors if isinstance(error, dict)] if isinstance(errors, list) else []
    return frozenset(code for code in codes if isinstance(code, str) and re.fullmatch("IPD[0-9]{4}", code))
