"""Bad weather around the system: processes that die or hang, a locked database, a crowd. Nothing is lost."""

from __future__ import annotations

import os
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager

import httpx
import pytest

from bot.texts import text
from tests.conftest import Visitor
from tests.running import System

QUESTION = "Wat moet ik doen als wij geen activatiecode hebben ontvangen?"
TOPIC = "portal.activation-code-missing"
NUMBER = "070 - 2002 532"
PROCESSES = ("web", "actions", "rasa")


@pytest.fixture
def fragile(fragile_system: System) -> Iterator[System]:
    """The system that a test may break; whatever the test left broken is mended, so that the next one is fair."""
    yield fragile_system
    for name in PROCESSES:
        signal_to(fragile_system, name, signal.SIGCONT)
        if name not in fragile_system.processes:
            start_again(fragile_system, name)
    fragile_system.wait_until(200)


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """The web process alone, with the limits that a visitor meets. Nobody is behind it to answer.

    Whoever needs an address of their own says so as a proxy does.
    """
    settings = {"ALLOWED_ORIGINS": "https://www.example.nl, https://partner.example", "TRUSTED_PROXIES": "127.0.0.1"}
    system = System(tmp_path_factory.mktemp("door"), settings)
    for name in (
        "CONVERSATIONS_PER_ADDRESS_PER_HOUR", "MESSAGES_PER_ADDRESS_PER_MINUTE", "MESSAGES_PER_CONVERSATION_PER_MINUTE"
    ):  # fmt: skip
        del system.environment[name]
    with system.web_alone():
        yield system


def signal_to(system: System, name: str, number: int) -> None:
    """Sends a signal to a process, where it runs."""
    if name in system.processes:
        os.killpg(system.processes[name].pid, number)


def start_again(system: System, name: str) -> None:
    """Starts a process that was killed. What the health check remembers from before must be over by then."""
    if name == "web":
        system.start("web")
        return
    system.wait_until(503)
    system.start(name)


def rows(system: System, query: str, *values: object) -> list[tuple]:
    """What the database says."""
    with closing(sqlite3.connect(system.database, timeout=60)) as database:
        found = database.execute(query, values).fetchall()
        database.commit()
    return found


def stored(visitor: Visitor, said: str) -> int:
    """How often the visitor's message is kept."""
    query = "SELECT count(*) FROM messages WHERE conversation_id = ? AND sender = 'visitor' AND text = ?"
    return int(rows(visitor.system, query, visitor.id, said)[0][0])


def until(condition: Callable[[], object], what: str, seconds: float = 90) -> None:
    """Waits for a condition."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"in vain: {what}"
        time.sleep(0.02)


def age(visitor: Visitor) -> None:
    """Makes the visitor's messages so old that nobody can still be answering them."""
    rows(visitor.system, "UPDATE messages SET created_at = '2020-01-01 00:00:00.000000' WHERE conversation_id = ?"
         " AND sender = 'visitor'", visitor.id)  # fmt: skip


@contextmanager
def locked(system: System, how: str) -> Iterator[None]:
    """Another program keeps the database to itself."""
    with closing(sqlite3.connect(system.database, timeout=60, isolation_level=None)) as other:
        other.execute(f"BEGIN {how}")
        yield
        other.execute("ROLLBACK")


def check_failed(replies: list[dict]) -> dict:
    """The replies are one error message with the helpdesk's number and a button to try again; gives the button."""
    assert [reply["kind"] for reply in replies] == ["error"]
    assert NUMBER in replies[0]["text"]
    assert [button["title"] for button in replies[0]["buttons"]] == [text("button.again", "nl")]
    return replies[0]["buttons"][0]


def parts(system: System, path: str) -> tuple[int, dict]:
    """What a health check says."""
    reply = httpx.get(system.url + path, timeout=60)
    return reply.status_code, reply.json()


@pytest.mark.parametrize("name", ["rasa", "actions"])
def test_killed_in_mid_conversation(fragile: System, name: str) -> None:
    """The visitor hears at once that it failed; the question waits for the button, and the button answers it.

    Pressing it too early gives another button, and that one still stands for the question. Meanwhile who asks for
    readiness hears no, who asks for life hears yes.
    """
    visitor = Visitor(fragile)
    assert visitor.say(QUESTION)[-1]["topic"] == TOPIC
    fragile.stop(name, with_signal=signal.SIGKILL)
    failed = check_failed(visitor.say("Kunnen wij ons aanmelden zonder activatiecode?"))
    assert visitor.messages()[-2]["text"] == "Kunnen wij ons aanmelden zonder activatiecode?"
    again = check_failed(visitor.press(failed))
    fragile.wait_until(503)
    down = {"status": "not ready", "parts": {"database": "ok", "assistant": "down"}}
    assert parts(fragile, "/readyz") == (503, down)
    status, health = parts(fragile, "/healthz")
    assert (status, health["status"], health["parts"]["assistant"]) == (200, "degraded", "down")
    said = visitor.messages()
    start_again(fragile, name)
    fragile.wait_until(200)
    assert visitor.messages() == said, "answered behind the visitor's back"
    assert visitor.press(again)[-1]["topic"] == TOPIC


