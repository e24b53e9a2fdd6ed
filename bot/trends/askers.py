"""Who asks, to the log: a random id, the same for all conversations that were verified for one company."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import date

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from bot.conversations.models import Conversation
from bot.registry.models import CharterTrack, Company, VerificationAttempt
from bot.trends.models import Popularity, TrendQuestion

_SIZES = {"large": "large", "not-large": "sme"}


@dataclass(frozen=True)
class Employer:
    """What counts of the company that a conversation was verified for."""

    signed_on: date | None
    """When it signed the Charter; None where it did not."""
    size: str | None
    """large or sme; None where that is not known."""

    def had_signed(self, day: date) -> bool:
        """Whether it was a signatory on a day."""
        return self.signed_on is not None and self.signed_on <= day


def new_asker() -> str:
    """Somebody of whom nothing is known: random, without the moment that the house's ids tell."""
    return str(uuid.uuid4())


def settled_asker(session: Session, conversation: Conversation) -> str:
    """Who asks in a conversation: once it was verified, whoever asked for that company in an earlier one that is kept.

    What was logged of the conversation before it was verified moves along. The caller has locked it.
    """
    company = verified_company(session, conversation.id)
    if company is None:
        return conversation.asker_id
    first = (
        select(Conversation.asker_id)
        .join(VerificationAttempt, VerificationAttempt.conversation_id == Conversation.id)
        .where(VerificationAttempt.kvk_number == company, VerificationAttempt.outcome == "verified")
        .order_by(VerificationAttempt.at, VerificationAttempt.id)
        .limit(1)
    )
    asker_id = session.scalar(first) or conversation.asker_id
    before = conversation.asker_id
    if asker_id != before:
        conversation.asker_id = asker_id
        still_used = select(func.count()).select_from(Conversation).where(Conversation.asker_id == before)
        session.flush()
        if not session.scalar(still_used):
            _move(session, before, asker_id)
    return asker_id


def _move(session: Session, before: str, after: str) -> None:
    """Gives one asker's questions and popularity to another."""
    session.execute(update(TrendQuestion).where(TrendQuestion.asker_id == before).values(asker_id=after))
    for row in session.scalars(select(Popularity).where(Popularity.asker_id == before)).all():
        key = {"week": row.week, "thing": row.thing, "name": row.name, "event": row.event, "referrer": row.referrer}
        if session.get(Popularity, {**key, "asker_id": after}) is None:
            session.add(Popularity(**key, asker_id=after, counted_in=row.counted_in))
        session.delete(row)
    session.flush()


def verified_company(session: Session, conversation_id: str) -> str | None:
    """The KVK number of the company that a conversation was verified for first."""
    query = (
        select(VerificationAttempt.kvk_number)
        .where(VerificationAttempt.conversation_id == conversation_id, VerificationAttempt.outcome == "verified")
        .order_by(VerificationAttempt.at, VerificationAttempt.id)
        .limit(1)
    )
    return session.scalar(query)


def company_of(session: Session, conversation_id: str) -> Employer | None:
    """What is known of the company that a conversation was verified for; None where it was for none."""
    kvk_number = verified_company(session, conversation_id)
    query = (
        select(CharterTrack.signed_on, Company.size_class)
        .select_from(Company)
        .outerjoin(CharterTrack, CharterTrack.company_id == Company.id)
        .where(Company.kvk_number == kvk_number)
    )
    found = session.execute(query).first() if kvk_number else None
    return Employer(found[0], _SIZES.get(found[1])) if found else None
