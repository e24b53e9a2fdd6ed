"""Passwords: long, not the first that anybody tries, the same on every keyboard, and compared at equal cost."""

from __future__ import annotations

from unittest.mock import patch

import pytest
from argon2 import PasswordHasher, Type, extract_parameters

from bot.staff.passwords import BadPassword, LikeTheEmail, Passwords, TooCommon, TooLong, TooShort, check
from bot.texts import catalogue
from tests.staff.conftest import PASSWORD, quick

EMAIL = "anna.voorbeeld@helpdesk.example.org"


@pytest.mark.parametrize(
    "password", [PASSWORD, "x7Kq!pLm2#vT", "wolkenkrabber-fiets", "ünïcödé zinnen", "😀 vier paarse olifanten"]
)
def test_a_good_password_may_be_chosen(password: str) -> None:
    check(password, EMAIL)


@pytest.mark.parametrize(
    ("password", "problem"),
    [
        ("", TooShort),
        ("elf tekens!", TooShort),
        ("x" * 201, TooLong),
        ("Wachtwoord123!", TooCommon),
        ("welkom welkom", TooCommon),
        ("Welkom2026!!", TooCommon),
        ("123456789012", TooCommon),
        ("qwertyuiop12", TooCommon),
        ("aaaaaaaaaaaaaaaa", TooCommon),
        ("abababababababab", TooCommon),
        ("Correct Horse Battery Staple", TooCommon),
        (EMAIL, LikeTheEmail),
        (EMAIL.upper(), LikeTheEmail),
        ("anna.voorbeeld", LikeTheEmail),
        ("Anna.Voorbeeld2026!", LikeTheEmail),
        ("helpdesk.example.org", LikeTheEmail),
    ],
)
def test_a_bad_password_is_refused(password: str, problem: type[BadPassword]) -> None:
    with pytest.raises(problem):
        check(password, EMAIL)


def test_every_reason_has_its_words() -> None:
    keys = {problem.key for problem in (BadPassword, *BadPassword.__subclasses__())}
    assert len(keys) == 5
    assert keys <= set(catalogue("nl"))


def test_a_password_is_recognised_and_no_other() -> None:
    passwords = quick()
    kept = passwords.hash(PASSWORD)
    assert kept.startswith("$argon2id$") and PASSWORD not in kept
    assert kept != passwords.hash(PASSWORD), "salted"
    assert passwords.is_right(kept, PASSWORD)
    for wrong in ("", PASSWORD.upper(), PASSWORD + " ", "\udcff"):
        assert not passwords.is_right(kept, wrong)
    assert not passwords.is_right("not a hash", PASSWORD)


def test_an_accent_may_be_typed_in_either_way() -> None:
    passwords = quick()
    assert passwords.is_right(passwords.hash("caf\u00e9 om de hoek"), "cafe\u0301 om de hoek")


@pytest.mark.parametrize("passwords", [quick(), Passwords()], ids=["quick", "as it runs"])
def test_comparing_with_nothing_costs_as_much_and_is_never_right(passwords: Passwords) -> None:
    costs = []

    def verify(hasher: PasswordHasher, kept: str, password: bytes) -> bool:
        costs.append(extract_parameters(kept))
        return real(hasher, kept, password)

    real = PasswordHasher.verify
    kept = passwords.hash(PASSWORD)
    with patch.object(PasswordHasher, "verify", verify):
        assert not passwords.is_right(None, PASSWORD)
        assert not passwords.is_right(None, "")
        assert not passwords.is_right(kept, "wrong")
    assert len(costs) == 3
    assert costs[0] == costs[1] == costs[2]


def test_the_costs_are_those_that_rfc_9106_recommends() -> None:
    costs = extract_parameters(Passwords().hash(PASSWORD))
    assert costs.type is Type.ID
    assert costs.memory_cost >= 64 * 1024 and costs.time_cost >= 3
    assert Passwords().is_outdated(quick().hash(PASSWORD))
    assert not Passwords().is_outdated(Passwords().hash(PASSWORD))
