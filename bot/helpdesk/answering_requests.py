"""Answers to requests: templates that an agent fills in, and what an answer must be."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from bot.helpdesk.forms import Form
from bot.helpdesk.ticketing import Filed, contact_of, title_of
from bot.texts import catalogue, text

PLACEHOLDER = "[…]"
"""Where the agent writes. An answer that still has it is not sent."""
TALKS = ("orientation-talk", "introduction-talk", "advice-talk")
"""Kinds of requests that an appointment answers."""


@dataclass(frozen=True)
class Template:
    """A text to begin with."""

    id: str
    title: str
    """In the agent's language."""
    subject: str
    text: str
    """In the visitor's language, as is the subject."""


def templates(filed: Filed, form: Form | None, agent: str, agent_language: str) -> Iterator[Template]:
    """What an agent may begin an answer with, the likeliest first."""
    language = filed.language
    name, _ = contact_of(filed.fields)
    greeting = (
        text("request.template.greeting_named", language, name=name)
        if name
        else text("request.template.greeting", language)
    )
    opening = catalogue(language).get(f"request.opening.{filed.kind}") or text("request.opening.other", language)
    closing = text(
        "request.template.closing", language, desk=text(f"checklist.desk.{filed.desk}", language),
        reference=filed.reference,
    )  # fmt: skip
    desk = text(f"request.desk.{filed.desk}", language)
    signature = text("request.template.signature", language, agent=agent, desk=desk)
    about = title_of(filed.kind, form, language)
    subject = text("request.template.subject", language, reference=filed.reference, about=about)
    for id_ in ("appointment", "answer", "ask") if filed.kind in TALKS else ("answer", "ask"):
        body = text(f"request.template.{id_}.body", language)
        yield Template(
            id_,
            text(f"request.template.{id_}.title", agent_language),
            subject,
            "\n\n".join([greeting, opening, body, closing, signature]) + "\n",
        )


def tidy_subject(subject: str) -> str:
    """One line, without signs that a header cannot have."""
    kept = "".join(" " if unicodedata.category(sign) in ("Cc", "Zl", "Zp") else sign for sign in subject)
    return " ".join(kept.split())


def tidy_text(said: str) -> str:
    """Ends of lines as everywhere, and no control signs but tabs."""
    lines = said.replace("\r\n", "\n").replace("\r", "\n")
    return "".join(sign for sign in lines if sign in "\n\t" or unicodedata.category(sign) not in ("Cc", "Cs")).strip()


def is_finished(said: str) -> bool:
    """Whether nothing of a template is left to fill in."""
    return PLACEHOLDER not in said
