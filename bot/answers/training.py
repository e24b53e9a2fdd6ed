"""Makes the index of the knowledge: the head that chooses, the head that declines, and their thresholds.

Everything that is calibrated is calibrated on questions that neither the heads nor the encoder had seen: every fourth
pair (a pair's Dutch and English question together) is held out, and its vectors come from an encoder tuned on the rest.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression

from bot.answers.index import SIGNALS, SURENESS, Array, Calibration, Index
from bot.answers.knowledge import Knowledge

PARTS = 4
"""One part in this many is held out."""
STRAYS_COUNT = 3.0
"""Of what is held out, one text that is out of scope stands for this many: there are fewer than people send."""
FALSE_FACT_COSTS = 8.0
"""A fact given to an out-of-scope question costs most: more than two wrong answers."""
WRONG_COSTS = 3.0
"""A wrong answer costs as much as this many times that the visitor is asked back about the right topic: whoever reads
it may act on it."""
ALSO_COUNTS = 0.3
"""In the choosing head, a topic that answers a text as well counts this much, beside the text's own."""
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


UNCALIBRATED = Calibration(
    temperature=1.0,
    weights=(0.0,) * len(SIGNALS),
    bias=0.0,
    # The share that the best topic takes, as it is.
    sure_weights=(0.0,) * (len(SURENESS) - 1) + (1.0,),
    sure_bias=0.0,
    answer_from=0.5,
    choices_from=0.3,
)


def _head(vectors: Array, places: Places, counting: Array, topics: int) -> tuple[Array, Array]:
    """Multinomial logistic regression over standardised vectors, the scaling folded in: weights and bias.

    counting: what each text counts, shape (texts,).
    Every topic weighs the same, however many texts it has; what is out of scope (place `topics`) weighs by its texts.
    """
    counts = np.bincount(places, weights=counting, minlength=topics)
    if not counts[:topics].all():
        raise ValueError("Every topic needs a text that is not held out.")
    weight = np.where(np.arange(len(counts)) < topics, counts[:topics].mean() / np.maximum(counts, 1e-6), 1.0)
    mean, spread = vectors.mean(axis=0), vectors.std(axis=0) + 1e-6
    model = LogisticRegression(C=_INVERSE_REGULARISATION, max_iter=1000)
    model.fit((vectors - mean) / spread, places, sample_weight=weight[places] * counting)
    weights = (model.coef_ / spread).astype(np.float32)
    return weights, (model.intercept_ - weights @ mean).astype(np.float32)


def _also(texts: Texts, known: Flags) -> tuple[Places, Array]:
    """Which topics answer known questions of others as well, and what share of them; see `Index.also`."""
    counts = np.bincount(texts.places[known], minlength=len(texts.topics))
    shared = Counter(
        (other, int(texts.places[at])) for at, others in texts.also.items() if known[at] for other in others
    )
    pairs = sorted(shared)
    shares = np.array([shared[pair] / counts[pair[1]] for pair in pairs], dtype=np.float32)
    return np.array(pairs, dtype=np.int64).reshape(-1, 2), shares


def _index(texts: Texts, vectors: Vectors, known: Flags, strays_known: Flags) -> Index:
    """An index over the texts that may be known, not calibrated yet."""
    questions, places, strays = vectors.texts[known], texts.places[known], vectors.strays[strays_known]
    none = np.full(len(strays), len(texts.topics))
    others = [(at, topic) for at, topics in texts.also.items() if known[at] for topic in sorted(topics)]
    others_at, others_places = np.array(others, dtype=np.int64).reshape(-1, 2).T
    weights, bias = _head(
        np.concatenate([questions, vectors.texts[others_at], strays]),
        np.concatenate([places, others_places, none]),
        np.concatenate([np.ones(len(places)), np.full(len(others), ALSO_COUNTS), np.ones(len(none))]),
        len(texts.topics),
    )
    also, also_shares = _also(texts, known)
    return Index(
        topics=texts.topics,
        questions=questions,
        question_topics=places,
        strays=strays,
        weights=weights,
        bias=bias,
        also=also,
        also_shares=also_shares,
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
    index = _index(texts, vectors, ~held, ~strays)
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


def _log_odds(seen: Array, true: Flags, counts: Array | None, balanced: bool) -> tuple[tuple[float, ...], float]:
    """Weights and bias of a logistic regression over what was seen, the scaling folded in."""
    mean, spread = seen.mean(axis=0), seen.std(axis=0) + 1e-6
    model = LogisticRegression(C=1.0, class_weight="balanced" if balanced else None)
    model.fit((seen - mean) / spread, true, sample_weight=counts)
    weights = model.coef_[0] / spread
    return tuple(float(weight) for weight in weights), float(model.intercept_[0] - weights @ mean)


def _sureness(parts: Sequence[HeldOut], calibration: Calibration) -> tuple[Array, Flags, Array]:
    """What was seen of each held-out text, whether its best topic was right, and how many texts it stands for."""
    seen, right, counts = [], [], []
    for held in parts:
        index = replace(held.index, calibration=calibration)
        for vector, topics in zip(held.vectors, held.answered_by, strict=True):
            scores = index.score(vector)
            chances = np.exp(scores.choice)
            seen.append(index.sureness(chances, index.in_scope(scores.signals), scores.signals))
            right.append(int(chances.argmax()) in topics)
            counts.append(1.0 if topics else STRAYS_COUNT)
    return np.stack(seen), np.array(right), np.array(counts)


def calibrate(*parts: HeldOut) -> Calibration:
    """Temperature, weights for declining and for being sure, and thresholds, from the held-out texts of the parts."""
    neutral = replace(UNCALIBRATED, temperature=_temperature(parts))
    signals, inside = [], []
    for held in parts:
        index = replace(held.index, calibration=neutral)
        signals += [index.score(vector).signals for vector in held.vectors]
        inside += [bool(topics) for topics in held.answered_by]
    weights, bias = _log_odds(np.stack(signals), np.array(inside), None, balanced=True)
    calibration = replace(neutral, weights=weights, bias=bias)
    seen, right, counts = _sureness(parts, calibration)
    if right.any():
        sure_weights, sure_bias = _log_odds(seen, right, counts, balanced=False)
        calibration = replace(calibration, sure_weights=sure_weights, sure_bias=sure_bias)
    judged = judge(parts, calibration)
    return replace(
        calibration,
        answer_from=answer_threshold(judged.confidence, judged.right, judged.inside),
        choices_from=choices_threshold(judged.of_three, judged.inside),
    )


def answer_threshold(confidence: Array, right: Flags, inside: Flags) -> float:
    """The confidence from which answering costs least on held-out texts.

    Many cost about the same: of those that cost no more than one standard error above the least, the lowest
    (Breiman's rule), since who is answered is helped sooner.
    """
    thresholds = np.linspace(0.05, 0.99, 189)
    given = confidence[None, :] >= thresholds[:, None]
    wrong = np.where(inside, WRONG_COSTS * ~right, STRAYS_COUNT * FALSE_FACT_COSTS)
    costs = np.where(given, wrong[None, :], inside[None, :].astype(float))
    above = costs - costs[costs.sum(axis=1).argmin()]
    error = above.std(axis=1) * np.sqrt(len(confidence))
    return float(thresholds[np.argmax(above.sum(axis=1) <= error)])


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
    everything, all_strays = np.ones(len(texts.texts), bool), np.ones(len(texts.strays), bool)
    index = _index(texts, vectors, everything, all_strays)
    return replace(index, calibration=calibration, encoder_hash=encoder_hash, questions_hash=questions_hash)
