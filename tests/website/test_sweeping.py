"""What is counted of visitors goes when its time is over, without a thread for each of them."""

from __future__ import annotations

import threading
import time

import pytest
from limits import RateLimitItemPerSecond
from limits.strategies import SlidingWindowCounterRateLimiter

from integrations.website import limits

WITHIN_SECONDS = 30.0


def test_what_has_expired_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "SWEPT_EVERY_SECONDS", 0.05)
    storage = limits._Memory()
    windows = SlidingWindowCounterRateLimiter(storage)
    for address in range(100):
        assert windows.hit(RateLimitItemPerSecond(1), str(address))
    assert len(storage.storage) >= 100
    end = time.monotonic() + WITHIN_SECONDS
    while len(storage.storage) > 5 and time.monotonic() < end:
        # Somebody has to come by, as the next visitor does.
        windows.hit(RateLimitItemPerSecond(1), "another")
        time.sleep(0.2)
    assert all("another" in key for key in storage.storage)


def test_not_a_thread_for_every_request() -> None:
    windows = SlidingWindowCounterRateLimiter(limits._Memory())
    started = []
    start = threading.Timer.start
    threading.Timer.start = lambda self: (started.append(self), start(self))[1]  # type: ignore[method-assign]
    try:
        for _ in range(10):
            windows.hit(RateLimitItemPerSecond(100), "somebody")
            time.sleep(0.02)
    finally:
        threading.Timer.start = start  # type: ignore[method-assign]
    assert len(started) <= 2
