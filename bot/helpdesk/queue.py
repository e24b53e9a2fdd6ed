"""Stores hand-overs: who waits for a person, who holds which conversation. Each method is one transaction."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast

from sqlalchemy import ColumnElement, CursorResult, Engine, Select, func, or_, select, update
from sqlalchemy.orm import Session

from bot.conversations.masking import mask_codes
from bot.conversations.models import Conversation, Message
from bot.conversations.store import KeyUsedForAnother, NoSuchConversation, add_message, messages_shown
from bot.database.store import Store
from bot.database.types import new_id, now
from bot.helpdesk import saying, waiting
from bot.helpdesk.models import HandOver
from bot.messages import Draft, Language, MessageShown
from bot.staff.models import StaffAccount, StaffDesk, StaffRole

LONGEST_LAST_TEXT = 300
MOST_LISTED = 500
"""Of a list: more than that waits nowhere."""
MOST_LOOKED_BACK = 3
"""Messages of a visitor, for one that says what it is about."""

Telling = Callable[[Language, int], Draft]
"""What is said to the visitor at a change, by language and place in the queue."""


class HandOverError(Exception):
    """The root of what can be wrong with a change to a hand-over."""


class NotWaiting(HandOverError):
    """Nobody waits in this conversation (any more)."""


class ClaimedBySomebody(HandOverError):
    """Another agent was first; `name` is theirs."""

    def __init__(self, name: str) -> None:
        super().__init__("claimed by somebody")
        self.name = name


class NotHolding(HandOverError):
    """The agent does not hold the conversation (any more)."""


@dataclass(frozen=True)
class Waiting:
    """Where a conversation stands in the queue: 1 is the next, 0 is with an agent already."""

    position: int


@dataclass(frozen=True)
class HandOverShown:
    """A hand-over as agents see it."""

    id: str
    conversation_id: str
    desk: str
    reason: str
    state: str
    asked_at: datetime
    claimed_by: str | None
    claimed_by_name: str | None
    claimed_at: datetime | None
    ended_at: datetime | None
    outcome: str | None
    language: str
    unread: int
    """Messages of the visitor that the agent who holds it has not seen."""
    last_text: str
    """The visitor's last message, as stored; at most 300 characters."""
    last_at: datetime | None
    told: tuple[MessageShown, ...] = field(default=(), repr=False, compare=False)
    """What the change put into the conversation; nothing where it is only read."""

    def as_json(self) -> dict[str, Any]:
        """As the console gets it; times in ISO 8601."""
        shown = {name: getattr(self, name) for name in self.__dataclass_fields__ if name != "told"}
        return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in shown.items()}


@dataclass(frozen=True)
class StillOpen:
    """A conversation that waits or is held, and whose desk it is."""

    conversation_id: str
    desk: str
    state: str
    asked_at: datetime
    told_at: datetime | None
    """When the visitor was last told that it takes long; of those that wait."""


