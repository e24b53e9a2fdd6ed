"""The tables of the helpdesk: hand-overs, requests, what goes out, suggestions and what became of them, questions."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from bot.database.base import Base
from bot.database.types import UtcDateTime, new_id, now

STATES = ("open", "closed")
HAND_OVER_REASONS = ("asked", "misses")
HAND_OVER_STATES = ("waiting", "claimed", "handed_back", "closed", "left", "missed")
"""left: the visitor went on with the assistant before anybody came. missed: nobody came."""
HAND_OVER_OUTCOMES = ("answered", "referred", "not_in_knowledge", "no_reply", "other")
FATES = ("shown", "inserted", "edited", "ignored")
CHANNELS = ("chat", "phone", "email", "partner")
SIZES = ("large", "sme")
REFERRED_TO = ("network", "material", "advice_talk", "other")
DRAFT_ORIGINS = ("edited", "unanswered")
DRAFT_STATES = ("open", "done", "dropped")
PARTNER_SCOPES = ("suggestions", "referrals", "questions")
OUTBOX_KINDS = ("ticket", "reply")
OUTBOX_STATES = ("waiting", "sent", "failed")

_STILL_OPEN = text("state IN ('waiting', 'claimed')")


class Request(Base):
    """A request. Contact details stand here alone, and go with it."""

    __tablename__ = "requests"
    __table_args__ = (
        CheckConstraint("desk IN ('portal', 'charter')", name="desk"),
        CheckConstraint("language IN ('nl', 'en')", name="language"),
        CheckConstraint(f"state IN {STATES}", name="state"),
        UniqueConstraint("conversation_id", "idempotency_key"),
        Index(None, "desk", "state", "created_at"),
        Index(None, "created_at"),
    )

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_id)
    reference: Mapped[str] = mapped_column(String(20), unique=True)
    kind: Mapped[str] = mapped_column(String(40))
    desk: Mapped[str] = mapped_column(String(10))
    language: Mapped[str] = mapped_column(String(2))
    state: Mapped[str] = mapped_column(String(10), default="open")
    fields: Mapped[dict[str, Any]] = mapped_column(JSON)
    conversation_id: Mapped[str | None] = mapped_column(ForeignKey("conversations.id", ondelete="SET NULL"))
    """None once the conversation's own retention has ended. A visitor who erases the conversation erases this too."""
    company_id: Mapped[str | None] = mapped_column(ForeignKey("companies.id", ondelete="SET NULL"))
    """The company for which the conversation was verified when the request was put in."""
    idempotency_key: Mapped[str | None] = mapped_column(String(200))
    request_hash: Mapped[str | None] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    assigned_to: Mapped[str | None] = mapped_column(ForeignKey("staff_accounts.id", ondelete="SET NULL"))
    answered_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When the last answer was written to whoever put it in."""
    closed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class HandOver(Base):
    """A conversation that waits for a person, or is held by one, or was. A conversation has one at a time."""

    __tablename__ = "hand_overs"
    __table_args__ = (
        CheckConstraint("desk IN ('portal', 'charter')", name="desk"),
        CheckConstraint(f"reason IN {HAND_OVER_REASONS}", name="reason"),
        CheckConstraint(f"state IN {HAND_OVER_STATES}", name="state"),
        CheckConstraint(f"outcome IS NULL OR outcome IN {HAND_OVER_OUTCOMES}", name="outcome"),
        CheckConstraint("state != 'claimed' OR claimed_at IS NOT NULL", name="claimed_at"),
        CheckConstraint("(state IN ('waiting', 'claimed')) = (ended_at IS NULL)", name="ended_at"),
        Index(
            "uq_hand_overs_still_open", "conversation_id", unique=True,
            sqlite_where=_STILL_OPEN, postgresql_where=_STILL_OPEN,
        ),
        Index(None, "desk", "state", "asked_at"),
        Index(None, "claimed_by", "state"),
    )  # fmt: skip

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_id)
    conversation_id: Mapped[str] = mapped_column(ForeignKey("conversations.id", ondelete="CASCADE"))
    desk: Mapped[str] = mapped_column(String(10))
    reason: Mapped[str] = mapped_column(String(10))
    state: Mapped[str] = mapped_column(String(12), default="waiting")
    asked_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    claimed_by: Mapped[str | None] = mapped_column(ForeignKey("staff_accounts.id", ondelete="SET NULL"))
    claimed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    outcome: Mapped[str | None] = mapped_column(String(20))
    read_up_to: Mapped[str | None] = mapped_column(String(36))
    """The last message that the agent who holds it has seen."""


class ConversationNote(Base):
    """What one agent wants the next to know of a conversation. The visitor never sees it."""

    __tablename__ = "conversation_notes"
    __table_args__ = (Index(None, "conversation_id", "id"),)

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_id)
    conversation_id: Mapped[str] = mapped_column(ForeignKey("conversations.id", ondelete="CASCADE"))
    account_id: Mapped[str | None] = mapped_column(ForeignKey("staff_accounts.id", ondelete="SET NULL"))
    text: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


class CannedText(Base):
    """A text of an agent's own, inserted by its shortcut."""

    __tablename__ = "canned_texts"
    __table_args__ = (
        UniqueConstraint("account_id", "shortcut", "language"),
        CheckConstraint("language IN ('nl', 'en')", name="language"),
    )

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_id)
    account_id: Mapped[str] = mapped_column(ForeignKey("staff_accounts.id", ondelete="CASCADE"))
    language: Mapped[str] = mapped_column(String(2))
    shortcut: Mapped[str] = mapped_column(String(30))
    text: Mapped[str] = mapped_column(Text)


