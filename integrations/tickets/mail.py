"""What goes out by mail: tickets to a desk's mailbox, and answers to whoever put a request in."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress

from bot.helpdesk.outbox import Reply
from bot.helpdesk.ticketing import NotNow, Refused, Ticket, Trail
from integrations.mail.errors import MailDown, MailRefused
from integrations.mail.interfaces import Mail, Mailer
from integrations.mail.messages import ascii_address


async def _send(mailer: Mailer, mail: Mail) -> None:
    try:
        await asyncio.to_thread(mailer.send, mail)
    except MailDown as problem:
        raise NotNow(str(problem)) from None
    except MailRefused as problem:
        raise Refused(str(problem)) from None


class MailTickets:
    """A TicketSystem that mails each ticket to its desk.

    A mail server cannot be asked what it has: where its answer gets lost the mail goes out once more, with the same
    Message-ID, by which mailboxes tell that it is the same.
    """

    name = "mail"

    def __init__(self, mailer: Mailer, mailboxes: Mapping[str, str]) -> None:
        self._mailer, self._mailboxes = mailer, mailboxes

    async def close(self) -> None:
        """See TicketSystem."""

    async def open(self, ticket: Ticket, trail: Trail) -> str | None:
        """See TicketSystem. An answer to the mail goes to whoever put the request in, if their address can be used."""
        reply_to = None
        if ticket.email is not None:
            with suppress(MailRefused):
                reply_to = ascii_address(ticket.email)
        mail = Mail(
            self._mailboxes[ticket.desk], ticket.title, ticket.body, reply_to=reply_to,
            id=f"ticket-{ticket.reference}",
        )  # fmt: skip
        await _send(self._mailer, mail)
        return None


class MailPost:
    """A Post over the house's mailer. What is answered to it goes to the desk's mailbox, where one is known."""

    def __init__(self, mailer: Mailer, mailboxes: Mapping[str, str]) -> None:
        self._mailer, self._mailboxes = mailer, mailboxes

    async def send(self, reply: Reply) -> None:
        """See Post. A person wrote it: it is not marked as automatic."""
        mail = Mail(
            reply.to, reply.subject, reply.text, reply_to=self._mailboxes.get(reply.desk), id=f"reply-{reply.id}",
            is_automatic=False,
        )  # fmt: skip
        await _send(self._mailer, mail)