class HandOverStore(Store):
    """Hand-overs in the database. Thread-safe, and safe among processes."""

    def __init__(self, engine: Engine, code_pattern: str) -> None:
        super().__init__(engine)
        self._code_pattern = code_pattern

    @contextmanager
    def _changing(self, conversation_id: str) -> Iterator[tuple[Session, Conversation]]:
        """One conversation, locked: whoever else changes it waits. Raises NoSuchConversation."""
        with Session(self._engine, expire_on_commit=False) as session, session.begin():
            conversation = session.get(Conversation, conversation_id, with_for_update=True)
            if conversation is None:
                raise NoSuchConversation(conversation_id)
            yield session, conversation

    # ---- The visitor's side

    def ask(self, conversation_id: str, desk: str, reason: str) -> Waiting:
        """Puts a conversation into the queue of a desk; one that waits already keeps its place.

        Raises NoSuchConversation.
        """
        with self._changing(conversation_id) as (session, conversation):
            return Waiting(waiting.ask(session, conversation, desk, reason))

    def leave(self, conversation_id: str) -> bool:
        """The visitor goes on with the assistant; gives whether it waited. Raises NoSuchConversation."""
        with self._changing(conversation_id) as (session, conversation):
            return waiting.leave(session, conversation)

    def position(self, conversation_id: str) -> int | None:
        """Its place in the queue, 1 is the next; None where it does not wait."""
        with self._reading() as session:
            row = waiting.still_open(session, conversation_id)
            return (waiting.place(session, row) or None) if row else None

    def mode(self, conversation_id: str) -> tuple[str, int | None] | None:
        """The conversation's mode, and its place in the queue where it waits; None where there is no conversation."""
        with self._reading() as session:
            conversation = session.get(Conversation, conversation_id)
            if conversation is None:
                return None
            row = waiting.still_open(session, conversation_id) if conversation.mode == "queue" else None
            return conversation.mode, (waiting.place(session, row) or None) if row else None

    # ---- The agent's side

    def claim(self, conversation_id: str, account_id: str) -> HandOverShown:
        """Gives a waiting conversation to exactly one agent, and tells the visitor who it is.

        Claiming again what one holds changes nothing. Raises NotWaiting, ClaimedBySomebody, NoSuchConversation.
        """
        with self._changing(conversation_id) as (session, conversation):
            values = {"state": "claimed", "claimed_by": account_id, "claimed_at": now(), "read_up_to": None}
            where = (HandOver.conversation_id == conversation_id, HandOver.state == "waiting")
            done = session.execute(update(HandOver).where(*where).values(values))
            row = waiting.still_open(session, conversation_id)
            if row is None:
                raise NotWaiting(conversation_id)
            if cast("CursorResult[Any]", done).rowcount != 1:
                if row.claimed_by != account_id:
                    raise ClaimedBySomebody(_name(session, row.claimed_by) or "")
                return _shown(session, [row])[0]
            waiting.change_mode(conversation, "agent")
            joined = saying.joined(cast("Language", conversation.language), _name(session, account_id) or "", row.desk)
            return self._told(session, conversation, row, [joined])

    def say(self, conversation_id: str, account_id: str, text: str, key: str) -> MessageShown:
        """Stores what the agent says; the same key again stores nothing twice. What looks like a code is masked.

        Raises NotHolding, KeyUsedForAnother, NoSuchConversation.
        """
        text, _ = mask_codes(text, self._code_pattern)
        own_key = "staff:" + hashlib.sha256(f"{account_id}\0{key}".encode()).hexdigest()
        request_hash = hashlib.sha256(text.encode()).hexdigest()
        with self._changing(conversation_id) as (session, conversation):
            query = select(Message).where(
                Message.conversation_id == conversation_id, Message.idempotency_key == own_key
            )
            before = session.scalar(query)
            if before is not None:
                if before.request_hash != request_hash:
                    raise KeyUsedForAnother(key)
                return messages_shown(session, [before])[0]
            self._held(session, conversation_id, account_id)
            message = Message(
                id=new_id(), conversation_id=conversation_id, sender="agent", account_id=account_id, kind="text",
                text=text, language=conversation.language, sources=[], idempotency_key=own_key,
                request_hash=request_hash, created_at=now(),
            )  # fmt: skip
            session.add(message)
            conversation.last_active_at = message.created_at
            session.flush()
            return messages_shown(session, [message])[0]

    def hand_back(self, conversation_id: str, account_id: str) -> HandOverShown:
        """The assistant goes on, and the visitor is told. Raises NotHolding, NoSuchConversation."""
        with self._changing(conversation_id) as (session, conversation):
            row = self._held(session, conversation_id, account_id)
            row.state, row.ended_at = "handed_back", now()
            waiting.change_mode(conversation, "assistant")
            back = saying.handed_back(cast("Language", conversation.language))
            return self._told(session, conversation, row, [back])

    def close(self, conversation_id: str, account_id: str, outcome: str) -> HandOverShown:
        """The agent is done, and the visitor is told what they can do next. Raises NotHolding, NoSuchConversation."""
        with self._changing(conversation_id) as (session, conversation):
            row = self._held(session, conversation_id, account_id)
            row.state, row.ended_at, row.outcome = "closed", now(), outcome
            waiting.change_mode(conversation, "closed")
            language = cast("Language", conversation.language)
            closed = saying.closed(language, _name(session, account_id) or "")
            return self._told(session, conversation, row, [closed])

    def read_up_to(self, conversation_id: str, account_id: str, message_id: str) -> HandOverShown:
        """The agent has seen the messages up to this one; never fewer than before. Raises NotHolding."""
        with self._changing(conversation_id) as (session, _):
            row = self._held(session, conversation_id, account_id)
            known = session.get(Message, message_id)
            if known is not None and known.conversation_id == conversation_id:
                row.read_up_to = max(row.read_up_to or "", message_id)
                session.flush()
            return _shown(session, [row])[0]

    @staticmethod
    def _held(session: Session, conversation_id: str, account_id: str) -> HandOver:
        row = waiting.still_open(session, conversation_id)
        if row is None or row.state != "claimed" or row.claimed_by != account_id:
            raise NotHolding(conversation_id)
        return row

    @staticmethod
    def _told(session: Session, conversation: Conversation, row: HandOver, drafts: Sequence[Draft]) -> HandOverShown:
        """Stores what is said at a change, in the same transaction; gives the hand-over with it."""
        session.flush()
        told = tuple(add_message(session, conversation, draft, None) for draft in drafts)
        [shown] = _shown(session, [row], told)
        return shown

    # ---- What changes without anybody doing it

    def release(self, account_id: str, before: datetime | None = None) -> list[HandOverShown]:
        """What an agent held waits again, at the place that it had; the visitors are told.

        before: only where the agent has shown no sign of life since then.
        """
        return self._release([HandOver.claimed_by == account_id], before)

    def release_lost(self, before: datetime) -> list[HandOverShown]:
        """The same for every agent who has shown no sign of life since `before`, or was switched off."""
        return self._release([], before)

    def _release(self, which: list[ColumnElement[bool]], before: datetime | None) -> list[HandOverShown]:
        gone = []
        if before is not None:
            silent = or_(StaffAccount.seen_at.is_(None), StaffAccount.seen_at < before)
            # Who has only just claimed it is there.
            gone = [
                or_(
                    StaffAccount.id.is_(None),
                    StaffAccount.is_active.is_(False),
                    ~_answers_for(HandOver.desk),
                    silent & (HandOver.claimed_at < before),
                )
            ]
        query = (
            select(HandOver.conversation_id)
            .outerjoin(StaffAccount, StaffAccount.id == HandOver.claimed_by)
            .where(HandOver.state == "claimed", *which, *gone)
            .limit(MOST_LISTED)
        )
        with self._reading() as session:
            found = session.scalars(query).all()
        released = []
        for conversation_id in found:
            try:
                with self._changing(conversation_id) as (session, conversation):
                    # Once more, now that nobody else can change it.
                    if session.scalar(query.where(HandOver.conversation_id == conversation_id)) is None:
                        continue
                    row = waiting.still_open(session, conversation_id)
                    if row is None:
                        continue
                    row.state, row.claimed_by, row.claimed_at, row.read_up_to = "waiting", None, None, None
                    waiting.change_mode(conversation, "queue")
                    session.flush()
                    lost = saying.lost(cast("Language", conversation.language), waiting.place(session, row))
                    released.append(self._told(session, conversation, row, [lost]))
            except NoSuchConversation:
                continue
        return released

    def miss(self, conversation_id: str, tell: Telling) -> HandOverShown | None:
        """Nobody came, or will: the assistant goes on, and the visitor is told. None where it waits no longer.

        Raises NoSuchConversation.
        """
        with self._changing(conversation_id) as (session, conversation):
            row = waiting.still_open(session, conversation_id)
            if row is None or not waiting.leave(session, conversation, "missed"):
                return None
            return self._told(session, conversation, row, [tell(cast("Language", conversation.language), 0)])

    def tell_waiting(self, conversation_id: str, tell: Telling) -> HandOverShown | None:
        """Says something to who waits, such as that it takes long; None where it waits no longer.

        Raises NoSuchConversation.
        """
        with self._changing(conversation_id) as (session, conversation):
            row = waiting.still_open(session, conversation_id)
            if row is None or row.state != "waiting":
                return None
            draft = tell(cast("Language", conversation.language), waiting.place(session, row))
            return self._told(session, conversation, row, [draft])

    # ---- Lists

    def get(self, conversation_id: str) -> HandOverShown | None:
        """The hand-over that is open, else the last one."""
        with self._reading() as session:
            query = select(HandOver).where(HandOver.conversation_id == conversation_id)
            row = session.scalar(query.order_by(HandOver.ended_at.is_(None).desc(), HandOver.asked_at.desc()).limit(1))
            return _shown(session, [row])[0] if row else None

    def waiting(self, desks: Collection[str]) -> list[HandOverShown]:
        """Who waits for these desks, the longest first."""
        return self._list(HandOver.state == "waiting", HandOver.desk.in_(desks))

    def held(self, desks: Collection[str]) -> list[HandOverShown]:
        """What agents hold of these desks, the oldest first."""
        return self._list(HandOver.state == "claimed", HandOver.desk.in_(desks))

    def held_by(self, account_id: str) -> list[HandOverShown]:
        """What one agent holds, the oldest first."""
        return self._list(HandOver.state == "claimed", HandOver.claimed_by == account_id)

    def ended(self, desks: Collection[str], limit: int = 50) -> list[HandOverShown]:
        """What ended last at these desks, the oldest of them first; at most `limit`."""
        query = select(HandOver).where(HandOver.ended_at.is_not(None), HandOver.desk.in_(desks))
        with self._reading() as session:
            rows = session.scalars(query.order_by(HandOver.ended_at.desc()).limit(min(limit, MOST_LISTED))).all()
            return _shown(session, rows[::-1])

    def _list(self, *which: ColumnElement[bool]) -> list[HandOverShown]:
        query = select(HandOver).where(*which).order_by(HandOver.asked_at, HandOver.id).limit(MOST_LISTED)
        with self._reading() as session:
            return _shown(session, session.scalars(query).all())

    def queue(self, desk: str) -> list[str]:
        """The conversations that wait for a desk, the next one first."""
        query = select(HandOver.conversation_id).where(HandOver.desk == desk, HandOver.state == "waiting")
        with self._reading() as session:
            return list(session.scalars(query.order_by(HandOver.asked_at, HandOver.id)))

    def still_open(self) -> list[StillOpen]:
        """Every conversation that waits or is held, the oldest first."""
        told = (
            select(Message.conversation_id, func.max(Message.created_at).label("at"))
            .join(HandOver, HandOver.conversation_id == Message.conversation_id)
            .where(HandOver.state == "waiting", Message.sender == "system", Message.created_at >= HandOver.asked_at)
            .where(Message.decision[saying.TAKES_LONG].as_boolean().is_(True))
            .group_by(Message.conversation_id)
            .subquery()
        )
        query = (
            select(HandOver, told.c.at)
            .outerjoin(told, told.c.conversation_id == HandOver.conversation_id)
            .where(HandOver.ended_at.is_(None))
            .order_by(HandOver.asked_at, HandOver.id)
        )
        with self._reading() as session:
            return [
                StillOpen(row.conversation_id, row.desk, row.state, row.asked_at, at)
                for row, at in session.execute(query)
            ]


