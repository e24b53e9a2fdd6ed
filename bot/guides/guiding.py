"""Leads visitors through guides: what a turn means to the guide that waits, and what it says next.

The web process asks `reads` whether a text is for the guide; the actions ask `reply` for the drafts. Nothing here is
remembered: the state comes with the conversation, and the next one travels with the draft that it belongs to.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from bot.answers.choosing import only_a_place, place_named
from bot.answers.knowledge import Knowledge
from bot.conversations.store import Context
from bot.guides import dates, machine, understanding
from bot.guides.conditions import SKIPPED
from bot.guides.guides import Guide, Guides, Step, load_guides
from bot.guides.machine import NoWay
from bot.guides.offering import with_offers
from bot.guides.rendering import Reader, again_draft, start_button, step_draft
from bot.guides.understanding import Given, Move, Reading, Unclear
from bot.helpdesk.forms import Form, load_forms
from bot.messages import RESUME_CODE, Draft, GuideState, Language, Memory
from bot.texts import text
from bot.texts.days import in_words

MOVES_OF_INTENTS = {
    "guide_next": "next",
    "guide_back": "back",
    "guide_skip": "skip",
    "guide_where": "where",
    "guide_later": "later",
    "start_over": "restart",
    "stop": "stop",
}
"""Rasa's intents that steer the guide that waits."""

_WHAT_NOW = re.compile(
    r"\b(wat nu|en nu|wat moet(en)? (we|wij|ik)( nu)?( nog)?( doen)?|hoe verder|what now|what next"
    r"|what (do|should|must) (we|i)( have to)?( now)?( do)?( now)?)\W*$",
    re.IGNORECASE,
)
_MEANINGS = {"affirm": "ja", "deny": "nee"}


@dataclass(frozen=True)
class Said:
    """What the guide has to go by in one turn."""

    context: Context
    language: Language
    today: date

    @property
    def words(self) -> str:
        """What the visitor typed, also when it is tried again; the title of a pressed button otherwise."""
        return str((self.context.payload or {}).get("again") or self.context.text)

    @property
    def payload(self) -> Mapping[str, Any]:
        """What the pressed button stands for."""
        payload = self.context.payload or {}
        return {} if "again" in payload else payload


