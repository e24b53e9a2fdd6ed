"""Who is watching which conversation in this process. A cache only: whoever misses a frame catches up by id."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from bot.messages import MessageShown

Frame = dict[str, Any]

WAITING_FRAMES = 1000
"""A watcher that is this far behind is let go: it reconnects and catches up."""


class Streams:
    """Passes frames to the watchers of a conversation, and of a desk: `desk:portal`."""

    def __init__(self) -> None:
        self._watchers: dict[str, set[asyncio.Queue[Frame | None]]] = {}
        self._desks: dict[str, str] = {}
        """Of the conversations that wait for a person or are held by one."""

    def follow(self, id_: str, desk: str | None) -> None:
        """From now on the desk's watchers see what happens in the conversation, too; None: no longer."""
        if desk is None:
            self._desks.pop(id_, None)
        else:
            self._desks[id_] = desk

    def desk_of(self, id_: str) -> str | None:
        """The desk whose watchers follow the conversation."""
        return self._desks.get(id_)

    @property
    def followed(self) -> tuple[str, ...]:
        """The conversations that desks follow."""
        return tuple(self._desks)

    def watched(self, id_: str) -> bool:
        """Whether anybody watches at this moment."""
        return id_ in self._watchers

    @contextmanager
    def watch(self, id_: str) -> Iterator[asyncio.Queue[Frame | None]]:
        """A queue that fills with the frames of a conversation or a desk; None means that it is over."""
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
        shown = message.model_dump(mode="json")
        self._pass(id_, {"type": "message", "message": shown})
        if desk := self._desks.get(id_):
            self.tell_desk(desk, {"type": "message", "conversation": id_, "message": shown})

    def typing(self, id_: str, sender: str) -> None:
        """Somebody is working on a reply."""
        self._pass(id_, {"type": "typing", "sender": sender})

    def typed(self, id_: str) -> None:
        """The visitor is typing: only whoever answers for the desk is told."""
        if desk := self._desks.get(id_):
            self.tell_desk(desk, {"type": "typing", "conversation": id_, "sender": "visitor"})

    def mode(self, id_: str, mode: str, position: int | None) -> None:
        """Who talks to the visitor now; position: in the queue, where it waits."""
        self._pass(id_, {"type": "mode", "mode": mode, "position": position})

    def tell_desk(self, desk: str, frame: Frame) -> None:
        """A frame for whoever answers for a desk."""
        self._pass(f"desk:{desk}", frame)

    def end(self, id_: str) -> None:
        """The conversation was erased."""
        self._pass(id_, None)
        if desk := self._desks.pop(id_, None):
            self.tell_desk(desk, {"type": "erased", "conversation": id_})
