"""Answers the readiness check: proof that Rasa reaches the actions, and that they answer."""

from __future__ import annotations

from typing import Any

from rasa_sdk import Action, Tracker
from rasa_sdk.executor import CollectingDispatcher

from bot.actions.turn import services
from bot.settings import settings


class Probe(Action):
    """Says that it is there; touches no conversation."""

    def name(self) -> str:
        """The name in Rasa's domain."""
        return "action_probe"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Any) -> list[dict[str, Any]]:
        """One line of JSON, when the database answers: which database that is."""
        services().store.count()
        dispatcher.utter_message(json_message={"ready": settings().database_mark})
        return []
