"""Tickets: what a request looks like in another system, and what the house asks of such a system.

A ticket is made of its request when it goes out, so that nothing of a request is kept twice.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from bot.helpdesk.contact import in_words
from bot.helpdesk.forms import Field, Form
from bot.helpdesk.hours import AMSTERDAM
from bot.texts import catalogue, text

STAFF_LANGUAGE = "nl"
"""Of tickets: the desks are Dutch, whatever the visitor speaks. What was filled in stays as it was."""
LONGEST_TITLE = 180
LONGEST_BODY = 60_000
_CUT = "\n…"


class NotSent(Exception):
    """It did not go out. Texts are for a log and the console: never what was sent, to whom, or with which key."""


class NotNow(NotSent):
    """It may go out later; whether it went out already may be unknown."""

    def __init__(self, reason: str, retry_after_seconds: float | None = None) -> None:
        super().__init__(reason)
        self.reason, self.retry_after_seconds = reason, retry_after_seconds


class Refused(NotSent):
    """The other side will not have it: sending the same again does not help."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class Filed:
    """A request, as what goes out is made of it. Who put it in does not show where it is printed."""

    id: str
    reference: str
    kind: str
    desk: str
    language: str
    fields: Mapping[str, Any] = field(repr=False)
    company: str | None
    """Name and KVK number of the company that the conversation was verified for."""
    created_at: datetime


@dataclass(frozen=True)
class Ticket:
    """A ticket for a desk."""

    reference: str
    desk: str
    language: str
    """The visitor's."""
    title: str
    """One line, with the reference in it."""
    body: str = field(repr=False)
    """Plain text."""
    name: str | None = field(repr=False)
    email: str | None = field(repr=False)
    """Where an answer may go; None where there is none, or no consent."""


class Trail:
    """What earlier tries left behind on the other side, for systems where one ticket takes more than one call."""

    def __init__(
        self, known: Mapping[str, Any], keep: Callable[[Mapping[str, Any]], Awaitable[None]], *, is_retry: bool
    ) -> None:
        self._known, self._keep = dict(known), keep
        self.is_retry = is_retry
        """Whether somebody may have got the ticket through before, without anybody here knowing."""

    def get(self, name: str) -> Any:
        """What was kept under a name, or None."""
        return self._known.get(name)

    async def keep(self, **found: Any) -> None:
        """Keeps what is there now, at once: the process may end before the next call."""
        self._known.update(found)
        await self._keep(self._known)


class TicketSystem(Protocol):
    """Takes tickets."""

    name: str
    """Which system this is: the value of the setting TICKETS."""

    async def open(self, ticket: Ticket, trail: Trail) -> str | None:
        """Opens a ticket; gives what the other side calls it.

        On a retry it makes sure first that the ticket is not there already. Raises NotNow, Refused.
        """

    async def close(self) -> None:
        """Ends what is under way, and closes the connections."""


def contact_of(fields: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """The name and the e-mail address of whoever put a request in; no address without consent."""
    contact = fields.get("contact")
    nested: Mapping[str, Any] = contact if isinstance(contact, Mapping) else {}
    name, email = (fields.get(key) or nested.get(key) for key in ("name", "email"))
    agreed = fields.get("consent") is True
    return (str(name) if name else None), (str(email) if email and agreed else None)


def title_of(kind: str, form: Form | None, language: str) -> str:
    """What a request is about, in words: the form's title, or the kind's own."""
    if form is not None:
        return form.title[language]
    return catalogue(language).get(f"request.kind.{kind}") or text("request.kind.other", language)


def filled_in_words(form: Form | None, fields: Mapping[str, Any], language: str) -> list[tuple[str, str]]:
    """What was filled in, as labels and values, in the form's order. The consent is left out: it is a condition."""
    known = {field.id: field for field in form.fields} if form is not None else {}
    order = [id_ for id_ in known if id_ in fields] + [id_ for id_ in fields if id_ not in known]
    return [pair for id_ in order for pair in _pairs(id_, known.get(id_), fields[id_], language)]


def _pairs(id_: str, field_: Field | None, value: Any, language: str) -> Iterator[tuple[str, str]]:
    if id_ == "consent" or (field_ is not None and field_.kind == "consent") or value in (None, "", [], {}):
        return
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _pairs(str(key), None, inner, language)
        return
    label = field_.label[language] if field_ is not None else catalogue(language).get(f"request.field.{id_}", id_)
    yield label, _said(field_, value, language)


def _said(field_: Field | None, value: Any, language: str) -> str:
    if isinstance(value, bool):
        return text("request.affirmed" if value else "request.denied", language)
    if isinstance(value, list):
        return "\n".join(_said(None, entry, language) for entry in value)
    if isinstance(value, Mapping):
        number = f" ({value['kvk_number']})" if value.get("kvk_number") else ""
        return f"{value.get('name', '')}{number}".strip()
    if field_ is not None:
        return next((title[language] for id_, title in field_.options if id_ == value), str(value))
    return str(value)


def ticket_of(filed: Filed, form: Form | None) -> Ticket:
    """The ticket of a request. It has no activation codes: they were masked when the request was stored."""
    language = STAFF_LANGUAGE
    title = f"[{filed.reference}] {title_of(filed.kind, form, language)}"
    local = filed.created_at.astimezone(AMSTERDAM)
    told = [
        (text("request.ticket.reference", language), filed.reference),
        (text("request.ticket.desk", language), text(f"request.desk.{filed.desk}", language)),
        (
            text("request.ticket.put_in", language),
            f"{in_words(filed.created_at, language)} {local.year}, {local:%H:%M}",
        ),
        (text("request.ticket.language", language), text(f"request.language.{filed.language}", language)),
    ]
    if filed.company:
        told.append((text("request.ticket.company", language), filed.company))
    told += filled_in_words(form, filed.fields, language)
    body = "\n\n".join(f"{label}:\n{value}" if "\n" in value else f"{label}: {value}" for label, value in told)
    if len(body) > LONGEST_BODY:
        body = body[: LONGEST_BODY - len(_CUT)] + _CUT
    name, email = contact_of(filed.fields)
    return Ticket(filed.reference, filed.desk, filed.language, title[:LONGEST_TITLE], body, name, email)
