"""Talking to the running assistant: what a company would say, in both languages, and what it gets back."""

from __future__ import annotations

import pytest

from bot.answers.knowledge import load
from bot.settings import settings
from tests.conftest import Visitor
from tests.e2e.conversing import asked_back_about
from tests.running import System

ASKED = [
    ("nl", "Wat heb ik nodig om ons bedrijf aan te melden?", "portal.what-you-need", "aanmelden"),
    ("en", "What do I need to register our company?", "portal.what-you-need", "aanmelden"),
    ("nl", "Wij hebben geen activatiecode ontvangen, wat nu?", "portal.activation-code-missing", "aanmelden"),
    ("en", "We never received an activation code, what should we do?", "portal.activation-code-missing", "aanmelden"),
    ("nl", "Voor welke datum moet onze rapportage bij de SER binnen zijn?", "law.report-deadline", "portal-checklist"),
    ("en", "What is the deadline for submitting our report?", "law.report-deadline", "portal-checklist"),
    ("nl", "Wanneer telt een bedrijf als groot voor de wet?", "law.large-criteria", "law-stb-2024-52"),
    ("en", "When does a company count as large under the law?", "law.large-criteria", "law-stb-2024-52"),
    ("nl", "Wat is het ingroeiquotum?", "law.quota", "law-kamerstuk-35628-2"),
    ("en", "What is the growth quota?", "law.quota", "law-kamerstuk-35628-2"),
]


@pytest.mark.parametrize(("language", "question", "topic", "document"), ASKED)
def test_a_question_gets_its_answer_with_its_source(
    system: System, language: str, question: str, topic: str, document: str
) -> None:
    [reply] = Visitor(system, language).say(question)
    assert (reply["kind"], reply["topic"], reply["language"]) == ("answer", topic, language), reply
    assert document in {source["document"] for source in reply["sources"]}
    assert all(source["title"] and source["where"] and source["checked_on"] for source in reply["sources"])


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("nl", "wij hebben geen activatiecode ontvangen, wat moet ik doen"),
        ("nl", "Hallo, wij hebben geen activatiecode ontvangen, wat nu?"),
        ("en", "Hi there, we never received the activation code, what now?"),
    ],
)
def test_what_sounds_like_a_request_is_answered_with_the_form_below(system: System, language: str, said: str) -> None:
    [reply] = Visitor(system, language).say(said)
    assert (reply["kind"], reply["topic"]) == ("answer", "portal.activation-code-missing")
    assert "(/?wegwijzer-form=code-missing)" in reply["text"].splitlines()[-1]


@pytest.mark.parametrize(("language", "says_ai"), [("nl", "digitale assistent (AI)"), ("en", "digital assistant (AI)")])
def test_the_greeting_says_that_this_is_an_ai_system(system: System, language: str, says_ai: str) -> None:
    greeting = Visitor(system, language).opening[0]
    assert greeting["kind"] == "greeting"
    assert says_ai in greeting["text"]


def test_a_topic_on_the_greeting_is_answered_when_pressed(visitor: Visitor) -> None:
    """The guides come first; a topic goes by its title."""
    knowledge = load(settings().knowledge_dir)
    topic = knowledge.topics[knowledge.greeting_topics[0]]
    button = next(button for button in visitor.opening[0]["buttons"] if button["title"] == topic.title["nl"])
    [reply] = visitor.press(button)
    assert (reply["kind"], reply["topic"]) == ("answer", topic.id)
    assert visitor.messages()[-2]["text"] == button["title"], "the visitor's own bubble shows the title"


def test_opened_on_a_topic_its_answer_is_there_at_once(system: System) -> None:
    opening = Visitor(system, "en", topic="law.report-deadline").opening
    assert [message["kind"] for message in opening] == ["greeting", "answer"]
    assert opening[1]["topic"] == "law.report-deadline"


def test_opened_on_a_topic_that_is_gone_it_says_so(system: System) -> None:
    opening = Visitor(system, topic="law.no-longer-there").opening
    assert [message["kind"] for message in opening] == ["greeting", "text"]


@pytest.mark.parametrize(
    ("language", "text", "kind", "says"),
    [
        ("nl", "goedemiddag", "smalltalk", "Waarmee kan ik u helpen"),
        ("en", "good morning", "smalltalk", "How can I help"),
        ("nl", "hartelijk bedankt", "smalltalk", "Graag gedaan"),
        ("en", "thanks a lot for this", "smalltalk", "You're welcome"),
        ("nl", "tot ziens", "smalltalk", "Tot ziens"),
        ("en", "goodbye", "smalltalk", "Goodbye"),
        ("nl", "ben jij een robot?", "smalltalk", "computerprogramma (AI)"),
        ("en", "are you a robot?", "smalltalk", "computer program (AI)"),
        ("nl", "wat een waardeloze chatbot ben jij", "smalltalk", "spijt me"),
        ("en", "you are a stupid bot", "smalltalk", "sorry"),
        ("nl", "ik wil een medewerker spreken", "handoff", "070 - 2002 532"),
        ("en", "I want to talk to a person", "handoff", "070 - 2002 532"),
        ("nl", "stop", "smalltalk", "we stoppen hier"),
        ("en", "I want to stop", "smalltalk", "we will stop here"),
        ("nl", "opnieuw beginnen", "smalltalk", "We beginnen opnieuw"),
        ("en", "start over", "smalltalk", "start again"),
    ],
)
def test_small_talk_and_control(system: System, language: str, text: str, kind: str, says: str) -> None:
    [reply] = Visitor(system, language).say(text)
    assert (reply["kind"], reply["language"]) == (kind, language), reply
    assert says in reply["text"]


