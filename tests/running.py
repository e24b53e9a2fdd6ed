"""A real system (Rasa, actions, web) on ports of its own: for the tests, and for the bench."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx

ROOT = Path(__file__).resolve().parent.parent
MODELS = ROOT / "models"
_PORTS: set[int] = set()
"""Those that were given out."""


class NotRunning(RuntimeError):
    """A process ended, or did not come up in time; the text holds what it printed."""


def free_port() -> int:
    """A port on loopback that nobody listens on.

    Below those that connections go out from: such a one may be taken before it is listened on, and once its process
    was killed.
    """
    for _ in range(1000):
        port = random.SystemRandom().randrange(20_000, 32_000)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            if port not in _PORTS:
                _PORTS.add(port)
                return port
    raise NotRunning("no free port between 20000 and 32000")


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
            "MAIL_FOLDER": str(self.folder / "mail"),
            "TICKETS_FOLDER": str(self.folder / "tickets"),
            "SERVER_KEY_FILE": str(self.folder / "server.key"),
            "WEB_PORT": str(web),
            "RASA_URL": f"http://127.0.0.1:{rasa}",
            "ACTIONS_URL": f"http://127.0.0.1:{actions}",
            # Tests and the bench speak from one address, and more than a visitor does.
            "CONVERSATIONS_PER_ADDRESS_PER_HOUR": "100000",
            "MESSAGES_PER_ADDRESS_PER_MINUTE": "100000",
            "MESSAGES_PER_CONVERSATION_PER_MINUTE": "1000",
            # The machine may be busy with something else for some seconds.
            "ROUTER_TIMEOUT_SECONDS": "50",
            "DATABASE_TIMEOUT_SECONDS": "20",
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
        """Stops processes, all at once, and waits until they are gone."""
        stopping = [self.processes.pop(name) for name in names]
        for process in stopping:
            if process.poll() is None:
                os.killpg(process.pid, with_signal)
        for process in stopping:
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait(60)

    @contextmanager
    def web_alone(self) -> Iterator[None]:
        """The web process, and nobody behind it who answers."""
        try:
            self.start("web")
            self.wait_until(200, "/healthz")
            yield
        finally:
            self.stop(*list(self.processes))

    @contextmanager
    def web_with(self, **settings: str) -> Iterator[None]:
        """A web process with other settings; before and after it the usual one."""
        usual = self.environment
        try:
            self._web_again({**usual, **settings})
            yield
        finally:
            self._web_again(usual)

    def _web_again(self, environment: dict[str, str]) -> None:
        self.stop("web", with_signal=signal.SIGKILL)
        self.environment = environment
        self.start("web")
        self.wait_until(200, "/healthz")

    def wait_until(self, status: int = 200, path: str = "/readyz", seconds: float = 240) -> None:
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
                    raise NotRunning(f"{name} ended with {process.returncode}:\n{self.logs()}")
            time.sleep(0.1)
        raise NotRunning(f"{path} did not give {status} within {seconds} s:\n{self.logs()}")

    def logs(self) -> str:
        """All that the processes printed."""
        return "\n".join(
            f"--- {file.stem}\n{file.read_text(errors='replace')}" for file in sorted(self.folder.glob("*.log"))
        )

    @property
    def database(self) -> Path:
        """The SQLite file."""
        return self.folder / "test.db"
