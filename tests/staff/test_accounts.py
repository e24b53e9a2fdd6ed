"""Accounts: who they are, what they may do, who is there, and that somebody can always manage them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from bot.staff.accounts import (
    BadEmail,
    BadName,
    BadRoles,
    EmailTaken,
    LastAdmin,
    NoSuchAccount,
    StaffError,
    SwitchedOff,
    normal_email,
)
from bot.staff.signing_in import LinkUsedUp
from bot.texts import catalogue
from tests.staff.conftest import House


def test_an_account_is_found_as_it_was_made(house: House) -> None:
    made = house.accounts.create("Anna.Agent@Example.ORG ", "  Anna   Agent ", ["agent", "editor"], ["charter"], "en")
    assert (made.email, made.name, made.language) == ("anna.agent@example.org", "Anna Agent", "en")
    assert (made.roles, made.desks) == ({"agent", "editor"}, {"charter"})
    assert (made.is_active, made.is_set_up, made.takes_chats) == (True, False, False)
    assert house.accounts.by_id(made.id) == made == house.accounts.by_email("ANNA.agent@example.org")
    assert house.accounts.by_id("nobody") is None
    assert house.accounts.by_email("nobody@example.org") is None


def test_an_admin_may_everything_and_others_what_their_roles_say(house: House) -> None:
    editor = house.accounts.create("e@example.org", "E", ["editor"])
    admin = house.accounts.create("a@example.org", "A", ["admin"])
    assert editor.may("editor") and not editor.may("agent") and not editor.may("admin")
    assert all(admin.may(role) for role in ("agent", "editor", "analyst", "taskforce", "admin"))


@pytest.mark.parametrize(
    "email", ["", "anna", "anna@", "@example.org", "a b@example.org", "a@b@c.nl", "a\0@example.org"]
)
def test_a_bad_address_is_refused(email: str) -> None:
    with pytest.raises(BadEmail):
        normal_email(email)


@pytest.mark.parametrize("name", ["", "  ", "x" * 101, "Anna\u202eagent", "An\0na"])
def test_a_bad_name_is_refused(house: House, name: str) -> None:
    with pytest.raises(BadName):
        house.accounts.create("a@example.org", name, ["admin"])


@pytest.mark.parametrize(
    ("roles", "desks", "language"),
    [
        ((), (), "nl"),
        (("boss",), (), "nl"),
        (("agent",), (), "nl"),
        (("agent",), ("desk",), "nl"),
        (("admin",), (), "de"),
    ],
)
def test_bad_roles_are_refused(house: House, roles: tuple[str, ...], desks: tuple[str, ...], language: str) -> None:
    with pytest.raises(BadRoles):
        house.accounts.create("a@example.org", "A", roles, desks, language)
    assert house.accounts.all() == []


def test_an_address_has_one_account(house: House) -> None:
    house.accounts.create("a@example.org", "A", ["admin"])
    with pytest.raises(EmailTaken):
        house.accounts.create("A@EXAMPLE.org", "Another", ["admin"])


def test_of_many_at_once_one_gets_the_address(house: House) -> None:
    def make(number: int) -> str:
        try:
            return house.accounts.create("a@example.org", f"A {number}", ["admin"]).id
        except EmailTaken:
            return ""

    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(make, range(16)))
    assert sum(map(bool, made)) == 1
    assert len(house.accounts.all()) == 1


def test_changes_replace_what_was_given_and_leave_the_rest(house: House) -> None:
    by = house.accounts.create("admin@example.org", "Admin", ["admin"])
    made = house.accounts.create("a@example.org", "A", ["agent"], ["portal"])
    changed = house.accounts.change(made.id, roles=["agent", "analyst"], desks=["charter"], by=by.id)
    assert (changed.roles, changed.desks, changed.name) == ({"agent", "analyst"}, {"charter"}, "A")
    assert house.accounts.change(made.id, name="B").name == "B"
    assert house.accounts.by_id(made.id) == house.accounts.change(made.id)
    with pytest.raises(BadRoles):
        house.accounts.change(made.id, desks=[])
    with pytest.raises(NoSuchAccount):
        house.accounts.change("nobody", name="X")
    assert house.audit()[2:] == [("account_changed", by.id, made.id), ("account_changed", None, made.id)]


def test_somebody_can_always_manage_accounts(house: House) -> None:
    first = house.accounts.create("a@example.org", "A", ["admin"])
    with pytest.raises(LastAdmin):
        house.accounts.change(first.id, is_active=False)
    with pytest.raises(LastAdmin):
        house.accounts.change(first.id, roles=["editor"])
    second = house.accounts.create("b@example.org", "B", ["admin"])
    assert not house.accounts.change(first.id, is_active=False).is_active
    with pytest.raises(LastAdmin):
        house.accounts.change(second.id, roles=["editor"])
    assert house.accounts.by_id(second.id).roles == {"admin"}


def test_two_admins_who_remove_each_other_do_not_both_succeed(house: House) -> None:
    pair = [house.accounts.create(f"{name}@example.org", name, ["admin"]) for name in "ab"]

    def remove(account_id: str) -> bool:
        try:
            house.accounts.change(account_id, roles=["editor"])
        except LastAdmin:
            return False
        return True

    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(remove, [one.id for one in pair]))
    assert sorted(done) == [False, True]


def test_switching_off_ends_sessions_and_links_at_once(house: House) -> None:
    anna = house.member()
    token, link = house.sessions.open(anna.id), house.accounts.link(anna.id)
    house.accounts.set_takes_chats(anna.id, True)
    house.accounts.seen(anna.id)
    assert house.accounts.present("portal") == 1
    off = house.accounts.change(anna.id, is_active=False)
    assert (off.is_active, off.takes_chats, house.accounts.present("portal")) == (False, False, 0)
    assert house.sessions.find(token) is None
    assert house.rows("SELECT count(*) FROM staff_sessions") == [(0,)]
    with pytest.raises(SwitchedOff):
        house.accounts.link(anna.id)
    house.accounts.change(anna.id, is_active=True)
    assert house.sessions.find(token) is None, "what was ended stays ended"
    with pytest.raises(LinkUsedUp):
        house.signing_in.link_holder(link)
    assert house.actions()[-2:] == ["account_disabled", "account_enabled"]


def test_who_is_present_takes_chats_for_the_desk_and_was_seen_just_now(house: House) -> None:
    anna = house.member()
    both = house.member("b@example.org", desks=("portal", "charter"))
    editor = house.accounts.create("e@example.org", "E", ["editor"], ["portal"])
    boss = house.accounts.create("boss@example.org", "Boss", ["admin"], ["charter"])
    for one in (anna, both, editor, boss):
        house.accounts.set_takes_chats(one.id, True)
        house.accounts.seen(one.id)
    assert (house.accounts.present("portal"), house.accounts.present("charter")) == (2, 2)
    house.accounts.set_takes_chats(anna.id, False)
    assert house.accounts.present("portal") == 1
    house.later("staff_accounts", "seen_at", minutes=1)
    assert house.accounts.present("charter") == 2
    house.later("staff_accounts", "seen_at", minutes=1)
    assert house.accounts.present("charter") == 0


def test_everybody_is_listed_by_name_and_who_is_switched_off_last(house: House) -> None:
    made = [house.accounts.create(f"{name}@example.org", name.upper(), ["admin"]) for name in "cab"]
    house.accounts.change(made[1].id, is_active=False)
    assert [one.name for one in house.accounts.all()] == ["B", "C", "A"]


def test_everybody_chooses_their_own_language(house: House) -> None:
    made = house.accounts.create("a@example.org", "A", ["admin"])
    house.accounts.set_language(made.id, "en")
    assert house.accounts.by_id(made.id).language == "en"
    with pytest.raises(BadRoles):
        house.accounts.set_language(made.id, "fr")


def test_every_problem_has_its_words() -> None:
    keys = {problem.key for problem in (StaffError, *StaffError.__subclasses__())}
    assert len(keys) > 7
    assert keys <= set(catalogue("nl"))
