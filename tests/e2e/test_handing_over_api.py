"""A visitor and an agent in a running system: from the second miss to the last word, and what goes wrong in between."""

from __future__ import annotations

import json
import signal
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text as sql
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection

from bot.texts import text
from tests.conftest import Visitor
from tests.e2e.companies import BLOEMEN, Companies
from tests.e2e.conversing import QUESTION, TOPIC
from tests.e2e.staffed import Staffed, questions_without_an_answer, until_frame
from tests.e2e.test_stream import authenticate, stream
from tests.running import free_port

ASK = {"nl": "Ik wil een medewerker spreken", "en": "I want to talk to a person"}


def mode_of(visitor: Visitor) -> dict:
    """What the visitor's stream says of who is talking."""
    with stream(visitor) as socket:
        socket.send(json.dumps({"type": "auth", "token": visitor.token, "after": visitor.messages()[-1]["id"]}))
        return next_frame(socket)


def next_frame(socket: ClientConnection) -> dict:
    return json.loads(socket.recv(60))


def asks(visitor: Visitor) -> dict:
    """Asks for a person; gives the reply."""
    [reply] = visitor.say(ASK[visitor.language])
    return reply


# Asking for a person


@pytest.mark.parametrize(
    ("language", "said"),
    [("nl", "kan ik met een mens praten?"), ("en", "can I speak to a human?"), ("nl", "medewerker"), ("en", ASK["en"])],
)
def test_asked_in_ones_own_words(staffed: Staffed, language: str, said: str) -> None:
    """Rasa understands it, the actions say which desk, and the web process knows who is there."""
    staffed.agent()
    visitor = staffed.visitor(language)
    [reply] = visitor.say(said)
    assert reply["kind"] == "handoff"
    assert text("desk.charter.name", language) in reply["text"]
    assert [button["title"] for button in reply["buttons"]] == [text("hand_over.leave", language)]
    assert mode_of(visitor) == {"type": "mode", "mode": "queue", "position": 1}


@pytest.mark.parametrize("language", ["nl", "en"])
def test_two_misses_lead_to_a_person(staffed: Staffed, language: str) -> None:
    anna = staffed.agent()
    visitor = staffed.visitor(language)
    first, second, *_ = questions_without_an_answer(language, "charter")
    [missed], [handed_over] = visitor.say(first), visitor.say(second)
    assert (missed["kind"], handed_over["kind"]) == ("unknown", "handoff")
    assert handed_over["text"].startswith(text("unknown.second", language))
    assert mode_of(visitor)["mode"] == "queue"
    shown = anna.claims(visitor)
    assert (shown["reason"], shown["desk"], shown["language"]) == ("misses", "charter", language)
    tried = [message["decision"] for message in anna.sees(visitor)["messages"] if message["decision"]]
    assert [decision["outcome"] for decision in tried if decision["outcome"] == "unknown"] == ["unknown"] * 2


@pytest.mark.parametrize("language", ["nl", "en"])
def test_when_nobody_is_there_the_question_waits_for_the_desk(staffed: Staffed, language: str) -> None:
    """How to reach the desk, and a form: a reference, also without contact details."""
    visitor = staffed.visitor(language)
    reply = asks(visitor)
    assert "(/?wegwijzer-form=question)" in reply["text"] and "070 - 3 499 576" in reply["text"]
    assert mode_of(visitor)["mode"] == "assistant"
    fields = {"desk": "charter", "question": "Mag een stichting tekenen?", "consent": True}
    put_in = visitor.http.post(f"{visitor.path}/requests", json={"kind": "question", "fields": fields})
    assert put_in.status_code == 201, put_in.text
    assert put_in.json()["reference"] in visitor.messages()[-1]["text"]
    assert visitor.say(QUESTION)[-1]["sender"] == "assistant"


def test_with_rasa_down_a_person_can_be_asked_for(staffed: Staffed) -> None:
    staffed.agent()
    visitor = staffed.visitor()
    # To the web process, where nobody listens is where Rasa has ended; and it need not start again.
    with staffed.system.web_with(RASA_URL=f"http://127.0.0.1:{free_port()}"):
        assert visitor.say(QUESTION)[-1]["kind"] == "error"
        assert asks(visitor)["kind"] == "handoff"
        assert mode_of(visitor)["mode"] == "queue"


