"""The console's JSON: who may see and do what in which conversation, and that the board tells it."""

from __future__ import annotations

import json
import re
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy.orm import Session
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from bot.database.types import now
from bot.registry.models import Company, Verification
from bot.texts import catalogue, text
from tests.console.conftest import Console, SignedIn
from tests.running import ROOT

TOPIC = "charter.after-signing"
OUTSIDE = "http://elsewhere.example"
STATIC = ROOT / "integrations" / "console" / "static"


@dataclass
class Waiting:
    """A visitor who waits for somebody of the Charter's desk, which is open whenever an agent is there."""

    id: str
    http: httpx.Client

    def say(self, words: str) -> list[dict[str, Any]]:
        reply = self.http.post("/messages", json={"text": words})
        assert reply.status_code == 200, reply.text
        return reply.json()["messages"]

    def heard(self) -> list[str]:
        """What agents said to them."""
        found = self.http.get("/messages").json()["messages"]
        return [message["text"] for message in found if message["sender"] == "agent"]


def present(agent: SignedIn) -> SignedIn:
    """An agent who takes chats."""
    done = agent.post("/console/api/me/takes-chats", {"takes_chats": True})
    assert (done.status_code, done.json()) == (200, {"takes_chats": True}), done.text
    return agent


@pytest.fixture
def anna(console: Console) -> SignedIn:
    return present(console.signed_in("agent", desks=("charter",), name="Anna Agent"))


@pytest.fixture
def bram(console: Console) -> SignedIn:
    return present(console.signed_in("agent", desks=("charter",), name="Bram Agent", language="en"))


@pytest.fixture
def visitor(console: Console, anna: SignedIn) -> Waiting:
    return waiting(console)


def waiting(console: Console, *says: str) -> Waiting:
    """A visitor who says these things, and then asks for a person."""
    opened = console.client().post("/api/v1/conversations", json={"language": "nl", "topic": TOPIC}).json()
    http = console.client(headers={"Authorization": f"Bearer {opened['token']}"})
    http.base_url = httpx.URL(f"{console.url}/api/v1/conversations/{opened['id']}")
    found = Waiting(opened["id"], http)
    for words in says:
        found.say(words)
    assert found.say(text("button.person", "nl"))[-1]["kind"] == "handoff"
    return found


def path(visitor: Waiting, *parts: str) -> str:
    return "/".join(["/console/api/conversations", visitor.id, *parts])


def claim(agent: SignedIn, visitor: Waiting) -> dict[str, Any]:
    done = agent.post(path(visitor, "claim"))
    assert done.status_code == 200, done.text
    return done.json()["hand_over"]


def board(agent: SignedIn) -> dict[str, list[str]]:
    """The conversations of each list."""
    found = agent.get("/console/api/board").json()
    return {name: [one["conversation_id"] for one in found[name]] for name in ("waiting", "mine", "open")}


def everywhere(agent: SignedIn) -> list[str]:
    """The conversations of all lists."""
    return [id_ for ids in board(agent).values() for id_ in ids]


def problem(reply: httpx.Response) -> tuple[int, str]:
    return reply.status_code, reply.json()["type"].rpartition(":")[2]


# ---- the page, and who is signed in


def test_the_page_leads_to_signing_in(console: Console) -> None:
    reply = console.client().get("/console/")
    assert (reply.status_code, reply.headers["location"]) == (303, "/console/sign-in")


@pytest.mark.parametrize(
    ("roles", "there", "not_there"),
    [
        (("agent",), ["view-chats", "view-requests", "view-report"], ["view-drafts", "/console/staff/"]),
        (("editor",), ["view-drafts", "view-report"], ["view-chats", "view-requests", "takes-chats"]),
        (("analyst",), ["view-report"], ["view-chats", "view-drafts"]),
        (("admin",), ["view-chats", "view-drafts", "view-report", "/console/staff/"], []),
    ],
)
def test_the_page_shows_what_a_role_may(
    console: Console, roles: tuple[str, ...], there: list[str], not_there: list[str]
) -> None:
    page = console.signed_in(*roles).get("/console/")
    assert page.status_code == 200
    assert [name for name in there if name not in page.text] == []
    assert [name for name in not_there if name in page.text] == []
    assert "unsafe-inline" not in page.headers["content-security-policy"]
    assert not re.search(r"<script(?![^>]* src=)|<style| style=| on\w+=", page.text), "nothing inline"


