"""Which of the offered topics somebody means."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from bot.actions.answering import ChooseTopic, DeclineChoices, miss, offered_topics, place_named
from bot.actions.turn import Turn
from bot.answers.decision import Candidate, Decision
from bot.conversations.store import Context


@pytest.mark.parametrize(
    ("said", "place"),
    [
        ("de eerste", 0),
        ("de tweede graag", 1),
        ("doe maar nummer 3", 2),
        ("2", 1),
        ("één", 0),
        ("the first one", 0),
        ("the second one please", 1),
        ("number one", 0),
        ("option two", 1),
        ("the last one", -1),
        ("de onderste", -1),
        ("that one", None),
        ("een andere", None),
        ("de eerste of de tweede", None),
        ("geen idee", None),
    ],
)
def test_place_named(said: str, place: int | None) -> None:
    assert place_named(said) == place


def _turn(*payloads: dict[str, object]) -> Turn:
    context = Context(
        id="c", language="nl", mode="assistant", version=0, last_topic=None, misses=0, choices=tuple(payloads)
    )
    return Turn(text="ja", intent="affirm", context=context, moment=datetime.now(UTC))


def test_yes_is_not_about_what_stands_under_an_answer() -> None:
    """An unsure answer offers other topics beneath it: "yes" then means that the answer was fine."""
    asked_back = {"topic": "law.quota"}
    beneath = {"topic": "law.targets", "instead": True}
    assert offered_topics(_turn(asked_back, {"intent": "none_of_these"})) == ["law.quota"]
    assert offered_topics(_turn(beneath)) == []
    assert offered_topics(_turn(beneath), under_an_answer=True) == ["law.targets"]
    assert ChooseTopic().reply(_turn(beneath))[0].kind == "smalltalk"


def test_none_of_these_brings_what_comes_next_and_then_it_is_a_miss() -> None:
    topics = ["law.targets", "law.quota"]
    asked = ({"topic": "law.lapses"}, {"intent": "none_of_these", "next": topics})
    (draft,) = DeclineChoices().reply(_turn(*asked))
    assert draft.kind == "choices"
    assert [button.payload for button in draft.buttons] == [
        {"topic": "law.targets"}, {"topic": "law.quota"}, {"intent": "none_of_these"},
    ]  # fmt: skip
    assert draft.memory.misses is None
    (missed,) = DeclineChoices().reply(_turn(*(button.payload for button in draft.buttons)))
    assert missed.kind == "unknown"
    assert missed.memory.misses == 1


@pytest.mark.parametrize(
    ("nearest", "confidence", "last_topic", "desk"),
    [
        ("portal.login", 0.2, "charter.what-is", "portal"),
        ("portal.login", 0.001, "charter.what-is", "charter"),
        ("charter.road", 0.001, "portal.login", "portal"),
        ("charter.road", 0.001, None, "charter"),
    ],
)
def test_a_miss_leads_to_the_desk_of_what_was_likely_meant(
    nearest: str, confidence: float, last_topic: str | None, desk: str
) -> None:
    context = Context(id="c", language="nl", mode="assistant", version=0, last_topic=last_topic, misses=1)
    turn = Turn(text="iets anders", intent="question", context=context, moment=datetime.now(UTC))
    (draft,) = miss(turn, Decision("unknown", (Candidate(nearest, confidence),)))
    assert draft.memory.person is not None
    assert draft.memory.person.desk == desk


def test_no_to_an_answer_brings_what_stood_below_it() -> None:
    (draft,) = DeclineChoices().reply(_turn({"topic": "law.targets", "instead": True}))
    assert draft.kind == "choices"
    assert draft.buttons[0].payload == {"topic": "law.targets"}
