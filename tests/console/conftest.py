"""A web process of its own, and staff who are signed in to it: what the tests of the console share."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine, text

from bot.database.engine import migrate, open_engine
from bot.registry.codes import server_key
from bot.settings import Settings
from bot.staff.accounts import AccountStore, Staff
from bot.staff.sessions import SessionStore
from bot.staff.signing_in import SigningIn
from integrations.console.sessions import COOKIE_ON_LOOPBACK
from tests.running import System

PASSWORD = "een lange zin om in te loggen"
EVERYTHING = {
    "SIGN_INS_PER_ADDRESS_PER_HOUR": "100000",
    "REQUESTS_PER_ADDRESS_PER_HOUR": "100000",
    "REQUESTS_PER_CONVERSATION_PER_HOUR": "100000",
}
"""Tests speak from one address."""


@dataclass
class SignedIn:
    """Somebody who is signed in: a client with the session's cookie and its CSRF token, on a connection of its own."""

    account: Staff
    http: httpx.Client
    token: str

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self.http.get(path, **options)

    def post(self, path: str, json: Any = None, **options: Any) -> httpx.Response:
        return self.http.post(path, json=json, **options)

    @property
    def cookie(self) -> str:
        """For a WebSocket: the value of the header `Cookie`."""
        return f"{COOKIE_ON_LOOPBACK}={self.token}"


@dataclass
class Console:
    """A running web process with a database of its own, seen by the tests too: Rasa and the actions do not run."""

    system: System
    settings: Settings
    engine: Engine
    accounts: AccountStore
    sessions: SessionStore
    signing_in: SigningIn
    _count: int = 0
    _clients: list[httpx.Client] = field(default_factory=list)

    @property
    def url(self) -> str:
        return self.system.url

    def client(self, **options: Any) -> httpx.Client:
        """A browser without a session, closed after the test."""
        client = httpx.Client(base_url=self.url, timeout=60, **options)
        self._clients.append(client)
        return client

    def account(
        self, *roles: str, desks: tuple[str, ...] = (), name: str | None = None, language: str = "nl",
        email: str | None = None, password: bool = False,
    ) -> Staff:  # fmt: skip
        """A new account; an agent answers for the portal's desk where nothing else is said."""
        self._count += 1
        wanted = desks or (("portal",) if "agent" in roles else ())
        email = email or f"staff{self._count}@example.org"
        made = self.accounts.create(email, name or f"Medewerker {self._count}", roles, wanted, language)
        if password:
            self.sessions.end(self.signing_in.by_link(self.accounts.link(made.id), PASSWORD))
        return self.accounts.by_id(made.id) or made

    def signed_in(self, *roles: str, **account: Any) -> SignedIn:
        """A client that is signed in as a new account: `console.signed_in("agent", desks=("charter",))`."""
        return self.as_account(self.account(*roles, **account))

    def as_account(self, account: Staff) -> SignedIn:
        """A client that is signed in as this account."""
        token = self.sessions.open(account.id)
        headers = {"X-CSRF-Token": self.sessions.csrf_token(token)}
        client = self.client(headers=headers, cookies={COOKIE_ON_LOOPBACK: token})
        return SignedIn(account, client, token)

    def rows(self, query: str, **values: object) -> list[tuple[Any, ...]]:
        """What the database says; it may write too."""
        with self.engine.begin() as connection:
            result = connection.execute(text(query), values)
            return [tuple(row) for row in result] if result.returns_rows else []

    def conversation(self, language: str = "nl") -> tuple[str, str]:
        """A visitor's new conversation: its id and its token."""
        opened = self.client().post("/api/v1/conversations", json={"language": language})
        assert opened.status_code == 201, opened.text
        return opened.json()["id"], opened.json()["token"]

    def hang_up(self) -> None:
        """Closes what a test opened: a connection that is left open is a warning, and warnings are errors."""
        while self._clients:
            self._clients.pop().close()

    def close(self) -> None:
        """Stops the process."""
        self.hang_up()
        with suppress(KeyError):
            self.system.stop("web")
        self.engine.dispose()


def running_console(folder: Path, **settings: str) -> Console:
    """Starts a web process with other settings; whoever does closes it."""
    system = System(folder, {**EVERYTHING, **settings})
    url = system.environment["DATABASE_URL"]
    migrate(url)
    known = {"database_url": url, "server_key_file": system.environment["SERVER_KEY_FILE"]}
    config = Settings(_env_file=None, **known)  # type: ignore[call-arg]
    engine, key = open_engine(url, 20), server_key(config)
    sessions = SessionStore(engine, key)
    console = Console(system, config, engine, AccountStore(engine), sessions, SigningIn(engine, sessions, key))
    try:
        system.start("web")
        system.wait_until(200, "/healthz")  # without Rasa it is not ready, but it answers
    except BaseException:
        console.close()
        raise
    return console


@pytest.fixture(scope="session")
def shared_console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    console = running_console(tmp_path_factory.mktemp("console"))
    yield console
    console.close()


@pytest.fixture
def console(shared_console: Console) -> Iterator[Console]:
    """A running web process, shared: tests use accounts and conversations of their own."""
    yield shared_console
    shared_console.hang_up()


@pytest.fixture
def agent(console: Console) -> SignedIn:
    """An agent of the portal's desk, signed in."""
    return console.signed_in("agent", name="Anna Agent")


@pytest.fixture
def other_agent(console: Console) -> SignedIn:
    """Another agent of the portal's desk."""
    return console.signed_in("agent", name="Bram Agent")


@pytest.fixture
def editor(console: Console) -> SignedIn:
    """An editor."""
    return console.signed_in("editor", name="Eva Editor")


@pytest.fixture
def admin(console: Console) -> SignedIn:
    """An admin."""
    return console.signed_in("admin", name="Ada Admin")


@pytest.fixture
def more_consoles(tmp_path: Path) -> Iterator[Callable[..., Console]]:
    """Starts web processes with settings of their own: `more_consoles(STAFF_LOCK_AFTER="3")`."""
    started: list[Console] = []

    def start(**settings: str) -> Console:
        folder = tmp_path / f"console{len(started)}"
        folder.mkdir()
        started.append(running_console(folder, **settings))
        return started[-1]

    yield start
    for console in started:
        console.close()


def csrf_in(page: str) -> str:
    """The CSRF token in a page's form."""
    found = re.search(r'name="csrf" value="([0-9a-f]{64})"', page)
    assert found, page
    return found[1]
