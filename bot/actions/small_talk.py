"""Greeting, thanks, goodbye, "are you a robot", an insult: a short answer that leaves something to do next."""

from __future__ import annotations

from bot.actions.turn import Turn, TurnAction
from bot.answers.rendering import person_button
from bot.messages import Draft
from bot.texts import text

_OFFER_PERSON = {"insult", "ask_if_robot"}


class SmallTalk(TurnAction):
    """Says what the text catalogue has for the intent."""

    action_name = "action_small_talk"

    def reply(self, turn: Turn) -> list[Draft]:
        """One short message; where somebody is unhappy or unsure, with a way to a person."""
        buttons = [person_button(turn.language)] if turn.intent in _OFFER_PERSON else []
        said = text(f"smalltalk.{turn.intent}", turn.language)
        return [Draft(kind="smalltalk", text=said, language=turn.language, buttons=buttons)]