def test_the_task_force_has_no_console(console: Console) -> None:
    outsider = console.signed_in("taskforce")
    page = outsider.get("/console/")
    assert (page.status_code, page.headers["location"]) == (303, "/taskforce/"), "it has pages of its own"
    for part in ("me", "board", "texts", "canned-texts"):
        assert problem(outsider.get(f"/console/api/{part}")) == (403, "role")


def test_the_page_speaks_the_language_of_the_account(bram: SignedIn) -> None:
    page = bram.get("/console/")
    assert '<html lang="en">' in page.text
    assert text("console.list.waiting", "en") in page.text
    assert bram.get("/console/api/texts").json()["texts"]["list.waiting"] == text("console.list.waiting", "en")


def test_who_is_signed_in(anna: SignedIn) -> None:
    me = anna.get("/console/api/me").json()
    assert me["csrf"] == anna.http.headers["X-CSRF-Token"]
    assert (me["id"], me["name"], me["language"]) == (anna.account.id, "Anna Agent", "nl")
    assert (me["roles"], me["may"], me["desks"], me["takes_chats"]) == (["agent"], ["agent"], ["charter"], True)


def test_an_admin_answers_for_both_desks(console: Console) -> None:
    assert console.signed_in("admin").get("/console/api/me").json()["desks"] == ["portal", "charter"]


@pytest.mark.parametrize("body", [{}, {"takes_chats": "yes"}, {"takes_chats": True, "more": 1}, []])
def test_the_switch_takes_yes_or_no(anna: SignedIn, body: object) -> None:
    assert anna.post("/console/api/me/takes-chats", body).status_code in (400, 422)
    assert anna.get("/console/api/me").json()["takes_chats"] is True


EVERYTHING = [
    ("GET", "/console/api/me"), ("GET", "/console/api/board"), ("GET", "/console/api/texts"),
    ("GET", "/console/api/canned-texts"), ("POST", "/console/api/canned-texts"), ("PUT", "/console/api/canned-texts/x"),
    ("DELETE", "/console/api/canned-texts/x"), ("POST", "/console/api/me/takes-chats"),
    *((method, f"/console/api/conversations/x{part}") for method, part in [
        ("GET", ""), ("GET", "/messages"), ("GET", "/suggestions"), ("POST", "/claim"), ("POST", "/say"),
        ("POST", "/hand-back"), ("POST", "/close"), ("POST", "/notes"), ("POST", "/read"),
    ]),
]  # fmt: skip


@pytest.mark.parametrize(("method", "where"), EVERYTHING)
def test_nothing_without_a_session(console: Console, method: str, where: str) -> None:
    assert problem(console.client().request(method, where, json={})) == (401, "signed-out")


@pytest.mark.parametrize(("method", "where"), [(method, where) for method, where in EVERYTHING if method != "GET"])
def test_nothing_changes_without_the_csrf_token(anna: SignedIn, method: str, where: str) -> None:
    for token in ("", "0" * 64):
        assert problem(anna.http.request(method, where, json={}, headers={"X-CSRF-Token": token})) == (403, "csrf")


# ---- the board


def test_a_visitor_goes_from_waiting_to_mine(console: Console, anna: SignedIn, bram: SignedIn) -> None:
    first, second = waiting(console), waiting(console)
    ours = [first.id, second.id]
    assert [id_ for id_ in board(anna)["waiting"] if id_ in ours] == ours, "the longest first"
    shown = claim(anna, first)
    assert (shown["state"], shown["claimed_by"], shown["claimed_by_name"]) == ("claimed", anna.account.id, "Anna Agent")
    assert first.id in board(anna)["mine"]
    assert first.id not in board(anna)["open"] + board(anna)["waiting"]
    assert first.id in board(bram)["open"]
    assert first.id not in board(bram)["mine"] + board(bram)["waiting"]


def test_the_board_counts_who_is_there(anna: SignedIn) -> None:
    shown = anna.get("/console/api/board").json()
    assert set(shown) == {"waiting", "mine", "open", "requests_open", "present"}
    assert list(shown["present"]) == ["charter"] == list(shown["requests_open"])
    before = shown["present"]["charter"]
    assert before >= 1
    anna.post("/console/api/me/takes-chats", {"takes_chats": False})
    assert anna.get("/console/api/board").json()["present"]["charter"] == before - 1


# ---- who may see what


