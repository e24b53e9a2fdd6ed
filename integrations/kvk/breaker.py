"""A circuit breaker: a register that fails again and again is left alone for a while.

Our own, because none of the libraries does what is needed here: `purgatory` lets everybody through at once when it is
half open, and takes a caller that hangs up for a failure of the other side; `aiobreaker` had its last release in 2021;
`pybreaker` does not guard coroutines.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from integrations.kvk.errors import RegisterDown, RegisterRefused

log = logging.getLogger(__name__)

FAILURES_IN_A_ROW = 5
REST_SECONDS = 30.0
LONGEST_REST_SECONDS = 600.0
"""However long the register asks us to stay away: a wrong number there must not switch it off for a day."""

Result = TypeVar("Result")


class Breaker:
    """Closed it lets calls through; open it refuses them at once; after its rest it lets one through to see.

    For one event loop: nothing here waits between looking and deciding.
    """

    def __init__(
        self,
        failures: int = FAILURES_IN_A_ROW,
        rest_seconds: float = REST_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._failures, self._rest_seconds, self._clock = failures, rest_seconds, clock
        self._in_a_row = 0
        self._open_until: float | None = None
        self._probing = False

    async def call(self, work: Callable[[], Awaitable[Result]]) -> Result:
        """What the work gives. RegisterDown counts as a failure; a refusal does not, for then somebody answered.

        Raises what the work raises, and RegisterDown while it rests.
        """
        is_probe = self._admit()
        try:
            result = await work()
        except RegisterDown as problem:
            self._failed(problem, is_probe)
            raise
        except RegisterRefused:
            self._worked(is_probe)
            raise
        finally:
            # Also when the caller hung up: the next one may try then.
            if is_probe:
                self._probing = False
        self._worked(is_probe)
        return result

    def _admit(self) -> bool:
        """Lets a call through; tells whether it is the probe. Raises RegisterDown."""
        if self._open_until is None:
            return False
        left = self._open_until - self._clock()
        if left > 0 or self._probing:
            raise RegisterDown("left alone after failures", retry_after_seconds=max(left, 1.0))
        self._probing = True
        return True

    def _worked(self, is_probe: bool) -> None:
        # A call from before it opened says nothing about now: only the probe closes it.
        if is_probe or self._open_until is None:
            self._in_a_row, self._open_until = 0, None

    def _failed(self, problem: RegisterDown, is_probe: bool) -> None:
        if self._open_until is not None and not is_probe:
            return
        self._in_a_row += 1
        rest = problem.retry_after_seconds or 0.0
        if is_probe or self._in_a_row >= self._failures:
            rest = max(rest, self._rest_seconds)
        if rest:
            rest = min(rest, LONGEST_REST_SECONDS)
            self._open_until = self._clock() + rest
            log.warning("The Handelsregister is left alone for %.0f s: %s", rest, problem)
