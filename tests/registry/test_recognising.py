"""Which company somebody names: by KVK number or by name, with the register, without it, and with nothing to find."""

from __future__ import annotations

import asyncio

import pytest

from bot.registry.recognising import Recognised, name_said, number_said, recognise

BLOEMEN = Recognised("68750110", "Verzonnen Bloemen BV", "Lutjebroek")
OTHERS = [Recognised(f"9000900{n}", f"Verzonnen Bloemen {n} BV", None) for n in range(1, 6)]


class Register:
    """Finds what it was given, and remembers what was asked."""

    def __init__(self, *companies: Recognised) -> None:
        self.companies, self.asked = companies, []

    async def find(self, name_or_number: str) -> list[Recognised]:
        self.asked.append(name_or_number)
        return list(self.companies)


def told(said: str, *companies: Recognised, language: str = "nl") -> str | None:
    return asyncio.run(recognise(said, language, Register(*companies)))


@pytest.mark.parametrize(
    "said",
    [
        "68750110",
        "6875 0110",
        "68.75.01.10",
        "KVK: 68750110",
        "ons kvk-nummer is 68750110.",
        "our KVK number is 68750110",
    ],
)
def test_a_number(said: str) -> None:
    assert number_said(said) == "68750110"


@pytest.mark.parametrize(
    "said",
    ["6875011", "687501101", "00000000", "bel 68750110", "wat is 68750110?", "68750110 en 90001354", "", "8" * 200],
)
def test_no_number(said: str) -> None:
    assert number_said(said) is None


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("Wij zijn Verzonnen Bloemen BV", "Verzonnen Bloemen BV"),
        ("ik werk bij Verzonnen  Bloemen B.V.", "Verzonnen Bloemen B.V."),
        ("We are Verzonnen & Zonen NV.", "Verzonnen & Zonen NV"),
        ("our company is called Verzonnen Bloemen BV", "Verzonnen Bloemen BV"),
        ("Wij zijn een BV in de zorg, moeten wij ons aanmelden?", None),
        ("Wij zijn op zoek naar hulp", None),
    ],
)
def test_a_name(said: str, name: str | None) -> None:
    assert name_said(said) == name


def test_what_the_register_knows_is_told() -> None:
    assert BLOEMEN.name in (told("68750110", *OTHERS, BLOEMEN) or "")
    named = told("Wij zijn Verzonnen Bloemen BV", BLOEMEN, *OTHERS) or ""
    assert "68750110" in named
    assert "Lutjebroek" in named
    assert named.count("\n- ") == 3


def test_without_the_register_it_goes_on() -> None:
    assert "68750110" in (told("68750110") or "")
    assert "Verzonnen Bloemen BV" in (told("We are Verzonnen Bloemen BV", language="en") or "")


def test_another_company_with_that_number_is_not_named() -> None:
    assert "Verzonnen" not in (told("68750110", *OTHERS) or "")


def test_a_question_does_not_reach_the_register() -> None:
    register = Register(BLOEMEN)
    assert asyncio.run(recognise("Wanneer moeten wij rapporteren?", "nl", register)) is None
    assert register.asked == []
