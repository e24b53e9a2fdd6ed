"""The tables of companies: what we know of them, and who showed that they may see it.

What a field means, and which values a company's row may hold, stands in docs/registry.md.
"""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from bot.database.base import Base
from bot.database.types import UtcDateTime, new_id, now

LEGAL_FORMS = ("nv", "bv", "other")
SIZE_CLASSES = ("large", "not-large", "unknown")
ACCOUNTS = ("none", "invited", "active")
ROLES = ("board", "second")
WHO_REPORTS = ("company", "head")
HOW_VERIFIED = ("code", "email")
WAYS = ("code", "email-request", "email-code")
OUTCOMES = ("verified", "refused", "limited", "sent")


class Company(Base):
    """A company, or another organisation that is on the way to the Charter."""

    __tablename__ = "companies"
    __table_args__ = (
        # `trim` with a list of signs is one of few ways to say "digits" that SQLite and PostgreSQL share.
        CheckConstraint("length(kvk_number) = 8 AND trim(kvk_number, '0123456789') = ''", name="kvk_number"),
        CheckConstraint("length(name) > 0", name="name"),
        CheckConstraint(f"legal_form IN {LEGAL_FORMS}", name="legal_form"),
        CheckConstraint(f"size_class IN {SIZE_CLASSES}", name="size_class"),
        CheckConstraint("head_id <> id", name="head"),
        CheckConstraint("length(code_hmac) = 64", name="code_hmac"),
        Index(None, "head_id"),
    )

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_id)
    kvk_number: Mapped[str] = mapped_column(String(8), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    legal_form: Mapped[str] = mapped_column(String(5))
    listed: Mapped[bool]
    sector: Mapped[str | None] = mapped_column(String(120))
    size_class: Mapped[str] = mapped_column(String(9))
    head_id: Mapped[str | None] = mapped_column(ForeignKey("companies.id", ondelete="SET NULL"))
    """The head of its group; None for the head itself, and for a company without a group."""
    invited_on: Mapped[date | None]
    activated_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    code_hmac: Mapped[str | None] = mapped_column(String(64), unique=True)
    """Of the activation code (`bot.registry.codes`); the code itself is kept nowhere."""
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    """The last change of anything that is kept of the company, its contacts and reports included."""


class Contact(Base):
    """Somebody who manages the reports of one company or more, with one account."""

    __tablename__ = "contacts"
    __table_args__ = (
        CheckConstraint("email = lower(email)", name="email"),
        CheckConstraint(f"account IN {ACCOUNTS}", name="account"),
    )

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_id)
    email: Mapped[str] = mapped_column(String(254), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    account: Mapped[str] = mapped_column(String(7))


class CompanyContact(Base):
    """Which contact a company has in which role: the one responsible on its board, and a second one.

    Source: `aanmelden`, step 2; each has an address of their own.
    """

    __tablename__ = "company_contacts"
    __table_args__ = (
        CheckConstraint(f"role IN {ROLES}", name="role"),
        UniqueConstraint("company_id", "role"),
        Index(None, "contact_id"),
    )

    company_id: Mapped[str] = mapped_column(ForeignKey("companies.id", ondelete="CASCADE"), primary_key=True)
    contact_id: Mapped[str] = mapped_column(ForeignKey("contacts.id", ondelete="CASCADE"), primary_key=True)
    role: Mapped[str] = mapped_column(String(6))


class Intake(Base):
    """What the company said in the intake: when its financial year ends, and who reports."""

    __tablename__ = "intakes"
    __table_args__ = (
        CheckConstraint("(year_end_month IS NULL) = (year_end_day IS NULL)", name="year_end"),
        CheckConstraint("year_end_month BETWEEN 1 AND 12", name="year_end_month"),
        CheckConstraint(
            "year_end_day BETWEEN 1 AND 31 AND NOT (year_end_month = 2 AND year_end_day > 29)"
            " AND NOT (year_end_month IN (4, 6, 9, 11) AND year_end_day > 30)",
            name="year_end_day",
        ),
        CheckConstraint(f"who_reports IN {WHO_REPORTS}", name="who_reports"),
    )

    company_id: Mapped[str] = mapped_column(ForeignKey("companies.id", ondelete="CASCADE"), primary_key=True)
    confirmed_on: Mapped[date | None]
    """None while the intake is open."""
    year_end_month: Mapped[int | None]
    year_end_day: Mapped[int | None]
    who_reports: Mapped[str | None] = mapped_column(String(7))
    """`head` only where the company has one; loading sees to it."""


class Report(Base):
    """The report over one financial year: open until it is submitted."""

    __tablename__ = "reports"
    __table_args__ = (
        UniqueConstraint("company_id", "year_end"),
        CheckConstraint("due_on > year_end", name="due_on"),
    )

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_id)
    company_id: Mapped[str] = mapped_column(ForeignKey("companies.id", ondelete="CASCADE"))
    year_end: Mapped[date]
    due_on: Mapped[date]
    submitted_on: Mapped[date | None]


