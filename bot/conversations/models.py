"""The tables of conversations. Everything that must be remembered stands here, not in Rasa."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from bot.database.base import Base
from bot.database.types import UtcDateTime, new_id, now

MODES = ("assistant", "queue", "agent", "closed")


class Conversation(Base):
    """One visitor's conversation. It holds nothing that tells who the visitor is."""

    __tablename__ = "conversations"
    __table_args__ = (
        CheckConstraint("language IN ('nl', 'en')", name="language"),
        CheckConstraint(f"mode IN {MODES}", name="mode"),
        Index(None, "last_active_at"),
    )

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_id)
    token_hash: Mapped[str] = mapped_column(String(64))
    language: Mapped[str] = mapped_column(String(2))
    channel: Mapped[str] = mapped_column(String(20))
    referrer: Mapped[str | None] = mapped_column(String(40))
    mode: Mapped[str] = mapped_column(String(10), default="assistant")
    version: Mapped[int] = mapped_column(default=0)
    """Goes up when an agent takes the conversation or gives it away: a reply made before is not inserted after it."""
    last_topic: Mapped[str | None] = mapped_column(String(120))
    misses: Mapped[int] = mapped_column(default=0)
    """Questions in a row that found no answer."""
    asker_id: Mapped[str] = mapped_column(String(36), default=lambda: str(uuid.uuid4()), server_default="")
    """Who asks, to the question log: random, and known here alone. Without the moment that a UUIDv7 tells."""
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    last_active_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


class Message(Base):
    """One message; a visitor's has the texts as stored after masking."""

    __tablename__ = "messages"
    __table_args__ = (
        UniqueConstraint("conversation_id", "idempotency_key"),
        Index(None, "conversation_id", "id"),
        Index(None, "reply_to"),
    )

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_id)
    conversation_id: Mapped[str] = mapped_column(ForeignKey("conversations.id", ondelete="CASCADE"))
    sender: Mapped[str] = mapped_column(String(10))
    account_id: Mapped[str | None] = mapped_column(String(36))
    """The agent who wrote it. No foreign key: accounts are switched off, not removed."""
    kind: Mapped[str] = mapped_column(String(12))
    text: Mapped[str] = mapped_column(Text)
    language: Mapped[str] = mapped_column(String(2))
    topic: Mapped[str | None] = mapped_column(String(120))
    sources: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)
    progress: Mapped[dict[str, int] | None] = mapped_column(JSON)
    reply_to: Mapped[str | None] = mapped_column(ForeignKey("messages.id", ondelete="CASCADE"))
    idempotency_key: Mapped[str | None] = mapped_column(String(200))
    request_hash: Mapped[str | None] = mapped_column(String(64))
    """Of what was sent with the key, so that a key used for something else is noticed."""
    payload: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    """What the pressed button stands for."""
    expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime, index=True)
    """From then on a placeholder stands in place of what it says."""
    trend_id: Mapped[str | None] = mapped_column(String(36), index=True)
    """The question in the log of trends that was made of it. No foreign key: whoever erases this sees to that one."""
    decision: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    """What the assistant considered and how sure it was; for agents and for finding gaps."""
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


class Button(Base):
    """A button that the server issued in one message; only the server knows what it stands for."""

    __tablename__ = "buttons"
    __table_args__ = (Index(None, "message_id"),)

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_id)
    message_id: Mapped[str] = mapped_column(ForeignKey("messages.id", ondelete="CASCADE"))
    position: Mapped[int]
    title: Mapped[str] = mapped_column(String(200))
    payload: Mapped[dict[str, Any]] = mapped_column(JSON)


class Feedback(Base):
    """Whether the visitor found a message helpful; the last word counts."""

    __tablename__ = "feedback"

    message_id: Mapped[str] = mapped_column(ForeignKey("messages.id", ondelete="CASCADE"), primary_key=True)
    helpful: Mapped[bool]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