def test_on_with_the_assistant(staffed: Staffed) -> None:
    staffed.agent()
    first, second = staffed.visitor(), staffed.visitor()
    reply = asks(first)
    asks(second)
    assert mode_of(second)["position"] == 2
    assert first.say(QUESTION)[-1]["topic"] == TOPIC, "in the queue the assistant answers"
    [left] = first.press(reply["buttons"][0])
    assert left["text"] == text("hand_over.left", "nl")
    assert mode_of(first)["mode"] == "assistant"
    assert mode_of(second)["position"] == 1


# With an agent


def test_from_the_claim_to_the_last_word(staffed: Staffed) -> None:
    anna = staffed.agent("Anna Voorbeeld")
    visitor = staffed.visitor()
    asks(visitor)
    with stream(visitor) as socket, anna.stream() as console:
        authenticate(socket, visitor.token, visitor.messages()[-1]["id"])
        anna.claims(visitor)
        joined = until_frame(socket, "message")["message"]
        assert joined["sender"] == "system" and "Anna" in joined["text"] and "Voorbeeld" not in joined["text"]
        assert until_frame(socket, "mode") == {"type": "mode", "mode": "agent", "position": None}

        assert visitor.say("Mag een stichting tekenen?") == []
        heard = until_frame(console, "message", conversation=visitor.id)["message"]
        while heard["sender"] != "visitor":
            heard = until_frame(console, "message", conversation=visitor.id)["message"]
        assert heard["text"] == "Mag een stichting tekenen?"

        said = anna.says(visitor, "Ja, dat **mag**.", "k")
        assert anna.says(visitor, "Ja, dat **mag**.", "k")["id"] == said["id"]
        told = until_frame(socket, "message")["message"]
        while told["sender"] != "agent":
            told = until_frame(socket, "message")["message"]
        assert (told["id"], told["text"]) == (said["id"], "Ja, dat **mag**.")

        assert anna.does(visitor, "close", outcome="answered").status_code in (200, 204)
        assert until_frame(socket, "mode")["mode"] == "closed"
    closing = visitor.messages()[-1]
    helped = {"message_id": closing["id"], "helpful": True}
    assert visitor.http.post(f"{visitor.path}/feedback", json=helped).status_code == 204
    assert [message["sender"] for message in visitor.messages()].count("agent") == 1
    assert visitor.say(QUESTION)[-1]["topic"] == TOPIC, "a new question simply goes on"
    assert mode_of(visitor)["mode"] == "assistant"


def test_handed_back(staffed: Staffed) -> None:
    anna = staffed.agent()
    visitor = staffed.visitor()
    asks(visitor)
    anna.claims(visitor)
    assert anna.does(visitor, "hand-back").status_code in (200, 204)
    assert visitor.messages()[-1]["text"] == text("hand_over.handed_back", "nl")
    assert visitor.say(QUESTION)[-1]["topic"] == TOPIC


def test_who_comes_too_late_hears_who_was_first(staffed: Staffed) -> None:
    agents = [staffed.agent(f"Agent {number}") for number in range(8)]
    visitor = staffed.visitor()
    asks(visitor)
    together = threading.Barrier(8)

    def claim(number: int) -> int:
        together.wait(60)
        return agents[number].does(visitor, "claim").status_code

    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(claim, range(8)))
    assert sorted(found) == [200] + [409] * 7
    winner = agents[found.index(200)].account.name
    refused = agents[found.index(409)].does(visitor, "claim").json()
    assert refused["type"] == "urn:wegwijzer:problem:claimed"
    assert winner in refused["detail"]


def test_typing_both_ways_and_nothing_else(staffed: Staffed) -> None:
    """Whatever else a client sends is dropped, and the stream goes on."""
    anna = staffed.agent()
    visitor = staffed.visitor()
    asks(visitor)
    anna.claims(visitor)
    with stream(visitor) as socket, anna.stream() as console:
        authenticate(socket, visitor.token, visitor.messages()[-1]["id"])
        for junk in ("", "{", "[]", "1", b"\xff\xfe", '{"type": "mode", "mode": "closed"}', "x" * 5000, "[" * 90):
            socket.send(junk)
        socket.send('{"type": "typing"}')
        assert until_frame(console, "typing")["conversation"] == visitor.id
        console.send(json.dumps({"type": "typing", "conversation": visitor.id}))
        assert until_frame(socket, "typing") == {"type": "typing", "sender": "agent"}
    assert mode_of(visitor)["mode"] == "agent"


