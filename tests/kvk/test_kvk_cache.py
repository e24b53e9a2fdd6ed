"""The cache: profiles cost money. What is saved is counted at the server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from integrations.kvk.cache import NOTHING_SECONDS, PROFILE_SECONDS, SEARCH_SECONDS, CachedRegister
from integrations.kvk.client import KvkClient
from integrations.kvk.errors import RegisterDown
from tests.kvk.register import LocalRegister, Reply, error, result

pytestmark = pytest.mark.anyio

NUMBER = "68750110"


@pytest.fixture
async def cached(client: KvkClient, clock) -> AsyncIterator[CachedRegister]:
    cached = CachedRegister(client, clock)
    yield cached
    await cached.close()


async def test_a_profile_is_paid_for_once_a_day(register: LocalRegister, cached: CachedRegister, clock) -> None:
    first = await cached.profile(NUMBER)
    clock.now += PROFILE_SECONDS - 1
    assert first and await cached.profile("6875 0110") == first
    assert len(register.asked) == 1
    clock.now += 1
    assert await cached.profile(NUMBER) == first
    assert len(register.asked) == 2


async def test_a_search_is_kept_for_ten_minutes(register: LocalRegister, cached: CachedRegister, clock) -> None:
    found = await cached.search("Verzonnen  proefbedrijf")
    found.clear()
    assert len(await cached.search(" verzonnen Proefbedrijf ")) == 1, "whoever empties the list empties their own"
    assert len(register.asked) == 1
    clock.now += SEARCH_SECONDS
    assert len(await cached.search("verzonnen proefbedrijf")) == 1
    assert len(register.asked) == 2


async def test_nothing_is_kept_for_ten_minutes(register: LocalRegister, cached: CachedRegister, clock) -> None:
    for _ in range(3):
        assert await cached.profile("90004973") is None
        assert await cached.search("niemand") == []
    assert len(register.asked) == 2
    register.results += [result("90004973", "Niemand BV")]
    clock.now += NOTHING_SECONDS
    assert await cached.profile("90004973")
    assert await cached.search("niemand")


async def test_failures_are_not_kept(register: LocalRegister, cached: CachedRegister) -> None:
    register.next.append(Reply(body=b"garbage"))
    with pytest.raises(RegisterDown):
        await cached.profile(NUMBER)
    assert await cached.profile(NUMBER)


async def test_what_is_temporary_is_no_nothing(register: LocalRegister, cached: CachedRegister) -> None:
    register.next += [error(404, "IPD1002")] * 3
    with pytest.raises(RegisterDown):
        await cached.profile(NUMBER)
    assert await cached.profile(NUMBER)


async def test_a_stampede_makes_one_call(register: LocalRegister, cached: CachedRegister) -> None:
    register.next.append(Reply(404, error(404, "IPD0005").body, after_seconds=0.3))
    assert await asyncio.gather(*(cached.profile(NUMBER) for _ in range(100))) == [None] * 100
    assert len(register.asked) == 1
    register.next.append(Reply(404, error(404, "IPD5200").body, after_seconds=0.3))
    assert await asyncio.gather(*(cached.search("proef") for _ in range(100))) == [[]] * 100
    assert len(register.asked) == 2


async def test_a_stampede_fails_together(register: LocalRegister, cached: CachedRegister) -> None:
    register.next.append(Reply(body=b"garbage", after_seconds=0.1))
    problems = await asyncio.gather(*(cached.profile(NUMBER) for _ in range(20)), return_exceptions=True)
    assert {type(problem) for problem in problems} == {RegisterDown}
    assert len(register.asked) == 1
    assert await cached.profile(NUMBER)


async def test_whoever_hangs_up_takes_nothing_away(register: LocalRegister, cached: CachedRegister) -> None:
    register.next.append(Reply(404, error(404, "IPD0005").body, after_seconds=0.3))
    first = asyncio.create_task(cached.profile(NUMBER))
    second = asyncio.create_task(cached.profile(NUMBER))
    await asyncio.sleep(0.1)
    first.cancel()
    assert await second is None
    assert len(register.asked) == 1


async def test_closing_ends_what_is_under_way(register: LocalRegister, client: KvkClient) -> None:
    cached = CachedRegister(client)
    register.next.append(Reply(after_seconds=30))
    waiting = asyncio.create_task(cached.profile(NUMBER))
    await asyncio.sleep(0.1)
    await asyncio.wait_for(cached.close(), 1)
    with pytest.raises(asyncio.CancelledError):
        await waiting
