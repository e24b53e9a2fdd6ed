"""What deciding reads: the arrays that training made of the knowledge, in one folder named by its hash.

Scoring is plain linear algebra over these arrays, the same at training and at serving time.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]

_ARRAYS = "index.npz"
_CALIBRATION = "calibration.json"

NEAREST = 3
"""How many of the nearest questions of a topic are averaged."""

SIGNALS = ("choice", "margin", "none", "question", "stray")
"""What the decision to decline looks at, in the order of `Calibration.weights`; see `Index._signals`."""

SURENESS = (*SIGNALS, "also", "share")
"""What tells whether the best topic is right, in the order of `Calibration.sure_weights`; see `Index.confidences`."""
_LEAST = 1e-6
_SECOND = np.float32(0.999)
"""No other topic is as sure as the best one: this part of it at most."""


class IndexMissing(RuntimeError):
    """The index is not there, is damaged, or was made with another encoder."""


@dataclass(frozen=True)
class Calibration:
    """Numbers that come from held-out questions and out-of-scope texts, never from a hand."""

    temperature: float
    """Divides the scores of the topics before they become probabilities."""
    weights: tuple[float, ...]
    """Of each signal, for the log-odds that the knowledge holds an answer at all."""
    bias: float
    sure_weights: tuple[float, ...]
    """Of each thing in SURENESS, for the log-odds that the best topic answers the question."""
    sure_bias: float
    answer_from: float
    """From this confidence the best topic is given as the answer."""
    choices_from: float
    """From this confidence, of the best three together, they are offered to choose from."""


@dataclass(frozen=True)
class Scores:
    """How one question stands to every topic."""

    choice: Array
    """Log-probability of each topic, were the question in scope; shape (topics,)."""
    signals: Array
    """Shape (len(SIGNALS),); see `Index._signals`."""


@dataclass(frozen=True)
class Index:
    """Topics, their vectors, and two heads: one for choosing, one for declining."""

    topics: tuple[str, ...]
    questions: Array
    """Vectors of all training questions, shape (questions, dimensions)."""
    question_topics: npt.NDArray[np.int64]
    """Which topic each question belongs to, ascending, shape (questions,)."""
    strays: Array
    """Vectors of texts that are out of scope, shape (texts, dimensions)."""
    weights: Array
    """Of the choosing head, shape (topics + 1, dimensions); the last row stands for "none of them". Without that row
    where training knew no out-of-scope texts."""
    bias: Array
    """Of the choosing head, one for each row of `weights`."""
    also: npt.NDArray[np.int64]
    """Pairs of topics where the first answers questions of the second as well, ascending, shape (pairs, 2)."""
    also_shares: Array
    """The share of the second topic's questions that the first answers, of each pair; shape (pairs,)."""
    calibration: Calibration
    encoder_hash: str
    questions_hash: str

    def score(self, vector: Array) -> Scores:
        """Scores of one question's vector, shape (dimensions,), against every topic."""
        logits = (self.weights @ vector + self.bias) / self.calibration.temperature
        logits -= logits.max()
        topics = logits[: len(self.topics)]
        together = np.log(np.exp(topics).sum())
        choice = (topics - together).astype(np.float32)
        none = float(logits[-1] - together) if len(logits) > len(topics) else 0.0
        return Scores(choice, self._signals(vector, choice, none))

    def _signals(self, vector: Array, choice: Array, none: float) -> Array:
        """What tells whether the knowledge holds an answer, shape (len(SIGNALS),).

        choice: log-probability of the best topic; margin: its lead over the second; none: log-odds of no topic
        against all of them; question: how near the best topic's nearest questions are (cosine); stray: how near the
        nearest out-of-scope texts are.
        """
        best = int(choice.argmax())
        start, end = np.searchsorted(self.question_topics, [best, best + 1])
        return np.array(
            [
                choice[best],
                _lead(choice),
                none,
                _nearest(self.questions[start:end] @ vector),
                _nearest(self.strays @ vector),
            ],
            dtype=np.float32,
        )

    def in_scope(self, signals: Array) -> float:
        """The calibrated probability that the knowledge holds an answer."""
        log_odds = float(np.dot(self.calibration.weights, signals)) + self.calibration.bias
        return float(1.0 / (1.0 + np.exp(-log_odds)))

    def confidence(self, scores: Scores) -> Array:
        """The calibrated probability that each topic answers the question, shape (topics,)."""
        return self.confidences(np.exp(scores.choice), self.in_scope(scores.signals), scores.signals)

    def confidences(self, topics: Array, in_scope: float, signals: Array) -> Array:
        """The calibrated probability that each topic answers the question, shape (topics,).

        topics: the probability of each, were the question in scope; in_scope: that it is; signals: as `score` gave.
        The best topic's is calibrated by itself: a near rival takes half of its share, and yet both may answer.
        """
        seen = self.sureness(topics, in_scope, signals)
        log_odds = float(np.dot(self.calibration.sure_weights, seen)) + self.calibration.sure_bias
        sure = np.float32(1.0 / (1.0 + np.exp(-log_odds)))
        found: Array = np.minimum(topics * np.float32(in_scope), _SECOND * sure)
        found[int(topics.argmax())] = sure
        return found

    def sureness(self, topics: Array, in_scope: float, signals: Array) -> Array:
        """What tells whether the best topic is right, shape (len(SURENESS),); arguments as of `confidences`.

        Its log-probability and its lead, which another reading may have moved; the other signals; also: how likely it
        is that the best topic answers, by what it is known to answer of other topics' questions (logarithm); share:
        how likely it is that it is what the question is about (log-odds).
        """
        best = int(topics.argmax())
        choice = np.log(np.maximum(topics, _LEAST))
        start, end = np.searchsorted(self.also[:, 0], [best, best + 1])
        also = float(topics[best]) + float(topics[self.also[start:end, 1]] @ self.also_shares[start:end])
        share = min(max(float(topics[best]) * in_scope, _LEAST), 1.0 - _LEAST)
        seen = [choice[best], _lead(choice), *signals[2:], np.log(also + _LEAST), np.log(share / (1.0 - share))]
        return np.array(seen, dtype=np.float32)

    def save(self, folder: Path) -> None:
        """Writes the index to `folder`."""
        folder.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(
            folder / _ARRAYS,
            topics=np.array(self.topics),
            questions=self.questions.astype(np.float16),
            question_topics=self.question_topics,
            strays=self.strays.astype(np.float16),
            weights=self.weights,
            bias=self.bias,
            also=self.also,
            also_shares=self.also_shares,
        )
        about = {
            "encoder": self.encoder_hash,
            "questions": self.questions_hash,
            "calibration": asdict(self.calibration),
        }
        (folder / _CALIBRATION).write_text(json.dumps(about, indent=2), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Index:
        """Reads an index back.

        Raises IndexMissing.
        """
        try:
            about = json.loads((folder / _CALIBRATION).read_text(encoding="utf-8"))
            with np.load(folder / _ARRAYS) as arrays:
                return cls(
                    topics=tuple(str(topic) for topic in arrays["topics"]),
                    questions=arrays["questions"].astype(np.float32),
                    question_topics=arrays["question_topics"],
                    strays=arrays["strays"].astype(np.float32),
                    weights=arrays["weights"],
                    bias=arrays["bias"],
                    also=arrays["also"],
                    also_shares=arrays["also_shares"],
                    calibration=Calibration(**about["calibration"]),
                    encoder_hash=about["encoder"],
                    questions_hash=about["questions"],
                )
        except (OSError, KeyError, ValueError, TypeError) as problem:
            raise IndexMissing(f"No index in {folder}: run `make train`.") from problem


def _lead(choice: Array) -> float:
    """How far the best topic's log-probability is ahead of the second's, at most 10."""
    if len(choice) < 2:
        return 10.0
    second, best = np.partition(choice, -2)[-2:]
    return min(float(best - second), 10.0)


def _nearest(similarities: Array) -> float:
    if len(similarities) == 0:
        return 0.0
    count = min(NEAREST, len(similarities))
    return float(np.partition(similarities, -count)[-count:].mean())
