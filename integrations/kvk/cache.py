"""Keeps what the register gave: profiles are paid for per request.

In memory and bounded; after a restart the few companies that are asked for are paid for once more. In the database a
company would be there to keep for longer than the register's own data are right, and to erase.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Generic, TypeVar

from cachetools import TLRUCache, TTLCache

from integrations.kvk.interfaces import CompanyRegister, Found, Profile, number_in

PROFILE_SECONDS = 24 * 60 * 60.0
SEARCH_SECONDS = 10 * 60.0
NOTHING_SECONDS = 10 * 60.0
"""For "no such company": one that was registered this morning should be found today."""
MOST_PROFILES, MOST_SEARCHES = 5_000, 1_000

Value = TypeVar("Value")


class _Kept(Generic[Value]):
    """Values that are asked for once, however many want them at the same time. What goes wrong is not kept."""

    def __init__(self, values: MutableMapping[str, Value]) -> None:
        self._values = values
        self._asked: dict[str, asyncio.Task[Value]] = {}

    async def get(self, key: str, ask: Callable[[], Awaitable[Value]]) -> Value:
        try:
            return self._values[key]
        except KeyError:
            pass
        if key not in self._asked:
            self._asked[key] = asyncio.create_task(self._ask(key, ask))
            self._asked[key].add_done_callback(_seen)
        # Whoever hangs up does not take the answer away from the others.
        return await asyncio.shield(self._asked[key])

    async def _ask(self, key: str, ask: Callable[[], Awaitable[Value]]) -> Value:
        try:
            value = self._values[key] = await ask()
        finally:
            del self._asked[key]
        return value

    async def end(self) -> None:
        tasks = list(self._asked.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _seen(task: asyncio.Task[Value]) -> None:
    """Takes note of an error that nobody waits for any more, so that asyncio does not complain of it."""
    if not task.cancelled():
        task.exception()


def _profile_until(_: str, profile: Profile | None, now: float) -> float:
    return now + (NOTHING_SECONDS if profile is None else PROFILE_SECONDS)


class CachedRegister:
    """A CompanyRegister that asks another one, and remembers."""

    def __init__(self, register: CompanyRegister, clock: Callable[[], float] = time.monotonic) -> None:
        self._register = register
        self._profiles = _Kept[Profile | None](TLRUCache(MOST_PROFILES, ttu=_profile_until, timer=clock))
        self._searches = _Kept[tuple[Found, ...]](TTLCache(MOST_SEARCHES, SEARCH_SECONDS, timer=clock))

    async def search(self, name_or_number: str) -> list[Found]:
        """See CompanyRegister; ten minutes old at most."""

        async def ask() -> tuple[Found, ...]:
            return tuple(await self._register.search(name_or_number))

        key = number_in(name_or_number) or " ".join(name_or_number.split()).casefold()
        return list(await self._searches.get(key, ask))

    async def profile(self, kvk_number: str) -> Profile | None:
        """See CompanyRegister; a day old at most."""
        number = number_in(kvk_number)
        if number is None:
            return None
        return await self._profiles.get(number, lambda: self._register.profile(number))

    async def close(self) -> None:
        """Ends what is under way, and closes the register behind it."""
        await self._searches.end()
        await self._profiles.end()
        await self._register.close()
