"""The console's requests over HTTP: who may see which, what they are told, and what goes out."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from websockets.asyncio.client import connect

from integrations.mail.folder import FolderMailer
from tests.console.conftest import Console, SignedIn

FIELDS = {"organisation": "Voorbeeld BV", "name": "Vera Voorbeeld", "email": "vera@example.nl", "consent": True}
TEXT = "Geachte Vera,\n\nDat kan."
NOBODY: dict[str, Any] = {"organisation": None, "email": None}
HERE = "/console/api/requests"
ACTIONS = ["assign", "answer", "close", "reopen", "send-again"]
BODIES = {"assign": {"to": "me"}, "answer": {"subject": "Uw aanvraag", "text": TEXT}}


def put_in(console: Console, kind: str = "orientation-talk", **fields: Any) -> str:
    """A visitor's request; gives its id."""
    id_, token = console.conversation()
    reply = console.client().post(
        f"/api/v1/conversations/{id_}/requests",
        json={"kind": kind, "fields": {key: value for key, value in (FIELDS | fields).items() if value is not None}},
        headers={"Authorization": f"Bearer {token}"},
    )
    assert reply.status_code == 201, reply.text
    [(found,)] = console.rows("SELECT id FROM requests WHERE reference = :it", it=reply.json()["reference"])
    return str(found)


@pytest.fixture
def charter(console: Console) -> SignedIn:
    """An agent of the Charter's desk."""
    return console.signed_in("agent", desks=("charter",), name="Carla Agent")


@pytest.fixture
def other_charter(console: Console) -> SignedIn:
    return console.signed_in("agent", desks=("charter",), name="Dirk Agent")


def do(who: SignedIn, id_: str, action: str, **body: Any) -> Any:
    return who.post(f"{HERE}/{id_}/{action}", json=body or BODIES.get(action, {}))


# ---- who may


@pytest.mark.parametrize("path", ["", "/x", "/x/templates"])
def test_who_is_not_signed_in_sees_nothing(console: Console, path: str) -> None:
    reply = console.client().get(f"{HERE}{path}")
    assert reply.status_code == 401
    assert reply.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("action", ACTIONS)
def test_a_change_needs_the_csrf_token(console: Console, charter: SignedIn, action: str) -> None:
    id_ = put_in(console)
    reply = charter.post(f"{HERE}/{id_}/{action}", json=BODIES.get(action, {}), headers={"X-CSRF-Token": "wrong"})
    assert reply.status_code == 403
    assert console.rows("SELECT state, assigned_to, answered_at FROM requests WHERE id = :it", it=id_) == [
        ("open", None, None)
    ]


def test_other_roles_see_no_requests(console: Console, editor: SignedIn) -> None:
    id_ = put_in(console)
    for reply in (editor.get(HERE), editor.get(f"{HERE}/{id_}"), do(editor, id_, "close")):
        assert reply.status_code == 403


def test_another_desks_request_is_not_there(console: Console, agent: SignedIn, charter: SignedIn) -> None:
    id_ = put_in(console)
    replies = [agent.get(f"{HERE}/{id_}"), agent.get(f"{HERE}/{id_}/templates")]
    replies += [do(agent, id_, action) for action in ACTIONS]
    assert [reply.status_code for reply in replies] == [404] * 7
    assert {reply.json()["type"] for reply in replies} == {"urn:wegwijzer:problem:no-request"}
    listed = agent.get(HERE, params={"state": "all"}).json()["requests"]
    assert id_ not in [shown["id"] for shown in listed]
    assert charter.get(f"{HERE}/{id_}").status_code == 200


def test_an_admin_sees_both_desks(console: Console, admin: SignedIn) -> None:
    ids = {put_in(console), put_in(console, "call-back", desk="portal", subject="Plan", phone="0612345678", **NOBODY)}
    found = {shown["id"]: shown["desk"] for shown in everything(admin)}
    assert {found[id_] for id_ in ids} == {"portal", "charter"}


def everything(who: SignedIn, **query: str) -> list[dict[str, Any]]:
    """All pages of a list."""
    found: list[dict[str, Any]] = []
    for page in range(1, 50):
        body = who.get(HERE, params={**query, "page": page}).json()
        found += body["requests"]
        if page >= body["pages"]:
            break
    return found