def _answers_for(desk: Any) -> ColumnElement[bool]:
    """Whether who holds a conversation answers for its desk (still)."""
    theirs = select(StaffDesk.account_id).where(StaffDesk.account_id == HandOver.claimed_by, StaffDesk.desk == desk)
    admin = select(StaffRole.account_id).where(StaffRole.account_id == HandOver.claimed_by, StaffRole.role == "admin")
    return theirs.exists() | admin.exists()


def _name(session: Session, account_id: str | None) -> str | None:
    account = session.get(StaffAccount, account_id) if account_id else None
    return account.name if account else None


def _by_id(session: Session, query: Select[Any, Any]) -> dict[str, Any]:
    return {row[0]: row[1] for row in session.execute(query)}


def _said_last(session: Session, ids: Collection[str]) -> dict[str, MessageShown]:
    """The visitor's last message in each conversation; before one that only asks for a person, the one before it."""
    place = func.row_number().over(partition_by=Message.conversation_id, order_by=Message.id.desc())
    numbered = (
        select(Message.id, place.label("place"))
        .where(Message.conversation_id.in_(ids), Message.sender == "visitor")
        .subquery()
    )
    newest = select(Message).join(numbered, numbered.c.id == Message.id).where(numbered.c.place <= MOST_LOOKED_BACK)
    stored = session.scalars(newest.order_by(Message.id.desc())).all()
    replies = select(Message).where(Message.reply_to.in_([row.id for row in stored]), Message.kind == "handoff")
    # In Python: a JSON column holds `null` on one database and NULL on the other.
    asking = {reply.reply_to for reply in session.scalars(replies) if reply.decision is None}
    last: dict[str, Message] = {}
    for row in stored:
        known = last.setdefault(row.conversation_id, row)
        if known.id in asking and row.id not in asking:
            last[row.conversation_id] = row
    rows = list(last.values())
    return {row.conversation_id: shown for row, shown in zip(rows, messages_shown(session, rows), strict=True)}


