"""Talking to a person: for now the right desk, its number, and whether it is open at this moment."""

from __future__ import annotations

from bot.actions.turn import Turn, TurnAction, services
from bot.helpdesk.contact import how_to_reach
from bot.messages import Draft, Memory
from bot.texts import text


class TalkToPerson(TurnAction):
    """Says how to reach a person."""

    action_name = "action_talk_to_person"

    def reply(self, turn: Turn) -> list[Draft]:
        """The desk of what was being talked about first, or of the guide; the other one below it."""
        topics = services().engine.knowledge.topics
        last = turn.context.last_topic
        desk = topics[last].desk if last in topics and last is not None else "portal"
        if guide := services().guiding.guides.guides.get(turn.busy_with or ""):
            desk = guide.desk
        reach = how_to_reach(desk, services().hours, turn.moment, turn.language)
        said = f"{text('desk.intro', turn.language)}\n\n{reach}"
        return [Draft(kind="handoff", text=said, language=turn.language, memory=Memory(misses=0))]
