"""Zammad: what is sent, what every answer means, and that a ticket is there once, whatever gets lost on the way."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from pydantic import SecretStr

from bot.helpdesk.ticketing import NotNow, NotSent, Refused
from integrations.zammad.client import Zammad
from tests.tickets.conftest import TICKET, Kept
from tests.tickets.servers import TOKEN, LocalZammad, Reply, said

pytestmark = pytest.mark.anyio


async def test_a_ticket_as_documented(zammad_server: LocalZammad, zammad: Zammad, kept: Kept) -> None:
    zammad_server.customers.add("vera@example.nl")
    number = await zammad.open(TICKET, kept.trail())
    [ticket] = zammad_server.tickets
    assert number == ticket["number"]
    [asked] = zammad_server.asked
    assert (asked.method, asked.path) == ("POST", "/api/v1/tickets")
    assert asked.headers["authorization"] == f"Token token={TOKEN}"
    assert asked.headers["content-type"] == "application/json"
    assert asked.body == {
        "title": "[P-1234567] Een vraag stellen",
        "group": "Portaal",
        "customer": "vera@example.nl",
        "article": {
            "subject": "[P-1234567] Een vraag stellen", "body": TICKET.body, "type": "note", "internal": False,
        },
    }  # fmt: skip


async def test_a_customer_that_zammad_does_not_know_yet(zammad_server: LocalZammad, zammad: Zammad, kept: Kept) -> None:
    await zammad.open(TICKET, kept.trail())
    [ticket] = zammad_server.tickets
    assert ticket["customer"] == "vera@example.nl"
    assert [asked.body.get("customer_id") for asked in zammad_server.asked] == [None, "guess:vera@example.nl"]


async def test_without_an_address_it_belongs_to_the_desk(
    zammad_server: LocalZammad, zammad: Zammad, kept: Kept
) -> None:
    await zammad.open(replace(TICKET, email=None, desk="charter"), kept.trail())
    [ticket] = zammad_server.tickets
    assert (ticket["customer"], ticket["group"]) == ("desk@example.org", "Charter")


async def test_an_address_that_zammad_does_not_take(zammad_server: LocalZammad, zammad: Zammad, kept: Kept) -> None:
    """The ticket is there all the same; the address stands in its text."""
    zammad_server.next += [said(422, {"error": "No lookup value found"}), said(422, {"error": "Invalid email"})]
    await zammad.open(TICKET, kept.trail())
    [ticket] = zammad_server.tickets
    assert ticket["customer"] == "desk@example.org"


@pytest.mark.parametrize("status", [401, 403, 404, 301])
async def test_what_the_operator_may_put_right_is_tried_again(
    zammad_server: LocalZammad, zammad: Zammad, kept: Kept, status: int
) -> None:
    zammad_server.next.append(Reply(status, headers={"Location": "http://127.0.0.1:9/elsewhere"}))
    with pytest.raises(NotNow, match=str(status)):
        await zammad.open(TICKET, kept.trail())
    assert len(zammad_server.asked) == 1


async def test_a_group_that_is_not_there_is_refused(zammad_server: LocalZammad, zammad: Zammad, kept: Kept) -> None:
    zammad_server.groups.clear()
    with pytest.raises(Refused, match="422"):
        await zammad.open(TICKET, kept.trail())
    assert zammad_server.tickets == []


async def test_too_many_requests(zammad_server: LocalZammad, zammad: Zammad, kept: Kept) -> None:
    zammad_server.next.append(Reply(429, headers={"Retry-After": "90"}))
    with pytest.raises(NotNow) as problem:
        await zammad.open(TICKET, kept.trail())
    assert problem.value.retry_after_seconds == 90


async def test_too_many_requests_until_a_date(zammad_server: LocalZammad, zammad: Zammad, kept: Kept) -> None:
    until = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
    zammad_server.next.append(Reply(429, headers={"Retry-After": until}))
    with pytest.raises(NotNow) as problem:
        await zammad.open(TICKET, kept.trail())
    assert problem.value.retry_after_seconds is not None
    assert 3000 < problem.value.retry_after_seconds <= 3600


LOST = {
    "500": Reply(500, b"Internal Server Error"),
    "500 after all": Reply(500, does_it=True),
    "502, a page": Reply(502, b"<html>Bad gateway</html>"),
    "hangs": Reply(after_seconds=6, hangs_up=True),
    "answers after the time is up": Reply(after_seconds=4, does_it=True, answers_itself=True),
    "drips": Reply(201, b'{"id": 1, "number": "221"}', byte_every_seconds=0.3, does_it=True),
    "garbage": Reply(201, b"\x00not json", does_it=True),
    "another shape": said(201, ["what", "is", "this"]),
    "no number": replace(said(201, {"title": "x"}), does_it=True),
    "hangs up": Reply(hangs_up=True),
    "hangs up after all": Reply(hangs_up=True, does_it=True),
    "too much": Reply(201, b" " * (5 * 1024 * 1024), does_it=True),
}


@pytest.mark.parametrize("reply", LOST.values(), ids=LOST)
async def test_whatever_gets_lost_there_is_one_ticket(
    zammad_server: LocalZammad, zammad: Zammad, kept: Kept, reply: Reply
) -> None:
    """The first try fails, with or without a ticket on the other side; the second one leaves exactly one."""
    zammad_server.customers.add("vera@example.nl")
    zammad_server.next.append(reply)
    with pytest.raises(NotNow):
        await zammad.open(TICKET, kept.trail())
    assert len(zammad_server.tickets) == int(reply.does_it)
    number = await zammad.open(TICKET, kept.trail())
    [ticket] = zammad_server.tickets
    assert number == ticket["number"]


async def test_in_doubt_it_waits_until_a_search_can_find_it(
    zammad_server: LocalZammad, zammad: Zammad, kept: Kept
) -> None:
    zammad_server.next.append(Reply(hangs_up=True, does_it=True))
    with pytest.raises(NotNow) as problem:
        await zammad.open(TICKET, kept.trail())
    assert (problem.value.retry_after_seconds or 0) >= 60


async def test_an_answer_that_is_said_twice(zammad_server: LocalZammad, zammad: Zammad, kept: Kept) -> None:
    """The second answer belongs to nothing: it must not be taken for the answer to the next ticket."""
    zammad_server.customers.add("vera@example.nl")
    zammad_server.next.append(Reply(does_it=True, answers_itself=True, twice=True))
    first = await zammad.open(TICKET, kept.trail())
    other = replace(TICKET, reference="P-7654321", title="[P-7654321] Een vraag stellen")
    second = await zammad.open(other, Kept().trail())
    assert [ticket["number"] for ticket in zammad_server.tickets] == [first, second]


async def test_what_the_search_finds_is_looked_at(zammad_server: LocalZammad, zammad: Zammad, kept: Kept) -> None:
    """A search finds words: another ticket that quotes the reference, or half of it, is not this one."""
    zammad_server.tickets += [
        {"id": 1, "number": "221", "title": "[P-7654321] Over P-1234567"},
        {"id": 2, "number": "222", "title": "[C-1234567] Een vraag stellen"},
    ]
    kept.tries = 1
    number = await zammad.open(TICKET, kept.trail())
    assert number not in ("221", "222")
    assert len(zammad_server.tickets) == 3


@pytest.mark.parametrize(
    "reply",
    [Reply(500), Reply(401), Reply(200, b"garbage"), said(200, {"tickets": [4], "assets": {}}), said(200, [])],
    ids=["500", "401", "garbage", "half", "another shape"],
)
async def test_without_a_search_nothing_is_made(
    zammad_server: LocalZammad, zammad: Zammad, kept: Kept, reply: Reply
) -> None:
    """Where nobody can tell whether it is there, it is not made a second time."""
    zammad_server.next.append(reply)
    kept.tries = 1
    with pytest.raises(NotNow):
        await zammad.open(TICKET, kept.trail())
    assert zammad_server.calls("POST") == []


async def test_nobody_there(kept: Kept, monkeypatch: pytest.MonkeyPatch, anyio_backend: str) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    client = Zammad("http://127.0.0.1:9", SecretStr(TOKEN), {"portal": "P"}, "desk@example.org")
    with pytest.raises(NotNow, match="no connection"):
        await client.open(TICKET, kept.trail())
    await client.close()


async def test_errors_tell_nothing_of_anybody(zammad_server: LocalZammad, zammad: Zammad, kept: Kept) -> None:
    zammad_server.always = said(422, {"error": f"customer vera@example.nl, {TOKEN}"})
    with pytest.raises(NotSent) as problem:
        await zammad.open(TICKET, kept.trail())
    shown = f"{problem.value} {problem.value!r} {TICKET!r}"
    assert "vera" not in shown.lower()
    assert TOKEN not in shown
    assert "brief" not in shown
