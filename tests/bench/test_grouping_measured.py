from __future__ import annotations

import numpy as np
import pytest

from bot.trends.demo import PLANTED
from bot.trends.grouping import group
from tests.bench import grouping as bench

NAMES = [one.name for one in PLANTED]


def test_groups_that_are_as_what_was_asked_get_full_marks() -> None:
    about = np.repeat(np.array([*NAMES, "", "other"]), 10)
    groups = np.repeat(np.array([*range(len(NAMES)), -1, 99]), 10)
    found = bench.agreement(about, groups)
    assert (found["adjusted_rand"], found["planted_f1"], found["planted_found"]) == (1.0, 1.0, len(NAMES))
    assert (found["groups"], found["in_no_group"], found["strays_in_no_group"]) == (len(NAMES) + 1, 0.0, 1.0)


def test_the_best_group_of_a_trend_has_its_precision_and_recall() -> None:
    about = np.array([NAMES[0]] * 20 + ["other"] * 20)
    groups = np.array([0] * 12 + [1] * 5 + [-1] * 3 + [0] * 4 + [2] * 16)
    found = bench.agreement(about, groups)
    assert found["planted"][NAMES[0]] == {"precision": 12 / 16, "recall": 12 / 20, "f1": pytest.approx(2 / 3)}
    assert found["planted"][NAMES[1]]["f1"] == 0.0
    assert found["planted_found"] == 1
    assert found["in_no_group"] == 3 / 40
    assert 0.0 < found["adjusted_rand"] < 1.0


def test_a_group_of_fewer_than_are_shown_is_none() -> None:
    about = np.array([NAMES[0]] * 9)
    found = bench.agreement(about, np.array([0] * 4 + [1] * 5))
    assert (found["groups"], found["in_no_group"]) == (1, 4 / 9)


def test_everything_in_one_group_is_no_better_than_chance() -> None:
    about = np.repeat(np.array(NAMES), 10)
    found = bench.agreement(about, np.zeros(len(about), dtype=np.int64))
    assert found["adjusted_rand"] == pytest.approx(0.0, abs=1e-9)
    assert found["planted_found"] == 0


def test_growth_is_the_exponent_between_sizes_that_were_done() -> None:
    sizes = {
        "1000": {"seconds": 1.0, "peak_mb": 50.0, "texts": 100},
        "10000": {"seconds": 100.0, "peak_mb": 500.0, "texts": 10_000},
        "100000": {"not_done_within_seconds": 300.0},
    }
    bench._add_growth(sizes)
    assert sizes["10000"]["growth"] == {"seconds": pytest.approx(2.0), "peak_mb": pytest.approx(1.0)}
    assert sizes["10000"]["growth_by_texts"] == {"seconds": pytest.approx(1.0), "peak_mb": pytest.approx(0.5)}
    assert "growth" not in sizes["1000"]
    assert "growth" not in sizes["100000"]


def test_a_run_is_a_process_of_its_own_that_gives_the_same_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    chance = np.random.default_rng(1)
    held = np.zeros(40_000_000)
    held += 1.0  # 320 MB of this process, not of the run's
    vectors = np.repeat(chance.normal(size=(4, 64)), 10, axis=0) + 0.2 * chance.normal(size=(40, 64))
    about = np.repeat(np.array(NAMES[:4]), 10)
    asked = bench.Asked([f"vraag {number}" for number in range(40)], vectors.astype(np.float16), about)
    monkeypatch.setitem(bench.ROUNDS, 40, 2)
    found = bench._run("ours", asked)
    assert (found["groups"], found["adjusted_rand"]) == (4, 1.0)
    assert found["before_mb"] <= found["peak_mb"] < held.nbytes / 1e6
    monkeypatch.setattr(bench, "TIME_LIMIT_SECONDS", 0.01)
    assert bench._run("hdbscan", asked) == {"not_done_within_seconds": 0.01}


def test_the_same_questions_are_made_up_and_planted_trends_hold_together() -> None:
    asked = bench.made_up(1_000)
    assert asked.texts == bench.made_up(1_000).texts
    assert len(asked.texts) == len(asked.vectors) == len(asked.about) == 1_000
    assert set(NAMES) < set(asked.about.tolist())
    found = bench.agreement(asked.about, group(asked.vectors, asked.texts).of_row)
    assert found["planted_found"] == len(NAMES), found["planted"]
    assert found["adjusted_rand"] > 0.65
    drawn = bench.drawn(3_000, asked)
    assert drawn.times == 3
    assert len(set(drawn.texts)) == len(drawn.vectors) == 3_000
    assert np.linalg.norm(drawn.vectors.astype(np.float32), axis=1) == pytest.approx(1.0, abs=0.01)
