"""Signing in with a password, a link, or the organisation's account; and what it costs to guess."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from argon2 import PasswordHasher
from sqlalchemy import event

from bot.staff.passwords import Passwords, TooShort
from bot.staff.signing_in import LinkUsedUp, Refused, SigningIn, Unknown
from tests.staff.conftest import KEY, PASSWORD, House

WRONG = "een andere lange zin"
HERE = "203.0.113.9"


def fails(house: House, email: str, password: str = WRONG) -> bool:
    try:
        house.signing_in.by_password(email, password, HERE)
    except Refused:
        return True
    return False


class Counting(Passwords):
    """Remembers with what it was asked to compare."""

    def __init__(self) -> None:
        super().__init__(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
        self.compared: list[bool] = []

    def is_right(self, kept: str | None, password: str) -> bool:
        self.compared.append(kept is not None)
        return super().is_right(kept, password)


# ---- passwords


def test_the_right_password_opens_a_session(house: House) -> None:
    anna = house.member()
    token = house.signing_in.by_password(" ANNA@example.org ", PASSWORD, HERE)
    assert house.sessions.find(token).id == anna.id
    assert house.audit()[-1] == ("sign_in", anna.id, anna.id)


def test_wrong_unknown_off_without_password_and_locked_are_the_same_work(house: House) -> None:
    """No way to find out which accounts there are: one comparison each, and one row in the audit each."""
    counting = Counting()
    signing_in = SigningIn(house.engine, house.sessions, KEY, hasher=counting)
    anna, off, locked = (house.member(f"{name}@example.org") for name in ("anna", "off", "locked"))
    house.accounts.change(off.id, is_active=False)
    new = house.accounts.create("new@example.org", "New", ["editor"])
    for _ in range(5):
        assert fails(house, locked.email)
    before = len(house.actions())
    for email, password in [
        (anna.email, WRONG), ("nobody@example.org", WRONG), ("", ""), ("a\0b", WRONG), (new.email, ""),
        (off.email, PASSWORD), (locked.email, PASSWORD),
    ]:  # fmt: skip
        with pytest.raises(Refused):
            signing_in.by_password(email, password, HERE)
    assert counting.compared == [True] + [False] * 6
    assert house.actions()[before:] == ["sign_in_failed"] * 7


def test_who_fails_writes_once_whoever_it_is(house: House) -> None:
    """A disk takes milliseconds for each write: a second one for accounts that there are would give them away."""
    anna = house.member()
    commits: list[object] = []
    event.listen(house.engine, "commit", commits.append)
    for email in (anna.email, "nobody@example.org"):
        commits.clear()
        assert fails(house, email)
        assert len(commits) == 1, email


def test_who_is_right_leaves_no_failure_behind(house: House) -> None:
    anna = house.member()
    for _ in range(4):
        fails(house, anna.email)
    before = house.actions()
    assert not fails(house, anna.email, PASSWORD), "the fifth, which would have locked it"
    assert house.actions() == [*before, "sign_in"]
    token = house.sessions.open(anna.id)
    house.signing_in.change_password(anna.id, PASSWORD, "een nieuwe lange zin", token, HERE)
    assert house.actions() == [*before, "sign_in", "password_changed"]


def test_five_wrong_in_a_row_lock_for_a_quarter_of_an_hour(house: House) -> None:
    anna = house.member()
    assert [fails(house, anna.email) for _ in range(5)] == [True] * 5
    assert house.actions()[-6:] == ["sign_in_failed"] * 5 + ["locked"]
    assert fails(house, anna.email, PASSWORD)
    house.later("staff_accounts", "locked_until", minutes=14)
    assert fails(house, anna.email, PASSWORD), "and what was tried meanwhile did not prolong it"
    house.later("staff_accounts", "locked_until", minutes=1)
    assert not fails(house, anna.email, PASSWORD)


def test_four_wrong_and_a_right_one_start_counting_anew(house: House) -> None:
    anna = house.member()
    for _ in range(3):
        assert [fails(house, anna.email) for _ in range(4)] == [True] * 4
        assert not fails(house, anna.email, PASSWORD)
    assert "locked" not in house.actions()


def test_after_a_lock_there_are_five_tries_again(house: House) -> None:
    anna = house.member()
    for _ in range(5):
        fails(house, anna.email)
    house.later("staff_accounts", "locked_until", minutes=16)
    assert [fails(house, anna.email) for _ in range(4)] == [True] * 4
    assert not fails(house, anna.email, PASSWORD)


def test_many_at_once_get_no_more_tries_than_one_after_the_other(house: House) -> None:
    anna, counting = house.member(), Counting()
    signing_in = SigningIn(house.engine, house.sessions, KEY, hasher=counting)

    def guess(number: int) -> None:
        with pytest.raises(Refused):
            signing_in.by_password(anna.email, f"{WRONG} {number}", HERE)

    with ThreadPoolExecutor(12) as pool:
        list(pool.map(guess, range(24)))
    assert counting.compared.count(True) == 5
    assert len(counting.compared) == 24


def test_a_lock_is_of_one_account(house: House) -> None:
    anna, bram = house.member(), house.member("bram@example.org")
    for _ in range(5):
        fails(house, anna.email)
    assert not fails(house, bram.email, PASSWORD)


def test_an_address_is_the_same_however_it_is_written(house: House) -> None:
    house.accounts.create("jos\u00e9@b\u00fccher.example", "José", ["editor"])
    for written in ("JOSE\u0301@B\u00dcCHER.example", "jos\u00e9@xn--bcher-kva.example"):
        assert house.accounts.by_email(written) is not None, written
    assert house.signing_in.by_provider("https://login.example.org", "jose", "jos\u00e9@xn--bcher-kva.example")


def test_a_password_of_older_costs_is_hashed_anew(house: House) -> None:
    anna = house.member()
    dearer = Passwords(PasswordHasher(time_cost=2, memory_cost=16, parallelism=1))
    SigningIn(house.engine, house.sessions, KEY, hasher=dearer).by_password(anna.email, PASSWORD, HERE)
    [(kept,)] = house.rows("SELECT password_hash FROM staff_accounts")
    assert not dearer.is_outdated(kept)
    assert dearer.is_right(kept, PASSWORD)


class Meanwhile(Passwords):
    """While it compares, something happens."""

    def __init__(self, happens: object) -> None:
        super().__init__(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
        self.happens = happens

    def is_right(self, kept: str | None, password: str) -> bool:
        self.happens()  # type: ignore[operator]
        return super().is_right(kept, password)


def test_who_is_switched_off_while_the_password_is_compared_does_not_get_in(house: House) -> None:
    anna = house.member()
    meanwhile = Meanwhile(lambda: house.accounts.change(anna.id, is_active=False))
    with pytest.raises(Refused):
        SigningIn(house.engine, house.sessions, KEY, hasher=meanwhile).by_password(anna.email, PASSWORD, HERE)
    assert house.rows("SELECT count(*) FROM staff_sessions") == [(0,)]


# ---- links


def test_a_link_works_once(house: House) -> None:
    anna = house.accounts.create("anna@example.org", "Anna", ["editor"])
    link = house.accounts.link(anna.id)
    assert house.signing_in.link_holder(link).id == anna.id
    assert house.signing_in.link_holder(link).id == anna.id, "looking does not use it up"
    assert house.sessions.find(house.signing_in.by_link(link, PASSWORD)).is_set_up
    for again in (lambda: house.signing_in.link_holder(link), lambda: house.signing_in.by_link(link, PASSWORD)):
        with pytest.raises(LinkUsedUp):
            again()
    assert house.actions() == ["account_added", "link_made", "link_used", "password_changed", "sign_in"]
    assert not fails(house, anna.email, PASSWORD)


def test_of_many_who_use_a_link_at_once_one_gets_in(house: House) -> None:
    anna = house.accounts.create("anna@example.org", "Anna", ["editor"])
    link = house.accounts.link(anna.id)

    def use(number: int) -> str:
        try:
            return house.signing_in.by_link(link, f"{PASSWORD} {number}")
        except LinkUsedUp:
            return ""

    with ThreadPoolExecutor(8) as pool:
        assert sum(bool(token) for token in pool.map(use, range(16))) == 1


def test_a_password_that_may_not_be_chosen_does_not_use_the_link_up(house: House) -> None:
    link = house.accounts.link(house.accounts.create("anna@example.org", "Anna", ["editor"]).id)
    with pytest.raises(TooShort):
        house.signing_in.by_link(link, "kort")
    assert house.signing_in.by_link(link, PASSWORD)


def test_a_link_is_good_for_a_day(house: House) -> None:
    link = house.accounts.link(house.accounts.create("anna@example.org", "Anna", ["editor"]).id)
    house.later("sign_in_links", "expires_at", minutes=24 * 60 - 1)
    assert house.signing_in.link_holder(link)
    house.later("sign_in_links", "expires_at", minutes=1)
    with pytest.raises(LinkUsedUp):
        house.signing_in.by_link(link, PASSWORD)


def test_a_new_link_ends_the_one_before(house: House) -> None:
    anna = house.accounts.create("anna@example.org", "Anna", ["editor"])
    first, second = house.accounts.link(anna.id), house.accounts.link(anna.id)
    with pytest.raises(LinkUsedUp):
        house.signing_in.link_holder(first)
    assert house.signing_in.link_holder(second)


@pytest.mark.parametrize("forged", ["", "x", "a" * 43, "a" * 5000, "\udcff", "\0"])
def test_a_forged_link_opens_nothing(house: House, forged: str) -> None:
    house.accounts.link(house.accounts.create("anna@example.org", "Anna", ["editor"]).id)
    with pytest.raises(LinkUsedUp):
        house.signing_in.link_holder(forged)


def test_a_link_opens_a_locked_account_and_ends_its_sessions(house: House) -> None:
    anna = house.member()
    stolen = house.sessions.open(anna.id)
    for _ in range(5):
        fails(house, anna.email)
    token = house.signing_in.by_link(house.accounts.link(anna.id), "een nieuwe lange zin")
    assert house.sessions.find(stolen) is None
    assert house.sessions.find(token) is not None
    assert not fails(house, anna.email, "een nieuwe lange zin")
    assert fails(house, anna.email, PASSWORD)


# ---- changing it


def test_a_new_password_ends_the_other_sessions_and_the_link(house: House) -> None:
    anna = house.member()
    here, there, link = house.sessions.open(anna.id), house.sessions.open(anna.id), house.accounts.link(anna.id)
    house.signing_in.change_password(anna.id, PASSWORD, "een nieuwe lange zin", here, HERE)
    assert house.sessions.find(here) is not None
    assert house.sessions.find(there) is None
    with pytest.raises(LinkUsedUp):
        house.signing_in.link_holder(link)
    assert fails(house, anna.email, PASSWORD)
    assert not fails(house, anna.email, "een nieuwe lange zin")


def test_a_browser_that_was_left_open_is_no_place_to_guess(house: House) -> None:
    anna = house.member()
    here = house.sessions.open(anna.id)
    for _ in range(5):
        with pytest.raises(Refused):
            house.signing_in.change_password(anna.id, WRONG, "een nieuwe lange zin", here, HERE)
    with pytest.raises(Refused):
        house.signing_in.change_password(anna.id, PASSWORD, "een nieuwe lange zin", here, HERE)
    assert fails(house, anna.email, PASSWORD), "it is locked"


# ---- the organisation's account

ISSUER = "https://login.example.org"


def test_a_provider_is_believed_by_subject_and_at_first_by_verified_email(house: House) -> None:
    anna = house.accounts.create("anna@example.org", "Anna", ["editor"])
    token = house.signing_in.by_provider(ISSUER, "subject-1", "Anna@Example.org")
    assert house.sessions.find(token).id == anna.id
    assert house.sessions.find(house.signing_in.by_provider(ISSUER, "subject-1", None)).id == anna.id
    assert house.actions() == ["account_added", "provider_linked", "sign_in", "sign_in"]
    assert "subject-1" not in repr(house.rows("SELECT * FROM staff_accounts"))


@pytest.mark.parametrize(
    ("issuer", "subject", "email"),
    [
        (ISSUER, "subject-2", "anna@example.org"),
        (ISSUER, "subject-2", None),
        ("https://other.example.org", "subject-1", None),
        (ISSUER, "subject-3", "nobody@example.org"),
        (ISSUER, "subject-3", "a\0b"),
        (ISSUER, "", ""),
    ],
    ids=["another with her address", "without an address", "of another provider", "unknown", "NUL", "empty"],
)
def test_nobody_else_gets_in(house: House, issuer: str, subject: str, email: str | None) -> None:
    house.accounts.create("anna@example.org", "Anna", ["editor"])
    house.signing_in.by_provider(ISSUER, "subject-1", "anna@example.org")
    with pytest.raises(Unknown):
        house.signing_in.by_provider(issuer, subject, email)
    assert house.actions()[-1] == "sign_in_failed"


@pytest.mark.parametrize("known", [True, False])
def test_who_is_switched_off_does_not_get_in_by_a_provider(house: House, known: bool) -> None:
    anna = house.accounts.create("anna@example.org", "Anna", ["editor"])
    if known:
        house.signing_in.by_provider(ISSUER, "subject-1", "anna@example.org")
    house.accounts.change(anna.id, is_active=False)
    with pytest.raises(Unknown):
        house.signing_in.by_provider(ISSUER, "subject-1", "anna@example.org")