def _shown(session: Session, rows: Sequence[HandOver], told: tuple[MessageShown, ...] = ()) -> list[HandOverShown]:
    """The rows as agents see them, in four queries."""
    if not rows:
        return []
    ids = [row.conversation_id for row in rows]
    holders = {row.claimed_by for row in rows} - {None}
    names = _by_id(session, select(StaffAccount.id, StaffAccount.name).where(StaffAccount.id.in_(holders)))
    spoken = select(Conversation.id, Conversation.language).where(Conversation.id.in_(ids))
    languages = _by_id(session, spoken)
    last = _said_last(session, ids)
    unread = _by_id(
        session,
        select(HandOver.id, func.count(Message.id))
        .join(Message, Message.conversation_id == HandOver.conversation_id)
        .where(HandOver.id.in_([row.id for row in rows]), Message.sender == "visitor")
        .where(or_(HandOver.read_up_to.is_(None), Message.id > HandOver.read_up_to))
        .group_by(HandOver.id),
    )
    return [
        HandOverShown(
            id=row.id, conversation_id=row.conversation_id, desk=row.desk, reason=row.reason, state=row.state,
            asked_at=row.asked_at, claimed_by=row.claimed_by,
            claimed_by_name=names.get(row.claimed_by) if row.claimed_by else None, claimed_at=row.claimed_at,
            ended_at=row.ended_at, outcome=row.outcome, language=languages.get(row.conversation_id, "nl"),
            unread=unread.get(row.id, 0) if row.ended_at is None else 0,
            last_text=said.text[:LONGEST_LAST_TEXT] if said else "",
            last_at=said.created_at if said else None,
            told=told,
        )
        for row in rows
        # What is said after a hand-over has ended is not for agents.
        for said in [last.get(row.conversation_id) if row.ended_at is None else None]
    ]  # fmt: skip
