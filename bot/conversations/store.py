"""Stores conversations. Each method is one transaction; none of them waits for anything but the database."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import BindParameter, CursorResult, Engine, and_, bindparam, delete, func, select, update
from sqlalchemy.orm import Session

from bot.conversations.models import Button, Conversation, Feedback, Message
from bot.database.store import Store
from bot.database.types import new_id, now
from bot.guides.models import GuideProgress, ResumeCode
from bot.guides.resuming import GOOD_FOR, hash_of, new_code
from bot.helpdesk import waiting
from bot.helpdesk.models import Request
from bot.messages import (
    PLACE_IN_QUEUE,
    RESUME_CODE,
    ButtonShown,
    Draft,
    GuideState,
    MessageShown,
    Progress,
    SourceShown,
)
from bot.texts import LANGUAGES
from bot.texts import text as text_of
from bot.trends import erasing

PAGE_LIMIT = 200


class ConversationError(Exception):
    """The root of what can be wrong with a request about a conversation."""


class NoSuchConversation(ConversationError):
    """Never existed, has been erased, or the token is another conversation's: the same to the asker."""


class NoSuchMessage(ConversationError):
    """The message is not one of this conversation."""


class NoSuchButton(ConversationError):
    """The button was not issued in this conversation."""


class KeyUsedForAnother(ConversationError):
    """The Idempotency-Key stands for a different message already."""


@dataclass(frozen=True)
class Context:
    """What a capability may know of the conversation when it makes a reply."""

    id: str
    language: str
    mode: str
    version: int
    last_topic: str | None
    misses: int
    message_id: str | None = None
    text: str = ""
    """Of the visitor's message, as it was stored; the title of a pressed button."""
    payload: dict[str, Any] | None = None
    choices: tuple[dict[str, Any], ...] = ()
    """What the buttons of the assistant's last message stand for, in order."""
    guides: tuple[GuideState, ...] = ()
    """Where the visitor is in each guide that was begun, the last one first."""

    @property
    def guide(self) -> GuideState | None:
        """The guide whose step waits for the visitor."""
        return next((state for state in self.guides if state.waiting), None)

    @property
    def asked_back(self) -> bool:
        """Whether the assistant's last message asks which topic was meant."""
        return any("topic" in payload and not payload.get("instead") for payload in self.choices)


@dataclass(frozen=True)
class Turn:
    """A visitor's message that has been stored, and what is known about answering it."""

    message: MessageShown
    context: Context
    replies: tuple[MessageShown, ...]
    """Not empty when the message was answered before (the same Idempotency-Key again)."""
    reopened: bool = False
    """An agent had closed the conversation: with this message the assistant goes on."""


def token_hash(token: str) -> str:
    """What is kept of a conversation's token."""
    return hashlib.sha256(token.encode()).hexdigest()


def _is_token(token: str, hash_: str) -> bool:
    return hmac.compare_digest(hash_, token_hash(token))


def _in_its_place(message: Message) -> str:
    """What stands in place of a message that has expired; a visitor's was a button that names a company."""
    return text_of("status.gone_pressed" if message.sender == "visitor" else "status.gone", message.language)


def _shown(message: Message, buttons: Sequence[Button]) -> MessageShown:
    gone = message.expires_at is not None and message.expires_at <= now()
    return MessageShown(
        id=message.id,
        sender=message.sender,  # type: ignore[arg-type]
        kind=message.kind,  # type: ignore[arg-type]
        text=_in_its_place(message) if gone else message.text,
        language=message.language,  # type: ignore[arg-type]
        topic=message.topic,
        sources=[SourceShown(**source) for source in message.sources or ()],
        buttons=[ButtonShown(id=button.id, title=button.title) for button in ([] if gone else buttons)],
        progress=Progress(**message.progress) if message.progress else None,
        created_at=message.created_at,
    )


def _show(session: Session, messages: Sequence[Message]) -> list[MessageShown]:
    issued: dict[str, list[Button]] = {}
    ids = [message.id for message in messages if message.sender != "visitor"]
    if ids:
        query = select(Button).where(Button.message_id.in_(ids)).order_by(Button.position)
        for button in session.scalars(query):
            issued.setdefault(button.message_id, []).append(button)
    return [_shown(message, issued.get(message.id, ())) for message in messages]