class Suggestion(Base):
    """A topic that was suggested to an agent or a partner, and what became of it. It holds no text, and stays."""

    __tablename__ = "suggestions"
    __table_args__ = (
        CheckConstraint(f"channel IN {CHANNELS}", name="channel"),
        CheckConstraint("language IN ('nl', 'en')", name="language"),
        CheckConstraint(f"fate IN {FATES}", name="fate"),
        CheckConstraint("position >= 1", name="position"),
        CheckConstraint("distance IS NULL OR (distance BETWEEN 0 AND 1)", name="distance"),
        UniqueConstraint("batch_id", "position"),
        Index(None, "conversation_id"),
        Index(None, "message_id"),
        Index(None, "topic", "created_at"),
        Index(None, "created_at"),
    )

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_id)
    batch_id: Mapped[str] = mapped_column(String(36))
    """The same for those that were shown together."""
    conversation_id: Mapped[str | None] = mapped_column(ForeignKey("conversations.id", ondelete="SET NULL"))
    message_id: Mapped[str | None] = mapped_column(ForeignKey("messages.id", ondelete="SET NULL"))
    """The visitor's message that they were made for."""
    channel: Mapped[str] = mapped_column(String(10))
    language: Mapped[str] = mapped_column(String(2))
    position: Mapped[int]
    topic: Mapped[str] = mapped_column(String(120))
    confidence: Mapped[float]
    fate: Mapped[str] = mapped_column(String(10), default="shown")
    distance: Mapped[float | None]
    """How far what was sent is from the suggested text: 0 the same, 1 nothing left of it."""
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    settled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class LoggedQuestion(Base):
    """A question that came by phone, by mail or through a partner, as an agent wrote it down."""

    __tablename__ = "logged_questions"
    __table_args__ = (
        CheckConstraint(f"channel IN {CHANNELS}", name="channel"),
        CheckConstraint("desk IN ('portal', 'charter')", name="desk"),
        CheckConstraint("language IN ('nl', 'en')", name="language"),
        CheckConstraint(f"size IS NULL OR size IN {SIZES}", name="size"),
        CheckConstraint(f"referred_to IS NULL OR referred_to IN {REFERRED_TO}", name="referred_to"),
        UniqueConstraint("idempotency_key"),
        Index(None, "created_at"),
        Index(None, "request_id"),
    )

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_id)
    channel: Mapped[str] = mapped_column(String(10))
    desk: Mapped[str] = mapped_column(String(10))
    language: Mapped[str] = mapped_column(String(2))
    question: Mapped[str] = mapped_column(Text)
    """Masked, and without names: whoever writes it down is asked to leave them out."""
    referrer: Mapped[str | None] = mapped_column(String(40))
    is_signatory: Mapped[bool | None]
    size: Mapped[str | None] = mapped_column(String(10))
    topic: Mapped[str | None] = mapped_column(String(120))
    """None where the knowledge has no answer."""
    need: Mapped[str | None] = mapped_column(String(300))
    referred_to: Mapped[str | None] = mapped_column(String(20))
    referred_name: Mapped[str | None] = mapped_column(String(120))
    """Which network or material."""
    account_id: Mapped[str | None] = mapped_column(ForeignKey("staff_accounts.id", ondelete="SET NULL"))
    request_id: Mapped[str | None] = mapped_column(ForeignKey("requests.id", ondelete="CASCADE"))
    """The referral that it came with. Of such a question nobody has said which topic answers it."""
    idempotency_key: Mapped[str | None] = mapped_column(String(200))
    """Of a partner's question."""
    request_hash: Mapped[str | None] = mapped_column(String(64))
    """Of what was sent with the key."""
    trend_id: Mapped[str | None] = mapped_column(String(36))
    """The question in the log of trends that was made of it."""
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


