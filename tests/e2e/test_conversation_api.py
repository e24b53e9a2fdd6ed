"""The conversation API against whoever does not keep to it, or keeps to it to the letter."""

from __future__ import annotations

import json
import socket
import sqlite3
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from urllib.parse import urlsplit

import httpx
import pytest
import yaml
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from bot.texts import text
from tests.conftest import ROOT, System, Visitor

QUESTION = "Wat moet ik doen als wij geen activatiecode hebben ontvangen?"
TOPIC = "portal.activation-code-missing"
CODE = "ABCD-1234-EFGH"

INTENTS = [
    *sorted(i for file in (ROOT / "domain").glob("*.yml") for i in yaml.safe_load(file.read_text()).get("intents", ())),
    *("restart", "back", "session_start", "nlu_fallback"),
]  # fmt: skip
FORMS = [
    "/{}", '/{}{{"a": "b"}}', "/{}@0.9", '/{}@0.9{{"a": "b"}}', "/{}{{broken", "/{} en dan nog iets", "//{}", "/ {}",
    '/{}{{"a": "b"}}\n/{}',
]  # fmt: skip
HIDDEN = {
    "nothing": "", "spaces": "   ", "tabs": "\t\t", "newlines": "\n\r\n", "NBSP": "\u00a0", "ideographic": "\u3000",
    "line separator": "\u2028", "U+200B": "\u200b", "U+200C": "\u200c", "U+200D": "\u200d", "U+2060": "\u2060",
    "U+FEFF": "\ufeff", "U+00AD": "\u00ad", "U+180E": "\u180e", "U+202E": "\u202e", "U+2066": "\u2066",
    "NUL": "\x00", "controls": "\x01\x1b\x7f\x85", "combining": "\u0301\u20dd", "selector": "\ufe0f",
    "filler": "\u3164", "braille": "\u2800", "tag": "\U000e0041", "private": "\ue000",
    "mixed": " \u200b\u0301\u202e\n",
}  # fmt: skip


@pytest.fixture
def visitor(system: System) -> Visitor:
    """A visitor with a Dutch conversation."""
    return Visitor(system)


def state(visitor: Visitor) -> tuple:
    """What the conversation remembers."""
    columns = "language, mode, version, last_topic, misses"
    with closing(sqlite3.connect(visitor.system.database)) as database:
        query = f"SELECT {columns} FROM conversations WHERE id = ?"
        return tuple(database.execute(query, (visitor.id,)).fetchone())


def in_database(system: System, said: str) -> list[str]:
    """Which of the database's files hold the text."""
    files = [system.database.with_name(f"test.db{end}") for end in ("", "-wal", "-shm")]
    return [file.name for file in files if file.exists() and said.encode() in file.read_bytes()]


def check_problem(reply: httpx.Response, status: int, name: str, language: str = "nl") -> None:
    """The reply is this problem, as RFC 9457 has it, with nothing more in it."""
    assert (reply.status_code, reply.headers["Content-Type"]) == (status, "application/problem+json"), reply.text
    said = reply.json()
    assert set(said) == {"type", "title", "status", "detail"}
    assert (said["type"], said["status"]) == (f"urn:wegwijzer:problem:{name}", status)
    assert said["title"] == text(f"problem.{name.replace('-', '_')}.title", language)


@pytest.fixture
def talking(visitor: Visitor) -> Visitor:
    """A visitor who has had an answer, so that there is something to lose."""
    assert visitor.say(QUESTION)[-1]["topic"] == TOPIC
    return visitor


# What is said: length, form, signs


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
    with socket.create_connection((address.hostname, address.port), timeout=30) as client:
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
    refused = httpx.post(system.url + "/api/v1/conversations", json=body)
    check_problem(refused, 422, "invalid")


@pytest.mark.parametrize("said", ["👍", "🤷🏽‍♀️ 🇳🇱", "?!", "\u200b", "\u202e\u2066", "…"], ids=ascii)
def test_no_words(talking: Visitor, said: str) -> None:
    """Signs alone are not guessed at."""
    before = state(talking)
    reply = talking.say(said)
    assert [(m["kind"], m["text"]) for m in reply] == [("unknown", text("unknown.no_words", "nl"))]
    assert state(talking) == before


