"""What a cell may hold, and what is said of one that holds something else."""

from __future__ import annotations

import pytest

from bot.registry.rows import check_row
from tests.registry.conftest import PATTERN, TODAY, row

NOT_A_DAY = "not a day such as 2026-05-04"
AHEAD = "lies ahead: only what has been done is noted here"
CONTACT = {"contact_1_name": "Vera", "contact_1_email": "vera@example.nl"}


def problems(**cells: str) -> list[tuple[str, str]]:
    _, found = check_row(2, row("90001354") | cells, TODAY, PATTERN)
    return [(problem.column, problem.reason) for problem in found]


WRONG = [
    ({"kvk_number": ""}, "kvk_number", "missing"),
    ({"kvk_number": "9000135"}, "kvk_number",
     "seven digits: did the spreadsheet drop a 0? Make the column text, and put it back"),
    ({"kvk_number": "٩٠٠٠١٣٥٤"}, "kvk_number", "not eight digits"),
    ({"kvk_number": "9000 1354"}, "kvk_number", "not eight digits"),
    ({"name": ""}, "name", "missing"),
    ({"name": "\u200b "}, "name", "missing"),
    ({"name": "n" * 201}, "name", "longer than 200 signs"),
    ({"name": "een\ntwee"}, "name", "holds a line break or another control character"),
    ({"name": "nul\x00"}, "name", "holds a line break or another control character"),
    ({"name": "=1+1"}, "name", "a formula: formulas are not evaluated, so put its outcome here"),
    ({"sector": "#REF!"}, "sector", "a formula that went wrong in the spreadsheet"),
    ({"sector": "s" * 1001}, "sector", "longer than 1,000 signs"),
    ({"sector": "s" * 121}, "sector", "longer than 120 signs"),
    ({"legal_form": ""}, "legal_form", "not one of: nv, bv, other"),
    ({"legal_form": "stichting"}, "legal_form", "not one of: nv, bv, other"),
    ({"listed": ""}, "listed", "not yes or no"),
    ({"listed": "1"}, "listed", "not yes or no"),
    ({"size_class": "groot"}, "size_class", "not one of: large, not-large, unknown"),
    ({"invited_on": "04/05/2026"}, "invited_on", NOT_A_DAY),
    ({"invited_on": "2026-02-30"}, "invited_on", NOT_A_DAY),
    ({"invited_on": "0026-02-03"}, "invited_on", NOT_A_DAY),
    ({"invited_on": "2026-11-22"}, "invited_on", AHEAD),
    ({"invited_on": "2026-02-02", "activated_on": "2026-02-01"}, "activated_on", "before invited_on"),
    ({"activation_code": "A1"}, "activation_code", "not 6 to 64 letters and digits"),
    ({"activation_code": "AB12_CD34"}, "activation_code", "not 6 to 64 letters and digits"),
    ({"activation_code": "ABCDEF123"}, "activation_code",
     "not like ACTIVATION_CODE_PATTERN, so that the chat would not mask it"),
    ({"contact_1_name": "Vera"}, "contact_1_email", "missing: the contact has a name"),
    ({"contact_2_email": "vera@example.nl"}, "contact_2_name", "missing: the contact has an e-mail address"),
    ({"contact_2_account": "active"}, "contact_2_account", "there is no contact to have an account"),
    (CONTACT | {"contact_1_email": "vera"}, "contact_1_email", "not an e-mail address"),
    (CONTACT | {"contact_1_email": "a@example.nl, b@example.nl"}, "contact_1_email", "not an e-mail address"),
    (CONTACT | {"contact_1_account": "yes"}, "contact_1_account", "not one of: none, invited, active"),
    (CONTACT | {"contact_2_name": "Bram", "contact_2_email": "VERA@Example.nl"}, "contact_2_email",
     "the same as contact_1_email: each contact has an address of their own"),
    ({"year_end": "31 maart"}, "year_end", "not a day and a month such as 31-03"),
    ({"year_end": "2026-03-31"}, "year_end",
     "not a day and a month such as 31-03: the spreadsheet made a date of it, so make the column text"),
    ({"year_end": "12-31"}, "year_end", "no calendar has this day: write the day first, such as 31-03"),
    ({"who_reports": "us"}, "who_reports", "not one of: company, head"),
    ({"who_reports": "head"}, "who_reports", "head, but the company has none: see head_kvk_number"),
    ({"intake_confirmed_on": "2027-01-01"}, "intake_confirmed_on", AHEAD),
    ({"reports": "2025-12-31"}, "reports", "not written as 2024-12-31=2025-05-06;2025-12-31="),
    ({"reports": "2025=2026-01-01"}, "reports", "a financial year's end is not a day such as 2025-12-31"),
    ({"reports": "2025-12-31=gisteren"}, "reports", NOT_A_DAY),
    ({"reports": "2025-12-31=2027-01-01"}, "reports", AHEAD),
    ({"reports": "2025-12-31=;31-12-2025="}, "reports", "holds the same financial year twice"),
    ({"reports": "2025-12-31=2025-12-31"}, "reports",
     "holds a report that was submitted before its financial year ended"),
    ({"charter_plan_handed_in_on": "2026-01-01"}, "charter_plan_handed_in_on", "without a day of signing"),
    ({"charter_signed_on": "2026-02-01", "charter_plan_handed_in_on": "2026-01-01"}, "charter_plan_handed_in_on",
     "before charter_signed_on"),
    ({"charter_surveys": "2025="}, "charter_surveys",
     "without charter_signed_on: the survey is for those who signed"),
    ({"charter_signed_on": "2025-02-01", "charter_surveys": "25="}, "charter_surveys",
     "a year is not four digits such as 2025"),
    ({"charter_signed_on": "2025-02-01", "charter_surveys": "2025=;2025="}, "charter_surveys",
     "holds the same year twice"),
]  # fmt: skip


@pytest.mark.parametrize(("cells", "column", "reason"), WRONG, ids=[f"{c}: {r[:40]}" for _, c, r in WRONG])
def test_what_is_wrong_is_said_once(cells: dict[str, str], column: str, reason: str) -> None:
    assert problems(**cells) == [(column, reason)]


def test_all_that_is_wrong_is_said() -> None:
    found = problems(name="", legal_form="cv", listed="?", year_end="0-0", reports="x")
    assert [column for column, _ in found] == ["name", "legal_form", "listed", "year_end", "reports"]


@pytest.mark.parametrize(
    "cells",
    [
        {"legal_form": "BV", "listed": "Nee", "size_class": "Large"},
        {"name": "  Müller\u00a0& Zn. \ufeff"},
        {"invited_on": "4-5-2026", "activated_on": "2026-05-04"},
        {"year_end": "29-02"},
        {"who_reports": "head", "head_kvk_number": "90004760"},
        {"activation_code": "abcd-12ef-34gh"},
        {"reports": " 2025-12-31 = 2026-05-04 ; 2026-12-31 = ; "},
        {"charter_orientation_on": "2026-11-21"},
    ],
    ids=repr,
)
def test_what_is_right(cells: dict[str, str]) -> None:
    assert problems(**cells) == []


def test_a_name_with_what_nobody_sees() -> None:
    read, _ = check_row(2, row("90001354", name="\ufeffVoor\u00adbeeld e\u0301e\u0301n\u200b "), TODAY, PATTERN)
    assert read is not None
    assert read.name == "Voorbeeld één"
