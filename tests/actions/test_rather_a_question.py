"""Words that Rasa takes for a request, a guide or a status, and that ask how something works."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from bot.actions.answering import AnswerQuestion
from bot.actions.guide import LeadThroughGuide, OfferForm
from bot.actions.status import ShowStatus
from bot.actions.turn import Turn, TurnAction
from bot.conversations.store import Context
from bot.messages import Draft


def reply(action: TurnAction, intent: str, said: str, language: str) -> list[Draft]:
    context = Context(id="c", language=language, mode="assistant", version=0, last_topic=None, misses=0, text=said)
    return action.reply(Turn(text=said, intent=intent, context=context, moment=datetime.now(UTC)))


@pytest.mark.parametrize(
    ("said", "language"),
    [
        ("Zijn wij geregistreerd?", "nl"),
        ("Wie zijn onze contactpersonen?", "nl"),
        ("Are we registered?", "en"),
        ("Who are our contacts?", "en"),
        ("Has our report arrived?", "en"),
    ],
)
def test_a_company_that_asks_how_it_stands_gets_its_status(said: str, language: str) -> None:
    (draft,) = reply(ShowStatus(), "company_status", said, language)
    assert draft.fill == "show"


def test_who_asks_what_the_intake_asks_gets_the_answer_and_the_way_to_the_status() -> None:
    said = "Does the intake of the Diversiteitsportaal ask whether our company is listed?"
    answer, *rest = reply(ShowStatus(), "company_status", said, "en")
    assert (answer.kind, answer.topic) == ("answer", "portal.intake-checklist")
    assert [button.payload for button in answer.buttons if "status" in button.payload] == [{"status": "show"}]
    assert rest == []


def test_when_our_own_plan_is_due_is_answered_and_filled_in_for_who_was_verified() -> None:
    answer, own = reply(AnswerQuestion(), "question", "When is our plan of action due?", "en")
    assert (answer.kind, answer.topic) == ("answer", "charter.plan-deadline")
    assert {"status": "show"} in [button.payload for button in answer.buttons]
    assert own.fill == "own"
    (general,) = reply(AnswerQuestion(), "question", "When is the Charter plan of action due?", "en")
    assert general.topic == "charter.plan-deadline"


def test_asked_which_plan_was_meant_the_own_status_is_one_of_the_ways_on() -> None:
    """Whichever of these the assistant is not sure about: that differs from one training to the next."""
    said = (
        "Has our plan of action been received?",
        "When do you discuss our plan of action?",
        "When is our plan of action ready?",
        "Is our plan of action any good?",
    )
    replies = [reply(AnswerQuestion(), "question", words, "en") for words in said]
    asked_back = [draft for (draft, *_) in replies if draft.kind == "choices"]
    assert asked_back
    assert all(draft.buttons[-1].payload == {"status": "show"} for draft in asked_back)


def test_where_was_i_is_answered_only_where_it_is_a_question_of_the_knowledge() -> None:
    said = "What is in the key takeaways document of the SER dialogue meeting?"
    (draft,) = reply(LeadThroughGuide(), "guide_where", said, "en")
    assert (draft.kind, draft.topic) == ("answer", "law.dialogue-2024")
    (draft,) = reply(LeadThroughGuide(), "guide_where", "waar was ik gebleven", "nl")
    assert draft.kind == "guide"
    assert {button.payload["guide"] for button in draft.buttons} == {"activation", "charter", "law"}


def test_who_asks_whether_something_can_be_put_in_gets_the_answer_with_the_form() -> None:
    said = "Can I get a personal advice talk as a Charter signatory?"
    (draft,) = reply(OfferForm(), "put_in_request", said, "en")
    assert (draft.kind, draft.topic) == ("answer", "charter.advice-talk")
    assert "wegwijzer-form=advice-talk" in draft.text
