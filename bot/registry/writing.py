"""Compares companies with what is kept of them, and writes the differences, many rows at a time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from typing import Any, TypeVar

from sqlalchemy import Connection, Select, bindparam, delete, exists, insert, select, update
from sqlalchemy.orm import InstrumentedAttribute

from bot.database.types import new_id, now
from bot.helpdesk.hours import AMSTERDAM
from bot.registry.models import (
    CharterSurvey,
    CharterTrack,
    Company,
    CompanyContact,
    Contact,
    Intake,
    Report,
    Verification,
)
from bot.registry.rows import CompanyRow, ContactRow

AT_A_TIME = 1000
"""Rows in one statement: below the limits on parameters of both databases."""

Row = dict[str, Any]
Done = Callable[[int], None]
Item = TypeVar("Item")
Query = TypeVar("Query", bound=Select)
Link = tuple[str, str, str]
"""The ids of a company and its contact, and the role."""


def narrowed(query: Query, column: InstrumentedAttribute[Any], values: Collection[str]) -> Query:
    """The query for these values alone, where they are few; else for all rows, of which the reader picks.

    Long lists of values, time and again, cost PostgreSQL minutes where it knows no statistics of a table yet.
    """
    return query.where(column.in_(values)) if len(values) <= AT_A_TIME else query


def _in_parts(items: Sequence[Item]) -> Iterator[Sequence[Item]]:
    """The items, as many at a time as one statement may hold."""
    for start in range(0, len(items), AT_A_TIME):
        yield items[start : start + AT_A_TIME]


@dataclass(frozen=True)
class Part:
    """A table with rows that belong to a company."""

    table: Any
    keys: tuple[str, ...]
    """What tells the rows of one company apart."""
    values: tuple[str, ...]
    rows: Callable[[CompanyRow], Iterator[tuple[Any, ...]]]
    """The keys and values that a row of the file asks for."""


def _intake(row: CompanyRow) -> Iterator[tuple[Any, ...]]:
    if row.intake:
        yield row.intake.confirmed_on, row.intake.year_end_month, row.intake.year_end_day, row.intake.who_reports


def _reports(row: CompanyRow) -> Iterator[tuple[Any, ...]]:
    for report in row.reports:
        yield report.year_end, report.due_on, report.submitted_on


def _track(row: CompanyRow) -> Iterator[tuple[Any, ...]]:
    if charter := row.charter:
        yield (
            charter.orientation_on,
            charter.text_agreed_on,
            charter.signed_on,
            charter.plan_due_on,
            charter.plan_handed_in_on,
        )


def _surveys(row: CompanyRow) -> Iterator[tuple[Any, ...]]:
    for survey in row.charter.surveys if row.charter else ():
        yield survey.year, survey.filled_in_on


PARTS = (
    Part(Intake, (), ("confirmed_on", "year_end_month", "year_end_day", "who_reports"), _intake),
    Part(Report, ("year_end",), ("due_on", "submitted_on"), _reports),
    Part(
        CharterTrack,
        (),
        ("orientation_on", "text_agreed_on", "signed_on", "plan_due_on", "plan_handed_in_on"),
        _track,
    ),
    Part(CharterSurvey, ("year",), ("filled_in_on",), _surveys),
)
_FIELDS = (
    "name", "legal_form", "listed", "sector", "size_class", "head_id", "invited_on", "activated_at", "code_hmac",
)  # fmt: skip


@dataclass
class Changes:
    """What differs from what is kept. Everything is a list of rows for one statement."""

    new: list[Row] = field(default_factory=list)
    changed: dict[str, Row] = field(default_factory=dict)
    """By the id of the company; also where only its contacts or reports differ."""
    recoded: list[str] = field(default_factory=list)
    """The ids of companies whose code is replaced."""
    new_contacts: list[Row] = field(default_factory=list)
    changed_contacts: list[Row] = field(default_factory=list)
    inserts: dict[Any, list[Row]] = field(default_factory=lambda: defaultdict(list))
    updates: dict[Any, list[Row]] = field(default_factory=lambda: defaultdict(list))
    deletes: dict[Any, list[Row]] = field(default_factory=lambda: defaultdict(list))


def compare(connection: Connection, rows: Sequence[CompanyRow], hmacs: Mapping[str, str], done: Done) -> Changes:
    """What is to be written so that the companies are kept as the rows have them.

    hmacs: of the activation codes, by KVK number; a company that has none there keeps its own.
    """
    changes = Changes()
    contacts, moved = _contacts(connection, rows, changes)
    kept = _kept_companies(connection, {number for row in rows for number in (row.kvk_number, row.head) if number})
    ids = {number: company["id"] for number, company in kept.items()}
    ids |= {row.kvk_number: new_id() for row in rows if row.kvk_number not in kept}
    links = {(ids[row.kvk_number], contacts[contact.email], contact.role) for row in rows for contact in row.contacts}
    known = {ids[row.kvk_number] for row in rows if row.kvk_number in kept}
    differing = {ids[row.kvk_number] for row in rows if any(contact.email in moved for contact in row.contacts)}
    differing |= _compare_parts(connection, rows, ids, known, changes)
    differing |= _compare_links(connection, links, known, changes)
    for count, row in enumerate(rows, 1):
        before = kept.get(row.kvk_number)
        wanted = _wanted(row, ids, before, hmacs.get(row.kvk_number))
        if before is None:
            changes.new.append({"id": ids[row.kvk_number], "kvk_number": row.kvk_number, **wanted})
        elif before["id"] in differing or any(before[name] != wanted[name] for name in _FIELDS):
            changes.changed[before["id"]] = wanted
            if before["code_hmac"] not in (None, wanted["code_hmac"]):
                changes.recoded.append(before["id"])
        if count % AT_A_TIME == 0 or count == len(rows):
            done(count)
    return changes


def _kept_companies(connection: Connection, numbers: set[str]) -> dict[str, Mapping[str, Any]]:
    """What is kept of the companies with these numbers, by number."""
    query = select(Company.id, Company.kvk_number, *(getattr(Company, name) for name in _FIELDS))
    found = connection.execute(narrowed(query, Company.kvk_number, numbers)).mappings()
    return {row["kvk_number"]: dict(row) for row in found if row["kvk_number"] in numbers}


def _wanted(row: CompanyRow, ids: Mapping[str, str], kept: Mapping[str, Any] | None, hmac: str | None) -> Row:
    return {
        "name": row.name,
        "legal_form": row.legal_form,
        "listed": row.listed,
        "sector": row.sector,
        "size_class": row.size_class,
        "head_id": ids[row.head] if row.head else None,
        "invited_on": row.invited_on,
        "activated_at": _moment(row.activated_on, kept["activated_at"] if kept else None),
        "code_hmac": hmac or (kept["code_hmac"] if kept else None),
    }


def _moment(day: date | None, kept: datetime | None) -> datetime | None:
    """The start of the day in Amsterdam; a moment of that same day that is kept is known better."""
    if day is None or (kept is not None and kept.astimezone(AMSTERDAM).date() == day):
        return kept if day else None
    return datetime.combine(day, time(), tzinfo=AMSTERDAM).astimezone(UTC)


def _contacts(connection: Connection, rows: Sequence[CompanyRow], changes: Changes) -> tuple[dict[str, str], set[str]]:
    """The id of each contact by e-mail address, and the addresses of contacts that differ."""
    wanted: dict[str, ContactRow] = {contact.email: contact for row in rows for contact in row.contacts}
    ids: dict[str, str] = {}
    moved: set[str] = set()
    query = select(Contact.id, Contact.email, Contact.name, Contact.account)
    for id_, email, name, account in connection.execute(narrowed(query, Contact.email, wanted)):
        if email not in wanted:
            continue
        ids[email] = id_
        new = {"name": wanted[email].name, "account": wanted[email].account}
        if new != {"name": name, "account": account}:
            moved.add(email)
            changes.changed_contacts.append({"of_id": id_, **new})
    for email, contact in wanted.items():
        if email not in ids:
            ids[email] = new_id()
            changes.new_contacts.append(
                {"id": ids[email], "email": email, "name": contact.name, "account": contact.account}
            )
    return ids, moved


def _compare_parts(
    connection: Connection,
    rows: Sequence[CompanyRow],
    ids: Mapping[str, str],
    known: set[str],
    changes: Changes,
) -> set[str]:
    """Notes what differs in what belongs to the companies; gives the ids of those companies."""
    differing: set[str] = set()
    for part in PARTS:
        names = ("company_id", *part.keys)
        width = len(part.keys)
        query = select(*(getattr(part.table, name) for name in (*names, *part.values)))
        found = connection.execute(narrowed(query, part.table.company_id, known))
        kept = {tuple(row[: width + 1]): tuple(row[width + 1 :]) for row in found if row[0] in known}
        wanted = {
            (ids[row.kvk_number], *asked[:width]): tuple(asked[width:]) for row in rows for asked in part.rows(row)
        }
        for key, values in wanted.items():
            if key not in kept:
                changes.inserts[part.table].append(dict(zip((*names, *part.values), (*key, *values), strict=True)))
            elif kept[key] != values:
                of = dict(zip((f"of_{name}" for name in names), key, strict=True))
                changes.updates[part.table].append(of | dict(zip(part.values, values, strict=True)))
            else:
                continue
            differing.add(key[0])
        for key in kept.keys() - wanted.keys():
            changes.deletes[part.table].append(dict(zip((f"of_{name}" for name in names), key, strict=True)))
            differing.add(key[0])
    return differing


def _compare_links(connection: Connection, wanted: set[Link], known: set[str], changes: Changes) -> set[str]:
    """Notes which contacts come and go. Whoever changes roles does both: two of a company may swap them."""
    table = CompanyContact
    query = select(table.company_id, table.contact_id, table.role)
    found = connection.execute(narrowed(query, table.company_id, known))
    kept = {(company, contact, role) for company, contact, role in found if company in known}
    for company, contact, _ in sorted(kept - wanted):
        changes.deletes[table].append({"of_company_id": company, "of_contact_id": contact})
    for company, contact, role in sorted(wanted - kept):
        changes.inserts[table].append({"company_id": company, "contact_id": contact, "role": role})
    return {company for company, _, _ in kept ^ wanted}


def write(connection: Connection, changes: Changes, done: Done) -> None:
    """Writes the changes. The order keeps every constraint true on the way.

    A replaced code ends what was verified with the old one; a contact who goes takes along what they verified.
    """
    moment = now()
    for part in _in_parts(changes.recoded):
        connection.execute(update(Company).where(Company.id.in_(part)).values(code_hmac=None))
        ended = delete(Verification).where(Verification.company_id.in_(part), Verification.how == "code")
        connection.execute(ended)
    # The heads of groups first: the others point at them.
    stamps = {"created_at": moment, "updated_at": moment}
    new = [row | stamps for row in sorted(changes.new, key=lambda row: row["head_id"] is not None)]
    for count, rows in enumerate(_in_parts(new), 1):
        connection.execute(insert(Company), rows)
        done(min(count * AT_A_TIME, len(new)))
    changed = [{"of_id": id_, **row, "updated_at": moment} for id_, row in changes.changed.items()]
    _update(connection, Company, ("id",), changed)
    _insert(connection, Contact, changes.new_contacts)
    _update(connection, Contact, ("id",), changes.changed_contacts)
    _delete(connection, CompanyContact, ("company_id", "contact_id"), changes.deletes[CompanyContact])
    _insert(connection, CompanyContact, changes.inserts[CompanyContact])
    for kind in PARTS:
        keys = ("company_id", *kind.keys)
        _delete(connection, kind.table, keys, changes.deletes[kind.table])
        _update(connection, kind.table, keys, changes.updates[kind.table])
        _insert(connection, kind.table, changes.inserts[kind.table])
    if changes.deletes[CompanyContact]:
        linked = exists().where(CompanyContact.contact_id == Contact.id)
        connection.execute(delete(Contact).where(~linked))
    done(len(changes.new) + len(changes.changed))


def _which(table: Any, keys: Sequence[str]) -> list[Any]:
    return [getattr(table, key) == bindparam(f"of_{key}") for key in keys]


def _insert(connection: Connection, table: Any, rows: Sequence[Row]) -> None:
    for part in _in_parts(rows):
        connection.execute(insert(table), part)


def _update(connection: Connection, table: Any, keys: Sequence[str], rows: Sequence[Row]) -> None:
    statement = update(table.__table__).where(*_which(table, keys))
    for part in _in_parts(rows):
        connection.execute(statement, part)


def _delete(connection: Connection, table: Any, keys: Sequence[str], rows: Sequence[Row]) -> None:
    statement = delete(table.__table__).where(*_which(table, keys))
    for part in _in_parts(rows):
        connection.execute(statement, part)
