"""Which topics, sources and materials are shown, opened and found helpful: by week, referrer and asker, no more.

And which askers had a request answered: employers that a person helped, also where no question of theirs was logged.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from sqlalchemy import ColumnElement, Engine, or_, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from bot.answers.knowledge import Knowledge
from bot.conversations.models import Conversation, Feedback, Message
from bot.database.store import Store
from bot.database.types import now
from bot.helpdesk.hours import AMSTERDAM
from bot.helpdesk.models import LoggedQuestion, Request
from bot.trends.askers import company_of, settled_asker
from bot.trends.counting import signatory
from bot.trends.models import Popularity, TrendQuestion
from bot.trends.weeks import week_of

ASKER, HELPED = "asker", "helped"
"""The thing and the event of an asker whose request was answered. Its name: yes, no or unknown, whether it signed."""
AT_ONCE = 200
_OTHER = {"helpful": "unhelpful", "unhelpful": "helpful"}


class NothingToOpen(ValueError):
    """The message shows no source and no material with this address."""


@dataclass(frozen=True, order=True)
class Event:
    """Something that happened to a topic, source, material or asker in a week."""

    week: str
    thing: str
    name: str
    event: str


def window_start(moment: datetime) -> datetime:
    """From when on is counted anew each time: the Monday of last week, in Amsterdam.

    What is older may be frozen already, and its conversation gone.
    """
    today = moment.astimezone(AMSTERDAM)
    monday = (today - timedelta(days=today.weekday() + 7)).date()
    return datetime.combine(monday, datetime.min.time(), AMSTERDAM)


class PopularityLog(Store):
    """Counts what messages showed. Counting twice changes nothing; every method is one transaction."""

    def __init__(self, engine: Engine, knowledge: Knowledge) -> None:
        super().__init__(engine)
        self._knowledge = knowledge

    def active(self, since: datetime) -> list[str]:
        """The conversations that showed an answer, or were told whether it helped, since a moment."""
        query = (
            select(Message.conversation_id)
            .outerjoin(Feedback, Feedback.message_id == Message.id)
            .where(Message.topic.is_not(None), or_(Message.created_at >= since, Feedback.created_at >= since))
            .distinct()
            .order_by(Message.conversation_id)
        )
        with Session(self._reader) as session:
            return list(session.scalars(query))

    def count(self, conversation_ids: Iterable[str], since: datetime) -> None:
        """Counts what was shown and found helpful in these conversations since a moment, where they still are."""
        with self._writing() as session:
            for id_ in conversation_ids:
                conversation = session.get(Conversation, id_, with_for_update=True)
                if conversation is not None:
                    asker_id = settled_asker(session, conversation)
                    self._keep(session, self._events(session, id_, since), conversation.referrer or "", asker_id)

    def count_answered(self, since: datetime) -> None:
        """Counts the askers whose request was answered since a moment: each once a week, whatever else they asked.

        The asker is the conversation's; of a referral without one, that of its question. Where neither is kept any
        more, or the question is not in the log yet, nobody is counted.
        """
        with self._reading() as session:
            ids = session.scalars(select(Request.id).where(answered_since(since)).order_by(Request.id)).all()
        for at in range(0, len(ids), AT_ONCE):
            with self._writing() as session:
                for id_ in ids[at : at + AT_ONCE]:
                    self._count_answered(session, id_)

    def _count_answered(self, session: Session, request_id: str) -> None:
        request = session.get(Request, request_id)
        if request is None or request.answered_at is None:
            return
        day = request.answered_at.astimezone(AMSTERDAM).date()
        if request.conversation_id is not None:
            # Whoever erases the conversation locks it too.
            conversation = session.get(Conversation, request.conversation_id, with_for_update=True)
            if conversation is None:
                return
            employer = company_of(session, conversation.id)
            signed = signatory(employer.had_signed(day) if employer else None)
            asker_id, referrer = settled_asker(session, conversation), conversation.referrer
        else:
            pointed = select(LoggedQuestion.trend_id).where(LoggedQuestion.request_id == request_id)
            question = session.scalar(select(TrendQuestion).where(TrendQuestion.id.in_(pointed)))
            if question is None:
                return
            asker_id, referrer, signed = question.asker_id, question.referrer, signatory(question.is_signatory)
        _insert(session, Event(week_of(day), ASKER, signed, HELPED), referrer or "", asker_id)

    def _events(self, session: Session, conversation_id: str, since: datetime) -> set[Event]:
        query = (
            select(Message, Feedback)
            .outerjoin(Feedback, Feedback.message_id == Message.id)
            .where(Message.conversation_id == conversation_id, Message.topic.is_not(None))
            .where(Message.sender.in_(("assistant", "agent")))
            .order_by(Message.id)
        )
        events: set[Event] = set()
        for message, feedback in session.execute(query):
            if message.created_at >= since:
                events |= {Event(_week(message.created_at), *what, "shown") for what in self._things(message)}
            if feedback is not None and feedback.created_at >= since:
                said = "helpful" if feedback.helpful else "unhelpful"
                events |= {Event(_week(feedback.created_at), *what, said) for what in self._things(message)}
        return events

    def _things(self, message: Message) -> set[tuple[str, str]]:
        """The topic of an answer, the sources under it, and the materials of the topic."""
        topic = self._knowledge.topics.get(message.topic or "")
        things = {("topic", message.topic or "")}
        things |= {("source", str(source["document"])) for source in message.sources or ()}
        things |= {("material", material) for material in (topic.materials if topic else ())}
        return things

    def _keep(self, session: Session, events: set[Event], referrer: str, asker_id: str) -> None:
        """Adds what is not there yet. Who found something helpful and then not, found it not."""
        for event in sorted(events):
            other = Event(event.week, event.thing, event.name, _OTHER.get(event.event, ""))
            if other.event and other not in events and not self._taken_back(session, other, referrer, asker_id):
                continue
            _insert(session, event, referrer, asker_id)

    @staticmethod
    def _taken_back(session: Session, event: Event, referrer: str, asker_id: str) -> bool:
        """Removes what no longer holds; gives False where a snapshot counted it already, and it stays."""
        row = session.get(Popularity, {**_key(event, referrer), "asker_id": asker_id})
        if row is not None and row.counted_in is None:
            session.delete(row)
            session.flush()
        return row is None or row.counted_in is None

    def opened(self, conversation_id: str, message_id: str, url: str) -> None:
        """Keeps that a visitor opened a source or material of a message.

        Raises NothingToOpen where the message is not one of the conversation's answers, or shows no such address.
        """
        with self._writing() as session:
            conversation = session.get(Conversation, conversation_id, with_for_update=True)
            message = session.get(Message, message_id)
            if conversation is None or message is None or message.conversation_id != conversation_id:
                raise NothingToOpen(message_id)
            things = self._at(message, url)
            if not things:
                raise NothingToOpen(message_id)
            asker_id = settled_asker(session, conversation)
            for what in sorted(things):
                _insert(session, Event(_week(now()), *what, "opened"), conversation.referrer or "", asker_id)

    def _at(self, message: Message, url: str) -> set[tuple[str, str]]:
        """What of a message has an address: its sources, the materials of its topic, and with them the topic."""
        wanted = _plain(url)
        found = {
            ("source", str(source["document"]))
            for source in message.sources or ()
            if source.get("url") and _plain(str(source["url"])) == wanted
        }
        topic = self._knowledge.topics.get(message.topic or "")
        for material in topic.materials if topic else ():
            address = self._knowledge.materials[material].url
            if address and _plain(address) == wanted:
                found.add(("material", material))
        return {*found, ("topic", message.topic)} if found and message.topic else found


def answered_since(since: datetime) -> ColumnElement[bool]:
    """Requests that were answered since a moment."""
    return Request.answered_at >= since


def _plain(url: str) -> tuple[str, str, str]:
    """An address without what browsers write differently."""
    try:
        parts = urlsplit(url.strip())
        return (parts.hostname or "").removeprefix("www."), parts.path.rstrip("/"), parts.query
    except ValueError:
        return "", url, ""


def _week(moment: datetime) -> str:
    return week_of(moment.astimezone(AMSTERDAM).date())


def _key(event: Event, referrer: str) -> dict[str, str]:
    return {
        "week": event.week, "thing": event.thing, "name": event.name[:120], "event": event.event, "referrer": referrer,
    }  # fmt: skip


def _insert(session: Session, event: Event, referrer: str, asker_id: str) -> None:
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    row = {**_key(event, referrer), "asker_id": asker_id}
    session.execute(dialect.insert(Popularity).values(row).on_conflict_do_nothing())
