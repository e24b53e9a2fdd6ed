"""`python -m bot.answers.blind FILE…`: how deciding does on questions by authors who have not seen the knowledge.

A file holds in_scope (text, language, topics that answer it), follow_ups (turns, language, topics) and out_of_scope
(text, language). An entry without topics is one that the knowledge cannot answer; it is left out.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from bot.answers.decision import Decision
from bot.answers.engine import AnswerEngine, open_engine
from bot.answers.knowledge import LANGUAGES, load
from bot.settings import ROOT, settings

QUESTIONS = ROOT / "tests" / "eval" / "registration-and-law.yml"


@dataclass(frozen=True)
class Outcomes:
    """What became of questions whose right topics are known; shares of all of them, 0 to 1."""

    count: int
    answered_right: float
    answered_wrong: float
    asked_back_right: float
    """A "did you mean" with a right topic in it."""
    missed: float

    @classmethod
    def of(cls, decided: Sequence[tuple[Decision, Sequence[str]]]) -> Outcomes:
        """Counts decisions beside the topics that were right."""
        kinds: Counter[str] = Counter()
        for decision, right in decided:
            if decision.outcome == "answer":
                kinds["right" if decision.topics[0] in right else "wrong"] += 1
            elif decision.outcome == "choices" and set(decision.topics) & set(right):
                kinds["asked"] += 1
            else:
                kinds["missed"] += 1
        count = max(1, len(decided))
        return cls(len(decided), *(kinds[kind] / count for kind in ("right", "wrong", "asked", "missed")))


def decide_last(engine: AnswerEngine, turns: Sequence[str], language: str) -> Decision:
    """The decision on the last of several turns, each answer remembered as the chat remembers it."""
    topic, decision = None, None
    for turn in turns:
        decision = engine.decide(turn, language, topic)
        topic = decision.topics[0] if decision.outcome == "answer" else topic
    if decision is None:
        raise ValueError("A conversation has at least one turn.")
    return decision


def in_scope(engine: AnswerEngine, questions: Mapping[str, Any], language: str) -> Outcomes:
    """Outcomes of the questions of one language."""
    entries = [e for e in questions["in_scope"] if e["language"] == language and e["topics"]]
    return Outcomes.of([(engine.decide(e["text"], language), e["topics"]) for e in entries])


def follow_ups(engine: AnswerEngine, questions: Mapping[str, Any]) -> Outcomes:
    """Outcomes of the last turns of conversations."""
    entries = questions["follow_ups"]
    return Outcomes.of([(decide_last(engine, e["turns"], e["language"]), e["topics"]) for e in entries])


def false_facts(engine: AnswerEngine, questions: Mapping[str, Any]) -> float:
    """The share of out-of-scope questions that were answered with a fact."""
    entries = questions["out_of_scope"]
    return sum(engine.decide(e["text"], e["language"]).outcome == "answer" for e in entries) / len(entries)


def main() -> None:
    """Prints a row for each language, for follow-ups, and the false facts."""
    engine = open_engine(settings().models_dir, load(settings().knowledge_dir), threads=2)
    for file in [Path(name) for name in sys.argv[1:]] or [QUESTIONS]:
        questions = yaml.safe_load(file.read_text(encoding="utf-8"))
        rows = {language: in_scope(engine, questions, language) for language in LANGUAGES}
        rows["follow-ups"] = follow_ups(engine, questions)
        print(f"{file.name:30} {'count':>6} {'right':>7} {'wrong':>7} {'asked back, right':>18} {'missed':>7}")
        for name, row in rows.items():
            print(
                f"{name:30} {row.count:6} {row.answered_right:7.1%} {row.answered_wrong:7.1%}"
                f" {row.asked_back_right:18.1%} {row.missed:7.1%}"
            )
        print(f"out of scope, answered with a fact: {false_facts(engine, questions):.1%}")


if __name__ == "__main__":
    main()
