"""The breaker: it opens, looks again after its rest, one at a time, and closes."""

from __future__ import annotations

import asyncio

import pytest

from integrations.kvk.breaker import REST_SECONDS, Breaker
from integrations.kvk.client import KvkClient
from integrations.kvk.errors import RegisterDown, RegisterRefused
from tests.kvk.register import LocalRegister, Reply, error

pytestmark = pytest.mark.anyio

NUMBER = "68750110"
GARBAGE = Reply(body=b"garbage")


async def fail(client: KvkClient, times: int) -> None:
    for _ in range(times):
        with pytest.raises(RegisterDown):
            await client.search(NUMBER)


async def test_it_opens_after_five_failures_in_a_row(register: LocalRegister, client: KvkClient, clock) -> None:
    register.always = GARBAGE
    await fail(client, 5)
    assert len(register.asked) == 5
    await fail(client, 10)
    clock.now += REST_SECONDS - 0.01
    await fail(client, 1)
    assert len(register.asked) == 5


async def test_four_failures_and_a_success_begin_anew(register: LocalRegister, client: KvkClient) -> None:
    register.next += [GARBAGE] * 4
    await fail(client, 4)
    assert await client.search(NUMBER)
    register.next += [GARBAGE] * 4
    await fail(client, 4)
    assert await client.search(NUMBER)


async def test_a_refusal_is_no_failure(register: LocalRegister, client: KvkClient) -> None:
    register.next += [GARBAGE] * 4 + [error(400, "IPD0004")] + [GARBAGE] * 4
    await fail(client, 4)
    with pytest.raises(RegisterRefused):
        await client.search(NUMBER)
    await fail(client, 4)
    assert await client.search(NUMBER)


async def test_after_its_rest_one_call_looks_and_closes_it(register: LocalRegister, client: KvkClient, clock) -> None:
    register.next += [GARBAGE] * 5
    await fail(client, 5)
    clock.now += REST_SECONDS
    register.next.append(Reply(404, error(404, "IPD5200").body, after_seconds=0.3))
    probe = asyncio.create_task(client.search(NUMBER))
    await asyncio.sleep(0.1)
    await fail(client, 3)
    assert await probe == []
    assert len(register.asked) == 6, "only the probe was let through"
    assert all(await asyncio.gather(*(client.search(NUMBER) for _ in range(3))))
    assert len(register.asked) == 9


async def test_a_probe_that_fails_opens_it_again(register: LocalRegister, client: KvkClient, clock) -> None:
    register.always = GARBAGE
    await fail(client, 5)
    clock.now += REST_SECONDS
    await fail(client, 3)
    assert len(register.asked) == 6
    clock.now += REST_SECONDS
    register.always = None
    assert await client.search(NUMBER)


async def test_a_probe_that_is_given_up_makes_room(register: LocalRegister, client: KvkClient, clock) -> None:
    register.next += [GARBAGE] * 5
    await fail(client, 5)
    clock.now += REST_SECONDS
    register.next.append(Reply(after_seconds=1))
    probe = asyncio.create_task(client.search(NUMBER))
    await asyncio.sleep(0.1)
    probe.cancel()
    with pytest.raises(asyncio.CancelledError):
        await probe
    assert await client.search(NUMBER)


async def test_a_call_from_before_does_not_close_it(clock) -> None:
    breaker, gate = Breaker(clock=clock), asyncio.Event()

    async def late() -> str:
        await gate.wait()
        return "late"

    async def down() -> str:
        raise RegisterDown("down")

    from_before = asyncio.create_task(breaker.call(late))
    await asyncio.sleep(0)
    for _ in range(5):
        with pytest.raises(RegisterDown, match=r"^down$"):
            await breaker.call(down)
    gate.set()
    assert await from_before == "late"
    with pytest.raises(RegisterDown, match="left alone"):
        await breaker.call(down)