# ---- the list


def test_the_shape_of_the_list(console: Console, charter: SignedIn) -> None:
    id_ = put_in(console)
    shown = next(one for one in everything(charter) if one["id"] == id_)
    assert set(shown) == {
        "id", "reference", "kind", "title", "desk", "language", "state", "created_at", "assigned_to", "assigned_name",
        "answered_at", "closed_at", "tickets",
    }  # fmt: skip
    assert re.fullmatch(r"C-\d{7}", shown["reference"])
    assert (shown["kind"], shown["title"]) == ("orientation-talk", "Een oriënterend gesprek aanvragen")
    assert [(ticket["target"], ticket["state"]) for ticket in shown["tickets"]] == [(None, "waiting")]
    assert "vera" not in json.dumps(shown).lower(), "a list tells nothing of who put it in"


def test_a_list_in_the_agents_own_language(console: Console) -> None:
    english = console.signed_in("agent", desks=("charter",), language="en")
    put_in(console)
    assert {shown["title"] for shown in everything(english)} >= {"Request an orientation talk"}


def test_filters(console: Console, charter: SignedIn, admin: SignedIn) -> None:
    mine, free, closed = (put_in(console) for _ in range(3))
    do(charter, mine, "assign", to="me")
    do(charter, closed, "close")

    def listed(who: SignedIn = charter, **query: str) -> set[str]:
        return {shown["id"] for shown in everything(who, **query)} & {mine, free, closed}

    assert listed() == {mine, free}
    assert listed(assigned="me") == {mine}
    assert listed(assigned="none") == {free}
    assert listed(state="closed") == {closed}
    assert listed(state="all") == {mine, free, closed}
    assert listed(desk="portal") == set(), "a desk that is not the agent's"
    assert listed(admin, desk="charter") == {mine, free}
    assert listed(admin, desk="portal") == set()


@pytest.mark.parametrize(
    "query", [{"state": "gone"}, {"desk": "sales"}, {"assigned": "you"}, {"page": "0"}, {"page": "-1"}, {"page": "²"}]
)
def test_filters_that_there_are_not(charter: SignedIn, query: dict[str, str]) -> None:
    reply = charter.get(HERE, params=query)
    assert reply.status_code == 422
    assert next(iter(query)) in reply.json()["detail"]


# ---- one request


def test_opening_one(console: Console, charter: SignedIn, other_charter: SignedIn) -> None:
    id_ = put_in(console)
    shown = charter.get(f"{HERE}/{id_}").json()
    assert {"label": "Uw e-mailadres", "value": "vera@example.nl"} in shown["fields"]
    assert shown["can_be_answered"] is True
    assert (shown["company"], shown["replies"]) == (None, [])
    assert {"id": other_charter.account.id, "name": "Dirk Agent"} in shown["agents"]
    assert console.rows("SELECT action, account_id FROM staff_audit WHERE subject = :it", it=id_) == [
        ("request_opened", charter.account.id)
    ]


def test_templates(console: Console, charter: SignedIn) -> None:
    id_ = put_in(console)
    found = charter.get(f"{HERE}/{id_}/templates").json()["templates"]
    assert [one["id"] for one in found] == ["appointment", "answer", "ask"]
    assert found[0]["text"].startswith("Geachte Vera Voorbeeld,")
    assert "Carla Agent" in found[0]["text"]
    reply = do(charter, id_, "answer", subject=found[0]["subject"], text=found[0]["text"])
    assert (reply.status_code, reply.json()["type"]) == (422, "urn:wegwijzer:problem:unfinished")
    finished = found[0]["text"].replace("[…]", "Dinsdag om tien uur.")
    assert do(charter, id_, "answer", subject=found[0]["subject"], text=finished).status_code == 200


# ---- changing


def test_assigning(console: Console, charter: SignedIn, other_charter: SignedIn, agent: SignedIn) -> None:
    id_ = put_in(console)
    assert do(charter, id_, "assign", to="me").json()["assigned_name"] == "Carla Agent"
    assert do(charter, id_, "assign", to=other_charter.account.id).json()["assigned_name"] == "Dirk Agent"
    assert do(charter, id_, "assign", to="nobody").json()["assigned_to"] is None
    refused = do(charter, id_, "assign", to=agent.account.id)
    assert (refused.status_code, refused.json()["type"]) == (422, "urn:wegwijzer:problem:no-agent")
    for wrong in ({"to": ""}, {"to": None}, {"to": "x" * 37}, {"whom": "me"}):
        assert charter.post(f"{HERE}/{id_}/assign", json=wrong).status_code == 422


