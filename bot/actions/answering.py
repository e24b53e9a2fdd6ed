"""Answering a question, and what follows from asking back."""

from __future__ import annotations

from bot.actions.turn import Turn, TurnAction, services
from bot.answers import rendering
from bot.answers.choosing import place_named
from bot.answers.decision import Candidate, Decision
from bot.helpdesk.contact import how_to_reach
from bot.messages import Draft, Memory
from bot.texts import text

MISSES_BEFORE_HELPDESK = 2


def offered_topics(turn: Turn, *, under_an_answer: bool = False) -> list[str]:
    """The topics behind the buttons of the assistant's last message.

    under_an_answer: also those that stood under an answer. They were no question, so "yes" and "no" are not about them.
    """
    topics = services().engine.knowledge.topics
    return [
        payload["topic"]
        for payload in turn.context.choices
        if payload.get("topic") in topics and (under_an_answer or not payload.get("instead"))
    ]


def miss(turn: Turn, decision: Decision) -> list[Draft]:
    """Says that there is no answer; the second time in a row it leads to the helpdesk, never to a loop."""
    misses = turn.context.misses + 1
    language = turn.language
    if misses < MISSES_BEFORE_HELPDESK:
        return [
            Draft(
                kind="unknown",
                text=text("unknown.first", language, desk=text(f"desk.{_desk(decision)}.short", language)),
                language=language,
                buttons=[rendering.person_button(language)],
                decision=decision.as_record(),
                memory=Memory(misses=misses),
            )
        ]
    reach = how_to_reach(_desk(decision), services().hours, turn.moment, language)
    return [
        Draft(
            kind="handoff",
            text=f"{text('unknown.second', language)}\n\n{reach}",
            language=language,
            decision=decision.as_record(),
            memory=Memory(misses=0),
        )
    ]


def _desk(decision: Decision) -> str:
    topics = services().engine.knowledge.topics
    return topics[decision.topics[0]].desk if decision.topics else "portal"


def decide(turn: Turn) -> Decision:
    """What the one place that decides makes of the visitor's words."""
    engine = services().engine
    vector = turn.vector.taken_by(engine.encoder) if turn.vector else None
    return engine.decide(turn.said.words, turn.language, turn.context.last_topic, vector)


def show(turn: Turn, topic: str, decision: Decision | None = None) -> Draft:
    """The answer of one topic."""
    known = services().engine.knowledge
    answer = rendering.answer(known.topics[topic], known, turn.language, turn.moment.date(), decision)
    return services().guiding.offers(answer, turn.context)


class AnswerQuestion(TurnAction):
    """Answers, asks which topic was meant, or says that it does not know."""

    action_name = "action_answer"

    def reply(self, turn: Turn) -> list[Draft]:
        """Asks the one place that decides."""
        engine = services().engine
        decision = decide(turn)
        if decision.outcome == "answer":
            return [show(turn, decision.topics[0], decision)]
        if decision.outcome == "choices":
            return [rendering.choices(decision, engine.knowledge, turn.language)]
        return miss(turn, decision)


class ChooseTopic(TurnAction):
    """A topic was chosen: by a button, by its place in the list, or by "yes" to the only one offered."""

    action_name = "action_choose"

    def reply(self, turn: Turn) -> list[Draft]:
        """Shows the chosen topic; where nothing was offered, or the place is not in the list, says so."""
        topics = services().engine.knowledge.topics
        pressed = str((turn.context.payload or {}).get("topic"))
        if pressed in topics:
            return [show(turn, pressed, Decision("answer", (Candidate(pressed, 1.0),)))]
        offered = offered_topics(turn, under_an_answer=turn.intent != "affirm")
        if not offered:
            if turn.intent == "affirm":
                return [_small(turn, "smalltalk.affirm")]
            return AnswerQuestion().reply(turn)
        place = 0 if turn.intent == "affirm" and len(offered) == 1 else place_named(turn.text)
        if place is None or place >= len(offered):
            key = "choices.which" if place is None else "choices.not_found"
            again = rendering.topic_buttons(tuple(offered), services().engine.knowledge, turn.language)
            return [Draft(kind="choices", text=text(key, turn.language), language=turn.language, buttons=again)]
        return [show(turn, offered[place], Decision("answer", (Candidate(offered[place], 1.0),)))]


class DeclineChoices(TurnAction):
    """None of the offered topics, or "no" to the last answer."""

    action_name = "action_decline_choices"

    def reply(self, turn: Turn) -> list[Draft]:
        """Counts as a miss where something was offered or answered; else it is just a no."""
        if turn.intent == "deny" and not offered_topics(turn) and turn.context.last_topic is None:
            return [_small(turn, "smalltalk.deny")]
        missed = miss(turn, Decision("unknown", ()))
        if missed[0].kind == "handoff":
            return missed
        return [missed[0].model_copy(update={"text": text("unknown.none_of_these", turn.language)})]


def _small(turn: Turn, key: str) -> Draft:
    return Draft(kind="smalltalk", text=text(key, turn.language), language=turn.language)
