"""Stop and start over: what was being talked about is forgotten; what was said stays until it is erased."""

from __future__ import annotations

from bot.actions.turn import Turn, TurnAction, services
from bot.answers.rendering import topic_buttons
from bot.messages import Draft, Memory
from bot.texts import text


class StartOver(TurnAction):
    """Forgets the last topic, the open choices and the misses."""

    action_name = "action_start_over"

    def reply(self, turn: Turn) -> list[Draft]:
        """After "stop" a goodbye; after "start over" the topics that a conversation opens with."""
        stopped = turn.intent == "stop"
        known = services().engine.knowledge
        return [
            Draft(
                kind="smalltalk",
                text=text("smalltalk.stop" if stopped else "smalltalk.start_over", turn.language),
                language=turn.language,
                buttons=[] if stopped else topic_buttons(known.greeting_topics, known, turn.language),
                memory=Memory(forget_topic=True, misses=0),
            )
        ]
