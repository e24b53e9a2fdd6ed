"""What a visitor is told when a conversation goes to a person, or comes back."""

from __future__ import annotations

from collections.abc import Sequence

from bot.answers.rendering import person_button
from bot.messages import PLACE_IN_QUEUE, ButtonDraft, Draft, Language
from bot.texts import text

TAKES_LONG = "takes_long"
"""Marks the message that says so, in its decision record: it is not said again at once."""
LEAVE = "leave"


def _system(words: str, language: Language, buttons: Sequence[ButtonDraft] = ()) -> Draft:
    return Draft(sender="system", kind="text", text=words, language=language, buttons=list(buttons))


def leave_button(language: str) -> ButtonDraft:
    """Goes on with the assistant rather than wait."""
    return ButtonDraft(title=text("hand_over.leave", language), payload={"hand_over": LEAVE})


def first_name(name: str) -> str:
    """What visitors see of an agent's name."""
    return (name.split() or [""])[0]


def queued(language: Language, desk: str) -> str:
    """That the visitor waits, and what happens next. PLACE_IN_QUEUE stands for the place, known when it is stored."""
    return text("hand_over.queued", language, desk=text(f"desk.{desk}.name", language), position=PLACE_IN_QUEUE)


def still_queued(language: Language) -> str:
    """The same, to somebody who waits already."""
    return text("hand_over.still_queued", language, position=PLACE_IN_QUEUE)


def joined(language: Language, name: str, desk: str) -> Draft:
    """Who is talking from now on."""
    desk_name = text(f"desk.{desk}.name", language)
    return _system(text("hand_over.joined", language, name=first_name(name), desk=desk_name), language)


def handed_back(language: Language) -> Draft:
    """That the assistant goes on."""
    return _system(text("hand_over.handed_back", language), language, [person_button(language)])


def closed(language: Language, name: str) -> Draft:
    """That the agent is done. By its kind the widget knows to ask below it whether it helped."""
    draft = _system(text("hand_over.closed", language, name=first_name(name)), language, [person_button(language)])
    return draft.model_copy(update={"kind": "handoff"})


def left(language: Language) -> Draft:
    """To somebody who would rather go on with the assistant."""
    return Draft(
        kind="text", text=text("hand_over.left", language), language=language, buttons=[person_button(language)]
    )  # fmt: skip


def lost(language: Language, position: int) -> Draft:
    """That the agent is gone, and the visitor waits again."""
    words = text("hand_over.lost", language, position=position)
    return _system(words, language, [leave_button(language)])


def takes_long(language: Language, position: int, form: str) -> Draft:
    """Kindly, to somebody who has waited long. form: a link to leave the question."""
    words = text("hand_over.takes_long", language, position=position, form=form)
    draft = _system(words, language, [leave_button(language)])
    return draft.model_copy(update={"decision": {TAKES_LONG: True}})


def nobody_came(language: Language, reach: str, form: str) -> Draft:
    """That nobody will come, and what the visitor can do. reach: how to reach the desks; form: as above."""
    words = "\n\n".join([text("hand_over.nobody_came", language), text("hand_over.form", language, form=form), reach])
    return _system(words, language)


def nobody_now(language: Language, reach: str, form: str) -> str:
    """To somebody who asks for a person when nobody is there."""
    return "\n\n".join([text("desk.intro", language), text("hand_over.form", language, form=form), reach])
