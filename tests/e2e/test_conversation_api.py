"""The conversation API against whoever does not keep to it, or keeps to it to the letter."""

from __future__ import annotations

import json
import socket
import sqlite3
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from urllib.parse import urlsplit

import httpx
import pytest

from bot.texts import text
from tests.conftest import Visitor
from tests.e2e.conversing import QUESTION, TOPIC, check_problem, gone_from_database, in_database
from tests.running import System

CODE = "ABCD-1234-EFGH"


# What is said: length and form


def test_2001_characters(talking: Visitor) -> None:
    """One too many: refused with both numbers, and not kept."""
    before = talking.messages()
    refused = talking.send({"text": "x" * 2001})
    check_problem(refused, 422, "too-long")
    assert "2001" in refused.json()["detail"]
    assert "2000" in refused.json()["detail"]
    assert talking.messages() == before


@pytest.mark.parametrize("said", ["é" * 2000, "🙂" * 2000, "vraag " * 333 + "xx"], ids=["letters", "emoji", "words"])
def test_2000_characters(visitor: Visitor, said: str) -> None:
    """As many as are allowed, whatever they weigh."""
    assert len(said) == 2000
    assert visitor.say(said)[-1]["kind"] in ("unknown", "choices", "handoff")
    assert visitor.messages()[-2]["text"] == said


@pytest.mark.parametrize("announced", [True, False], ids=["announced", "chunked"])
def test_ten_megabytes(talking: Visitor, announced: bool) -> None:
    """Refused while it is still coming in, and the server lives on."""
    address = urlsplit(talking.system.url)
    length = "Content-Length: 10485760" if announced else "Transfer-Encoding: chunked"
    head = (
        f"POST {talking.path}/messages HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {talking.token}\r\n{length}\r\n\r\n"
    )
    piece = b"x" * 65536 if announced else b"10000\r\n" + b"x" * 65536 + b"\r\n"
    said = b""
    with socket.create_connection((address.hostname, address.port), timeout=60) as client:
        try:
            client.sendall(head.encode())
            for _ in range(160):
                client.sendall(piece)
        except OSError:
            pass  # The server has stopped listening, which is its right.
        try:
            while part := client.recv(65536):
                said += part
        except ConnectionError:
            pass
    # What came back may be lost with the connection; where it was not, it is the right problem.
    assert not said or (b" 413 " in said.splitlines()[0] and b"application/problem+json" in said)
    assert len(talking.messages()) == 3


def test_a_body_just_too_large(talking: Visitor) -> None:
    """Over 64 kB: the refusal arrives whole, as a problem."""
    check_problem(talking.send({"text": "x" * 70_000}), 413, "too-large")


@pytest.mark.parametrize(
    "body",
    [
        b"{", b'{"text": "a"', b"text=a", b"[]", b'"text"', b"1", b"null", b'{"text": "\xff"}', b"\x00",
        b'{"text": "\\ud800"}', b"[" * 20_000, b'{"text":' * 5_000,
    ],
    ids=range(12),
)  # fmt: skip
def test_broken_json(talking: Visitor, body: bytes) -> None:
    """What is no JSON object is refused as such."""
    check_problem(talking.http.post(f"{talking.path}/messages", content=body), 400, "bad-json")


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ({"text": 5}, "invalid"), ({"text": ["a"]}, "invalid"), ({"text": {"a": 1}}, "invalid"),
        ({"text": True}, "invalid"), ({"payload": 5}, "invalid"), ({"payload": {"topic": TOPIC}}, "invalid"),
        ({"text": "hoi", "extra": 1}, "invalid"), ({"text": "hoi", "sender": "agent"}, "invalid"),
        ({"text": "hoi", "payload": "b"}, "invalid"), ({"payload": "b" * 101}, "invalid"),
        ({}, "empty"), ({"text": None}, "empty"), ({"text": ""}, "empty"), ({"text": " \t\n\u00a0"}, "empty"),
    ],
    ids=lambda value: json.dumps(value)[:40],
)  # fmt: skip
def test_wrong_bodies(talking: Visitor, body: dict, name: str) -> None:
    """Wrong types, unknown fields, nothing, or two things at once: refused, and not kept."""
    before = talking.messages()
    check_problem(talking.send(body), 422, name)
    assert talking.messages() == before


@pytest.mark.parametrize(
    "body", [{"language": "de"}, {"language": 1}, {"channel": "console"}, {"referrer": "<b>"}, {"mode": "agent"}]
)
def test_wrong_openings(system: System, body: dict) -> None:
    """A conversation opens with what the contract knows, and nothing else."""
    refused = httpx.post(system.url + "/api/v1/conversations", json=body, timeout=60)
    check_problem(refused, 422, "invalid")


# Who may


