"""`make eval-logs TRAIN=… TEST=…`: the same engine on other people's logs.

Both files are CSV with the columns text and topic, UTF-8; an empty topic means out of scope. No other knowledge is
present: the encoder is tuned on the training file alone, and thresholds come from what is held out of it. Where the
training file has no out-of-scope rows, whole topics are held out and play that part.
"""

from __future__ import annotations

import csv
import json
import logging
import os
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.metrics import matthews_corrcoef

from bot.answers import training
from bot.answers.index import Index
from bot.encoder import tuning
from bot.settings import settings
from bot.train import base_encoder

RECIPE = tuning.Recipe(frozen_layers=0)
"""Other logs are small: with all layers learning they are chosen better, and it costs seconds only."""
THRESHOLDS = np.round(np.arange(0.0, 1.0, 0.05), 2)


class LogsError(ValueError):
    """A file cannot be used; the text says which, where and why."""


@dataclass(frozen=True)
class Rows:
    """Texts and their topics, "" for out of scope."""

    texts: tuple[str, ...]
    topics: tuple[str, ...]


def read(file: Path) -> Rows:
    """Reads a CSV with the columns text and topic.

    Raises LogsError.
    """
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            reader = csv.DictReader(lines)
            missing = {"text", "topic"} - set(reader.fieldnames or ())
            if missing:
                raise LogsError(f"{file}: no column {' and no column '.join(sorted(missing))} in its first line")
            rows = [((row["text"] or "").strip(), (row["topic"] or "").strip()) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as problem:
        raise LogsError(f"{file} cannot be read: {problem}") from problem
    rows = [row for row in rows if row[0]]
    if not rows:
        raise LogsError(f"{file} holds no texts")
    texts, topics = zip(*rows, strict=True)
    return Rows(texts, topics)


def _texts(
    rows: Rows, topics: tuple[str, ...], part: int | None, leave_out: frozenset[str] = frozenset()
) -> training.Texts:
    """The rows as training sees them, a part or none held out; those of topics that are left out play out of scope."""
    place = {topic: at for at, topic in enumerate(t for t in topics if t not in leave_out)}
    inside = sorted((place[t], number) for number, t in enumerate(rows.topics) if t in place)
    outside = [number for number, topic in enumerate(rows.topics) if topic not in place]
    nth: Counter[int] = Counter()
    held = []
    for at, _ in inside:
        # The first row of a topic always stays: without it there is nothing to find.
        held.append(nth[at] > 0 and nth[at] % training.PARTS == part)
        nth[at] += 1
    real = [number for number in outside if rows.topics[number] == ""]
    known_strays = {number for order, number in enumerate(real) if order % training.PARTS != part}
    return training.Texts(
        topics=tuple(place),
        texts=tuple(rows.texts[number] for _, number in inside),
        places=np.array([at for at, _ in inside]),
        also={},
        held=np.array(held),
        strays=tuple(rows.texts[number] for number in outside),
        stray_held=np.array([number not in known_strays for number in outside], dtype=bool),
    )


def _tuned(models: Path, encoder_model: str | None, texts: training.Texts, what: str) -> Any:
    """The encoder tuned on what is not held out."""
    model = base_encoder(models, encoder_model)
    rows = [(t, int(p)) for t, p, held in zip(texts.texts, texts.places, texts.held, strict=True) if not held]
    rows += [(t, len(texts.topics)) for t, held in zip(texts.strays, texts.stray_held, strict=True) if not held]
    said, places = zip(*rows, strict=True)
    print(f"{what}: tuning on {len(rows)} texts …", flush=True)
    tuning.tune(model, said, places, RECIPE, lambda done, of: None)
    return model


def _vectors(model: Any, texts: training.Texts) -> training.Vectors:
    dimensions = model.get_embedding_dimension()
    strays = tuning.encode(model, texts.strays, "query") if texts.strays else np.empty((0, dimensions), np.float32)
    return training.Vectors(tuning.encode(model, texts.texts, "query"), strays)


def build(rows: Rows, models: Path, encoder_model: str | None) -> tuple[Any, Index, float]:
    """Encoder, index, and the threshold that gives a topic or declines, all calibrated on what was held out.

    Raises LogsError when there are fewer than two topics.
    """
    topics = tuple(sorted(set(rows.topics) - {""}))
    if len(topics) < 2:
        raise LogsError("the training file needs at least two topics")
    real_strays = "" in rows.topics
    if not real_strays and len(topics) == 2:
        raise LogsError("with two topics the training file needs out-of-scope rows too: there is none to leave out")
    if max(Counter(topic for topic in rows.topics if topic).values()) == 1:
        raise LogsError("the training file has one row of each topic: there is none to hold out")
    held = []
    for part in range(training.PARTS):
        out = frozenset() if real_strays else frozenset(topics[part :: training.PARTS])
        texts = _texts(rows, topics, part, out)
        model = _tuned(models, encoder_model, texts, f"held out {part + 1} of {training.PARTS}")
        held.append(training.hold_out(texts, _vectors(model, texts)))
    calibration = training.calibrate(*held)
    threshold = _balanced(training.judge(held, calibration))
    everything = _texts(rows, topics, part=None)
    model = _tuned(models, encoder_model, everything, "all")
    index = training.make_index(
        everything, _vectors(model, everything), calibration=calibration, encoder_hash="logs", questions_hash="logs"
    )
    return model, index, threshold


def _balanced(judged: training.Judged) -> float:
    """The confidence at which accuracy in scope and recall out of scope are together highest on held-out rows.

    Held-out rows of a log are surer than what people then ask, and the top is flat: the lowest that is nearly as good.
    """
    thresholds = np.linspace(0.01, 0.99, 99)
    given = judged.confidence[None, :] >= thresholds[:, None]
    right = (given & judged.right)[:, judged.inside].mean(axis=1)
    worth = right + (~given)[:, ~judged.inside].mean(axis=1)
    return float(thresholds[np.argmax(worth >= worth.max() - training.FLAT)])


def _at(threshold: float, sure: np.ndarray, best: np.ndarray, topics: np.ndarray) -> dict[str, float]:
    """What becomes of the test rows when a topic is given from this confidence."""
    given = np.where(sure >= threshold, best, "")
    inside = topics != ""
    return {
        "threshold": round(float(threshold), 4),
        "accuracy_in_scope": round(float((given == topics)[inside].mean()) if inside.any() else 0.0, 4),
        "recall_out_of_scope": round(float((given == "")[~inside].mean()) if (~inside).any() else 0.0, 4),
        "mcc": round(float(matthews_corrcoef(topics, given)), 4),
    }


def evaluate(train: Rows, test: Rows, models: Path, encoder_model: str | None = None) -> dict[str, Any]:
    """Figures of the test rows by an engine that was built from the training rows."""
    model, index, threshold = build(train, models, encoder_model)
    vectors = tuning.encode(model, test.texts, "query")
    confidences = np.stack([index.confidence(index.score(vector)) for vector in vectors])
    best = np.array(index.topics)[confidences.argmax(axis=1)]
    sure = confidences.max(axis=1)
    topics = np.array(test.topics)
    inside = topics != ""
    return {
        "train": {"rows": len(train.texts), "topics": len(index.topics)},
        "test": {"rows": len(test.texts), "out_of_scope": int((~inside).sum())},
        "topics_unknown_to_training": sorted(set(test.topics) - set(index.topics) - {""}),
        "accuracy_without_declining": round(float((best == topics)[inside].mean()) if inside.any() else 0.0, 4),
        "calibrated": _at(threshold, sure, best, topics),
        "answer_threshold": _at(index.calibration.answer_from, sure, best, topics),
        "thresholds": [_at(float(threshold), sure, best, topics) for threshold in THRESHOLDS],
    }


def main(arguments: Sequence[str]) -> int:
    """Prints the figures, or saves them as JSON to a third file; gives the exit status."""
    if len(arguments) not in (2, 3) or not all(arguments):
        print("Give a training CSV and a test CSV (columns: text, topic), and where to save JSON if wanted.")
        return 2
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    config = settings()
    config.models_dir.mkdir(parents=True, exist_ok=True)
    try:
        train, test = (read(Path(name)) for name in arguments[:2])
        found = evaluate(train, test, config.models_dir, config.encoder_model)
    except LogsError as problem:
        print(problem, file=sys.stderr)
        return 1
    if found["topics_unknown_to_training"]:
        print("Topics of the test file that training never saw:", ", ".join(found["topics_unknown_to_training"]))
    print(f"\n{found['train']['rows']} rows of {found['train']['topics']} topics; tested on {found['test']['rows']},")
    print(f"of which {found['test']['out_of_scope']} out of scope.")
    print(f"Accuracy in scope, never declining: {found['accuracy_without_declining']:.1%}\n")
    print(f"{'threshold':>22} {'accuracy in scope':>18} {'recall out of scope':>20} {'MCC':>7}")
    rows = [("", row) for row in found["thresholds"]]
    rows += [("calibrated", found["calibrated"]), ("for answers", found["answer_threshold"])]
    for name, row in rows:
        figures = f"{row['accuracy_in_scope']:18.1%} {row['recall_out_of_scope']:20.1%} {row['mcc']:7.3f}"
        print(f"{name:>14} {row['threshold']:7.2f} {figures}")
    if len(arguments) == 3:
        Path(arguments[2]).write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
        print(f"Saved in {arguments[2]}.")
    return 0


if __name__ == "__main__":
    logging.disable(logging.WARNING)
    sys.exit(main(sys.argv[1:]))
