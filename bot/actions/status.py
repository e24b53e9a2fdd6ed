"""The status of a company: the action only says that it was asked for."""

from __future__ import annotations

from bot.actions.answering import decide, own_status, show
from bot.actions.turn import Turn, TurnAction, services
from bot.guides.rendering import status_button
from bot.messages import Draft


class ShowStatus(TurnAction):
    """Leaves the reply to the web process: a company's details pass neither Rasa nor this process."""

    action_name = "action_status"

    def reply(self, turn: Turn) -> list[Draft]:
        """A draft that the web process fills in; the answer, where the words rather ask how it works for everybody."""
        engine = services().engine
        if turn.intent != "status_wrong" and services().asking_for_status.rather_a_question(
            turn.meaning, engine.index.questions
        ):
            decision = decide(turn)
            if decision.outcome == "answer":
                answer = show(turn, decision.topics[0], decision)
                offered = [] if any("status" in b.payload for b in answer.buttons) else [status_button(turn.language)]
                answer = answer.model_copy(update={"buttons": [*answer.buttons, *offered]})
                return [answer, *own_status(turn, decision.topics[0])]
        wanted = "wrong" if turn.intent == "status_wrong" else "show"
        return [Draft(kind="status", text="", language=turn.language, fill=wanted)]