@pytest.mark.parametrize("language", ["nl", "en"])
def test_a_person_is_named_with_hours_only_where_they_are_known(system: System, language: str) -> None:
    said = Visitor(system, language).say("medewerker" if language == "nl" else "human please")[0]["text"]
    portal = next(part for part in said.split("\n\n") if "070 - 2002 532" in part)
    charter = next(part for part in said.split("\n\n") if "070 - 3 499 576" in part)
    assert any(word in portal for word in ("nu open", "nu gesloten", "open now", "closed now"))
    assert "18:00" not in charter and "08:00" not in charter


def test_switching_language_in_mid_conversation(visitor: Visitor) -> None:
    assert visitor.say("Wat is het ingroeiquotum?")[0]["language"] == "nl"
    assert visitor.say("English please")[0]["language"] == "en"
    assert visitor.say("report deadline")[0]["language"] == "en", "a short text does not switch back"
    assert visitor.say("Nederlands")[0]["language"] == "nl"
    [reply] = visitor.say("When do we have to send the report to the SER?")
    assert (reply["language"], reply["kind"]) == ("en", "answer"), "a clear English question is answered in English"


@pytest.mark.parametrize(
    ("language", "questions"),
    [
        ("nl", ["Welke kaas past bij rode wijn?", "En hoe laat vertrekt de trein naar Zwolle?"]),
        ("en", ["Which cheese goes with red wine?", "And what time does the train to Zwolle leave?"]),
    ],
)
def test_two_misses_lead_to_the_helpdesk(system: System, language: str, questions: list[str]) -> None:
    visitor = Visitor(system, language)
    [first], [second] = (visitor.say(question) for question in questions)
    assert first["kind"] == "unknown" and first["buttons"], "never a dead end"
    assert second["kind"] == "handoff"
    assert "070 - 2002 532" in second["text"]
    assert visitor.say(questions[0])[0]["kind"] == "unknown", "the count starts anew"


def _asked_back(system: System, language: str) -> tuple[Visitor, dict]:
    """A visitor who was asked which topic was meant."""
    visitor = Visitor(system, language)
    [reply] = visitor.say(asked_back_about(language))
    assert reply["kind"] == "choices"
    return visitor, reply


def test_choices_by_button(system: System) -> None:
    visitor, choices = _asked_back(system, "nl")
    assert 3 <= len(choices["buttons"]) <= 4
    [reply] = visitor.press(choices["buttons"][1])
    assert reply["kind"] == "answer"


def test_choices_by_place(system: System) -> None:
    visitor, _ = _asked_back(system, "nl")
    [by_place] = visitor.say("de tweede")
    other, choices = _asked_back(system, "nl")
    [by_button] = other.press(choices["buttons"][1])
    assert by_place["kind"] == "answer"
    assert by_place["topic"] == by_button["topic"]


def test_none_of_the_choices(system: System) -> None:
    visitor, choices = _asked_back(system, "nl")
    [further] = visitor.press(choices["buttons"][-1])
    assert further["kind"] == "choices"
    offered = [[button["title"] for button in asked["buttons"][:-1]] for asked in (choices, further)]
    assert set(offered[0]).isdisjoint(offered[1])
    [reply] = visitor.press(further["buttons"][-1])
    assert reply["kind"] == "unknown"
    assert reply["buttons"]


def test_a_follow_up_keeps_the_subject(visitor: Visitor) -> None:
    assert visitor.say("Voor welke datum moet onze rapportage bij de SER binnen zijn?")[0]["kind"] == "answer"
    [reply] = visitor.say("en voor een gebroken boekjaar?")
    offered = {reply["topic"]} | {button["title"] for button in reply["buttons"]}
    assert {"portal.broken-financial-year", "Gebroken boekjaar in de intake"} & offered, reply


def test_starting_over_forgets_the_subject(visitor: Visitor) -> None:
    visitor.say("Voor welke datum moet onze rapportage bij de SER binnen zijn?")
    [reply] = visitor.say("opnieuw beginnen")
    assert reply["buttons"], "the topics that a conversation opens with"
    visitor.say("stop")
    [after] = visitor.say("nee")
    assert after["kind"] == "smalltalk", "there is nothing left to say no to"
