"""The demo companies show every state on every day of the year, and one of them can be tried."""

from __future__ import annotations

import re
from datetime import date, timedelta

import pytest

from bot.registry import demo
from bot.registry.codes import code_hmac
from bot.registry.companies import CompanyRecord
from bot.registry.loading import Loaded
from bot.registry.rows import check_row
from tests.registry.conftest import KEY, PATTERN, TODAY, Registry, row


def load(registry: Registry, today: date = TODAY) -> Loaded:
    return registry.load(*(cells for _, cells in demo.records(today, KEY, PATTERN)), today=today)


@pytest.mark.parametrize("start", [date(2026, 1, 1), date(2028, 1, 1)])
def test_every_day_of_the_year_they_can_be_loaded(start: date) -> None:
    for days in range(366):
        today = start + timedelta(days)
        for number, cells in demo.records(today, KEY, PATTERN):
            assert check_row(number, cells, today, PATTERN)[1] == [], (today, cells["name"])


def states(company: CompanyRecord, today: date) -> set[str]:
    """The states that a company shows."""
    accounts = {contact.account for contact in company.contacts}
    found = {f"accounts {accounts and max(accounts)}", f"form {company.legal_form}", f"size {company.size_class}"}
    if company.activated_at is None:
        found.add("invited" if company.invited_on else "no letter")
    elif "active" not in accounts:
        found.add("activated without accounts")
    else:
        found.add("intake done" if company.intake and company.intake.confirmed_on else "intake open")
    for report in company.reports:
        found.add("submitted" if report.submitted_on else "overdue" if report.due_on < today else "open")
    if company.listed:
        found.add("listed")
    if company.intake and company.intake.year_end_month not in (None, 12):
        found.add("broken year")
    if company.head:
        found.add(
            f"member, {company.intake and company.intake.who_reports} reports, {company.activated_at is not None}"
        )
    if company.members:
        found.add(f"head of {len(company.members)}")
    if charter := company.charter:
        found.add(charter_state(charter, today))
    return found


def charter_state(charter: object, today: date) -> str:
    if charter.signed_on is None:
        return "text agreed" if charter.text_agreed_on else "oriented"
    if charter.plan_handed_in_on is None:
        return "plan overdue" if charter.plan_due_on < today else "plan due"
    return "survey due" if any(survey.filled_in_on is None for survey in charter.surveys) else "all done"


@pytest.mark.parametrize("today", [TODAY, date(2026, 5, 1), date(2028, 2, 29)])
def test_together_they_show_every_state(registry: Registry, today: date) -> None:
    assert load(registry, today) == Loaded(created=13, updated=0, unchanged=0)
    companies = [registry.company(cells["kvk_number"]) for _, cells in demo.records(today, KEY, PATTERN)]
    shown = set().union(*(states(company, today) for company in companies))
    assert shown >= {
        "invited", "no letter", "activated without accounts", "intake open", "intake done", "open", "submitted",
        "overdue", "listed", "broken year", "form nv", "form bv", "form other", "head of 3",
        "member, None reports, False", "member, company reports, True", "member, head reports, True",
        "oriented", "text agreed", "plan due", "plan overdue", "survey due", "all done",
    }  # fmt: skip
    [contact, _] = registry.company("90009002").contacts
    assert len(registry.store.of_contact(contact.id)) == 3


def test_loading_again_and_the_day_after(registry: Registry) -> None:
    load(registry)
    assert load(registry) == Loaded(created=0, updated=0, unchanged=13)
    assert load(registry, TODAY + timedelta(1)).created == 0


def test_the_code_to_try(registry: Registry) -> None:
    code = demo.activation_code(demo.TO_TRY, KEY, PATTERN)
    assert re.fullmatch(r"[A-Z2-7]{4}-[A-Z2-7]{4}-[A-Z2-7]{4}", code) and re.fullmatch(PATTERN, code)
    assert demo.activation_code(demo.TO_TRY, KEY, PATTERN) == code
    assert demo.activation_code(demo.TO_TRY, b"another", PATTERN) != code
    assert not demo.can_be_tried(registry.engine, KEY, PATTERN)
    load(registry)
    assert demo.can_be_tried(registry.engine, KEY, PATTERN)
    assert registry.rows(f"SELECT kvk_number FROM companies WHERE code_hmac = '{code_hmac(code, KEY)}'") == [
        (demo.TO_TRY,)
    ]
    with pytest.raises(demo.NoCodeFits):
        demo.activation_code(demo.TO_TRY, KEY, r"[0-9]{6}")


def test_real_companies_are_noticed(registry: Registry) -> None:
    load(registry)
    assert not demo.others_are_kept(registry.engine)
    registry.load(row("12345678"))
    assert demo.others_are_kept(registry.engine)


def test_all_are_fictional_and_have_fictional_addresses() -> None:
    for _, cells in demo.records(TODAY, KEY, PATTERN):
        assert "Voorbeeld" in cells["name"]
        for number in (1, 2):
            assert re.fullmatch(r"(|[a-z-]+\.voorbeeld@example\.(nl|com))", cells[f"contact_{number}_email"])