def messages_shown(session: Session, messages: Sequence[Message]) -> list[MessageShown]:
    """Messages as the API gives them; what has expired has its placeholder."""
    return _show(session, messages)


# Made once: SQLAlchemy takes longer to put these together than to run them, and every turn runs them twice.
_CONVERSATION: BindParameter[str] = bindparam("conversation_id")
_GUIDES = (
    select(GuideProgress.guide, GuideProgress.step, GuideProgress.answers, GuideProgress.trail, GuideProgress.waiting)
    .where(GuideProgress.conversation_id == _CONVERSATION)
    .order_by(GuideProgress.updated_at.desc())
)
_LAST_REPLY = (
    select(Message.id)
    .where(Message.conversation_id == _CONVERSATION, Message.sender == "assistant")
    .order_by(Message.id.desc())
    .limit(1)
    .scalar_subquery()
)
_CHOICES = select(Button.payload).where(Button.message_id == _LAST_REPLY).order_by(Button.position)
_CHECKED = select(
    Conversation.token_hash, Conversation.id, Conversation.language, Conversation.mode, Conversation.version,
    Conversation.last_topic, Conversation.misses,
).where(Conversation.id == _CONVERSATION)  # fmt: skip
_AT_A_TURN = _CHECKED.add_columns(Message.id.label("message_id"), Message.text, Message.payload).outerjoin(
    Message, and_(Message.conversation_id == Conversation.id, Message.id == bindparam("message_id"))
)
_REPLIES = select(Message).where(Message.reply_to == bindparam("message_id")).order_by(Message.id)


def _guides(session: Session, id_: str) -> tuple[GuideState, ...]:
    return tuple(GuideState(**row._mapping) for row in session.execute(_GUIDES, {"conversation_id": id_}))


def _choices(session: Session, id_: str) -> tuple[dict[str, Any], ...]:
    """What the buttons of the assistant's last message stand for."""
    return tuple(session.scalars(_CHOICES, {"conversation_id": id_}))


def _context_of(row: Any) -> Context:
    """What stands in the conversation's own row; `row` has its columns."""
    return Context(
        id=row.id,
        language=row.language,
        mode=row.mode,
        version=row.version,
        last_topic=row.last_topic,
        misses=row.misses,
    )


def _context(session: Session, conversation: Conversation, message: Message | None = None) -> Context:
    """With what was offered last and where the visitor is in the guides, which takes two queries."""
    return replace(
        _context_of(conversation),
        message_id=message.id if message else None,
        text=message.text if message else "",
        payload=message.payload if message else None,
        choices=_choices(session, conversation.id),
        guides=_guides(session, conversation.id),
    )


def _keep_guide(session: Session, conversation_id: str, state: GuideState) -> None:
    """Keeps where the visitor is in a guide; at most one waits."""
    if state.waiting:
        others = GuideProgress.guide != state.guide
        session.execute(
            update(GuideProgress).where(GuideProgress.conversation_id == conversation_id, others).values(waiting=False)
        )
    session.merge(
        GuideProgress(
            conversation_id=conversation_id, guide=state.guide, step=state.step, answers=state.answers,
            trail=state.trail, waiting=state.waiting, updated_at=now(),
        )
    )  # fmt: skip


def _issue_code(session: Session, conversation_id: str, guide: str) -> str:
    """A new resume code for a guide of the conversation, in place of the one before."""
    code = new_code()
    expires_at = now() + GOOD_FOR
    session.merge(
        ResumeCode(conversation_id=conversation_id, guide=guide, code_hash=hash_of(code), expires_at=expires_at)
    )
    return code


