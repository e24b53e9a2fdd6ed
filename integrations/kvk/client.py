"""KVK's Handelsregister API over HTTPS: Zoeken v2 and Basisprofiel v1.

What is temporary is tried again: no connection, no answer in time, 5xx, 429, IPD1002 and IPD1003. All tries together
are bounded in number and in time.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TypeVar

import httpx
from pydantic import SecretStr

from integrations.kvk import answers
from integrations.kvk.breaker import Breaker
from integrations.kvk.errors import RegisterDown, RegisterRefused
from integrations.kvk.interfaces import Found, Profile, number_in

log = logging.getLogger(__name__)

TRIES = 3
WITHIN_SECONDS = 5.0
TRY_WITHIN_SECONDS = 2.0
FIRST_PAUSE_SECONDS = 0.2
LARGEST_BODY_BYTES = 1024 * 1024
RESULTS_PER_PAGE, MOST_PAGES = 100, 3
SHORTEST_NAME, LONGEST_NAME = 2, 200

TEMPORARY = frozenset({"IPD1002", "IPD1003"})
NOT_THERE = frozenset({"IPD0001", "IPD0005", "IPD0007", "IPD5200", "IPD5203"})

Result = TypeVar("Result")


class _Temporary(Exception):
    """May be tried again."""

    def __init__(self, reason: str, retry_after_seconds: float | None = None) -> None:
        super().__init__(reason)
        self.reason, self.retry_after_seconds = reason, retry_after_seconds


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """The seconds that the register asks us to wait, given as seconds or as a date."""
    said = headers.get("retry-after", "").strip()
    if said.isascii() and said.isdecimal():
        # Nobody means more digits than these, and int() would read them all.
        return float(said[:9])
    try:
        return max(0.0, (parsedate_to_datetime(said) - datetime.now(UTC)).total_seconds())
    except (TypeError, ValueError, OverflowError):
        return None


class KvkClient:
    """A CompanyRegister that asks KVK each time."""

    def __init__(self, base: str, key: SecretStr, breaker: Breaker) -> None:
        self._breaker = breaker
        self._http = httpx.AsyncClient(
            base_url=base,
            # Without compression the bound on the body holds for what goes over the line and for what comes out.
            headers={"apikey": key.get_secret_value(), "Accept": "application/json", "Accept-Encoding": "identity"},
            timeout=TRY_WITHIN_SECONDS,
            limits=httpx.Limits(max_connections=16, max_keepalive_connections=4),
            # Elsewhere than at KVK the key has no business.
            follow_redirects=False,
        )

    async def close(self) -> None:
        """Closes the connections."""
        await self._http.aclose()

    async def search(self, name_or_number: str) -> list[Found]:
        """See CompanyRegister. Of a name that many companies have, what stands on the first three pages.

        A name of one letter, or of more than 200, is no name: it finds nothing and is not asked for.
        """
        number, name = number_in(name_or_number), " ".join(name_or_number.split())
        if number is not None:
            listed = await self._guarded(lambda: self._found(kvkNummer=number))
            return [found for found in listed if found.kvk_number == number]
        if not SHORTEST_NAME <= len(name) <= LONGEST_NAME:
            return []
        return await self._guarded(lambda: self._found(naam=name))

    async def profile(self, kvk_number: str) -> Profile | None:
        """See CompanyRegister. Each call that finds a company is paid for."""
        number = number_in(kvk_number)
        if number is None:
            return None
        return await self._guarded(lambda: self._profile(number))

    async def _guarded(self, work: Callable[[], Awaitable[Result]]) -> Result:
        async def in_time() -> Result:
            try:
                async with asyncio.timeout(WITHIN_SECONDS):
                    return await work()
            except TimeoutError:
                raise RegisterDown("no answer in time") from None

        return await self._breaker.call(in_time)

    async def _found(self, **asked: str) -> list[Found]:
        entries: list[Found] = []
        until = time.monotonic() + WITHIN_SECONDS
        for at in range(1, MOST_PAGES + 1):
            query = {**asked, "pagina": str(at), "resultatenPerPagina": str(RESULTS_PER_PAGE)}
            body = await self._get("/api/v2/zoeken", query, until)
            if body is None:
                break
            listed, total = answers.page(body)
            entries += listed
            if not listed or len(entries) >= total:
                break
        return answers.each_once(entries)

    async def _profile(self, number: str) -> Profile | None:
        body = await self._get(f"/api/v1/basisprofielen/{number}", {}, time.monotonic() + WITHIN_SECONDS)
        if body is None:
            return None
        profile = answers.profile(body)
        if profile.kvk_number != number:
            raise RegisterDown("an answer about another company")
        return profile

    async def _get(self, path: str, query: Mapping[str, str], until: float) -> bytes | None:
        """The body of an answer; None where the register says that there is nothing.

        until: when it must be there, on the monotonic clock.

        Raises RegisterDown, RegisterRefused.
        """
        for left in range(TRIES - 1, -1, -1):
            try:
                async with asyncio.timeout(TRY_WITHIN_SECONDS):
                    status, headers, body = await self._ask(path, query)
                return _judged(status, headers, body)
            except (_Temporary, TimeoutError, httpx.TransportError) as problem:
                again = problem if isinstance(problem, _Temporary) else _Temporary(type(problem).__name__)
            except httpx.HTTPError as problem:
                raise RegisterDown(type(problem).__name__) from None
            pause = FIRST_PAUSE_SECONDS * 2 ** (TRIES - 1 - left) * random.uniform(0.5, 1.0)
            if again.retry_after_seconds is not None:
                pause = again.retry_after_seconds
            if not left or time.monotonic() + pause >= until:
                raise RegisterDown(again.reason, again.retry_after_seconds)
            await asyncio.sleep(pause)
        raise AssertionError("the last try returns or raises")

    async def _ask(self, path: str, query: Mapping[str, str]) -> tuple[int, httpx.Headers, bytes]:
        async with self._http.stream("GET", path, params=query) as reply:
            body = bytearray()
            async for part in reply.aiter_bytes():
                body += part
                if len(body) > LARGEST_BODY_BYTES:
                    raise RegisterDown("an answer that is too large")
            return reply.status_code, reply.headers, bytes(body)


def _judged(status: int, headers: httpx.Headers, body: bytes) -> bytes | None:
    """What an answer means. Raises _Temporary, RegisterRefused."""
    if status == 200:
        return body
    codes = answers.error_codes(body)
    reason = " ".join([str(status), *sorted(codes)])
    if codes & TEMPORARY or status >= 500 or status == 429:
        raise _Temporary(reason, _retry_after(headers))
    if status == 404 and codes & NOT_THERE:
        return None
    log.error("The Handelsregister refused a question: %s", reason)
    raise RegisterRefused(reason)
