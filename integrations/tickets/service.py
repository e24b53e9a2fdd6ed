"""Opens the ticket system that the settings choose, and what sends the outbox."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import cached_property
from pathlib import Path

from sqlalchemy import Engine

from bot.answers.knowledge import load as load_knowledge
from bot.helpdesk.forms import Form, load_forms
from bot.helpdesk.outbox import Delivery, Outbox
from bot.helpdesk.ticketing import Filed, Ticket, TicketSystem, ticket_of
from bot.settings import Settings
from integrations.mail.service import open_mailer
from integrations.tickets.folder import FolderTickets
from integrations.tickets.mail import MailPost, MailTickets


def mailboxes(settings: Settings) -> dict[str, str]:
    """The mailbox of each desk that has one."""
    known = {"portal": settings.tickets_mail_portal, "charter": settings.tickets_mail_charter}
    return {desk: address for desk, address in known.items() if address is not None}


def open_tickets(settings: Settings) -> TicketSystem | None:
    """The system that TICKETS names, or None. The settings see to it that it has what it needs.

    Only that one is imported: the jobs are to stay small.
    """
    if settings.tickets == "mail":
        return MailTickets(open_mailer(settings), mailboxes(settings))
    if settings.tickets == "zammad" and settings.zammad_url and settings.zammad_token and settings.zammad_customer:
        from integrations.zammad.client import Zammad

        groups = {"portal": settings.zammad_group_portal or "", "charter": settings.zammad_group_charter or ""}
        return Zammad(settings.zammad_url, settings.zammad_token, groups, settings.zammad_customer)
    if settings.tickets == "chatwoot" and settings.chatwoot_url and settings.chatwoot_token:
        from integrations.chatwoot.client import Chatwoot

        inboxes = {"portal": settings.chatwoot_inbox_portal or 0, "charter": settings.chatwoot_inbox_charter or 0}
        return Chatwoot(settings.chatwoot_url, settings.chatwoot_token, settings.chatwoot_account or 0, inboxes)
    return FolderTickets(settings.tickets_folder) if settings.tickets == "folder" else None


@asynccontextmanager
async def open_delivery(settings: Settings, engine: Engine) -> AsyncIterator[Delivery]:
    """What sends the outbox; its connections are closed at the end."""
    tickets = open_tickets(settings)
    post = MailPost(open_mailer(settings), mailboxes(settings))
    try:
        yield Delivery(Outbox(engine, settings.outbox_tries), post, tickets, _TicketMaker(settings.knowledge_dir))
    finally:
        if tickets is not None:
            await tickets.close()


class _TicketMaker:
    """Makes tickets. The forms are read when there is a first one: most of the time the process has nothing to send."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @cached_property
    def _forms(self) -> Mapping[str, Form]:
        return load_forms(self._folder, load_knowledge(self._folder))

    def __call__(self, filed: Filed) -> Ticket:
        return ticket_of(filed, self._forms.get(filed.kind))
