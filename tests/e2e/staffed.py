"""A system with people behind the desks: agents who are there, and what they see and do."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import yaml
from sqlalchemy import update
from websockets.sync.client import ClientConnection, connect

from bot.actions.answering import MAY_BE_ABOUT
from bot.answers.decision import Decision
from bot.answers.engine import open_engine as open_answers
from bot.answers.knowledge import load
from bot.database.engine import migrate, open_engine
from bot.database.types import now
from bot.registry.codes import server_key
from bot.settings import Settings, settings
from bot.staff.accounts import AccountStore, Staff
from bot.staff.models import StaffAccount
from bot.staff.sessions import SessionStore
from integrations.console.sessions import COOKIE_ON_LOOPBACK
from tests.conftest import Visitor
from tests.e2e.conversing import TOPIC
from tests.running import System

CHARTER_TOPIC = "charter.what-is"
"""A visitor who comes for this talks to the Charter's desk, which has an agent at any hour of the week."""


class AgentThere:
    """An agent with an open console, over the console's own API."""

    def __init__(self, system: System, sessions: SessionStore, account: Staff) -> None:
        token = sessions.open(account.id)
        self.account, self._cookie = account, f"{COOKIE_ON_LOOPBACK}={token}"
        self._url = system.url
        headers = {"X-CSRF-Token": sessions.csrf_token(token), "Cookie": self._cookie}
        self.http = httpx.Client(base_url=f"{system.url}/console/api", headers=headers, timeout=60)

    def takes_chats(self, yes: bool) -> None:
        """Turns the agent's own switch."""
        reply = self.http.post("/me/takes-chats", json={"takes_chats": yes})
        assert reply.status_code == 200, reply.text

    def does(self, visitor: Visitor, what: str, **body: Any) -> httpx.Response:
        """Something with a visitor's conversation, whatever comes of it: claim, say, close."""
        return self.http.post(f"/conversations/{visitor.id}/{what}", json=body)

    def claims(self, visitor: Visitor) -> dict[str, Any]:
        """Takes a conversation; gives the hand-over."""
        reply = self.does(visitor, "claim")
        assert reply.status_code == 200, reply.text
        return dict(reply.json()["hand_over"])

    def says(self, visitor: Visitor, said: str, key: str | None = None) -> dict[str, Any]:
        """Says something; gives the message."""
        reply = self.does(visitor, "say", text=said, key=key or f"{said} {time.monotonic_ns()}")
        assert reply.status_code == 200, reply.text
        return dict(reply.json()["message"])

    def sees(self, visitor: Visitor) -> dict[str, Any]:
        """All that the console shows of a conversation."""
        reply = self.http.get(f"/conversations/{visitor.id}")
        assert reply.status_code == 200, reply.text
        return dict(reply.json())

    @contextmanager
    def stream(self) -> Iterator[ClientConnection]:
        """The console's stream, behind the board that it begins with."""
        url = self._url.replace("http", "ws", 1) + "/console/api/stream"
        headers = {"Cookie": self._cookie, "Origin": self._url}
        with connect(url, open_timeout=60, additional_headers=headers) as socket:
            assert json.loads(socket.recv(60))["type"] == "board"
            yield socket

    def goes(self) -> None:
        """Turns the switch off and hangs up."""
        with suppress(httpx.HTTPError):
            self.takes_chats(False)
        self.http.close()


class Staffed:
    """A running system, and its accounts."""

    def __init__(self, system: System) -> None:
        self.system = system
        url = system.environment["DATABASE_URL"]
        known = {"database_url": url, "server_key_file": Path(system.environment["SERVER_KEY_FILE"])}
        if "SERVER_KEY" in system.environment:
            known["server_key"] = system.environment["SERVER_KEY"]
        migrate(url)
        self.engine = open_engine(url, 60)
        self.accounts = AccountStore(self.engine)
        self.sessions = SessionStore(self.engine, server_key(Settings(_env_file=None, **known)))  # type: ignore[call-arg]
        self._there: list[AgentThere] = []
        self._count = 0

    def agent(self, name: str = "Anna Voorbeeld", *, desks: tuple[str, ...] = ("charter",)) -> AgentThere:
        """An agent who takes chats."""
        self._count += 1
        account = self.accounts.create(f"agent{self._count}@example.org", name, ("agent",), desks)
        there = AgentThere(self.system, self.sessions, account)
        self._there.append(there)
        there.takes_chats(True)
        # Their console goes on showing that it is open, however long the test takes.
        with self.engine.begin() as connection:
            later = now() + timedelta(hours=1)
            connection.execute(update(StaffAccount).where(StaffAccount.id == account.id).values(seen_at=later))
        return there

    def visitor(self, language: str = "nl") -> Visitor:
        """A visitor who comes for the Charter."""
        return Visitor(self.system, language, topic=CHARTER_TOPIC)

    def everybody_goes(self) -> None:
        """Nobody is there any more."""
        while self._there:
            self._there.pop().goes()


@contextmanager
def staffed_system(folder: Path, settings: dict[str, str] | None = None) -> Iterator[Staffed]:
    """A system of its own: where agents are there, other tests would be told of a queue."""
    staffed = Staffed(System(folder, settings or {}))
    try:
        staffed.system.start("actions", "web", "rasa")
        staffed.system.wait_until(200)
        yield staffed
    finally:
        staffed.everybody_goes()
        staffed.system.stop(*list(staffed.system.processes))
        staffed.engine.dispose()


def until_frame(socket: ClientConnection, kind: str, **values: Any) -> dict[str, Any]:
    """The next frame of a kind with these values; others are passed over."""
    end = time.monotonic() + 90
    while time.monotonic() < end:
        frame = json.loads(socket.recv(60))
        if frame["type"] == kind and all(frame.get(name) == value for name, value in values.items()):
            return dict(frame)
    raise AssertionError(f"no frame {kind} with {values}")


@cache
def questions_without_an_answer(language: str, desk: str) -> tuple[str, ...]:
    """What is asked at other desks than ours, and what comes nearest to it is about this desk, whatever was asked
    before."""
    knowledge = load(settings().knowledge_dir)
    engine = open_answers(settings().models_dir, knowledge)
    found = []

    def about_desk(decision: Decision) -> bool:
        best = decision.candidates[0]
        return best.confidence > 1.5 * MAY_BE_ABOUT and knowledge.topics[best.topic].desk == desk

    # Not what is far away: the weather is small talk.
    near = yaml.safe_load((settings().knowledge_dir / "out_of_scope.yml").read_text(encoding="utf-8"))["next_door"]
    for pair in near:
        decisions = [engine.decide(pair[language], language, after) for after in (CHARTER_TOPIC, TOPIC, None)]
        if all(decision.outcome == "unknown" and about_desk(decision) for decision in decisions):
            found.append(pair[language])
    return tuple(found)
