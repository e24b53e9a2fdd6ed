"""Grouping alone, over questions that already have vectors: time, memory and growth, beside scikit-learn's HDBSCAN.

The questions are made of the knowledge's own: each vector is that of a question with some noise, some with so much that
they are like nothing else. Each run is a process of its own, so that memory is its own too.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil

SIZES = (1_000, 10_000, 100_000)
HDBSCAN_SIZES = (1_000, 10_000)
"""At 100,000 it compares all with all in 384 dimensions: hours, so it is left out."""
TIME_LIMIT_SECONDS = 600.0
TARGET_SECONDS, TARGET_MB = 60.0, 2_000.0
NOISE, STRAY_NOISE, STRAYS = 0.02, 0.08, 0.2
WORDINGS_PER_TOPIC = 12
ROOT = Path(__file__).resolve().parents[2]


def made_up(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Vectors as the log keeps them, and what each is about; -1 for a stray."""
    from bot.answers.engine import open_engine
    from bot.answers.knowledge import load
    from bot.settings import settings

    knowledge = load(settings().knowledge_dir)
    index = open_engine(settings().models_dir, knowledge).index
    chance = np.random.default_rng(0)
    picked = chance.integers(0, len(index.questions), count)
    about = index.question_topics[picked].copy()
    stray = chance.random(count) < STRAYS
    noise = np.where(stray, STRAY_NOISE, NOISE)[:, None].astype(np.float32)
    vectors = index.questions[picked] + noise * chance.standard_normal((count, index.questions.shape[1]), np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    about[stray] = -1
    return vectors.astype(np.float16), about


def agreement(about: np.ndarray, groups: np.ndarray) -> dict[str, float]:
    """How well groups match what questions are about, strays left out; and how many strays were left alone."""
    from sklearn.metrics import adjusted_rand_score, homogeneity_score

    real = about >= 0
    alone = np.where(groups < 0, np.arange(len(groups)) + len(groups), groups)
    return {
        "adjusted_rand": float(adjusted_rand_score(about[real], alone[real])),
        "purity": float(homogeneity_score(about[real], alone[real])),
        "grouped": float((groups[real] >= 0).mean()),
        "strays_left_alone": float((groups[~real] < 0).mean()),
    }


def _ours(vectors: np.ndarray) -> np.ndarray:
    from bot.trends.grouping import group

    return group(vectors, [str(number) for number in range(len(vectors))]).of_row


def _theirs(vectors: np.ndarray) -> np.ndarray:
    from sklearn.cluster import HDBSCAN

    return HDBSCAN(min_cluster_size=5, metric="euclidean", n_jobs=2, copy=True).fit_predict(vectors.astype(np.float32))


def _one_run(method: str, count: int) -> None:
    vectors, about = made_up(count)
    before = psutil.Process().memory_info().rss
    began, cpu = time.perf_counter(), time.process_time()
    groups = {"ours": _ours, "hdbscan": _theirs}[method](vectors)
    found: dict[str, Any] = {"seconds": time.perf_counter() - began, "cpu_seconds": time.process_time() - cpu}
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    found |= {"peak_mb": peak / 1e6, "before_mb": before / 1e6, "groups": int(groups.max(initial=-1)) + 1}
    print(json.dumps(found | agreement(about, groups)))


def _run(method: str, count: int) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.bench.grouping", method, str(count)]
    try:
        done = subprocess.run(command, cwd=ROOT, timeout=TIME_LIMIT_SECONDS, check=True, capture_output=True, text=True)
    except subprocess.TimeoutExpired:
        return {"not_done_within_seconds": TIME_LIMIT_SECONDS}
    return dict(json.loads(done.stdout.splitlines()[-1]))


def grouping() -> dict[str, dict[str, Any]]:
    """The figures of each method and size; whether 100,000 meet the target."""
    found: dict[str, dict[str, Any]] = {"ours": {}, "hdbscan": {}}
    for count in SIZES:
        found["ours"][str(count)] = _run("ours", count)
        if count in HDBSCAN_SIZES:
            found["hdbscan"][str(count)] = _run("hdbscan", count)
    largest = found["ours"][str(SIZES[-1])]
    largest["target_met"] = largest.get("seconds", np.inf) <= TARGET_SECONDS and largest["peak_mb"] <= TARGET_MB
    return found


def show(found: dict[str, dict[str, Any]]) -> None:
    """Prints the figures."""
    print("\nGrouping questions that have vectors:")
    for method, sizes in found.items():
        for size, figures in sizes.items():
            if "seconds" not in figures:
                print(f"{method:>8} {int(size):>8,}: not done within {figures['not_done_within_seconds']:.0f} s")
                continue
            print(
                f"{method:>8} {int(size):>8,}: {figures['seconds']:7.1f} s, at most {figures['peak_mb']:6.0f} MB,"
                f" adjusted Rand {figures['adjusted_rand']:.2f}, purity {figures['purity']:.2f},"
                f" strays left alone {figures['strays_left_alone']:.0%}"
            )


if __name__ == "__main__":
    if len(sys.argv) == 3:
        _one_run(sys.argv[1], int(sys.argv[2]))
    else:
        saved = ROOT / "docs" / "measured" / "bench.json"
        figures = grouping()
        show(figures)
        kept = json.loads(saved.read_text(encoding="utf-8")) | {"grouping": figures}
        saved.write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")
