"""The two that are compared: Rasa's own starter project, and Wegwijzer as the Procfile starts it."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import httpx
import psutil

from tests.running import MODELS, ROOT, System, free_port

RASA = ROOT / ".venv-rasa" / "bin" / "python"
PROCESSES = ("rasa", "actions", "web", "jobs")
START_WITHIN_SECONDS = 180.0
STARTER_TURNS = ("hello", "I am feeling very sad", "yes", "are you a bot?", "not bad at all", "bye")
"""One of each kind that the starter project was trained on."""


class Talks(Protocol):
    """Somebody who talks to a system, a turn at a time."""

    async def open(self) -> None:
        """Gets ready to talk."""

    async def say(self, number: int) -> None:
        """One whole turn: a message and the replies to it."""


class Compared(Protocol):
    """A system that can be started, talked to and weighed."""

    name: str

    def start(self) -> float:
        """Starts it; gives the seconds from there to its first answer."""

    def visitor(self, client: httpx.AsyncClient) -> Talks:
        """Somebody new."""

    def memory_mb(self) -> dict[str, float]:
        """Resident memory of each of its processes, with their children, in MB."""

    def stop(self) -> None:
        """Ends it."""


def _resident_mb(process: int) -> float:
    """Resident memory of a process and its children."""
    parent = psutil.Process(process)
    return sum(each.memory_info().rss for each in [parent, *parent.children(recursive=True)]) / 1e6


def _until_answered(ask: httpx.Client, path: str, body: dict[str, str], check: str) -> None:
    end = time.monotonic() + START_WITHIN_SECONDS
    while time.monotonic() < end:
        try:
            reply = ask.post(path, json=body)
            if reply.status_code == 200 and check in reply.text:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.1)
    raise TimeoutError(f"{path} gave no answer within {START_WITHIN_SECONDS:.0f} s")


@dataclass
class StarterVisitor:
    """Talks to the starter project over Rasa's REST channel."""

    client: httpx.AsyncClient
    sender: str

    async def open(self) -> None:
        """Nothing to do: Rasa makes a tracker at the first message."""

    async def say(self, number: int) -> None:
        """One turn; an empty reply is an error."""
        text = STARTER_TURNS[number % len(STARTER_TURNS)]
        reply = await self.client.post("/webhooks/rest/webhook", json={"sender": self.sender, "message": text})
        reply.raise_for_status()


@dataclass
class Starter:
    """What `rasa init` makes, served as its own documentation says: one process, the REST channel."""

    folder: Path = MODELS / "starter"
    name: str = "starter"
    _process: subprocess.Popen[bytes] | None = None
    _visitors: int = 0

    def make(self) -> None:
        """`rasa init`, with the training that it brings; kept for the next time."""
        if (self.folder / "models").is_dir():
            return
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        print("Making Rasa's starter project and training it …", flush=True)
        command = [str(RASA), "-m", "rasa", "init", "--no-prompt", "--init-dir", str(self.folder)]
        environment = {**os.environ, "RASA_TELEMETRY_ENABLED": "false"}
        done = subprocess.run(
            command, cwd=self.folder, env=environment, timeout=1200, check=False, capture_output=True, text=True
        )
        if done.returncode or not list((self.folder / "models").glob("*.tar.gz")):
            shutil.rmtree(self.folder)
            raise RuntimeError(f"rasa init failed:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")

    def start(self) -> float:
        """Starts it; gives the seconds from there to its first answer."""
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        command = [str(RASA), "-m", "rasa", "run", "--interface", "127.0.0.1", "--port", str(port), "--quiet"]
        environment = {**os.environ, "RASA_TELEMETRY_ENABLED": "false", "SQLALCHEMY_SILENCE_UBER_WARNING": "1"}
        began = time.monotonic()
        with (self.folder / "log.txt").open("wb") as log:
            self._process = subprocess.Popen(
                command, cwd=self.folder, env=environment, stdout=log, stderr=log, start_new_session=True
            )
        with httpx.Client(base_url=self.url, timeout=60) as ask:
            _until_answered(ask, "/webhooks/rest/webhook", {"sender": "first", "message": "hello"}, "Hey")
        return time.monotonic() - began

    def visitor(self, client: httpx.AsyncClient) -> StarterVisitor:
        """Somebody new."""
        self._visitors += 1
        return StarterVisitor(client, f"visitor-{self._visitors}")

    def memory_mb(self) -> dict[str, float]:
        """Resident memory of its one process, in MB."""
        if self._process is None:
            raise RuntimeError("not started")
        return {"rasa": _resident_mb(self._process.pid)}

    def stop(self) -> None:
        """Ends it."""
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGTERM)
            self._process.wait(30)
            self._process = None


@dataclass
class WebVisitor:
    """Talks over the conversation API: every message and every reply is stored."""

    client: httpx.AsyncClient
    questions: Sequence[tuple[str, str]]
    first: int
    path: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    async def open(self) -> None:
        """Opens a conversation."""
        reply = await self.client.post("/api/v1/conversations", json={"language": "nl"})
        reply.raise_for_status()
        body = reply.json()
        self.path = f"/api/v1/conversations/{body['id']}/messages"
        self.headers = {"Authorization": f"Bearer {body['token']}"}

    async def say(self, number: int) -> None:
        """One turn; a reply that is none, or an error, counts as a failure of the bench."""
        _, text = self.questions[(self.first + number) % len(self.questions)]
        reply = await self.client.post(self.path, json={"text": text}, headers=self.headers)
        reply.raise_for_status()
        kinds = {message["kind"] for message in reply.json()["messages"]}
        if not kinds or "error" in kinds:
            raise RuntimeError(f"no answer to a turn: {reply.text[:300]}")


@dataclass
class Wegwijzer:
    """All processes, with a database of their own."""

    folder: Path
    questions: Sequence[tuple[str, str]]
    name: str = "wegwijzer"
    _system: System | None = None
    _visitors: int = 0

    def start(self) -> float:
        """Starts it; gives the seconds from there to its first answer."""
        self._system = System(self.folder)
        self.url = self._system.url
        began = time.monotonic()
        self._system.start(*PROCESSES)
        asyncio.run(self._first_answer())
        return time.monotonic() - began

    async def _first_answer(self) -> None:
        end = time.monotonic() + START_WITHIN_SECONDS
        async with httpx.AsyncClient(base_url=self.url, timeout=60) as client:
            while True:
                try:
                    visitor = self.visitor(client)
                    await visitor.open()
                    await visitor.say(0)
                    return
                except (httpx.HTTPError, RuntimeError):
                    if time.monotonic() > end:
                        raise
                    await asyncio.sleep(0.1)

    def visitor(self, client: httpx.AsyncClient) -> WebVisitor:
        """Somebody new, who asks other questions first."""
        self._visitors += 1
        return WebVisitor(client, self.questions, self._visitors * 37)

    def memory_mb(self) -> dict[str, float]:
        """Resident memory of each process, in MB."""
        if self._system is None:
            raise RuntimeError("not started")
        return {name: _resident_mb(process.pid) for name, process in self._system.processes.items()}

    def stop(self) -> None:
        """Ends it."""
        if self._system is not None:
            self._system.stop(*list(self._system.processes))
            self._system = None