def test_a_stream_that_reconnects_hears_everything_once(staffed: Staffed) -> None:
    anna = staffed.agent()
    visitor = staffed.visitor()
    asks(visitor)
    anna.claims(visitor)
    last = visitor.messages()[-1]["id"]
    ids = [anna.says(visitor, f"Regel {number}")["id"] for number in range(5)]
    with stream(visitor) as socket:
        assert [message["id"] for message in authenticate(socket, visitor.token, last)] == ids
        ids.append(anna.says(visitor, "Regel 5")["id"])
        assert until_frame(socket, "message")["message"]["id"] == ids[-1]
    with stream(visitor) as socket:
        assert [message["id"] for message in authenticate(socket, visitor.token, ids[2])] == ids[3:]


def test_web_killed_between_claim_and_reply(staffed: Staffed) -> None:
    """The agent still holds it, the question is still there, and nobody says that it went wrong."""
    anna = staffed.agent()
    visitor, waits = staffed.visitor(), staffed.visitor()
    asks(visitor)
    asks(waits)
    anna.claims(visitor)
    assert visitor.say("Mag een stichting tekenen?") == []
    before = visitor.messages()
    staffed.system.stop("web", with_signal=signal.SIGKILL)
    staffed.system.start("web")
    staffed.system.wait_until(200)
    assert visitor.messages() == before
    assert mode_of(visitor) == {"type": "mode", "mode": "agent", "position": None}
    assert mode_of(waits) == {"type": "mode", "mode": "queue", "position": 1}
    with stream(visitor) as socket, anna.stream() as console:
        authenticate(socket, visitor.token, before[-1]["id"])
        said = anna.says(visitor, "Ja, dat mag.")
        assert until_frame(socket, "message")["message"]["id"] == said["id"]
        assert visitor.say("Dank u wel!") == []
        assert until_frame(console, "message", conversation=visitor.id)
    assert anna.does(visitor, "close", outcome="answered").status_code in (200, 204)


def test_erased_while_an_agent_holds_it(staffed: Staffed) -> None:
    """The console hears it at once, and nothing is left of it."""
    anna = staffed.agent()
    visitor, next_one = staffed.visitor(), staffed.visitor()
    asks(visitor)
    asks(next_one)
    anna.claims(visitor)
    anna.says(visitor, "een zeer herkenbaar antwoord 4711")
    with anna.stream() as console, stream(visitor) as socket:
        authenticate(socket, visitor.token)
        assert visitor.http.delete(visitor.path).status_code == 204
        assert until_frame(console, "erased") == {"type": "erased", "conversation": visitor.id}
        with pytest.raises(ConnectionClosed):
            while True:
                socket.recv(60)
    assert anna.does(visitor, "say", text="Bent u er nog?", key="k").status_code == 404
    with staffed.engine.connect() as connection:
        left = connection.execute(sql("SELECT conversation_id FROM hand_overs")).scalars().all()
    assert left == [next_one.id]


def test_no_faults_of_our_own(staffed: Staffed) -> None:
    """After all of this no log holds a traceback, and none what was said."""
    logs = staffed.system.logs()
    assert not [line for line in logs.splitlines() if line.startswith(("Traceback", "ERROR"))]
    assert "stichting" not in logs and "4711" not in logs


def test_verification_works_while_an_agent_talks(companies: Companies) -> None:
    """The visitor shows who they are; the agent sees the company, and the assistant says nothing more."""
    desk = Staffed(companies.system)
    anna = desk.agent()
    try:
        visitor = desk.visitor()
        asks(visitor)
        anna.claims(visitor)
        kinds = [message["kind"] for message in companies.by_code(visitor, BLOEMEN)]
        assert kinds == ["text", "status"]
        assert mode_of(visitor)["mode"] == "agent"
        assert anna.sees(visitor)["company"]["kvk_number"] == BLOEMEN
        assert anna.does(visitor, "close", outcome="answered").status_code in (200, 204)
    finally:
        desk.everybody_goes()
        desk.engine.dispose()
