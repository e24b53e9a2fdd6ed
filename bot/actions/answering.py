"""Answering a question, and what follows from asking back."""

from __future__ import annotations

import re
from typing import Literal

from bot.actions.turn import Turn, TurnAction, services
from bot.answers import rendering
from bot.answers.choosing import place_named
from bot.answers.decision import Candidate, Decision
from bot.guides.rendering import status_button
from bot.helpdesk.forms import VERIFICATION
from bot.messages import Draft, Memory, PersonAsked
from bot.texts import text

MISSES_BEFORE_HELPDESK = 2
MAY_BE_ABOUT = 0.05
"""From this confidence a question that gets no answer may still be about the topic that comes nearest."""

_OF_OUR_OWN = re.compile(r"\b(ons|onze|wij|we|mijn|ik|our|ours|my|i)\b", re.IGNORECASE)


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
                text=text("unknown.first", language, desk=text(f"desk.{_desk(decision, turn)}.short", language)),
                language=language,
                buttons=[rendering.person_button(language)],
                decision=decision.as_record(),
                memory=Memory(misses=misses),
            )
        ]
    asked = PersonAsked(desk=_desk(decision, turn), reason="misses")
    return [
        Draft(
            kind="handoff",
            text=text("unknown.second", language),
            language=language,
            decision=decision.as_record(),
            fill="person",
            memory=Memory(misses=0, person=asked),
        )
    ]


def _desk(decision: Decision, turn: Turn) -> Literal["portal", "charter"]:
    """Of what the question may well be about, else of what was talked about last, else of what comes nearest."""
    best = next(iter(decision.candidates), None)
    ways = (
        best.topic if best and best.confidence >= MAY_BE_ABOUT else "",
        turn.context.last_topic or "",
        best.topic if best else "",
    )
    topics = services().engine.knowledge.topics
    about = next((topics[topic] for topic in ways if topic in topics), None)
    return "charter" if about and about.desk == "charter" else "portal"


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


def own_status(turn: Turn, topic: str) -> list[Draft]:
    """Below an answer, for who asks it of their own company: how that stands, where it may be shown already."""
    if not _asks_of_their_own(turn, topic):
        return []
    return [Draft(kind="status", text="", language=turn.language, fill="own")]


def _asks_of_their_own(turn: Turn, *topics: str) -> bool:
    """Whether the visitor asks it of their own company, and its status tells."""
    told = {topic for form in services().guiding.forms.values() if form.sends == VERIFICATION for topic in form.topics}
    return bool(_OF_OUR_OWN.search(turn.text)) and not told.isdisjoint(topics)


class AnswerQuestion(TurnAction):
    """Answers, asks which topic was meant, or says that it does not know."""

    action_name = "action_answer"

    def reply(self, turn: Turn) -> list[Draft]:
        """Asks the one place that decides."""
        engine = services().engine
        decision = decide(turn)
        if decision.outcome == "answer":
            return [show(turn, decision.topics[0], decision), *own_status(turn, decision.topics[0])]
        if decision.outcome == "choices":
            asked = rendering.choices(decision, engine.knowledge, turn.language)
            if _asks_of_their_own(turn, *decision.topics):
                asked = asked.model_copy(update={"buttons": [*asked.buttons, status_button(turn.language)]})
            return [asked]
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
        """What comes next, once; then it counts as a miss. Where nothing was offered or answered it is just a no."""
        if further := self._further(turn):
            return [rendering.further_choices(further, services().engine.knowledge, turn.language)]
        if turn.intent == "deny" and not offered_topics(turn) and turn.context.last_topic is None:
            return [_small(turn, "smalltalk.deny")]
        missed = miss(turn, Decision("unknown", ()))
        if missed[0].kind == "handoff":
            return missed
        return [missed[0].model_copy(update={"text": text("unknown.none_of_these", turn.language)})]

    @staticmethod
    def _further(turn: Turn) -> tuple[str, ...]:
        """What was kept for when it is none of those that were asked about, or stood under an answer that was wrong."""
        topics = services().engine.knowledge.topics
        kept = [topic for payload in turn.context.choices for topic in payload.get("next", ())]
        beside = [] if offered_topics(turn) else offered_topics(turn, under_an_answer=True)
        return tuple(topic for topic in kept or beside if topic in topics)


def _small(turn: Turn, key: str) -> Draft:
    return Draft(kind="smalltalk", text=text(key, turn.language), language=turn.language)
