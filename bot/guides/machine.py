"""The one state machine of all guides: from a state and an answer to the next state. Knows no texts and no database."""

from __future__ import annotations

from bot.guides.conditions import SKIPPED, holds
from bot.guides.guides import Guide, Step
from bot.messages import GuideState, Progress

ANY_DAY = "2026-03-31"


class NoWay(ValueError):
    """The move cannot be made from this state."""


def begin(guide: Guide) -> GuideState:
    """The first step."""
    return GuideState(guide=guide.id, step=guide.steps[0].id)


def reach(guide: Guide, step: str) -> GuideState:
    """A state at a step, for who is that far already: by the usual way where it leads there, else by any.

    Dates on the way stay open. Raises NoWay where no way leads there, or none without a date.
    """
    ways, seen = [begin(guide)], set()
    while ways:
        state = ways.pop()
        if state.step == step:
            return state
        passed = at(guide, state)
        mark = (state.step, tuple(sorted(state.answers.items())))
        if mark in seen or passed.kind == "end":
            continue
        seen.add(mark)
        answers = [SKIPPED] if passed.kind == "date" and passed.optional else answers_to(passed)
        ways += [advance(guide, state, answer) for answer in reversed(answers)]
    raise NoWay(step)


def at(guide: Guide, state: GuideState) -> Step:
    """The step of a state; the first one where the guide was changed and the step is gone."""
    return guide.step(state.step) or guide.steps[0]


def settled(guide: Guide, state: GuideState) -> GuideState:
    """The state in today's guide: one that stands at a step, or rests on an answer, that is gone begins anew."""
    known = all(
        (step := guide.step(id_)) is not None
        and (step.kind != "choice" or answer == SKIPPED or step.option(answer) is not None)
        for id_, answer in state.answers.items()
    )
    here = all(guide.step(id_) is not None for id_ in [state.step, *state.trail])
    return state if known and here else begin(guide)


def advance(guide: Guide, state: GuideState, answer: str | None = None) -> GuideState:
    """The next step that applies, with the answer to this one where it asked for something.

    Raises NoWay where a choice or a date was not answered, where the answer is none of the choice's, or at an end.
    """
    step = at(guide, state)
    if step.kind == "end" or (step.kind in ("choice", "date") and answer is None):
        raise NoWay(step.id)
    if step.kind == "choice" and answer != SKIPPED and step.option(str(answer)) is None:
        raise NoWay(f"{step.id}: {answer}")
    answers = {**state.answers, **({step.id: answer} if answer is not None else {})}
    for later in guide.steps[guide.place(step.id) + 1 :]:
        if holds(later.when, answers):
            return GuideState(
                guide=guide.id, step=later.id, answers=answers, trail=[*state.trail, step.id],
                waiting=later.kind != "end",
            )  # fmt: skip
    raise NoWay(f"nothing follows {step.id}")


def skip(guide: Guide, state: GuideState) -> GuideState:
    """Passes over a step that may be skipped. Raises NoWay."""
    step = at(guide, state)
    if step.kind == "tell":
        return advance(guide, state)
    if not step.optional:
        raise NoWay(step.id)
    return advance(guide, state, SKIPPED)


def back(guide: Guide, state: GuideState) -> GuideState:
    """The step before; what was answered there is asked again. Raises NoWay at the first one."""
    if not state.trail:
        raise NoWay(state.step)
    return rewind(guide, state, state.trail[-1])


def rewind(guide: Guide, state: GuideState, step: str) -> GuideState:
    """Back to a step that was passed, forgetting what was answered there and after it. Raises NoWay."""
    if step == state.step:
        return state.model_copy(update={"waiting": at(guide, state).kind != "end"})
    if step not in state.trail:
        raise NoWay(step)
    trail = state.trail[: state.trail.index(step)]
    answers = {id_: answer for id_, answer in state.answers.items() if id_ in trail}
    return GuideState(guide=guide.id, step=step, answers=answers, trail=trail)


def progress(guide: Guide, state: GuideState) -> Progress:
    """Step n of m, where m counts the usual way from here: at each choice the first option."""
    passed = len(state.trail)
    ahead = 0
    while at(guide, state).kind != "end":
        ahead += 1
        state = advance(guide, state, answers_to(at(guide, state))[0])
    return Progress(step=min(passed + 1, max(passed + ahead, 1)), of=max(passed + ahead, 1))


def answers_to(step: Step) -> list[str | None]:
    """Everything that can be answered at a step, some day for a date; None to go on."""
    if step.kind == "tell":
        return [None]
    answers: list[str | None] = [option.id for option in step.options]
    if step.kind == "date":
        answers.append(ANY_DAY)
    return [*answers, SKIPPED] if step.optional else answers


def ahead(guide: Guide, state: GuideState) -> list[Step]:
    """The steps that are still to come, this one first, as far as the answers so far tell."""
    here = guide.place(at(guide, state).id)
    return [step for step in guide.steps[here:] if step.kind != "end" and holds(step.when, state.answers)]
