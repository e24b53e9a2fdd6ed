"""Calls a ticket system's JSON API: bounded in time and size, and its answers judged."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from bot.helpdesk.ticketing import NotNow, Refused

CALL_WITHIN_SECONDS = 15.0
LARGEST_BODY_BYTES = 4 * 1024 * 1024
AFTER_DOUBT_SECONDS = 120.0
"""How long to wait where nobody knows whether a call came through: a search finds what is new only after a while."""


class Caller:
    """Calls one system, with its key in a header."""

    def __init__(self, base: str, headers: Mapping[str, str], within_seconds: float = CALL_WITHIN_SECONDS) -> None:
        self._within_seconds = within_seconds
        self._http = httpx.AsyncClient(
            base_url=base,
            # Without compression the bound on the body holds for what goes over the line and for what comes out.
            headers={**headers, "Accept": "application/json", "Accept-Encoding": "identity"},
            timeout=within_seconds,
            # A connection for each call: what a server says twice must not be taken for the answer to the next one.
            limits=httpx.Limits(max_connections=4, max_keepalive_connections=0),
            # Elsewhere the key and the ticket have no business.
            follow_redirects=False,
        )

    async def close(self) -> None:
        """Closes the connections."""
        await self._http.aclose()

    async def get(self, path: str, query: Mapping[str, str] | None = None) -> Any:
        """What there is, as JSON. Raises NotNow, Refused."""
        return await self._call("GET", path, query=query)

    async def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """What was made, as JSON. Raises NotNow, Refused; after NotNow it may have been made all the same."""
        return await self._call("POST", path, body=body)

    async def _call(
        self, method: str, path: str, *, query: Mapping[str, str] | None = None, body: Mapping[str, Any] | None = None
    ) -> Any:
        # Reading twice does no harm: only what was to be made leaves a doubt.
        doubt = AFTER_DOUBT_SECONDS if method == "POST" else None
        try:
            async with (
                asyncio.timeout(self._within_seconds),
                self._http.stream(method, path, params=query, json=body) as reply,
            ):
                content = bytearray()
                async for part in reply.aiter_bytes():
                    content += part
                    if len(content) > LARGEST_BODY_BYTES:
                        raise NotNow("an answer that is too large", doubt)
        except httpx.ConnectError:
            raise NotNow("no connection") from None
        except TimeoutError:
            raise NotNow("no answer in time", doubt) from None
        except (httpx.HTTPError, httpx.InvalidURL) as problem:
            raise NotNow(type(problem).__name__, doubt) from None
        judge(reply.status_code, reply.headers)
        try:
            return json.loads(content)
        except ValueError:
            raise NotNow("an answer that cannot be read", doubt) from None


def judge(status: int, headers: Mapping[str, str]) -> None:
    """Lets a good answer pass. What the operator may still put right is tried again, as is what passes by itself.

    Raises NotNow, Refused.
    """
    if 200 <= status < 300:
        return
    if status == 429 or status >= 500:
        raise NotNow(str(status), retry_after(headers) or (AFTER_DOUBT_SECONDS if status >= 500 else None))
    if status in (401, 403, 404) or 300 <= status < 400:
        raise NotNow(f"{status}: the address, the key or its rights are not right")
    raise Refused(str(status))


def retry_after(headers: Mapping[str, str]) -> float | None:
    """The seconds that the other side asks us to wait, given as seconds or as a date."""
    said = headers.get("retry-after", "").strip()
    if said.isascii() and said.isdecimal():
        # Nobody means more digits than these, and int() would read them all.
        return float(said[:9])
    try:
        return max(0.0, (parsedate_to_datetime(said) - datetime.now(UTC)).total_seconds())
    except (TypeError, ValueError, OverflowError):
        return None
