"""What a message is outside the database: as the API shows it, and as a capability drafts it."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Language = Literal["nl", "en"]
Sender = Literal["visitor", "assistant", "agent", "system"]
Kind = Literal["text", "greeting", "answer", "choices", "guide", "status", "handoff", "unknown", "smalltalk", "error"]


RESUME_CODE = "{resume-code}"
PLACE_IN_QUEUE = "{place-in-queue}"
"""In a text that puts the conversation into a queue: filled in when it is stored."""


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SourceShown(_Value):
    """A source as it stands under an answer, in the language of the message."""

    document: str
    title: str
    where: str
    url: str | None
    checked_on: date


class ButtonShown(_Value):
    """A button: an opaque id that is good for this conversation alone."""

    id: str
    title: str


class Progress(_Value):
    """Where in a guide the visitor is."""

    step: int
    of: int


class MessageShown(_Value):
    """A message as the API gives it."""

    id: str
    sender: Sender
    kind: Kind
    text: str
    language: Language
    topic: str | None
    sources: list[SourceShown]
    buttons: list[ButtonShown]
    progress: Progress | None
    created_at: datetime


class ButtonDraft(_Value):
    """A button that is still to be issued: its title and what pressing it means."""

    title: str
    payload: dict[str, Any]


class GuideState(_Value):
    """Where in a guide the visitor is: it holds choices and dates, and nothing that tells who the visitor is."""

    guide: str
    step: str
    answers: dict[str, str] = Field(default_factory=dict)
    """By step: the id of an option, a date (ISO 8601), or `skipped`."""
    trail: list[str] = Field(default_factory=list)
    """The steps that were passed, oldest first."""
    waiting: bool = True
    """Its step sees what the visitor says first. Not so when the guide was left or is done."""


class PersonAsked(_Value):
    """A person was asked for: at which desk, and whether in so many words or after two misses."""

    desk: Literal["portal", "charter"]
    reason: Literal["asked", "misses"]


class Memory(_Value):
    """What the conversation must remember after this reply; None leaves a value as it is."""

    language: Language | None = None
    last_topic: str | None = None
    forget_topic: bool = False
    misses: int | None = None
    guide: GuideState | None = None
    resume_code: bool = False
    """Issue a code with which the guide can be resumed elsewhere; it takes the place of RESUME_CODE in the text."""
    person: PersonAsked | None = None
    """Puts the conversation into the queue of a desk; its place there takes the place of PLACE_IN_QUEUE in the text."""
    leaves_queue: bool = False
    """Takes it out again: the visitor goes on with the assistant."""


class Draft(_Value):
    """A reply that is still to be stored. Travels from the actions through Rasa as plain JSON."""

    sender: Literal["assistant", "system"] = "assistant"
    kind: Kind
    text: str
    language: Language
    topic: str | None = None
    sources: list[SourceShown] = Field(default_factory=list)
    buttons: list[ButtonDraft] = Field(default_factory=list)
    progress: Progress | None = None
    decision: dict[str, Any] | None = None
    fill: Literal["show", "wrong", "own", "person"] | None = None
    """The web process puts a company's status in this one's place: it passes no other process. own: only where the
    conversation was verified already, else nothing. person: it says how to get a person (`memory.person`), behind what
    this one says."""
    expires_at: datetime | None = None
    """From then on a placeholder is shown instead."""
    memory: Memory = Memory()
