"""Who is watching which conversation in this process. A cache only: whoever misses a frame catches up by id."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from bot.messages import MessageShown

Frame = dict[str, Any]

WAITING_FRAMES = 200
"""A watcher that is this far behind is let go: it reconnects and catches up."""


class Streams:
    """Passes frames to the watchers of a conversation."""

    def __init__(self) -> None:
        self._watchers: dict[str, set[asyncio.Queue[Frame | None]]] = {}

    @contextmanager
    def watch(self, id_: str) -> Iterator[asyncio.Queue[Frame | None]]:
        """A queue that fills with the conversation's frames; None means that it is over."""
        queue: asyncio.Queue[Frame | None] = asyncio.Queue(WAITING_FRAMES)
        self._watchers.setdefault(id_, set()).add(queue)
        try:
            yield queue
        finally:
            watchers = self._watchers.get(id_, set())
            watchers.discard(queue)
            if not watchers:
                self._watchers.pop(id_, None)

    def _pass(self, id_: str, frame: Frame | None) -> None:
        for queue in tuple(self._watchers.get(id_, ())):
            if frame is None or queue.full():
                while not queue.empty():
                    queue.get_nowait()
                queue.put_nowait(None)
            else:
                queue.put_nowait(frame)

    def message(self, id_: str, message: MessageShown) -> None:
        """A message was stored."""
        self._pass(id_, {"type": "message", "message": message.model_dump(mode="json")})

    def typing(self, id_: str, sender: str) -> None:
        """Somebody is working on a reply."""
        self._pass(id_, {"type": "typing", "sender": sender})

    def end(self, id_: str) -> None:
        """The conversation was erased."""
        self._pass(id_, None)
