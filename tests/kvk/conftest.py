"""A local register, and a client of it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from pydantic import SecretStr

from integrations.kvk.breaker import Breaker
from integrations.kvk.client import KvkClient
from tests.kvk.register import KEY, LocalRegister


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def register(anyio_backend: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[LocalRegister]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    async with LocalRegister() as register:
        yield register


@pytest.fixture
async def client(register: LocalRegister, clock: Clock) -> AsyncIterator[KvkClient]:
    client = KvkClient(register.url, SecretStr(KEY), Breaker(clock=clock))
    yield client
    await client.close()
