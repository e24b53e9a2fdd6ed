"""The log of questions: what was asked, redacted, and what became of it. Nothing in it leads back to a conversation.

Only a conversation's messages, and a question that an agent wrote down, point to it; that link dies with them.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import ColumnElement, CursorResult, Engine, Text, exists, func, or_, select, update
from sqlalchemy import cast as sql_cast
from sqlalchemy.orm import Session

from bot.conversations.models import Button, Conversation, Feedback, Message
from bot.database.store import Store
from bot.helpdesk.hours import AMSTERDAM
from bot.helpdesk.logging_questions import NETWORKS
from bot.helpdesk.models import HandOver, LoggedQuestion, Request, Suggestion
from bot.trends.askers import company_of, new_asker, settled_asker
from bot.trends.erasing import NO_QUESTION
from bot.trends.models import TrendQuestion
from bot.trends.weeks import week_of

if TYPE_CHECKING:
    # Both are heavy, and the processes that only read or erase do without.
    from bot.answers.engine import AnswerEngine
    from bot.encoder.runtime import Encoder, Vectors
    from bot.trends.redaction import Redactor

AT_ONCE = 100
_FEWEST_CONSIDERED = 2
"""Candidates behind the answer to a question; a choice among those that were offered has one, declining them none."""
_LONGEST_NEED, _LONGEST_NAME = 300, 120


@dataclass(frozen=True)
class Asked:
    """A question on its way into the log. Its texts are not redacted yet."""

    text: str
    language: str
    asked_on: date
    """The day in Amsterdam."""
    channel: str
    asker_id: str
    referrer: str | None = None
    is_signatory: bool | None = None
    size: str | None = None
    decision: str | None = None
    topic: str | None = None
    topic_is_known: bool = True
    """False where nobody has looked whether a topic answers it; otherwise no topic is a gap."""
    confidence: float | None = None
    helpful: bool | None = None
    handed_over: bool = False
    answered_by_agent: bool = False
    need: str | None = None
    referred_to: str | None = None
    referred_name: str | None = None
    import_id: str | None = None


@dataclass(frozen=True)
class Chat:
    """What one conversation has for the log."""

    conversation_id: str
    questions: tuple[tuple[str, Asked], ...]
    """By the id of the visitor's message."""
    others: tuple[str, ...]
    """Messages that got a decision and are no question of their own."""


def packed(vector: Vectors) -> bytes:
    """A vector as it is kept: float16, little-endian."""
    return vector.astype("<f2").tobytes()


def take_sure_topic(question: TrendQuestion, answers: AnswerEngine) -> None:
    """Gives a question without a topic the one that would answer it for sure."""
    if question.topic is None and question.vector is not None:
        decision = answers.decide(question.text, question.language)
        if decision.outcome == "answer":
            question.topic = decision.topics[0]
            question.confidence = min(1.0, decision.candidates[0].confidence)