@pytest.mark.parametrize(
    "said", ["ما هو قانون التنوع؟", "מהו חוק הגיוון?", "\u202eedocitavitca", "e\u0301e\u0301n vraag 👍"]
)
def test_other_writing(talking: Visitor, said: str) -> None:
    """Right-to-left text comes back as it was written, with a reply that is no failure."""
    assert talking.say(said)[-1]["kind"] in ("unknown", "choices", "answer", "handoff", "smalltalk")
    assert talking.messages()[3]["text"] == said


# Commands of Rasa


def check_not_understood(visitor: Visitor, said: list[str]) -> None:
    """Each text gets the one reply that says why, and none of them changes what the conversation remembers."""
    before = state(visitor)
    wrong = {}
    for words in said:
        reply = visitor.send({"text": words})
        expected = [("unknown", text("unknown.slash", "nl"))]
        if reply.status_code != 200 or [(m["kind"], m["text"]) for m in reply.json()["messages"]] != expected:
            wrong[words] = reply.text
        elif state(visitor) != before:
            wrong[words] = f"{before} became {state(visitor)}"
            before = state(visitor)
    assert not wrong


@pytest.mark.parametrize("form", FORMS)
def test_slash_in_every_form(talking: Visitor, form: str) -> None:
    """A text that Rasa would read as a command never gets there, whatever the intent."""
    check_not_understood(talking, [form.format(*[intent] * form.count("{}")) for intent in INTENTS])


@pytest.mark.parametrize("hidden", HIDDEN.values(), ids=HIDDEN)
def test_slash_behind_what_nobody_sees(talking: Visitor, hidden: str) -> None:
    """Nor does one that hides its slash behind spaces, zero-width, control or combining characters."""
    check_not_understood(talking, [f"{hidden}/{intent}{end}" for intent in INTENTS for end in ("", '{"a": "b"}')])


def test_slash_switches_no_language(talking: Visitor) -> None:
    """What is not read decides nothing: '/affirm {"a": "b"} …' made a Dutch conversation English."""
    before = state(talking)
    talking.say('/affirm {"with": "the", "words": "of another language that nobody has read"}')
    assert state(talking) == before


@pytest.mark.parametrize("intent", INTENTS)
def test_external(talking: Visitor, intent: str) -> None:
    """What Rasa writes for a triggered intent is, from a visitor, just words.

    "EXTERNAL: stop" may therefore do what "stop" does; an intent that is no words of a visitor does nothing.
    """
    before = state(talking)
    reply = talking.send({"text": f"EXTERNAL: {intent}"})
    assert reply.status_code == 200
    assert "error" not in [message["kind"] for message in reply.json()["messages"]]
    spoken = ("start_over", "stop", "speak_dutch", "speak_english", "restart", "back")
    assert state(talking)[1:3] == before[1:3]
    assert intent in spoken or (state(talking)[0], state(talking)[3]) == (before[0], before[3])


# Who may


@pytest.mark.parametrize("authorization", [None, "", "Bearer", "Basic dTpw", "token"])
def test_no_token(visitor: Visitor, authorization: str | None) -> None:
    """Without a token nothing is said at all."""
    headers = {} if authorization is None else {"Authorization": authorization}
    refused = httpx.get(visitor.system.url + visitor.path + "/messages", headers=headers)
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
    assert 400 <= httpx.post(url, headers=list(sent.items()), json={"text": "hoi"}).status_code < 500


# The same message twice


def test_same_key_at_once(visitor: Visitor) -> None:
    """A double click: one message is kept, and both get the same reply."""
    with ThreadPoolExecutor(4) as threads:
        replies = [r.result() for r in [threads.submit(visitor.send, {"text": QUESTION}, "twice") for _ in range(4)]]
    assert {reply.status_code for reply in replies} == {200}
    assert len({reply.content for reply in replies}) == 1
    assert [m["sender"] for m in visitor.messages()[len(visitor.opening) :]] == ["visitor", "assistant"]


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
    end = time.monotonic() + 15
    while left := in_database(talking.system, marker):
        assert time.monotonic() < end, f"the text is still in {left}"
        time.sleep(0.1)


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


# The stream


@contextmanager
def stream(visitor: Visitor, **options: object) -> Iterator[ClientConnection]:
    """The visitor's stream, before the first frame."""
    url = visitor.system.url.replace("http", "ws", 1) + visitor.path + "/stream"
    with connect(url, open_timeout=20, **options) as socket:  # type: ignore[arg-type]
        yield socket


