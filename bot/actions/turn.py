"""What every action starts from and ends with: the turn at hand, and the draft of its reply."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, ClassVar, cast

from rasa_sdk import Action, Tracker
from rasa_sdk.executor import CollectingDispatcher

from bot.answers import knowledge as knowledge_module
from bot.answers.engine import AnswerEngine, open_engine
from bot.conversations.store import Context, ConversationStore
from bot.database.engine import open_engine as open_database
from bot.encoder.runtime import Handed
from bot.helpdesk.hours import OpeningHours, portal_hours
from bot.messages import Draft, Language
from bot.settings import settings


@dataclass(frozen=True)
class Services:
    """What the actions share in their process."""

    store: ConversationStore
    engine: AnswerEngine
    hours: OpeningHours


@lru_cache
def services() -> Services:
    """Opened once, at start-up, so that a missing model is noticed before a visitor does."""
    config = settings()
    return Services(
        store=ConversationStore(open_database(config.database_url, config.database_timeout_seconds)),
        engine=open_engine(config.models_dir, knowledge_module.load(config.knowledge_dir)),
        hours=portal_hours(config.portal_desk_closes_on_holidays),
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


class TurnAction(Action, ABC):
    """An action that drafts replies to one turn. Subclasses give `action_name` and `reply`."""

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
        for draft in self.reply(turn):
            dispatcher.utter_message(json_message=draft.model_dump(mode="json"))
        return []

    @abstractmethod
    def reply(self, turn: Turn) -> list[Draft]:
        """The replies to the turn, in order; at least one."""
