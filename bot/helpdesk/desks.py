"""Whether a desk has somebody for a visitor at this moment, and what who asks for a person is told."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from bot.answers.knowledge import Knowledge
from bot.conversations.store import Context
from bot.database.types import now
from bot.guides.guides import Guides
from bot.guides.guiding import Guiding, Said
from bot.guides.rendering import form_link
from bot.helpdesk import saying
from bot.helpdesk.contact import how_to_reach
from bot.helpdesk.hours import OpeningHours
from bot.messages import Draft, Language, Memory, PersonAsked

QUESTION_FORM = "question"


class Presence(Protocol):
    """Who is there."""

    def present(self, desk: str) -> int:
        """How many agents of a desk take chats at this moment."""


def person_asked(context: Context, language: Language, knowledge: Knowledge, guides: Guides) -> Draft:
    """A draft that asks for a person, for `Desks.reply` to fill in.

    The desk is that of the guide that waits, else of what was talked about last, else the portal's.
    """
    guide = guides.guides.get(context.guide.guide) if context.guide else None
    about = guide or knowledge.topics.get(context.last_topic or "")
    asked = PersonAsked(desk="charter" if about and about.desk == "charter" else "portal", reason="asked")
    memory = Memory(misses=0, person=asked)
    return Draft(kind="handoff", text="", language=language, fill="person", memory=memory)


class Desks:
    """The two desks, as the web process knows them."""

    def __init__(
        self,
        presence: Presence,
        hours: OpeningHours,
        guiding: Guiding,
        knowledge: Knowledge,
        clock: Callable[[], datetime] = now,
    ) -> None:
        self._presence, self._hours, self._guiding, self._knowledge = presence, hours, guiding, knowledge
        self._clock = clock

    def is_open(self, desk: str) -> bool:
        """Whether the desk has opening hours at this moment; the Charter's are not known, so nothing is claimed."""
        return desk != "portal" or self._hours.open_at(self._clock())

    def present(self, desk: str) -> int:
        """How many agents of a desk take chats at this moment."""
        return self._presence.present(desk)

    def available(self, desk: str) -> bool:
        """Whether somebody who asks for a person may be put into the queue."""
        return self.is_open(desk) and self.present(desk) > 0

    def asked(self, said: Said) -> list[Draft]:
        """The reply to the button that asks for a person: it needs neither Rasa nor the actions."""
        asked = person_asked(said.context, said.language, self._knowledge, self._guiding.guides)
        return self.reply(said, asked)

    def reply(self, said: Said, draft: Draft) -> list[Draft]:
        """A draft that asks for a person, filled in: a place in the queue, or what to do where nobody is there.

        What the draft says already comes first.
        """
        asked, language = draft.memory.person, draft.language
        if asked is None:
            raise ValueError("the draft asks for no person")
        memory, buttons = draft.memory, [saying.leave_button(language)]
        if said.context.mode == "queue":
            # Also when the desk has closed meanwhile: the queue tells them.
            words = saying.still_queued(language)
        elif self.available(asked.desk):
            words = saying.queued(language, asked.desk)
        else:
            words, buttons = saying.nobody_now(language, self.reach(asked.desk, language), self.form(language)), []
            memory = draft.memory.model_copy(update={"person": None})
        parts = [part for part in (draft.text, words) if part]
        filled = {"text": "\n\n".join(parts), "buttons": [*draft.buttons, *buttons], "fill": None, "memory": memory}
        return [draft.model_copy(update=filled)]

    def reach(self, desk: str, language: Language) -> str:
        """How to reach a desk at this moment, in Markdown."""
        return how_to_reach(desk, self._hours, self._clock(), language)

    def form(self, language: Language) -> str:
        """A link to the form with which a question is left."""
        return form_link(self._guiding.forms[QUESTION_FORM], language)
