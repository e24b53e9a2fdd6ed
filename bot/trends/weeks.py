"""The periods that are counted: weeks, months of whole weeks, and half-years of whole months, each inside the next.

A week belongs to the month and the year of its Thursday, as ISO 8601 gives a week its year. So no question is in two
periods of the same length, and two views never overlap by a part. Written 2026-W47, 2026-M11, 2026-H2.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, timedelta
from functools import lru_cache

WEEK, MONTH, HALF_YEAR = "week", "month", "half-year"
KINDS = (WEEK, MONTH, HALF_YEAR)

DAYS_TO_CATCH_UP = {WEEK: 1, MONTH: 7, HALF_YEAR: 14}
"""How long after its end a period is frozen: the log needs a day, partners bring what they heard a little later."""

_PERIOD = re.compile(r"(\d{4})-(?:(W)(\d{2})|(M)(\d{2})|(H)([12]))")


class NoPeriod(ValueError):
    """Not a week, month or half-year such as 2026-W47, 2026-M11 or 2026-H2."""


def kind(period: str) -> str:
    """week, month or half-year. Raises NoPeriod."""
    found = _PERIOD.fullmatch(period)
    if found:
        try:
            _first_thursday(period)
        except ValueError:
            raise NoPeriod(period) from None
        return WEEK if found[2] else MONTH if found[4] else HALF_YEAR
    raise NoPeriod(period)


def week_of(day: date) -> str:
    """The week of a day in Amsterdam."""
    year, week, _ = day.isocalendar()
    return f"{year}-W{week:02d}"


@lru_cache(maxsize=4096)
def month_of(week: str) -> str:
    """The month that a week belongs to."""
    thursday = _first_thursday(week)
    return f"{thursday.year}-M{thursday.month:02d}"


@lru_cache(maxsize=4096)
def half_year_of(period: str) -> str:
    """The half-year that a week or a month belongs to."""
    thursday = _first_thursday(period)
    return f"{thursday.year}-H{1 if thursday.month <= 6 else 2}"


def chain(period: str) -> tuple[str, ...]:
    """A period and those it lies in, the shortest first."""
    if kind(period) == WEEK:
        return period, month_of(period), half_year_of(period)
    return (period, half_year_of(period)) if kind(period) == MONTH else (period,)


@lru_cache(maxsize=512)
def weeks_of(period: str) -> tuple[str, ...]:
    """The weeks of a period, the first one first."""
    found = []
    thursday = _first_thursday(period)
    while period in chain(week_of(thursday)):
        found.append(week_of(thursday))
        thursday += timedelta(weeks=1)
    return tuple(found)


def first_day(period: str) -> date:
    """Its first Monday."""
    return _first_thursday(period) - timedelta(days=3)


def last_day(period: str) -> date:
    """Its last Sunday."""
    return date.fromisocalendar(*_numbers(weeks_of(period)[-1]), 7)


def before(period: str) -> str:
    """The period of the same length before it."""
    place = KINDS.index(kind(period))
    return chain(week_of(first_day(period) - timedelta(days=1)))[place]


def is_over(period: str, today: date) -> bool:
    """Whether a period can be frozen: it has ended, and what came late had its time."""
    return today > last_day(period) + timedelta(days=DAYS_TO_CATCH_UP[kind(period)])


def order(period: str) -> tuple[date, int]:
    """In which order periods are frozen: by their end, and of those that end together the shortest first."""
    return last_day(period), KINDS.index(kind(period))


def periods_from(first_week: str, today: date) -> Iterator[str]:
    """All periods from a week's on that can be frozen today, in order; longer ones that began earlier too."""
    found: set[str] = set()
    monday = first_day(first_week)
    while monday <= today:
        found.update(chain(week_of(monday)))
        monday += timedelta(weeks=1)
    yield from sorted((period for period in found if is_over(period, today)), key=order)


def _numbers(week: str) -> tuple[int, int]:
    return int(week[:4]), int(week[6:])


def _first_thursday(period: str) -> date:
    """The Thursday of a week, or the first one of a month or half-year."""
    year, letter, number = int(period[:4]), period[5], int(period[6:])
    if letter == "W":
        return date.fromisocalendar(year, number, 4)
    first = date(year, number if letter == "M" else 6 * number - 5, 1)
    return first + timedelta(days=(3 - first.weekday()) % 7)
