"""Shows a topic as an answer: its text, its sources, and what is due for review."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any

from bot.answers.decision import LEAST_SHARE, Decision
from bot.answers.knowledge import Knowledge, Source, Topic
from bot.messages import ButtonDraft, Draft, Language, Memory, SourceShown
from bot.texts import text
from bot.texts.days import in_words


def shown_sources(sources: Iterable[Source], knowledge: Knowledge, language: str) -> list[SourceShown]:
    """Sources in the reader's language."""
    shown = []
    for source in sources:
        document = knowledge.documents[source.document]
        shown.append(
            SourceShown(
                document=source.document,
                title=document.title[language],
                where=source.where[language],
                url=document.url,
                checked_on=document.checked_on,
            )
        )
    return shown


def _materials(topic: Topic, knowledge: Knowledge, language: str) -> str:
    """Links to the topic's materials that have an address which the answer does not give already."""
    linked = [knowledge.materials[material] for material in topic.materials]
    lines = [f"- [{m.title[language]}]({m.url})" for m in linked if m.url and m.url not in topic.answer[language]]
    return "\n\n" + "\n".join([text("answer.materials", language), *lines]) if lines else ""


def _instead(decision: Decision, knowledge: Knowledge, language: str) -> list[ButtonDraft]:
    """Buttons for what else may well have been meant."""
    best, *others = decision.candidates
    if decision.outcome != "answer":
        return []
    near = [other.topic for other in others if other.confidence >= LEAST_SHARE * best.confidence]
    return [ButtonDraft(title=knowledge.topics[t].title[language], payload={"topic": t, "instead": True}) for t in near]


def answer(
    topic: Topic, knowledge: Knowledge, language: Language, today: date, decision: Decision | None = None
) -> Draft:
    """The answer of a topic; past its review date it says so and offers a person.

    decision: what led to it; where that was not sure, the answer offers what else may have been meant.
    """
    body = topic.answer[language] + _materials(topic, knowledge, language)
    buttons: list[ButtonDraft] = []
    if today > topic.review_by:
        body += "\n\n" + text("answer.review_due", language, date=in_words(topic.review_by, language))
        buttons.append(person_button(language))
    if decision and (instead := _instead(decision, knowledge, language)):
        body += "\n\n" + text("answer.instead", language)
        buttons += instead
    return Draft(
        kind="answer",
        text=body,
        language=language,
        topic=topic.id,
        sources=shown_sources(topic.sources, knowledge, language),
        buttons=buttons,
        decision=decision.as_record() if decision else None,
        memory=Memory(last_topic=topic.id, misses=0),
    )


def topic_buttons(topics: tuple[str, ...], knowledge: Knowledge, language: str) -> list[ButtonDraft]:
    """A button for each topic, titled with the topic."""
    return [ButtonDraft(title=knowledge.topics[t].title[language], payload={"topic": t}) for t in topics]


def person_button(language: str) -> ButtonDraft:
    """Asks for a person."""
    return ButtonDraft(title=text("button.person", language), payload={"intent": "talk_to_person"})


def choices(decision: Decision, knowledge: Knowledge, language: Language) -> Draft:
    """Asks which of the candidates was meant."""
    asked = _asked("choices.text", decision.topics, decision.further, knowledge, language)
    return asked.model_copy(update={"decision": decision.as_record()})


def further_choices(topics: tuple[str, ...], knowledge: Knowledge, language: Language) -> Draft:
    """Asks once more, with what comes next: it was none of those that were offered."""
    return _asked("choices.further", topics, (), knowledge, language)


def _asked(
    key: str, topics: tuple[str, ...], further: tuple[str, ...], knowledge: Knowledge, language: Language
) -> Draft:
    payload: dict[str, Any] = {"intent": "none_of_these"}
    if further:
        payload["next"] = list(further)
    none = ButtonDraft(title=text("choices.none", language), payload=payload)
    buttons = [*topic_buttons(topics, knowledge, language), none]
    return Draft(kind="choices", text=text(key, language), language=language, buttons=buttons)
