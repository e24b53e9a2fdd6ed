"""What `make eval` and `make eval-logs` measure with: the blind questions, the counting, the reading of logs."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from bot.answers import training
from bot.answers.decision import Candidate, Decision
from bot.answers.knowledge import LANGUAGES, load, normal_form
from bot.settings import settings
from tests.eval import logs
from tests.eval.outcomes import Bin, Outcomes, calibration_error, confusions, decide_all, facts_stated, reliability
from tests.eval.questions import Asked, read, unseen

BLIND = read()


def test_there_are_enough_blind_questions_in_both_languages() -> None:
    for language in LANGUAGES:
        assert sum(asked.language == language for asked in BLIND.in_scope) >= 150
        assert sum(asked.language == language for asked in BLIND.out_of_scope) >= 100
        assert sum(asked.language == language for asked in BLIND.follow_ups) >= 20
    assert {"far", "next_door", "opinion", "break_it", "noise"} <= {asked.kind for asked in BLIND.out_of_scope}
    assert {2, 3} <= {len(asked.turns) for asked in BLIND.follow_ups}


def test_blind_questions_are_labelled_with_topics_that_exist() -> None:
    topics = load(settings().knowledge_dir).topics
    for asked in [*BLIND.in_scope, *BLIND.follow_ups]:
        assert set(asked.topics) <= set(topics), asked.text


def test_no_blind_question_trains_anything() -> None:
    """A question that stands in the knowledge too measures memory: the few that coincide by chance are left out."""
    knowledge = load(settings().knowledge_dir)
    trained = {normal_form(text) for _, _, _, text in knowledge.questions()}
    trained |= {normal_form(text) for pair in knowledge.out_of_scope for text in pair.values()}
    kept = unseen(BLIND, knowledge)
    assert not [each.text for each in [*kept.in_scope, *kept.out_of_scope] if normal_form(each.text) in trained]
    assert len(kept.in_scope) >= 400 and len(kept.out_of_scope) >= 220, "more than a few coincide: who copied?"


def _asked(*topics: str) -> Asked:
    return Asked(("what",), "en", topics, "", "")


def _decision(outcome: str, *candidates: tuple[str, float]) -> Decision:
    return Decision(outcome, tuple(Candidate(*each) for each in candidates))  # type: ignore[arg-type]


DECIDED = [
    (_decision("answer", ("a", 0.9), ("b", 0.1)), _asked("a", "c")),
    (_decision("answer", ("b", 0.8), ("a", 0.2)), _asked("a")),
    (_decision("choices", ("b", 0.5), ("a", 0.4)), _asked("a")),
    (_decision("choices", ("b", 0.5), ("d", 0.4)), _asked("a")),
    (_decision("unknown"), _asked("a")),
]


def test_outcomes_are_shares_of_all_questions() -> None:
    outcomes = Outcomes.of(DECIDED)
    assert (outcomes.count, outcomes.answered_right, outcomes.answered_wrong) == (5, 0.2, 0.2)
    assert (outcomes.asked_back_right, outcomes.asked_back_wrong, outcomes.declined) == (0.2, 0.2, 0.2)
    assert outcomes.first_is_right == 0.2
    assert facts_stated(DECIDED) == 0.4
    assert confusions(DECIDED) == [("a", "b", 1)]


def test_calibration_compares_confidence_with_what_was_right() -> None:
    bins = reliability(DECIDED)
    assert sum(each.count for each in bins) == 4
    assert calibration_error([Bin(0.9, 0.5, 10), Bin(0.1, 0.1, 30)]) == pytest.approx(0.1)


def test_a_follow_up_is_decided_after_the_answers_before_it() -> None:
    class Remembering:
        """Answers with what was said last, and keeps what it was told of the turn before."""

        def __init__(self) -> None:
            self.seen: list[str | None] = []

        def decide(self, question: str, language: str, last_topic: str | None = None) -> Decision:
            self.seen.append(last_topic)
            return _decision("unknown" if question == "lost" else "answer", (question, 1.0))

    decider = Remembering()
    decide_all(decider, [Asked(("first", "lost", "third"), "nl", ("third",), "", "")])
    assert decider.seen == [None, "first", "first"]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"sentence,label\nhello,greet\n", "no column text"),
        (b"text,topic\n", "holds no texts"),
        (b"text,topic\n\xff\xfe,greet\n", "cannot be read"),
    ],
)
def test_a_log_that_cannot_be_used_says_why(tmp_path: Path, content: bytes, complaint: str) -> None:
    file = tmp_path / "log.csv"
    file.write_bytes(content)
    with pytest.raises(logs.LogsError, match=complaint):
        logs.read(file)


@pytest.mark.parametrize(
    ("rows", "complaint"),
    [
        (["where is my parcel,delivery", "when does it arrive,delivery"], "at least two topics"),
        (["where is it,delivery", "is it there,delivery", "I want my money,refund"], "out-of-scope rows too"),
        (["where is it,delivery", "I want my money,refund", "can I pay by card,payment"], "one row of each topic"),
    ],
)
def test_a_log_that_is_too_small_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], rows: list[str], complaint: str
) -> None:
    file = tmp_path / "log.csv"
    file.write_text("\n".join(["text,topic", *rows]))
    assert logs.main([str(file), str(file)]) == 1
    assert complaint in capsys.readouterr().err


def test_logs_without_files_say_what_to_give(capsys: pytest.CaptureFixture[str]) -> None:
    """`make eval-logs` without TRAIN and TEST passes two empty names."""
    assert logs.main(["", ""]) == 2
    assert "columns: text, topic" in capsys.readouterr().out


SHOP = {
    "delivery": ["where is my parcel", "when will my order arrive", "track my delivery", "the parcel has not come"],
    "returns": ["how do I send this back", "I want to return my shoes", "return address please", "can I get a refund"],
    "payment": ["which cards do you take", "can I pay by invoice", "my payment failed", "do you accept paypal"],
    "sizes": ["is there a size chart", "do these run small", "which size fits me", "what is 42 in inches"],
}
"""A made-up shop: a field that the knowledge says nothing about."""


def test_the_engine_can_be_built_from_another_log(tmp_path: Path) -> None:
    train, test, saved = tmp_path / "train.csv", tmp_path / "test.csv", tmp_path / "figures.json"
    rows = [f"{text},{topic}" for topic, texts in SHOP.items() for text in texts]
    train.write_text("\n".join(["text,topic", *rows]), encoding="utf-8")
    asked = ["where has my order got to,delivery", "I'd like to return this,returns", "who won the cup final,"]
    test.write_text("\n".join(["text,topic", *asked, "is it raining in Paris,"]), encoding="utf-8")
    assert logs.main([str(train), str(test), str(saved)]) == 0
    found = json.loads(saved.read_text())
    assert found["train"] == {"rows": 16, "topics": 4}
    assert found["test"] == {"rows": 4, "out_of_scope": 2}
    assert found["accuracy_without_declining"] == 1.0
    assert {"threshold", "accuracy_in_scope", "recall_out_of_scope", "mcc"} == set(found["calibrated"])
    assert found["thresholds"][0]["recall_out_of_scope"] == 0.0


def test_of_thresholds_that_are_as_good_a_log_gets_the_lowest() -> None:
    inside = np.repeat([True, False], 50)
    confidence = np.where(inside, 0.8, 0.1)
    judged = training.Judged(confidence, confidence, right=inside, inside=inside)
    assert 0.1 < logs._balanced(judged) < 0.13
