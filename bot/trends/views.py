"""What can be looked at: which periods and which partition somebody chose, and the figures of each page for that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bot.answers.knowledge import Knowledge
from bot.texts import LANGUAGES
from bot.trends.figures import BY, GAP, RECURRING, Figure, Figures
from bot.trends.reading import SnapshotStore, before_half_year, between
from bot.trends.weeks import HALF_YEAR, KINDS, MONTH, WEEK, NoPeriod, chain, kind, month_of, weeks_of

OVER_TIME = ("overview", "questions")
"""Pages with numbers over weeks or months."""
OF_A_PERIOD = ("needs", "gaps", "materials", "referrals")
"""Pages with what stood out in one period."""
PAGES = (*OVER_TIME, *OF_A_PERIOD, "added")
STEPS = (WEEK, MONTH)
FIRST_STEP = {"overview": WEEK, "questions": MONTH}
"""Of one week there are few numbers large enough to be shown; a month has more."""
SHOWN_AT_FIRST = {WEEK: 26, MONTH: 12}
MOST_MONTHS = 24
MOST_PERIODS = 106
"""Two years of weeks, in one view."""
DIVIDED = {"overview": BY, "needs": BY, "materials": ("referrer",), "referrals": BY}
"""Pages whose numbers can be divided, and by what."""


@dataclass(frozen=True)
class Selection:
    """What somebody chose, made whole. It can be written as an address, and that address shared."""

    page: str
    step: str
    periods: tuple[str, ...]
    """The weeks or months from one to another."""
    period: str | None
    by: str | None
    wrong: str | None = None
    """Which choice could not be followed: range or period."""

    @property
    def address(self) -> dict[str, str]:
        """The choice as the query of an address."""
        said: dict[str, str] = {}
        if self.page in OVER_TIME and self.periods:
            said = {"step": self.step, "from": self.periods[0], "to": self.periods[-1]}
        elif self.page in OF_A_PERIOD and self.period:
            said = {"period": self.period}
        return {**said, "by": self.by} if self.by else said


def select(page: str, asked: Mapping[str, str], frozen: Sequence[str]) -> Selection:
    """What somebody asked to see, as far as there is a snapshot of it; else what comes nearest.

    asked: step, from, to, period and by, as an address says them. frozen: the periods that there are.
    """
    by = asked.get("by")
    by = by if by in DIVIDED.get(page, ()) else None
    step = asked.get("step", "")
    known = {kind(period) for period in frozen}
    if step not in STEPS or step not in known:
        step = next((one for one in (FIRST_STEP.get(page, WEEK), *STEPS) if one in known), WEEK)
    steps = sorted(period for period in frozen if kind(period) == step)
    periods, wrong = _range(steps, asked, step)
    of_kinds = [period for length in reversed(KINDS) for period in sorted(frozen) if kind(period) == length]
    latest = {kind(period): period for period in of_kinds}
    period = next((latest[length] for length in reversed(KINDS) if length in latest), None)
    if page in OF_A_PERIOD and asked.get("period"):
        if asked["period"] in frozen:
            period = asked["period"]
        else:
            wrong = "period"
    return Selection(page, step, periods, period, by, wrong)


def _range(steps: Sequence[str], asked: Mapping[str, str], step: str) -> tuple[tuple[str, ...], str | None]:
    if not steps:
        return (), None
    first = _as_step(asked.get("from", ""), step, last=False)
    last = _as_step(asked.get("to", ""), step, last=True)
    wrong = "range" if first and last and first > last else None
    if wrong or not first:
        first = steps[-SHOWN_AT_FIRST[step] :][0]
    if wrong or not last:
        last = steps[-1]
    first, last = max(first, steps[0]), min(last, steps[-1])
    if first > last:
        first, last, wrong = steps[0], steps[-1], "range"
    return between(first, last)[-MOST_PERIODS:], wrong


def _as_step(period: str, step: str, *, last: bool) -> str | None:
    """A period as a week or a month: the first or the last one in it."""
    try:
        length = kind(period)
    except NoPeriod:
        return None
    if length == step:
        return period
    weeks = weeks_of(period)
    week = weeks[-1] if last else weeks[0]
    return week if step == WEEK else month_of(week)


@dataclass(frozen=True)
class Gap:
    """A recurring question that nobody could answer."""

    id: str
    label: str
    language: str
    count: int


def added(snapshots: SnapshotStore, knowledge: Knowledge, language: str) -> Figure:
    """Before and after topics that were added, over the last two years."""
    months = sorted(period for period in snapshots.periods() if kind(period) == MONTH)[-MOST_MONTHS:]
    cells = snapshots.cells(months)
    return Figures(cells, knowledge, language).added(months, snapshots.recurring(cells.names(months, GAP)))


class Views:
    """The figures of each page. Thread-safe; reads snapshots and nothing else."""

    def __init__(self, snapshots: SnapshotStore, knowledge: Knowledge, fte: float | None = None) -> None:
        self._snapshots, self._knowledge, self._fte = snapshots, knowledge, fte

    def figures(self, selection: Selection, language: str) -> list[Figure]:
        """The figures of a page, for a selection."""
        if selection.page in OVER_TIME:
            return self._over_time(selection, language)
        if selection.page in OF_A_PERIOD:
            return self._of_a_period(selection, language)
        return [added(self._snapshots, self._knowledge, language)]

    def gaps(self, period: str) -> list[Gap]:
        """The gaps of a period, the one asked most first."""
        cells = [cell for cell in self._snapshots.cells([period]).of(period, GAP) if cell.label]
        known = self._snapshots.recurring([cell.name for cell in cells])
        return [
            Gap(cell.name, cell.label or "", known[cell.name][0] if cell.name in known else LANGUAGES[0], cell.count)
            for cell in cells
        ]

    def _over_time(self, selection: Selection, language: str) -> list[Figure]:
        if not selection.periods:
            return []
        halves = [period for period in self._snapshots.periods() if kind(period) == HALF_YEAR][-6:]
        cells = self._snapshots.cells([*selection.periods, *(halves if selection.page == "overview" else [])])
        figures = Figures(cells, self._knowledge, language)
        if selection.page == "overview":
            made = [figures.volume(selection.periods)]
            made += [figures.volume_by(selection.periods, by) for by in ([selection.by] if selection.by else BY[:3])]
            return [*made, figures.outcomes(selection.periods), figures.helped(halves, self._fte)]
        known = self._snapshots.recurring(cells.names(selection.periods, RECURRING))
        return [figures.recurring(selection.periods, known), *figures.moved(selection.periods[-1], known)]

    def _of_a_period(self, selection: Selection, language: str) -> list[Figure]:
        if selection.period is None:
            return []
        period, by = selection.period, selection.by
        before = before_half_year(period)
        # Only half-years show in which language a need was written.
        half = chain(weeks_of(period)[0])[-1]
        cells = self._snapshots.cells([*([before] if before else []), period, *({half} - {period})])
        figures = Figures(cells, self._knowledge, language)
        if selection.page == "needs":
            return [figures.needs(period, by)]
        if selection.page == "gaps":
            return [figures.gaps(period, self._snapshots.recurring(cells.names([period], GAP)))]
        if selection.page == "materials":
            return [figures.popular(thing, period, by) for thing in ("material", "topic", "source")]
        return [figures.referred_out(period, by), figures.referred_in(period)]