class Guiding:
    """All guides, and how they answer."""

    def __init__(self, guides: Guides, knowledge: Knowledge, forms: Mapping[str, Form]) -> None:
        self.guides = guides
        self.forms = forms
        self._knowledge = knowledge

    def offers(self, draft: Draft, context: Context | None = None) -> Draft:
        """An answer with the guide and the form that go further."""
        busy_with = context.guide.guide if context and context.guide else None
        return with_offers(draft, self.guides, self.forms, busy_with)

    # -- what waits

    def waiting(self, context: Context) -> tuple[Guide, GuideState] | None:
        """The guide that waits, and where it is."""
        state = context.guide
        guide = self.guides.guides.get(state.guide) if state else None
        if state is None or guide is None:
            return None
        return guide, machine.settled(guide, state)

    def reads(self, said: Said) -> Reading | None:
        """What a typed text means to the step that waits; None where it is for somebody else.

        "Yes", "no" and "the second one" are about the topics that were just offered, where that is the last message.
        """
        waiting = self.waiting(said.context)
        if said.payload:
            return None
        if waiting is None:
            return self._reads_after_leaving(said)
        if said.context.asked_back and (understanding.meaning(said.words) or only_a_place(said.words) is not None):
            return None
        step = machine.at(*waiting)
        reading = understanding.read(step, said.words, said.language, said.today)
        if reading is None and step.kind == "choice" and _WHAT_NOW.search(said.words):
            told = understanding.option_told(step, said.words, said.language, said.today)
            return Given(told) if told else None
        return reading

    @staticmethod
    def _reads_after_leaving(said: Said) -> Reading | None:
        """Back to the guide that was left: asked for in words, or "verder" to the message that offers it."""
        if not said.context.guides or len(said.words) > understanding.LONGEST_TEXT:
            return None
        move = understanding.move_said(said.words)
        offered = any(payload.get("move") == "start" and "guide" in payload for payload in said.context.choices)
        if move == "where" or (offered and (move == "next" or understanding.meaning(said.words) == "affirm")):
            return Move("where")
        return None

    # -- what a turn brings

    def reply(self, said: Said, intent: str) -> list[Draft] | None:
        """The guide's reply to a turn; None where the turn is not for a guide.

        intent: Rasa's, for words that `reads` does not know.
        """
        if "guide" in said.payload:
            return self._pressed(said)
        waiting = self.waiting(said.context)
        reading = self.reads(said) or self._by_intent(said, waiting, intent)
        if reading is not None:
            return self._take(said, *waiting, reading) if waiting else self._where_without_guide(said)
        if waiting is None and not said.payload:
            if intent == "guide_where" and said.context.guides:
                return self._where_without_guide(said)
            return self._told(said)
        return None

    def _told(self, said: Said) -> list[Draft] | None:
        """Somebody tells where they are, and when: "we have signed on 3 March". That begins the guide at that point."""
        words = said.words
        if len(words) > understanding.LONGEST_TEXT or ("?" in words and not _WHAT_NOW.search(words)):
            return None
        when = dates.find(words, said.language, said.today)
        # "Signed in March, now stuck" asks for help: without a day it is no answer to a guide that asks when.
        if not isinstance(when, dates.Written) or when.day is None:
            return None
        for guide in self.guides.guides.values():
            option = self._told_option(said, guide)
            if option and machine.at(guide, machine.advance(guide, machine.begin(guide), option)).kind == "date":
                return self.start(said, guide)
        return None

    @staticmethod
    def _told_option(said: Said, guide: Guide) -> str | None:
        """What the visitor's words say to the first step."""
        if said.payload or guide.steps[0].kind != "choice":
            return None
        return understanding.option_told(guide.steps[0], said.words, said.language, said.today)

    def _by_intent(self, said: Said, waiting: tuple[Guide, GuideState] | None, intent: str) -> Reading | None:
        if waiting is None or said.payload:
            return None
        if intent in MOVES_OF_INTENTS and not (intent == "guide_next" and "?" in said.words):
            return Move(MOVES_OF_INTENTS[intent])
        if said.context.asked_back:
            return None
        step = machine.at(*waiting)
        # "Ja ik heb hem niet" is a yes to Rasa; the step cannot tell.
        if intent in _MEANINGS and not (intent == "affirm" and understanding.denies(said.words)):
            return understanding.read(step, _MEANINGS[intent], said.language, said.today)
        if intent == "choose_option" and step.kind == "choice":
            place = place_named(said.words)
            if place is not None and place < len(step.options):
                return Given(step.options[place].id)
        return None

    def _pressed(self, said: Said) -> list[Draft]:
        """A button of a guide; also one of an earlier step, or of another guide."""
        payload = said.payload
        guide = self.guides.guides.get(str(payload["guide"]))
        if guide is None:
            return self.offer(said.language)
        known = next((state for state in said.context.guides if state.guide == guide.id), None)
        move = str(payload.get("move"))
        if move == "start" or known is None:
            return self.start(said, guide)
        state = machine.settled(guide, known).model_copy(update={"waiting": True})
        step = str(payload.get("step") or state.step)
        if step != state.step and move in ("answer", "next", "skip", "back"):
            # A button higher up: that step is answered anew, where it was passed on the way here.
            try:
                state = machine.rewind(guide, state, step)
            except NoWay:
                return [self._step(said, state, before=text("guide.elsewhere", said.language))]
        reading: Reading = Given(str(payload.get("value"))) if move == "answer" else Move(move)
        return self._take(said, guide, state, reading)

    def _take(self, said: Said, guide: Guide, state: GuideState, reading: Reading) -> list[Draft]:
        language = said.language
        if isinstance(reading, Unclear):
            return [again_draft(guide, state, language, before=text(reading.key, language, written=reading.written))]
        try:
            if isinstance(reading, Given):
                return [self._answered(said, guide, state, reading.value)]
            return [self._moved(said, guide, state, reading.to)]
        except NoWay:
            return [again_draft(guide, state, language, before=self._no_way(guide, state, reading, language))]

    @staticmethod
    def _no_way(guide: Guide, state: GuideState, reading: Reading, language: Language) -> str:
        if isinstance(reading, Move) and reading.to == "back":
            return text("guide.unclear.first", language)
        kind = machine.at(guide, state).kind
        return text(f"guide.unclear.{'needed' if kind in ('choice', 'date') else 'over'}", language)

    def _moved(self, said: Said, guide: Guide, state: GuideState, to: str) -> Draft:
        """Raises NoWay."""
        language = said.language
        if to == "next":
            return self._step(said, machine.advance(guide, state))
        if to == "back":
            return self._step(said, machine.back(guide, state))
        if to == "skip":
            return self._step(said, machine.skip(guide, state))
        if to == "restart":
            return self._step(said, machine.begin(guide))
        if to in ("stop", "later"):
            left = state.model_copy(update={"waiting": False})
            key = "guide.stopped" if to == "stop" else "guide.kept"
            words = text(key, language, title=guide.title[language])
            return Draft(
                kind="guide",
                text=words.replace("<code>", RESUME_CODE),
                language=language,
                buttons=[start_button(guide, language).model_copy(update={"title": text("guide.resume", language)})],
                memory=Memory(guide=left, resume_code=to == "later", misses=0),
            )
        return self._step(said, state)

    def _answered(self, said: Said, guide: Guide, state: GuideState, value: str) -> Draft:
        """The next step; a date that was said along with a choice is taken as well. Raises NoWay."""
        noted = [self._noted(guide, state, value, said.language)]
        state = machine.advance(guide, state, value)
        day = self._day_along(said, machine.at(guide, state))
        if day is not None:
            noted.append(self._noted(guide, state, day, said.language))
            state = machine.advance(guide, state, day)
        return self._step(said, state, before=" ".join(note for note in noted if note))

    @staticmethod
    def _noted(guide: Guide, state: GuideState, value: str, language: Language) -> str:
        """A date, as it was understood."""
        if machine.at(guide, state).kind != "date" or value == SKIPPED:
            return ""
        return text("guide.noted", language, date=in_words(date.fromisoformat(value), language))

    @staticmethod
    def _day_along(said: Said, step: Step) -> str | None:
        if said.payload or step.kind != "date":
            return None
        found = dates.find(said.words[: understanding.LONGEST_TEXT], said.language, said.today)
        if not isinstance(found, dates.Written):
            return None
        reading = understanding.day_given(step, found, said.today)
        return reading.value if isinstance(reading, Given) else None

    def _step(self, said: Said, state: GuideState, *, before: str = "") -> Draft:
        """The step, behind what is said first, such as the date that was understood."""
        reader = Reader(said.context.id, said.language, said.today)
        draft = step_draft(self.guides, self.forms, self._knowledge, state, reader)
        return draft.model_copy(update={"text": f"{before}\n\n{draft.text}"}) if before else draft

    # -- beginning, coming back

    def start(self, said: Said, guide: Guide) -> list[Draft]:
        """Begins a guide, or goes on where the visitor left it.

        What is said along counts: "we have signed on 3 March, what now?" begins at that point. So does a button that
        names a step.
        """
        here = guide.step(str(said.payload.get("at")))
        if here is not None:
            return [self._step(said, machine.reach(guide, here.id), before=text("guide.begun_at", said.language))]
        option = self._told_option(said, guide)
        known = next((state for state in said.context.guides if state.guide == guide.id), None)
        if known is not None and option is None:
            state = machine.settled(guide, known)
            if state.trail and machine.at(guide, state).kind != "end":
                on = state.model_copy(update={"waiting": True})
                return [self._step(said, on, before=text("guide.resumed", said.language))]
        state = machine.begin(guide)
        if option is not None:
            return [self._answered(said, guide, state, option)]
        return [self._step(said, state, before=text("guide.begun", said.language))]

    def resume(self, said: Said, state: GuideState | None) -> list[Draft]:
        """Goes on from a resume code; None for one that is not good (any more)."""
        guide = self.guides.guides.get(state.guide) if state else None
        if state is None or guide is None:
            language = said.language
            return [Draft(kind="text", text=text("guide.no_code", language), language=language)]
        here = machine.settled(guide, state)
        here = here.model_copy(update={"waiting": machine.at(guide, here).kind != "end"})
        return [self._step(said, here, before=text("guide.resumed", said.language))]

    def offer(self, language: Language) -> list[Draft]:
        """All guides, to choose from."""
        return [
            Draft(
                kind="guide",
                text=text("guide.which", language),
                language=language,
                buttons=[start_button(guide, language) for guide in self.guides.guides.values()],
            )
        ]

    def _where_without_guide(self, said: Said) -> list[Draft]:
        left = next(iter(said.context.guides), None)
        guide = self.guides.guides.get(left.guide) if left else None
        return self.start(said, guide) if guide else self.offer(said.language)

    def after(self, said: Said, drafts: list[Draft]) -> list[Draft]:
        """The replies to something else that was asked in the middle, and then the step again.

        Not while the visitor is asked which topic was meant: one question at a time.
        """
        waiting = self.waiting(said.context)
        if waiting is None or not drafts or any(draft.kind in ("choices", "guide") for draft in drafts):
            return drafts
        return [*drafts, again_draft(*waiting, drafts[-1].memory.language or said.language)]

    def after_request(self, said: Said, form: str) -> list[Draft]:
        """The next step, where the guide waits at one that offered this form."""
        waiting = self.waiting(said.context)
        if waiting is None:
            return []
        guide, state = waiting
        step = machine.at(guide, state)
        if step.form != form or step.kind != "tell":
            return [again_draft(guide, state, said.language)]
        return [self._step(said, machine.advance(guide, state))]


def open_guiding(folder: Path, knowledge: Knowledge) -> Guiding:
    """The guides and forms of the knowledge's folder. Raises KnowledgeError."""
    forms = load_forms(folder, knowledge)
    return Guiding(load_guides(folder, knowledge, forms), knowledge, forms)