class QuestionLog(Store):
    """Redacts questions and keeps them. Every method is one transaction; redacting and encoding are done outside of it.

    redactor, encoder: needed for adding, and the encoder for renewing vectors; None where questions are only read or
    erased.
    """

    def __init__(self, engine: Engine, redactor: Redactor | None = None, encoder: Encoder | None = None) -> None:
        super().__init__(engine)
        self._redactor, self._encoder = redactor, encoder

    def prepared(self, asked: Asked) -> TrendQuestion:
        """The row for a question: redacted, with its vector. One of which only tags are left has no vector."""
        if self._redactor is None or self._encoder is None:
            raise ValueError("a log that adds needs a redactor and an encoder")
        redacted = self._redactor.redact(asked.text, asked.language)
        vector = packed(self._encoder.encode_one(redacted.text)) if redacted.says_something else None
        return TrendQuestion(
            id=str(uuid.uuid4()), asked_on=asked.asked_on, week=week_of(asked.asked_on), asker_id=asked.asker_id,
            text=redacted.text, language=asked.language, channel=asked.channel, referrer=asked.referrer,
            is_signatory=asked.is_signatory, size=asked.size, decision=asked.decision, topic=asked.topic,
            confidence=asked.confidence, helpful=asked.helpful, handed_over=asked.handed_over,
            answered_by_agent=asked.answered_by_agent, need=self._short(asked.need, asked.language, _LONGEST_NEED),
            referred_to=asked.referred_to, referred_name=self._name(asked), vector=vector, vector_of=self._encoder.hash,
            import_id=asked.import_id,
        )  # fmt: skip

    def _short(self, text: str | None, language: str, longest: int) -> str | None:
        if not text or self._redactor is None:
            return None
        return self._redactor.redact(text, language).text[:longest] or None

    def _name(self, asked: Asked) -> str | None:
        """The id of a network or material stays as it is; a name that was written out is redacted."""
        name = asked.referred_name
        if name is None or asked.referred_to == "material" or name in NETWORKS:
            return name
        return self._short(name, asked.language, _LONGEST_NAME)

    def add(self, asked: Asked) -> str:
        """Redacts and keeps one question that nothing points to; gives its id."""
        row = self.prepared(asked)
        with self._writing() as session:
            session.add(row)
        return row.id

    def has_new(self, before: datetime) -> bool:
        """Whether anything was asked before a moment that is not in the log yet."""
        return bool(self.chats(before, 1) or self.written_down(before, 1))

    # Chats

    def chats(self, before: datetime, limit: int = AT_ONCE) -> list[Chat]:
        """What was asked in chats before a moment and is not in the log yet; of at most so many conversations."""
        visitor, reply = Message, select(Message.reply_to).where(Message.sender == "assistant", _decided()).subquery()
        query = (
            select(visitor.conversation_id)
            .where(visitor.sender == "visitor", visitor.trend_id.is_(None), visitor.created_at < before)
            .where(visitor.id.in_(select(reply.c.reply_to)))
            .group_by(visitor.conversation_id)
            .order_by(func.min(visitor.id))
            .limit(limit)
        )
        with self._reading() as session:
            return [_Reading(session, id_).chat(before) for id_ in session.scalars(query).all()]

    def add_chat(self, chat: Chat) -> int:
        """Redacts and keeps the questions of a chat, unless it was erased meanwhile; gives how many."""
        rows = [(message_id, self.prepared(asked)) for message_id, asked in chat.questions]
        with self._writing() as session:
            # Whoever erases the conversation locks it too: either all of this is erased with it, or none of it kept.
            conversation = session.get(Conversation, chat.conversation_id, with_for_update=True)
            if conversation is None:
                return 0
            asker_id = settled_asker(session, conversation)
            added = 0
            for message_id, row in rows:
                if _point(session, message_id, row.id):
                    row.asker_id = asker_id
                    session.add(row)
                    added += 1
            for message_id in chat.others:
                _point(session, message_id, NO_QUESTION)
            return added

    # Calls and mails

    def written_down(self, before: datetime, limit: int = AT_ONCE) -> list[tuple[str, Asked]]:
        """Questions that agents wrote down before a moment and that are not in the log yet, each with its id."""
        query = (
            select(LoggedQuestion)
            .where(LoggedQuestion.trend_id.is_(None), LoggedQuestion.created_at < before)
            .order_by(LoggedQuestion.id)
            .limit(limit)
        )
        with self._reading() as session:
            return [
                (
                    row.id,
                    Asked(
                        text=row.question, language=row.language, asked_on=_day(row.created_at), channel=row.channel,
                        asker_id=new_asker(), referrer=row.referrer, is_signatory=row.is_signatory, size=row.size,
                        topic=row.topic, topic_is_known=row.request_id is None,
                        answered_by_agent=row.channel != "partner", need=row.need,
                        referred_to=row.referred_to, referred_name=row.referred_name,
                    ),
                )
                for row in session.scalars(query)
            ]  # fmt: skip

    def add_written_down(self, id_: str, asked: Asked, answers: AnswerEngine | None = None) -> bool:
        """Redacts and keeps a question that was written down; gives False where it was taken back meanwhile.

        answers: tells the topic of a referral; who wrote down another question chose one, or said that there is none.
        The asker of a referral that opened a conversation is that conversation's.
        """
        row = self.prepared(asked)
        if answers is not None and not asked.topic_is_known:
            take_sure_topic(row, answers)
        with self._writing() as session:
            # Locked before anything is changed, in the order in which whoever erases it goes.
            opened = (
                select(Conversation)
                .join(Request, Request.conversation_id == Conversation.id)
                .join(LoggedQuestion, LoggedQuestion.request_id == Request.id)
                .where(LoggedQuestion.id == id_)
                .with_for_update(of=Conversation)
            )
            conversation = session.scalar(opened)
            points = (
                update(LoggedQuestion)
                .where(LoggedQuestion.id == id_, LoggedQuestion.trend_id.is_(None))
                .values(trend_id=row.id)
            )
            if not cast("CursorResult[Any]", session.execute(points)).rowcount:
                return False
            if conversation is not None:
                row.asker_id = settled_asker(session, conversation)
            session.add(row)
            return True

    # Vectors

    def has_old_vectors(self, encoder_hash: str) -> bool:
        """Whether there are questions whose vector another encoder made."""
        with self._reading() as session:
            return bool(session.scalar(select(exists().where(_made_by_another(encoder_hash)))))

    def renew_vectors(self, limit: int = AT_ONCE) -> int:
        """Encodes questions anew that another encoder made the vectors of; gives how many, at most so many.

        What has no vector although an encoder saw it says nothing but tags, and gets none from this one either.
        """
        encoder = self._encoder
        if encoder is None:
            raise ValueError("a log that encodes needs an encoder")
        silent = TrendQuestion.vector.is_(None) & TrendQuestion.vector_of.is_not(None)
        with self._reading() as session:
            query = select(TrendQuestion.id, TrendQuestion.text, silent)
            query = query.where(_made_by_another(encoder.hash)).order_by(TrendQuestion.id).limit(limit)
            old = session.execute(query).all()
        made = [(id_, None if is_silent else packed(encoder.encode_one(text))) for id_, text, is_silent in old]
        with self._writing() as session:
            for id_, vector in made:
                renewed = update(TrendQuestion).where(TrendQuestion.id == id_)
                session.execute(renewed.values(vector=vector, vector_of=encoder.hash))
        return len(made)


