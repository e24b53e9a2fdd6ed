"""All that an agent sees of one conversation: what was said, what the assistant tried, the guide, notes, hand-overs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, Select, func, select
from sqlalchemy.orm import Session

from bot.conversations.models import Conversation, Message
from bot.conversations.store import NoSuchConversation, messages_shown
from bot.database.store import Store
from bot.database.types import new_id, now
from bot.guides.models import GuideProgress
from bot.helpdesk.models import ConversationNote, HandOver, Request
from bot.messages import GuideState, MessageShown
from bot.staff import audit
from bot.staff.models import StaffAccount, StaffAudit

PAGE = 200
MOST_NOTES = 100
MOST_EARLIER = 20
OPENED = "conversation_opened"


class TooManyNotes(Exception):
    """The conversation has as many notes as it can have."""


@dataclass(frozen=True)
class Spoken:
    """A message, with what visitors do not see of it."""

    message: MessageShown
    decision: dict[str, Any] | None
    """What the assistant considered, as `Decision.as_record` gives it."""
    agent: str | None
    """The name of the agent who wrote it."""
    pressed: bool
    """A button, not the visitor's own words."""


@dataclass(frozen=True)
class Note:
    """What one agent wants the next to know."""

    id: str
    author: str | None
    text: str
    created_at: datetime


@dataclass(frozen=True)
class Earlier:
    """A hand-over of the conversation that has ended."""

    desk: str
    state: str
    asked_at: datetime
    ended_at: datetime | None
    outcome: str | None
    agent: str | None


@dataclass(frozen=True)
class Dossier:
    """One conversation."""

    id: str
    language: str
    mode: str
    channel: str
    referrer: str | None
    created_at: datetime
    messages: tuple[Spoken, ...]
    """The newest, oldest first."""
    is_whole: bool
    """Whether nothing was said before the first of the messages."""
    guide: GuideState | None
    """The guide that the visitor was in last."""
    notes: tuple[Note, ...]
    earlier: tuple[Earlier, ...]
    references: tuple[str, ...]
    """Of the requests that were put in from it."""


@dataclass(frozen=True)
class LastQuestion:
    """What the visitor asked last, in words of their own."""

    message_id: str
    text: str
    language: str
    last_topic: str | None


def _spoken(session: Session, rows: list[Message]) -> tuple[Spoken, ...]:
    ids = {row.account_id for row in rows if row.account_id}
    names: dict[str, str] = {}
    if ids:
        query = select(StaffAccount.id, StaffAccount.name).where(StaffAccount.id.in_(ids))
        names = {row.id: row.name for row in session.execute(query)}
    return tuple(
        Spoken(shown, row.decision, names.get(row.account_id or ""), row.payload is not None)
        for row, shown in zip(rows, messages_shown(session, rows), strict=True)
    )


