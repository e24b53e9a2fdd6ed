"""What comes out of deciding: one topic, two or three to choose from, or none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

LEAST_SHARE = 0.05
"""Another topic is worth offering from this share of the best one's confidence."""

Outcome = Literal["answer", "choices", "unknown"]


@dataclass(frozen=True)
class Candidate:
    """A topic that was considered, and the calibrated probability (0 to 1) that it answers the question."""

    topic: str
    confidence: float


@dataclass(frozen=True)
class Decision:
    """The outcome, with the candidates behind it, best first.

    answer: the first candidate is it. choices: the candidates are what to choose from. unknown: none will do.
    """

    outcome: Outcome
    candidates: tuple[Candidate, ...]
    follow_up_of: str | None = None
    """The topic that the question was read as a follow-up to, or None where it stood on its own."""
    further: tuple[str, ...] = ()
    """The topics that come next, for who says that it is none of the candidates."""

    @property
    def topics(self) -> tuple[str, ...]:
        """The ids of the candidates, best first."""
        return tuple(candidate.topic for candidate in self.candidates)

    def as_record(self) -> dict[str, Any]:
        """For storing with the message: what was tried, and how sure the assistant was."""
        return {
            "outcome": self.outcome,
            "candidates": [{"topic": c.topic, "confidence": round(c.confidence, 3)} for c in self.candidates],
            "follow_up_of": self.follow_up_of,
        }
