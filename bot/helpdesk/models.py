"""The table of requests: what companies put in for a desk."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from bot.database.base import Base
from bot.database.types import UtcDateTime, new_id, now

STATES = ("open", "closed")


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
