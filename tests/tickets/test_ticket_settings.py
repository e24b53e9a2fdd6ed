"""The settings of tickets: what each system needs, and where a token may be sent."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError
from sqlalchemy import create_engine

from bot.settings import Settings
from integrations.chatwoot.client import Chatwoot
from integrations.tickets.folder import FolderTickets
from integrations.tickets.mail import MailTickets
from integrations.tickets.service import mailboxes, open_delivery, open_tickets
from integrations.zammad.client import Zammad

pytestmark = pytest.mark.anyio

MAIL = {"tickets": "mail", "tickets_mail_portal": "portaal@example.org", "tickets_mail_charter": "charter@example.org"}
ZAMMAD = {
    "tickets": "zammad", "zammad_url": "https://tickets.example.org/", "zammad_token": "secret-token-1",
    "zammad_group_portal": "Portaal", "zammad_group_charter": "Charter", "zammad_customer": "desk@example.org",
}  # fmt: skip
CHATWOOT = {
    "tickets": "chatwoot", "chatwoot_url": "http://localhost:3000", "chatwoot_token": "secret-token-2",
    "chatwoot_account": "3", "chatwoot_inbox_portal": "7", "chatwoot_inbox_charter": "8",
}  # fmt: skip


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def settings(**values: object) -> Settings:
    return Settings(_env_file=None, **values)  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("values", "kind"),
    [({}, FolderTickets), (MAIL, MailTickets), (ZAMMAD, Zammad), (CHATWOOT, Chatwoot), ({"tickets": "none"}, None)],
    ids=["folder", "mail", "zammad", "chatwoot", "none"],
)
async def test_each_system_opens(values: dict[str, str], kind: type | None, tmp_path: Path) -> None:
    config = settings(**values, tickets_folder=tmp_path)
    tickets = open_tickets(config)
    if tickets is None:
        assert kind is None
        return
    assert type(tickets) is kind
    assert tickets.name == config.tickets
    await tickets.close()
    engine = create_engine("sqlite://")
    async with open_delivery(config, engine):
        pass
    engine.dispose()


@pytest.mark.parametrize(
    ("values", "missing"),
    [
        *((MAIL, name) for name in list(MAIL)[1:]),
        *((ZAMMAD, name) for name in list(ZAMMAD)[1:]),
        *((CHATWOOT, name) for name in list(CHATWOOT)[1:]),
    ],
)
def test_what_a_system_needs(values: dict[str, str], missing: str) -> None:
    for given in ({key: value for key, value in values.items() if key != missing}, values | {missing: ""}):
        with pytest.raises(ValidationError, match=f"TICKETS={values['tickets']} needs {missing.upper()}"):
            settings(**given)


@pytest.mark.parametrize(
    "wrong",
    [
        {"tickets": "jira"}, {"zammad_url": "http://tickets.example.org"}, {"zammad_url": "ftp://localhost"},
        {"zammad_url": "https://user:pass@tickets.example.org"}, {"chatwoot_url": "https://x.example.org/?q=1"},
        {"chatwoot_url": "http://10.0.0.5"}, {"chatwoot_token": "a b"}, {"zammad_token": "é"},
        {"tickets_mail_portal": "no address"}, {"zammad_customer": "a@example.org, b@example.org"},
        {"chatwoot_account": "0"}, {"chatwoot_inbox_portal": "x"}, {"outbox_tries": "1"},
    ],
    ids=str,
)  # fmt: skip
def test_what_no_setting_may_be(wrong: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        settings(**wrong)


def test_tokens_do_not_show() -> None:
    assert "secret-token" not in repr(settings(**ZAMMAD)) + repr(settings(**CHATWOOT))


def test_mailboxes_are_those_that_are_set() -> None:
    assert mailboxes(settings()) == {}
    assert mailboxes(settings(tickets_mail_charter="charter@example.org")) == {"charter": "charter@example.org"}