@pytest.mark.parametrize("authorization", [None, "", "Bearer", "Basic dTpw", "token"])
def test_no_token(visitor: Visitor, authorization: str | None) -> None:
    """Without a token nothing is said at all."""
    headers = {} if authorization is None else {"Authorization": authorization}
    refused = httpx.get(visitor.system.url + visitor.path + "/messages", headers=headers, timeout=60)
    check_problem(refused, 401, "no-token")
    assert refused.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("method", ["GET", "POST", "feedback", "DELETE"])
def test_token_of_another(system: System, talking: Visitor, method: str) -> None:
    """A stranger's conversation looks like one that never was, and stays as it is."""
    stranger, before = Visitor(system), talking.messages()

    def ask(id_: str) -> httpx.Response:
        path = f"/api/v1/conversations/{id_}"
        if method == "GET":
            return stranger.http.get(f"{path}/messages")
        if method == "POST":
            return stranger.http.post(f"{path}/messages", json={"text": "hoi"})
        if method == "feedback":
            return stranger.http.post(f"{path}/feedback", json={"message_id": before[-1]["id"], "helpful": True})
        return stranger.http.delete(path)

    theirs, nobodys = ask(talking.id), ask(str(uuid.uuid4()))
    check_problem(theirs, 404, "no-conversation")
    assert theirs.content == nobodys.content
    assert set(theirs.headers) == set(nobodys.headers)
    assert talking.messages() == before


def test_button_of_another(system: System, visitor: Visitor) -> None:
    """A button is good in the conversation that it was issued in; elsewhere it looks like none."""
    other = Visitor(system)
    theirs = visitor.send({"payload": other.opening[0]["buttons"][0]["id"]})
    check_problem(theirs, 404, "no-button")
    assert theirs.content == visitor.send({"payload": str(uuid.uuid4())}).content
    assert visitor.messages() == visitor.opening


@pytest.mark.parametrize(
    "headers",
    [{b"Authorization": b"Bearer \xff"}, {b"Idempotency-Key": b"\xff"}, {b"Origin": b"http://["}, {b"Origin": b"null"}],
    ids=ascii,
)
def test_headers_that_make_no_sense(talking: Visitor, headers: dict[bytes, bytes]) -> None:
    """A header that cannot be read is refused like a wrong one; it is no fault of ours."""
    url = f"{talking.system.url}{talking.path}/messages"
    sent = {b"Authorization": b"Bearer " + talking.token.encode(), **headers}
    refused = httpx.post(url, headers=list(sent.items()), json={"text": "hoi"}, timeout=60)
    assert 400 <= refused.status_code < 500


# The same message twice


def test_same_key_at_once(visitor: Visitor) -> None:
    """A double click: one message is kept, and both get the same reply."""
    with ThreadPoolExecutor(4) as threads:
        replies = [r.result() for r in [threads.submit(visitor.send, {"text": QUESTION}, "twice") for _ in range(4)]]
    assert {reply.status_code for reply in replies} == {200}
    assert len({reply.content for reply in replies}) == 1
    assert [m["sender"] for m in visitor.messages()[len(visitor.opening) :]] == ["visitor", "assistant"]


def test_a_visitor_who_hangs_up_halfway(system: System, visitor: Visitor) -> None:
    """Closing the tab once cancelled the turn: the question was kept, the reply lost, and Rasa logged the text."""
    address = urlsplit(system.url)
    body = json.dumps({"text": QUESTION}).encode()
    head = f"POST {visitor.path}/messages HTTP/1.1\r\nHost: {address.netloc}\r\nContent-Length: {len(body)}\r\n"
    head += f"Authorization: Bearer {visitor.token}\r\nContent-Type: application/json\r\n\r\n"
    before = len(visitor.messages())
    with socket.create_connection((address.hostname, address.port), timeout=60) as connection:
        connection.sendall(head.encode() + body)
        while len(visitor.messages()) == before:
            time.sleep(0.005)
    end = time.monotonic() + 90
    while visitor.messages()[-1]["sender"] == "visitor" and time.monotonic() < end:
        time.sleep(0.1)
    assert [message["sender"] for message in visitor.messages()[before:]] == ["visitor", "assistant"]
    assert visitor.messages()[-1]["topic"] == TOPIC
    assert QUESTION not in system.logs()


def test_same_key_for_another_text(talking: Visitor) -> None:
    """A key stands for one message of one conversation."""
    assert talking.send({"text": "dank u"}, "one").status_code == 200
    before = talking.messages()
    check_problem(talking.send({"text": "tot ziens"}, "one"), 409, "key-reused")
    assert talking.messages() == before
    assert Visitor(talking.system).send({"text": "tot ziens"}, "one").status_code == 200


