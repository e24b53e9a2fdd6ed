"""A small log of trends for tests: questions with vectors of the test's own, and what is read back of snapshots."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import date, timedelta
from pathlib import Path

import numpy as np
from sqlalchemy import Engine, delete, select
from sqlalchemy.orm import Session

from bot.answers.knowledge import Knowledge, load
from bot.trends import weeks
from bot.trends.models import RecurringQuestion, Snapshot, SnapshotCell, TrendQuestion
from bot.trends.snapshots import SnapshotMaker

ROOT = Path(__file__).resolve().parents[2]
WIDTH = 24
LATE = date(2027, 3, 1)
"""By then every period of 2026 is over."""


def knowledge() -> Knowledge:
    return load(ROOT / "knowledge")


def direction(number: int, wobble: int = 0) -> bytes:
    """A vector of what question `number` is about; with a wobble of a little to the side."""
    chance = np.random.default_rng(number)
    vector = chance.normal(size=WIDTH)
    vector /= np.linalg.norm(vector)
    if wobble:
        aside = np.random.default_rng(10_000 * (number + 1) + wobble).normal(size=WIDTH)
        vector = vector + 0.25 * aside / np.linalg.norm(aside)
    return (vector / np.linalg.norm(vector)).astype("<f2").tobytes()


def question(asker: str, week: str = "2026-W10", about: int = 0, wording: int = 0, **values: object) -> TrendQuestion:
    """A question in a log; unanswered, by chat, in Dutch, unless told otherwise."""
    given: dict[str, object] = {
        "id": str(uuid.uuid4()),
        "week": week,
        "asked_on": weeks.first_day(week) + timedelta(days=1),
        "asker_id": asker,
        "text": f"vraag {about}" if not wording else f"vraag {about} anders {wording}",
        "language": "nl",
        "channel": "chat",
        "decision": "unknown",
        "vector": direction(about, wording),
        "vector_of": "test",
        "handed_over": False,
        "answered_by_agent": False,
    }
    return TrendQuestion(**(given | values))


def add(engine: Engine, questions: Iterable[TrendQuestion]) -> None:
    with Session(engine) as session, session.begin():
        session.add_all(questions)


def erase(engine: Engine, asker: str) -> None:
    """As when the conversation of an asker is erased."""
    with Session(engine) as session, session.begin():
        session.execute(delete(TrendQuestion).where(TrendQuestion.asker_id == asker))


def freeze(engine: Engine, today: date = LATE, known: Knowledge | None = None) -> list[str]:
    return SnapshotMaker(engine, known or knowledge()).make_missing(today)


def cells(engine: Engine, period: str | None = None) -> dict[tuple[str, str, str, str, str], int]:
    """Every cell by period, measure, name, partition and part."""
    with Session(engine) as session:
        query = select(SnapshotCell).order_by(SnapshotCell.week)
        if period is not None:
            query = query.where(SnapshotCell.week == period)
        return {
            (cell.week, cell.measure, cell.name, cell.partition, cell.part): cell.count
            for cell in session.scalars(query)
        }


def everything(engine: Engine) -> list[tuple[object, ...]]:
    """All that is kept of snapshots and recurring questions, but for the moment they were made at."""
    with Session(engine) as session:
        found: list[tuple[object, ...]] = [
            (one.week, one.content_hash, str(sorted(one.rules.items())))
            for one in session.scalars(select(Snapshot).order_by(Snapshot.week))
        ]
        found += session.execute(select(*SnapshotCell.__table__.c).order_by(*SnapshotCell.__table__.primary_key)).all()
        found += session.execute(select(*RecurringQuestion.__table__.c).order_by(RecurringQuestion.id)).all()
        return [tuple(row) for row in found]
