"""Questions that come by phone or mail, as an agent writes them down in ten seconds; and those of partners' desks."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import CursorResult, Engine, delete, select
from sqlalchemy.orm import Session

from bot.answers.knowledge import DESKS, LANGUAGES, Knowledge
from bot.conversations.masking import EMAIL, IBAN, MASK, NUMBER, PHONE, mask_codes
from bot.database.store import Store
from bot.database.types import new_id, now
from bot.helpdesk.models import REFERRED_TO, SIZES, LoggedQuestion
from bot.trends import erasing

BY = ("phone", "email")
"""The channels of questions that an agent writes down."""
BY_PARTNER = "partner"
"""The channel of questions that a partner's own desk was asked; the referrer is the partner."""
REFERRERS = (
    *("abu", "awvn", "nbbu", "vno-ncw", "fnv", "randstad", "inspectie-szw"),
    *("doe-netwerk", "own", "other"),
)
"""Who sent the asker here: the partners of the working agenda, a doing-network, or nobody (own)."""
NETWORKS = ("normaalste-zaak", "via-communities", "denktank-diversiteit", "awvn")
"""The doing-networks that the working agenda names (topic working-agenda.networks); another one is written out."""
LONGEST_QUESTION, LONGEST_NEED, LONGEST_NAME = 2000, 300, 120
MOST_SHOWN = 200

_AT_ONCE = 500


class QuestionWrong(ValueError):
    """What was written down cannot be kept; `field` says where it is wrong."""

    def __init__(self, field: str) -> None:
        super().__init__(field)
        self.field = field


@dataclass(frozen=True)
class NewQuestion:
    """A question as it is written down."""

    channel: str
    question: str
    language: str
    desk: str
    topic: str | None = None
    """None where the knowledge has no answer."""
    referrer: str | None = None
    is_signatory: bool | None = None
    """None where it is not known."""
    size: str | None = None
    need: str | None = None
    referred_to: str | None = None
    referred_name: str | None = None
    """A network by its id or its name, or the id of a material."""


@dataclass(frozen=True)
class QuestionShown:
    """A question that was written down."""

    id: str
    channel: str
    desk: str
    language: str
    question: str
    topic: str | None
    referrer: str | None
    is_signatory: bool | None
    size: str | None
    need: str | None
    referred_to: str | None
    referred_name: str | None
    created_at: datetime


def without_numbers(words: str, code_pattern: str, known: str = "") -> str:
    """A text without what points to one company or person by its form: codes, e-mail addresses, accounts, numbers.

    Names stay: whoever writes it down is asked to leave them out.
    known: a text whose addresses and numbers may stay: a helpdesk's own, say.
    """

    def masked(found: re.Match[str]) -> str:
        return found[0] if found[0] in known else MASK

    words = EMAIL.sub(masked, words)
    words = IBAN.sub(masked, words)
    words, _ = mask_codes(words, code_pattern)
    words = PHONE.sub(masked, words)
    return NUMBER.sub(masked, words)


def tidy(words: str, *, lines: bool = False) -> str:
    """A text without signs that nobody sees, on one line unless `lines`."""
    if not lines:
        words = " ".join(words.split())
    return "".join(sign for sign in words if sign.isprintable() or (lines and sign in "\n\t")).strip()


def names_a_referral(to: str | None, name: str, materials: Collection[str]) -> bool:
    """Whether somebody can have been referred to this name: there is none, or a kind with it; a material is known."""
    return not name or (to is not None and (to != "material" or name in materials))


def row_of(checked: NewQuestion) -> LoggedQuestion:
    """A question that was checked, as it is kept."""
    return LoggedQuestion(
        id=new_id(), channel=checked.channel, desk=checked.desk, language=checked.language, question=checked.question,
        referrer=checked.referrer, is_signatory=checked.is_signatory, size=checked.size, topic=checked.topic,
        need=checked.need, referred_to=checked.referred_to, referred_name=checked.referred_name, created_at=now(),
    )  # fmt: skip


