"""Who may ask how often. Windows are kept in memory by the `limits` library; there is one web worker."""

from __future__ import annotations

import ipaddress
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from limits import RateLimitItem, RateLimitItemPerHour, RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter
from sanic import Request

from bot.settings import Settings
from integrations.website.problems import Problem

SUGGESTIONS_PER_ACCOUNT_AND_MINUTE = 900
"""One at every key that is struck, and nobody strikes more."""

SWEPT_EVERY_SECONDS = 1.0

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def _plain(address: Address) -> Address:
    """The IPv4 address that an IPv6 socket shows as ::ffff:…, or the address itself."""
    return getattr(address, "ipv4_mapped", None) or address


class Addresses:
    """Finds a visitor's address: what a proxy says of it counts only when that proxy is named as trusted."""

    def __init__(self, trusted_proxies: Sequence[str]) -> None:
        self._trusted: list[Network] = [ipaddress.ip_network(proxy, strict=False) for proxy in trusted_proxies]

    def _is_trusted(self, address: str) -> bool:
        try:
            known = ipaddress.ip_address(address)
        except ValueError:
            return False
        return any(_plain(known) in network for network in self._trusted)

    def is_trusted(self, request: Request) -> bool:
        """Whether the request comes from a proxy that is named as trusted."""
        return self._is_trusted(request.ip or "")

    def of(self, request: Request) -> str:
        """The address of the visitor; an IPv6 one by its /64, which is what one household gets."""
        address = request.ip or "unknown"
        if self._is_trusted(address):
            said = [part.strip() for part in ",".join(request.headers.getall("x-forwarded-for", [])).split(",")]
            address = next((part for part in reversed(said) if part and not self._is_trusted(part)), address)
        try:
            known = _plain(ipaddress.ip_address(address))
        except ValueError:
            return address[:64]
        if known.version == 6:
            return str(ipaddress.ip_network((known, 64), strict=False).network_address)
        return str(known)


class _Memory(MemoryStorage):
    """Looks once a second what has expired.

    The library starts a thread for that within ten milliseconds of every request, which takes longer than counting it.
    What has expired is not counted, swept or not.
    """

    def _MemoryStorage__schedule_expiry(self) -> None:  # noqa: N802
        if not self.timer.is_alive():
            self.timer = threading.Timer(SWEPT_EVERY_SECONDS, self._MemoryStorage__expire_events)  # type: ignore[attr-defined]
            self.timer.daemon = True
            self.timer.start()


class Limits:
    """The limits of the conversation API."""

    def __init__(self, settings: Settings) -> None:
        self._windows = SlidingWindowCounterRateLimiter(_Memory())
        self._addresses = Addresses(settings.trusted_proxies)
        self._openings = RateLimitItemPerHour(settings.conversations_per_address_per_hour)
        self._messages = RateLimitItemPerMinute(settings.messages_per_conversation_per_minute)
        self._messages_per_address = RateLimitItemPerMinute(settings.messages_per_address_per_minute)
        self._resuming = RateLimitItemPerHour(settings.resume_codes_per_address_per_hour)
        self._requests = RateLimitItemPerHour(settings.requests_per_conversation_per_hour)
        self._requests_per_address = RateLimitItemPerHour(settings.requests_per_address_per_hour)
        self._sign_ins = RateLimitItemPerHour(settings.sign_ins_per_address_per_hour)
        self._partners = RateLimitItemPerMinute(settings.partner_requests_per_minute)
        self._suggestions = RateLimitItemPerMinute(SUGGESTIONS_PER_ACCOUNT_AND_MINUTE)
        self._most_streams = settings.streams_per_address
        self._streams: dict[str, int] = {}

    def _count(self, item: RateLimitItem, *of: str) -> None:
        if not self._windows.hit(item, *of):
            reset = self._windows.get_window_stats(item, *of).reset_time
            seconds = max(1, round(reset - time.time()))
            raise Problem(429, "too_many", retry_after=seconds, seconds=seconds)

    def opening(self, request: Request) -> None:
        """Counts a new conversation. Raises Problem 429."""
        self._count(self._openings, "open", self._addresses.of(request))

    def asking(self, request: Request) -> None:
        """Counts any other request of an address. Raises Problem 429."""
        self._count(self._messages_per_address, "ask", self._addresses.of(request))

    def message(self, conversation: str) -> None:
        """Counts a message of a conversation. Raises Problem 429."""
        self._count(self._messages, "message", conversation)

    def address(self, request: Request) -> str:
        """The visitor's address, for counting elsewhere."""
        return self._addresses.of(request)

    def is_from_trusted_proxy(self, request: Request) -> bool:
        """Whether a proxy that is named as trusted passes the request on: what it says of the visitor counts."""
        return self._addresses.is_trusted(request)

    def signing_in(self, request: Request) -> None:
        """Counts an attempt of staff to sign in, whatever comes of it. Raises Problem 429."""
        self._count(self._sign_ins, "sign-in", self._addresses.of(request))

    def partner(self, key_id: str) -> None:
        """Counts a request with a partner's key. Raises Problem 429."""
        self._count(self._partners, "partner", key_id)

    def suggesting(self, account_id: str) -> None:
        """Counts suggestions that were asked for by somebody who types. Raises Problem 429."""
        self._count(self._suggestions, "suggest", account_id)

    def resuming(self, request: Request) -> None:
        """Counts a resume code that was tried, right or wrong. Raises Problem 429."""
        self._count(self._resuming, "resume", self._addresses.of(request))

    def putting_in(self, request: Request, conversation: str) -> None:
        """Counts a request for a desk. Raises Problem 429."""
        self._count(self._requests, "request", conversation)
        self._count(self._requests_per_address, "requests", self._addresses.of(request))

    @contextmanager
    def stream(self, request: Request) -> Iterator[None]:
        """Counts an open stream of an address for as long as it is open. Raises Problem 429."""
        address = self._addresses.of(request)
        if self._streams.get(address, 0) >= self._most_streams:
            raise Problem(429, "too_many", retry_after=60, seconds=60)
        self._streams[address] = self._streams.get(address, 0) + 1
        try:
            yield
        finally:
            self._streams[address] -= 1
            if not self._streams[address]:
                del self._streams[address]
