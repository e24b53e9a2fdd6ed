"""One row of a file with companies: what it says, and everything that is wrong with it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache

from email_validator import EmailNotValidError, validate_email

from bot.guides.dates import LEAP_YEAR, REPORT_MONTHS, add_months
from bot.registry.codes import normal_code
from bot.registry.columns import COLUMNS, CONTACT_COLUMNS, EXAMPLE
from bot.registry.companies import CharterRecord, IntakeRecord, ReportRecord, SurveyRecord
from bot.registry.models import ACCOUNTS, LEGAL_FORMS, SIZE_CLASSES, WHO_REPORTS

LONGEST_CELL = 1000
LONGEST_NAME, LONGEST_SECTOR = 200, 120
SHORTEST_CODE, LONGEST_CODE = 6, 64
FIRST_YEAR, LAST_YEAR = 2000, 2100
PLAN_MONTHS = 6
"""The plan of action is due six months after signing. Source: `charter`."""

_YES_NO = {"yes": True, "ja": True, "true": True, "no": False, "nee": False, "false": False}
_SPREADSHEET_ERRORS = ("#N/A", "#REF!", "#VALUE!", "#NAME?", "#DIV/0!", "#NULL!", "#NUM!")
_UNSEEN = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]")


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is wrong with a cell. `value` as it stands there may hold a code: only BadRows may show it."""

    row: int
    """As a spreadsheet counts: the header is row 1."""
    column: str
    value: str = field(repr=False)
    reason: str


@dataclass(frozen=True, slots=True)
class ContactRow:
    """A contact of a company."""

    role: str
    name: str = field(repr=False)
    email: str = field(repr=False)
    account: str


@dataclass(frozen=True, slots=True)
class CompanyRow:
    """What a row says of a company. Where the row has problems, the cells concerned count as empty."""

    row: int
    kvk_number: str
    name: str
    legal_form: str
    listed: bool
    sector: str | None
    size_class: str
    head: str | None
    """The KVK number of the head of its group."""
    invited_on: date | None
    activated_on: date | None
    code: str | None = field(repr=False)
    """The activation code in its normal form; None leaves the one that is kept."""
    contacts: tuple[ContactRow, ...]
    intake: IntakeRecord | None
    reports: tuple[ReportRecord, ...]
    charter: CharterRecord | None


def tidy(cell: str) -> str:
    """The text of a cell without what nobody sees, composed (NFC)."""
    return unicodedata.normalize("NFC", _UNSEEN.sub("", cell)).strip()


def check_row(
    number: int, cells: Mapping[str, str], today: date, code_pattern: str
) -> tuple[CompanyRow | None, list[Problem]]:
    """What the row with this number says, and all its problems; None in place of a row without a KVK number.

    cells: one for every column of `COLUMNS`. today: of Amsterdam. code_pattern: what the chat masks.
    """
    row = _Row(number, cells, today)
    read = row.company(code_pattern)
    return read, row.problems


@lru_cache(maxsize=100_000)
def _email(written: str) -> str | None:
    try:
        return validate_email(written, check_deliverability=False, strict=True).normalized.lower()
    except EmailNotValidError:
        return None


def _day(written: str) -> date | None:
    """2026-05-04 or 04-05-2026 as a day; None for anything else, and for a day that no calendar has."""
    parts = re.fullmatch(r"(?P<y>[0-9]{4})-(?P<m>[0-9]{1,2})-(?P<d>[0-9]{1,2})", written) or re.fullmatch(
        r"(?P<d>[0-9]{1,2})-(?P<m>[0-9]{1,2})-(?P<y>[0-9]{4})", written
    )
    if not parts:
        return None
    try:
        day = date(int(parts["y"]), int(parts["m"]), int(parts["d"]))
    except ValueError:
        return None
    return day if FIRST_YEAR <= day.year <= LAST_YEAR else None


