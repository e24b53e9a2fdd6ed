"""Which conversations an agent may see: those of their desks that wait, are held, or were until a day ago.

What a visitor says to the assistant afterwards is not for agents, until the visitor asks for a person again.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from bot.answers.knowledge import DESKS
from bot.helpdesk.queue import HandOverShown
from bot.staff.accounts import Staff

SEEN_AFTERWARDS = timedelta(hours=24)
_LAST_WORDS = timedelta(seconds=1)
"""What is said at the end of a hand-over is stored a moment after it."""


def desks_of(staff: Staff) -> tuple[str, ...]:
    """The desks that somebody answers for: an admin for all of them."""
    return tuple(desk for desk in DESKS if desk in staff.desks or "admin" in staff.roles)


def may_see(staff: Staff, shown: HandOverShown, moment: datetime) -> bool:
    """Whether an agent may read the conversation; one that nobody had is not read when it waits no longer."""
    if shown.desk not in desks_of(staff):
        return False
    return shown.ended_at is None or (shown.claimed_at is not None and shown.ended_at > moment - SEEN_AFTERWARDS)


def seen_until(shown: HandOverShown) -> datetime | None:
    """Up to when an agent may read what was said; None for all of it."""
    return shown.ended_at + _LAST_WORDS if shown.ended_at else None
