"""Reads what is known of a company: all that its status needs, in a few queries."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime

from sqlalchemy import ColumnElement, Engine, select
from sqlalchemy.orm import Session, aliased

from bot.registry.models import CharterSurvey, CharterTrack, Company, CompanyContact, Contact, Intake, Report


@dataclass(frozen=True)
class CompanyName:
    """A company, as one chooses it from a list."""

    id: str
    kvk_number: str
    name: str


@dataclass(frozen=True)
class ContactRecord:
    """A contact of a company. Who it is stays out of logs."""

    id: str
    email: str = field(repr=False)
    name: str = field(repr=False)
    account: str
    """none, invited or active."""
    role: str
    """board or second."""


@dataclass(frozen=True)
class IntakeRecord:
    """The intake: open until `confirmed_on`."""

    confirmed_on: date | None
    year_end_month: int | None
    year_end_day: int | None
    who_reports: str | None
    """company or head."""


@dataclass(frozen=True)
class ReportRecord:
    """The report over the financial year that ends on `year_end`: open until `submitted_on`."""

    year_end: date
    due_on: date
    submitted_on: date | None


@dataclass(frozen=True)
class SurveyRecord:
    """The survey of a year among those who signed the Charter."""

    year: int
    sent_on: date | None
    filled_in_on: date | None


@dataclass(frozen=True)
class CharterRecord:
    """How far it is on the way to the Charter, and after."""

    orientation_on: date | None
    text_agreed_on: date | None
    signed_on: date | None
    plan_due_on: date | None
    plan_handed_in_on: date | None
    surveys: tuple[SurveyRecord, ...]
    """The oldest first."""


@dataclass(frozen=True)
class MemberRecord:
    """A member of a company's group: what the head of the group may see of it."""

    kvk_number: str
    name: str
    activated: bool
    who_reports: str | None
    """company or head; None while that is not known."""


@dataclass(frozen=True)
class CompanyRecord:
    """All that is known of a company."""

    id: str
    kvk_number: str
    name: str
    legal_form: str
    """nv, bv or other."""
    listed: bool
    sector: str | None
    size_class: str
    """large, not-large or unknown."""
    invited_on: date | None
    activated_at: datetime | None
    has_code: bool
    """Whether an activation code is kept (as HMAC) with which it can be verified."""
    contacts: tuple[ContactRecord, ...]
    """The one of the board first."""
    intake: IntakeRecord | None
    reports: tuple[ReportRecord, ...]
    """The oldest first."""
    charter: CharterRecord | None
    head: CompanyName | None
    """The head of its group; None for the head itself."""
    members: tuple[MemberRecord, ...]
    """Where it is the head of a group: the others, by name."""


class CompanyStore:
    """Reads companies. Each method is one transaction, with as many queries for a company that is not there."""

    def __init__(self, engine: Engine) -> None:
        self._reader = engine.execution_options(writes=False)

    def by_kvk_number(self, number: str) -> CompanyRecord | None:
        """The company with this KVK number (eight digits), or None."""
        return self._find(Company.kvk_number == number)

    def by_id(self, id_: str) -> CompanyRecord | None:
        """The company with this id, or None."""
        return self._find(Company.id == id_)

    def of_contact(self, contact_id: str) -> list[CompanyName]:
        """The companies of a contact, by name; empty for a contact that is not there."""
        query = (
            select(Company.id, Company.kvk_number, Company.name)
            .join(CompanyContact, CompanyContact.company_id == Company.id)
            .where(CompanyContact.contact_id == contact_id)
            .order_by(Company.name, Company.kvk_number)
        )
        with Session(self._reader) as session:
            return [CompanyName(*row) for row in session.execute(query)]

    def _find(self, which: ColumnElement[bool]) -> CompanyRecord | None:
        head = aliased(Company)
        of_company = (
            select(Company, Intake, CharterTrack, head)
            .outerjoin(Intake, Intake.company_id == Company.id)
            .outerjoin(CharterTrack, CharterTrack.company_id == Company.id)
            .outerjoin(head, head.id == Company.head_id)
            .where(which)
        )
        with Session(self._reader) as session:
            found = session.execute(of_company).first()
            contacts = _contacts(session, which)
            reports = _reports(session, which)
            surveys = _surveys(session, which)
            members = _members(session, which)
            if found is None:
                return None
            company, intake, track, head_row = found
            return CompanyRecord(
                id=company.id,
                kvk_number=company.kvk_number,
                name=company.name,
                legal_form=company.legal_form,
                listed=company.listed,
                sector=company.sector,
                size_class=company.size_class,
                invited_on=company.invited_on,
                activated_at=company.activated_at,
                has_code=company.code_hmac is not None,
                contacts=contacts,
                intake=_intake(intake),
                reports=reports,
                charter=_charter(track, surveys),
                head=CompanyName(head_row.id, head_row.kvk_number, head_row.name) if head_row else None,
                members=members,
            )


def _contacts(session: Session, which: ColumnElement[bool]) -> tuple[ContactRecord, ...]:
    query = (
        select(Contact.id, Contact.email, Contact.name, Contact.account, CompanyContact.role)
        .join(CompanyContact, CompanyContact.contact_id == Contact.id)
        .join(Company, Company.id == CompanyContact.company_id)
        .where(which)
        .order_by(CompanyContact.role)
    )
    return tuple(ContactRecord(*row) for row in session.execute(query))


def _reports(session: Session, which: ColumnElement[bool]) -> tuple[ReportRecord, ...]:
    query = (
        select(Report.year_end, Report.due_on, Report.submitted_on)
        .join(Company, Company.id == Report.company_id)
        .where(which)
        .order_by(Report.year_end)
    )
    return tuple(ReportRecord(*row) for row in session.execute(query))


def _surveys(session: Session, which: ColumnElement[bool]) -> tuple[SurveyRecord, ...]:
    query = (
        select(CharterSurvey.year, CharterSurvey.sent_on, CharterSurvey.filled_in_on)
        .join(Company, Company.id == CharterSurvey.company_id)
        .where(which)
        .order_by(CharterSurvey.year)
    )
    return tuple(SurveyRecord(*row) for row in session.execute(query))


def _members(session: Session, which: ColumnElement[bool]) -> tuple[MemberRecord, ...]:
    member = aliased(Company)
    query = (
        select(member.kvk_number, member.name, member.activated_at, Intake.who_reports)
        .join(Company, Company.id == member.head_id)
        .outerjoin(Intake, Intake.company_id == member.id)
        .where(which)
        .order_by(member.name, member.kvk_number)
    )
    return tuple(MemberRecord(row[0], row[1], row[2] is not None, row[3]) for row in session.execute(query))


def _intake(row: Intake | None) -> IntakeRecord | None:
    if row is None:
        return None
    return IntakeRecord(row.confirmed_on, row.year_end_month, row.year_end_day, row.who_reports)


def _charter(row: CharterTrack | None, surveys: Iterable[SurveyRecord]) -> CharterRecord | None:
    kept = tuple(surveys)
    if row is None and not kept:
        return None
    if row is None:
        return CharterRecord(None, None, None, None, None, kept)
    return CharterRecord(
        row.orientation_on, row.text_agreed_on, row.signed_on, row.plan_due_on, row.plan_handed_in_on, kept
    )
