"""Grouping alone, over questions that already have vectors: time, memory, growth, and whether planted trends are found.

The questions are those of `make demo-trends`, with all wordings that the knowledge has; the served encoder makes their
vectors. For 100,000, vectors are drawn from those of 10,000 with a little noise, each as a text of its own: texts alone
would take minutes. Beside it scikit-learn's HDBSCAN groups the same vectors in the same run: whole, and reduced by PCA
as BERTopic reduces by UMAP. Each run is a process of its own, so that memory is its own too.
"""

from __future__ import annotations

import json
import math
import pickle
import random
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import psutil

Vectors = npt.NDArray[np.float16]
Labels = npt.NDArray[np.int64]
Grouping = Callable[[Vectors, list[str], int], Labels]
"""Gives groups of vectors, their texts, and how often each was drawn."""

SIZES = (1_000, 10_000, 100_000)
ROUNDS = {1_000: 5, 10_000: 3, 100_000: 1}
"""The fastest counts: the machines are noisy."""
REDUCED = (20, 50)
"""Dimensions that PCA leaves."""
LARGEST = {"hdbscan": 10_000, "hdbscan_pca_50": 10_000}
"""Of how many questions a method is tried at most: of more it would take far longer than the time limit."""
TIME_LIMIT_SECONDS = 300.0
TARGET_SECONDS, TARGET_MB = 60.0, 2_000.0
SEED = 11
"""Not one of those that tests/trends/test_planted.py takes."""
TODAY = date(2026, 11, 21)
ALL_WORDINGS = 1_000
NOISE = 0.02
"""In each dimension: a drawn vector lies at 0.93 to the one it was drawn from."""
LEAST = 5
"""A smaller group is none, whoever made it: as TRENDS_MIN_ASKERS has it, and HDBSCAN's min_cluster_size."""
FOUND_FROM = 0.5
"""The F1 from which a planted trend counts as found."""
ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Asked:
    """Questions with their vectors."""

    texts: list[str]
    vectors: Vectors
    about: npt.NDArray[np.str_]
    """The topic or gap that each was made from; empty for a stray."""
    times: int = 1
    """How often each text was drawn, on average."""


# ---- what is asked


def made_up(count: int) -> Asked:
    """So many questions of the demo's, with the vectors that the log would keep."""
    from bot.answers.engine import open_engine
    from bot.answers.knowledge import load
    from bot.settings import settings
    from bot.trends.demo import Inventor, add_vectors, demo_weeks

    knowledge = load(settings().knowledge_dir)
    in_weeks = demo_weeks(TODAY)
    per_week = count // len(in_weeks)
    made = []
    while len(made) < count:
        per_week += 1
        inventor = Inventor(knowledge, in_weeks, seed=SEED, per_week=per_week, wordings=ALL_WORDINGS)
        made = list(inventor.questions())
    made = random.Random(SEED).sample(made, count)
    log: list[dict[str, Any]] = [{"text": one.text} for one in made]
    add_vectors(log, open_engine(settings().models_dir, knowledge).encoder, _tell)
    vectors = np.stack([np.frombuffer(row["vector"], dtype="<f2") for row in log])
    return Asked([one.text for one in made], vectors.astype(np.float16), np.array([one.source for one in made]))


