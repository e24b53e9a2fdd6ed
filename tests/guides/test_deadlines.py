"""Deadlines are counted by the number of the day, never too late, and the next one of those that come back counts."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.answers.knowledge import load
from bot.guides.deadlines import Deadline, deadlines, due
from bot.guides.guiding import open_guiding
from bot.settings import settings as config

TODAY = date(2026, 11, 21)
RULES = open_guiding(config().knowledge_dir, load(config().knowledge_dir)).guides.rules
REPORT, PLAN, SURVEY = RULES["report"], RULES["plan-of-action"], RULES["survey"]


def report(day: date, today: date) -> list[date]:
    return due(REPORT, day, today)


@pytest.mark.parametrize(
    ("ends", "today", "expected"),
    [
        (date(2026, 3, 31), TODAY, [date(2027, 1, 31)]),
        (date(2025, 3, 31), TODAY, [date(2026, 1, 31), date(2027, 1, 31)]),
        (date(2026, 9, 30), TODAY, [date(2027, 7, 30)]),
        (date(2025, 9, 30), TODAY, [date(2026, 7, 30), date(2027, 7, 30)]),
        (date(2026, 12, 31), TODAY, [date(2027, 10, 31)]),
        (date(2025, 12, 31), TODAY, [date(2026, 10, 31), date(2027, 10, 31)]),
        (date(2020, 12, 31), TODAY, [date(2021, 10, 31), date(2027, 10, 31)]),
        (date(2026, 6, 30), TODAY, [date(2027, 4, 30)]),
        (date(2026, 4, 30), TODAY, [date(2027, 2, 28)]),
        (date(2027, 4, 30), TODAY, [date(2028, 2, 29)]),
        (date(2026, 8, 31), TODAY, [date(2027, 6, 30)]),
        (date(2026, 2, 28), TODAY, [date(2026, 12, 28)]),
        (date(2028, 2, 29), TODAY, [date(2028, 12, 29)]),
        (date(2024, 2, 29), date(2024, 12, 29), [date(2024, 12, 29)]),
    ],
)
def test_the_report_is_due_ten_months_after_the_year(ends: date, today: date, expected: list[date]) -> None:
    assert report(ends, today) == expected


def test_the_last_day_is_not_past() -> None:
    assert report(date(2025, 12, 31), date(2026, 10, 31)) == [date(2026, 10, 31)]
    assert report(date(2025, 12, 31), date(2026, 11, 1)) == [date(2026, 10, 31), date(2027, 10, 31)]


@pytest.mark.parametrize(
    ("today", "expected"),
    [
        (date(2024, 12, 30), date(2025, 12, 28)),
        (date(2025, 12, 28), date(2025, 12, 28)),
        (date(2025, 12, 29), date(2026, 12, 28)),
        (TODAY, date(2026, 12, 28)),
        (date(2027, 12, 29), date(2028, 12, 29)),
    ],
)
def test_a_year_that_ended_on_29_february_ends_on_the_last_of_february_in_other_years(
    today: date, expected: date
) -> None:
    """As docs/guides.md says: the next one ends on 28 February, and its report is due on 28 December."""
    assert report(date(2024, 2, 29), today) == [date(2024, 12, 29), expected]


@pytest.mark.parametrize(
    ("signed", "expected"),
    [
        (date(2026, 3, 3), date(2026, 9, 3)),
        (date(2026, 8, 31), date(2027, 2, 28)),
        (date(2027, 8, 31), date(2028, 2, 29)),
        (date(2026, 9, 30), date(2027, 3, 30)),
        (date(2026, 12, 31), date(2027, 6, 30)),
        (date(2024, 2, 29), date(2024, 8, 29)),
        (date(2015, 7, 2), date(2016, 1, 2)),
    ],
)
def test_the_plan_is_due_once_six_months_after_signing(signed: date, expected: date) -> None:
    assert due(PLAN, signed, TODAY) == [expected]


@pytest.mark.parametrize(
    ("handed_in", "today", "expected"),
    [
        (date(2026, 9, 3), TODAY, [date(2027, 9, 3)]),
        (date(2025, 11, 21), TODAY, [date(2026, 11, 21)]),
        (date(2025, 11, 20), TODAY, [date(2026, 11, 20), date(2027, 11, 20)]),
        (date(2016, 1, 2), TODAY, [date(2017, 1, 2), date(2027, 1, 2)]),
        (date(2024, 2, 29), TODAY, [date(2025, 2, 28), date(2027, 2, 28)]),
        (date(2024, 2, 29), date(2027, 3, 1), [date(2025, 2, 28), date(2028, 2, 28)]),
    ],
)
def test_the_survey_comes_every_year(handed_in: date, today: date, expected: list[date]) -> None:
    assert due(SURVEY, handed_in, today) == expected


def test_todays_rules_say_what_the_sources_say() -> None:
    """Ten months: `aanmelden`. Six months, and every year: `charter`."""
    assert (REPORT.after, REPORT.months, REPORT.every_year) == ("financial-year-end", 10, True)
    assert (PLAN.after, PLAN.months, PLAN.every_year) == ("signed-on", 6, False)
    assert (SURVEY.after, SURVEY.months, SURVEY.every_year) == ("plan-handed-in-on", 12, True)


# -- of a visitor's answers


def of(answers: dict[str, str], today: date = TODAY) -> list[Deadline]:
    return deadlines(RULES.values(), answers, today)


def test_only_dates_that_were_given_count() -> None:
    assert of({}) == []
    assert of({"where": "signed", "signed-on": "skipped", "financial-year-end": "soon"}) == []
    assert [found.rule for found in of({"signed-on": "2026-08-01"})] == ["plan-of-action"]


def test_the_earliest_comes_first_and_what_is_past_says_so() -> None:
    found = of({"signed-on": "2026-03-03", "plan-handed-in-on": "2026-09-01", "financial-year-end": "2025-09-30"})
    assert [(deadline.rule, deadline.due, deadline.past) for deadline in found] == [
        ("report", date(2026, 7, 30), True),
        ("plan-of-action", date(2026, 9, 3), True),
        ("report", date(2027, 7, 30), False),
        ("survey", date(2027, 9, 1), False),
    ]
    assert not of({"signed-on": "2026-05-21"})[0].past


def test_a_deadline_says_what_its_rule_says() -> None:
    (found,) = of({"signed-on": "2026-08-01"})
    assert (found.title, found.remind_days_before) == (PLAN.title, PLAN.remind_days_before)
    assert (found.document, found.where) == (PLAN.source.document, PLAN.source.where)


# -- far away


@pytest.mark.parametrize("rule", RULES.values(), ids=lambda rule: rule.id)
@pytest.mark.parametrize("day", [date(9999, 12, 31), date(9999, 7, 1)])
def test_beyond_the_last_year_there_is_an_overflow(rule: object, day: date) -> None:
    with pytest.raises(OverflowError, match="too far ahead"):
        due(rule, day, TODAY)  # type: ignore[arg-type]
    with pytest.raises(OverflowError):
        deadlines([rule], {rule.after: day.isoformat()}, TODAY)  # type: ignore[attr-defined, list-item]


def test_what_comes_back_beyond_the_last_year_overflows_too() -> None:
    with pytest.raises(OverflowError):
        due(SURVEY, date(9998, 1, 1), date(9999, 6, 1))


@given(st.dates(), st.dates(), st.integers(1, 120), st.booleans())
@settings(deadline=None, max_examples=400)
def test_any_day_at_all(day: date, today: date, months: int, every_year: bool) -> None:
    """It ends, and gives the first time, and behind a past one the next of those that come back."""
    rule = replace(REPORT, months=months, every_year=every_year)
    try:
        found = due(rule, day, today)
    except OverflowError:
        assert max(day, today).year + months // 12 >= 9998
        return
    assert found[0] > day
    assert found == sorted(found)
    assert len(found) == (2 if every_year and found[0] < today else 1)
    if every_year:
        assert found[-1] >= today
    if len(found) == 2:
        assert found[1] - today <= timedelta(366)


@given(st.dates(date(2000, 1, 1), date(2100, 1, 1)), st.integers(1, 120))
@settings(deadline=None)
def test_months_are_never_counted_too_far(day: date, months: int) -> None:
    """Not later than the same day so many months on, nor than the end of that month."""
    (found,) = due(replace(PLAN, months=months), day, TODAY)
    assert (found.year * 12 + found.month) - (day.year * 12 + day.month) == months
    assert found.day <= day.day
    assert found.day == day.day or (found + timedelta(1)).day == 1