def test_an_answer(console: Console, charter: SignedIn) -> None:
    id_ = put_in(console)
    reply = do(charter, id_, "answer", subject="Uw  aanvraag\r\nBcc: everybody@example.org", text=f"\r\n{TEXT}\r\n")
    assert reply.status_code == 200
    reference = reply.json()["reference"]
    [answer] = charter.get(f"{HERE}/{id_}").json()["replies"]
    assert answer["subject"] == f"Uw aanvraag Bcc: everybody@example.org [{reference}]", "one line"
    assert answer["text"] == TEXT
    assert (answer["account_name"], answer["state"], answer["sent_at"]) == ("Carla Agent", "waiting", None)


def test_the_second_of_two_is_told(console: Console, charter: SignedIn, other_charter: SignedIn) -> None:
    id_ = put_in(console)
    seen = do(charter, id_, "answer").json()["answered_at"]
    told = do(other_charter, id_, "answer", subject="Uw aanvraag", text="Dat kan niet.")
    assert told.status_code == 409
    assert told.json()["type"] == "urn:wegwijzer:problem:answered-meanwhile"
    assert "Carla Agent" in told.json()["detail"]
    again = do(other_charter, id_, "answer", subject="Uw aanvraag", text="Nog iets.", answered_at=seen)
    assert again.status_code == 200
    assert [one["text"] for one in charter.get(f"{HERE}/{id_}").json()["replies"]] == [TEXT, "Nog iets."]


def test_two_at_the_same_moment(console: Console, charter: SignedIn, other_charter: SignedIn) -> None:
    for _ in range(5):
        id_ = put_in(console)
        with ThreadPoolExecutor(2) as threads:
            pairs = [(charter, "Van Carla"), (other_charter, "Van Dirk")]
            replies = list(threads.map(lambda pair: do(pair[0], id_, "answer", subject="x", text=pair[1]), pairs))  # noqa: B023
        assert sorted(reply.status_code for reply in replies) == [200, 409]
        assert console.rows("SELECT count(*) FROM outbox WHERE request_id = :it AND kind = 'reply'", it=id_) == [(1,)]


def test_a_double_click_is_one_answer(console: Console, charter: SignedIn) -> None:
    id_ = put_in(console)
    assert [do(charter, id_, "answer").status_code for _ in range(2)] == [200, 200]
    assert len(charter.get(f"{HERE}/{id_}").json()["replies"]) == 1


@pytest.mark.parametrize(
    ("wrong", "name"),
    [
        ({"subject": "", "text": "x"}, "empty"), ({"subject": "x", "text": " \n "}, "empty"),
        ({"subject": "x" * 181, "text": "x"}, "invalid"), ({"subject": "x", "text": "x" * 10_001}, "invalid"),
        ({"subject": "x"}, "invalid"), ({"subject": "x", "text": "x", "to": "other@example.org"}, "invalid"),
        ({"subject": "x", "text": "x", "answered_at": "2026-01-01T00:00:00"}, "invalid"),
        ({"subject": "x", "text": "x", "answered_at": "yesterday"}, "invalid"),
        ({"subject": "x", "text": "zie […]"}, "unfinished"),
    ],
)  # fmt: skip
def test_what_is_no_answer(console: Console, charter: SignedIn, wrong: dict[str, Any], name: str) -> None:
    id_ = put_in(console)
    reply = charter.post(f"{HERE}/{id_}/answer", json=wrong)
    assert (reply.status_code, reply.json()["type"]) == (422, f"urn:wegwijzer:problem:{name}")
    assert charter.get(f"{HERE}/{id_}").json()["replies"] == []


def test_without_an_address(console: Console, agent: SignedIn) -> None:
    id_ = put_in(console, "call-back", desk="portal", subject="Plan", phone="0612345678", **NOBODY)
    assert agent.get(f"{HERE}/{id_}").json()["can_be_answered"] is False
    reply = do(agent, id_, "answer")
    assert (reply.status_code, reply.json()["type"]) == (409, "urn:wegwijzer:problem:no-address")


