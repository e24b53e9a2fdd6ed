"""A visitor's own deadlines as a file for their calendar (iCalendar, RFC 5545)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import NAMESPACE_URL, uuid5

from icalendar import Alarm, Calendar, Event

from bot.guides.deadlines import Deadline
from bot.texts import text
from bot.texts.days import in_words

REMINDED_AT = timedelta(hours=9)
"""Reminders come in the morning, not at midnight."""


def _event(deadline: Deadline, *, guide: str, desk: str, seed: str, language: str, moment: datetime) -> Event:
    title = deadline.title[language]
    event = Event()
    event.add("uid", str(uuid5(NAMESPACE_URL, f"wegwijzer:{seed}:{deadline.rule}:{deadline.due}")))
    event.add("dtstamp", moment.astimezone(UTC))
    event.add("dtstart", deadline.due)
    event.add("dtend", deadline.due + timedelta(days=1))
    event.add("summary", title)
    description = text(
        "calendar.description",
        language,
        guide=guide,
        document=deadline.document,
        where=deadline.where[language],
        desk=text(f"checklist.desk.{desk}", language),
    )
    event.add("description", description)
    event.add("transp", "TRANSPARENT")
    for days in deadline.remind_days_before:
        alarm = Alarm()
        alarm.add("action", "DISPLAY")
        reminder = text("calendar.reminder", language, date=in_words(deadline.due, language), title=title)
        alarm.add("description", reminder)
        alarm.add("trigger", REMINDED_AT - timedelta(days=days))
        event.add_component(alarm)
    return event


def calendar_file(
    deadlines: Sequence[Deadline], *, guide: str, desk: str, seed: str, language: str, moment: datetime
) -> bytes:
    """The deadlines as an .ics file: an all-day event each, with its reminders.

    deadlines: `document` is the title of the source in this language, not its key.
    guide: its title. desk: `portal` or `charter`.
    seed: what makes the events this visitor's own. Only a hash of it stands in the file, so that the same deadline,
    brought in twice, is one event.
    moment: when the file is made. Raises ValueError where it has no time zone.
    """
    if moment.tzinfo is None:
        raise ValueError("the moment has no time zone")
    calendar = Calendar()
    calendar.add("prodid", f"-//Wegwijzer//Diversiteitsportaal//{language.upper()}")
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    for deadline in deadlines:
        calendar.add_component(_event(deadline, guide=guide, desk=desk, seed=seed, language=language, moment=moment))
    content: bytes = calendar.to_ical()
    return content
