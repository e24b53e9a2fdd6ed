from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import Engine, select, update
from sqlalchemy.orm import Session

from bot.database.engine import migrate, open_engine
from bot.trends import weeks
from bot.trends.models import Popularity, RecurringQuestion, Snapshot, SnapshotCell, TrendQuestion
from bot.trends.rounding import Askers, Line, over_time, rounded, shown
from bot.trends.snapshots import CannotCount, SnapshotMaker, stored
from tests.trends.made_up import LATE, WIDTH, add, cells, direction, erase, everything, freeze, knowledge, question

ALL = ("all", "")
KNOWLEDGE = knowledge()


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = open_engine(database_url, 10)
    yield engine
    engine.dispose()


def made(engine: Engine, today: date = LATE) -> list[str]:
    return freeze(engine, today, KNOWLEDGE)


# ---- rounding


def test_numbers_are_rounded_to_the_nearest_five() -> None:
    assert [rounded(count) for count in (0, 2, 3, 5, 7, 8, 12, 13, 1_002)] == [0, 0, 5, 5, 5, 10, 10, 15, 1_000]


def test_a_number_of_too_few_hides_and_takes_the_smallest_with_it() -> None:
    askers = Askers(list(range(100)), 5)
    total, large, small, one = set(range(30)), set(range(20)), set(range(20, 28)), set(range(28, 30))
    found = {"total": total, "large": large, "small": small, "one": one}
    line = Line("total", ("large", "small", "one"))
    assert shown(found, [line], askers) == {"total", "large"}
    assert shown(found, [], askers) == {"total", "large", "small"}
    assert shown({**found, "total": large | small, "one": set()}, [line], askers) == {"total", "large", "small"}


def test_many_questions_of_one_asker_are_not_many_askers() -> None:
    askers = Askers(["a"] * 50 + ["b", "c", "d", "e"], 5)
    assert not askers.enough(set(range(53)))
    assert askers.enough(set(range(54)))


def test_a_longer_period_counts_what_was_shown_and_of_the_rest_nothing_or_enough() -> None:
    askers = Askers(list(range(100)), 5)
    assert over_time(set(range(8)), set(range(6)), askers) == set(range(6))
    assert over_time(set(range(12)), set(range(6)), askers) == set(range(12))
    assert over_time(set(range(6)), set(), askers) == set(range(6))


# ---- what is counted


def test_five_askers_are_shown_and_four_are_not(engine: Engine) -> None:
    add(engine, [question(f"a{n}", about=1, wording=n) for n in range(5)])
    add(engine, [question(f"b{n}", about=2, wording=n) for n in range(4)])
    add(engine, [question("b0", about=2, wording=n) for n in range(10, 20)])
    # Others to hide among: with the four alone, subtracting the five from all unanswered ones would show them.
    add(engine, [question(f"c{n}", about=40 + n) for n in range(3)])
    made(engine)
    week = cells(engine, "2026-W10")
    recurring = {key[2]: count for key, count in week.items() if key[1] == "recurring"}
    assert list(recurring.values()) == [5]
    assert week["2026-W10", "questions", "", *ALL] == 20
    assert week["2026-W10", "askers", "", *ALL] == 10
    assert week["2026-W10", "gap", next(iter(recurring)), *ALL] == 5
    assert min(week.values()) >= 5 and all(count % 5 == 0 for count in week.values())


def test_what_says_nothing_but_tags_counts_and_is_no_recurring_question(engine: Engine) -> None:
    add(engine, [question(f"a{n}", text="[PHONE]", vector=None) for n in range(12)])
    add(engine, [question(f"b{n}", about=1, wording=n) for n in range(6)])
    made(engine)
    week = cells(engine, "2026-W10")
    assert week["2026-W10", "questions", "", *ALL] == 20
    assert [count for key, count in week.items() if key[1] == "recurring"] == [5]


def test_what_is_counted_of_a_period(engine: Engine) -> None:
    topic = "law.report-deadline"
    add(engine, [question(f"c{n}", topic=topic, decision="answer", helpful=True, size="sme") for n in range(10)])
    add(
        engine,
        [
            question(
                f"p{n}", about=3, channel="phone", decision=None, topic=topic, need="Een voorbeeld.", referrer="awvn",
                referred_to="network", referred_name="awvn", is_signatory=False, language="en",
            )
            for n in range(7)
        ],
    )  # fmt: skip
    add(engine, [question(f"h{n}", about=4, wording=n, handed_over=True, answered_by_agent=True) for n in range(6)])
    made(engine)
    week = {key[1:]: count for key, count in cells(engine, "2026-W10").items()}
    assert week["questions", "", "channel", "chat"] == 15
    assert week["questions", "", "channel", "phone"] == 5
    assert week["questions", "", "language", "en"] == 5
    assert week["questions", "", "referrer", "awvn"] == 5
    assert week["questions", "", "signatory", "no"] == 5
    assert week["questions", "", "size", "sme"] == 10
    assert week["decision", "answer", *ALL] == 10
    assert week["topic", topic, *ALL] == 15
    assert week["helpful", "", *ALL] == 10
    assert week["handed-over", "", *ALL] == week["by-agent", "", *ALL] == week["unanswered", "", *ALL] == 5
    assert week["helped", "", *ALL] == 15
    assert week["helped", "", "signatory", "no"] == 5
    assert week["referral-in", "awvn", *ALL] == week["referral-out", "awvn", *ALL] == 5
    assert week["need", "een voorbeeld", *ALL] == 5
    assert ("topic", topic, "channel", "chat") not in week, "weeks are not divided any further"
    half = {key[1:]: count for key, count in cells(engine, "2026-H1").items()}
    assert half["topic", topic, "channel", "chat"] == 10
    with Session(engine) as session:
        label = session.scalar(
            select(SnapshotCell.label).where(SnapshotCell.measure == "need", SnapshotCell.week == "2026-W10")
        )
    assert label == "Een voorbeeld."