def drawn(count: int, source: Asked) -> Asked:
    """So many texts that are each a little unlike one of the source."""
    chance = np.random.default_rng(SEED)
    # Each text alike: of one that many ask there would be hundreds, and a group of its own.
    _, texts_once = np.unique(np.array(source.texts), return_index=True)
    picked = texts_once[chance.integers(0, len(texts_once), count)]
    vectors = source.vectors[picked].astype(np.float32)
    vectors += np.float32(NOISE) * chance.standard_normal(vectors.shape, np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    texts = [f"{source.texts[place]} {number}" for number, place in enumerate(picked)]
    return Asked(texts, vectors.astype(np.float16), source.about[picked], max(1, count // len(texts_once)))


def _tell(stage: str, done: int, of: int) -> None:
    if done == of or done % 1_000 == 0:
        print(f"  {stage}: {done:,} of {of:,}", flush=True)


# ---- how well it is grouped


def agreement(about: npt.NDArray[np.str_], groups: Labels) -> dict[str, Any]:
    """How well groups match what questions are about, strays left out; and the best group of each planted trend.

    groups: the number of each question's group, negative where it is in none.
    """
    from sklearn.metrics import adjusted_rand_score

    from bot.trends.demo import PLANTED

    groups = _large_enough(groups)
    real = about != ""
    alone = np.where(groups < 0, np.arange(len(groups)) + len(groups), groups)
    planted = {one.name: _best_group(about == one.name, groups) for one in PLANTED}
    return {
        "groups": len(np.unique(groups[groups >= 0])),
        "adjusted_rand": float(adjusted_rand_score(about[real], alone[real])),
        "in_no_group": _share(groups[real] < 0),
        "strays_in_no_group": _share(groups[~real] < 0),
        "planted_found": sum(one["f1"] >= FOUND_FROM for one in planted.values()),
        "planted_f1": float(np.mean([one["f1"] for one in planted.values()])),
        "planted": planted,
    }


def _share(of: npt.NDArray[np.bool_]) -> float:
    return float(of.mean()) if len(of) else 0.0


def _large_enough(groups: Labels) -> Labels:
    names, place, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    return np.where((names >= 0) & (sizes >= LEAST), names, -1)[place]


def _best_group(mine: npt.NDArray[np.bool_], groups: Labels) -> dict[str, float]:
    """Precision, recall and F1 of the group that fits some questions best."""
    best = {"precision": 0.0, "recall": 0.0, "f1": 0.0}
    for name in np.unique(groups[mine & (groups >= 0)]):
        both, theirs = int((mine & (groups == name)).sum()), int((groups == name).sum())
        f1 = 2 * both / (int(mine.sum()) + theirs)
        if f1 > best["f1"]:
            best = {"precision": both / theirs, "recall": both / int(mine.sum()), "f1": f1}
    return best


# ---- one run, in a process of its own


def _ours() -> Grouping:
    from bot.trends.grouping import group

    return lambda vectors, texts, _times: group(vectors, texts).of_row


def _hdbscan(dimensions: int | None) -> Grouping:
    from sklearn.cluster import HDBSCAN
    from sklearn.decomposition import PCA

    def grouped(vectors: Vectors, texts: list[str], times: int) -> Labels:
        # Each text once, as ours has it: with every repetition as a point it finds single wordings only.
        _, first, place = np.unique(np.array(texts), return_index=True, return_inverse=True)
        rows = _normalised(vectors.astype(np.float32))
        if dimensions is not None:
            rows = _normalised(PCA(dimensions, random_state=0).fit_transform(rows))
        # And where each was drawn twenty times, it would again, unless a group needs twenty times as many.
        method = HDBSCAN(min_cluster_size=LEAST * times, min_samples=LEAST, n_jobs=2, copy=True)
        labels: Labels = method.fit_predict(rows[first])
        return labels[place]

    return grouped


def _normalised(rows: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.where(lengths == 0.0, np.float32(1.0), lengths)


METHODS: dict[str, Callable[[], Grouping]] = {
    "ours": _ours,
    "hdbscan": lambda: _hdbscan(None),
    **{f"hdbscan_pca_{dimensions}": lambda dimensions=dimensions: _hdbscan(dimensions) for dimensions in REDUCED},
}


def _one_run(method: str) -> None:
    """Groups what comes in on stdin; out go the figures and the groups."""
    vectors, texts, times, rounds = pickle.load(sys.stdin.buffer)
    grouped = METHODS[method]()
    before = psutil.Process().memory_info().rss
    spent = []
    for _ in range(rounds):
        began, cpu = time.perf_counter(), time.process_time()
        groups = grouped(vectors, texts, times)
        spent.append((time.perf_counter() - began, time.process_time() - cpu))
    found = dict(zip(("seconds", "cpu_seconds"), min(spent), strict=True))
    found |= {"peak_mb": _peak() / 1e6, "before_mb": before / 1e6}
    print(json.dumps({"figures": found, "groups": groups.tolist()}))


def _peak() -> int:
    """The most memory that this process held, in bytes."""
    # Linux hands the parent's peak on in getrusage; its own stands in /proc.
    status = Path("/proc/self/status")
    if status.is_file():
        lines = dict(line.split(":", 1) for line in status.read_text(encoding="utf-8").splitlines())
        return int(lines["VmHWM"].split()[0]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _run(method: str, asked: Asked) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.bench.grouping", method]
    rounds = ROUNDS[len(asked.texts)]
    given = pickle.dumps((asked.vectors, asked.texts, asked.times, rounds), protocol=5)
    try:
        done = subprocess.run(
            command, cwd=ROOT, input=given, timeout=TIME_LIMIT_SECONDS * rounds, check=True, stdout=subprocess.PIPE
        )
    except subprocess.TimeoutExpired:
        return {"not_done_within_seconds": TIME_LIMIT_SECONDS}
    answer = json.loads(done.stdout.splitlines()[-1])
    return dict(answer["figures"]) | agreement(asked.about, np.array(answer["groups"], dtype=np.int64))


# ---- all of them


def grouping() -> dict[str, dict[str, Any]]:
    """The figures of each method and size; whether 100,000 meet the target."""
    found: dict[str, dict[str, Any]] = {method: {} for method in METHODS}
    asked: Asked | None = None
    for count in SIZES:
        print(f"Making {count:,} questions …", flush=True)
        asked = drawn(count, asked) if asked and count == SIZES[-1] else made_up(count)
        for method, sizes in found.items():
            if count > LARGEST.get(method, count):
                continue
            print(f"  grouping them: {method} …", flush=True)
            sizes[str(count)] = _run(method, asked) | {"texts": len(set(asked.texts))}
    for sizes in found.values():
        _add_growth(sizes)
    largest = found["ours"][str(SIZES[-1])]
    largest["target_met"] = (
        largest.get("seconds", np.inf) <= TARGET_SECONDS and largest.get("peak_mb", np.inf) <= TARGET_MB
    )
    return found


def _add_growth(sizes: dict[str, dict[str, Any]]) -> None:
    """To each size the exponents by which time and memory grew from the one before: 1 is in proportion.

    By the number of questions, and by that of different texts: fewer are alike in 1,000 questions than in 10,000, and
    none in those that were drawn.
    """
    done = [int(size) for size, figures in sizes.items() if "seconds" in figures]
    for fewer, more in pairwise(done):
        small, large = sizes[str(fewer)], sizes[str(more)]
        for name, times in (("growth", more / fewer), ("growth_by_texts", large["texts"] / small["texts"])):
            large[name] = {
                figure: math.log(large[figure] / small[figure]) / math.log(times) for figure in ("seconds", "peak_mb")
            }


def show(found: dict[str, dict[str, Any]]) -> None:
    """Prints the figures."""
    print("\nGrouping questions that have vectors, made up with planted trends:")
    for size in map(str, SIZES):
        for method in (method for method, sizes in found.items() if size in sizes):
            print(f"{method:>15} {int(size):>8,}: {_in_words(found[method][size])}")
    largest = found["ours"][str(SIZES[-1])]
    met = "met" if largest["target_met"] else "MISSED"
    print(f"{SIZES[-1]:,} within {TARGET_SECONDS:.0f} s and {TARGET_MB:,.0f} MB: {met}")


def _in_words(figures: dict[str, Any]) -> str:
    if "seconds" not in figures:
        return f"not within {figures['not_done_within_seconds']:.0f} s"
    words = (
        f"{figures['seconds']:7.2f} s, at most {figures['peak_mb']:5.0f} MB;"
        f" planted found {figures['planted_found']} of {len(figures['planted'])}, F1 {figures['planted_f1']:.2f};"
        f" adjusted Rand {figures['adjusted_rand']:.2f}; in no group {figures['in_no_group']:.0%},"
        f" strays {figures['strays_in_no_group']:.0%}"
    )
    if "growth" not in figures:
        return words
    growth, by_texts = figures["growth"], figures["growth_by_texts"]
    return (
        f"{words}; time grows as questions^{growth['seconds']:.2f}, texts^{by_texts['seconds']:.2f},"
        f" memory as questions^{growth['peak_mb']:.2f}"
    )


if __name__ == "__main__":
    _one_run(sys.argv[1])