def test_another_desk_sees_nothing_of_it(console: Console, visitor: Waiting) -> None:
    stranger = console.signed_in("agent", desks=("portal",))
    assert visitor.id not in everywhere(stranger)
    bodies = {
        "say": {"text": "x", "key": "x"},
        "close": {"outcome": "other"},
        "notes": {"text": "x"},
        "read": {"message_id": "x"},
    }
    for part in ("", "messages", "suggestions"):
        assert problem(stranger.get(path(visitor, part).rstrip("/"))) == (404, "no-conversation")
    for part in ("claim", "say", "hand-back", "close", "notes", "read"):
        assert problem(stranger.post(path(visitor, part), bodies.get(part, {}))) == (404, "no-conversation"), part


def test_a_conversation_that_never_waited_is_nobodys(console: Console, anna: SignedIn) -> None:
    """Whoever has not asked for a person is not read along with."""
    id_, _ = console.conversation()
    for where in (id_, f"{id_}/messages", f"{id_}/suggestions"):
        assert problem(anna.get(f"/console/api/conversations/{where}")) == (404, "no-conversation")
    assert problem(anna.post(f"/console/api/conversations/{id_}/claim")) == (404, "no-conversation")


def test_what_is_over_is_seen_for_a_day(console: Console, anna: SignedIn, visitor: Waiting) -> None:
    claim(anna, visitor)
    assert anna.post(path(visitor, "close"), {"outcome": "answered"}).status_code == 204
    shown = anna.get(path(visitor)).json()
    assert (shown["hand_over"]["state"], shown["hand_over"]["outcome"]) == ("closed", "answered")
    assert [one["outcome"] for one in shown["earlier"]] == ["answered"]
    long_ago = (now() - timedelta(hours=24, minutes=1)).strftime("%Y-%m-%d %H:%M:%S.%f")
    console.rows("UPDATE hand_overs SET ended_at = :at WHERE conversation_id = :id", at=long_ago, id=visitor.id)
    assert problem(anna.get(path(visitor))) == (404, "no-conversation")


def test_what_is_said_afterwards_is_for_the_assistant(console: Console, anna: SignedIn, visitor: Waiting) -> None:
    """Handed back, the visitor is not read along with; asking for a person again shows it all."""
    claim(anna, visitor)
    anna.post(path(visitor, "say"), {"text": "Tot ziens", "key": "1"})
    assert anna.post(path(visitor, "hand-back")).status_code == 204
    before = anna.get(path(visitor)).json()["messages"]
    assert before[-1]["sender"] == "system", "the words at the end belong to it"
    time.sleep(1.2)
    visitor.say("Dit is voor de assistent")
    assert anna.get(path(visitor)).json()["messages"] == before
    assert "voor de assistent" not in anna.get(path(visitor, "messages")).text
    assert anna.get(path(visitor, "suggestions")).json()["suggestions"] == []
    visitor.say(text("button.person", "nl"))
    assert "voor de assistent" in anna.get(path(visitor)).text


def test_whoever_left_the_queue_is_nobodys(anna: SignedIn, visitor: Waiting) -> None:
    """Nobody had it, so nobody needs to read it any more."""
    assert anna.get(path(visitor)).status_code == 200
    waits = visitor.http.get("/messages").json()["messages"][-1]
    assert visitor.http.post("/messages", json={"payload": waits["buttons"][-1]["id"]}).status_code == 200
    assert problem(anna.get(path(visitor))) == (404, "no-conversation")


def test_reading_is_audited_once(console: Console, anna: SignedIn, bram: SignedIn, visitor: Waiting) -> None:
    claim(anna, visitor)
    for reader in (anna, anna, bram, anna):
        assert reader.get(path(visitor)).status_code == 200
    query = "SELECT account_id FROM staff_audit WHERE action = 'conversation_opened' AND subject = :id ORDER BY id"
    assert console.rows(query, id=visitor.id) == [(anna.account.id,), (bram.account.id,)]


def test_erased_is_gone(anna: SignedIn, visitor: Waiting) -> None:
    claim(anna, visitor)
    assert visitor.http.delete("").status_code == 204
    assert problem(anna.get(path(visitor))) == (404, "no-conversation")
    assert problem(anna.post(path(visitor, "say"), {"text": "Bent u er nog?", "key": "1"})) == (404, "no-conversation")
    assert visitor.id not in everywhere(anna)


# ---- talking