def test_long_key(talking: Visitor) -> None:
    """A key has 200 characters at most."""
    assert talking.send({"text": "dank u"}, "k" * 200).status_code == 200
    check_problem(talking.send({"text": "dank u"}, "k" * 201), 422, "invalid")


# What must not stay


def test_erase(talking: Visitor) -> None:
    """What was erased is gone from the API and from every file of the database."""
    marker = f"zeepaardje{uuid.uuid4().hex}"
    talking.send({"text": f"Wat is een {marker}?"}, f"key-{marker}")
    assert in_database(talking.system, marker)
    assert talking.http.delete(talking.path).status_code == 204
    assert in_database(talking.system, marker) == []
    check_problem(talking.http.get(f"{talking.path}/messages"), 404, "no-conversation")
    check_problem(talking.http.delete(talking.path), 404, "no-conversation")


def test_erase_while_somebody_reads(talking: Visitor) -> None:
    """A reader keeps SQLite from folding its log in: the erased text stayed in the log after the reader had gone."""
    marker = f"zeepaardje{uuid.uuid4().hex}"
    talking.say(f"Wat is een {marker}?")
    with closing(sqlite3.connect(talking.system.database, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM messages").fetchone()
        assert talking.http.delete(talking.path).status_code == 204
        reader.execute("ROLLBACK")
    gone_from_database(talking.system, marker)


@pytest.mark.parametrize("said", ["Mijn code is {}, klopt die?", "{}", "code:{}.", "({})\n{}"])
@pytest.mark.parametrize("code", [CODE, CODE.lower()])
def test_activation_code(visitor: Visitor, said: str, code: str) -> None:
    """A code never gets further than the door: not into a reply, a file or a log."""
    reply = visitor.send({"text": said.replace("{}", code)}, "code")
    assert reply.status_code == 200
    assert (reply.json()["messages"][0]["sender"], reply.json()["messages"][0]["text"]) == (
        "system", text("privacy.masked", "nl")
    )  # fmt: skip
    shown = reply.text + json.dumps(visitor.messages()) + visitor.system.logs()
    assert code.lower() not in shown.lower()
    assert in_database(visitor.system, code) == []


# Reading, feedback, language


def test_paging(talking: Visitor) -> None:
    """Page by page gives what reading at once gives."""
    talking.say("dank u wel")
    whole, pages, after = talking.messages(), [], ""
    while page := talking.messages(limit=2, **({"after": after} if after else {})):
        assert len(page) <= 2
        pages += page
        after = page[-1]["id"]
    assert pages == whole
    assert [message["id"] for message in whole] == sorted(message["id"] for message in whole)


@pytest.mark.parametrize("query", [{"limit": "0"}, {"limit": "201"}, {"limit": "-1"}, {"limit": "x"}, {"after": "x"}])
def test_wrong_pages(visitor: Visitor, query: dict) -> None:
    """A page that cannot be is refused, and the field is named."""
    refused = visitor.http.get(f"{visitor.path}/messages", params=query)
    check_problem(refused, 422, "invalid")
    assert next(iter(query)) in refused.json()["detail"]


def test_feedback(system: System, talking: Visitor) -> None:
    """On a reply of one's own conversation, and as often as one changes one's mind."""
    question, answer = talking.messages()[-2:]

    def judge(id_: str, helpful: object) -> httpx.Response:
        return talking.http.post(f"{talking.path}/feedback", json={"message_id": id_, "helpful": helpful})

    assert [judge(answer["id"], True).status_code, judge(answer["id"], False).status_code] == [204, 204]
    check_problem(judge(question["id"], True), 404, "no-message")
    check_problem(judge(Visitor(system).opening[0]["id"], True), 404, "no-message")
    check_problem(judge(answer["id"], "ja"), 422, "invalid")


def test_problems_in_the_conversations_language(system: System) -> None:
    """The conversation's language counts, not the browser's."""
    english = Visitor(system, language="en")
    refused = english.http.post(f"{english.path}/messages", json={"text": ""}, headers={"Accept-Language": "nl"})
    check_problem(refused, 422, "empty", "en")
    assert refused.headers["Content-Language"] == "en"


def test_a_sign_that_no_database_takes(visitor: Visitor) -> None:
    """It falls away; the words of somebody who writes about it do not."""
    for said, kept in (
        ("wat is \x00\x00het Charter\x00", "wat is het Charter"), ("wat is \\u0000 in het Charter", None),
        ("wat is \\\x00 het Charter", "wat is \\ het Charter"),
    ):  # fmt: skip
        visitor.say(said)
        assert [m["text"] for m in visitor.messages() if m["sender"] == "visitor"][-1] == (kept or said)
    assert visitor.send({"text": "\x00"}).status_code == 422
