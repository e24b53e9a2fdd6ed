"""The deadlines as a file for a calendar, read back by the library that calendars use."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from icalendar import Calendar, Event

from bot.guides.calendar_file import calendar_file
from bot.guides.deadlines import Deadline

MOMENT = datetime(2026, 11, 21, 15, 30, tzinfo=ZoneInfo("Europe/Amsterdam"))
REPORT = Deadline(
    rule="report",
    title={"nl": "Rapportage indienen bij de SER", "en": "Submit the report to the SER"},
    due=date(2027, 7, 30),
    past=False,
    remind_days_before=(60, 14),
    document="Aanmelden (folder)",
    where={"nl": "Heeft uw bedrijf een gebroken boekjaar?", "en": "A broken financial year?"},
)
SURVEY = replace(REPORT, rule="survey", due=date(2028, 2, 29), remind_days_before=(14,))


def made(*deadlines: Deadline, language: str = "nl", desk: str = "portal", seed: str = "seed") -> bytes:
    return calendar_file(
        deadlines, guide="Uw bedrijf aanmelden", desk=desk, seed=seed, language=language, moment=MOMENT
    )


def read(content: bytes) -> tuple[Calendar, list[Event]]:
    calendar = Calendar.from_ical(content)
    assert not calendar.errors
    return calendar, calendar.events


def test_it_is_a_calendar_that_is_published() -> None:
    calendar, events = read(made(REPORT, SURVEY))
    assert calendar["version"] == "2.0"
    assert calendar["method"] == "PUBLISH"
    assert "Wegwijzer" in calendar["prodid"]
    assert len(events) == 2


def test_a_deadline_is_a_day_that_leaves_people_free() -> None:
    _, (event,) = read(made(SURVEY))
    assert event["dtstart"].dt == date(2028, 2, 29)
    assert event["dtend"].dt == date(2028, 3, 1)
    assert not isinstance(event["dtstart"].dt, datetime)
    assert event["transp"] == "TRANSPARENT"
    assert event["dtstamp"].dt == MOMENT
    assert event["dtstamp"].to_ical() == b"20261121T143000Z"


@pytest.mark.parametrize(
    ("language", "title", "guide", "source"),
    [
        ("nl", "Rapportage indienen bij de SER", "Deze datum hoort bij: Uw bedrijf", "Heeft uw bedrijf"),
        ("en", "Submit the report to the SER", "This date belongs to: Uw bedrijf", "A broken"),
    ],
)
def test_it_says_what_is_due_and_why(language: str, title: str, guide: str, source: str) -> None:
    _, (event,) = read(made(REPORT, language=language))
    assert event["summary"] == title
    assert guide in event["description"]
    assert f"Aanmelden (folder) – {source}" in event["description"]
    assert "070 - 2002 532" in event["description"]
    assert "](" not in event["description"], "plain text, no Markdown"


def test_the_other_desk_has_the_other_number() -> None:
    _, (event,) = read(made(REPORT, desk="charter"))
    assert "070 - 3 499 576" in event["description"]


def test_it_reminds_in_the_morning_of_each_day() -> None:
    _, (event,) = read(made(REPORT))
    alarms = event.walk("VALARM")
    assert [alarm["action"] for alarm in alarms] == ["DISPLAY", "DISPLAY"]
    start = datetime(2027, 7, 30)  # noqa: DTZ001 - the day as it is where the reader is
    reminders = [start + alarm["trigger"].dt for alarm in alarms]
    assert reminders == [datetime(2027, 5, 31, 9), datetime(2027, 7, 16, 9)]  # noqa: DTZ001
    assert alarms[0]["description"] == "30 juli 2027: Rapportage indienen bij de SER"


def test_the_same_deadline_is_the_same_event() -> None:
    """Brought in again, in the other language too, it replaces the one that is there."""
    uid = read(made(REPORT))[1][0]["uid"]
    assert read(made(REPORT, language="en"))[1][0]["uid"] == uid
    others = [made(REPORT, seed="other"), made(replace(REPORT, rule="x")), made(replace(REPORT, due=date(2028, 7, 30)))]
    assert len({uid, *(read(other)[1][0]["uid"] for other in others)}) == 4


def test_nothing_of_the_seed_stands_in_it() -> None:
    assert b"jansen" not in made(REPORT, seed="jansen@bedrijf.nl").lower()


def test_the_same_call_gives_the_same_bytes() -> None:
    assert made(REPORT, SURVEY) == made(REPORT, SURVEY)


@pytest.mark.parametrize(
    "title",
    [
        "a\nEND:VEVENT\nBEGIN:VEVENT",
        "a\r\nATTACH:file:///etc/passwd",
        "a;b,c\\n:d",
        '"a"',
        "é" * 80,
        "a\rX:y",
        "😀" * 40,
    ],
)
def test_a_title_stays_a_title(title: str) -> None:
    content = made(replace(REPORT, title={"nl": title, "en": title}))
    _, (event,) = read(content)
    assert event["summary"].splitlines() == title.splitlines()
    assert "attach" not in event and "x" not in event
    assert all(len(line) <= 75 for line in content.split(b"\r\n"))


def test_no_deadlines_no_events() -> None:
    assert read(made())[1] == []


def test_a_moment_has_a_time_zone() -> None:
    with pytest.raises(ValueError, match="time zone"):
        calendar_file([REPORT], guide="", desk="portal", seed="", language="nl", moment=MOMENT.replace(tzinfo=None))


def test_reminders_are_before_the_day() -> None:
    _, (event,) = read(made(replace(REPORT, remind_days_before=(1,))))
    assert event.walk("VALARM")[0]["trigger"].dt == timedelta(hours=-15)