def test_only_one_claims(anna: SignedIn, bram: SignedIn, visitor: Waiting) -> None:
    claim(anna, visitor)
    late = bram.post(path(visitor, "claim"))
    assert problem(late) == (409, "claimed")
    assert "Anna Agent" in late.json()["detail"]
    assert claim(anna, visitor)["claimed_by"] == anna.account.id, "once more changes nothing"


def test_say_once(anna: SignedIn, visitor: Waiting) -> None:
    claim(anna, visitor)
    said = [
        anna.post(path(visitor, "say"), {"text": " Goedemiddag! ", "key": "k1"}).json()["message"] for _ in range(3)
    ]
    assert {one["id"] for one in said} == {said[0]["id"]}
    assert (said[0]["sender"], said[0]["agent"], said[0]["text"]) == ("agent", "Anna Agent", "Goedemiddag!")
    assert visitor.heard() == ["Goedemiddag!"]
    assert problem(anna.post(path(visitor, "say"), {"text": "Iets anders", "key": "k1"})) == (409, "key-reused")


def test_only_who_holds_it_talks(anna: SignedIn, bram: SignedIn, visitor: Waiting) -> None:
    bodies = {"say": {"text": "x", "key": "x"}, "close": {"outcome": "other"}, "read": {"message_id": "x"}}
    for part in ("say", "hand-back", "close", "read"):
        assert problem(anna.post(path(visitor, part), bodies.get(part, {}))) == (409, "not-holding"), "nobody does yet"
    claim(anna, visitor)
    for part in ("say", "hand-back", "close", "read"):
        assert problem(bram.post(path(visitor, part), bodies.get(part, {}))) == (409, "not-holding"), part
    assert visitor.heard() == []


@pytest.mark.parametrize(
    "body",
    [
        {"text": "", "key": "1"}, {"text": " \n ", "key": "1"}, {"text": "x" * 4001, "key": "1"}, {"text": "x"},
        {"text": "x", "key": ""}, {"text": "x", "key": "1" * 201}, {"text": "x", "key": "1", "suggestion": {"id": "x"}},
        {"text": 1, "key": "1"}, {"text": "x", "key": "1", "sender": "system"},
    ],
)  # fmt: skip
def test_what_cannot_be_said(anna: SignedIn, visitor: Waiting, body: dict[str, Any]) -> None:
    claim(anna, visitor)
    assert anna.post(path(visitor, "say"), body).status_code == 422
    assert visitor.heard() == []


def test_handing_back(anna: SignedIn, visitor: Waiting) -> None:
    claim(anna, visitor)
    assert anna.post(path(visitor, "hand-back")).status_code == 204
    assert visitor.id not in everywhere(anna)
    assert problem(anna.post(path(visitor, "say"), {"text": "Nog iets", "key": "1"})) == (409, "not-holding")


@pytest.mark.parametrize("outcome", ["", "done", None, "ANSWERED"])
def test_an_outcome_is_one_of_five(anna: SignedIn, visitor: Waiting, outcome: object) -> None:
    claim(anna, visitor)
    assert anna.post(path(visitor, "close"), {"outcome": outcome}).status_code == 422
    assert visitor.id in board(anna)["mine"]


def test_unread_until_read(anna: SignedIn, visitor: Waiting) -> None:
    claim(anna, visitor)

    def unread() -> int:
        [mine] = [one for one in anna.get("/console/api/board").json()["mine"] if one["conversation_id"] == visitor.id]
        return mine["unread"]

    def read_all() -> None:
        last = anna.get(path(visitor)).json()["messages"][-1]["id"]
        assert anna.post(path(visitor, "read"), {"message_id": last}).status_code == 204

    read_all()
    assert unread() == 0
    visitor.say("Hallo?")
    visitor.say("Bent u daar?")
    assert unread() == 2
    read_all()
    assert unread() == 0


# ---- what stands beside the conversation


def test_the_whole_of_it(console: Console, anna: SignedIn) -> None:
    visitor = waiting(console, "Waar vind ik het plan?")
    shown = anna.get(path(visitor)).json()
    assert (shown["id"], shown["language"], shown["mode"], shown["is_whole"]) == (visitor.id, "nl", "queue", True)
    assert [message["sender"] for message in shown["messages"]][:2] == ["assistant", "assistant"]
    assert (shown["guide"], shown["company"], shown["notes"], shown["references"]) == (None, None, [], [])
    ids = [message["id"] for message in shown["messages"]]
    assert ids == sorted(ids)
    after = anna.get(path(visitor, "messages"), params={"after": ids[1]}).json()["messages"]
    before = anna.get(path(visitor, "messages"), params={"before": ids[1]}).json()["messages"]
    assert ([m["id"] for m in before], [m["id"] for m in after]) == (ids[:1], ids[2:])


