"""Demo companies, all of them fictional, that together show every state. They go through the same loading as a file.

Eight stand on test numbers that KVK documents; the numbers from 90009001 on are made up.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Iterator
from datetime import date, timedelta

from sqlalchemy import Engine, exists, select
from sqlalchemy.orm import Session

from bot.guides.dates import REPORT_MONTHS, add_months
from bot.registry.codes import code_hmac
from bot.registry.columns import COLUMNS
from bot.registry.files import Record
from bot.registry.models import Company

TO_TRY = "68750110"
"""The company whose activation code `make run` prints."""
_CHANCES = 1000


class NoCodeFits(Exception):
    """The pattern of activation codes allows none that looks like ABCD-12EF-34GH."""


def activation_code(kvk_number: str, key: bytes, code_pattern: str) -> str:
    """The activation code of a demo company: the same each time, another one at each installation.

    key: the server key, from which it is made, so that it need not be kept. Raises NoCodeFits.
    """
    for chance in range(_CHANCES):
        made = hmac.new(key, f"demo company {kvk_number}, {chance}".encode(), hashlib.sha256).digest()
        signs = base64.b32encode(made).decode()[:12]
        code = f"{signs[:4]}-{signs[4:8]}-{signs[8:]}"
        if re.fullmatch(code_pattern, code) and re.search("[0-9]", code) and re.search("[A-Z]", code):
            return code
    raise NoCodeFits("ACTIVATION_CODE_PATTERN allows no code such as ABCD-12EF-34GH: demo companies need one.")


def others_are_kept(engine: Engine) -> bool:
    """Whether the registry holds companies that are not demo companies."""
    numbers = {cells["kvk_number"] for cells in _companies(date(2026, 1, 1))}
    with Session(engine.execution_options(writes=False)) as session:
        return bool(session.scalar(select(exists().where(Company.kvk_number.not_in(numbers)))))


def can_be_tried(engine: Engine, key: bytes, code_pattern: str) -> bool:
    """Whether the company `TO_TRY` is kept with the code that `activation_code` gives for it."""
    hmac_of_code = code_hmac(activation_code(TO_TRY, key, code_pattern), key)
    with Session(engine.execution_options(writes=False)) as session:
        query = select(Company.code_hmac).where(Company.kvk_number == TO_TRY)
        return session.scalar(query) == hmac_of_code


def records(today: date, key: bytes, code_pattern: str) -> Iterator[Record]:
    """The demo companies as rows of a file, with dates around `today`."""
    for number, cells in enumerate(_companies(today), 2):
        row = dict.fromkeys(COLUMNS, "") | {"legal_form": "bv", "listed": "no", "size_class": "large"} | cells
        if cells.get("invited_on"):
            row["activation_code"] = activation_code(cells["kvk_number"], key, code_pattern)
        yield number, row


class _Days:
    """Days around today, as cells."""

    def __init__(self, today: date) -> None:
        self._today = today

    def ago(self, months: int) -> str:
        """A day so many months back."""
        return add_months(self._today, -months).isoformat()

    def reports(self, month: int = 12, *, submitted: bool) -> str:
        """Reports over two financial years that end with this month: the last one that is past its date, and the next.

        submitted: whether the first one was; the second one is open.
        """
        past, following = self._year_ends(month)
        handed_in = add_months(past, 5).isoformat() if submitted else ""
        return f"{past}={handed_in};{following}="

    def _year_ends(self, month: int) -> tuple[date, date]:
        """The last day of the month in two years: the report of the first was due before today."""
        year = self._today.year
        ends = [_end_of_month(year + years, month) for years in (-2, -1, 0, 1)]
        place = max(place for place, end in enumerate(ends) if add_months(end, REPORT_MONTHS) < self._today)
        return ends[place], ends[place + 1]

    def survey_years(self, *, filled_in: bool) -> str:
        """The surveys of last year and of this one."""
        year = self._today.year
        now = self._today.isoformat() if filled_in else ""
        return f"{year - 1}={year - 1}-11-20;{year}={now}"


def _end_of_month(year: int, month: int) -> date:
    return date(year + month // 12, month % 12 + 1, 1) - timedelta(days=1)


def _person(number: int, name: str, account: str) -> dict[str, str]:
    first, _, last = name.partition(" ")
    email = f"{first}.{last.replace(' ', '-')}@example.{'nl' if number == 1 else 'com'}".lower()
    return {f"contact_{number}_name": name, f"contact_{number}_email": email, f"contact_{number}_account": account}


def _people(name: str, account: str, other: str, other_account: str) -> dict[str, str]:
    return _person(1, name, account) | _person(2, other, other_account)


def _companies(today: date) -> Iterator[dict[str, str]]:
    """The cells that are not as usual, of each company."""
    days = _Days(today)
    invited = {"invited_on": days.ago(20)}
    activated = invited | {"activated_on": days.ago(19)}
    intake = {"intake_confirmed_on": days.ago(18), "year_end": "31-12", "who_reports": "company"}
    in_step = activated | intake | {"reports": days.reports(submitted=True)}

    # Report in, the next one open; Charter signed, plan due.
    yield in_step | _people("Vera Voorbeeld", "active", "Bram Voorbeeld", "active") | {
        "kvk_number": TO_TRY, "name": "Voorbeeld Bloemen BV", "sector": "Sierteelt",
        "charter_orientation_on": days.ago(5), "charter_text_agreed_on": days.ago(3), "charter_signed_on": days.ago(2),
    }  # fmt: skip
    # Invited, and nothing more.
    yield {"kvk_number": "90001354", "name": "Voorbeeld Techniek BV", "sector": "Techniek", "invited_on": days.ago(1)}
    # No invitation, so no code.
    yield {"kvk_number": "90002903", "name": "Voorbeeld Zonder Brief BV", "sector": "Groothandel"}
    # Activated; the contacts have no account yet.
    yield activated | _people("Noor Voorbeeld", "none", "Sam Voorbeeld", "invited") | {
        "kvk_number": "90004760", "name": "Voorbeeld Haven NV", "legal_form": "nv", "sector": "Logistiek",
    }  # fmt: skip
    # Contacts active, intake open.
    yield activated | _people("Fatima Voorbeeld", "active", "Jan Voorbeeld", "active") | {
        "kvk_number": "90004973", "name": "Voorbeeld Intake BV", "sector": "Zakelijke diensten", "year_end": "31-12",
    }  # fmt: skip
    # Listed; report overdue; everything of the Charter done.
    yield in_step | _people("Lars Voorbeeld", "active", "Mei Voorbeeld", "active") | {
        "kvk_number": "68727720", "name": "Voorbeeld Beurs NV", "legal_form": "nv", "listed": "yes",
        "sector": "Financiële diensten", "reports": days.reports(submitted=False),
        "charter_orientation_on": days.ago(22), "charter_text_agreed_on": days.ago(20),
        "charter_signed_on": days.ago(18), "charter_plan_handed_in_on": days.ago(13),
        "charter_surveys": days.survey_years(filled_in=True),
    }  # fmt: skip
    # Not for the portal: on the way to the Charter alone. Talked about it; agreed the text.
    yield _person(1, "Ines Voorbeeld", "none") | {
        "kvk_number": "69599068", "name": "Stichting Voorbeeld Zorg", "legal_form": "other", "sector": "Zorg",
        "size_class": "unknown", "charter_orientation_on": days.ago(1),
    }  # fmt: skip
    yield _person(1, "Daan Voorbeeld", "none") | {
        "kvk_number": "55344526", "name": "Coöperatie Voorbeeld Zuivel", "legal_form": "other", "sector": "Zuivel",
        "size_class": "not-large", "charter_orientation_on": days.ago(4), "charter_text_agreed_on": days.ago(1),
    }  # fmt: skip
    # A financial year of its own; the plan for the Charter overdue.
    yield in_step | _people("Aisha Voorbeeld", "active", "Tom Voorbeeld", "invited") | {
        "kvk_number": "90009001", "name": "Voorbeeld Gebroken Boekjaar BV", "sector": "Onderwijsdiensten",
        "year_end": "31-03", "reports": days.reports(3, submitted=True),
        "charter_orientation_on": days.ago(11), "charter_text_agreed_on": days.ago(9), "charter_signed_on": days.ago(8),
    }  # fmt: skip
    yield from _group(days, in_step, invited)


def _group(days: _Days, in_step: dict[str, str], invited: dict[str, str]) -> Iterator[dict[str, str]]:
    """A head and three members, three of the four with the same two contacts."""
    people = _people("Robin Voorbeeld", "active", "Kim Voorbeeld", "active")
    member = {"head_kvk_number": "90009002"}
    # The head: plan for the Charter in, this year's survey to be filled in.
    yield in_step | people | {
        "kvk_number": "90009002", "name": "Voorbeeld Holding BV", "sector": "Holding",
        "charter_orientation_on": days.ago(24), "charter_text_agreed_on": days.ago(22),
        "charter_signed_on": days.ago(20), "charter_plan_handed_in_on": days.ago(15),
        "charter_surveys": days.survey_years(filled_in=False),
    }  # fmt: skip
    # The head reports for this one.
    yield in_step | people | member | {
        "kvk_number": "90009003", "name": "Voorbeeld Advies BV", "sector": "Advies", "who_reports": "head",
        "reports": "",
    }  # fmt: skip
    # This one reports itself.
    yield in_step | people | member | {
        "kvk_number": "90009004", "name": "Voorbeeld Vervoer BV", "sector": "Vervoer",
    }  # fmt: skip
    # And this one has not registered.
    yield invited | member | {"kvk_number": "90009005", "name": "Voorbeeld Bouw BV", "sector": "Bouw"}