class CharterTrack(Base):
    """How far an organisation is on the way to the Charter, and after."""

    __tablename__ = "charter_tracks"
    __table_args__ = (
        CheckConstraint("plan_due_on IS NULL OR signed_on IS NOT NULL", name="plan_due_on"),
        CheckConstraint(
            "plan_handed_in_on IS NULL OR (signed_on IS NOT NULL AND plan_handed_in_on >= signed_on)",
            name="plan_handed_in_on",
        ),
    )

    company_id: Mapped[str] = mapped_column(ForeignKey("companies.id", ondelete="CASCADE"), primary_key=True)
    orientation_on: Mapped[date | None]
    text_agreed_on: Mapped[date | None]
    signed_on: Mapped[date | None]
    plan_due_on: Mapped[date | None]
    plan_handed_in_on: Mapped[date | None]


class CharterSurvey(Base):
    """The yearly survey among those who signed the Charter."""

    __tablename__ = "charter_surveys"
    __table_args__ = (CheckConstraint("year BETWEEN 2000 AND 2200", name="year"),)

    company_id: Mapped[str] = mapped_column(ForeignKey("companies.id", ondelete="CASCADE"), primary_key=True)
    year: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    sent_on: Mapped[date | None]
    """Not in the file that is loaded; loading leaves it as it is."""
    filled_in_on: Mapped[date | None]


class Verification(Base):
    """What one conversation may see. It ends with the conversation, and when the contact is no contact any more."""

    __tablename__ = "verifications"
    __table_args__ = (
        CheckConstraint(f"how IN {HOW_VERIFIED}", name="how"),
        CheckConstraint("expires_at > verified_at", name="expires_at"),
        ForeignKeyConstraint(
            ["company_id", "contact_id"],
            ["company_contacts.company_id", "company_contacts.contact_id"],
            name="fk_verifications_company_contact",
            ondelete="CASCADE",
        ),
        Index(None, "company_id", "contact_id"),
        Index(None, "expires_at"),
    )

    conversation_id: Mapped[str] = mapped_column(ForeignKey("conversations.id", ondelete="CASCADE"), primary_key=True)
    company_id: Mapped[str] = mapped_column(ForeignKey("companies.id", ondelete="CASCADE"))
    contact_id: Mapped[str | None] = mapped_column(String(36))
    """A contact of this very company; None where it was the activation code that was given."""
    how: Mapped[str] = mapped_column(String(5))
    verified_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)


class OneTimeCode(Base):
    """A code that was mailed to a contact of a company, for one conversation."""

    __tablename__ = "one_time_codes"
    __table_args__ = (
        CheckConstraint("length(code_hmac) = 64", name="code_hmac"),
        ForeignKeyConstraint(
            ["company_id", "contact_id"],
            ["company_contacts.company_id", "company_contacts.contact_id"],
            name="fk_one_time_codes_company_contact",
            ondelete="CASCADE",
        ),
        Index(None, "company_id", "contact_id"),
        Index(None, "conversation_id"),
        Index(None, "expires_at"),
    )

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_id)
    conversation_id: Mapped[str] = mapped_column(ForeignKey("conversations.id", ondelete="CASCADE"))
    company_id: Mapped[str] = mapped_column(String(36))
    contact_id: Mapped[str] = mapped_column(String(36))
    code_hmac: Mapped[str] = mapped_column(String(64))
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class VerificationAttempt(Base):
    """The audit: every attempt to see a company's status, with no code and no address in it."""

    __tablename__ = "verification_attempts"
    __table_args__ = (
        CheckConstraint(f"way IN {WAYS}", name="way"),
        CheckConstraint(f"outcome IN {OUTCOMES}", name="outcome"),
        Index(None, "conversation_id", "at"),
        Index(None, "address_hash", "at"),
        Index(None, "kvk_number", "at"),
        Index(None, "at"),
    )

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_id)
    at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    conversation_id: Mapped[str | None] = mapped_column(String(36))
    """No foreign key: the audit outlives the conversation."""
    kvk_number: Mapped[str | None] = mapped_column(String(8))
    """As it was typed, where that was eight digits; there need be no such company."""
    way: Mapped[str] = mapped_column(String(13))
    outcome: Mapped[str] = mapped_column(String(8))
    address_hash: Mapped[str] = mapped_column(String(64))
