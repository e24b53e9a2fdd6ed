"""The form of a registration: a KVK number and two contacts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.guides.registration import Problem, check, email_address, kvk_number, person_name, said
from bot.texts import catalogue, texts_under

GOOD = [("Anna de Vries", "anna@bedrijf.nl"), ("Ömer Yılmaz", "omer@bedrijf.nl")]


@pytest.mark.parametrize(
    "text", ["12345678", " 12345678 ", "12 34 56 78", "1234.5678", "12\u00a0345\t678\n", "00000001"]
)
def test_eight_digits(text: str) -> None:
    digits = kvk_number(text)
    assert len(digits) == 8
    assert digits == "".join(sign for sign in text if sign in "0123456789")


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("", "empty"),
        (" . ", "empty"),
        ("KVK 12345678", "letters"),
        ("NL123456789B01", "letters"),
        ("1234-5678", "letters"),
        ("١٢٣٤٥٦٧٨", "letters"),
        ("1234567²", "letters"),
        ("123456780001", "establishment"),
        ("1234 5678 0001", "establishment"),
        ("123456789", "rsin"),
        ("00000000", "zeros"),
        ("1234567", "length"),
        ("1234567890", "length"),
        ("1" * 100_000, "length"),
    ],
)
def test_what_is_no_kvk_number_says_why(text: str, key: str) -> None:
    with pytest.raises(ValueError, match=rf"^registration\.kvk\.{key}$"):
        kvk_number(text)


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        (" Anna@Bedrijf.NL ", "Anna@bedrijf.nl"),
        ("anna+ser@bedrijf.nl", "anna+ser@bedrijf.nl"),
        ("anna@büro.example.de", "anna@büro.example.de"),
        ("o'brien@bedrijf.nl", "o'brien@bedrijf.nl"),
    ],
)
def test_addresses(text: str, normal: str) -> None:
    assert email_address(text) == normal


@pytest.mark.parametrize(
    "text",
    [
        "anna", "anna@", "@bedrijf.nl", "anna@bedrijf", "anna@@bedrijf.nl", "anna@bedrijf..nl", "a b@bedrijf.nl",
        "anna@localhost", "anna@127.0.0.1", "anna@[127.0.0.1]", "Anna <anna@bedrijf.nl>", "a@b.nl, c@d.nl",
        "anna@bedrijf.nl\nbcc: x@y.nl", "x" * 65 + "@bedrijf.nl", "a@" + "b" * 300 + ".nl", "mailto:a@b@c.nl",
    ],
)  # fmt: skip
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(ValueError, match=r"^registration\.email\.wrong$"):
        email_address(text)


def test_no_address_is_something_else() -> None:
    with pytest.raises(ValueError, match=r"^registration\.email\.empty$"):
        email_address("  ")


@pytest.mark.parametrize("text", ["Jo", "李明", "M. van der Berg-O'Neill", "x" * 100, "  Anna  "])
def test_names(text: str) -> None:
    assert person_name(text) == text.strip()


@pytest.mark.parametrize(
    ("text", "key"), [("", "empty"), (" ", "empty"), ("A", "length"), ("x" * 101, "length"), ("12 34", "letters")]
)
def test_what_is_no_name(text: str, key: str) -> None:
    with pytest.raises(ValueError, match=rf"^registration\.name\.{key}$"):
        person_name(text)


def test_all_is_well() -> None:
    assert check("12 34 56 78", GOOD) == []


@pytest.mark.parametrize("contacts", [[], GOOD[:1], [*GOOD, ("Derde Persoon", "derde@bedrijf.nl")]])
def test_two_contacts_and_no_other_number(contacts: list[tuple[str, str]]) -> None:
    assert check("12345678", contacts) == [Problem("contacts", "registration.contacts.two")]


@pytest.mark.parametrize("other", ["anna@bedrijf.nl", "ANNA@bedrijf.nl", " anna@BEDRIJF.nl "])
def test_each_contact_has_an_address_of_their_own(other: str) -> None:
    found = check("12345678", [GOOD[0], ("Bob", other)])
    assert found == [Problem("contacts.1.email", "registration.email.same")]


def test_what_is_different_is_different() -> None:
    assert check("12345678", [GOOD[0], ("Anna de Vries", "anna+2@bedrijf.nl")]) == []


def test_two_wrong_addresses_are_wrong_rather_than_the_same() -> None:
    found = check("12345678", [("Anna", "x"), ("Bob", "x")])
    assert [problem.key for problem in found] == ["registration.email.wrong"] * 2


def test_everything_wrong_is_said_in_the_order_of_the_form() -> None:
    assert check("", [("", ""), ("1", "x")]) == [
        Problem("kvk_number", "registration.kvk.empty"),
        Problem("contacts.0.name", "registration.name.empty"),
        Problem("contacts.0.email", "registration.email.empty"),
        Problem("contacts.1.name", "registration.name.length"),
        Problem("contacts.1.email", "registration.email.wrong"),
    ]


@pytest.mark.parametrize(
    ("language", "fine", "only", "kept"),
    [
        ("nl", "goed ingevuld", "nog niet aangemeld", "Wat u invulde, is niet bewaard."),
        ("en", "well-formed", "Nor does this register you", "What you filled in was not kept."),
    ],
)
def test_what_is_said(language: str, fine: str, only: str, kept: str) -> None:
    good = said([], language)
    assert fine in good and only in good and good.endswith(kept)
    wrong = said(check("123456789", [GOOD[0], ("Bob", "x")]), language)
    assert fine not in wrong and wrong.endswith(kept)
    lines = [line for line in wrong.splitlines() if line.startswith("- ")]
    assert len(lines) == 2
    assert "RSIN" in lines[0]
    assert {"nl": "E-mailadres van contactpersoon 2", "en": "E-mail address of contact 2"}[language] in lines[1]


@pytest.mark.parametrize("language", ["nl", "en"])
def test_every_problem_has_its_words(language: str) -> None:
    groups = ("kvk", "contacts", "name", "email")
    keys = [f"registration.{group}.{key}" for group in groups for key in texts_under(f"registration.{group}", language)]
    assert len(keys) == 13
    assert len({catalogue(language)[key] for key in keys}) == 13
    for field in ("kvk_number", "contacts", "contacts.0.name", "contacts.1.email"):
        assert "{" not in said([Problem(field, key) for key in keys], language)


@given(st.text(), st.lists(st.tuples(st.text(), st.text()), max_size=3))
def test_anything_is_looked_at(number: str, contacts: list[tuple[str, str]]) -> None:
    for problem in check(number, contacts):
        assert problem.key in catalogue("nl")
