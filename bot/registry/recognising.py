"""Recognises a company by its KVK number or its name in what a visitor says.

What is told of it is public: it comes from the Handelsregister, never from our own registry.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Protocol

from bot.messages import Language
from bot.texts import text

LONGEST_TEXT = 120
MOST_SHOWN = 3

_NUMBER = re.compile(
    r"\W*(?:(?:ons|mijn|our|my|het|the)\W+)?(?:(?:kvk|kamer van koophandel)\W*)?(?:(?:nummer|number|nr|no)\W*)?"
    r"(?:(?:is|:)\W*)?(\d[\d .]{6,12}\d)\W*",
    re.IGNORECASE,
)
_NAME = re.compile(
    r"\W*(?:(?:wij|we|ik|i) (?:zijn|are|werk(?:en)? (?:bij|voor)|work (?:for|at)|am (?:from|with)|ben van|zijn van)\W+"
    r"|(?:ons bedrijf|our company|bedrijf|company|bedrijfsnaam|company name)(?: is called| is| heet|:)\W+)"
    r"((?:[\w&'.+-]+\s+){1,7}(?:[bn]v|[bn]\.v\.?))\W*",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Recognised:
    """A company of the Handelsregister."""

    kvk_number: str
    name: str
    town: str | None


class Handelsregister(Protocol):
    """Finds companies; never raises: when the register is off or down, nobody is found."""

    async def find(self, name_or_number: str) -> list[Recognised]:
        """The companies with a KVK number or a name, the best match first."""


def number_said(said: str) -> str | None:
    """The KVK number in a message that says nothing else."""
    match = _NUMBER.fullmatch(said) if len(said) <= LONGEST_TEXT else None
    digits = re.sub(r"\D", "", match[1]) if match else ""
    return digits if len(digits) == 8 and digits.strip("0") else None


def name_said(said: str) -> str | None:
    """The company's name in a message that says nothing else: "wij zijn Voorbeeld Bloemen BV"."""
    match = _NAME.fullmatch(said) if len(said) <= LONGEST_TEXT else None
    return " ".join(match[1].split()) if match else None


async def recognise(said: str, language: Language, register: Handelsregister) -> str | None:
    """Which company a KVK number or a name stands for, as far as the register knows; None for any other message."""
    if number := number_said(said):
        found = await register.find(number)
        known = next((company for company in found if company.kvk_number == number), None)
        key = "status.recognised" if known else "status.a_number"
        return text(key, language, number=number, name=known.name if known else "")
    if name := name_said(said):
        found = (await register.find(name))[:MOST_SHOWN]
        if not found:
            return text("status.a_name", language, name=name)
        lines = [f"- **{c.name}**, KVK {c.kvk_number}{f', {c.town}' if c.town else ''}" for c in found]
        return "\n".join([text("status.named", language), *lines])
    return None
