"""Walks a guide by every way there is: for `make lint`, and for the tests."""

from __future__ import annotations

from collections.abc import Iterator

from bot.guides import machine
from bot.guides.guides import Guide
from bot.messages import GuideState

MOST_STATES = 500_000


def states(guide: Guide) -> Iterator[GuideState]:
    """Every state that can be reached from the beginning. Raises NoWay where a way does not lead to an end."""
    waiting = [machine.begin(guide)]
    for _ in range(MOST_STATES):
        if not waiting:
            return
        state = waiting.pop()
        yield state
        if machine.at(guide, state).kind != "end":
            waiting += [
                machine.advance(guide, state, answer) for answer in machine.answers_to(machine.at(guide, state))
            ]
    raise machine.NoWay(f"more than {MOST_STATES} ways")


def dead_ends(guide: Guide) -> list[str]:
    """What is wrong with the ways through a guide: they lead nowhere, or a step is never reached."""
    try:
        reached = {state.step for state in states(guide)}
    except machine.NoWay as problem:
        return [f"guides/{guide.id}.yml: not every way leads to an end: {problem}"]
    return [f"guides/{guide.id}.yml: step {s.id} is never reached" for s in guide.steps if s.id not in reached]
