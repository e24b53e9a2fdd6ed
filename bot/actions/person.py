"""Talking to a person: the action only says that one was asked for, and at which desk."""

from __future__ import annotations

from bot.actions.turn import Turn, TurnAction, services
from bot.helpdesk.desks import person_asked
from bot.messages import Draft


class TalkToPerson(TurnAction):
    """Leaves the reply to the web process: that knows who is there, and hands the conversation over."""

    action_name = "action_talk_to_person"

    def reply(self, turn: Turn) -> list[Draft]:
        """A draft that the web process fills in, for the desk of the guide or of what was being talked about."""
        knowledge, guides = services().engine.knowledge, services().guiding.guides
        return [person_asked(turn.context, turn.language, knowledge, guides)]
