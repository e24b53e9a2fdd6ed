"""What every action starts from and ends with: the turn at hand, and the draft of its reply."""

from __future__ import annotations

import logging
import traceback
from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property, lru_cache
from typing import Any, ClassVar, cast

from rasa_sdk import Action, Tracker
from rasa_sdk.events import FollowupAction
from rasa_sdk.executor import CollectingDispatcher

from bot.answers import knowledge as knowledge_module
from bot.answers.engine import AnswerEngine, open_engine
from bot.conversations.store import Context, ConversationStore
from bot.database.engine import open_engine as open_database
from bot.encoder.runtime import Handed, Vectors
from bot.guides.asking import Asking
from bot.guides.guiding import Guiding, Said, open_guiding
from bot.helpdesk.forms import REQUEST, VERIFICATION
from bot.helpdesk.hours import AMSTERDAM
from bot.messages import Draft, Language
from bot.settings import settings

log = logging.getLogger(__name__)

ACTION_LISTEN = "action_listen"
"""Rasa's own: waits for the visitor."""


@dataclass(frozen=True, eq=False)
class Services:
    """What the actions share in their process."""

    store: ConversationStore
    engine: AnswerEngine
    guiding: Guiding

    @cached_property
    def asking_for_guides(self) -> Asking:
        """The ways in which visitors ask for a guide; encoded when the first one does."""
        return Asking.of({g.id: g.asks for g in self.guiding.guides.guides.values()}, self.engine.encoder)

    @cached_property
    def asking_for_forms(self) -> Asking:
        """The ways in which visitors ask to put something in."""
        return self._asking_for(REQUEST)

    @cached_property
    def asking_for_status(self) -> Asking:
        """The ways in which visitors ask how their company stands."""
        return self._asking_for(VERIFICATION)

    def _asking_for(self, sends: str) -> Asking:
        forms = [form for form in self.guiding.forms.values() if form.sends == sends]
        return Asking.of({form.id: form.asks for form in forms}, self.engine.encoder)


@lru_cache
def services() -> Services:
    """Opened once, at start-up, so that a missing model is noticed before a visitor does."""
    config = settings()
    knowledge = knowledge_module.load(config.knowledge_dir)
    return Services(
        store=ConversationStore(open_database(config.database_url, config.database_timeout_seconds)),
        engine=open_engine(config.models_dir, knowledge),
        guiding=open_guiding(config.knowledge_dir, knowledge),
    )


@dataclass(frozen=True)
class Turn:
    """One turn as an action sees it."""

    text: str
    intent: str
    context: Context
    moment: datetime
    vector: Handed | None = None
    """Of the text, where Rasa made it."""

    @property
    def language(self) -> Language:
        """The language to reply in."""
        return cast("Language", self.context.language)

    @property
    def said(self) -> Said:
        """The turn as a guide sees it."""
        return Said(self.context, self.language, self.moment.astimezone(AMSTERDAM).date())

    @property
    def busy_with(self) -> str | None:
        """The guide that waits for the visitor."""
        return self.context.guide.guide if self.context.guide else None

    @property
    def meaning(self) -> Vectors:
        """The vector of the visitor's words."""
        engine = services().engine
        vector = self.vector.taken_by(engine.encoder) if self.vector else None
        return engine.encoder.encode_one(self.said.words) if vector is None else vector

    def meant(self, asking: Asking) -> list[str]:
        """Which guide or form the visitor's words ask for.

        More than one where that is not clear; none where they are rather a question.
        """
        return asking.meant(self.said.words, self.meaning, services().engine.index.questions)


class TurnAction(Action, ABC):
    """An action that drafts replies to one turn, unless a guide takes it. Subclasses give `action_name` and `reply`."""

    action_name: ClassVar[str] = ""

    def name(self) -> str:
        """The name in Rasa's domain."""
        return self.action_name

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Any) -> list[dict[str, Any]]:
        """Looks the conversation up by its id, and hands the drafts to Rasa as plain JSON."""
        latest = tracker.latest_message
        message_id = (latest.get("metadata") or {}).get("message_id")
        turn = Turn(
            text=latest.get("text") or "",
            intent=(latest.get("intent") or {}).get("name") or "",
            context=services().store.context(tracker.sender_id, message_id),
            moment=datetime.now(UTC),
            vector=Handed(**latest["vector"]) if latest.get("vector") else None,
        )
        try:
            drafts = self._drafts(turn)
        except Exception as problem:
            # Not its message: that may quote what the visitor said.
            where = "".join(traceback.format_tb(problem.__traceback__))
            log.error("%s failed: %s\n%s", self.action_name, type(problem).__name__, where)
            raise
        for draft in drafts:
            dispatcher.utter_message(json_message=draft.model_dump(mode="json"))
        # One action makes a turn: said here, it need not be predicted.
        return [FollowupAction(ACTION_LISTEN)]

    def _drafts(self, turn: Turn) -> list[Draft]:
        """A guide that waits goes before everything else; after everything else it says where it was."""
        guiding = services().guiding
        drafts = guiding.reply(turn.said, turn.intent)
        return guiding.after(turn.said, self.reply(turn)) if drafts is None else drafts

    @abstractmethod
    def reply(self, turn: Turn) -> list[Draft]:
        """The replies to the turn, in order; at least one."""
