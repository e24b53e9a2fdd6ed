"""Sessions: nobody else's token, not for ever, and none of what is kept opens one."""

from __future__ import annotations

import pytest

from bot.staff.sessions import MOST_PER_ACCOUNT, SessionStore
from tests.staff.conftest import KEY, House


def test_a_token_opens_its_own_session_alone(house: House) -> None:
    anna, bram = house.member(), house.member("bram@example.org")
    of_anna, of_bram = house.sessions.open(anna.id), house.sessions.open(bram.id)
    assert house.sessions.find(of_anna).id == anna.id
    assert house.sessions.find(of_bram).id == bram.id


@pytest.mark.parametrize("forged", ["", "x", "a" * 43, "a" * 5000, "\udcff", "\0", "' OR 1=1 --"])
def test_a_forged_token_opens_nothing(house: House, forged: str) -> None:
    house.sessions.open(house.member().id)
    assert house.sessions.find(forged) is None


def test_what_is_kept_opens_nothing(house: House) -> None:
    token = house.sessions.open(house.member().id)
    [row] = house.rows("SELECT id, token_hash, account_id FROM staff_sessions")
    assert token not in row
    assert [house.sessions.find(kept) for kept in row] == [None, None, None]


def test_a_session_that_was_ended_cannot_be_replayed(house: House) -> None:
    anna = house.member()
    token, other = house.sessions.open(anna.id), house.sessions.open(anna.id)
    house.sessions.end(token)
    assert house.sessions.find(token) is None
    assert house.sessions.find(other) is not None
    assert house.audit()[-1] == ("sign_out", anna.id, None)
    house.sessions.end_all(anna.id)
    assert house.sessions.find(other) is None


def test_all_but_one_can_be_ended(house: House) -> None:
    anna = house.member()
    here, there = house.sessions.open(anna.id), house.sessions.open(anna.id)
    house.sessions.end_all(anna.id, but=here)
    assert house.sessions.find(here) is not None
    assert house.sessions.find(there) is None


def test_a_session_ends_after_twelve_hours_however_busy(house: House) -> None:
    token = house.sessions.open(house.member().id)
    house.later("staff_sessions", "expires_at", minutes=12 * 60 - 1)
    assert house.sessions.find(token) is not None
    house.later("staff_sessions", "expires_at", minutes=2)
    assert house.sessions.find(token) is None


def test_a_session_that_rests_for_two_hours_ends(house: House) -> None:
    token = house.sessions.open(house.member().id)
    house.later("staff_sessions", "last_seen_at", minutes=119)
    assert house.sessions.find(token) is not None, "and that is noted"
    house.later("staff_sessions", "last_seen_at", minutes=119)
    assert house.sessions.find(token) is not None
    house.later("staff_sessions", "last_seen_at", minutes=121)
    assert house.sessions.find(token) is None


def test_roles_are_those_of_now(house: House) -> None:
    anna = house.member()
    token = house.sessions.open(anna.id)
    house.accounts.change(anna.id, roles=["editor"])
    assert house.sessions.find(token).roles == {"editor"}


def test_an_account_keeps_a_bounded_number_of_sessions(house: House) -> None:
    anna, bram = house.member(), house.member("bram@example.org")
    of_bram = house.sessions.open(bram.id)
    tokens = [house.sessions.open(anna.id) for _ in range(MOST_PER_ACCOUNT + 5)]
    assert [house.sessions.find(token) is not None for token in tokens] == [False] * 5 + [True] * MOST_PER_ACCOUNT
    assert house.sessions.find(of_bram) is not None


def test_the_csrf_token_belongs_to_one_session_and_one_installation(house: House) -> None:
    right = house.sessions.csrf_token("token")
    assert house.sessions.is_csrf_token("token", right)
    assert not house.sessions.is_csrf_token("another", right)
    for wrong in ("", right[:-1], right.upper(), "token", "\udcff"):
        assert not house.sessions.is_csrf_token("token", wrong)
    assert SessionStore(house.engine, KEY[::-1]).csrf_token("token") != right


def test_what_has_expired_is_forgotten(house: House) -> None:
    anna = house.member()
    house.sessions.open(anna.id)
    house.accounts.link(anna.id)
    house.sessions.forget()
    count = "SELECT (SELECT count(*) FROM staff_sessions), (SELECT count(*) FROM sign_in_links)"
    assert house.rows(count) == [(1, 1)]
    house.later("staff_sessions", "last_seen_at", minutes=121)
    house.later("sign_in_links", "expires_at", minutes=24 * 60 + 1)
    house.sessions.forget()
    assert house.rows(count) == [(0, 0)]
