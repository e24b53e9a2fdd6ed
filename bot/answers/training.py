"""Makes the index of the knowledge: the head that chooses, the head that declines, and their thresholds.

Everything that is calibrated is calibrated on questions that neither the heads nor the encoder had seen: the pairs
are dealt into folds (a pair's Dutch and English question always together), and for each fold the vectors come from
an encoder tuned without it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression

from bot.answers.index import Array, Calibration, Index
from bot.answers.knowledge import Knowledge

FOLDS = 2
"""Each fold costs a tuning of the encoder on the rest; two keep all of the training within minutes."""
FALSE_FACTS = 0.02
"""The share of out-of-scope texts that may be answered with a fact when the threshold is set (target: under 3%)."""
WRONG_ANSWERS = 0.05
"""The share of given answers that may be wrong on held-out questions when the threshold is set. Stricter than it
sounds: much of what counts as wrong here is a neighbouring topic that answers the question too."""
_INVERSE_REGULARISATION = 0.03

Flags = npt.NDArray[np.bool_]
Places = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Material:
    """The knowledge as training sees it: texts with their topic's place, in the order of the index."""

    topics: tuple[str, ...]
    texts: tuple[str, ...]
    places: Places
    folds: Places
    """The fold of each text; a pair's two questions share theirs."""
    strays: tuple[str, ...]
    """Texts that are out of scope."""
    stray_folds: Places


def material(knowledge: Knowledge) -> Material:
    """Deals the knowledge into folds."""
    topics = tuple(sorted(knowledge.topics))
    place = {topic: at for at, topic in enumerate(topics)}
    rows = sorted(knowledge.questions(), key=lambda row: place[row[0]])
    strays = [(number, text) for number, pair in enumerate(knowledge.out_of_scope) for text in pair.values()]
    return Material(
        topics=topics,
        texts=tuple(text for _, _, _, text in rows),
        places=np.array([place[topic] for topic, _, _, _ in rows]),
        folds=np.array([number % FOLDS for _, number, _, _ in rows]),
        strays=tuple(text for _, text in strays),
        stray_folds=np.array([number % FOLDS for number, _ in strays]),
    )


_NEUTRAL = Calibration(temperature=1.0, weights=(0.0,) * 5, bias=0.0, answer_from=0.5, choices_from=0.3)


def _head(vectors: Array, places: Places, classes: int) -> tuple[Array, Array]:
    """Multinomial logistic regression over standardised vectors, the scaling folded in: weights and bias."""
    mean, spread = vectors.mean(axis=0), vectors.std(axis=0) + 1e-6
    model = LogisticRegression(C=_INVERSE_REGULARISATION, max_iter=1000).fit((vectors - mean) / spread, places)
    if len(model.classes_) != classes:
        raise ValueError("Every topic, and what is out of scope, needs a text in every fold.")
    weights = (model.coef_ / spread).astype(np.float32)
    return weights, (model.intercept_ - weights @ mean).astype(np.float32)


def _index(texts: Material, questions: Array, places: Places, strays: Array) -> Index:
    """An index over the given vectors, not calibrated yet."""
    none = np.full(len(strays), len(texts.topics))
    weights, bias = _head(np.concatenate([questions, strays]), np.concatenate([places, none]), len(texts.topics) + 1)
    return Index(
        topics=texts.topics,
        questions=questions,
        question_topics=places,
        strays=strays,
        weights=weights,
        bias=bias,
        calibration=_NEUTRAL,
        encoder_hash="",
        questions_hash="",
    )


@dataclass(frozen=True)
class FoldVectors:
    """All texts and strays as the encoder sees them that was tuned without one fold."""

    texts: Array
    """Shape (texts, dimensions)."""
    strays: Array
    """Shape (strays, dimensions)."""


@dataclass(frozen=True)
class HeldOut:
    """How texts came out that were held out from the encoder and from the heads, before calibration."""

    logits: Array
    """Shape (texts, topics)."""
    places: Places
    """The right topic of each, or -1 for out of scope; shape (texts,)."""
    vectors: Array
    """Shape (texts, dimensions)."""
    of: Places
    """Which of `indexes` each was held out from; shape (texts,)."""
    indexes: tuple[Index, ...]


