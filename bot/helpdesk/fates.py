"""What became of suggestions: precision at one and at three, per topic and per Amsterdam week, with the counts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from bot.helpdesk.hours import AMSTERDAM
from bot.helpdesk.models import Suggestion

USED = ("inserted", "edited")


@dataclass(frozen=True)
class Seen:
    """One suggestion of a batch."""

    topic: str
    confidence: float
    """The engine's own, whatever it was ranked by."""
    used: bool
    distance: float | None = None


@dataclass(frozen=True)
class Batch:
    """Suggestions that were shown together and settled, in the order in which they were shown."""

    week: date
    """Its Monday."""
    seen: tuple[Seen, ...]

    @property
    def is_used(self) -> bool:
        """Whether any of them was used."""
        return any(each.used for each in self.seen)


@dataclass(frozen=True)
class Precision:
    """Shares, with what they are shares of."""

    first: int
    """How often it stood first; of all topics together: how many batches."""
    first_used: int
    shown: int
    """How often it was among the three; of all topics together: how many batches."""
    used: int
    distances: tuple[float, ...] = ()
    """Of those that were edited before they were sent."""

    @property
    def at_one(self) -> float | None:
        """Of those that stood first, the share that was used. None where there were none."""
        return self.first_used / self.first if self.first else None

    @property
    def at_three(self) -> float | None:
        """Of those that were shown, the share that was used. None where there were none."""
        return self.used / self.shown if self.shown else None

    @property
    def distance(self) -> float | None:
        """How far what was sent was from what was suggested, on average over those that were edited."""
        return sum(self.distances) / len(self.distances) if self.distances else None


@dataclass(frozen=True)
class Report:
    """Precision over a number of weeks, in every way that is asked for."""

    total: Precision
    weeks: tuple[tuple[date, Precision], ...]
    """By Monday, the last week first."""
    topics: tuple[tuple[str, Precision], ...]
    """Those that were shown most come first."""
    topics_by_week: tuple[tuple[date, str, Precision], ...]


def monday(moment: datetime) -> date:
    """The first day of the Amsterdam week in which a moment lies."""
    day = moment.astimezone(AMSTERDAM).date()
    return day - timedelta(days=day.weekday())


def settled(engine: Engine, since: datetime | None = None) -> list[Batch]:
    """The batches of which something became, oldest first. A partner's are not among them: nobody tells what became.

    since: those that were made from then on.
    """
    query = (
        select(
            Suggestion.batch_id, Suggestion.created_at, Suggestion.topic, Suggestion.confidence, Suggestion.fate,
            Suggestion.distance,
        )
        .where(Suggestion.settled_at.is_not(None))
        .order_by(Suggestion.created_at, Suggestion.batch_id, Suggestion.position)
    )  # fmt: skip
    if since is not None:
        query = query.where(Suggestion.created_at >= since)
    with Session(engine.execution_options(writes=False)) as session:
        rows = session.execute(query).all()
    batches = []
    for _, group in groupby(rows, key=lambda row: row.batch_id):
        together = list(group)
        seen = tuple(Seen(row.topic, row.confidence, row.fate in USED, row.distance) for row in together)
        batches.append(Batch(monday(together[0].created_at), seen))
    return batches


def _of_batches(batches: Sequence[Batch]) -> Precision:
    return Precision(
        first=len(batches),
        first_used=sum(batch.seen[0].used for batch in batches),
        shown=len(batches),
        used=sum(batch.is_used for batch in batches),
        distances=_distances(each for batch in batches for each in batch.seen),
    )


def _of_topic(places: Sequence[tuple[int, Seen]]) -> Precision:
    """places: (position from 0, what was seen there)."""
    first = [seen for position, seen in places if position == 0]
    return Precision(
        first=len(first),
        first_used=sum(seen.used for seen in first),
        shown=len(places),
        used=sum(seen.used for _, seen in places),
        distances=_distances(seen for _, seen in places),
    )


def _distances(seen: Iterable[Seen]) -> tuple[float, ...]:
    return tuple(each.distance for each in seen if each.used and each.distance)


def report(batches: Sequence[Batch]) -> Report:
    """Precision over these batches."""
    by_week: dict[date, list[Batch]] = defaultdict(list)
    by_topic: dict[str, list[tuple[int, Seen]]] = defaultdict(list)
    by_both: dict[tuple[date, str], list[tuple[int, Seen]]] = defaultdict(list)
    for batch in batches:
        by_week[batch.week].append(batch)
        for position, seen in enumerate(batch.seen):
            by_topic[seen.topic].append((position, seen))
            by_both[batch.week, seen.topic].append((position, seen))
    topics = sorted(
        ((topic, _of_topic(places)) for topic, places in by_topic.items()), key=lambda p: (-p[1].shown, p[0])
    )
    return Report(
        total=_of_batches(batches),
        weeks=tuple((week, _of_batches(by_week[week])) for week in sorted(by_week, reverse=True)),
        topics=tuple(topics),
        topics_by_week=tuple(
            (week, topic, _of_topic(by_both[week, topic]))
            for week, topic in sorted(by_both, key=lambda both: (-both[0].toordinal(), both[1]))
        ),
    )


def _share(share: float | None) -> str:
    return "–" if share is None else f"{share:.0%}"


def as_table(found: Report) -> str:
    """The report as text, for a terminal."""
    head = f"{'':42}{'at one':>8}{'of':>7}{'at three':>10}{'of':>7}{'edited':>8}{'distance':>10}"

    def row(name: str, of: Precision) -> str:
        distance = "–" if of.distance is None else f"{of.distance:.2f}"
        shares = f"{_share(of.at_one):>8}{of.first:>7}{_share(of.at_three):>10}{of.shown:>7}"
        return f"{name[:41]:42}{shares}{len(of.distances):>8}{distance:>10}"

    lines = [
        "Precision of suggestions: of those shown first, and of all that were shown, the share that was used.",
        head,
    ]
    lines += [row("all", found.total), "", "by week, from Monday"]
    lines += [row(f"  {week:%Y-%m-%d}", of) for week, of in found.weeks]
    lines += ["", "by topic"]
    lines += [row(f"  {topic}", of) for topic, of in found.topics]
    lines += ["", "by week and topic"]
    lines += [row(f"  {week:%Y-%m-%d} {topic}", of) for week, topic, of in found.topics_by_week]
    return "\n".join(lines)