@pytest.mark.parametrize("query", [{"after": "x"}, {"before": "x" * 101}])
def test_pages_that_are_none(anna: SignedIn, visitor: Waiting, query: dict[str, str]) -> None:
    assert problem(anna.get(path(visitor, "messages"), params=query)) == (422, "invalid")


def test_a_company_is_shown_only_while_verified(console: Console, anna: SignedIn, visitor: Waiting) -> None:
    number = str(10_000_000 + secrets.randbelow(80_000_000))
    with Session(console.engine) as session, session.begin():
        company = Company(
            kvk_number=number, name="Voorbeeld Beheer BV", legal_form="bv", listed=False, size_class="large"
        )
        session.add(company)
        session.flush()
        moment = now()
        until = moment + timedelta(minutes=30)
        session.add(
            Verification(
                conversation_id=visitor.id, company_id=company.id, how="code", verified_at=moment, expires_at=until
            )
        )
    shown = anna.get(path(visitor)).json()["company"]
    assert (shown["name"], shown["kvk_number"]) == ("Voorbeeld Beheer BV", number)
    assert "Voorbeeld Beheer BV" in shown["status"]
    past = (now() - timedelta(minutes=1)).strftime("%Y-%m-%d %H:%M:%S.%f")
    console.rows(
        "UPDATE verifications SET verified_at = '2019-01-01 00:00:00.000000', expires_at = :at"
        " WHERE conversation_id = :id", at=past, id=visitor.id,
    )  # fmt: skip
    assert anna.get(path(visitor)).json()["company"] is None


def test_notes_are_for_colleagues(anna: SignedIn, bram: SignedIn, visitor: Waiting) -> None:
    kept = anna.post(path(visitor, "notes"), {"text": "  Belt morgen terug. "})
    assert kept.status_code == 201
    [note] = bram.get(path(visitor)).json()["notes"]
    assert (note["author"], note["text"]) == ("Anna Agent", "Belt morgen terug.")
    assert "Belt morgen terug" not in visitor.http.get("/messages").text
    for words in ("", "  ", "x" * 2001):
        assert anna.post(path(visitor, "notes"), {"text": words}).status_code == 422


# ---- suggestions


def test_three_answers_with_their_sources(console: Console, anna: SignedIn) -> None:
    question = "Wanneer moet het plan van aanpak van het Charter klaar zijn?"
    visitor = waiting(console, question)
    found = anna.get(path(visitor, "suggestions")).json()
    assert found["question"] == question, "asking for a person is no question"
    assert [one["position"] for one in found["suggestions"]] == [1, 2, 3]
    scores = [one["score"] for one in found["suggestions"]]
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 for score in scores)
    for one in found["suggestions"]:
        assert one["title"]
        assert one["sources"]
        assert one["insert"].startswith(one["text"])
        assert text("console.suggestions.source", "nl") in one["insert"].removeprefix(one["text"])
    assert anna.get(path(visitor, "suggestions")).json() == found, "asked again, the same ones"


def test_nothing_asked_nothing_suggested(anna: SignedIn, visitor: Waiting) -> None:
    assert anna.get(path(visitor, "suggestions")).json() == {"message_id": None, "question": None, "suggestions": []}


@pytest.mark.parametrize(
    ("sends", "fates"),
    [
        (lambda one: one["insert"], ["inserted", "ignored", "ignored"]),
        (lambda one: one["text"] + "\n\nBelt u ons gerust.", ["edited", "ignored", "ignored"]),
        (None, ["ignored", "ignored", "ignored"]),
    ],
)
def test_what_became_of_a_suggestion(console: Console, anna: SignedIn, sends: Any, fates: list[str]) -> None:
    visitor = waiting(console, "Wanneer moet het plan van aanpak van het Charter klaar zijn?")
    claim(anna, visitor)
    first = anna.get(path(visitor, "suggestions")).json()["suggestions"][0]
    used = {"batch": first["batch"], "id": first["id"] if sends else None}
    words = sends(first) if sends else "Dat zoek ik voor u uit."
    assert anna.post(path(visitor, "say"), {"text": words, "key": "1", "suggestion": used}).status_code == 200
    query = "SELECT fate, distance FROM suggestions WHERE batch_id = :batch ORDER BY position"
    kept = console.rows(query, batch=first["batch"])
    assert [fate for fate, _ in kept] == fates
    if fates[0] == "inserted":
        assert kept[0][1] == 0, "the source below it is no change to the answer"


