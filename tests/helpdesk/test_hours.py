"""When the portal's desk is open, in Amsterdam, whatever the clock of the machine says."""

from __future__ import annotations

from datetime import UTC, datetime

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
