"""When the portal's desk is open, in Amsterdam, whatever the clock of the machine says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from bot.helpdesk.contact import how_to_reach, opening_now
from bot.helpdesk.hours import AMSTERDAM, portal_hours

ALWAYS, NOT_ON_HOLIDAYS = portal_hours(False), portal_hours(True)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=AMSTERDAM)


@pytest.mark.parametrize(
    ("moment", "is_open"),
    [
        ("2026-11-20T07:59:59", False),
        ("2026-11-20T08:00:00", True),
        ("2026-11-20T17:59:59", True),
        ("2026-11-20T18:00:00", False),
        ("2026-11-21T12:00:00", False),
        ("2026-11-22T12:00:00", False),
    ],
)
def test_monday_to_friday_eight_to_six(moment: str, is_open: bool) -> None:
    assert ALWAYS.open_at(at(moment)) is is_open


def test_summer_and_winter_time() -> None:
    """06:30 UTC is 08:30 in Amsterdam in July, and 07:30 in January."""
    assert ALWAYS.open_at(datetime(2026, 7, 1, 6, 30, tzinfo=UTC))
    assert not ALWAYS.open_at(datetime(2026, 1, 7, 6, 30, tzinfo=UTC))


def test_holidays_are_a_setting() -> None:
    """No source says that the desk closes on King's Day."""
    kings_day = at("2026-04-27T10:00:00")
    assert ALWAYS.open_at(kings_day)
    assert not NOT_ON_HOLIDAYS.open_at(kings_day)


@pytest.mark.parametrize(
    ("moment", "opens"),
    [
        ("2026-11-20T18:00:00", "2026-11-23T08:00:00"),
        ("2026-11-23T06:00:00", "2026-11-23T08:00:00"),
        ("2026-11-22T23:59:00", "2026-11-23T08:00:00"),
        ("2026-11-23T08:00:00", "2026-11-24T08:00:00"),
    ],
)
def test_next_opening(moment: str, opens: str) -> None:
    assert ALWAYS.next_opening(at(moment)) == at(opens)


def test_next_opening_skips_holidays() -> None:
    assert NOT_ON_HOLIDAYS.next_opening(at("2026-12-24T19:00:00")) == at("2026-12-28T08:00:00")


def test_easter_monday() -> None:
    """A public holiday that falls on a Monday: open like any other, or closed until Tuesday."""
    monday, sunday = at("2026-04-06T10:00:00"), at("2026-04-05T10:00:00")
    assert ALWAYS.open_at(monday)
    assert ALWAYS.next_opening(sunday) == at("2026-04-06T08:00:00")
    assert not NOT_ON_HOLIDAYS.open_at(monday)
    for moment in (sunday, monday, at("2026-04-06T23:59:59")):
        assert NOT_ON_HOLIDAYS.next_opening(moment) == at("2026-04-07T08:00:00")
    assert "dinsdag 7 april om 08:00" in opening_now(NOT_ON_HOLIDAYS, monday, "nl")


def test_every_easter_monday_is_known() -> None:
    """Also in years to come: the date is computed, not written down."""
    mondays = ["2027-03-29", "2028-04-17", "2029-04-02", "2030-04-22"]
    assert [NOT_ON_HOLIDAYS.open_at(at(f"{day}T12:00:00")) for day in mondays] == [False] * 4


@pytest.mark.parametrize(
    ("moment", "opens"),
    [
        # The clock goes back at 03:00 on Sunday 25 October 2026, and forward at 02:00 on Sunday 28 March 2027.
        (datetime(2026, 10, 23, 16, 0, tzinfo=UTC), datetime(2026, 10, 26, 7, 0, tzinfo=UTC)),
        (datetime(2026, 10, 25, 0, 30, tzinfo=UTC), datetime(2026, 10, 26, 7, 0, tzinfo=UTC)),
        (datetime(2026, 10, 25, 1, 30, tzinfo=UTC), datetime(2026, 10, 26, 7, 0, tzinfo=UTC)),
        (datetime(2027, 3, 26, 17, 0, tzinfo=UTC), datetime(2027, 3, 29, 6, 0, tzinfo=UTC)),
        (datetime(2027, 3, 28, 0, 59, tzinfo=UTC), datetime(2027, 3, 29, 6, 0, tzinfo=UTC)),
        (datetime(2027, 3, 28, 1, 0, tzinfo=UTC), datetime(2027, 3, 29, 6, 0, tzinfo=UTC)),
    ],
)
def test_next_opening_over_the_nights_the_clock_changes(moment: datetime, opens: datetime) -> None:
    """Eight o'clock on the wall, whatever that is in UTC by then."""
    assert ALWAYS.next_opening(moment) == opens
    assert not ALWAYS.open_at(opens - timedelta(seconds=1))
    assert ALWAYS.open_at(opens)


def test_in_words_in_both_languages() -> None:
    evening = at("2026-11-20T19:00:00")
    assert "maandag 23 november om 08:00" in opening_now(ALWAYS, evening, "nl")
    assert "Monday 23 November at 08:00" in opening_now(ALWAYS, evening, "en")
    assert "nu open" in opening_now(ALWAYS, at("2026-11-20T09:00:00"), "nl")


@pytest.mark.parametrize("language", ["nl", "en"])
def test_the_desks_are_not_mixed_up(language: str) -> None:
    said = how_to_reach("charter", ALWAYS, at("2026-11-20T09:00:00"), language)
    charter, portal = said.split("\n\n")
    assert "070 - 3 499 576" in charter and "dib@ser.nl" in charter
    assert "070 - 2002 532" in portal and ("nu open" in portal or "open now" in portal)
    assert "18:00" not in charter, "no source gives the Charter's desk hours"