class _Row:
    """Reads the cells of one row, and notes what is wrong."""

    def __init__(self, number: int, cells: Mapping[str, str], today: date) -> None:
        self._number = number
        self._raw = cells
        self._today = today
        self.problems: list[Problem] = []
        self._cells = {column: self._text(column) for column in COLUMNS}

    def _wrong(self, column: str, reason: str) -> None:
        self.problems.append(Problem(self._number, column, self._raw[column], reason))

    def _text(self, column: str) -> str:
        raw = self._raw[column]
        text = tidy(raw)
        if len(raw) > LONGEST_CELL:
            self._wrong(column, f"longer than {LONGEST_CELL:,} signs")
        elif any(unicodedata.category(sign) in ("Cc", "Cs", "Zl", "Zp") for sign in text):
            self._wrong(column, "holds a line break or another control character")
        elif text.startswith("="):
            self._wrong(column, "a formula: formulas are not evaluated, so put its outcome here")
        elif text in _SPREADSHEET_ERRORS:
            self._wrong(column, "a formula that went wrong in the spreadsheet")
        else:
            return text
        return ""

    def _spoiled(self, column: str) -> bool:
        """Whether a cell was emptied because of what it holds, so that it need not be called missing too."""
        return bool(tidy(self._raw[column])) and not self._cells[column]

    def company(self, code_pattern: str) -> CompanyRow | None:
        """Reads the whole row."""
        kvk_number = self._kvk_number("kvk_number")
        head = self._kvk_number("head_kvk_number") or None
        if head and head == kvk_number:
            self._wrong("head_kvk_number", "is the company itself; leave it empty for the head of a group")
            head = None
        invited, activated = self._past("invited_on"), self._past("activated_on")
        if invited and activated and activated < invited:
            self._wrong("activated_on", "before invited_on")
        read = CompanyRow(
            row=self._number,
            kvk_number=kvk_number,
            name=self._sentence("name", LONGEST_NAME, needed=True),
            legal_form=self._one_of("legal_form", LEGAL_FORMS, ""),
            listed=self._yes_or_no("listed"),
            sector=self._sentence("sector", LONGEST_SECTOR) or None,
            size_class=self._one_of("size_class", SIZE_CLASSES, "unknown"),
            head=head,
            invited_on=invited,
            activated_on=activated,
            code=self._code(code_pattern),
            contacts=self._contacts(),
            intake=self._intake(has_head=bool(head) or self._spoiled("head_kvk_number")),
            reports=self._reports(),
            charter=self._charter(),
        )
        return read if kvk_number else None

    def _kvk_number(self, column: str) -> str:
        text = self._cells[column]
        if re.fullmatch("[0-9]{8}", text):
            return text
        if column == "head_kvk_number" and not text:
            return ""
        if re.fullmatch("[0-9]{7}", text):
            self._wrong(column, "seven digits: did the spreadsheet drop a 0? Make the column text, and put it back")
        elif not self._spoiled(column):
            self._wrong(column, "not eight digits" if text else "missing")
        return ""

    def _sentence(self, column: str, longest: int, *, needed: bool = False) -> str:
        text = self._cells[column]
        if len(text) > longest:
            self._wrong(column, f"longer than {longest} signs")
        elif needed and not text and not self._spoiled(column):
            self._wrong(column, "missing")
        return text

    def _one_of(self, column: str, values: Sequence[str], usual: str) -> str:
        text = self._cells[column].lower()
        if text in values:
            return text
        if text or not (usual or self._spoiled(column)):
            self._wrong(column, f"not one of: {', '.join(values)}")
        return usual

    def _yes_or_no(self, column: str) -> bool:
        text = self._cells[column].lower()
        if text not in _YES_NO and not self._spoiled(column):
            self._wrong(column, "not yes or no")
        return _YES_NO.get(text, False)

    def _past(self, column: str) -> date | None:
        return self._past_day(column, self._cells[column])

    def _past_day(self, column: str, text: str) -> date | None:
        """A day that is not ahead."""
        if not text:
            return None
        day = _day(text)
        if day is None:
            self._wrong(column, "not a day such as 2026-05-04")
        elif day > self._today:
            self._wrong(column, "lies ahead: only what has been done is noted here")
        return day

    def _code(self, pattern: str) -> str | None:
        text = self._cells["activation_code"]
        if not text:
            return None
        code = normal_code(text)
        if not SHORTEST_CODE <= len(code) <= LONGEST_CODE or not code.isalnum():
            self._wrong("activation_code", f"not {SHORTEST_CODE} to {LONGEST_CODE} letters and digits")
        elif not re.fullmatch(pattern, text, flags=re.IGNORECASE):
            self._wrong("activation_code", "not like ACTIVATION_CODE_PATTERN, so that the chat would not mask it")
        return code

    def _contacts(self) -> tuple[ContactRow, ...]:
        contacts = []
        for role, prefix in CONTACT_COLUMNS.items():
            name, written = self._sentence(f"{prefix}_name", LONGEST_NAME), self._cells[f"{prefix}_email"]
            account = self._one_of(f"{prefix}_account", ACCOUNTS, "none")
            email = _email(written) if written else None
            if written and email is None:
                self._wrong(f"{prefix}_email", "not an e-mail address")
            elif name and not written and not self._spoiled(f"{prefix}_email"):
                self._wrong(f"{prefix}_email", "missing: the contact has a name")
            elif written and not name and not self._spoiled(f"{prefix}_name"):
                self._wrong(f"{prefix}_name", "missing: the contact has an e-mail address")
            elif self._cells[f"{prefix}_account"] and not (name or written):
                self._wrong(f"{prefix}_account", "there is no contact to have an account")
            if email:
                contacts.append(ContactRow(role, name, email, account))
        if len(contacts) == len(CONTACT_COLUMNS) and contacts[0].email == contacts[1].email:
            self._wrong("contact_2_email", "the same as contact_1_email: each contact has an address of their own")
            del contacts[1]
        return tuple(contacts)

    def _intake(self, *, has_head: bool) -> IntakeRecord | None:
        confirmed = self._past("intake_confirmed_on")
        who = self._one_of("who_reports", WHO_REPORTS, "") if self._cells["who_reports"] else ""
        if who == "head" and not has_head:
            self._wrong("who_reports", "head, but the company has none: see head_kvk_number")
        month, day = self._year_end()
        intake = IntakeRecord(confirmed, month, day, who or None)
        return intake if intake != IntakeRecord(None, None, None, None) else None

    def _year_end(self) -> tuple[int | None, int | None]:
        """The month and the day of 31-03."""
        text = self._cells["year_end"]
        if not text:
            return None, None
        if parts := re.fullmatch(r"([0-9]{1,2})-([0-9]{1,2})", text):
            day, month = int(parts[1]), int(parts[2])
            try:
                date(LEAP_YEAR, month, day)
            except ValueError:
                self._wrong("year_end", "no calendar has this day: write the day first, such as 31-03")
                return None, None
            return month, day
        made_a_date = ": the spreadsheet made a date of it, so make the column text" if _day(text) else ""
        self._wrong("year_end", f"not a day and a month such as 31-03{made_a_date}")
        return None, None

    def _pairs(self, column: str) -> list[tuple[str, str]]:
        """`a=b;c=` as pairs; a part that is no pair is a problem."""
        pairs = []
        for part in self._cells[column].split(";"):
            name, sign, value = part.partition("=")
            if sign:
                pairs.append((name.strip(), value.strip()))
            elif part.strip():
                self._wrong(column, f"not written as {EXAMPLE[column]}")
                return []
        return pairs

    def _reports(self) -> tuple[ReportRecord, ...]:
        reports: dict[date, ReportRecord] = {}
        for name, value in self._pairs("reports"):
            year_end = _day(name)
            if year_end is None:
                self._wrong("reports", "a financial year's end is not a day such as 2025-12-31")
                continue
            submitted = self._past_day("reports", value)
            if year_end in reports:
                self._wrong("reports", "holds the same financial year twice")
            elif submitted and submitted <= year_end:
                self._wrong("reports", "holds a report that was submitted before its financial year ended")
            reports[year_end] = ReportRecord(year_end, add_months(year_end, REPORT_MONTHS), submitted)
        return tuple(reports[year_end] for year_end in sorted(reports))

    def _charter(self) -> CharterRecord | None:
        signed, plan = self._past("charter_signed_on"), self._past("charter_plan_handed_in_on")
        if plan and (signed is None or plan < signed):
            self._wrong(
                "charter_plan_handed_in_on", "before charter_signed_on" if signed else "without a day of signing"
            )
        surveys = self._surveys()
        if surveys and signed is None:
            self._wrong("charter_surveys", "without charter_signed_on: the survey is for those who signed")
        charter = CharterRecord(
            orientation_on=self._past("charter_orientation_on"),
            text_agreed_on=self._past("charter_text_agreed_on"),
            signed_on=signed,
            plan_due_on=add_months(signed, PLAN_MONTHS) if signed else None,
            plan_handed_in_on=plan,
            surveys=surveys,
        )
        return charter if charter != CharterRecord(None, None, None, None, None, ()) else None

    def _surveys(self) -> tuple[SurveyRecord, ...]:
        surveys: dict[int, SurveyRecord] = {}
        for name, value in self._pairs("charter_surveys"):
            if not re.fullmatch("[0-9]{4}", name) or not FIRST_YEAR <= int(name) <= LAST_YEAR:
                self._wrong("charter_surveys", "a year is not four digits such as 2025")
                continue
            if int(name) in surveys:
                self._wrong("charter_surveys", "holds the same year twice")
            surveys[int(name)] = SurveyRecord(int(name), None, self._past_day("charter_surveys", value))
        return tuple(surveys[year] for year in sorted(surveys))