def test_popularity_is_counted_by_askers_and_referrer(engine: Engine) -> None:
    def event(asker: str, happened: str = "opened", referrer: str = "") -> Popularity:
        return Popularity(
            week="2026-W10", thing="material", name="menu", event=happened, referrer=referrer, asker_id=asker
        )

    add(engine, [question("x")])
    with Session(engine) as session, session.begin():
        session.add_all([event(f"a{n}") for n in range(9)])
        session.add_all([event(f"b{n}", referrer="abu") for n in range(6)])
        session.add_all([event(f"b{n}", referrer="nbbu") for n in range(6, 8)])
        session.add_all([event(f"a{n}", "helpful") for n in range(4)])
    made(engine)
    week = {key[1:]: count for key, count in cells(engine, "2026-W10").items()}
    assert week["material-opened", "menu", *ALL] == 15
    assert week["material-opened", "menu", "referrer", ""] == 10
    # The two of nbbu would be known if abu were shown beside all.
    assert ("material-opened", "menu", "referrer", "abu") not in week
    assert ("material-helpful", "menu", *ALL) not in week


# ---- frozen


def test_a_snapshot_never_changes(engine: Engine) -> None:
    add(engine, [question(f"a{n}", about=1, wording=n) for n in range(8)])
    made(engine, date(2026, 3, 15))
    before = cells(engine, "2026-W10")
    assert before
    add(engine, [question(f"late{n}", about=1, wording=20 + n) for n in range(8)])
    erase(engine, "a0")
    erase(engine, "a1")
    made(engine)
    assert cells(engine, "2026-W10") == before
    assert not SnapshotMaker(engine, KNOWLEDGE).make("2026-W10", LATE)
    half = {key[1:]: count for key, count in cells(engine, "2026-H1").items()}
    assert half["questions", "", *ALL] == rounded(14), "what came late counts in the longer periods"


def test_what_was_erased_is_in_no_snapshot_still_to_come(engine: Engine) -> None:
    add(engine, [question(f"a{n}", about=1, wording=n) for n in range(5)])
    made(engine, date(2026, 3, 15))
    for asker in ("a0", "a1", "a2", "a3", "a4"):
        erase(engine, asker)
    made(engine)
    assert cells(engine, "2026-H1") == {}
    assert cells(engine, "2026-W10") != {}


def test_it_is_seen_when_a_snapshot_was_changed(engine: Engine) -> None:
    add(engine, [question(f"a{n}") for n in range(6)])
    made(engine)
    assert dict(stored(engine))["2026-W10"]
    with Session(engine) as session, session.begin():
        session.execute(
            update(SnapshotCell).where(SnapshotCell.week == "2026-W10").values(count=SnapshotCell.count + 5)
        )
    assert [period for period, whole in stored(engine) if not whole] == ["2026-W10"]


def test_periods_are_counted_in_order_and_not_before_they_are_over(engine: Engine) -> None:
    add(engine, [question("a"), question("b", "2026-W11")])
    maker = SnapshotMaker(engine, KNOWLEDGE)
    with pytest.raises(CannotCount, match="not over"):
        maker.make("2026-W11", date(2026, 3, 15))
    with pytest.raises(CannotCount, match="2026-W10 comes first"):
        maker.make("2026-W11", date(2026, 3, 20))
    assert maker.make("2026-W10", date(2026, 3, 20)) and maker.make("2026-W11", date(2026, 3, 20))
    assert maker.due(date(2026, 3, 20)) == []
    assert maker.make_missing(date(2026, 3, 20)) == []


def test_a_week_without_questions_is_frozen_too(engine: Engine) -> None:
    add(engine, [question("a"), question("b", "2026-W13")])
    periods = made(engine, date(2026, 4, 1))
    assert periods == ["2026-W10", "2026-W11", "2026-W12", "2026-W13"]


def test_nothing_to_count_is_no_trouble(engine: Engine) -> None:
    assert made(engine) == []