def test_an_unknown_suggestion_stops_nobody(anna: SignedIn, visitor: Waiting) -> None:
    claim(anna, visitor)
    used = {"batch": "x", "id": "y"}
    assert anna.post(path(visitor, "say"), {"text": "Hallo", "key": "1", "suggestion": used}).status_code == 200
    assert visitor.heard() == ["Hallo"]


# ---- canned texts


def canned(agent: SignedIn) -> list[tuple[str, str, str]]:
    found = agent.get("/console/api/canned-texts").json()["texts"]
    return [(one["shortcut"], one["language"], one["text"]) for one in found]


def test_canned_texts(anna: SignedIn, bram: SignedIn) -> None:
    where = "/console/api/canned-texts"
    body = {"shortcut": "groet", "language": "nl", "text": " Goedemiddag, waarmee kan ik u helpen? "}
    kept = anna.post(where, body)
    assert kept.status_code == 201
    id_ = kept.json()["text"]["id"]
    assert canned(anna) == [("groet", "nl", "Goedemiddag, waarmee kan ik u helpen?")]
    assert problem(anna.post(where, body)) == (409, "shortcut-taken")
    assert anna.post(where, {**body, "language": "en", "text": "Good afternoon"}).status_code == 201
    assert canned(bram) == [], "each agent's own"
    assert bram.post(where, body).status_code == 201
    assert problem(bram.http.put(f"{where}/{id_}", json=body)) == (404, "not-found")
    assert problem(bram.http.delete(f"{where}/{id_}")) == (404, "not-found")
    assert anna.http.put(f"{where}/{id_}", json={**body, "text": "Hallo"}).status_code == 200
    assert problem(anna.http.put(f"{where}/{id_}", json={**body, "language": "en"})) == (409, "shortcut-taken")
    assert ("groet", "nl", "Hallo") in canned(anna)
    assert anna.http.delete(f"{where}/{id_}").status_code == 204
    assert problem(anna.http.delete(f"{where}/{id_}")) == (404, "not-found")
    assert canned(anna) == [("groet", "en", "Good afternoon")]


@pytest.mark.parametrize(
    "change",
    [
        {"shortcut": ""}, {"shortcut": "Groet"}, {"shortcut": "a b"}, {"shortcut": "/groet"}, {"shortcut": "x" * 31},
        {"text": ""}, {"text": "  "}, {"text": "x" * 4001}, {"language": "de"}, {"account_id": "x"},
    ],
)  # fmt: skip
def test_canned_texts_that_are_none(anna: SignedIn, change: dict[str, str]) -> None:
    body = {"shortcut": "groet", "language": "nl", "text": "Hallo", **change}
    assert anna.post("/console/api/canned-texts", body).status_code == 422
    assert canned(anna) == []


# ---- the stream


@contextmanager
def stream(console: Console, agent: SignedIn | None, **options: Any) -> Iterator[ClientConnection]:
    url = console.url.replace("http", "ws", 1) + "/console/api/stream"
    headers = {"Cookie": agent.cookie} if agent else {}
    with connect(url, open_timeout=20, additional_headers=headers, **options) as socket:
        yield socket


def until_frame(socket: ClientConnection, kind: str, **wanted: object) -> dict[str, Any]:
    """The next frame of a kind, with these values."""
    while True:
        frame = json.loads(socket.recv(30))
        if frame["type"] == kind and all(frame.get(name) == value for name, value in wanted.items()):
            return frame


def closed_with(socket: ClientConnection) -> int:
    with pytest.raises(ConnectionClosed) as closed:
        while True:
            socket.recv(30)
    assert closed.value.rcvd is not None
    return closed.value.rcvd.code


def test_the_stream_begins_with_the_board(console: Console, anna: SignedIn, visitor: Waiting) -> None:
    with stream(console, anna) as socket:
        first = json.loads(socket.recv(30))
        assert first["type"] == "board"
        assert visitor.id in [one["conversation_id"] for one in first["board"]["waiting"]]


