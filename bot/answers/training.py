"""Makes the index of the knowledge: the head that chooses, the head that declines, and their thresholds.

Everything that is calibrated is calibrated on questions that neither the heads nor the encoder had seen: the pairs
are dealt into folds (a pair's Dutch and English question always together), and for each fold the vectors come from
an encoder tuned without it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression

from bot.answers.index import Array, Calibration, Index
from bot.answers.knowledge import LANGUAGES, Knowledge

FOLDS = 2
"""Each fold costs a tuning of the encoder on the rest; two keep all of the training within minutes."""
FALSE_FACTS = 0.02
"""The share of out-of-scope texts that may be answered with a fact when the threshold is set (target: under 3%)."""
WRONG_ANSWERS = 0.05
"""The share of given answers that may be wrong on held-out questions when the threshold is set."""
_INVERSE_REGULARISATION = 0.01

Flags = npt.NDArray[np.bool_]
Places = npt.NDArray[np.int64]

Encode = Callable[[Sequence[str], str], Array]
"""Texts and their kind (query or passage) to vectors."""


@dataclass(frozen=True)
class Material:
    """The knowledge as training sees it: texts with their topic's place, in the order of the index."""

    topics: tuple[str, ...]
    texts: tuple[str, ...]
    places: Places
    folds: Places
    """The fold of each text; a pair's two questions share theirs."""
    passages: tuple[str, ...]
    """Title and answer of each topic, for each language in turn: topics * languages."""
    strays: tuple[str, ...]
    stray_folds: Places


def passage(knowledge: Knowledge, topic: str, language: str) -> str:
    """What stands for a topic's answer when it is encoded."""
    known = knowledge.topics[topic]
    return f"{known.title[language]}. {known.answer[language]}"


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
        passages=tuple(passage(knowledge, topic, language) for topic in topics for language in LANGUAGES),
        strays=tuple(text for _, text in strays),
        stray_folds=np.array([number % FOLDS for number, _ in strays]),
    )


_NEUTRAL = Calibration(temperature=1.0, weights=(0.0,) * 5, bias=0.0, answer_from=0.5, choices_from=0.3)


def _head(vectors: Array, places: Places, topics: int) -> tuple[Array, Array]:
    """Multinomial logistic regression over standardised vectors, the scaling folded in: weights and bias."""
    mean, spread = vectors.mean(axis=0), vectors.std(axis=0) + 1e-6
    model = LogisticRegression(C=_INVERSE_REGULARISATION, max_iter=1000).fit((vectors - mean) / spread, places)
    if len(model.classes_) != topics:
        raise ValueError("Every topic needs a question in every fold.")
    weights = (model.coef_ / spread).astype(np.float32)
    return weights, (model.intercept_ - weights @ mean).astype(np.float32)


def _index(texts: Material, chosen: Flags, strays: Flags, encode: Encode) -> Index:
    """An index over the chosen questions and strays, not calibrated yet."""
    questions = encode([text for text, use in zip(texts.texts, chosen, strict=True) if use], "query")
    places = texts.places[chosen]
    passages = encode(texts.passages, "passage")
    languages = len(LANGUAGES)
    weights, bias = _head(
        np.concatenate([questions, passages]),
        np.concatenate([places, np.repeat(np.arange(len(texts.topics)), languages)]),
        len(texts.topics),
    )
    return Index(
        topics=texts.topics,
        questions=questions,
        question_topics=places,
        passages=passages.reshape(len(texts.topics), languages, -1),
        strays=encode([text for text, use in zip(texts.strays, strays, strict=True) if use], "query"),
        weights=weights,
        bias=bias,
        calibration=_NEUTRAL,
        encoder_hash="",
        knowledge_hash="",
    )


@dataclass(frozen=True)
class HeldOut:
    """How questions that were held out came out, before calibration."""

    logits: Array
    """Shape (questions, topics)."""
    places: Places
    """The right topic of each, or -1 for out of scope; shape (questions,)."""
    indexes: tuple[Index, ...]
    """The index that each was held out from, by number in `of`."""
    of: Places
    vectors: Array


def hold_out(texts: Material, encoders: Sequence[Encode]) -> HeldOut:
    """Scores every question and stray with an index, and an encoder, that were made without its fold.

    encoders: one for each fold.
    """
    logits, places, of, vectors, indexes = [], [], [], [], []
    for fold, encode in enumerate(encoders):
        index = _index(texts, texts.folds != fold, texts.stray_folds != fold, encode)
        held = [text for text, at in zip(texts.texts, texts.folds, strict=True) if at == fold]
        strays = [text for text, at in zip(texts.strays, texts.stray_folds, strict=True) if at == fold]
        these = encode([*held, *strays], "query")
        logits.append(these @ index.weights.T + index.bias)
        places.append(np.concatenate([texts.places[texts.folds == fold], np.full(len(strays), -1)]))
        of.append(np.full(len(these), fold))
        vectors.append(these)
        indexes.append(index)
    return HeldOut(
        np.concatenate(logits), np.concatenate(places), tuple(indexes), np.concatenate(of), np.concatenate(vectors)
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


def make_index(texts: Material, encode: Encode, calibration: Calibration, encoder: str, knowledge: str) -> Index:
    """The index to serve: over all questions, with the vectors of the encoder that serves."""
    index = _index(texts, np.ones(len(texts.texts), bool), np.ones(len(texts.strays), bool), encode)
    return replace(index, calibration=calibration, encoder_hash=encoder, knowledge_hash=knowledge)
