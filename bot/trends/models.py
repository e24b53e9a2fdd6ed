"""The tables of trends. None of them leads back to a conversation: only a conversation's messages point here."""

from __future__ import annotations

import uuid
from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from bot.database.base import Base
from bot.database.types import UtcDateTime, new_id, now

CHANNELS = ("chat", "phone", "email", "partner")
SIZES = ("large", "sme")
DECISIONS = ("answer", "choices", "unknown")
EVENTS = ("shown", "opened", "helpful", "unhelpful", "helped")
THINGS = ("topic", "source", "material", "asker")
"""asker: one whose request a person answered, which is all that is kept of it; the event is helped."""
MOVEMENTS = ("new", "rising", "steady", "fading", "gone")


def _random_id() -> str:
    """Not a UUIDv7: that one tells the moment at which it was made."""
    return str(uuid.uuid4())


class TrendQuestion(Base):
    """One question that was asked, redacted before it was stored."""

    __tablename__ = "trend_questions"
    __table_args__ = (
        CheckConstraint(f"channel IN {CHANNELS}", name="channel"),
        CheckConstraint("language IN ('nl', 'en')", name="language"),
        CheckConstraint(f"size IS NULL OR size IN {SIZES}", name="size"),
        CheckConstraint(f"decision IS NULL OR decision IN {DECISIONS}", name="decision"),
        CheckConstraint("confidence IS NULL OR (confidence BETWEEN 0 AND 1)", name="confidence"),
        Index(None, "week"),
        Index(None, "asker_id"),
        Index(None, "asked_on"),
        Index(None, "import_id"),
    )

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=_random_id)
    asked_on: Mapped[date]
    """The day in Amsterdam. The hour is kept nowhere: with it, somebody's question could be found again."""
    week: Mapped[str] = mapped_column(String(8))
    """Of that day, by ISO 8601: 2026-W47."""
    asker_id: Mapped[str] = mapped_column(String(36))
    """Random: the same for all questions of a conversation, of a verified company, or of a call."""
    text: Mapped[str] = mapped_column(Text)
    language: Mapped[str] = mapped_column(String(2))
    channel: Mapped[str] = mapped_column(String(10))
    referrer: Mapped[str | None] = mapped_column(String(40))
    is_signatory: Mapped[bool | None]
    size: Mapped[str | None] = mapped_column(String(10))
    decision: Mapped[str | None] = mapped_column(String(10))
    """None where nobody asked the assistant: by phone, through a partner."""
    topic: Mapped[str | None] = mapped_column(String(120))
    """What answered it in the end. None is a gap."""
    confidence: Mapped[float | None]
    helpful: Mapped[bool | None]
    handed_over: Mapped[bool] = mapped_column(default=False)
    answered_by_agent: Mapped[bool] = mapped_column(default=False)
    need: Mapped[str | None] = mapped_column(String(300))
    """Redacted as well."""
    referred_to: Mapped[str | None] = mapped_column(String(20))
    referred_name: Mapped[str | None] = mapped_column(String(120))
    vector: Mapped[bytes | None] = mapped_column(LargeBinary)
    """Of the redacted text: float16, little-endian."""
    vector_of: Mapped[str | None] = mapped_column(String(16))
    """The hash of the encoder that made the vector."""
    import_id: Mapped[str | None] = mapped_column(ForeignKey("trend_imports.id", ondelete="CASCADE"))
    counted_in: Mapped[str | None] = mapped_column(String(8))
    """The first snapshot that counted it: its week's, or where it came too late, its month's or half-year's."""
    recurring_id: Mapped[str | None] = mapped_column(String(36))
    """The recurring question that it was counted under, once it was."""


class TrendImport(Base):
    """A file that a partner brought. The same file again changes nothing."""

    __tablename__ = "trend_imports"
    __table_args__ = (UniqueConstraint("referrer", "file_hash"),)

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_id)
    referrer: Mapped[str] = mapped_column(String(40))
    file_hash: Mapped[str] = mapped_column(String(64))
    rows: Mapped[int]
    imported_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


