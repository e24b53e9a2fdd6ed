"""A ticket, the local systems, and clients of them that do not wait long."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest
from pydantic import SecretStr

from bot.helpdesk.ticketing import Ticket, Trail
from integrations.chatwoot.client import Chatwoot
from integrations.zammad.client import Zammad
from tests.tickets.servers import TOKEN, LocalChatwoot, LocalZammad

WITHIN_SECONDS = 2.0

TICKET = Ticket(
    "P-1234567", "portal", "nl", "[P-1234567] Een vraag stellen", "Kenmerk: P-1234567\n\nVraag: Ik zoek de brief.",
    "Vera Voorbeeld", "vera@example.nl",
)  # fmt: skip


class Kept:
    """A trail as the outbox would keep it, and the tries that follow each other on it."""

    def __init__(self) -> None:
        self.progress: dict[str, Any] = {}
        self.tries = 0

    def trail(self) -> Trail:
        """The trail of the next try."""
        self.tries += 1

        async def keep(found: Mapping[str, Any]) -> None:
            self.progress = dict(found)

        return Trail(dict(self.progress), keep, is_retry=self.tries > 1)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def kept() -> Kept:
    return Kept()


@pytest.fixture
async def zammad_server(anyio_backend: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[LocalZammad]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    async with LocalZammad() as server:
        yield server


@pytest.fixture
async def zammad(zammad_server: LocalZammad) -> AsyncIterator[Zammad]:
    client = Zammad(
        zammad_server.url, SecretStr(TOKEN), {"portal": "Portaal", "charter": "Charter"}, "desk@example.org",
        within_seconds=WITHIN_SECONDS,
    )  # fmt: skip
    yield client
    await client.close()


@pytest.fixture
async def chatwoot_server(anyio_backend: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[LocalChatwoot]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    async with LocalChatwoot() as server:
        yield server


@pytest.fixture
async def chatwoot(chatwoot_server: LocalChatwoot) -> AsyncIterator[Chatwoot]:
    client = Chatwoot(
        chatwoot_server.url, SecretStr(TOKEN), 3, {"portal": 7, "charter": 8}, within_seconds=WITHIN_SECONDS
    )
    yield client
    await client.close()
