"""The code with which a guide goes on elsewhere: told from every other number, and from an activation code."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.guides.resuming import code_in, hash_of, mask_code, new_code
from bot.settings import Settings

CODE = "4821-7730-1963"
ACTIVATION = re.compile(Settings.model_fields["activation_code_pattern"].default)


def test_codes_are_twelve_digits_and_never_the_same() -> None:
    codes = [new_code() for _ in range(10_000)]
    assert all(re.fullmatch(r"[0-9]{4}-[0-9]{4}-[0-9]{4}", code) for code in codes)
    assert len(set(codes)) == len(codes)
    assert {code[0] for code in codes} == set("0123456789")
    assert all(code_in(code) == code for code in codes)
    assert not any(ACTIVATION.search(code) or ACTIVATION.search(code.replace("-", " ")) for code in codes)


@pytest.mark.parametrize(
    "text",
    [
        CODE,
        "482177301963",
        "4821 7730 1963",
        "4821-77301963",
        f" {CODE}. ",
        f"Mijn code is {CODE}, kan ik verder?",
        f"Ik wil verder met code {CODE}!",
        f"code:{CODE}",
        f"({CODE})",
        f"“{CODE}”",
        "I have the code 4821 7730 1963 from my colleague",
        f"{CODE} of 4821 7730 1963",
        f"Ons KVK-nummer is 12345678 en de code {CODE}.",
        f"Bel mij op 070 - 2002 532 als {CODE} niet werkt.",
    ],
)
def test_a_code_in_a_sentence(text: str) -> None:
    assert code_in(text) == CODE
    masked = mask_code(text, "[code]")
    assert "[code]" in masked
    assert code_in(masked) is None
    assert not re.search(r"4821|7730|1963", masked)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Ik heb geen code.",
        "070 - 2002 532",
        "070-2002532",
        "0702002532",
        "070 - 3 499 576",
        "06 12345678",
        "06-1234 5678",
        "+31 6 1234 5678",
        "+31612345678",
        "0031 6 12345678",
        "0031612345678",
        "KVK 12345678",
        "1234 5678",
        "12.345.678",
        "123456789",
        "12345678901",
        "1234567890123",
        "4821-7730-196",
        "4821-7730-19634",
        "14821-7730-1963",
        "4821-7730-1963-5512",
        "5512-4821-7730-1963",
        "4821.7730.1963",
        "48 21 77 30 19 63",
        "482 177 301 963",
        "AB12-CD34-EF56",
        "A821-7730-1963-B",
        "1A2B-3C4D-5E6F-7G8H",
        "31-12-2026",
        "2025-2026",
        "€ 25.000.000",
        "2509 LK Den Haag",
        "NL91 ABNA 0417 1643 00",
    ],
)
def test_what_is_no_code(text: str) -> None:
    assert code_in(text) is None
    assert mask_code(text, "[code]") == text


@pytest.mark.parametrize("text", ["4821 7730 1963 5512", "Mijn kaart is 4821 7730 1963 5512.", "5512 4821 7730 1963"])
def test_sixteen_digits_are_no_code(text: str) -> None:
    """Written in fours, as on a card: not twelve of them."""
    assert code_in(text) is None


@pytest.mark.parametrize(
    "text", ["4821 - 7730 - 1963", "4821–7730–1963", "4821-7730 -1963", "4821\u00a07730\u00a01963"]
)
def test_a_code_as_people_and_phones_write_it(text: str) -> None:
    assert code_in(text) == CODE
    assert mask_code(text, "[code]") == "[code]"


def test_two_codes_are_none_and_both_are_masked() -> None:
    text = f"{CODE} of 1111-2222-3333"
    assert code_in(text) is None
    assert mask_code(text, "[code]") == "[code] of [code]"


def test_a_code_is_no_activation_code_and_the_other_way_round() -> None:
    assert not ACTIVATION.search(f"De code is {CODE}")
    for code in ("AB12-CD34", "1A2B-3C4D-5E6F", "A1B2-C3D4-E5F6-G7H8"):
        assert ACTIVATION.search(code)
        assert code_in(code) is None


def test_only_a_hash_is_kept() -> None:
    assert re.fullmatch("[0-9a-f]{64}", hash_of(CODE))
    assert hash_of(CODE) == hash_of(str(code_in("4821 7730 1963")))
    assert hash_of(CODE) != hash_of("4821-7730-1964")


@given(st.text(max_size=300))
def test_any_text_at_all(text: str) -> None:
    found = code_in(text)
    assert found is None or re.fullmatch(r"[0-9]{4}-[0-9]{4}-[0-9]{4}", found)
    assert code_in(mask_code(text, "…")) is None
