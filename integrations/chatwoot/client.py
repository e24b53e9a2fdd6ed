"""Chatwoot's application API: a contact, a conversation in an inbox of the kind API, a message, and `open`.

Each step is kept when it is done, so that a retry goes on where the try before it stopped. Where that try may have come
through unheard, what is there is looked up first. Every request has a contact of its own, with the reference as its
identifier: Chatwoot holds an e-mail address to be one contact's alone, and would refuse a second request of the same
person.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import SecretStr

from bot.helpdesk.ticketing import NotNow, Refused, Ticket, Trail
from integrations.tickets.caller import AFTER_DOUBT_SECONDS, CALL_WITHIN_SECONDS, Caller


class Chatwoot:
    """A TicketSystem. Answers that are written there stay there: its webhook is not listened to."""

    name = "chatwoot"

    def __init__(
        self,
        base: str,
        token: SecretStr,
        account: int,
        inboxes: Mapping[str, int],
        *,
        within_seconds: float = CALL_WITHIN_SECONDS,
    ) -> None:
        self._account, self._inboxes = account, inboxes
        self._caller = Caller(base, {"api_access_token": token.get_secret_value()}, within_seconds)

    async def close(self) -> None:
        """See TicketSystem."""
        await self._caller.close()

    async def open(self, ticket: Ticket, trail: Trail) -> str | None:
        """See TicketSystem. Gives the number of the conversation."""
        inbox = self._inboxes[ticket.desk]
        if trail.get("contact") is None or trail.get("source") is None:
            contact, source = await self._contact(ticket, inbox, trail)
            await trail.keep(contact=contact, source=source)
        if trail.get("conversation") is None:
            await trail.keep(conversation=await self._conversation(ticket, inbox, trail))
        number = trail.get("conversation")
        if not trail.get("message"):
            await self._message(ticket, number, trail)
            await trail.keep(message=True)
        # Doing this twice does no harm.
        await self._caller.post(f"{self._at}/conversations/{number}/toggle_status", {"status": "open"})
        return str(number)

    @property
    def _at(self) -> str:
        return f"/api/v1/accounts/{self._account}"

    async def _contact(self, ticket: Ticket, inbox: int, trail: Trail) -> tuple[int, str]:
        if trail.is_retry and (known := await self._known_contact(ticket, inbox)) is not None:
            return known
        body = {"inbox_id": inbox, "name": ticket.name or ticket.reference, "identifier": ticket.reference}
        try:
            made = await self._caller.post(f"{self._at}/contacts", body)
        except Refused:
            # Taken: by an earlier try, when its answer got lost before anything was kept.
            known = await self._known_contact(ticket, inbox)
            if known is None:
                raise
            return known
        payload = _inner(made, "payload")
        contact = _inner(payload, "contact")
        source = _source(contact, inbox) or _inner(payload, "contact_inbox").get("source_id")
        if not isinstance(contact.get("id"), int) or not source:
            raise NotNow("an answer without a contact", AFTER_DOUBT_SECONDS)
        return contact["id"], str(source)

    async def _known_contact(self, ticket: Ticket, inbox: int) -> tuple[int, str] | None:
        found = await self._caller.get(f"{self._at}/contacts/search", {"q": ticket.reference})
        for contact in _listed(found):
            if contact.get("identifier") == ticket.reference and isinstance(contact.get("id"), int):
                source = _source(contact, inbox)
                return contact["id"], source or await self._joined(contact["id"], inbox)
        return None

    async def _joined(self, contact: int, inbox: int) -> str:
        """Adds a contact to the inbox that it is not in."""
        made = await self._caller.post(f"{self._at}/contacts/{contact}/contact_inboxes", {"inbox_id": inbox})
        source = made.get("source_id") if isinstance(made, dict) else None
        if not source:
            raise NotNow("an answer without a source", AFTER_DOUBT_SECONDS)
        return str(source)

    async def _conversation(self, ticket: Ticket, inbox: int, trail: Trail) -> int:
        contact = trail.get("contact")
        if trail.is_retry:
            # The contact is this request's alone: so is its conversation.
            found = await self._caller.get(f"{self._at}/contacts/{contact}/conversations")
            for one in _listed(found):
                if one.get("inbox_id") == inbox and isinstance(one.get("id"), int):
                    return int(one["id"])
        body = {"source_id": trail.get("source"), "inbox_id": inbox, "contact_id": contact, "status": "open"}
        made = await self._caller.post(f"{self._at}/conversations", body)
        if not isinstance(made, dict) or not isinstance(made.get("id"), int):
            raise NotNow("an answer without a conversation", AFTER_DOUBT_SECONDS)
        return int(made["id"])

    async def _message(self, ticket: Ticket, number: int, trail: Trail) -> None:
        where = f"{self._at}/conversations/{number}/messages"
        content = f"{ticket.title}\n\n{ticket.body}"
        if trail.is_retry:
            found = await self._caller.get(where)
            if any(str(message.get("content") or "").startswith(ticket.title) for message in _listed(found)):
                return
        await self._caller.post(where, {"content": content, "message_type": "incoming", "private": False})


def _inner(answer: Any, name: str) -> dict[str, Any]:
    """A part of an answer, or the answer itself where it has no such part: both are documented."""
    part = answer.get(name, answer) if isinstance(answer, dict) else None
    if not isinstance(part, dict):
        raise NotNow(f"an answer without a {name}", AFTER_DOUBT_SECONDS)
    return part


def _listed(answer: Any) -> Iterator[dict[str, Any]]:
    """The entries of a list. Raises NotNow for an answer of another shape: nobody knows then what is there."""
    listed = answer.get("payload") if isinstance(answer, dict) else None
    if not isinstance(listed, list):
        raise NotNow("a list with an unknown answer")
    return (entry for entry in listed if isinstance(entry, dict))


def _source(contact: Mapping[str, Any], inbox: int) -> str | None:
    """What the inbox calls the contact."""
    for entry in contact.get("contact_inboxes") or ():
        if isinstance(entry, dict) and entry.get("source_id"):
            of = entry.get("inbox")
            if not isinstance(of, dict) or of.get("id") == inbox:
                return str(entry["source_id"])
    return None
