"""What the house asks of a register of companies, and what it gets."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Found:
    """A company that a search found."""

    kvk_number: str
    """Eight digits."""
    name: str
    kind: str
    """`rechtspersoon`, else `hoofdvestiging` or `nevenvestiging`: what the name belongs to."""
    town: str | None


@dataclass(frozen=True)
class Activity:
    """What a company does, by its SBI code."""

    code: str
    description: str
    is_main: bool


@dataclass(frozen=True)
class Profile:
    """What the register tells of a company."""

    kvk_number: str
    name: str
    statutory_name: str | None
    legal_form: str | None
    """In the register's words: "Besloten Vennootschap"."""
    employees: int | None
    """Working persons in all."""
    trade_names: tuple[str, ...]
    activities: tuple[Activity, ...]


class CompanyRegister(Protocol):
    """A register of companies."""

    async def search(self, name_or_number: str) -> list[Found]:
        """The companies of a name or with a KVK number, each once, the best match first; none where there is none.

        Raises RegisterError.
        """

    async def profile(self, kvk_number: str) -> Profile | None:
        """What is known of a company; None where there is none, or nothing may be told of it.

        Raises RegisterError.
        """

    async def close(self) -> None:
        """Ends what is under way, and closes the connections."""


def number_in(text: str) -> str | None:
    """The KVK number that a text is, spaces and dots forgiven. Eight digits: there is no checksum to hold it to."""
    digits = re.sub(r"[\s.]", "", text)
    return digits if re.fullmatch("[0-9]{8}", digits) else None
