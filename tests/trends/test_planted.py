"""Whether the trends that the made-up questions hide are the ones that are found: how many, and how many false."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from bot.answers.knowledge import Knowledge
from bot.database.engine import migrate, open_engine
from bot.encoder.runtime import Encoder
from bot.trends import demo, weeks
from bot.trends.models import Popularity, RecurringQuestion, Snapshot, SnapshotCell, TrendImport, TrendQuestion
from bot.trends.snapshots import SnapshotMaker
from tests.running import MODELS
from tests.trends.made_up import add, knowledge, question

TODAY = date(2026, 11, 21)
LAST_HALF_YEAR = "2026-H1"
SEEDS = (1, 2, 3)


class Remembering:
    """The served encoder, for texts that come back with every seed."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder, self.hash = encoder, encoder.hash
        self._known: dict[str, np.ndarray] = {}

    def encode(self, texts: Sequence[str], workers: int = 1) -> np.ndarray:
        new = [text for text in texts if text not in self._known]
        self._known |= dict(zip(new, self._encoder.encode(new, workers=workers), strict=True))
        return np.stack([self._known[text] for text in texts])


@dataclass
class Found:
    """What was found of one made-up log."""

    moves: dict[str, str | None]
    """Of the planted trends, by name: what the recurring question that most of it went to is called."""
    whole: dict[str, float]
    """The share of the planted questions that went there."""
    pure: dict[str, float]
    """The share of that recurring question that is planted."""
    false_gaps: list[str]
    """Gaps that are shown in the last half-year, and that nobody planted."""
    false_moves: list[str]
    """Recurring questions that are called rising, fading or gone, and that nobody planted."""
    shown: int
    added_first: str
    """The period in which the question that got its topic late was shown first."""


@pytest.fixture(scope="module")
def encoder() -> Remembering:
    current = MODELS / "current.json"
    if not current.is_file():
        pytest.fail("There are no trained models: run `make test`, which trains them first.")
    return Remembering(Encoder(MODELS / json.loads(current.read_text())["encoder"]))


@pytest.fixture(scope="module")
def known() -> Knowledge:
    return knowledge()


def opened(folder: Path, name: str = "demo") -> Engine:
    url = f"sqlite:///{folder / name}.db"
    migrate(url)
    return open_engine(url, 10)


@pytest.fixture(scope="module")
def frozen(
    tmp_path_factory: pytest.TempPathFactory, known: Knowledge, encoder: Remembering
) -> Iterator[Callable[[int], Engine]]:
    """Gives what was made up from a seed, with all its snapshots: made once, and only read."""
    made: dict[int, Engine] = {}

    def of(seed: int) -> Engine:
        if seed not in made:
            made[seed] = opened(tmp_path_factory.mktemp(f"seed{seed}"))
            demo.fill(made[seed], known, encoder, TODAY, seed=seed)  # type: ignore[arg-type]
            SnapshotMaker(made[seed], known).make_missing(TODAY)
        return made[seed]

    yield of
    for engine in made.values():
        engine.dispose()


def look(engine: Engine, known: Knowledge, seed: int) -> Found:
    inventor = demo.Inventor(known, demo.demo_weeks(TODAY), seed=seed)
    about = {one.text: one.source for one in inventor.questions()}
    planted = {one.name for one in demo.PLANTED}
    went: dict[str, Counter[str]] = defaultdict(Counter)
    came: dict[str, Counter[str]] = defaultdict(Counter)
    with Session(engine) as session:
        for text, id_ in session.execute(select(TrendQuestion.text, TrendQuestion.recurring_id)):
            went[about[text]][id_ or ""] += 1
            if id_:
                came[id_][about[text]] += 1
        cell = SnapshotCell.__table__.c
        query = select(cell.measure, cell.name, cell.movement, cell.label).where(
            cell.week == LAST_HALF_YEAR, cell.partition == "all", cell.measure.in_(("recurring", "gap"))
        )
        cells = session.execute(query).all()
        added_first = session.scalar(select(RecurringQuestion.first_week).where(RecurringQuestion.topic == demo.ADDED))
    moves = {cell.name: cell.movement for cell in cells if cell.measure == "recurring"}
    best = {name: max((id_ for id_ in went[name] if id_), key=lambda id_, n=name: went[n][id_]) for name in planted}
    gaps = {"subsidy", "menopause", "prayer-room", "payroll-link", "mentor-programme", demo.ADDED}
    of_id = {id_: counts.most_common(1)[0][0] for id_, counts in came.items()}
    return Found(
        {name: moves.get(best[name]) for name in planted},
        {name: went[name][best[name]] / went[name].total() for name in planted},
        {name: came[best[name]][name] / came[best[name]].total() for name in planted},
        [cell.label for cell in cells if cell.measure == "gap" and of_id[cell.name] not in gaps],
        [
            f"{cell.movement}: {cell.label}"
            for cell in cells
            if cell.measure == "recurring"
            and cell.movement in ("rising", "fading", "gone")
            and of_id[cell.name] not in planted | gaps
        ],
        len(moves),
        added_first or "",
    )


