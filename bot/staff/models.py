"""The tables of staff: accounts, their roles and desks, sessions, sign-in links, and the audit."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from bot.database.base import Base
from bot.database.types import UtcDateTime, new_id, now

ROLES = ("agent", "editor", "analyst", "taskforce", "admin")


class StaffAccount(Base):
    """Somebody who may sign in. An account is switched off rather than removed: the audit names it."""

    __tablename__ = "staff_accounts"
    __table_args__ = (
        CheckConstraint("language IN ('nl', 'en')", name="language"),
        CheckConstraint("email = lower(email)", name="email"),
        CheckConstraint("failed_sign_ins >= 0", name="failed_sign_ins"),
    )

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_id)
    email: Mapped[str] = mapped_column(String(254), unique=True)
    name: Mapped[str] = mapped_column(String(100))
    """As visitors see it: "Anna joined the conversation"."""
    language: Mapped[str] = mapped_column(String(2), default="nl")
    password_hash: Mapped[str | None] = mapped_column(String(200))
    """Argon2; None until one is chosen, and for who signs in elsewhere."""
    oidc_subject: Mapped[str | None] = mapped_column(String(255), unique=True)
    """Who this is to the OpenID provider; known after the first sign-in there."""
    is_active: Mapped[bool] = mapped_column(default=True)
    failed_sign_ins: Mapped[int] = mapped_column(default=0)
    """In a row."""
    locked_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    takes_chats: Mapped[bool] = mapped_column(default=False)
    """What the agent's own switch says."""
    seen_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When the console last showed that it is open. Present is who takes chats and was seen just now."""
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


class StaffRole(Base):
    """What an account may do."""

    __tablename__ = "staff_roles"
    __table_args__ = (CheckConstraint(f"role IN {ROLES}", name="role"),)

    account_id: Mapped[str] = mapped_column(ForeignKey("staff_accounts.id", ondelete="CASCADE"), primary_key=True)
    role: Mapped[str] = mapped_column(String(10), primary_key=True)


class StaffDesk(Base):
    """A desk that an agent answers for."""

    __tablename__ = "staff_desks"
    __table_args__ = (CheckConstraint("desk IN ('portal', 'charter')", name="desk"),)

    account_id: Mapped[str] = mapped_column(ForeignKey("staff_accounts.id", ondelete="CASCADE"), primary_key=True)
    desk: Mapped[str] = mapped_column(String(10), primary_key=True)


class StaffSession(Base):
    """A browser that is signed in. Only the hash of its token is kept."""

    __tablename__ = "staff_sessions"
    __table_args__ = (Index(None, "account_id"), Index(None, "expires_at"))

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_id)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("staff_accounts.id", ondelete="CASCADE"))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    last_seen_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)


class SignInLink(Base):
    """A link with which somebody signs in once, and then chooses a password."""

    __tablename__ = "sign_in_links"
    __table_args__ = (Index(None, "account_id"), Index(None, "expires_at"))

    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("staff_accounts.id", ondelete="CASCADE"))
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class StaffAudit(Base):
    """What was done, by whom, to what. No texts, no contact details."""

    __tablename__ = "staff_audit"
    __table_args__ = (Index(None, "at"), Index(None, "account_id", "at"))

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_id)
    at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    account_id: Mapped[str | None] = mapped_column(String(36))
    """No foreign key: the audit outlives the account. None for what a command or a partner's key did."""
    action: Mapped[str] = mapped_column(String(40))
    subject: Mapped[str | None] = mapped_column(String(80))
    """The id of what it was done to."""
    details: Mapped[dict[str, Any] | None] = mapped_column(JSON)