class TopicDraft(Base):
    """A topic that an editor may add to the knowledge. Nothing goes live by itself."""

    __tablename__ = "topic_drafts"
    __table_args__ = (
        CheckConstraint("desk IN ('portal', 'charter')", name="desk"),
        CheckConstraint("language IN ('nl', 'en')", name="language"),
        CheckConstraint(f"origin IN {DRAFT_ORIGINS}", name="origin"),
        CheckConstraint(f"state IN {DRAFT_STATES}", name="state"),
        Index(None, "state", "created_at"),
    )

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_id)
    topic: Mapped[str | None] = mapped_column(String(120))
    """The topic whose answer was edited."""
    desk: Mapped[str] = mapped_column(String(10))
    language: Mapped[str] = mapped_column(String(2))
    title: Mapped[str] = mapped_column(String(200))
    answer: Mapped[str] = mapped_column(Text, default="")
    origin: Mapped[str] = mapped_column(String(12))
    state: Mapped[str] = mapped_column(String(10), default="open")
    account_id: Mapped[str | None] = mapped_column(ForeignKey("staff_accounts.id", ondelete="SET NULL"))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    closed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class TopicDraftQuestion(Base):
    """A question that led to a draft. It goes with the conversation, or the logged question, that it came from."""

    __tablename__ = "topic_draft_questions"
    __table_args__ = (Index(None, "draft_id"), Index(None, "conversation_id"), Index(None, "logged_question_id"))

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_id)
    draft_id: Mapped[str] = mapped_column(ForeignKey("topic_drafts.id", ondelete="CASCADE"))
    conversation_id: Mapped[str | None] = mapped_column(ForeignKey("conversations.id", ondelete="CASCADE"))
    logged_question_id: Mapped[str | None] = mapped_column(ForeignKey("logged_questions.id", ondelete="CASCADE"))
    language: Mapped[str] = mapped_column(String(2))
    text: Mapped[str] = mapped_column(Text)


class PartnerKey(Base):
    """The key of a partner's own desk. Only its hash is kept."""

    __tablename__ = "partner_keys"

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_id)
    referrer: Mapped[str] = mapped_column(String(40))
    """Which partner: awvn."""
    name: Mapped[str] = mapped_column(String(100))
    key_hash: Mapped[str] = mapped_column(String(64), unique=True)
    scopes: Mapped[list[str]] = mapped_column(JSON)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    last_used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Outgoing(Base):
    """What goes to another system, until it is there: a ticket, or an answer by mail. It goes with its request."""

    __tablename__ = "outbox"
    __table_args__ = (
        CheckConstraint(f"kind IN {OUTBOX_KINDS}", name="kind"),
        CheckConstraint(f"state IN {OUTBOX_STATES}", name="state"),
        UniqueConstraint("request_id", "dedupe_key"),
        Index(None, "state", "next_at"),
    )

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_id)
    request_id: Mapped[str] = mapped_column(ForeignKey("requests.id", ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(String(10))
    dedupe_key: Mapped[str] = mapped_column(String(120))
    """Asking twice for the same thing puts it here once."""
    subject: Mapped[str | None] = mapped_column(String(200))
    """Of a reply; a ticket is made of its request when it goes out."""
    text: Mapped[str | None] = mapped_column(Text)
    account_id: Mapped[str | None] = mapped_column(ForeignKey("staff_accounts.id", ondelete="SET NULL"))
    """Who wrote the reply."""
    state: Mapped[str] = mapped_column(String(10), default="waiting")
    attempts: Mapped[int] = mapped_column(default=0)
    next_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    progress: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    """What the other side has already, for those that take more than one call."""
    external_id: Mapped[str | None] = mapped_column(String(80))
    problem: Mapped[str | None] = mapped_column(String(120))
    """Its kind, never its text."""
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    sent_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