def hold_out(texts: Material, folds: Sequence[FoldVectors]) -> HeldOut:
    """Scores every question and stray with an index, and an encoder, that were made without its fold."""
    logits, places, vectors, of, indexes = [], [], [], [], []
    for fold, known in enumerate(folds):
        held, strays = texts.folds == fold, texts.stray_folds == fold
        index = _index(texts, known.texts[~held], texts.places[~held], known.strays[~strays])
        these = np.concatenate([known.texts[held], known.strays[strays]])
        logits.append((these @ index.weights.T + index.bias)[:, :-1])
        places.append(np.concatenate([texts.places[held], np.full(int(strays.sum()), -1)]))
        vectors.append(these)
        of.append(np.full(len(these), fold))
        indexes.append(index)
    return HeldOut(
        np.concatenate(logits), np.concatenate(places), np.concatenate(vectors), np.concatenate(of), tuple(indexes)
    )


def _temperature(logits: Array, places: Places) -> float:
    """The temperature under which the held-out questions are likeliest."""

    def surprise(temperature: float) -> float:
        scaled = logits / temperature
        scaled = scaled - scaled.max(axis=1, keepdims=True)
        log_probability = scaled - np.log(np.exp(scaled).sum(axis=1, keepdims=True))
        return float(-log_probability[np.arange(len(places)), places].mean())

    return float(min(np.geomspace(0.2, 5.0, 60), key=surprise))


def calibrate(held: HeldOut) -> Calibration:
    """Temperature, declining head and thresholds from the held-out questions."""
    inside = held.places >= 0
    temperature = _temperature(held.logits[inside], held.places[inside])
    scaled = [replace(index, calibration=replace(_NEUTRAL, temperature=temperature)) for index in held.indexes]
    scores = [scaled[of].score(vector) for of, vector in zip(held.of, held.vectors, strict=True)]
    signals = np.stack([score.signals for score in scores])
    best = np.array([int(score.choice.argmax()) for score in scores])
    top = np.sort(np.exp(np.stack([score.choice for score in scores])), axis=1)[:, ::-1]

    mean, spread = signals.mean(axis=0), signals.std(axis=0) + 1e-6
    model = LogisticRegression(C=1.0, class_weight="balanced").fit((signals - mean) / spread, inside)
    weights = model.coef_[0] / spread
    bias = float(model.intercept_[0] - weights @ mean)
    in_scope = 1.0 / (1.0 + np.exp(-(signals @ weights + bias)))

    confidence = top[:, 0] * in_scope
    right = inside & (best == held.places)
    return Calibration(
        temperature=temperature,
        weights=tuple(float(weight) for weight in weights),
        bias=bias,
        answer_from=_answer_threshold(confidence, right, inside),
        choices_from=_choices_threshold(top[:, :3].sum(axis=1) * in_scope, inside),
    )


def _answer_threshold(confidence: Array, right: Flags, inside: Flags) -> float:
    """The lowest confidence at which few enough out-of-scope texts get a fact and few enough answers are wrong."""
    for threshold in np.linspace(0.05, 0.99, 189):
        given = confidence >= threshold
        false_facts = given[~inside].mean()
        wrong = (given & inside & ~right).sum() / max(1, (given & inside).sum())
        if false_facts <= FALSE_FACTS and wrong <= WRONG_ANSWERS:
            return float(threshold)
    return 0.99


def _choices_threshold(confidence: Array, inside: Flags) -> float:
    """The confidence that best tells in scope from out of scope, each weighing the same (Youden's index)."""
    thresholds = np.linspace(0.02, 0.9, 177)
    gains = [(confidence[inside] >= t).mean() - (confidence[~inside] >= t).mean() for t in thresholds]
    return float(thresholds[int(np.argmax(gains))])


def make_index(
    texts: Material,
    *,
    questions: Array,
    strays: Array,
    calibration: Calibration,
    encoder_hash: str,
    questions_hash: str,
) -> Index:
    """The index to serve: over all questions and strays, with the vectors of the encoder that serves."""
    index = _index(texts, questions, texts.places, strays)
    return replace(index, calibration=calibration, encoder_hash=encoder_hash, questions_hash=questions_hash)