@pytest.mark.parametrize("seed", SEEDS)
def test_the_planted_trends_are_found_and_few_others(
    frozen: Callable[[int], Engine], known: Knowledge, seed: int
) -> None:
    found = look(frozen(seed), known, seed)
    wanted = {one.name: one.moves for one in demo.PLANTED if one.moves}
    right = [name for name in wanted if found.moves[name] == wanted[name]]
    print(f"seed {seed}: {len(right)} of {len(wanted)} found; {len(found.false_moves)} false of {found.shown};", found)
    assert set(wanted) - set(right) == set()
    answered_from = demo.demo_weeks(TODAY)[demo.ADDED_IN]
    assert weeks.last_day(found.added_first) < weeks.first_day(answered_from), "it is the gap that it was before"
    assert min(found.whole.values()) > 0.4, found.whole
    assert min(found.pure.values()) > 0.85, found.pure
    assert len(found.false_moves) <= 0.03 * found.shown, found.false_moves
    assert len(found.false_gaps) <= 3, found.false_gaps


def test_a_question_around_the_deadline_rises_in_october(frozen: Callable[[int], Engine]) -> None:
    with Session(frozen(1)) as session:
        id_ = session.scalar(select(RecurringQuestion.id).where(RecurringQuestion.topic == demo.SEASONAL))
        cells = session.scalars(
            select(SnapshotCell).where(SnapshotCell.name == id_, SnapshotCell.measure == "recurring")
        ).all()
        loud = {cell.week for cell in cells if cell.movement in ("new", "rising")}
    october = {*weeks.weeks_of("2026-M10"), "2026-M10"}
    assert loud & october
    assert "2026-M10" in loud


def test_the_same_seed_makes_the_same_questions_up(known: Knowledge) -> None:
    def made_up(seed: int) -> str:
        inventor = demo.Inventor(known, demo.demo_weeks(TODAY), seed=seed, per_week=30)
        return repr(inventor.rows(list(inventor.questions()), "import"))

    assert made_up(1) == made_up(1) != made_up(2)


def test_the_made_up_weeks_are_two_half_years_that_are_over_and_what_came_after() -> None:
    in_weeks = demo.demo_weeks(TODAY)
    assert in_weeks[:52] == weeks.weeks_of("2025-H2") + weeks.weeks_of("2026-H1")
    assert in_weeks[-1] == "2026-W46"
    assert demo.demo_weeks(date(2026, 7, 5))[0] == "2025-W01", "the half-year just before is not over yet"


def test_made_up_questions_are_known_as_such_and_never_mixed(
    tmp_path: Path, known: Knowledge, encoder: Remembering
) -> None:
    engine, real = opened(tmp_path), opened(tmp_path, "real")
    try:
        demo.fill(engine, known, encoder, TODAY, per_week=20)  # type: ignore[arg-type]
        with pytest.raises(demo.NotForDemo, match="already"):
            demo.fill(engine, known, encoder, TODAY)  # type: ignore[arg-type]
        SnapshotMaker(engine, known).make_missing(date(2025, 9, 1))
        with Session(engine) as session:
            assert {snapshot.rules["fictional"] for snapshot in session.scalars(select(Snapshot))} == {True}
            assert session.scalar(select(TrendImport.referrer)) == demo.FICTIONAL
            assert session.scalar(select(func.count()).select_from(Popularity))
        add(real, [question("somebody")])
        with pytest.raises(demo.NotForDemo, match="real questions"):
            demo.fill(real, known, encoder, TODAY)  # type: ignore[arg-type]
        with Session(real) as session:
            assert session.scalar(select(func.count()).select_from(TrendQuestion)) == 1
    finally:
        engine.dispose()
        real.dispose()