class LoggedQuestionStore(Store):
    """Logged questions in the database. Thread-safe; every method is one transaction."""

    def __init__(self, engine: Engine, knowledge: Knowledge, code_pattern: str) -> None:
        super().__init__(engine)
        self._knowledge, self._code_pattern = knowledge, code_pattern

    def checked(self, new: NewQuestion) -> NewQuestion:
        """The question as it may be kept: tidied, masked, and under the desk of its topic. Raises QuestionWrong.

        The referrer is one of REFERRERS; of a partner's question it is the partner, as its key says.
        """
        question = without_numbers(tidy(new.question, lines=True), self._code_pattern)
        need = without_numbers(tidy(new.need or ""), self._code_pattern)
        name = tidy(new.referred_name or "")
        topics, materials = self._knowledge.topics, self._knowledge.materials
        right = {
            "channel": new.channel in (*BY, BY_PARTNER),
            "question": 0 < len(question) <= LONGEST_QUESTION,
            "language": new.language in LANGUAGES,
            "desk": new.desk in DESKS,
            "topic": new.topic is None or new.topic in topics,
            "referrer": new.channel == BY_PARTNER or new.referrer is None or new.referrer in REFERRERS,
            "size": new.size is None or new.size in SIZES,
            "need": len(need) <= LONGEST_NEED,
            "referred_to": new.referred_to is None or new.referred_to in REFERRED_TO,
            "referred_name": len(name) <= LONGEST_NAME and names_a_referral(new.referred_to, name, materials),
        }
        for field, is_right in right.items():
            if not is_right:
                raise QuestionWrong(field)
        if new.referred_to != "material":
            name = without_numbers(name, self._code_pattern)
        return NewQuestion(
            channel=new.channel,
            question=question,
            language=new.language,
            desk=topics[new.topic].desk if new.topic else new.desk,
            topic=new.topic,
            referrer=new.referrer,
            is_signatory=new.is_signatory,
            size=new.size,
            need=need or None,
            referred_to=new.referred_to,
            referred_name=name or None,
        )

    def add(self, new: NewQuestion, account_id: str | None) -> str:
        """Keeps a question; gives its id. Raises QuestionWrong."""
        row = row_of(self.checked(new))
        row.account_id = account_id
        with self._writing() as session:
            session.add(row)
        return row.id

    def recent(self, desks: tuple[str, ...], limit: int = 50) -> list[QuestionShown]:
        """The questions of these desks that were written down last, the last one first."""
        with Session(self._reader, expire_on_commit=False) as session:
            query = select(LoggedQuestion).where(LoggedQuestion.desk.in_(desks)).order_by(LoggedQuestion.id.desc())
            return [
                QuestionShown(
                    id=row.id, channel=row.channel, desk=row.desk, language=row.language, question=row.question,
                    topic=row.topic, referrer=row.referrer, is_signatory=row.is_signatory, size=row.size, need=row.need,
                    referred_to=row.referred_to, referred_name=row.referred_name, created_at=row.created_at,
                )
                for row in session.scalars(query.limit(min(limit, MOST_SHOWN)))
            ]  # fmt: skip

    def remove(self, id_: str, account_id: str) -> bool:
        """Takes back a question that this agent wrote down by mistake; gives whether there was one."""
        with self._writing() as session:
            mine = (LoggedQuestion.id == id_, LoggedQuestion.account_id == account_id)
            erasing.take_back(session, *mine)
            own = delete(LoggedQuestion).where(*mine)
            return bool(cast("CursorResult[Any]", session.execute(own)).rowcount)


def forget(engine: Engine, before: datetime) -> int:
    """Removes questions that were written down before a moment; gives how many, some hundreds at a time."""
    with Session(engine) as session, session.begin():
        old = select(LoggedQuestion.id).where(LoggedQuestion.created_at < before).limit(_AT_ONCE)
        done = session.execute(delete(LoggedQuestion).where(LoggedQuestion.id.in_(old)))
        return int(cast("CursorResult[Any]", done).rowcount)
