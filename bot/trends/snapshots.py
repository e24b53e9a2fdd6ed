"""Makes snapshots: a period is counted once, when it is over, and what was counted never changes.

Weeks, months and half-years are frozen in the order in which they end, each with what the register of recurring
questions was by then. So it makes no difference whether they are frozen day by day or all at once years later.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from typing import Any

import numpy as np
from sqlalchemy import Engine, func, select, update
from sqlalchemy.orm import Session

from bot.answers.knowledge import Knowledge
from bot.encoder.runtime import Encoder
from bot.trends import counting, recurring, weeks
from bot.trends.counting import ALL, Counting, Key, Logged, Number
from bot.trends.grouping import LENGTH, Whole, centroid, whole
from bot.trends.log import QuestionLog
from bot.trends.models import Popularity, RecurringQuestion, Snapshot, SnapshotCell, TrendImport, TrendQuestion
from bot.trends.popularity import ASKER, HELPED
from bot.trends.recurring import Assigning, Heard, Labels, Question, Recurring, public_words
from bot.trends.rounding import BASE, Askers, Rows, rounded

METHOD = 2
"""Goes up when the same questions would give other numbers."""
FICTIONAL = "demo"
"""The referrer of an import that holds made-up questions."""
_TRIES = 5
_AT_ONCE = 500

Progress = Callable[[str], None]
"""Told the period that is about to be counted."""


class CannotCount(RuntimeError):
    """A period cannot be frozen; the text says why."""


@dataclass(frozen=True)
class Rules:
    """Under which rules snapshots are made."""

    min_askers: int = 5
    """So many different askers make a number that may be shown."""

    def __post_init__(self) -> None:
        if self.min_askers < 2:
            raise ValueError("a number of one asker is never shown")

    def in_words(self, period: str, encoder: str, *, fictional: bool) -> dict[str, Any]:
        """As they are kept with a snapshot."""
        return {
            "method": METHOD,
            "min_askers": self.min_askers,
            "rounded_to": BASE,
            "kind": weeks.kind(period),
            "weeks": len(weeks.weeks_of(period)),
            "encoder": encoder,
            "fictional": fictional,
        }


@dataclass(frozen=True)
class Made:
    """A snapshot as it will be written."""

    period: str
    rules: Mapping[str, Any]
    cells: tuple[tuple[Any, ...], ...]
    """Measure, name, partition, part, count, movement, label; in a fixed order."""
    register: tuple[Recurring, ...]
    assigned: Mapping[str, str]
    """Question to recurring question, of those that had none."""
    ids: frozenset[str]
    """The questions that were counted."""

    @property
    def content_hash(self) -> str:
        """Of its cells."""
        content = json.dumps([self.period, self.cells], ensure_ascii=False, separators=(",", ":"))
        return hashlib.sha256(content.encode()).hexdigest()


@dataclass(frozen=True)
class _Log:
    """What is read of a period, before anything is counted."""

    rows: Sequence[Any]
    vectors: Whole
    events: Sequence[Any]
    helped: Sequence[Any]
    """Askers whose request was answered."""
    register: tuple[Recurring, ...]
    seen: Mapping[str, frozenset[Key]]
    """Of each period inside it that has a snapshot, the cells that are shown."""
    shown_before: Mapping[str, Mapping[str, int]]
    """Of each period before it of the same length, the numbers of recurring questions, and under no name of all."""
    encoder: str
    fictional: bool


class SnapshotMaker:
    """Freezes periods.

    encoder: makes the vectors of questions again that another encoder made. Without it there must be none of those.
    """

    def __init__(
        self, engine: Engine, knowledge: Knowledge, rules: Rules | None = None, encoder: Encoder | None = None
    ) -> None:
        self._engine, self._knowledge, self._rules, self._encoder = engine, knowledge, rules or Rules(), encoder

    def due(self, today: date) -> list[str]:
        """The periods that have ended and have no snapshot yet, in the order in which they are to be made."""
        with self._reading() as session:
            first = session.scalar(select(func.min(TrendQuestion.week)))
            first = min(filter(None, (first, session.scalar(select(func.min(Popularity.week))))), default=None)
            if first is None:
                return []
            made = set(session.scalars(select(Snapshot.week)))
        # Also when the oldest questions are gone by now: what lies between two snapshots is not left out.
        first = min([first, *(period for period in made if weeks.kind(period) == weeks.WEEK)])
        return [period for period in weeks.periods_from(first, today) if period not in made]

    def make_missing(self, today: date, progress: Progress | None = None) -> list[str]:
        """Makes every snapshot that is due; gives the periods. Each is kept as soon as it is made.

        today: in Amsterdam.
        """
        periods = self.due(today)
        if periods:
            self.renew_vectors()
        for period in periods:
            if progress:
                progress(period)
            self._make(period)
        return periods

    def make(self, period: str, today: date) -> bool:
        """Makes the snapshot of one period; gives False where it has one already, which stays as it is.

        Raises NoPeriod, or CannotCount where it has not ended or one that ended before is missing.
        """
        weeks.kind(period)
        if not weeks.is_over(period, today):
            raise CannotCount(f"{period} is not over yet: it can be counted some days after its end.")
        with self._reading() as session:
            if session.get(Snapshot, period) is not None:
                return False
        waiting = [each for each in self.due(today) if weeks.order(each) < weeks.order(period)]
        if waiting:
            raise CannotCount(f"{waiting[0]} comes first: the periods are counted in the order in which they end.")
        self.renew_vectors()
        self._make(period)
        return True

    def _make(self, period: str) -> None:
        for _ in range(_TRIES):
            # Counted outside the transaction that writes: visitors' messages must not wait for it.
            if self._write(self._count(period)):
                return
        raise CannotCount(f"{period} could not be counted: its questions changed all the time. Try again later.")

    # ---- counting

    @cached_property
    def _public_words(self) -> frozenset[str]:
        return public_words(self._knowledge)

    def _count(self, period: str) -> Made:
        with self._reading() as session:
            log = self._read(session, period)
        askers = Askers([row.asker_id for row in (*log.rows, *log.helped)], self._rules.min_askers)
        included = [_included(row.counted_in) for row in log.rows]
        questions = [Question(row.text, row.language, row.topic) for row in log.rows]
        assigned = {n: row.recurring_id for n, row in enumerate(log.rows) if row.recurring_id is not None}

        def may_join(row: int, id_: str) -> bool:
            return not any(("recurring", id_, *ALL) in log.seen.get(inside, ()) for inside in included[row])

        assigning = Assigning(questions, log.vectors, askers, log.register, period=period, may_join=may_join)
        fresh = assigning.assign(n for n, row in enumerate(log.rows) if n not in assigned and row.vector is not None)
        register = assigning.register
        assigned |= fresh
        gaps = {one.id for one in register if one.topic is None}
        rows = {n: _of_question(row, included[n], assigned.get(n)) for n, row in enumerate(log.rows)}
        rows |= {n: _of_helped(row) for n, row in enumerate(log.helped, len(rows))}
        cells, lines = counting.of_questions(rows, period)
        counted = Counting(rows, log.seen, askers).count(period, cells, lines, counting.ties(gaps))
        numbers = counting.numbers_of_questions(counted, askers, gaps)
        numbers += self._popular(period, log)
        labels = Labels(questions, log.vectors, askers, self._knowledge, self._public_words)
        register, said = self._move(period, log, register, counted, labels)
        shown = {key[1] for key in counted if key[0] == "recurring" and key[2:] == ALL}
        kept = {one.id for one in register}
        return Made(
            period,
            self._rules.in_words(period, log.encoder, fictional=log.fictional),
            _in_order(numbers, self._spoken(log, said, askers), said, counted),
            tuple(register),
            {log.rows[n].id: id_ for n, id_ in fresh.items() if id_ in kept and (id_ in shown or _was(log, id_))},
            frozenset(row.id for row in log.rows),
        )

    def _popular(self, period: str, log: _Log) -> list[Number]:
        askers = Askers([row.asker_id for row in log.events], self._rules.min_askers)
        rows = {n: _of_event(row) for n, row in enumerate(log.events)}
        cells, lines = counting.of_popularity(rows)
        counted = Counting(rows, log.seen, askers).count(period, cells, lines)
        return counting.numbers_of_popularity(counted)

    def _move(
        self, period: str, log: _Log, register: Sequence[Recurring], counted: Mapping[Key, Rows], labels: Labels
    ) -> tuple[list[Recurring], dict[str, tuple[int | None, str | None, str]]]:
        """The register after a period, and of each recurring question its number, movement and label."""
        total = _rounded(counted[counting.QUESTIONS]) if counting.QUESTIONS in counted else None
        before = [log.shown_before[each] for each in log.shown_before]
        kind = weeks.kind(period)
        old = {one.id for one in log.register}
        after, said = [], {}
        for one in register:
            rows = counted.get(("recurring", one.id, *ALL))
            now = None if rows is None else _rounded(rows)
            heard = [Heard(each.get(one.id), each.get("")) for each in before]
            unheard = one.id not in old and one.topic is None
            moves = recurring.movement(Heard(now, total), heard, kind, self._rules.min_askers, unheard=unheard)
            kept = one
            if rows is not None:
                kept = recurring.moved_on(one, log.vectors, rows, period)
                label, language = labels.label(one, rows)
                kept = replace(kept, label=label, language=language)
            if one.id in old or rows is not None:
                after.append(kept)
            if rows is not None or moves is not None:
                said[one.id] = (now, moves, kept.label)
        return after, said

    def _spoken(
        self, log: _Log, said: Mapping[str, tuple[int | None, str | None, str]], askers: Askers
    ) -> dict[Key, str]:
        """The labels of cells: of recurring questions, and of needs as they are written most."""
        found = {(measure, id_, *ALL): said[id_][2] for id_ in said for measure in ("recurring", "gap")}
        needs: dict[str, list[tuple[int, str]]] = {}
        for place, row in enumerate(log.rows):
            if (name := counting.need_name(row.need)) is not None:
                needs.setdefault(name, []).append((place, row.need))
        found.update({("need", name, *ALL): counting.spelling(name, needs[name], askers) for name in needs})
        return found

    # ---- reading

    def _read(self, session: Session, period: str) -> _Log:
        inside = weeks.weeks_of(period)
        table = TrendQuestion.__table__
        query = select(*table.c).where(table.c.week.in_(inside))
        rows = sorted(session.execute(query), key=lambda row: (row.text, row.id))
        events = session.execute(
            select(*Popularity.__table__.c)
            .where(Popularity.week.in_(inside))
            .order_by(*Popularity.__table__.primary_key)
        ).all()
        register = tuple(_recurring(one) for one in session.scalars(select(RecurringQuestion).order_by("id")))
        encoder = self._encoder_of(rows, register)
        helped = [row for row in events if row.thing == ASKER]
        events = [row for row in events if row.thing != ASKER]
        return _Log(
            rows, _vectors(rows, register), events, helped, register, self._seen(session, period),
            self._shown_before(session, period), encoder, self._is_fictional(session, rows),
        )  # fmt: skip

    def _encoder_of(self, rows: Sequence[Any], register: Sequence[Recurring]) -> str:
        made_by = {row.vector_of for row in rows}
        if self._encoder is not None:
            made_by.add(self._encoder.hash)
        if len(made_by) > 1 or None in made_by:
            raise CannotCount("Not all questions have a vector of the same encoder: renew the vectors first.")
        return str(next(iter(made_by), ""))

    def _seen(self, session: Session, period: str) -> dict[str, frozenset[Key]]:
        """The cells that snapshots of shorter periods inside this one show."""
        inside = {each for week in weeks.weeks_of(period) for each in weeks.chain(week)} - {*weeks.chain(period)}
        seen: dict[str, set[Key]] = {}
        cell = SnapshotCell.__table__.c
        query = select(cell.week, cell.measure, cell.name, cell.partition, cell.part).where(
            cell.week.in_(sorted(inside)), cell.count > 0
        )
        for week, *key in session.execute(query):
            seen.setdefault(week, set()).add(tuple(key))  # type: ignore[arg-type]
        return {week: frozenset(keys) for week, keys in seen.items()}

    def _shown_before(self, session: Session, period: str) -> dict[str, dict[str, int]]:
        """The numbers of recurring questions, and under no name of all, in the periods before; the oldest first."""
        found: list[tuple[str, dict[str, int]]] = []
        earlier = weeks.before(period)
        for _ in range(max(recurring.LOOKS_BACK[weeks.kind(period)])):
            if session.get(Snapshot, earlier) is None:
                break
            query = select(SnapshotCell.name, SnapshotCell.count).where(
                SnapshotCell.week == earlier,
                SnapshotCell.measure.in_(("recurring", "questions")),
                SnapshotCell.partition == ALL[0],
            )
            found.append((earlier, {name: count for name, count in session.execute(query) if count}))
            earlier = weeks.before(earlier)
        return dict(reversed(found))

    def _is_fictional(self, session: Session, rows: Sequence[Any]) -> bool:
        made_up = set(session.scalars(select(TrendImport.id).where(TrendImport.referrer == FICTIONAL)))
        return any(row.import_id in made_up for row in rows)

    # ---- writing

    def _write(self, made: Made) -> bool:
        """Writes a snapshot; gives False, and writes nothing, where the questions are not those that were counted."""
        inside = weeks.weeks_of(made.period)
        with Session(self._engine) as session, session.begin():
            ids = frozenset(session.scalars(select(TrendQuestion.id).where(TrendQuestion.week.in_(inside))))
            if ids != made.ids:
                return False
            session.add(Snapshot(week=made.period, rules=dict(made.rules), content_hash=made.content_hash))
            session.flush()
            for measure, name, partition, part, count, moves, label in made.cells:
                session.add(
                    SnapshotCell(
                        week=made.period, measure=measure, name=name, partition=partition, part=part, count=count,
                        movement=moves, label=label,
                    )
                )  # fmt: skip
            for one in made.register:
                session.merge(_row(one, made.rules["encoder"]))
            for table in (TrendQuestion, Popularity):
                session.execute(
                    update(table)
                    .where(table.week.in_(inside), table.counted_in.is_(None))
                    .values(counted_in=made.period)
                )
            assigned = [{"id": id_, "recurring_id": to} for id_, to in sorted(made.assigned.items())]
            for start in range(0, len(assigned), _AT_ONCE):
                session.execute(update(TrendQuestion), assigned[start : start + _AT_ONCE])
        return True

    def _reading(self) -> Session:
        return Session(self._engine.execution_options(writes=False))

    # ---- another encoder

    def renew_vectors(self) -> int:
        """Makes the vectors anew that another encoder made, and the centroids with them; gives how many questions.

        A centroid is that of the questions which were counted under it; where none is left, that of its label.
        """
        encoder = self._encoder
        if encoder is None:
            return 0
        renewed, questions = 0, QuestionLog(self._engine, encoder=encoder)
        while count := questions.renew_vectors():
            renewed += count
        with self._reading() as session:
            old = session.scalars(
                select(RecurringQuestion).where(RecurringQuestion.centroid_of != encoder.hash).order_by("id")
            ).all()
            fresh = {one.id: self._centroid_again(session, encoder, one) for one in old}
        with Session(self._engine) as session, session.begin():
            for id_, mean in fresh.items():
                session.execute(
                    update(RecurringQuestion)
                    .where(RecurringQuestion.id == id_)
                    .values(centroid=_centroid_bytes(mean), centroid_of=encoder.hash)
                )
        return renewed

    def _centroid_again(self, session: Session, encoder: Encoder, one: RecurringQuestion) -> Whole:
        query = select(TrendQuestion.vector).where(TrendQuestion.recurring_id == one.id).order_by(TrendQuestion.id)
        vectors = [np.frombuffer(vector, dtype="<f2") for vector in session.scalars(query) if vector is not None]
        if not vectors:
            vectors = [encoder.encode_one(one.label)]
        return centroid(whole(np.stack(vectors)))


def _rounded(rows: Rows) -> int:
    return rounded(len(rows))


def _was(log: _Log, id_: str) -> bool:
    return any(one.id == id_ for one in log.register)


def _included(counted_in: str | None) -> tuple[str, ...]:
    """The periods whose snapshots hold a question, when the first of them is known."""
    return () if counted_in is None else weeks.chain(counted_in)


def _of_question(row: Any, included: tuple[str, ...], recurring_id: str | None) -> Logged:
    helped = row.answered_by_agent or row.channel in ("phone", "email")
    flags = {
        "unanswered": row.topic is None,
        "handed-over": row.handed_over,
        "by-agent": row.answered_by_agent,
        "helpful": row.helpful is True,
        "unhelpful": row.helpful is False,
        "helped": helped,
    }
    names = {
        "decision": row.decision,
        "topic": row.topic,
        "recurring": recurring_id,
        "need": counting.need_name(row.need),
        "referral-out": counting.referred(row.referred_to, row.referred_name),
    }
    parts = {
        "channel": row.channel,
        "language": row.language,
        "referrer": row.referrer or "",
        "signatory": counting.signatory(row.is_signatory),
        "size": row.size or counting.UNKNOWN,
    }
    return Logged(
        row.week,
        row.asker_id,
        included,
        parts,
        {measure: name for measure, name in names.items() if name is not None},
        frozenset(flag for flag, is_so in flags.items() if is_so),
    )


def _of_event(row: Any) -> Logged:
    return Logged(
        row.week,
        row.asker_id,
        _included(row.counted_in),
        {"referrer": row.referrer},
        {f"{row.thing}-{row.event}": row.name},
    )


def _of_helped(row: Any) -> Logged:
    return Logged(
        row.week,
        row.asker_id,
        _included(row.counted_in),
        {"signatory": row.name},
        {},
        frozenset({HELPED}),
        is_question=False,
    )


def _in_order(
    numbers: Sequence[Number],
    labels: Mapping[Key, str],
    said: Mapping[str, tuple[int | None, str | None, str]],
    counted: Mapping[Key, Rows],
) -> tuple[tuple[Any, ...], ...]:
    """All cells, in a fixed order; those of recurring questions with their movement, also where none are shown now."""
    found = []
    for number in numbers:
        measure, name, partition, part = number.key
        moves = said[name][1] if measure == "recurring" and (partition, part) == ALL else None
        found.append((measure, name, partition, part, number.count, moves, labels.get(number.key)))
    for id_, (now, moves, label) in said.items():
        if now is None and ("recurring", id_, *ALL) not in counted:
            found.append(("recurring", id_, *ALL, 0, moves, label))
    return tuple(sorted(found, key=lambda cell: cell[:4]))


def _vectors(rows: Sequence[Any], register: Sequence[Recurring]) -> Whole:
    """One for each row; zeros for a row that says nothing, and that joins no group."""
    known = [np.frombuffer(row.vector, dtype="<f2") if row.vector is not None else None for row in rows]
    width = next((len(vector) for vector in known if vector is not None), len(register[0].centroid) if register else 0)
    if not rows or not width:
        return np.zeros((len(rows), width), dtype=np.float32)
    nothing = np.zeros(width, dtype="<f2")
    return whole(np.stack([nothing if vector is None else vector for vector in known]))


def _recurring(row: RecurringQuestion) -> Recurring:
    # int16 holds whole numbers up to LENGTH exactly; float16 would not.
    mean = np.frombuffer(row.centroid, dtype="<i2").astype(np.float32)
    return Recurring(row.id, row.topic, row.label, row.language, row.first_week, row.last_week, mean)


def _row(one: Recurring, encoder: str) -> RecurringQuestion:
    return RecurringQuestion(
        id=one.id, first_week=one.first, last_week=one.last, label=one.label, language=one.language, topic=one.topic,
        centroid=_centroid_bytes(one.centroid), centroid_of=encoder,
    )  # fmt: skip


def _centroid_bytes(mean: Whole) -> bytes:
    if float(np.abs(mean).max(initial=0)) > LENGTH + 1:
        raise ValueError("not a centroid of whole numbers")
    return mean.astype("<i2").tobytes()


def stored(engine: Engine) -> Iterator[tuple[str, bool]]:
    """Every snapshot, in order, and whether its cells are still those that were written."""
    with Session(engine.execution_options(writes=False)) as session:
        for snapshot in sorted(session.scalars(select(Snapshot)).all(), key=lambda each: weeks.order(each.week)):
            cell = SnapshotCell.__table__.c
            query = select(
                cell.measure, cell.name, cell.partition, cell.part, cell.count, cell.movement, cell.label
            ).where(cell.week == snapshot.week)
            cells = tuple(sorted((tuple(row) for row in session.execute(query)), key=lambda row: row[:4]))
            made = Made(snapshot.week, {}, cells, (), {}, frozenset())
            yield snapshot.week, made.content_hash == snapshot.content_hash