def add_message(session: Session, conversation: Conversation, draft: Draft, reply_to: str | None) -> MessageShown:
    """Stores a draft in a transaction, and what the conversation must remember with it."""
    said = draft.text
    if draft.memory.resume_code and draft.memory.guide:
        said = said.replace(RESUME_CODE, _issue_code(session, conversation.id, draft.memory.guide.guide))
    if person := draft.memory.person:
        said = said.replace(PLACE_IN_QUEUE, str(waiting.ask(session, conversation, person.desk, person.reason)))
    message = Message(
        id=new_id(),
        conversation_id=conversation.id,
        sender=draft.sender,
        kind=draft.kind,
        text=said,
        language=draft.language,
        topic=draft.topic,
        sources=[source.model_dump(mode="json") for source in draft.sources],
        progress=draft.progress.model_dump() if draft.progress else None,
        expires_at=draft.expires_at,
        decision=draft.decision,
        reply_to=reply_to,
        created_at=now(),
    )
    buttons = [
        Button(id=new_id(), message_id=message.id, position=position, title=button.title, payload=button.payload)
        for position, button in enumerate(draft.buttons)
    ]
    session.add(message)
    session.flush()
    session.add_all(buttons)
    memory = draft.memory
    conversation.language = memory.language or conversation.language
    if memory.forget_topic or memory.last_topic:
        conversation.last_topic = memory.last_topic
    if memory.misses is not None:
        conversation.misses = memory.misses
    if memory.guide is not None:
        _keep_guide(session, conversation.id, memory.guide)
    if memory.leaves_queue:
        waiting.leave(session, conversation)
    return _shown(message, buttons)