def test_the_stream_tells_what_happens(console: Console, anna: SignedIn, bram: SignedIn) -> None:
    with stream(console, bram) as socket:
        until_frame(socket, "board")
        visitor = waiting(console)
        asked = until_frame(socket, "hand_over")["hand_over"]
        assert (asked["conversation_id"], asked["state"]) == (visitor.id, "waiting")
        claim(anna, visitor)
        while (shown := until_frame(socket, "hand_over")["hand_over"])["state"] != "claimed":
            pass
        assert shown["claimed_by_name"] == "Anna Agent"
        visitor.say("Hallo?")
        while (said := until_frame(socket, "message", conversation=visitor.id)["message"])["sender"] != "visitor":
            pass
        assert said["text"] == "Hallo?"
        anna.post(path(visitor, "notes"), {"text": "Let op"})
        until_frame(socket, "notes", conversation=visitor.id)
        visitor.http.delete("")
        until_frame(socket, "erased", conversation=visitor.id)


def test_another_desk_hears_nothing(console: Console, anna: SignedIn) -> None:
    stranger = console.signed_in("agent", desks=("portal",))
    with stream(console, stranger) as socket:
        until_frame(socket, "board")
        visitor = waiting(console)
        claim(anna, visitor)
        socket.send(json.dumps({"type": "here", "active": True}))
        heard = []
        while (frame := json.loads(socket.recv(30)))["type"] != "here":
            heard.append(frame)
        assert visitor.id not in json.dumps(heard)


def test_a_console_that_is_open_is_somebody_there(console: Console, anna: SignedIn) -> None:
    """And one that says nothing for a minute and a half is nobody."""
    long_ago = "2020-01-01 00:00:00.000000"
    console.rows("UPDATE staff_accounts SET seen_at = :at WHERE id = :id", at=long_ago, id=anna.account.id)
    before = console.accounts.present("charter")
    with stream(console, anna) as socket:
        until_frame(socket, "board")
        assert console.accounts.present("charter") == before + 1
        console.rows("UPDATE staff_accounts SET seen_at = :at WHERE id = :id", at=long_ago, id=anna.account.id)
        socket.send(json.dumps({"type": "here"}))
        assert until_frame(socket, "here")["requests_open"].keys() == {"charter"}
        assert console.accounts.present("charter") == before + 1


def test_an_open_console_alone_does_not_keep_the_session(console: Console, anna: SignedIn) -> None:
    at = (now() - timedelta(minutes=30)).strftime("%Y-%m-%d %H:%M:%S.%f")
    mine = {"id": anna.account.id}

    def last_seen() -> str:
        return str(console.rows("SELECT last_seen_at FROM staff_sessions WHERE account_id = :id", **mine)[0][0])

    with stream(console, anna) as socket:
        until_frame(socket, "board")
        console.rows("UPDATE staff_sessions SET last_seen_at = :at WHERE account_id = :id", at=at, **mine)
        socket.send(json.dumps({"type": "here", "active": False}))
        until_frame(socket, "here")
        assert last_seen() == at
        socket.send(json.dumps({"type": "here", "active": True}))
        until_frame(socket, "here")
        assert last_seen() > at


def test_the_visitor_sees_the_agent_typing_and_only_theirs(console: Console, anna: SignedIn, bram: SignedIn) -> None:
    visitor = waiting(console)
    claim(anna, visitor)
    url = console.url.replace("http", "ws", 1) + f"/api/v1/conversations/{visitor.id}/stream"
    token = visitor.http.headers["Authorization"].removeprefix("Bearer ")
    typing = json.dumps({"type": "typing", "conversation": visitor.id})
    with stream(console, anna) as mine, stream(console, bram) as other, connect(url, open_timeout=20) as theirs:
        until_frame(mine, "board")
        until_frame(other, "board")
        theirs.send(json.dumps({"type": "auth", "token": token, "after": None}))
        until_frame(theirs, "mode", mode="agent")
        other.send(typing)
        other.send(json.dumps({"type": "here"}))
        until_frame(other, "here")
        mine.send(typing)
        assert until_frame(theirs, "typing")["sender"] == "agent"
        theirs.send(json.dumps({"type": "typing"}))
        assert until_frame(mine, "typing", conversation=visitor.id)["sender"] == "visitor"


