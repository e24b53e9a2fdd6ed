"""Looks at what is filled in at registration: a KVK number and two contacts. The form only: nothing is looked up.

The rules come from the source `aanmelden`: the KVK number, and the names and e-mail addresses of two contacts, each
with an address of their own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from email_validator import EmailNotValidError, validate_email

from bot.texts import text

CONTACTS = 2
SHORTEST_NAME, LONGEST_NAME = 2, 100


@dataclass(frozen=True)
class Problem:
    """Something that is not right."""

    field: str
    """`kvk_number`, `contacts`, or `contacts.0.name` and `contacts.0.email`, counted from 0."""
    key: str
    """Of the text catalogue."""


def kvk_number(text: str) -> str:
    """The eight digits of a KVK number; spaces and dots are forgiven.

    Raises ValueError with the key of the text that says what it is instead.
    """
    digits = re.sub(r"[\s.]", "", text)
    if not digits:
        raise ValueError("registration.kvk.empty")
    if not re.fullmatch("[0-9]+", digits):
        raise ValueError("registration.kvk.letters")
    if len(digits) == 12:
        raise ValueError("registration.kvk.establishment")
    if len(digits) == 9:
        raise ValueError("registration.kvk.rsin")
    if len(digits) != 8:
        raise ValueError("registration.kvk.length")
    if not digits.strip("0"):
        raise ValueError("registration.kvk.zeros")
    return digits


def email_address(text: str) -> str:
    """An e-mail address as it is written normally. Whether it exists is not looked up.

    Raises ValueError with the key of the text that says what is wrong.
    """
    if not text.strip():
        raise ValueError("registration.email.empty")
    try:
        return validate_email(text.strip(), check_deliverability=False, strict=True).normalized
    except EmailNotValidError:
        raise ValueError("registration.email.wrong") from None


def person_name(text: str) -> str:
    """A name of 2 to 100 characters, without the spaces around it.

    Raises ValueError with the key of the text that says what is wrong.
    """
    name = text.strip()
    if not name:
        raise ValueError("registration.name.empty")
    if not SHORTEST_NAME <= len(name) <= LONGEST_NAME:
        raise ValueError("registration.name.length")
    if not any(sign.isalpha() for sign in name):
        raise ValueError("registration.name.letters")
    return name


def _problems(number: str, contacts: Sequence[tuple[str, str]]) -> Iterator[Problem]:
    try:
        kvk_number(number)
    except ValueError as problem:
        yield Problem("kvk_number", str(problem))
    if len(contacts) != CONTACTS:
        yield Problem("contacts", "registration.contacts.two")
    addresses: list[str] = []
    for at, (name, email) in enumerate(contacts[:CONTACTS]):
        try:
            person_name(name)
        except ValueError as problem:
            yield Problem(f"contacts.{at}.name", str(problem))
        try:
            address = email_address(email).casefold()
        except ValueError as problem:
            yield Problem(f"contacts.{at}.email", str(problem))
            continue
        if address in addresses:
            yield Problem(f"contacts.{at}.email", "registration.email.same")
        addresses.append(address)


def check(kvk_number: str, contacts: Sequence[tuple[str, str]]) -> list[Problem]:
    """What is not right, in the order of the form; nothing when all is well-formed.

    contacts: the name and the e-mail address of each.
    """
    return list(_problems(kvk_number, contacts))


def _label(field: str, language: str) -> str:
    if not field.startswith("contacts."):
        return text(f"registration.field.{field}", language)
    _, at, part = field.split(".")
    return text(f"registration.field.{part}", language, number=int(at) + 1)


def said(problems: Sequence[Problem], language: str) -> str:
    """What was seen, in words, as Markdown."""
    not_kept = text("registration.not_kept", language)
    if not problems:
        return "\n\n".join([text("registration.fine", language), text("registration.limits", language), not_kept])
    lines = [f"- **{_label(problem.field, language)}:** {text(problem.key, language)}" for problem in problems]
    return "\n\n".join([text("registration.problems", language), "\n".join(lines), not_kept])
