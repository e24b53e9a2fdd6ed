"""When a desk is open. The one module that everything asks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import holidays

AMSTERDAM = ZoneInfo("Europe/Amsterdam")


@dataclass(frozen=True)
class OpeningHours:
    """Weekly hours in Amsterdam time. Source for the portal's desk: `aanmelden`, `dialoog-2024`."""

    weekdays: frozenset[int]
    """0 is Monday."""
    opens: time
    closes: time
    closes_on_holidays: bool
    """No source says so either way: a setting."""

    def _works_on(self, day: date) -> bool:
        if day.weekday() not in self.weekdays:
            return False
        return not (self.closes_on_holidays and day in _public_holidays(day.year))

    def open_at(self, moment: datetime) -> bool:
        """Whether the desk is open at that moment (any zone); open at the first minute, closed at the last."""
        local = moment.astimezone(AMSTERDAM)
        return self._works_on(local.date()) and self.opens <= local.time() < self.closes

    def next_opening(self, moment: datetime) -> datetime:
        """The first moment after `moment` at which the desk opens, in Amsterdam time."""
        local = moment.astimezone(AMSTERDAM)
        day = local.date()
        if local.time() >= self.opens:
            day += timedelta(days=1)
        while not self._works_on(day):
            day += timedelta(days=1)
        return datetime.combine(day, self.opens, tzinfo=AMSTERDAM)


@lru_cache(maxsize=8)
def _public_holidays(year: int) -> frozenset[date]:
    """Those of the Netherlands in one year, Easter Monday among them."""
    return frozenset(holidays.country_holidays("NL", years=year))


def portal_hours(closes_on_holidays: bool) -> OpeningHours:
    """Monday to Friday, 08:00 to 18:00."""
    return OpeningHours(frozenset(range(5)), time(8), time(18), closes_on_holidays)
