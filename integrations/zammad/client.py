"""Zammad's REST API: opens a ticket, and on a retry looks first whether it is there (docs.zammad.org, Tickets)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import SecretStr

from bot.helpdesk.ticketing import NotNow, Refused, Ticket, Trail
from integrations.tickets.caller import AFTER_DOUBT_SECONDS, CALL_WITHIN_SECONDS, Caller

FOUND_AT_MOST = 10


class Zammad:
    """A TicketSystem. Zammad knows no idempotency key: the reference in the title takes its place."""

    name = "zammad"

    def __init__(
        self,
        base: str,
        token: SecretStr,
        groups: Mapping[str, str],
        customer: str,
        *,
        within_seconds: float = CALL_WITHIN_SECONDS,
    ) -> None:
        self._groups, self._customer = groups, customer
        self._caller = Caller(base, {"Authorization": f"Token token={token.get_secret_value()}"}, within_seconds)

    async def close(self) -> None:
        """See TicketSystem."""
        await self._caller.close()

    async def open(self, ticket: Ticket, trail: Trail) -> str | None:
        """See TicketSystem. Gives the ticket's number."""
        if trail.is_retry and (number := await self._number_of(ticket.reference)) is not None:
            return number
        body = {
            "title": ticket.title,
            "group": self._groups[ticket.desk],
            "article": {"subject": ticket.title, "body": ticket.body, "type": "note", "internal": False},
        }
        # A customer that Zammad does not know yet is refused, and `guess:` makes one; an address that it does not take
        # must not keep the ticket out. Whatever is refused leaves nothing behind.
        customers = [{"customer": ticket.email or self._customer}]
        customers += [{"customer_id": f"guess:{address}"} for address in (ticket.email, self._customer) if address]
        for left, customer in enumerate(customers, start=1 - len(customers)):
            try:
                return _number(await self._caller.post("/api/v1/tickets", {**body, **customer}))
            except Refused:
                if not left:
                    raise
        raise AssertionError("the last try returns or raises")

    async def _number_of(self, reference: str) -> str | None:
        """The number of the ticket with this reference in its title, where there is one.

        Zammad's search finds words: what it finds is looked at.
        """
        query = {"query": reference, "limit": str(FOUND_AT_MOST)}
        found = await self._caller.get("/api/v1/tickets/search", query)
        for entry in _tickets(found):
            if f"[{reference}]" in str(entry.get("title", "")):
                return _number(entry)
        return None


def _tickets(found: Any) -> list[Mapping[str, Any]]:
    """The tickets of a search. Raises NotNow for an answer of another shape: nobody knows then what is there."""
    try:
        listed, assets = found["tickets"], found["assets"].get("Ticket", {})
        return [assets[str(id_)] for id_ in listed]
    except (AttributeError, KeyError, TypeError):
        raise NotNow("a search with an unknown answer") from None


def _number(made: Any) -> str:
    """What Zammad calls a ticket. Raises NotNow for an answer without it: the ticket may be there."""
    try:
        return str(made.get("number") or made["id"])
    except (AttributeError, KeyError, TypeError):
        raise NotNow("an answer without a ticket", AFTER_DOUBT_SECONDS) from None
