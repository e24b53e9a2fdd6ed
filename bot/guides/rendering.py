"""Shows a guide: its step with buttons and progress, the deadlines, and what can be taken along."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from bot.answers.knowledge import Knowledge, Source
from bot.answers.rendering import shown_sources
from bot.guides import machine
from bot.guides.deadlines import Deadline, deadlines
from bot.guides.guides import Guide, Guides, Step
from bot.helpdesk.forms import Form
from bot.messages import ButtonDraft, Draft, GuideState, Language, Memory
from bot.texts import text
from bot.texts.days import in_words


def button(title: str, guide: Guide, move: str, **more: str) -> ButtonDraft:
    """A button that moves through a guide."""
    return ButtonDraft(title=title, payload={"guide": guide.id, "move": move, **more})


def start_button(guide: Guide, language: str, step: str | None = None) -> ButtonDraft:
    """Offers a guide. step: where it begins, for who is that far already."""
    offered = button(text("guide.offer", language, title=guide.title[language]), guide, "start")
    return offered if step is None else offered.model_copy(update={"payload": {**offered.payload, "at": step}})


def status_button(language: str) -> ButtonDraft:
    """Shows how the visitor's own company stands."""
    return ButtonDraft(title=text("status.own_button", language), payload={"status": "show"})


def form_link(form: Form, language: str) -> str:
    """A link that the widget opens as a form; on its own it leads to a page with the widget on it."""
    return f"[{form.title[language]}](/?wegwijzer-form={form.id})"


def papers(conversation_id: str, language: str, dated: bool) -> str:
    """Links to what can be taken along: the checklist, and the calendar file where there are dates."""
    path = f"/api/v1/conversations/{conversation_id}/guide"
    lines = [f"- [{text('guide.checklist', language)}]({path}/checklist.pdf)"]
    if dated:
        lines.append(f"- [{text('guide.calendar', language)}]({path}/calendar.ics)")
    return "\n".join([text("guide.papers", language), *lines])


def _filled(words: str, state: GuideState, language: str) -> str:
    """The dates that were given, in their places."""

    def put(match: re.Match[str]) -> str:
        try:
            return in_words(date.fromisoformat(state.answers[match.group(1)]), language)
        except (KeyError, ValueError):
            return "…"

    return re.sub(r"\{([a-z0-9-]+)\}", put, words)


def deadline_lines(found: Sequence[Deadline], language: str) -> list[str]:
    """One line of a list for each deadline; one that is past says so."""
    return [
        text(
            "guide.deadline_past" if deadline.past else "guide.deadline",
            language,
            date=in_words(deadline.due, language),
            title=deadline.title[language],
        )
        for deadline in found
    ]


def buttons(guide: Guide, state: GuideState, language: str) -> list[ButtonDraft]:
    """The step's own buttons first, then the ways through the guide and out of it."""
    step = machine.at(guide, state)
    person = ButtonDraft(title=text("guide.person", language), payload={"intent": "talk_to_person"})
    if step.kind == "end":
        return [button(text("guide.restart", language), guide, "restart"), person]
    shown = [button(option.title[language], guide, "answer", step=step.id, value=option.id) for option in step.options]
    if step.kind == "tell":
        shown.append(button(text("guide.next", language), guide, "next", step=step.id))
    if step.optional:
        shown.append(button(text("guide.skip", language), guide, "skip", step=step.id))
    if state.trail:
        shown.append(button(text("guide.back", language), guide, "back", step=step.id))
    shown += [
        button(text("guide.later", language), guide, "later"),
        button(text("guide.stop", language), guide, "stop"),
    ]
    return [*shown, person]


@dataclass(frozen=True)
class Reader:
    """Whom a step is shown to, and when."""

    conversation_id: str
    language: Language
    today: date


def step_draft(
    guides: Guides, forms: Mapping[str, Form], knowledge: Knowledge, state: GuideState, reader: Reader
) -> Draft:
    """The step of a state, as a message."""
    language, today = reader.language, reader.today
    guide = guides.guides[state.guide]
    step = machine.at(guide, state)
    found = deadlines((guides.rules[rule] for rule in step.deadlines), state.answers, today)
    parts = [f"**{step.title[language]}**", _filled(step.text[language], state, language)]
    if found:
        parts.append("\n".join(f"- {line}" for line in deadline_lines(found, language)))
    if step.form:
        parts.append(form_link(forms[step.form], language))
    if step.kind == "end":
        dated = any(not d.past for d in deadlines(guides.rules.values(), state.answers, today))
        parts.append(papers(reader.conversation_id, language, dated))
    if today > guide.review_by:
        parts.append(text("guide.review_due", language, date=in_words(guide.review_by, language)))
    named = {source.document for source in step.sources}
    sources = [*step.sources, *(Source(d.document, d.where) for d in found if d.document not in named)]
    return Draft(
        kind="guide",
        text="\n\n".join(parts),
        language=language,
        sources=shown_sources(sources, knowledge, language),
        buttons=buttons(guide, state, language),
        progress=machine.progress(guide, state),
        memory=Memory(guide=state, last_topic=step.topic, misses=0),
    )


def question_of(step: Step, language: str) -> str:
    """What the step asks, for asking it again: its last paragraph."""
    return re.split(r"\n\s*\n", step.text[language])[-1]


def again_draft(guide: Guide, state: GuideState, language: Language, *, before: str = "") -> Draft:
    """The step once more, in short: after a question in between, or when an answer was not clear.

    before: what is said first.
    """
    step = machine.at(guide, state)
    where = machine.progress(guide, state)
    lead = text("guide.again", language, step=where.step, of=where.of, title=step.title[language])
    asked = _filled(question_of(step, language), state, language)
    return Draft(
        kind="guide",
        text="\n\n".join(part for part in (before, lead, asked) if part),
        language=language,
        buttons=buttons(guide, state, language),
        progress=where,
        memory=Memory(guide=state),
    )
