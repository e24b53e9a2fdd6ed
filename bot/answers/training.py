"""Makes the index of the knowledge: the head that chooses, the head that declines, and their thresholds.

Everything that is calibrated is calibrated on questions that neither the heads nor the encoder had seen: every fourth
pair (a pair's Dutch and English question together) is held out, and its vectors come from an encoder tuned on the rest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression

from bot.answers.index import SIGNALS, Array, Calibration, Index
from bot.answers.knowledge import Knowledge

PARTS = 4
"""One part in this many is held out."""
FALSE_FACTS = 0.02
"""The share of out-of-scope texts that may be answered with a fact when the threshold is set (target: under 3%)."""
WRONG_COSTS = 4.0
"""A wrong answer costs as much as this many times that the visitor is asked back about the right topic: whoever reads
it may act on it."""
FLAT = 0.02
"""Thresholds for asking back that are this near to the best one in telling in scope from out of scope do as well."""
_INVERSE_REGULARISATION = 0.03

Flags = npt.NDArray[np.bool_]
Places = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Texts:
    """The knowledge as training sees it: texts with their topic's place, in the order of the index."""

    topics: tuple[str, ...]
    texts: tuple[str, ...]
    places: Places
    """The topic of each text."""
    also: Mapping[int, frozenset[int]]
    """Other topics that answer a text as well, by the number of the text."""
    held: Flags
    """Whether a text is held out; a pair's two questions are together."""
    strays: tuple[str, ...]
    """Texts that are out of scope."""
    stray_held: Flags

    def answered_by(self, text: int) -> frozenset[int]:
        """Every topic that answers a text."""
        return self.also.get(text, frozenset()) | {int(self.places[text])}


def texts_of(knowledge: Knowledge, part: int = 0) -> Texts:
    """The knowledge with one part of its pairs, 0 to PARTS - 1, held out."""
    topics = tuple(sorted(knowledge.topics))
    place = {topic: at for at, topic in enumerate(topics)}
    rows = sorted(knowledge.questions(), key=lambda row: place[row[0]])
    also = {
        at: frozenset(place[other] for other in knowledge.topics[topic].also.get(number, ()))
        for at, (topic, number, _, _) in enumerate(rows)
    }
    strays = [(number, text) for number, pair in enumerate(knowledge.out_of_scope) for text in pair.values()]
    return Texts(
        topics=topics,
        texts=tuple(text for _, _, _, text in rows),
        places=np.array([place[topic] for topic, _, _, _ in rows]),
        also={at: others for at, others in also.items() if others},
        held=np.array([number % PARTS == part for _, number, _, _ in rows]),
        strays=tuple(text for _, text in strays),
        stray_held=np.array([number % PARTS == part for number, _ in strays]),
    )


@dataclass(frozen=True)
class Vectors:
    """All texts and strays as one encoder sees them."""

    texts: Array
    """Shape (texts, dimensions)."""
    strays: Array
    """Shape (strays, dimensions)."""


UNCALIBRATED = Calibration(temperature=1.0, weights=(0.0,) * len(SIGNALS), bias=0.0, answer_from=0.5, choices_from=0.3)


def _head(vectors: Array, places: Places, topics: int) -> tuple[Array, Array]:
    """Multinomial logistic regression over standardised vectors, the scaling folded in: weights and bias.

    Every topic weighs the same, however many texts it has; what is out of scope (place `topics`) weighs by its texts.
    """
    counts = np.bincount(places, minlength=topics)
    if not counts[:topics].all():
        raise ValueError("Every topic needs a text that is not held out.")
    weight = np.where(np.arange(len(counts)) < topics, counts[:topics].mean() / np.maximum(counts, 1), 1.0)
    mean, spread = vectors.mean(axis=0), vectors.std(axis=0) + 1e-6
    model = LogisticRegression(C=_INVERSE_REGULARISATION, max_iter=1000)
    model.fit((vectors - mean) / spread, places, sample_weight=weight[places])
    weights = (model.coef_ / spread).astype(np.float32)
    return weights, (model.intercept_ - weights @ mean).astype(np.float32)


def _index(topics: tuple[str, ...], questions: Array, places: Places, strays: Array) -> Index:
    """An index over the given vectors, not calibrated yet."""
    none = np.full(len(strays), len(topics))
    weights, bias = _head(np.concatenate([questions, strays]), np.concatenate([places, none]), len(topics))
    return Index(
        topics=topics,
        questions=questions,
        question_topics=places,
        strays=strays,
        weights=weights,
        bias=bias,
        calibration=UNCALIBRATED,
        encoder_hash="",
        questions_hash="",
    )


@dataclass(frozen=True)
class HeldOut:
    """How texts came out that were held out from the encoder and from the heads, before calibration."""

    index: Index
    """Made without them."""
    logits: Array
    """Shape (texts, topics)."""
    answered_by: tuple[frozenset[int], ...]
    """The topics that answer each; none for what is out of scope."""
    vectors: Array
    """Shape (texts, dimensions)."""