class ConversationStore(Store):
    """Conversations in the database. Thread-safe; every method is one transaction."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)

    def open(
        self, language: str, channel: str, referrer: str | None, drafts: Sequence[Draft]
    ) -> tuple[str, str, list[MessageShown]]:
        """Opens a conversation with its first messages; gives its id, its token and the messages.

        The token is shown this once: only its hash is kept.
        """
        token = secrets.token_urlsafe(32)
        with self._writing() as session:
            conversation = Conversation(
                id=new_id(), token_hash=token_hash(token), language=language, channel=channel, referrer=referrer,
                misses=0, version=0, mode="assistant",
            )  # fmt: skip
            session.add(conversation)
            session.flush()
            messages = [add_message(session, conversation, draft, None) for draft in drafts]
        return conversation.id, token, messages

    @staticmethod
    def _find(session: Session, id_: str, token: str, *, lock: bool = False) -> Conversation:
        conversation = session.get(Conversation, id_, with_for_update=lock or None)
        if conversation is None or not _is_token(token, conversation.token_hash):
            raise NoSuchConversation(id_)
        return conversation

    def check(self, id_: str, token: str) -> Context:
        """The conversation as it stands, without what was offered in it.

        Raises NoSuchConversation when it is not there or the token is not its own.
        """
        with self._reading() as session:
            row = session.execute(_CHECKED, {"conversation_id": id_}).first()
            if row is None or not _is_token(token, row.token_hash):
                raise NoSuchConversation(id_)
            return _context_of(row)

    def begin_turn(
        self,
        id_: str,
        token: str,
        *,
        text: str | None,
        button_id: str | None,
        language: str | None,
        key: str | None,
    ) -> Turn:
        """Stores a visitor's message, or finds it again by its Idempotency-Key.

        text: the message, masked already; or None and `button_id` for a pressed button.
        language: the language that the text is certainly in, or None.

        Raises NoSuchConversation, NoSuchButton, KeyUsedForAnother.
        """
        request_hash = hashlib.sha256(f"{text}\0{button_id}".encode()).hexdigest() if key else None
        with self._writing() as session:
            conversation = self._find(session, id_, token, lock=True)
            if key:
                query = select(Message).where(Message.conversation_id == id_, Message.idempotency_key == key)
                before = session.scalar(query)
                if before is not None:
                    if before.request_hash != request_hash:
                        raise KeyUsedForAnother(key)
                    replies = session.scalars(_REPLIES, {"message_id": before.id})
                    return Turn(
                        _shown(before, ()),
                        _context(session, conversation, before),
                        tuple(_show(session, replies.all())),
                    )
            payload, expires_at = None, None
            if button_id is not None:
                query_button = (
                    select(Button, Message.expires_at)
                    .join(Message, Message.id == Button.message_id)
                    .where(Button.id == button_id, Message.conversation_id == id_)
                )
                found = session.execute(query_button).first()
                if found is None:
                    raise NoSuchButton(button_id)
                text, payload = found.Button.title, self._pressed(session, found.Button)
                expires_at = found.expires_at if "status" in payload else None
            message = Message(
                id=new_id(), conversation_id=id_, sender="visitor", kind="text", text=text,
                language=language or conversation.language, sources=[], idempotency_key=key,
                request_hash=request_hash, payload=payload, expires_at=expires_at, created_at=now(),
            )  # fmt: skip
            session.add(message)
            conversation.last_active_at = message.created_at
            if reopened := conversation.mode == "closed":
                waiting.change_mode(conversation, "assistant")
            if language:
                conversation.language = language
            session.flush()
            return Turn(_shown(message, ()), _context(session, conversation, message), (), reopened)

    @staticmethod
    def _pressed(session: Session, button: Button) -> dict[str, Any]:
        """What the button stands for; "try again" stands for the message that found no answer."""
        if "retry" not in button.payload:
            return button.payload
        original = session.get(Message, button.payload["retry"])
        if original is None:
            raise NoSuchButton(button.id)
        return original.payload or {"again": original.text}

    def end_turn(self, turn: Turn, drafts: Sequence[Draft]) -> list[MessageShown]:
        """Stores the replies to a message, and what the conversation must remember.

        Gives nothing, and stores nothing, when the conversation has changed hands since the message came in,
        or has been erased. A message that was answered meanwhile keeps the replies it has.
        """
        with self._writing() as session:
            conversation = session.get(Conversation, turn.context.id, with_for_update=True)
            if conversation is None or conversation.version != turn.context.version:
                return []
            if answered := session.scalars(_REPLIES, {"message_id": turn.message.id}).all():
                return _show(session, answered)
            return [add_message(session, conversation, draft, turn.message.id) for draft in drafts]

    def unanswered(self, id_: str, older_than_seconds: float) -> Turn | None:
        """The last message when it is a visitor's that nobody answers: the process ended in between."""
        with self._reading() as session:
            query = select(Message).where(Message.conversation_id == id_).order_by(Message.id.desc()).limit(1)
            last = session.scalar(query)
            conversation = session.get(Conversation, id_)
            if last is None or conversation is None or last.sender != "visitor" or conversation.mode == "agent":
                return None
            if last.created_at > now() - timedelta(seconds=older_than_seconds):
                return None
            return Turn(_shown(last, ()), _context(session, conversation, last), ())

    def messages(self, id_: str, token: str, after: str | None = None, limit: int = 100) -> list[MessageShown]:
        """Messages of a conversation, oldest first, after the one with the id `after`; at most `limit`.

        Raises NoSuchConversation.
        """
        with self._reading() as session:
            self._find(session, id_, token)
            query = select(Message).where(Message.conversation_id == id_).order_by(Message.id)
            if after:
                query = query.where(Message.id > after)
            return _show(session, session.scalars(query.limit(min(limit, PAGE_LIMIT))).all())

    def context(self, id_: str, message_id: str | None) -> Context:
        """What a capability needs to answer a message; for the actions, which trust the id they are given.

        Raises NoSuchConversation.
        """
        with self._reading() as session:
            row = session.execute(_AT_A_TURN, {"conversation_id": id_, "message_id": message_id}).first()
            if row is None:
                raise NoSuchConversation(id_)
            return replace(
                _context_of(row),
                message_id=row.message_id,
                text=row.text or "",
                payload=row.payload,
                choices=_choices(session, id_),
                guides=_guides(session, id_),
            )

    def tell(self, id_: str, make: Callable[[Session, Context], Sequence[Draft]]) -> list[MessageShown]:
        """Stores messages that answer no message of the visitor: a confirmation, say.

        make: gives them, from the conversation as it stands; what else it stores is stored with them, or not at all.

        Raises NoSuchConversation, and what `make` raises.
        """
        with self._writing() as session:
            conversation = session.get(Conversation, id_, with_for_update=True)
            if conversation is None:
                raise NoSuchConversation(id_)
            conversation.last_active_at = now()
            drafts = make(session, _context(session, conversation))
            return [add_message(session, conversation, draft, None) for draft in drafts]

    def resumed(self, code: str) -> GuideState | None:
        """Where the guide is that a resume code stands for; None for a code that is unknown, used up or expired."""
        with self._reading() as session:
            query = select(ResumeCode).where(ResumeCode.code_hash == hash_of(code), ResumeCode.expires_at > now())
            kept = session.scalar(query)
            states = _guides(session, kept.conversation_id) if kept else ()
            return next((state for state in states if kept and state.guide == kept.guide), None)

    def forget_expired(self) -> int:
        """Takes out of the database what messages said that have expired; gives how many, at most 500.

        Their buttons stay, without the names on them: who still sees one may press it.
        """
        places = {text_of(key, language) for key in ("status.gone", "status.gone_pressed") for language in LANGUAGES}
        with self._writing() as session:
            query = select(Message).where(Message.expires_at <= now(), Message.text.not_in(places)).limit(500)
            gone = session.scalars(query).all()
            for message in gone:
                message.text = _in_its_place(message)
            buttons = select(Button).where(Button.message_id.in_([message.id for message in gone]))
            languages = {message.id: message.language for message in gone}
            for button in session.scalars(buttons):
                if button.payload.get("status") not in (None, "wrong"):
                    button.title = text_of("status.gone_pressed", languages[button.message_id])
            return len(gone)

    def forget_codes(self) -> int:
        """Removes resume codes that have expired; gives how many."""
        with self._writing() as session:
            done = session.execute(delete(ResumeCode).where(ResumeCode.expires_at <= now()))
            return int(cast("CursorResult[Any]", done).rowcount)

    def give_feedback(self, id_: str, token: str, message_id: str, helpful: bool) -> None:
        """Keeps whether a message helped; the last word counts.

        Raises NoSuchConversation, NoSuchMessage (also for the visitor's own messages).
        """
        with self._writing() as session:
            self._find(session, id_, token)
            message = session.get(Message, message_id)
            if message is None or message.conversation_id != id_ or message.sender == "visitor":
                raise NoSuchMessage(message_id)
            known = session.get(Feedback, message_id)
            if known is None:
                session.add(Feedback(message_id=message_id, helpful=helpful, created_at=now()))
            else:
                known.helpful, known.created_at = helpful, now()

    def erase(self, id_: str, token: str) -> None:
        """Removes the conversation and everything that hangs on it, in the log of questions too.

        Guides, resume code, requests put in here, its questions in the log and what it was shown.

        Raises NoSuchConversation.
        """
        with self._writing() as session:
            conversation = self._find(session, id_, token, lock=True)
            erasing.erase_with(session, conversation)
            session.execute(delete(Request).where(Request.conversation_id == id_))
            session.execute(delete(Conversation).where(Conversation.id == id_))

    def forget_in_log(self) -> bool:
        """SQLite keeps pages in its write-ahead log until it is folded in: what was erased must leave it too.

        Gives False while a reader is in the way: try again. Does not wait for it, since writers would wait as well.
        """
        if self._engine.dialect.name != "sqlite":
            return True
        connection = self._engine.raw_connection()
        try:
            cursor = connection.cursor()
            before = cursor.execute("PRAGMA busy_timeout").fetchone()[0]
            cursor.execute("PRAGMA busy_timeout=0")
            try:
                return bool(cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0)
            finally:
                cursor.execute(f"PRAGMA busy_timeout={before}")
        finally:
            connection.close()

    def erase_inactive(self, before: datetime, at_most: int = 500) -> int:
        """Removes conversations in which nothing was said since `before`; gives how many, `at_most` at a time."""
        with self._writing() as session:
            old = select(Conversation.id).where(Conversation.last_active_at < before).limit(at_most)
            done = session.execute(delete(Conversation).where(Conversation.id.in_(old)))
            return int(cast("CursorResult[Any]", done).rowcount)

    def set_mode(self, id_: str, mode: str) -> None:
        """Hands the conversation over; replies that were being made for the former holder are dropped."""
        with self._writing() as session:
            session.execute(
                update(Conversation).where(Conversation.id == id_).values(mode=mode, version=Conversation.version + 1)
            )

    def count(self) -> int:
        """How many conversations are kept; also the cheapest proof that the database answers."""
        with self._reading() as session:
            return session.scalar(select(func.count()).select_from(Conversation)) or 0
