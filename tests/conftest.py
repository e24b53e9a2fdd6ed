"""Shared by all tests: a real system that a test may use or break, and somebody who talks to it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from bot.database.engine import migrate
from tests.databases import CannotStart, Postgres, running_postgres
from tests.running import MODELS, System

# Other folders use these too: what they assert is explained as in a test.
pytest.register_assert_rewrite("tests.e2e.browsing", "tests.e2e.companies", "tests.e2e.conversing")


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
    yield from _running(tmp_path_factory.mktemp("fragile"), DATABASE_TIMEOUT_SECONDS="1")


@pytest.fixture
def visitor(system: System) -> Visitor:
    """A visitor with a Dutch conversation."""
    return Visitor(system)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL of the tests' own; what asks for it is skipped, loudly, where there can be none."""
    try:
        with running_postgres() as postgres:
            yield postgres
    except CannotStart as problem:
        pytest.skip(f"NOT TESTED ON POSTGRESQL: {problem}")


def _new_database(request: pytest.FixtureRequest, file: Path, *, migrated: bool) -> Iterator[str]:
    if request.param == "sqlite":
        url = f"sqlite:///{file}"
        if migrated:
            migrate(url)
        yield url
        return
    with request.getfixturevalue("postgres").database(migrated=migrated) as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A new database with all tables: SQLite, and once more PostgreSQL."""
    yield from _new_database(request, tmp_path / "test.db", migrated=True)


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A new database without tables: SQLite, and once more PostgreSQL."""
    yield from _new_database(request, tmp_path / "test.db", migrated=False)