def _made_by_another(encoder_hash: str) -> ColumnElement[bool]:
    return or_(TrendQuestion.vector_of.is_(None), TrendQuestion.vector_of != encoder_hash)


def _decided() -> ColumnElement[bool]:
    """A message with a decision. JSON has a null of its own, and no comparing on PostgreSQL."""
    return sql_cast(Message.decision, Text) != "null"


def _day(moment: datetime) -> date:
    return moment.astimezone(AMSTERDAM).date()


def _point(session: Session, message_id: str, trend_id: str) -> bool:
    """Notes in a message what was made of it; gives False where that was done before, or it is gone."""
    points = update(Message).where(Message.id == message_id, Message.trend_id.is_(None)).values(trend_id=trend_id)
    return bool(cast("CursorResult[Any]", session.execute(points)).rowcount)


@dataclass
class _Question:
    """A visitor's message that asks something, with everything up to the next one that does."""

    message: Message
    text: str
    reply: Message
    after: list[Message]

    @property
    def outcome(self) -> str:
        return str((self.reply.decision or {})["outcome"])

    @property
    def candidates(self) -> list[dict[str, Any]]:
        return list((self.reply.decision or {})["candidates"])


class _Reading:
    """Reads a conversation: what was asked in it, and what became of each question."""

    def __init__(self, session: Session, conversation_id: str) -> None:
        self._session = session
        self._conversation = session.get_one(Conversation, conversation_id)
        query = select(Message).where(Message.conversation_id == conversation_id).order_by(Message.id)
        self._messages = session.scalars(query).all()
        self._replies: dict[str, list[Message]] = {}
        for message in self._messages:
            if message.reply_to:
                self._replies.setdefault(message.reply_to, []).append(message)

    def _decided(self, message: Message) -> Message | None:
        replies = self._replies.get(message.id, ())
        return next((reply for reply in replies if reply.sender == "assistant" and reply.decision), None)

    def _asks(self, message: Message) -> str | None:
        """What a visitor's message asks in words of its own; None for a choice, a button, a yes or no."""
        reply = self._decided(message)
        if reply is None or len((reply.decision or {}).get("candidates", ())) < _FEWEST_CONSIDERED:
            return None
        if not message.payload:
            return message.text
        again = message.payload.get("again")
        return str(again) if again else None

    def _questions(self) -> list[_Question]:
        found: list[_Question] = []
        for message in self._messages:
            text = self._asks(message) if message.sender == "visitor" else None
            reply = self._decided(message) if text is not None else None
            if text is not None and reply is not None:
                found.append(_Question(message, text, reply, []))
            elif found:
                found[-1].after.append(message)
        return found

    def chat(self, before: datetime) -> Chat:
        """What is to be logged of the conversation."""
        questions = self._questions()
        topics = {question.message.id: self._topic(question) for question in questions}
        helped, asked_by = self._helpful(), company_of(self._session, self._conversation.id)
        handed = self._handed_over(questions, topics)
        channel = "partner" if self._conversation.channel == "partner" else "chat"
        logged = []
        for question in questions:
            message = question.message
            if message.trend_id is not None or message.created_at >= before:
                continue
            day = _day(message.created_at)
            hand_over = handed.get(message.id)
            by_agent = hand_over is not None and self._agent_answered(hand_over)
            topic = topics[message.id] or (self._inserted(hand_over) if hand_over and by_agent else None)
            logged.append(
                (
                    message.id,
                    Asked(
                        text=question.text, language=message.language, asked_on=day, channel=channel,
                        asker_id=self._conversation.asker_id, referrer=self._conversation.referrer,
                        is_signatory=asked_by.had_signed(day) if asked_by else None,
                        size=asked_by.size if asked_by else None, decision=question.outcome, topic=topic,
                        confidence=self._confidence(question), helpful=self._last_word(question, helped),
                        handed_over=hand_over is not None, answered_by_agent=by_agent,
                    ),
                )
            )  # fmt: skip
        asked = {question.message.id for question in questions}
        others = tuple(
            message.id
            for message in self._messages
            if message.sender == "visitor" and message.id not in asked and message.trend_id is None
            and message.created_at < before and self._decided(message) is not None
        )  # fmt: skip
        return Chat(self._conversation.id, tuple(logged), others)

    def _topic(self, question: _Question) -> str | None:
        """What answered it in the end: what the visitor chose among the topics offered, else the answer given."""
        query = select(Button.payload).where(Button.message_id == question.reply.id)
        offered = {payload.get("topic") for payload in self._session.scalars(query)} - {None}
        topic = question.reply.topic if question.outcome == "answer" else None
        for message in question.after:
            if message.kind == "answer" and message.sender == "assistant" and message.topic in offered:
                topic = message.topic
        return topic

    @staticmethod
    def _confidence(question: _Question) -> float | None:
        value = question.candidates[0].get("confidence")
        return min(1.0, max(0.0, float(value))) if value is not None else None

    def _helpful(self) -> dict[str, tuple[datetime, bool]]:
        query = (
            select(Feedback)
            .join(Message, Message.id == Feedback.message_id)
            .where(Message.conversation_id == self._conversation.id)
        )
        return {row.message_id: (row.created_at, row.helpful) for row in self._session.scalars(query)}

    @staticmethod
    def _last_word(question: _Question, helped: dict[str, tuple[datetime, bool]]) -> bool | None:
        said = [helped[message.id] for message in (question.reply, *question.after) if message.id in helped]
        return max(said)[1] if said else None

    def _handed_over(self, questions: Sequence[_Question], topics: dict[str, str | None]) -> dict[str, HandOver]:
        """Which questions led to a person: the last before it was asked for, and those before it without an answer."""
        query = select(HandOver).where(HandOver.conversation_id == self._conversation.id).order_by(HandOver.id)
        handed: dict[str, HandOver] = {}
        for row in self._session.scalars(query):
            before = [question for question in questions if question.message.created_at <= row.asked_at]
            for at, question in enumerate(reversed(before)):
                id_ = question.message.id
                if id_ in handed or (at > 0 and topics[id_] is not None):
                    break
                handed[id_] = row
        return handed

    def _agent_answered(self, hand_over: HandOver) -> bool:
        claimed = hand_over.claimed_at
        if claimed is None:
            return False
        ended = hand_over.ended_at
        return any(
            message.sender == "agent"
            and message.created_at >= claimed
            and (ended is None or message.created_at <= ended)
            for message in self._messages
        )

    def _inserted(self, hand_over: HandOver) -> str | None:
        """The topic of the last suggestion that the agent sent, as it was or edited."""
        query = (
            select(Suggestion.topic)
            .where(Suggestion.conversation_id == hand_over.conversation_id, Suggestion.fate.in_(("inserted", "edited")))
            .where(Suggestion.created_at >= hand_over.asked_at)
            .order_by(Suggestion.id.desc())
            .limit(1)
        )
        return self._session.scalar(query)
