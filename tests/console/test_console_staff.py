"""The page of accounts: for admins alone, and nobody can be locked out of it for good."""

from __future__ import annotations

import re

import pytest

from bot.texts import text
from tests.console.conftest import Console, SignedIn

AN_AGENT = {
    "email": "nieuw@example.org",
    "name": "Nina Nieuw",
    "roles": ["agent"],
    "desks": ["charter"],
    "language": "en",
}


def link_in(page: str) -> str:
    found = re.search(r'value="(http[^"]+/console/link#[\w-]{43})"', page)
    assert found, page
    return found[1]


@pytest.mark.parametrize("role", ["agent", "editor", "analyst", "taskforce"])
def test_it_is_for_admins_alone(console: Console, admin: SignedIn, role: str) -> None:
    staff, path = console.signed_in(role), f"/console/staff/{admin.account.id}"
    assert staff.get("/console/staff/").status_code == 403
    assert staff.get(path).status_code == 403
    for place in ("/console/staff/", path, f"{path}/link", f"{path}/active"):
        reply = staff.post(place, data={**AN_AGENT, "active": "0"})
        assert reply.status_code == 403 and text("problem.role.title", "nl") in reply.text
        assert "/console/link#" not in reply.text
    assert console.accounts.by_email(AN_AGENT["email"]) is None  # type: ignore[arg-type]
    assert console.accounts.by_id(admin.account.id) == admin.account
    assert "/console/staff/" not in staff.get("/console/password").text


def test_an_account_is_added_with_a_link_that_works(console: Console, admin: SignedIn) -> None:
    page = admin.post("/console/staff/", data=AN_AGENT)
    assert page.status_code == 200
    made = console.accounts.by_email("nieuw@example.org")
    assert made is not None
    assert (made.name, made.roles, made.desks, made.language) == ("Nina Nieuw", {"agent"}, {"charter"}, "en")
    address, _, token = link_in(page.text).partition("#")
    assert address == f"{console.url}/console/link"
    assert console.signing_in.link_holder(token).id == made.id
    listed = admin.get("/console/staff/").text
    assert "Nina Nieuw" in listed and token not in listed
    query = "SELECT action FROM staff_audit WHERE account_id = :by AND subject = :id ORDER BY id"
    assert console.rows(query, by=admin.account.id, id=made.id) == [("account_added",), ("link_made",)]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"email": "geen adres"}, "email"),
        ({"name": " "}, "name"),
        ({"roles": []}, "roles"),
        ({"roles": ["boss"]}, "roles"),
        ({"desks": []}, "roles"),
        ({"desks": ["keuken"]}, "roles"),
        ({"language": "fr"}, "roles"),
    ],
)
def test_what_is_wrong_is_said_and_what_was_typed_stays(admin: SignedIn, wrong: dict[str, object], said: str) -> None:
    form = {**AN_AGENT, "email": "fout@example.org", "name": "Fred Fout", **wrong}
    page = admin.post("/console/staff/", data=form)
    assert page.status_code == 422
    assert text(f"staff.problem.{said}", "nl") in page.text
    assert f'value="{form["email"]}"' in page.text
    assert f'value="{form["name"]}"' in page.text


def test_an_address_that_is_taken_is_said(console: Console, admin: SignedIn) -> None:
    taken = console.account("editor")
    page = admin.post("/console/staff/", data={**AN_AGENT, "email": taken.email.upper()})
    assert page.status_code == 422 and text("staff.problem.email_taken", "nl") in page.text


def test_an_account_is_changed(console: Console, admin: SignedIn) -> None:
    account = console.account("agent")
    form = {"name": "Nieuwe Naam", "roles": ["agent", "analyst"], "desks": ["portal", "charter"], "language": "en"}
    page = admin.post(f"/console/staff/{account.id}", data={**form, "email": "other@example.org"})
    assert page.status_code == 200 and text("staff.account.changed", "nl") in page.text
    after = console.accounts.by_id(account.id)
    assert after is not None
    assert (after.name, after.roles, after.desks) == ("Nieuwe Naam", {"agent", "analyst"}, {"portal", "charter"})
    assert after.email == account.email, "the address is who somebody is"
    assert admin.post(f"/console/staff/{account.id}", data={**form, "roles": []}).status_code == 422
    assert console.accounts.by_id(account.id) == after


def test_a_new_link_ends_the_one_before(console: Console, admin: SignedIn) -> None:
    account = console.account("editor")
    first, second = (link_in(admin.post(f"/console/staff/{account.id}/link").text).partition("#")[2] for _ in "ab")
    form = {"token": first}
    assert console.client().post("/console/link", data=form).status_code == 410
    assert console.client().post("/console/link", data={"token": second}).status_code == 200


def test_off_and_on_again(console: Console, admin: SignedIn, agent: SignedIn) -> None:
    path = f"/console/staff/{agent.account.id}"
    page = admin.post(f"{path}/active", data={"active": "0"})
    assert text("staff.account.switched_off", "nl") in page.text
    assert agent.get("/console/password").status_code == 303
    assert admin.post(f"{path}/link").status_code == 422
    page = admin.post(f"{path}/active", data={"active": "1"})
    assert text("staff.account.switched_on", "nl") in page.text
    assert agent.get("/console/password").status_code == 303, "the session that was ended stays ended"
    assert console.as_account(agent.account).get("/console/password").status_code == 200


def test_a_chat_goes_back_to_the_queue_when_its_agent_is_switched_off(
    console: Console, admin: SignedIn, agent: SignedIn
) -> None:
    from bot.helpdesk.queue import HandOverStore

    store = HandOverStore(console.engine, console.settings.activation_code_pattern)
    conversation, _ = console.conversation()
    store.ask(conversation, "portal", "asked")
    store.claim(conversation, agent.account.id)
    admin.post(f"/console/staff/{agent.account.id}/active", data={"active": "0"})
    shown = store.get(conversation)
    assert shown is not None and (shown.state, shown.claimed_by) == ("waiting", None)


@pytest.mark.parametrize("id_", ["x", "01939e6f-0000-7000-8000-000000000000", "%00", "..%2f..%2fetc", "é"])
def test_an_account_that_is_not_there(admin: SignedIn, id_: str) -> None:
    path = f"/console/staff/{id_}"
    assert admin.get(path).status_code == 404
    for place in (path, f"{path}/link", f"{path}/active"):
        assert admin.post(place, data=AN_AGENT).status_code == 404


def test_nothing_that_was_typed_becomes_markup(console: Console, admin: SignedIn) -> None:
    account = console.account("editor", name='<b>"Naam"</b>')
    for path in ("/console/staff/", f"/console/staff/{account.id}"):
        assert "<b>" not in admin.get(path).text
    assert "<b>" not in console.as_account(account).get("/console/password").text