class DossierStore(Store):
    """Reads conversations for agents. It trusts the id it is given: who may see it is decided before.

    Thread-safe; every method is one transaction.
    """

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)

    @staticmethod
    def _find(session: Session, id_: str) -> Conversation:
        conversation = session.get(Conversation, id_)
        if conversation is None:
            raise NoSuchConversation(id_)
        return conversation

    @staticmethod
    def _said(id_: str, until: datetime | None) -> Select[Message]:
        query = select(Message).where(Message.conversation_id == id_)
        return query if until is None else query.where(Message.created_at <= until)

    def dossier(self, id_: str, until: datetime | None = None) -> Dossier:
        """The conversation as it stands; or as it stood at `until`, and then without the guide.

        Raises NoSuchConversation.
        """
        with self._reading() as session:
            conversation = self._find(session, id_)
            newest = list(session.scalars(self._said(id_, until).order_by(Message.id.desc()).limit(PAGE + 1)))
            return Dossier(
                id=id_,
                language=conversation.language,
                mode=conversation.mode,
                channel=conversation.channel,
                referrer=conversation.referrer,
                created_at=conversation.created_at,
                messages=_spoken(session, newest[:PAGE][::-1]),
                is_whole=len(newest) <= PAGE,
                guide=self._guide(session, id_) if until is None else None,
                notes=self._notes(session, id_),
                earlier=self._earlier(session, id_),
                references=tuple(
                    session.scalars(
                        select(Request.reference).where(Request.conversation_id == id_).order_by(Request.id).limit(PAGE)
                    )
                ),
            )

    def messages(
        self, id_: str, *, after: str | None = None, before: str | None = None, until: datetime | None = None
    ) -> tuple[Spoken, ...]:
        """A page of messages, oldest first: the first after one, or the last before one; none later than `until`.

        Raises NoSuchConversation.
        """
        with self._reading() as session:
            self._find(session, id_)
            query = self._said(id_, until).limit(PAGE)
            if before is not None:
                older = session.scalars(query.where(Message.id < before).order_by(Message.id.desc()))
                return _spoken(session, list(older)[::-1])
            if after is not None:
                query = query.where(Message.id > after)
            return _spoken(session, list(session.scalars(query.order_by(Message.id))))

    @staticmethod
    def _guide(session: Session, id_: str) -> GuideState | None:
        """The guide that waits for the visitor, else the one of last time."""
        query = (
            select(GuideProgress)
            .where(GuideProgress.conversation_id == id_)
            .order_by(GuideProgress.waiting.desc(), GuideProgress.updated_at.desc())
            .limit(1)
        )
        row = session.scalar(query)
        if row is None:
            return None
        return GuideState(guide=row.guide, step=row.step, answers=row.answers, trail=row.trail, waiting=row.waiting)

    @staticmethod
    def _notes(session: Session, id_: str) -> tuple[Note, ...]:
        query = (
            select(ConversationNote, StaffAccount.name)
            .outerjoin(StaffAccount, StaffAccount.id == ConversationNote.account_id)
            .where(ConversationNote.conversation_id == id_)
            .order_by(ConversationNote.id)
        )
        return tuple(Note(note.id, name, note.text, note.created_at) for note, name in session.execute(query))

    @staticmethod
    def _earlier(session: Session, id_: str) -> tuple[Earlier, ...]:
        query = (
            select(HandOver, StaffAccount.name)
            .outerjoin(StaffAccount, StaffAccount.id == HandOver.claimed_by)
            .where(HandOver.conversation_id == id_, HandOver.ended_at.is_not(None))
            .order_by(HandOver.id.desc())
            .limit(MOST_EARLIER)
        )
        return tuple(
            Earlier(row.desk, row.state, row.asked_at, row.ended_at, row.outcome, name)
            for row, name in session.execute(query)
        )

    def last_question(self, id_: str, until: datetime | None = None) -> LastQuestion | None:
        """What the visitor asked last, not later than `until`; None where nothing was asked in words.

        Raises NoSuchConversation.
        """
        with self._reading() as session:
            conversation = self._find(session, id_)
            query = self._said(id_, until).where(Message.sender == "visitor", Message.expires_at.is_(None))
            query = query.order_by(Message.id.desc()).limit(PAGE)
            # In Python: a JSON column holds `null` for a message in words on one database and NULL on the other.
            in_words = [row for row in session.scalars(query) if row.payload is None]
            no_questions = self._no_questions(session, [row.id for row in in_words])
            asked = next((row for row in in_words if row.id not in no_questions), None)
            if asked is None:
                return None
            return LastQuestion(asked.id, asked.text, asked.language, conversation.last_topic)

    @staticmethod
    def _no_questions(session: Session, ids: list[str]) -> set[str]:
        """Those that the assistant took for something else: small talk, or asking for a person."""
        query = select(Message).where(Message.reply_to.in_(ids), Message.kind.in_(("smalltalk", "handoff")))
        return {str(reply.reply_to) for reply in session.scalars(query) if reply.decision is None}

    def add_note(self, id_: str, account_id: str, words: str) -> Note:
        """Keeps a note with the conversation.

        Raises NoSuchConversation, TooManyNotes.
        """
        with self._writing() as session:
            self._find(session, id_)
            kept = select(func.count()).select_from(ConversationNote).where(ConversationNote.conversation_id == id_)
            if (session.scalar(kept) or 0) >= MOST_NOTES:
                raise TooManyNotes(id_)
            note = ConversationNote(
                id=new_id(), conversation_id=id_, account_id=account_id, text=words, created_at=now()
            )
            session.add(note)
            author = session.scalar(select(StaffAccount.name).where(StaffAccount.id == account_id))
            return Note(note.id, author, note.text, note.created_at)

    def opened(self, id_: str, account_id: str, since: datetime) -> None:
        """Audits that an agent read the conversation: once since it was asked for, not at every look."""
        with self._writing() as session:
            known = select(StaffAudit.id).where(
                StaffAudit.account_id == account_id,
                StaffAudit.at >= since,
                StaffAudit.action == OPENED,
                StaffAudit.subject == id_,
            )
            if session.scalar(known.limit(1)) is None:
                audit.record(session, account_id, OPENED, id_)
