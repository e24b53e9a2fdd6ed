"""Shared by all tests: the built models, and a real system (Rasa, actions, web) that a test may use or break."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

ROOT = Path(__file__).resolve().parent.parent
MODELS = ROOT / "models"


def free_port() -> int:
    """A port on loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class System:
    """The processes of a running Wegwijzer, on ports of their own, with a database of its own."""

    folder: Path
    settings: dict[str, str] = field(default_factory=dict)
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        web, rasa, actions = free_port(), free_port(), free_port()
        self.url = f"http://127.0.0.1:{web}"
        self.environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "DATABASE_URL": f"sqlite:///{self.folder / 'test.db'}",
            "MODELS_DIR": str(MODELS),
            "WEB_PORT": str(web),
            "RASA_URL": f"http://127.0.0.1:{rasa}",
            "ACTIONS_URL": f"http://127.0.0.1:{actions}",
            # Tests speak from one address, and more than a visitor does.
            "CONVERSATIONS_PER_ADDRESS_PER_HOUR": "100000",
            "MESSAGES_PER_ADDRESS_PER_MINUTE": "100000",
            "MESSAGES_PER_CONVERSATION_PER_MINUTE": "1000",
            **self.settings,
        }

    def command(self, name: str) -> list[str]:
        """What starts a process, as the Procfile has it, without the part that starts it again."""
        for line in (ROOT / "Procfile").read_text().splitlines():
            process, _, words = line.partition(": ")
            if process == name:
                return [sys.executable if word == ".venv/bin/python" else word for word in words.split()[2:]]
        raise KeyError(name)

    def start(self, *names: str) -> None:
        """Starts processes; what they print goes to files that `logs` reads."""
        for name in names:
            with (self.folder / f"{name}.log").open("ab") as log:
                self.processes[name] = subprocess.Popen(
                    self.command(name), cwd=ROOT, env=self.environment, stdout=log, stderr=log, start_new_session=True
                )

    def stop(self, *names: str, with_signal: int = signal.SIGTERM) -> None:
        """Stops processes and waits until they are gone."""
        for name in names:
            process = self.processes.pop(name)
            if process.poll() is None:
                os.killpg(process.pid, with_signal)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait(20)

    def wait_until(self, status: int = 200, path: str = "/readyz", seconds: float = 90) -> None:
        """Waits until the path gives the status."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                if httpx.get(self.url + path, timeout=15).status_code == status:
                    return
            except httpx.HTTPError:
                pass
            for name, process in self.processes.items():
                if process.poll() is not None:
                    pytest.fail(f"{name} ended with {process.returncode}:\n{self.logs()}")
            time.sleep(0.3)
        pytest.fail(f"{path} did not give {status} within {seconds} s:\n{self.logs()}")

    def logs(self) -> str:
        """All that the processes printed."""
        return "\n".join(
            f"--- {file.stem}\n{file.read_text(errors='replace')}" for file in sorted(self.folder.glob("*.log"))
        )

    @property
    def database(self) -> Path:
        """The SQLite file."""
        return self.folder / "test.db"


@dataclass
class Visitor:
    """Someone who talks to the assistant over the API."""

    system: System
    language: str = "nl"
    topic: str | None = None

    def __post_init__(self) -> None:
        self.http = httpx.Client(base_url=self.system.url, timeout=60)
        opened = self.http.post("/api/v1/conversations", json={"language": self.language, "topic": self.topic})
        assert opened.status_code == 201, opened.text
        body = opened.json()
        self.id, self.token, self.opening = body["id"], body["token"], body["messages"]
        self.path = f"/api/v1/conversations/{self.id}"
        self.http.headers["Authorization"] = f"Bearer {self.token}"

    def __del__(self) -> None:
        """Hangs up: a connection that is left open is a warning, and warnings are errors."""
        self.http.close()

    def send(self, body: dict[str, object], key: str | None = None) -> httpx.Response:
        """Sends a message, whatever comes of it."""
        return self.http.post(f"{self.path}/messages", json=body, headers={"Idempotency-Key": key} if key else {})

    def say(self, text: str) -> list[dict]:
        """Says something; gives the replies."""
        reply = self.send({"text": text})
        assert reply.status_code == 200, reply.text
        return reply.json()["messages"]

    def press(self, button: dict) -> list[dict]:
        """Presses a button; gives the replies."""
        reply = self.send({"payload": button["id"]})
        assert reply.status_code == 200, reply.text
        return reply.json()["messages"]

    def messages(self, **query: object) -> list[dict]:
        """What was said so far."""
        reply = self.http.get(f"{self.path}/messages", params=query)
        assert reply.status_code == 200, reply.text
        return reply.json()["messages"]


def _running(folder: Path, **settings: str) -> Iterator[System]:
    if not (MODELS / "current.json").is_file():
        pytest.fail("There are no trained models: run `make test`, which trains them first.")
    system = System(folder, settings)
    try:
        system.start("actions", "web", "rasa")
        system.wait_until(200)
        yield system
    finally:
        system.stop(*list(system.processes))


@pytest.fixture(scope="session")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """A running system, shared: tests leave it running as they found it."""
    yield from _running(tmp_path_factory.mktemp("system"))


@pytest.fixture(scope="session")
def fragile_system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """A second system whose processes may be killed; whoever does starts them again."""
    yield from _running(tmp_path_factory.mktemp("fragile"), ROUTER_TIMEOUT_SECONDS="5", DATABASE_TIMEOUT_SECONDS="1")


@pytest.fixture
def visitor(system: System) -> Visitor:
    """A visitor with a Dutch conversation."""
    return Visitor(system)