def test_the_stream_ends_with_the_session(console: Console, anna: SignedIn) -> None:
    with stream(console, anna) as socket:
        until_frame(socket, "board")
        console.sessions.end(anna.token)
        socket.send(json.dumps({"type": "here"}))
        assert closed_with(socket) == 4401


def test_the_stream_ends_when_the_account_is_switched_off(console: Console, anna: SignedIn, admin: SignedIn) -> None:
    """At once, whether the console says anything or not."""
    with stream(console, anna) as socket:
        until_frame(socket, "board")
        form = {"active": "0", "csrf": console.sessions.csrf_token(admin.token)}
        reply = admin.http.post(f"/console/staff/{anna.account.id}/active", data=form)
        assert reply.status_code == 200, reply.text
        assert closed_with(socket) == 1013
    with stream(console, anna) as again:
        assert closed_with(again) == 4401


def test_other_desks_begin_another_stream(console: Console, anna: SignedIn) -> None:
    """What an agent may see is decided when the stream begins: so it begins anew."""
    with stream(console, anna) as socket:
        until_frame(socket, "board")
        console.accounts.change(anna.account.id, desks=("portal",))
        socket.send(json.dumps({"type": "here"}))
        assert closed_with(socket) == 1013


def test_no_stream_without_a_session(console: Console) -> None:
    with stream(console, None) as socket:
        assert closed_with(socket) == 4401


@pytest.mark.parametrize("role", ["editor", "taskforce"])
def test_no_stream_for_who_is_no_agent(console: Console, role: str) -> None:
    with stream(console, console.signed_in(role)) as socket:
        assert closed_with(socket) == 4403


def test_no_stream_for_another_website(console: Console, anna: SignedIn) -> None:
    """The cookie comes along from anywhere; the origin does not lie."""
    try:
        with stream(console, anna, origin=OUTSIDE) as socket:
            assert closed_with(socket) in (1013, 4401, 4403)
    except InvalidStatus as refused:
        assert refused.response.status_code == 403


@pytest.mark.parametrize(
    "frame", ["", "x", "[]", '{"type": "auth"}', b"\xff", json.dumps({"type": "typing", "conversation": "x" * 5000})]
)
def test_strange_frames_are_dropped(console: Console, anna: SignedIn, frame: str | bytes) -> None:
    with stream(console, anna) as socket:
        until_frame(socket, "board")
        socket.send(frame)
        socket.send(json.dumps({"type": "here"}))
        until_frame(socket, "here")


def test_no_more_than_ten_consoles_of_one_account(console: Console, anna: SignedIn) -> None:
    opened = []
    try:
        for _ in range(10):
            context = stream(console, anna)
            opened.append(context)
            until_frame(context.__enter__(), "board")
        with stream(console, anna) as eleventh:
            assert closed_with(eleventh) == 1013
    finally:
        for context in opened:
            context.__exit__(None, None, None)


# ---- texts


def test_every_text_of_the_console_is_there() -> None:
    """The scripts ask for them by name; a name that is put together has all its parts."""
    scripts = "\n".join(file.read_text() for file in sorted(STATIC.glob("*.js")))
    page = (ROOT / "integrations" / "console" / "pages" / "console.html").read_text()
    asked = set(re.findall(r"\bt\(\s*'([a-z_.0-9]+)'", scripts)) | set(re.findall(r"say\('([a-z_.0-9]+)'\)", page))
    asked |= set(re.findall(r"\? '([a-z]+\.[a-z_0-9]+)' : '", scripts)) | set(
        re.findall(r" : '([a-z]+\.[a-z_0-9]+)'\)", scripts)
    )
    known = {key.removeprefix("console.") for key in catalogue("nl") if key.startswith("console.")}
    assert len(asked) > 150
    assert asked - known == set()
    begins = set(re.findall(r"\bt\(`([a-z_]+(?:\.[a-z_]+)*)\.(?:[a-z_]+_)?\$\{", scripts))
    unused = {key for key in known - asked if not any(key.startswith(f"{begin}.") for begin in begins)}
    assert unused - {"suggestions.source"} == set(), "nobody asks for these"


def test_every_key_is_in_the_docs() -> None:
    keys = re.findall(r"\['([^']+)', '(?:Key|Digit)", (STATIC / "keys.js").read_text())
    assert len(keys) >= 9
    documented = (ROOT / "docs" / "helpdesk.md").read_text()
    assert [key for key in keys if f"`{key}`" not in documented] == []