def test_closing_and_opening_again(console: Console, charter: SignedIn) -> None:
    id_ = put_in(console)
    assert do(charter, id_, "close").json()["state"] == "closed"
    refused = do(charter, id_, "answer")
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:wegwijzer:problem:request-closed")
    shown = do(charter, id_, "reopen").json()
    assert (shown["state"], shown["closed_at"]) == ("open", None)
    assert do(charter, id_, "answer").status_code == 200


def test_what_could_not_be_sent(console: Console, charter: SignedIn) -> None:
    id_ = put_in(console)
    console.rows("UPDATE outbox SET state = 'failed', problem = '422', attempts = 12 WHERE request_id = :it", it=id_)
    [ticket] = charter.get(f"{HERE}/{id_}").json()["tickets"]
    assert (ticket["state"], ticket["problem"]) == ("failed", "422")
    [again] = do(charter, id_, "send-again").json()["tickets"]
    assert again["state"] == "waiting"


def test_erased_by_the_visitor_it_is_gone(console: Console, charter: SignedIn) -> None:
    id_ = put_in(console)
    do(charter, id_, "answer")
    console.rows("DELETE FROM requests WHERE id = :it", it=id_)
    assert charter.get(f"{HERE}/{id_}").status_code == 404
    assert do(charter, id_, "close").status_code == 404
    assert console.rows("SELECT count(*) FROM outbox WHERE request_id = :it", it=id_) == [(0,)]


# ---- consoles that are open


def test_open_consoles_hear_of_it(console: Console, charter: SignedIn, agent: SignedIn) -> None:
    """A visitor's new request, and what a colleague does with one; of their own desk alone."""

    async def frames(who: SignedIn, act: Any, count: int) -> list[dict[str, Any]]:
        address = f"{console.url.replace('http', 'ws', 1)}/console/api/stream"
        headers = {"Cookie": who.cookie, "Origin": console.url}
        found: list[dict[str, Any]] = []
        async with asyncio.timeout(30), connect(address, additional_headers=headers) as socket:
            while json.loads(await socket.recv())["type"] != "board":
                continue
            await asyncio.to_thread(act)
            while len(found) < count:
                frame = json.loads(await socket.recv())
                if frame["type"] == "requests":
                    found.append(frame)
        return found

    def act() -> None:
        put_in(console, "call-back", desk="portal", subject="Plan", phone="0612345678", **NOBODY)
        do(charter, put_in(console), "close")

    new, closed = asyncio.run(frames(charter, act, 2))
    assert new == {"type": "requests", "desk": "charter", "open": closed["open"] + 1}
    [portal] = asyncio.run(frames(agent, act, 1))
    assert portal["desk"] == "portal"


# ---- all the way


def test_answered_by_mail(more_consoles: Callable[..., Console]) -> None:
    """A visitor asks, an agent answers, and the jobs send both the ticket and the answer."""
    console = more_consoles()
    id_ = put_in(console)
    carla = console.signed_in("agent", desks=("charter",), name="Carla Agent")
    reference = do(carla, id_, "answer").json()["reference"]
    console.system.start("jobs")
    try:
        for _ in range(600):
            shown = carla.get(f"{HERE}/{id_}").json()
            if [one["state"] for one in (*shown["tickets"], *shown["replies"])] == ["sent", "sent"]:
                break
            time.sleep(0.1)
    finally:
        console.system.stop("jobs")
    [ticket], [reply] = shown["tickets"], shown["replies"]
    assert (ticket["target"], ticket["state"], ticket["external_id"]) == ("folder", "sent", f"{reference}.md")
    assert reply["sent_at"] is not None
    [mail] = FolderMailer(console.system.folder / "mail", "w@example.org").mails()
    assert (mail.to, mail.subject, mail.text) == ("vera@example.nl", f"Uw aanvraag [{reference}]", f"{TEXT}\n")
    assert "Voorbeeld BV" in (console.system.folder / "tickets" / f"{reference}.md").read_text()
    assert "vera" not in console.system.logs().lower(), "no contact details in logs"