# ---- the same input gives the same output


def world(seed: int, in_weeks: Sequence[str], each: int = 30) -> list[TrendQuestion]:
    """A log made by chance: some questions that recur, answered or not, and some that do not."""
    chance = random.Random(seed)
    topics = sorted(KNOWLEDGE.topics)[:4]
    found = []
    for week in in_weeks:
        for number in range(chance.randint(each // 2, each)):
            about = chance.choice((1, 1, 1, 2, 2, 3, 4, 5 + chance.randint(0, 50)))
            topic = topics[about - 2] if about in (2, 3) else None
            found.append(
                question(
                    f"{week}-{number // 2 if chance.random() < 0.3 else number}", week, about, chance.randint(1, 12),
                    id=f"{seed}-{week}-{number}", topic=topic, decision="answer" if topic else "unknown",
                    language=chance.choice(("nl", "nl", "en")), channel=chance.choice(("chat", "chat", "phone")),
                    referrer=chance.choice((None, None, "awvn", "abu")), size=chance.choice((None, "sme", "large")),
                    is_signatory=chance.choice((None, True, False)), need=chance.choice((None, None, "voorbeelden")),
                )
            )  # fmt: skip
    return found


def fresh(folder: Path, name: str) -> Engine:
    url = f"sqlite:///{folder / name}.db"
    migrate(url)
    return open_engine(url, 10)


@pytest.mark.parametrize("seed", range(4))
def test_day_by_day_and_all_at_once_give_the_same(tmp_path: Path, seed: int) -> None:
    in_weeks = weeks.weeks_of("2026-H1")[:12]
    at_once, daily = fresh(tmp_path, "at-once"), fresh(tmp_path, "daily")
    try:
        add(at_once, world(seed, in_weeks))
        made(at_once)
        for week in in_weeks:
            add(daily, [one for one in world(seed, in_weeks) if one.week == week])
            for days in range(1, 8, 3):
                made(daily, weeks.last_day(week) + timedelta(days=days))
        made(daily)
        assert len(everything(at_once)) > 100
        assert everything(at_once) == everything(daily)
    finally:
        at_once.dispose()
        daily.dispose()


@pytest.mark.parametrize("seed", range(3))
def test_neither_ids_nor_the_order_of_rows_make_a_difference(tmp_path: Path, seed: int) -> None:
    in_weeks = weeks.weeks_of("2026-M03")
    one, other = fresh(tmp_path, "one"), fresh(tmp_path, "other")
    try:
        add(one, world(seed, in_weeks))
        shuffled = world(seed, in_weeks)
        random.Random(seed).shuffle(shuffled)
        askers = {question.asker_id for question in shuffled}
        names = {asker: f"someone-{place}" for place, asker in enumerate(sorted(askers, reverse=True))}
        for place, row in enumerate(shuffled):
            row.id, row.asker_id = f"{place:06d}", names[row.asker_id]
        add(other, shuffled)
        made(one)
        made(other)
        assert everything(one) == everything(other)
    finally:
        one.dispose()
        other.dispose()


# ---- another encoder


class Turned:
    """An encoder that gives other vectors for the same texts: everything is turned a quarter."""

    hash = "turned"

    def encode(self, texts: Sequence[str], workers: int = 1) -> np.ndarray:
        return np.stack([self.encode_one(text) for text in texts])

    def encode_one(self, text: str) -> np.ndarray:
        words = text.split()
        about, wording = int(words[1]), int(words[3]) if len(words) > 3 else 0
        return np.roll(np.frombuffer(direction(about, wording), dtype="<f2").astype(np.float32), WIDTH // 4)


def test_recurring_questions_keep_their_identity_under_another_encoder(engine: Engine) -> None:
    add(engine, [question(f"a{n}", about=1, wording=n + 1) for n in range(8)])
    made(engine, date(2026, 3, 15))
    add(engine, [question(f"b{n}", "2026-W11", about=1, wording=n + 30) for n in range(8)])
    with pytest.raises(CannotCount, match="same encoder"):
        with Session(engine) as session, session.begin():
            session.execute(
                update(TrendQuestion).where(TrendQuestion.week == "2026-W11").values(vector=None, vector_of=None)
            )
        made(engine, date(2026, 3, 22))
    SnapshotMaker(engine, KNOWLEDGE, encoder=Turned()).make_missing(date(2026, 3, 22))  # type: ignore[arg-type]
    first = {key[2] for key in cells(engine, "2026-W10") if key[1] == "recurring"}
    second = {key[2] for key in cells(engine, "2026-W11") if key[1] == "recurring"}
    assert len(first) == 1 and first == second
    with Session(engine) as session:
        assert {one.centroid_of for one in session.scalars(select(RecurringQuestion))} == {"turned"}
        assert {one.vector_of for one in session.scalars(select(TrendQuestion))} == {"turned"}
        assert session.get(Snapshot, "2026-W11").rules["encoder"] == "turned"  # type: ignore[union-attr]
