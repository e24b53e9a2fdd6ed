"""Plays somebody who may read every snapshot, and wants to know what one company asked.

The reader has every cell of every period, and in the strictest tests even the numbers as they were before rounding.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from bot.database.engine import migrate, open_engine
from bot.trends import weeks
from bot.trends.models import RecurringQuestion, Snapshot, SnapshotCell
from tests.trends.curious import KNOWLEDGE, LEAST, Cells, sparse_world, subtractions, with_events
from tests.trends.made_up import LATE, add, cells, erase, freeze, question


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    url = f"sqlite:///{tmp_path}/test.db"
    migrate(url)
    engine = open_engine(url, 10)
    yield engine
    engine.dispose()


@pytest.mark.parametrize("seed", range(8))
def test_no_subtraction_leaves_fewer_than_enough_even_in_exact_numbers(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """Stronger than what is shown: rounding is switched off for this reader."""
    for module in ("counting", "snapshots"):
        monkeypatch.setattr(f"bot.trends.{module}.rounded", int)
    with_events(engine, sparse_world(seed))
    freeze(engine, LATE, KNOWLEDGE)
    found = {key: count for key, count in cells(engine).items() if count}
    assert len(found) > 200
    assert min(found.values()) >= LEAST
    tried = list(subtractions(found))
    assert len(tried) > 100
    assert [(how, rest) for how, rest in tried if rest != 0 and abs(rest) < LEAST] == []


def test_every_number_that_is_shown_is_a_multiple_of_five_and_stands_for_enough_askers(engine: Engine) -> None:
    rows = sparse_world(100)
    askers_of = defaultdict(set)
    for one in rows:
        askers_of[one.week].add(one.asker_id)
    with_events(engine, rows)
    freeze(engine, LATE, KNOWLEDGE)
    found = cells(engine)
    assert all(count % 5 == 0 for count in found.values())
    quiet = [week for week in weeks.weeks_of("2026-H1") if len(askers_of[week]) < LEAST]
    assert quiet
    assert [key for key in found if key[0] in quiet] == []


def test_an_employers_own_words_are_nowhere(engine: Engine) -> None:
    """One company asks something nobody else does, and something everybody does in words of its own."""
    with_events(engine, sparse_world(200))
    add(engine, [question("victim", about=77, text="Onze fabriek Kraanvogel in Zwaluwdorp wil een quotum")])
    add(engine, [question("victim", about=1, wording=3, text="Vraag van Kraanvogel over een")])
    add(engine, [question("victim", about=1, need="Een mus voor Kraanvogel", referred_name="zwaluwdorp")])
    freeze(engine, LATE, KNOWLEDGE)
    with Session(engine) as session:
        kept: list[object] = []
        for table in (Snapshot, SnapshotCell, RecurringQuestion):
            kept += session.execute(select(*table.__table__.c)).all()
    said = repr([[value for value in row if not isinstance(value, bytes)] for row in kept]).casefold()  # type: ignore
    assert "subsid" not in said and "vraag" in said
    for word in ("kraanvogel", "zwaluwdorp", "quotum voor", "mus voor"):
        assert word not in said


ATTRIBUTES: list[dict[str, object]] = [
    {},
    {"size": "sme"},
    {"is_signatory": True},
    {"referrer": "awvn"},
    {"channel": "email", "decision": None},
    {"language": "en"},
]


def test_who_the_fifth_asker_is_makes_no_difference_to_what_is_shown(tmp_path: Path) -> None:
    """The reader knows the other four, and may be one of them: that there is a fifth is seen, and nothing about it."""
    seen, when_the_half_year_is_over = [], date(2026, 7, 20)
    for place, attributes in enumerate(ATTRIBUTES):
        url = f"sqlite:///{tmp_path}/fifth-{place}.db"
        migrate(url)
        other = open_engine(url, 10)
        add(other, [question(f"a{n}", about=1, wording=n) for n in range(4)])
        add(other, [question(f"fifth-{place}", about=1, wording=9, **attributes)])
        add(other, [question(f"b{n}", about=50 + n) for n in range(12)])
        assert "2026-H1" in freeze(other, when_the_half_year_is_over, KNOWLEDGE)
        found = cells(other)
        seen.append({key: count for key, count in found.items() if key[1] in ("recurring", "gap", "unanswered")})
        assert seen[-1]
        mine = {("size", "sme"), ("signatory", "yes"), ("referrer", "awvn"), ("channel", "email"), ("language", "en")}
        assert [key for key in found if key[3:] in mine] == []
        other.dispose()
    assert all(each == seen[0] for each in seen)


def test_erasing_and_looking_again_changes_nothing_that_was_shown_and_leaves_no_trace_later(
    engine: Engine, tmp_path: Path
) -> None:
    """The same log twice; in one of them a company asked along until it erased its conversation."""
    url = f"sqlite:///{tmp_path}/without.db"
    migrate(url)
    without = open_engine(url, 10)
    first, later = weeks.weeks_of("2026-H1")[:10], weeks.weeks_of("2026-H1")[10:]
    quiet_until = weeks.last_day(first[-1]) + timedelta(days=2)
    try:
        for each in (engine, without):
            add(each, [one for one in sparse_world(300) if one.week in first])
        add(engine, [question("victim", week, about, 2) for week in first for about in (1, 60)])
        for each in (engine, without):
            freeze(each, quiet_until, KNOWLEDGE)
        before = cells(engine)
        erase(engine, "victim")
        for each in (engine, without):
            add(each, [one for one in sparse_world(300) if one.week in later])
            freeze(each, LATE, KNOWLEDGE)
        after = cells(engine)
        assert {key: after[key] for key in before} == before
        fresh = {key: count for key, count in after.items() if key[0] in later}
        never = {key: count for key, count in cells(without).items() if key[0] in later}
        assert _nameless(fresh) == _nameless(never) and fresh
    finally:
        without.dispose()


def _nameless(found: Cells) -> list[tuple[object, ...]]:
    """Cells without the ids of recurring questions: those follow from the week in which one was first shown."""
    unnamed = ("recurring", "gap", "unanswered")
    return sorted(
        (key[0], key[1], "" if key[1] in unnamed else key[2], *key[3:], count) for key, count in found.items()
    )


def test_two_periods_never_overlap_by_a_part() -> None:
    """So there are no two windows of which one takes a week from the other."""
    day, periods = date(2024, 1, 1), set[str]()
    while day < date(2028, 1, 1):
        periods.update(weeks.chain(weeks.week_of(day)))
        day += timedelta(days=1)
    spans = [frozenset(weeks.weeks_of(period)) for period in sorted(periods)]
    for one in spans:
        for other in spans:
            assert not one & other or one <= other or other <= one
