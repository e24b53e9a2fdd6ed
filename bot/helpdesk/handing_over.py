"""Hands conversations over to people and back, and tells whoever watches: the visitor, and the agents of the desk.

What is true stands in the database (`bot/helpdesk/queue.py`); this passes it on, in the one web process.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Protocol

from sqlalchemy.exc import SQLAlchemyError

from bot.answers.knowledge import DESKS
from bot.conversations.store import NoSuchConversation
from bot.conversations.turns import Turns
from bot.database.types import now
from bot.helpdesk import saying
from bot.helpdesk.queue import HandOverShown, HandOverStore, StillOpen, Telling, Waiting
from bot.messages import MessageShown

log = logging.getLogger(__name__)

EVERY_SECONDS = 15.0
LONGEST_TEXT = 4000
GONE_AFTER = timedelta(minutes=2)
"""An agent who has shown no sign of life for so long no longer holds conversations."""
NOBODY_AFTER = timedelta(seconds=60)
"""A desk without anybody for so long has nobody. Whoever reloads the page is back before."""
TYPING_AT_MOST_EVERY_SECONDS = 1.0
MOST_TYPING = 10_000


class Agent(Protocol):
    """Who acts, as far as this needs to know."""

    @property
    def id(self) -> str:
        """Of the account."""

    @property
    def name(self) -> str:
        """In full."""


class HandingOver:
    """Everything that happens between a visitor, the queue and an agent."""

    def __init__(self, turns: Turns, store: HandOverStore, wait: timedelta) -> None:
        """wait: after so long without an agent a visitor is told, kindly."""
        self.turns, self.store = turns, store
        self._wait = wait
        self._started: datetime | None = None
        self._places: dict[str, int] = {}
        """What each visitor who waits was told last of their place."""
        self._present: dict[str, int] = {}
        self._there_at: dict[str, datetime] = {}
        """When somebody was last there, by desk."""
        self._typed: dict[str, float] = {}
        self._read_at: dict[str, datetime] = {}
        """When a visitor who waits last asked for messages."""
        turns.changed = self._changed

    async def start(self) -> None:
        """Takes up what waited or was held when the process before this one ended."""
        for row in await self.turns.in_database(self.store.still_open):
            self.turns.streams.follow(row.conversation_id, row.desk)

    # ---- What a visitor does

    async def ask(self, conversation_id: str, desk: str, reason: str) -> Waiting:
        """Puts a conversation into the queue of a desk. Raises NoSuchConversation."""
        waiting = await self.turns.in_database(self.store.ask, conversation_id, desk, reason)
        await self._changed(conversation_id)
        return waiting

    async def leave(self, conversation_id: str) -> None:
        """The visitor goes on with the assistant. Raises NoSuchConversation."""
        if await self.turns.in_database(self.store.leave, conversation_id):
            await self._changed(conversation_id)

    async def mode(self, conversation_id: str) -> tuple[str, int | None] | None:
        """Who talks to the visitor, and their place in the queue; None where the conversation is gone."""
        return await self.turns.in_database(self.store.mode, conversation_id)

    def typed(self, conversation_id: str) -> None:
        """The visitor is typing; passed on at most once a second."""
        if self.turns.streams.desk_of(conversation_id) and self._may_tell(f"visitor:{conversation_id}"):
            self.turns.streams.typed(conversation_id)

    def read(self, conversation_id: str) -> None:
        """The visitor asks for messages."""
        if self.turns.streams.desk_of(conversation_id):
            self._read_at[conversation_id] = now()

    async def erased(self, conversation_id: str) -> None:
        """The conversation is gone: ends its streams, and moves the queue up."""
        desk = self.turns.streams.desk_of(conversation_id)
        self.turns.streams.end(conversation_id)
        self._forget(conversation_id)
        if desk:
            await self._move_up(desk)

    # ---- What an agent does

    async def claim(self, conversation_id: str, staff: Agent) -> HandOverShown:
        """Gives the conversation to this agent, and to no other; from now on the assistant is silent in it.

        Raises NotWaiting, ClaimedBySomebody, NoSuchConversation.
        """
        return await self.turns.to_the_end(self._change(self.store.claim, conversation_id, staff.id))

    async def say(self, conversation_id: str, staff: Agent, text: str, key: str) -> MessageShown:
        """Says something to the visitor; the same key again says nothing twice. At most 4,000 characters.

        Raises NotHolding, KeyUsedForAnother, NoSuchConversation, ValueError.
        """
        if not text.strip() or len(text) > LONGEST_TEXT:
            raise ValueError(f"a text of 1 to {LONGEST_TEXT} characters")
        return await self.turns.to_the_end(self._say(conversation_id, staff.id, text.strip(), key))

    async def hand_back(self, conversation_id: str, staff: Agent) -> HandOverShown:
        """The assistant goes on. Raises NotHolding, NoSuchConversation."""
        return await self.turns.to_the_end(self._change(self.store.hand_back, conversation_id, staff.id))

    async def close(self, conversation_id: str, staff: Agent, outcome: str) -> HandOverShown:
        """The agent is done; the visitor's next message is for the assistant. Raises NotHolding, NoSuchConversation."""
        return await self.turns.to_the_end(self._change(self.store.close, conversation_id, staff.id, outcome))

    async def read_up_to(self, conversation_id: str, staff: Agent, message_id: str) -> HandOverShown:
        """The agent has seen the messages up to this one. Raises NotHolding, NoSuchConversation."""
        shown = await self.turns.in_database(self.store.read_up_to, conversation_id, staff.id, message_id)
        self._show(shown)
        return shown

    async def typing(self, conversation_id: str, staff: Agent) -> None:
        """The agent is typing; passed on at most once a second, and only to a conversation that they hold."""
        if not self._may_tell(f"{staff.id}:{conversation_id}"):
            return
        shown = await self.turns.in_database(self.store.get, conversation_id)
        if shown and shown.state == "claimed" and shown.claimed_by == staff.id:
            self.turns.streams.typing(conversation_id, "agent")

    async def release(self, account_id: str) -> list[HandOverShown]:
        """What an agent held waits again, in front: the account was switched off, or the agent goes home."""
        return [await self._tell(shown) for shown in await self.turns.in_database(self.store.release, account_id)]

    # ---- What time does

    async def run(self) -> None:
        """Looks after the queues until cancelled."""
        while True:
            try:
                await self.tick(now())
            except (SQLAlchemyError, TimeoutError) as problem:
                log.warning("The queues could not be looked after: %s.", type(problem).__name__)
            await asyncio.sleep(EVERY_SECONDS)

    async def tick(self, moment: datetime) -> None:
        """Once: agents who are gone, visitors who wait too long or for nobody, and who is there.

        moment: in UTC, so that nobody waits an hour longer in the night the clock changes.
        """
        self._started = self._started or moment
        if moment - self._started >= GONE_AFTER:
            # Not at once: after a restart nobody has been able to show a sign of life.
            for shown in await self.turns.in_database(self.store.release_lost, moment - GONE_AFTER):
                await self._tell(shown)
        there = {desk: await self._is_there(desk, moment) for desk in DESKS}
        rows = await self.turns.in_database(self.store.still_open)
        await self._follow(rows)
        for row in rows:
            if row.state == "waiting":
                await self._look_after(row, moment, somebody=there[row.desk])
        for desk in DESKS:
            await self._move_up(desk)

    async def check_presence(self) -> None:
        """Tells the consoles who is there, where that has changed."""
        for desk in DESKS:
            await self._count(desk)

    async def _count(self, desk: str) -> int:
        present = await self.turns.in_database(self.turns.desks.present, desk)
        if self._present.get(desk) != present:
            self._present[desk] = present
            self.turns.streams.tell_desk(desk, {"type": "presence", "desk": desk, "present": present})
        return present

    async def _is_there(self, desk: str, moment: datetime) -> bool:
        """Whether who waits for the desk may hope: it is open, and somebody is there or was a moment ago."""
        if await self._count(desk) or desk not in self._there_at:
            self._there_at[desk] = moment
        return self.turns.desks.is_open(desk) and moment - self._there_at[desk] < NOBODY_AFTER

    async def _follow(self, rows: list[StillOpen]) -> None:
        """What changed in another process (a conversation ended with its retention) is told here."""
        kept = {row.conversation_id: row.desk for row in rows}
        for id_ in self.turns.streams.followed:
            if id_ in kept:
                continue
            if await self.mode(id_) is None:
                await self.erased(id_)
            else:
                await self._changed(id_)
        for id_ in kept.keys() - set(self.turns.streams.followed):
            await self._changed(id_)

    def _is_watching(self, conversation_id: str, moment: datetime) -> bool:
        """Whether the visitor is there: with an open stream, or reading where no stream gets through."""
        read_at = self._read_at.get(conversation_id)
        return self.turns.streams.watched(conversation_id) or (read_at is not None and moment - read_at < NOBODY_AFTER)

    async def _look_after(self, row: StillOpen, moment: datetime, *, somebody: bool) -> None:
        """Who waits for nobody, or waits long and is not there, waits no longer; who is there is told it takes long."""
        desks = self.turns.desks
        long_since = max(row.asked_at, row.told_at or row.asked_at)
        is_long = moment - long_since >= self._wait
        if somebody and not is_long:
            return
        change, tell = self.store.miss, self._nobody_came(row.desk)
        if somebody and self._is_watching(row.conversation_id, moment):
            change = self.store.tell_waiting
            tell = lambda language, place: saying.takes_long(language, place, desks.form(language))  # noqa: E731
        try:
            shown = await self.turns.in_database(change, row.conversation_id, tell)
        except NoSuchConversation:
            return
        if shown is not None:
            await self._tell(shown)

    def _nobody_came(self, desk: str) -> Telling:
        desks = self.turns.desks
        return lambda language, _: saying.nobody_came(language, desks.reach(desk, language), desks.form(language))

    # ---- Telling

    async def _change(self, change: Callable[..., HandOverShown], *arguments: str) -> HandOverShown:
        return await self._tell(await self.turns.in_database(change, *arguments))

    async def _say(self, conversation_id: str, account_id: str, text: str, key: str) -> MessageShown:
        said = await self.turns.in_database(self.store.say, conversation_id, account_id, text, key)
        self.turns.streams.message(conversation_id, said)
        return said

    def _may_tell(self, key: str) -> bool:
        moment = time.monotonic()
        if moment - self._typed.get(key, -TYPING_AT_MOST_EVERY_SECONDS) < TYPING_AT_MOST_EVERY_SECONDS:
            return False
        if len(self._typed) >= MOST_TYPING:
            self._typed.clear()
        self._typed[key] = moment
        return True

    async def _tell(self, shown: HandOverShown) -> HandOverShown:
        """Tells everybody of a change that is stored; gives the hand-over without what was said."""
        id_ = shown.conversation_id
        streams = self.turns.streams
        streams.follow(id_, shown.desk)
        for message in shown.told:
            streams.message(id_, message)
        await self._changed(id_)
        return replace(shown, told=())

    async def _changed(self, conversation_id: str) -> None:
        """Something happened in a conversation that waits or is held, or did so until now. It is stored already."""
        try:
            shown = await self.turns.in_database(self.store.get, conversation_id)
            mode = await self.turns.in_database(self.store.mode, conversation_id)
        except (SQLAlchemyError, TimeoutError) as problem:
            log.warning("A change could not be passed on: %s.", type(problem).__name__)
            return
        if shown is None or mode is None:
            return
        streams = self.turns.streams
        is_open = shown.ended_at is None
        was_followed = streams.desk_of(conversation_id) is not None
        if is_open or was_followed:
            streams.mode(conversation_id, mode[0], mode[1])
        self._show(shown)
        streams.follow(conversation_id, shown.desk if is_open else None)
        if mode[1] is not None:
            self._places[conversation_id] = mode[1]
            return
        waited = conversation_id in self._places
        self._forget(conversation_id)
        if waited:
            await self._move_up(shown.desk)

    def _forget(self, conversation_id: str) -> None:
        """What is only of use while the visitor waits."""
        self._places.pop(conversation_id, None)
        self._read_at.pop(conversation_id, None)

    def _show(self, shown: HandOverShown) -> None:
        self.turns.streams.tell_desk(shown.desk, {"type": "hand_over", "hand_over": shown.as_json()})

    async def _move_up(self, desk: str) -> None:
        """Tells who waits for the desk their place, where it is another than they know."""
        try:
            queue = await self.turns.in_database(self.store.queue, desk)
        except (SQLAlchemyError, TimeoutError) as problem:
            log.warning("A queue could not be read: %s.", type(problem).__name__)
            return
        for place, id_ in enumerate(queue, start=1):
            if self._places.get(id_) != place:
                self._places[id_] = place
                self.turns.streams.mode(id_, "queue", place)
