"""Employers helped: who had a request answered counts too, once, and nobody can be told by it."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from bot.database.engine import migrate, open_engine
from bot.trends import weeks
from bot.trends.models import Popularity
from tests.trends.curious import KNOWLEDGE, LEAST, sparse_world, subtractions, with_events
from tests.trends.made_up import LATE, add, cells, freeze, question

WEEK, HALF = "2026-W10", "2026-H1"


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    url = f"sqlite:///{tmp_path}/test.db"
    migrate(url)
    engine = open_engine(url, 10)
    yield engine
    engine.dispose()


@pytest.fixture
def exact(monkeypatch: pytest.MonkeyPatch) -> None:
    """Numbers as they were before they were rounded."""
    for module in ("counting", "snapshots"):
        monkeypatch.setattr(f"bot.trends.{module}.rounded", int)


def answered(engine: Engine, *askers: str, week: str = WEEK, signed: str = "unknown") -> None:
    with Session(engine) as session, session.begin():
        session.add_all(
            Popularity(week=week, thing="asker", name=signed, event="helped", referrer="", asker_id=asker)
            for asker in askers
        )


def helped(engine: Engine, period: str = HALF, part: str | None = None) -> int | None:
    return cells(engine).get((period, "helped", "", *(("signatory", part) if part else ("all", ""))))


def test_an_asker_counts_once_however_it_was_helped(engine: Engine, exact: None) -> None:
    add(engine, [question(f"chat{n}") for n in range(8)])
    add(engine, [question(f"phone{n}", channel="phone") for n in range(6)])
    answered(engine, *(f"chat{n}" for n in range(3)), "phone0", *(f"talk{n}" for n in range(2)))
    answered(engine, "chat0", week="2026-W11")
    freeze(engine, LATE, KNOWLEDGE)
    assert helped(engine) == 6 + 3 + 2
    found = cells(engine)
    assert found[HALF, "questions", "", "all", ""] == found[HALF, "askers", "", "all", ""] == 14, "it is no question"
    assert not [key for key in found if key[1].startswith("asker-")]


def test_who_signed_is_told_of_those_too(engine: Engine, exact: None) -> None:
    add(engine, [question(f"phone{n}", channel="phone", is_signatory=False) for n in range(6)])
    answered(engine, *(f"talk{n}" for n in range(5)), signed="no")
    answered(engine, *(f"signatory{n}" for n in range(7)), signed="yes")
    freeze(engine, LATE, KNOWLEDGE)
    assert (helped(engine), helped(engine, part="no"), helped(engine, part="yes")) == (18, 11, 7)


def test_too_few_are_not_shown(engine: Engine) -> None:
    add(engine, [question(f"chat{n}") for n in range(12)])
    answered(engine, *(f"talk{n}" for n in range(4)))
    freeze(engine, LATE, KNOWLEDGE)
    assert helped(engine) is None


@pytest.mark.parametrize(("others", "shown"), [(2, None), (LEAST, 10)])
def test_how_many_askers_were_not_helped_is_nobody_or_enough(
    engine: Engine, exact: None, others: int, shown: int | None
) -> None:
    """All who asked and were answered by mail asked in the chat before: taking one number from the other tells all."""
    add(engine, [question(f"chat{n}") for n in range(10 + others)])
    answered(engine, *(f"chat{n}" for n in range(10)))
    freeze(engine, LATE, KNOWLEDGE)
    assert helped(engine) == shown


def test_an_answer_after_the_week_was_frozen_counts_in_the_half_year(engine: Engine, exact: None) -> None:
    add(engine, [question(f"chat{n}") for n in range(20)])
    answered(engine, *(f"chat{n}" for n in range(6)))
    freeze(engine, weeks.last_day(WEEK).replace(day=20), KNOWLEDGE)
    before = cells(engine)
    assert helped(engine, WEEK) == 6
    answered(engine, *(f"chat{n}" for n in range(6, 13)))
    freeze(engine, LATE, KNOWLEDGE)
    assert {key: cells(engine)[key] for key in before} == before
    assert helped(engine) == 13


@pytest.mark.parametrize("seed", range(3))
def test_the_curious_reader_finds_nobody(engine: Engine, exact: None, seed: int) -> None:
    world = sparse_world(seed)
    chance, asked = random.Random(seed), sorted({(one.week, one.asker_id) for one in world})
    with_events(engine, world)
    for week, asker in asked:
        if chance.random() < 0.2:
            answered(engine, asker, week=week, signed=chance.choice(("yes", "no", "unknown")))
        if chance.random() < 0.05:
            answered(engine, f"talk-{asker}", week=week)
    freeze(engine, LATE, KNOWLEDGE)
    found = {key: count for key, count in cells(engine).items() if count}
    assert [key for key in found if key[1] == "helped"]
    assert min(found.values()) >= LEAST
    assert [(how, rest) for how, rest in subtractions(found) if rest != 0 and abs(rest) < LEAST] == []
