"""Chatwoot: three steps and `open`; a try that stopped halfway goes on there, and nothing is there twice."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.helpdesk.ticketing import NotNow, Refused
from integrations.chatwoot.client import Chatwoot
from tests.tickets.conftest import TICKET, Kept
from tests.tickets.servers import LocalChatwoot, Reply, said

pytestmark = pytest.mark.anyio

STEPS = ["contacts", "conversations", "messages", "toggle_status"]


def check_it_is_there_once(server: LocalChatwoot) -> None:
    [contact] = server.contacts
    [conversation] = server.conversations
    [message] = conversation["messages"]
    assert contact["identifier"] == "P-1234567"
    assert conversation["contact_id"] == contact["id"]
    assert conversation["status"] == "open"
    assert message["content"] == f"{TICKET.title}\n\n{TICKET.body}"


async def test_the_steps_as_documented(chatwoot_server: LocalChatwoot, chatwoot: Chatwoot, kept: Kept) -> None:
    number = await chatwoot.open(TICKET, kept.trail())
    check_it_is_there_once(chatwoot_server)
    assert number == str(chatwoot_server.conversations[0]["id"])
    assert [asked.path.split("/")[-1] for asked in chatwoot_server.asked] == STEPS
    contact, conversation, message, status = (asked.body for asked in chatwoot_server.asked)
    assert contact == {"inbox_id": 7, "name": "Vera Voorbeeld", "identifier": "P-1234567"}
    source = chatwoot_server.contacts[0]["contact_inboxes"][0]["source_id"]
    assert conversation["source_id"] == source
    assert conversation["inbox_id"] == 7
    assert (message["message_type"], message["private"]) == ("incoming", False)
    assert status == {"status": "open"}


async def test_the_other_desk_has_its_own_inbox(chatwoot_server: LocalChatwoot, chatwoot: Chatwoot, kept: Kept) -> None:
    await chatwoot.open(replace(TICKET, desk="charter", name=None), kept.trail())
    assert chatwoot_server.contacts[0]["inbox_id"] == 8
    assert chatwoot_server.contacts[0]["name"] == "P-1234567"


async def test_two_requests_of_the_same_person(chatwoot_server: LocalChatwoot, chatwoot: Chatwoot, kept: Kept) -> None:
    await chatwoot.open(TICKET, kept.trail())
    await chatwoot.open(replace(TICKET, reference="P-7654321", title="[P-7654321] Nog een vraag"), Kept().trail())
    assert len(chatwoot_server.conversations) == 2


async def test_a_contact_in_the_older_shape(chatwoot_server: LocalChatwoot, chatwoot: Chatwoot, kept: Kept) -> None:
    """The description of the API has the contact bare, with its `contact_inboxes`."""
    body = {"inbox_id": 7, "name": "Vera", "identifier": "P-1234567", "id": 55}
    contact = {**body, "contact_inboxes": [{"source_id": "s-1", "inbox": {"id": 7}}]}
    chatwoot_server.contacts.append(contact)
    chatwoot_server.next.append(said(200, contact))
    await chatwoot.open(TICKET, kept.trail())
    assert chatwoot_server.conversations[0]["source_id"] == "s-1"


LOST = {
    "500": Reply(500),
    "500 after all": Reply(500, does_it=True),
    "429": Reply(429, headers={"Retry-After": "5"}),
    "401": Reply(401),
    "garbage": Reply(200, b"<html>", does_it=True),
    "answers after the time is up": Reply(after_seconds=4, does_it=True, answers_itself=True),
    "hangs up": Reply(hangs_up=True),
    "hangs up after all": Reply(hangs_up=True, does_it=True),
}


@pytest.mark.parametrize("reply", LOST.values(), ids=LOST)
@pytest.mark.parametrize("step", range(4), ids=STEPS)
async def test_whatever_gets_lost_at_whichever_step(
    chatwoot_server: LocalChatwoot, chatwoot: Chatwoot, kept: Kept, step: int, reply: Reply
) -> None:
    well = Reply(does_it=True, answers_itself=True)
    chatwoot_server.next += [*[well] * step, reply]
    with pytest.raises(NotNow):
        await chatwoot.open(TICKET, kept.trail())
    before = len(chatwoot_server.asked)
    await chatwoot.open(TICKET, kept.trail())
    check_it_is_there_once(chatwoot_server)
    # What was kept is not asked for again.
    again = [asked.path.split("/")[-1] for asked in chatwoot_server.asked[before:] if asked.method == "POST"]
    assert not set(again) & set(STEPS[:step])


async def test_the_process_ended_before_it_could_keep_anything(
    chatwoot_server: LocalChatwoot, chatwoot: Chatwoot, kept: Kept
) -> None:
    """The whole ticket came through, and nobody here knows of any step of it."""
    await chatwoot.open(TICKET, kept.trail())
    kept.progress = {}
    await chatwoot.open(TICKET, kept.trail())
    check_it_is_there_once(chatwoot_server)


async def test_a_contact_that_is_there_though_nothing_was_tried(
    chatwoot_server: LocalChatwoot, chatwoot: Chatwoot, kept: Kept
) -> None:
    """Somebody else's try, that the outbox does not know of: Chatwoot says that the identifier is taken."""
    await chatwoot.open(TICKET, Kept().trail())
    kept.progress = {}
    chatwoot_server.conversations.clear()
    await chatwoot.open(TICKET, kept.trail())
    check_it_is_there_once(chatwoot_server)


async def test_a_refusal(chatwoot_server: LocalChatwoot, chatwoot: Chatwoot, kept: Kept) -> None:
    """An inbox that takes no messages from outside."""
    well = Reply(does_it=True, answers_itself=True)
    chatwoot_server.next += [well, well, said(422, {"error": "Incoming messages are only allowed in Api inboxes"})]
    with pytest.raises(Refused, match="422"):
        await chatwoot.open(TICKET, kept.trail())
    assert set(kept.progress) == {"contact", "source", "conversation"}


async def test_another_contact_with_a_longer_name(
    chatwoot_server: LocalChatwoot, chatwoot: Chatwoot, kept: Kept
) -> None:
    """The search finds parts of words: who is found is looked at."""
    other = {"id": 5, "identifier": "P-12345678", "name": "P-1234567", "inbox_id": 7, "contact_inboxes": []}
    chatwoot_server.contacts.append(other)
    kept.tries = 1
    await chatwoot.open(TICKET, kept.trail())
    assert [contact["identifier"] for contact in chatwoot_server.contacts] == ["P-12345678", "P-1234567"]
