"""How to reach a desk, in words, at this moment."""

from __future__ import annotations

from datetime import datetime

from bot.helpdesk.hours import AMSTERDAM, OpeningHours
from bot.texts import text


def in_words(moment: datetime, language: str) -> str:
    """A date as people say it: 2 november, 2 November."""
    local = moment.astimezone(AMSTERDAM)
    return f"{local.day} {text(f'month.{local.month}', language)}"


def opening_now(hours: OpeningHours, moment: datetime, language: str) -> str:
    """Whether the portal's desk is open at `moment`, until when, or when it opens next."""
    if hours.open_at(moment):
        return text("desk.open_now", language, until=f"{hours.closes:%H:%M}")
    opening = hours.next_opening(moment)
    return text(
        "desk.closed_now",
        language,
        day=text(f"weekday.{opening.weekday()}", language),
        date=in_words(opening, language),
        at=f"{opening:%H:%M}",
    )


def how_to_reach(desk: str, hours: OpeningHours, moment: datetime, language: str) -> str:
    """Both desks as Markdown, the asked one first; hours only for the one whose hours are known."""
    portal = f"{text('desk.portal.contact', language)} {opening_now(hours, moment, language)}"
    charter = text("desk.charter.contact", language)
    first, second = (charter, portal) if desk == "charter" else (portal, charter)
    return f"{first}\n\n{second}"
