"""Rasa's memory: short, bounded, and nothing that would have to be erased with care."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from typing import Any

from rasa.core.brokers.broker import EventBroker
from rasa.core.tracker_store import TrackerStore
from rasa.shared.core.conversation import Dialogue
from rasa.shared.core.domain import Domain
from rasa.shared.core.trackers import DialogueStateTracker


class BoundedTrackerStore(TrackerStore):
    """Keeps trackers in memory, the least recently used out first, none longer than its time to live.

    Rasa's own InMemoryTrackerStore keeps every conversation for as long as the process lives, as JSON that it reads
    again at every turn. Events never change once they have happened, so here they are kept as they are.
    """

    def __init__(
        self,
        domain: Domain,
        event_broker: EventBroker | None = None,
        conversations: int = 2000,
        seconds_to_live: float = 3600,
        events: int = 24,
        **kwargs: Any,
    ) -> None:
        self._conversations = conversations
        self._seconds_to_live = seconds_to_live
        self._events = events
        self._timer: asyncio.TimerHandle | None = None
        self._kept: OrderedDict[str, tuple[float, Dialogue]] = OrderedDict()
        super().__init__(domain, event_broker, **kwargs)

    async def save(self, tracker: DialogueStateTracker) -> None:
        """Keeps the last events, further back than any rule looks; drops trackers that are too old or too many."""
        moment = time.monotonic()
        self._kept[tracker.sender_id] = (moment, Dialogue(tracker.sender_id, list(tracker.events)[-self._events :]))
        self._kept.move_to_end(tracker.sender_id)
        while len(self._kept) > self._conversations:
            self._kept.popitem(last=False)
        self._drop_expired()
        self._look_again()

    def _drop_expired(self) -> None:
        """The oldest stand first."""
        while self._kept:
            oldest, (kept_at, _) = next(iter(self._kept.items()))
            if time.monotonic() - kept_at <= self._seconds_to_live:
                return
            del self._kept[oldest]

    def _look_again(self) -> None:
        """Sees to it that the last tracker of the day goes in time too, when nobody writes any more."""
        if self._timer is None and self._kept:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(self._seconds_to_live / 10 + 1, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        self._drop_expired()
        self._look_again()

    async def retrieve(self, sender_id: str) -> DialogueStateTracker | None:
        """The tracker, or None when it was never kept or has been dropped."""
        self._drop_expired()
        kept = self._kept.get(sender_id)
        if kept is None:
            return None
        tracker = self.init_tracker(sender_id)
        tracker.recreate_from_dialogue(kept[1])
        return tracker

    async def delete(self, sender_id: str) -> None:
        """Forgets one conversation."""
        self._kept.pop(sender_id, None)

    async def keys(self) -> list[str]:
        """The conversations that are kept."""
        return list(self._kept)
