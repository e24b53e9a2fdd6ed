"""The tables of guides: where a conversation is in which guide, and the codes to go on elsewhere."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import JSON, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from bot.database.base import Base
from bot.database.types import UtcDateTime, now


class GuideProgress(Base):
    """Where a conversation is in one guide: choices and dates, nothing that tells who the visitor is."""

    __tablename__ = "guide_progress"

    conversation_id: Mapped[str] = mapped_column(ForeignKey("conversations.id", ondelete="CASCADE"), primary_key=True)
    guide: Mapped[str] = mapped_column(String(60), primary_key=True)
    step: Mapped[str] = mapped_column(String(60))
    answers: Mapped[dict[str, str]] = mapped_column(JSON)
    trail: Mapped[list[str]] = mapped_column(JSON)
    waiting: Mapped[bool]
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


class ResumeCode(Base):
    """A code with which a guide goes on elsewhere, one for a conversation.

    What finds it is its hash; in words it stands in the one message that gave it to the visitor.
    """

    __tablename__ = "resume_codes"
    __table_args__ = (Index(None, "expires_at"),)

    conversation_id: Mapped[str] = mapped_column(ForeignKey("conversations.id", ondelete="CASCADE"), primary_key=True)
    guide: Mapped[str] = mapped_column(String(60))
    code_hash: Mapped[str] = mapped_column(String(64), unique=True)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