def test_hanging(fragile: System) -> None:
    """A process that accepts connections and says nothing must not keep the visitor waiting for ever."""
    failed: list[tuple[Visitor, dict]] = []
    with fragile.web_with(ROUTER_TIMEOUT_SECONDS="1"):
        for name in ("rasa", "actions"):
            visitor = Visitor(fragile)
            signal_to(fragile, name, signal.SIGSTOP)
            try:
                failed.append((visitor, check_failed(visitor.say(QUESTION))))
                fragile.wait_until(503)
            finally:
                signal_to(fragile, name, signal.SIGCONT)
            fragile.wait_until(200)
    fragile.wait_until(200)
    for visitor, again in failed:
        assert visitor.press(again)[-1]["topic"] == TOPIC


@pytest.mark.parametrize("how", ["IMMEDIATE", "EXCLUSIVE"])
def test_database_locked(fragile: System, how: str) -> None:
    """Nothing can be stored, so nothing is promised: 503, and when to come back."""
    visitor = Visitor(fragile)
    with locked(fragile, how):
        refused = visitor.send({"text": QUESTION})
    assert refused.status_code == 503
    assert refused.headers["Content-Type"] == "application/problem+json"
    assert int(refused.headers["Retry-After"]) >= 1
    assert refused.json()["type"] == "urn:wegwijzer:problem:busy"
    assert "sql" not in refused.text.lower()
    assert stored(visitor, QUESTION) == 0
    assert visitor.say(QUESTION)[-1]["topic"] == TOPIC


def test_database_locked_while_opening(fragile: System) -> None:
    """Opening a conversation meets the same lock with the same words."""
    with locked(fragile, "EXCLUSIVE"):
        refused = httpx.post(fragile.url + "/api/v1/conversations", json={"language": "en"}, timeout=60)
    assert (refused.status_code, refused.headers["Content-Type"]) == (503, "application/problem+json")
    assert "Retry-After" in refused.headers


def locked_before_the_reply(visitor: Visitor, key: str) -> httpx.Response:
    """The message is stored, then the database is locked until the reply has failed to follow it."""
    signal_to(visitor.system, "rasa", signal.SIGSTOP)
    with ThreadPoolExecutor(1) as threads:
        try:
            sending = threads.submit(visitor.send, {"text": QUESTION}, key)
            until(lambda: stored(visitor, QUESTION), "the message is stored")
            with locked(visitor.system, "IMMEDIATE"):
                signal_to(visitor.system, "rasa", signal.SIGCONT)
                return sending.result(90)
        finally:
            signal_to(visitor.system, "rasa", signal.SIGCONT)


def test_database_locked_before_the_reply(fragile: System) -> None:
    """The same key again gives the answer, and the question stands there once."""
    visitor = Visitor(fragile)
    assert locked_before_the_reply(visitor, "locked").status_code == 503
    answered = visitor.send({"text": QUESTION}, "locked")
    assert (answered.status_code, stored(visitor, QUESTION)) == (200, 1)
    assert answered.json()["messages"][-1]["topic"] == TOPIC


def test_a_kept_message_is_not_said_to_be_lost(fragile: System) -> None:
    """ "Your message was not kept", said of one that was, makes people send it twice."""
    visitor = Visitor(fragile)
    refused = locked_before_the_reply(visitor, "lost")
    assert stored(visitor, QUESTION) == 1
    assert "niet bewaard" not in refused.json()["detail"]


def web_killed_before_the_reply(visitor: Visitor, said: str, key: str | None = None) -> None:
    """Kills the web process when the message is stored and Rasa has not answered; starts it again."""
    system = visitor.system
    signal_to(system, "rasa", signal.SIGSTOP)
    try:
        with ThreadPoolExecutor(1) as threads:
            sending = threads.submit(visitor.send, {"text": said}, key)
            until(lambda: stored(visitor, said), "the message is stored")
            system.stop("web", with_signal=signal.SIGKILL)
            with pytest.raises(httpx.TransportError):
                sending.result(90)
    finally:
        signal_to(system, "rasa", signal.SIGCONT)
    system.start("web")
    system.wait_until(200)


