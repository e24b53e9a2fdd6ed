"""The cells of snapshots, as pages and the brief read them. Nothing here looks behind a snapshot."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from bot.answers.knowledge import Knowledge
from bot.texts import catalogue, text
from bot.texts.days import in_words
from bot.trends.models import RecurringQuestion, Snapshot, SnapshotCell
from bot.trends.weeks import HALF_YEAR, KINDS, MONTH, before, chain, first_day, kind, last_day, week_of


@dataclass(frozen=True)
class Cell:
    """One number of a snapshot: rounded, and of enough askers, or it would not be there."""

    period: str
    """2026-W47, 2026-M11 or 2026-H2."""
    measure: str
    name: str
    partition: str
    part: str
    count: int
    movement: str | None = None
    label: str | None = None


class Cells:
    """The cells of some periods, and how to find one."""

    def __init__(self, cells: Iterable[Cell]) -> None:
        self._cells = {(c.period, c.measure, c.name, c.partition, c.part): c for c in cells}

    def __iter__(self) -> Iterator[Cell]:
        return iter(self._cells.values())

    def cell(self, period: str, measure: str, name: str = "", partition: str = "all", part: str = "") -> Cell | None:
        """A cell; None where it was too small to show, or where nothing was counted."""
        return self._cells.get((period, measure, name, partition, part))

    def count(self, period: str, measure: str, name: str = "", partition: str = "all", part: str = "") -> int | None:
        """The number in a cell; None as in `cell`."""
        found = self.cell(period, measure, name, partition, part)
        # A recurring question that is shown no longer has a cell that says so, with no number.
        return None if found is None else found.count or None

    def of(self, period: str, measure: str, partition: str = "all", part: str = "") -> list[Cell]:
        """All cells of a measure in a period, the largest first, then by name."""
        found = [
            cell for cell in self._cells.values()
            if (cell.period, cell.measure, cell.partition, cell.part) == (period, measure, partition, part)
        ]  # fmt: skip
        return sorted(found, key=lambda cell: (-cell.count, cell.name))

    def names(self, periods: Sequence[str], measure: str) -> list[str]:
        """What was counted in any of the periods, in the order of the alphabet."""
        wanted = set(periods)
        return sorted({c.name for c in self._cells.values() if c.period in wanted and c.measure == measure})

    def parts(self, periods: Sequence[str], measure: str, partition: str) -> list[str]:
        """The parts of a partition that a measure has in any of the periods, the largest first."""
        wanted, sums = set(periods), dict[str, int]()
        for cell in self._cells.values():
            if cell.period in wanted and cell.measure == measure and cell.partition == partition:
                sums[cell.part] = sums.get(cell.part, 0) + cell.count
        return sorted(sums, key=lambda part: (-sums[part], part))


class SnapshotStore:
    """What has been frozen: periods and their cells."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine.execution_options(writes=False)

    def periods(self) -> list[str]:
        """Every period that has a snapshot: weeks, months and half-years, oldest first within each kind."""
        with Session(self._engine) as session:
            return sorted(session.scalars(select(Snapshot.week)))

    def cells(self, periods: Sequence[str]) -> Cells:
        """All cells of some periods."""
        if not periods:
            return Cells(())
        with Session(self._engine) as session:
            rows = session.execute(
                select(
                    SnapshotCell.week, SnapshotCell.measure, SnapshotCell.name, SnapshotCell.partition,
                    SnapshotCell.part, SnapshotCell.count, SnapshotCell.movement, SnapshotCell.label,
                ).where(SnapshotCell.week.in_(periods))
            )  # fmt: skip
            return Cells(Cell(*row) for row in rows)

    def rules(self, period: str) -> dict[str, object]:
        """Under which rules a snapshot was made; empty where there is none."""
        with Session(self._engine) as session:
            found = session.get(Snapshot, period)
            return dict(found.rules) if found else {}

    def recurring(self, ids: Sequence[str]) -> dict[str, tuple[str, str | None]]:
        """Of recurring questions: their language, and the topic that answers them now."""
        if not ids:
            return {}
        with Session(self._engine) as session:
            query = select(RecurringQuestion.id, RecurringQuestion.language, RecurringQuestion.topic)
            return {
                row.id: (row.language, row.topic) for row in session.execute(query.where(RecurringQuestion.id.in_(ids)))
            }


# ---- periods


def before_half_year(period: str) -> str | None:
    """The half-year before a half-year; None for other periods, which are too short to be compared like that."""
    return before(period) if kind(period) == HALF_YEAR else None


def between(first: str, last: str) -> tuple[str, ...]:
    """Every week, month or half-year from one to another of the same kind, also those that have no snapshot."""
    periods = [first]
    while periods[-1] < last:
        periods.append(after(periods[-1]))
    return tuple(periods)


def after(period: str) -> str:
    """The period of the same length after it."""
    return chain(week_of(last_day(period) + timedelta(days=1)))[KINDS.index(kind(period))]


# ---- names


@dataclass(frozen=True)
class Names:
    """What people call the things that are counted, in one language."""

    knowledge: Knowledge
    language: str

    def t(self, key: str, **values: object) -> str:
        """A text of the pages and the brief."""
        return text(f"trends.{key}", self.language, **values)

    def _known(self, key: str, otherwise: str) -> str:
        return catalogue(self.language).get(key, otherwise)

    def topic(self, id_: str) -> str:
        """A topic's title; its id where it is not in the knowledge any more."""
        found = self.knowledge.topics.get(id_)
        return found.title[self.language] if found else id_

    def material(self, id_: str) -> str:
        """A material's title."""
        found = self.knowledge.materials.get(id_)
        return found.title[self.language] if found else id_

    def source(self, key: str) -> str:
        """A document's title."""
        found = self.knowledge.documents.get(key)
        return found.title[self.language] if found else key

    def referrer(self, id_: str) -> str:
        """Who sent somebody here."""
        return self._known(f"questions.referrer.{id_}", id_) if id_ else self.t("part.none")

    def referred(self, id_: str) -> str:
        """Where somebody was referred to: a network, a material, or a kind of these."""
        if id_ in self.knowledge.materials:
            return self.material(id_)
        return self._known(f"questions.network.{id_}", self._known(f"questions.referred_to.{id_}", id_))

    def part(self, partition: str, part: str) -> str:
        """A part of a partition."""
        if partition == "referrer":
            return self.referrer(part)
        return self._known(f"trends.part.{partition}.{part}", part)

    def period(self, period: str) -> str:
        """A period in words: the first half of 2026, November 2026, week 47 of 2026 (from 16 November)."""
        length, year, place = kind(period), period[:4], int(period[6:])
        if length == HALF_YEAR:
            return self.t(f"half_year_{place}", year=year)
        if length == MONTH:
            return f"{text(f'month.{place}', self.language)} {year}"
        return self.t("week_in_words", week=place, year=year, day=in_words(first_day(period), self.language))

    def short_period(self, period: str) -> str:
        """A period in few words, for the heads of tables."""
        length, year, place = kind(period), period[:4], int(period[6:])
        if length == HALF_YEAR:
            return self.t(f"half_year_{place}_short", year=year)
        if length == MONTH:
            return f"{text(f'month.{place}', self.language)} {year}"
        return self.t("week_short", week=place, year=year)

    def tick(self, period: str) -> str:
        """A period without its year, for the axis of a chart: 47, or nov."""
        length, place = kind(period), int(period[6:])
        return self.t(f"tick.{place}") if length == MONTH else str(place)
