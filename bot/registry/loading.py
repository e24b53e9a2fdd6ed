"""Loads companies: checks every row, then all of them together and with what is kept, and writes only what differs.

All or nothing, in one transaction. The file is the truth about the companies in it: an empty cell empties what is
kept, the activation code excepted; companies that are not in it stay as they are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection, Engine, select, text
from sqlalchemy.orm import aliased

from bot.registry.codes import code_hmac
from bot.registry.files import Record
from bot.registry.models import Company
from bot.registry.report import BadRows
from bot.registry.rows import CompanyRow, ContactRow, Problem, check_row
from bot.registry.writing import AT_A_TIME, Changes, compare, narrowed, write

Progress = Callable[[str, int], None]
"""Told what is being done, and how many rows of it are done."""


@dataclass(frozen=True)
class Loaded:
    """What loading did, in companies."""

    created: int
    updated: int
    unchanged: int


def load(
    engine: Engine,
    records: Iterable[Record],
    key: bytes,
    *,
    today: date,
    code_pattern: str,
    dry_run: bool = False,
    progress: Progress = lambda _what, _rows: None,
) -> Loaded:
    """Loads companies, or with `dry_run` only says what that would do.

    key: of the HMAC of activation codes. today: of Amsterdam. code_pattern: what the chat masks.
    Raises BadRows with everything that is wrong, BadFile from `records`, and the database's own errors.
    """
    rows, problems = _read(records, today, code_pattern, progress)
    problems += _together(rows)
    codes = {row.row: row.code for row in rows if row.code}
    hmacs = {row.kvk_number: code_hmac(row.code, key) for row in rows if row.code}
    with engine.execution_options(writes=not dry_run).begin() as connection:
        if not dry_run and connection.dialect.name == "postgresql":
            # On SQLite whoever writes is alone; here two loadings would trip over each other's new companies.
            connection.execute(text("LOCK TABLE companies IN SHARE ROW EXCLUSIVE MODE"))
        problems += _with_what_is_kept(connection, rows, hmacs)
        if problems:
            raise BadRows(problems, codes, code_pattern)
        changes = compare(connection, rows, hmacs, lambda done: progress("compared", done))
        if not dry_run:
            write(connection, changes, lambda done: progress("written", done))
    return _counted(changes, len(rows))


def _counted(changes: Changes, rows: int) -> Loaded:
    created, updated = len(changes.new), len(changes.changed)
    return Loaded(created, updated, rows - created - updated)


def _read(
    records: Iterable[Record], today: date, code_pattern: str, progress: Progress
) -> tuple[list[CompanyRow], list[Problem]]:
    rows, problems = [], []
    for count, (number, cells) in enumerate(records, 1):
        row, wrong = check_row(number, cells, today, code_pattern)
        problems += wrong
        if row is not None:
            rows.append(row)
        if count % AT_A_TIME == 0:
            progress("read", count)
    progress("read", len(rows))
    return rows, problems


def _together(rows: Sequence[CompanyRow]) -> Iterator[Problem]:
    """What is wrong between the rows of a file."""
    yield from _twice(rows, "kvk_number", lambda row: row.kvk_number, "the same KVK number as row {}")
    yield from _twice(rows, "activation_code", lambda row: row.code, "the same activation code as row {}")
    yield from _contacts_that_differ(rows)
    heads = {row.kvk_number: row.head for row in rows}
    for row in rows:
        if row.head and heads.get(row.head):
            yield Problem(row.row, "head_kvk_number", row.head, "has a head itself: a group has one head")


def _twice(
    rows: Sequence[CompanyRow], column: str, value: Callable[[CompanyRow], str | None], reason: str
) -> Iterator[Problem]:
    first: dict[str, int] = {}
    for row in rows:
        given = value(row)
        if given and first.setdefault(given, row.row) != row.row:
            yield Problem(row.row, column, given, reason.format(first[given]))


def _contacts_that_differ(rows: Sequence[CompanyRow]) -> Iterator[Problem]:
    """Somebody with several companies has one name and one account. Source: `aanmelden`, step 3."""
    first: dict[str, tuple[int, ContactRow]] = {}
    for row in rows:
        for contact in row.contacts:
            number, other = first.setdefault(contact.email, (row.row, contact))
            prefix = "contact_1" if contact.role == "board" else "contact_2"
            if contact.name != other.name:
                reason = f"another name for the same e-mail address than in row {number}"
                yield Problem(row.row, f"{prefix}_name", contact.name, reason)
            if contact.account != other.account:
                reason = f"another account for the same e-mail address than in row {number}"
                yield Problem(row.row, f"{prefix}_account", contact.account, reason)


def _with_what_is_kept(connection: Connection, rows: Sequence[CompanyRow], hmacs: dict[str, str]) -> Iterator[Problem]:
    """What is wrong between the rows and the companies that are kept, and are not in the file."""
    in_file = {row.kvk_number for row in rows}
    yield from _heads(connection, rows, in_file)
    yield from _members(connection, rows, in_file)
    query = select(Company.code_hmac, Company.kvk_number)
    owners = dict(connection.execute(narrowed(query, Company.code_hmac, hmacs.values())).all())
    for row in rows:
        owner = owners.get(hmacs.get(row.kvk_number, ""), row.kvk_number)
        # A company in the file that gets another code gives its old one free.
        if owner not in (row.kvk_number, *(hmacs.keys() & {owner})):
            yield Problem(row.row, "activation_code", row.code or "", "the activation code of another company")


def _heads(connection: Connection, rows: Sequence[CompanyRow], in_file: set[str]) -> Iterator[Problem]:
    elsewhere = {row.head for row in rows if row.head} - in_file
    query = select(Company.kvk_number, Company.head_id)
    kept = dict(connection.execute(narrowed(query, Company.kvk_number, elsewhere)).all())
    for row in rows:
        if row.head in elsewhere and row.head not in kept:
            yield Problem(row.row, "head_kvk_number", row.head or "", "no such company, in the file or loaded before")
        elif row.head in elsewhere and kept[row.head or ""]:
            yield Problem(row.row, "head_kvk_number", row.head or "", "has a head itself: a group has one head")


def _members(connection: Connection, rows: Sequence[CompanyRow], in_file: set[str]) -> Iterator[Problem]:
    """Companies that get a head, while they are the head of others that are not in the file."""
    with_head = {row.kvk_number: row for row in rows if row.head}
    head = aliased(Company)
    members: Counter[str] = Counter()
    query = select(head.kvk_number, Company.kvk_number).join(Company, Company.head_id == head.id)
    for number, member in connection.execute(narrowed(query, head.kvk_number, with_head)):
        if number in with_head and member not in in_file:
            members[number] += 1
    for number, count in members.items():
        row = with_head[number]
        reason = f"the company is the head of {count} others that are not in the file: a group has one head"
        yield Problem(row.row, "head_kvk_number", row.head or "", reason)
