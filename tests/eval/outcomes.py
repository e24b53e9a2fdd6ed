"""What became of questions whose right topics are known."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Protocol

import numpy as np

from bot.answers.decision import Decision
from tests.eval.questions import Asked


class Decider(Protocol):
    """Anything that decides on a question: the engine, or what it is compared with."""

    def decide(self, question: str, language: str, last_topic: str | None = None) -> Decision:
        """The decision on one question."""


Decided = Sequence[tuple[Decision, Asked]]


@dataclass(frozen=True)
class Outcomes:
    """Shares of all questions, 0 to 1; the first five come to 1."""

    count: int
    answered_right: float
    answered_wrong: float
    asked_back_right: float
    """A "did you mean" with a right topic in it."""
    asked_back_wrong: float
    declined: float
    first_is_right: float
    """The best candidate is right, whatever the outcome."""

    @classmethod
    def of(cls, decided: Decided) -> Outcomes:
        """Counts decisions beside what was asked."""
        kinds: Counter[str] = Counter()
        first = 0
        for decision, asked in decided:
            first += bool(decision.topics) and decision.topics[0] in asked.topics
            if decision.outcome == "answer":
                kinds["right" if decision.topics[0] in asked.topics else "wrong"] += 1
            elif decision.outcome == "choices":
                kinds["asked" if set(decision.topics) & set(asked.topics) else "asked wrong"] += 1
            else:
                kinds["declined"] += 1
        count = max(1, len(decided))
        shares = (kinds[kind] / count for kind in ("right", "wrong", "asked", "asked wrong", "declined"))
        return cls(len(decided), *shares, first / count)

    def as_record(self) -> dict[str, float]:
        """For saving, in four decimals."""
        return {name: round(value, 4) for name, value in asdict(self).items()}


def decide_last(decider: Decider, asked: Asked) -> Decision:
    """The decision on the last of several turns, each answer remembered as the chat remembers it."""
    topic, decision = None, Decision("unknown", ())
    for turn in asked.turns:
        decision = decider.decide(turn, asked.language, topic)
        topic = decision.topics[0] if decision.outcome == "answer" else topic
    return decision


def decide_all(decider: Decider, questions: Iterable[Asked]) -> list[tuple[Decision, Asked]]:
    """The decision on every question, each in a conversation of its own."""
    return [(decide_last(decider, asked), asked) for asked in questions]


def facts_stated(decided: Decided) -> float:
    """The share that was answered with a fact: for questions that are out of scope."""
    return sum(decision.outcome == "answer" for decision, _ in decided) / max(1, len(decided))


def grouped(decided: Decided, by: str) -> dict[str, list[tuple[Decision, Asked]]]:
    """Decisions by an attribute of what was asked: language, theme, kind."""
    groups: dict[str, list[tuple[Decision, Asked]]] = {}
    for decision, asked in decided:
        groups.setdefault(getattr(asked, by), []).append((decision, asked))
    return dict(sorted(groups.items()))


@dataclass(frozen=True)
class Bin:
    """Questions of about the same confidence."""

    confidence: float
    """Mean of the best candidate's."""
    right: float
    """Share of which that candidate was right."""
    count: int


def reliability(decided: Decided, bins: int = 10) -> list[Bin]:
    """Confidence beside the share that was right; strays count as wrong. Empty bins are left out."""
    sure = np.array([decision.candidates[0].confidence for decision, _ in decided if decision.candidates])
    right = np.array([decision.topics[0] in asked.topics for decision, asked in decided if decision.candidates])
    at = np.minimum((sure * bins).astype(int), bins - 1)
    return [
        Bin(float(sure[at == place].mean()), float(right[at == place].mean()), int((at == place).sum()))
        for place in range(bins)
        if (at == place).any()
    ]


def calibration_error(bins: Sequence[Bin]) -> float:
    """Expected calibration error: the mean distance between confidence and share right, over the questions."""
    return sum(each.count * abs(each.confidence - each.right) for each in bins) / max(1, sum(b.count for b in bins))


def confusions(decided: Decided, most: int = 15) -> list[tuple[str, str, int]]:
    """Wrong answers as (best of the right topics, given topic, count), the most frequent first."""
    pairs = Counter(
        (asked.topics[0] if asked.topics else "out of scope", decision.topics[0])
        for decision, asked in decided
        if decision.outcome == "answer" and decision.topics[0] not in asked.topics
    )
    return [(right, given, count) for (right, given), count in pairs.most_common(most)]