class Popularity(Base):
    """How often a topic, source or material was shown, opened, or found helpful: by week and referrer, no more.

    And which askers had a request answered: as the thing `asker`, named by whether they signed (yes, no, unknown).
    """

    __tablename__ = "popularity"
    __table_args__ = (
        CheckConstraint(f"thing IN {THINGS}", name="thing"),
        CheckConstraint(f"event IN {EVENTS}", name="event"),
        Index(None, "week"),
    )

    week: Mapped[str] = mapped_column(String(8), primary_key=True)
    thing: Mapped[str] = mapped_column(String(10), primary_key=True)
    name: Mapped[str] = mapped_column(String(120), primary_key=True)
    event: Mapped[str] = mapped_column(String(10), primary_key=True)
    referrer: Mapped[str] = mapped_column(String(40), primary_key=True, default="")
    """Empty for who came without one."""
    asker_id: Mapped[str] = mapped_column(String(36), primary_key=True)
    """An asker counts once a week; the row goes with the asker's questions."""
    counted_in: Mapped[str | None] = mapped_column(String(8))
    """As of a question."""


class RecurringQuestion(Base):
    """A question that keeps being asked, under one identity from week to week."""

    __tablename__ = "recurring_questions"

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_id)
    first_week: Mapped[str] = mapped_column(String(8))
    last_week: Mapped[str] = mapped_column(String(8))
    label: Mapped[str] = mapped_column(Text)
    """Its most central question, redacted."""
    language: Mapped[str] = mapped_column(String(2))
    topic: Mapped[str | None] = mapped_column(String(120))
    """The topic that answers it; None is a gap."""
    centroid: Mapped[bytes] = mapped_column(LargeBinary)
    centroid_of: Mapped[str] = mapped_column(String(16))


class Snapshot(Base):
    """A period, frozen. What is shown of it is this, for ever, whatever is erased later."""

    __tablename__ = "trend_snapshots"

    week: Mapped[str] = mapped_column(String(8), primary_key=True)
    """Or a month or a half-year: 2026-W47, 2026-M11, 2026-H2; see bot/trends/weeks.py."""
    made_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    rules: Mapped[dict[str, Any]] = mapped_column(JSON)
    """Under which threshold and rounding it was made, by which version of the method, over which window of weeks."""
    content_hash: Mapped[str] = mapped_column(String(64))
    """Of its cells: the same input gives the same output, byte for byte."""


class SnapshotCell(Base):
    """One number of a snapshot, over a fixed partition, rounded. What is too small is not here at all."""

    __tablename__ = "trend_cells"
    __table_args__ = (
        CheckConstraint("count >= 0", name="count"),
        CheckConstraint(f"movement IS NULL OR movement IN {MOVEMENTS}", name="movement"),
        Index(None, "measure", "name"),
    )

    week: Mapped[str] = mapped_column(ForeignKey("trend_snapshots.week", ondelete="CASCADE"), primary_key=True)
    measure: Mapped[str] = mapped_column(String(20), primary_key=True)
    """questions, askers, topic, recurring, gap, need, material-opened …: see bot/trends/counting.py."""
    name: Mapped[str] = mapped_column(String(120), primary_key=True)
    """Of what was counted: a recurring question's id, a topic, a material. Empty for all."""
    partition: Mapped[str] = mapped_column(String(10), primary_key=True)
    """all, channel, language, referrer, signatory or size: one at a time, never two."""
    part: Mapped[str] = mapped_column(String(40), primary_key=True)
    """Of the partition: chat, nl, awvn. Empty for all."""
    count: Mapped[int]
    """Rounded to 5. None of it is shown where it is 0: it says that a recurring question is shown no longer."""
    movement: Mapped[str | None] = mapped_column(String(10))
    """Of a recurring question, against the weeks before."""
    label: Mapped[str | None] = mapped_column(Text)
    """Of a recurring question, as it was this week."""
