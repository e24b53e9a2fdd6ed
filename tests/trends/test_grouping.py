from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.trends.grouping import LENGTH, SAME_QUESTION, centroid, group, nearest, similarity, whole

ROOT = Path(__file__).resolve().parents[2]


def cloud(
    seed: int, topics: int, each: int, spread: float, width: int = 32
) -> tuple[np.ndarray, list[str], np.ndarray]:
    """Questions about some topics: vectors, texts, and what each is about."""
    chance = np.random.default_rng(seed)
    about = np.repeat(np.arange(topics), each)
    vectors = chance.normal(size=(topics, width))[about] + spread * chance.normal(size=(topics * each, width))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors.astype(np.float16), [f"vraag {number}" for number in range(len(about))], about


def as_sets(texts: list[str], of_row: np.ndarray) -> set[frozenset[str]]:
    return {
        frozenset(text for text, place in zip(texts, of_row, strict=True) if place == number)
        for number in set(of_row.tolist()) - {-1}
    }


def test_wordings_of_a_question_stand_together_and_others_do_not() -> None:
    vectors, texts, about = cloud(1, 12, 15, 0.4)
    found = group(vectors, texts)
    assert len(found) == 12
    for topic in range(12):
        assert len(set(found.of_row[about == topic])) == 1


def test_texts_that_are_like_no_other_are_left_alone() -> None:
    vectors, texts, _ = cloud(2, 40, 1, 0.0, width=256)
    assert set(group(vectors, texts).of_row.tolist()) == {-1}


def test_identical_texts_stand_together_and_do_not_pull_the_centroid() -> None:
    vectors, texts, _ = cloud(3, 2, 10, 0.5)
    many = np.concatenate([vectors, np.repeat(vectors[:1], 50, axis=0)])
    found = group(many, texts + texts[:1] * 50)
    assert len(set(found.of_row[20:].tolist()) | {int(found.of_row[0])}) == 1
    alone = group(vectors, texts)
    mine = similarity(found.centroids[found.of_row[0]][None], alone.centroids)[0]
    assert mine.max() > 0.9999


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.randoms(use_true_random=False))
def test_the_order_of_rows_makes_no_difference(seed: int, chance: object) -> None:
    vectors, texts, _ = cloud(seed, 8, 7, 0.75)
    order = list(range(len(texts)))
    chance.shuffle(order)  # type: ignore[attr-defined]
    one = group(vectors, texts)
    other = group(vectors[order], [texts[place] for place in order])
    assert as_sets(texts, one.of_row) == as_sets([texts[place] for place in order], other.of_row)
    assert one.centroids.tobytes() == other.centroids.tobytes()
    assert np.array_equal(one.of_row[order], other.of_row)


def test_threads_and_blocks_make_no_difference(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    vectors, texts, _ = cloud(4, 150, 20, 0.7, width=384)
    np.save(tmp_path / "vectors.npy", vectors)
    program = (
        "import sys, numpy as np\n"
        "from bot.trends.grouping import group\n"
        "vectors = np.load(sys.argv[1])\n"
        "found = group(vectors, [f'vraag {n}' for n in range(len(vectors))])\n"
        "sys.stdout.buffer.write(found.of_row.tobytes() + found.centroids.tobytes())"
    )
    outputs = []
    for threads in ("1", "2", "3"):
        done = subprocess.run(
            [sys.executable, "-c", program, str(tmp_path / "vectors.npy")],
            env={**os.environ, "PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": threads, "OMP_NUM_THREADS": threads},
            capture_output=True, check=True, timeout=250,
        )  # fmt: skip
        outputs.append(done.stdout)
    assert outputs[0] == outputs[1] == outputs[2]
    monkeypatch.setattr("bot.trends.grouping._BLOCK", 97)
    of_rows = group(vectors, texts).of_row
    # Blocks decide which texts are leaders, so they are part of the method: but nothing may fall apart.
    assert len(set(of_rows.tolist())) == len(set(np.frombuffer(outputs[0][: of_rows.nbytes], dtype=np.int64).tolist()))


def test_products_of_whole_numbers_are_exact() -> None:
    chance = np.random.default_rng(5)
    rows = whole(chance.normal(size=(300, 384)))
    lengths = np.linalg.norm(rows.astype(np.float64), axis=1)
    assert np.abs(lengths - LENGTH).max() < 12
    assert (lengths.max() ** 2) < 2**24
    exact = rows.astype(np.int64) @ rows.astype(np.int64).T
    assert np.array_equal(rows @ rows.T, exact.astype(np.float32))
    assert np.array_equal((rows @ rows.T).astype(np.int64), exact)


def test_a_centroid_is_the_same_in_any_order_and_for_any_number() -> None:
    rows = whole(np.random.default_rng(6).normal(size=(5_000, 384)))
    assert np.array_equal(centroid(rows), centroid(rows[::-1]))
    assert np.array_equal(centroid(rows[:1]), rows[0])


def test_a_row_goes_to_the_nearest_centroid_that_is_near_enough() -> None:
    centroids = whole(np.eye(3, 16))
    rows = whole(np.array([[0.8, 0.6, 0] + [0] * 13, [0.5, 0.5, 0.5] + [0.5] + [0] * 12, [0] * 15 + [1.0]]))
    assert nearest(rows, centroids).tolist() == [0, -1, -1]
    assert nearest(rows, centroids, 0.5).tolist() == [0, 0, -1]
    assert 0.5 < SAME_QUESTION < 0.8


def test_vectors_of_zeros_and_no_rows_at_all_are_no_trouble() -> None:
    assert len(group(np.zeros((0, 8)), [])) == 0
    found = group(np.zeros((3, 8), dtype=np.float16), ["a", "b", "c"])
    assert found.of_row.tolist() == [-1, -1, -1]
    with pytest.raises(ValueError, match="3 texts"):
        group(np.zeros((2, 8)), ["a", "b", "c"])