def hold_out(texts: Texts, vectors: Vectors) -> HeldOut:
    """Scores every held-out question and stray with an index that is made without them.

    vectors: by an encoder that was tuned without them.
    """
    held, strays = texts.held, texts.stray_held
    index = _index(texts.topics, vectors.texts[~held], texts.places[~held], vectors.strays[~strays])
    these = np.concatenate([vectors.texts[held], vectors.strays[strays]])
    answered_by = [texts.answered_by(int(at)) for at in np.flatnonzero(held)]
    answered_by += [frozenset()] * int(strays.sum())
    return HeldOut(index, (these @ index.weights.T + index.bias)[:, : len(texts.topics)], tuple(answered_by), these)


def _temperature(parts: Sequence[HeldOut]) -> float:
    """The temperature under which it is likeliest that a held-out question is answered."""
    rights, logits = [], []
    for held in parts:
        inside = [at for at, topics in enumerate(held.answered_by) if topics]
        right = np.zeros((len(inside), held.logits.shape[1]), dtype=bool)
        for row, at in enumerate(inside):
            right[row, list(held.answered_by[at])] = True
        rights.append(right)
        logits.append(held.logits[inside] - held.logits[inside].max(axis=1, keepdims=True))

    def surprise(temperature: float) -> float:
        chances = [np.exp(logit / temperature) for logit in logits]
        shares = [(c * r).sum(axis=1) / c.sum(axis=1) for c, r in zip(chances, rights, strict=True)]
        return float(-np.log(np.concatenate(shares) + 1e-12).mean())

    return float(min(np.geomspace(0.2, 5.0, 60), key=surprise))


@dataclass(frozen=True)
class Judged:
    """Held-out texts, as a calibrated index sees them; each array of shape (texts,)."""

    confidence: Array
    """Of the best topic."""
    of_three: Array
    """Of the best three topics together."""
    right: Flags
    """Whether the best topic answers the text."""
    inside: Flags
    """Whether any topic does."""


def judge(parts: Sequence[HeldOut], calibration: Calibration) -> Judged:
    """What the indexes that were made without them say to the held-out texts of each part."""
    confidence, of_three, right, inside = [], [], [], []
    for held in parts:
        index = replace(held.index, calibration=calibration)
        for vector, topics in zip(held.vectors, held.answered_by, strict=True):
            sure = index.confidence(index.score(vector))
            confidence.append(sure.max())
            of_three.append(np.sort(sure)[-3:].sum())
            right.append(int(sure.argmax()) in topics)
            inside.append(bool(topics))
    return Judged(np.array(confidence), np.array(of_three), np.array(right), np.array(inside))


def calibrate(*parts: HeldOut) -> Calibration:
    """Temperature, declining head and thresholds from the held-out questions of one or more parts."""
    neutral = replace(UNCALIBRATED, temperature=_temperature(parts))
    signals, inside = [], []
    for held in parts:
        index = replace(held.index, calibration=neutral)
        signals += [index.score(vector).signals for vector in held.vectors]
        inside += [bool(topics) for topics in held.answered_by]
    found = np.stack(signals)
    mean, spread = found.mean(axis=0), found.std(axis=0) + 1e-6
    model = LogisticRegression(C=1.0, class_weight="balanced").fit((found - mean) / spread, inside)
    weights = model.coef_[0] / spread
    calibration = replace(
        neutral,
        weights=tuple(float(weight) for weight in weights),
        bias=float(model.intercept_[0] - weights @ mean),
    )
    judged = judge(parts, calibration)
    return replace(
        calibration,
        answer_from=answer_threshold(judged.confidence, judged.right, judged.inside),
        choices_from=choices_threshold(judged.of_three, judged.inside),
    )


def answer_threshold(confidence: Array, right: Flags, inside: Flags) -> float:
    """The confidence from which answering costs least on held-out questions, few out-of-scope texts getting a fact."""

    def cost(threshold: float) -> float:
        given = confidence[inside] >= threshold
        return float((~given).sum() + WRONG_COSTS * (given & ~right[inside]).sum())

    allowed = [t for t in np.linspace(0.05, 0.99, 189) if (confidence[~inside] >= t).mean() <= FALSE_FACTS]
    return float(min(allowed or [0.99], key=cost))


def choices_threshold(confidence: Array, inside: Flags) -> float:
    """The confidence that tells in scope from out of scope, each weighing the same (Youden's index).

    The best one stands on a flat top: the lowest that is nearly as good, since asking back costs less than declining.
    """
    thresholds = np.linspace(0.02, 0.9, 177)
    gains = np.array([(confidence[inside] >= t).mean() - (confidence[~inside] >= t).mean() for t in thresholds])
    return float(thresholds[np.argmax(gains >= gains.max() - FLAT)])


def make_index(
    texts: Texts, vectors: Vectors, *, calibration: Calibration, encoder_hash: str, questions_hash: str
) -> Index:
    """The index to serve: over all questions and strays, with the vectors of the encoder that serves."""
    index = _index(texts.topics, vectors.texts, texts.places, vectors.strays)
    return replace(index, calibration=calibration, encoder_hash=encoder_hash, questions_hash=questions_hash)