def authenticate(socket: ClientConnection, token: str, after: str | None = None) -> list[dict]:
    """Says who is there; gives the messages that the server catches up with."""
    socket.send(json.dumps({"type": "auth", "token": token, "after": after}))
    return list(until_frame(socket, "mode"))


def until_frame(socket: ClientConnection, kind: str) -> Iterator[dict]:
    """The messages that come in until a frame of the kind does."""
    while (frame := json.loads(socket.recv(30)))["type"] != kind:
        if frame["type"] == "message":
            yield frame["message"]


def closed_with(socket: ClientConnection) -> int:
    """The code that the server closes with."""
    with pytest.raises(ConnectionClosed) as closed:
        while True:
            socket.recv(30)
    assert closed.value.rcvd is not None
    return closed.value.rcvd.code


@pytest.mark.parametrize("frame", ["other", "unknown", "hello", '{"type": "auth"}', "[]", b"\xff"], ids=ascii)
def test_stream_with_a_wrong_token(system: System, visitor: Visitor, frame: str | bytes) -> None:
    """Closed as unauthorised, with nothing shown."""
    tokens = {"other": Visitor(system).token, "unknown": "x"}
    with stream(visitor) as socket:
        first = json.dumps({"type": "auth", "token": tokens[frame]}) if frame in tokens else frame
        socket.send(first)
        assert closed_with(socket) == 4401


def test_stream_of_nobodys_conversation(visitor: Visitor) -> None:
    """Looks the same as a stranger's."""
    visitor.path = f"/api/v1/conversations/{uuid.uuid4()}"
    with stream(visitor) as socket:
        socket.send(json.dumps({"type": "auth", "token": visitor.token}))
        assert closed_with(socket) == 4401


def test_stream_without_a_token(visitor: Visitor) -> None:
    """Whoever says nothing is not kept for ever."""
    with stream(visitor) as socket:
        assert closed_with(socket) == 4401


def test_stream_from_a_foreign_origin(visitor: Visitor) -> None:
    """A foreign website is refused at the door, our own is not."""
    with pytest.raises(InvalidStatus) as refused, stream(visitor, origin="https://evil.example"):
        pass
    assert refused.value.response.status_code == 403
    with stream(visitor, origin=visitor.system.url) as socket:
        assert authenticate(socket, visitor.token) == visitor.opening


def test_preflight_from_a_foreign_origin(system: System) -> None:
    """Refused, with no header that would let a browser go on."""
    headers = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    refused = httpx.options(system.url + "/api/v1/conversations", headers=headers)
    check_problem(refused, 403, "origin")
    assert "Access-Control-Allow-Origin" not in refused.headers


def test_stream_catches_up(talking: Visitor) -> None:
    """After the message that the visitor has last, everything, once, in order."""
    said = talking.messages()
    for known in range(len(said)):
        with stream(talking) as socket:
            assert authenticate(socket, talking.token, said[known]["id"]) == said[known + 1 :]


def test_stream_tells_each_message_once(visitor: Visitor) -> None:
    """What the visitor says, and what is replied, arrive as they are stored, each once and with typing between."""
    with stream(visitor) as first, stream(visitor) as second:
        for socket in (first, second):
            assert authenticate(socket, visitor.token) == visitor.opening
        replies = [*visitor.say(QUESTION), *visitor.say("dank u wel")]
        for socket in (first, second):
            frames = [json.loads(socket.recv(30)) for _ in range(6)]
            assert [frame["type"] for frame in frames] == ["message", "typing", "message"] * 2
            told = [frame["message"] for frame in frames if frame["type"] == "message"]
            assert told == visitor.messages()[len(visitor.opening) :]
            assert told[1::2] == replies
            with pytest.raises(TimeoutError):
                socket.recv(0.2)


def test_stream_ends_with_the_conversation(visitor: Visitor) -> None:
    """Erased in one window, over in the other."""
    with stream(visitor) as socket:
        authenticate(socket, visitor.token)
        assert visitor.http.delete(visitor.path).status_code == 204
        assert closed_with(socket) in (1000, 1013, 4401)


def test_no_faults_of_our_own(system: System) -> None:
    """After all of the above no log holds a traceback, or a task that was forgotten (a stream left one each time)."""
    assert not [line for line in system.logs().splitlines() if line.startswith(("Traceback", "ERROR"))]