def test_web_killed_and_the_same_key_again(fragile: System) -> None:
    """The widget sends again what got no reply: it is answered, and stored once."""
    visitor = Visitor(fragile)
    web_killed_before_the_reply(visitor, QUESTION, "killed")
    # Asked of the database: whoever asks the API some seconds later is told that there was a fault.
    assert stored(visitor, QUESTION) == 1
    first = visitor.send({"text": QUESTION}, "killed").json()
    assert first["messages"][-1]["topic"] == TOPIC
    assert visitor.send({"text": QUESTION}, "killed").json() == first
    assert stored(visitor, QUESTION) == 1


def test_web_killed_and_nobody_sends_again(fragile: System) -> None:
    """Whoever comes back later finds the question, that it was not answered, and a button that answers it."""
    visitor = Visitor(fragile)
    web_killed_before_the_reply(visitor, QUESTION)
    age(visitor)
    question, failed = visitor.messages()[-2:]
    assert question["text"] == QUESTION
    again = check_failed([failed])
    assert visitor.messages()[-1] == failed, "said twice"
    assert visitor.press(again)[-1]["topic"] == TOPIC


def test_trying_again_is_no_way_to_rasa_for_a_slash(fragile: System) -> None:
    """An unanswered "/speak_english" went to Rasa as a command when its "try again" was pressed.

    The state that a process leaves which ends between storing and answering is made in the database.
    """
    visitor = Visitor(fragile)
    visitor.say("/speak_english")
    rows(fragile, "DELETE FROM messages WHERE conversation_id = ? AND reply_to IS NOT NULL", visitor.id)
    age(visitor)
    replies = visitor.press(check_failed(visitor.messages()[-1:]))
    assert [reply["text"] for reply in replies] == [text("unknown.slash", "nl")]


def test_slash_never_reaches_rasa(door: System) -> None:
    """With nobody behind the door a question fails, and a command is still answered: by the door itself."""
    forms = (
        "/restart",
        '/start_over{"a": "b"}',
        "/stop@0.9",
        '\u200b\ufeff /choose_topic@0.9{"topic": "x"}',
        "/greet{oops",
    )
    visitor = Visitor(door)
    check_failed(visitor.say(QUESTION))
    for form in forms:
        assert [(m["kind"], m["text"]) for m in visitor.say(form)] == [("unknown", text("unknown.slash", "nl"))]


def test_a_thousand_conversations(door: System) -> None:
    """One address opens sixty in an hour; whoever is in one already goes on."""
    from_one_address = {"X-Forwarded-For": "192.0.2.1"}
    first = Visitor(door)
    first.http.headers.update(from_one_address)
    with httpx.Client(base_url=door.url, timeout=60, headers=from_one_address) as http:
        replies = [http.post("/api/v1/conversations", json={}) for _ in range(1000)]
    assert {reply.status_code for reply in replies[:60]} == {201}
    # A window of the clock that ends meanwhile lets a few more in.
    refused = next(reply for reply in reversed(replies) if reply.status_code != 201)
    assert (refused.status_code, refused.headers["Content-Type"]) == (429, "application/problem+json")
    assert refused.headers["Retry-After"] in refused.json()["detail"]
    assert sum(reply.status_code == 201 for reply in replies) < 70
    check_failed(first.say(QUESTION))
    assert len(first.messages()) == 3


def test_thirty_one_messages(door: System) -> None:
    """One conversation takes thirty messages a minute; another one is not touched by that."""
    busy, other = Visitor(door), Visitor(door)
    replies = [busy.send({"text": QUESTION}) for _ in range(30)]
    assert {reply.status_code for reply in replies} == {200}
    # As many again come in a minute later, and a slow machine may see that minute.
    while (refused := busy.send({"text": QUESTION})).status_code == 200:
        replies.append(refused)
        assert len(replies) < 65
    assert refused.status_code == 429
    assert int(refused.headers["Retry-After"]) >= 1
    assert stored(busy, QUESTION) == len(replies)
    check_failed(other.say(QUESTION))


def test_origins(door: System) -> None:
    """The preflight of a website that the setting names is answered; any other is refused without a CORS header."""
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,content-type"}
    address = door.url + "/api/v1/conversations"
    allowed = httpx.options(address, headers={"Origin": "https://partner.example", **asked}, timeout=60)
    foreign = httpx.options(address, headers={"Origin": "https://evil.example", **asked}, timeout=60)
    posted = httpx.post(address, headers={"Origin": "https://partner.example"}, json={}, timeout=60)
    assert allowed.status_code in (200, 204)
    assert allowed.headers["Access-Control-Allow-Origin"] == "https://partner.example"
    assert "POST" in allowed.headers["Access-Control-Allow-Methods"]
    assert "authorization" in allowed.headers["Access-Control-Allow-Headers"].lower()
    assert foreign.status_code == 403
    assert "Access-Control-Allow-Origin" not in foreign.headers
    assert (posted.status_code, posted.headers["Access-Control-Allow-Origin"]) == (201, "https://partner.example")
