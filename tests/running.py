"""A real system (Rasa, actions, web) on ports of its own: for the tests, and for the bench."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import httpx

ROOT = Path(__file__).resolve().parent.parent
MODELS = ROOT / "models"


class NotRunning(RuntimeError):
    """A process ended, or did not come up in time; the text holds what it printed."""


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
                    raise NotRunning(f"{name} ended with {process.returncode}:\n{self.logs()}")
            time.sleep(0.3)
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
