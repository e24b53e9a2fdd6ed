"""The status of a company: the action only says that it was asked for."""

from __future__ import annotations

from bot.actions.turn import Turn, TurnAction
from bot.messages import Draft


class ShowStatus(TurnAction):
    """Leaves the reply to the web process: a company's details pass neither Rasa nor this process."""

    action_name = "action_status"

    def reply(self, turn: Turn) -> list[Draft]:
        """A draft that the web process fills in."""
        wanted = "wrong" if turn.intent == "status_wrong" else "show"
        return [Draft(kind="status", text="", language=turn.language, fill=wanted)]
