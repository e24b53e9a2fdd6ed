"""The outbox: written with its request, sent until it is there, and never twice where that can be known."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import cache
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import Engine, func, select, text, update
from sqlalchemy.orm import Session

from bot.answers.knowledge import load
from bot.conversations.store import ConversationStore
from bot.database.engine import open_engine
from bot.database.types import new_id, now
from bot.helpdesk import outbox as module
from bot.helpdesk.forms import Form, load_forms
from bot.helpdesk.models import Outgoing, Request
from bot.helpdesk.outbox import Claimed, Delivery, Outbox, Reply, pause_after, try_again
from bot.helpdesk.requests import PutIn, RequestStore
from bot.helpdesk.ticketing import NotNow, Refused, Ticket, Trail, ticket_of
from bot.settings import Settings
from integrations.chatwoot.client import Chatwoot
from integrations.zammad.client import Zammad
from tests.tickets import servers

pytestmark = pytest.mark.anyio

PATTERN = str(Settings.model_fields["activation_code_pattern"].default)
FIELDS = {"organisation": "Voorbeeld BV", "name": "Vera Voorbeeld", "email": "vera@example.nl", "consent": True}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@cache
def forms() -> dict[str, Form]:
    folder = Settings.model_fields["knowledge_dir"].default
    return dict(load_forms(folder, load(folder)))


class Box:
    """Requests and their outbox, on one database."""

    def __init__(self, engine: Engine) -> None:
        self.engine, self.outbox = engine, Outbox(engine)
        self.requests, self.conversations = RequestStore(engine, PATTERN), ConversationStore(engine)

    def put_in(self, conversation_id: str | None = None, **fields: Any) -> tuple[str, str]:
        """A request; gives its id and its reference."""
        put = PutIn(conversation_id, forms()["orientation-talk"], FIELDS | fields, "nl")
        with Session(self.engine) as session, session.begin():
            reference, _ = self.requests.add(session, put)
            id_ = session.scalar(select(Request.id).where(Request.reference == reference))
        assert id_ is not None
        return id_, reference

    def reply(self, request_id: str, said: str = "Dat kan.") -> str:
        """An answer in the outbox; gives its id."""
        row = Outgoing(
            id=new_id(), request_id=request_id, kind="reply", dedupe_key=f"reply:{said}", subject="Antwoord", text=said
        )
        with Session(self.engine, expire_on_commit=False) as session, session.begin():
            session.add(row)
        return row.id

    def rows(self, **values: Any) -> list[Outgoing]:
        """What is in the outbox; values are written into all of it first."""
        with Session(self.engine, expire_on_commit=False) as session, session.begin():
            if values:
                session.execute(update(Outgoing).values(**values))
            return list(session.scalars(select(Outgoing).order_by(Outgoing.id)))

    def row(self) -> Outgoing:
        """The only thing in the outbox."""
        [row] = self.rows()
        return row

    def later(self) -> None:
        """Time passes: every pause and every claim is over."""
        self.rows(next_at=now() - timedelta(seconds=1))

    def claimed(self, kind: str = "ticket") -> Claimed:
        found = self.outbox.claim(kind)
        assert found is not None
        return found


@pytest.fixture
def box(database_url: str) -> Iterator[Box]:
    engine = open_engine(database_url)
    yield Box(engine)
    engine.dispose()


class Systems:
    """A ticket system and a post that do what a test says, and keep what they got."""

    name = "folder"

    def __init__(self, *problems: Exception | None) -> None:
        self.problems = list(problems)
        self.tickets: list[Ticket] = []
        self.trails: list[Trail] = []
        self.replies: list[Reply] = []

    def _or_fail(self) -> None:
        problem = self.problems.pop(0) if self.problems else None
        if problem is not None:
            raise problem

    async def open(self, ticket: Ticket, trail: Trail) -> str | None:
        self.trails.append(trail)
        self._or_fail()
        self.tickets.append(ticket)
        return f"nr-{len(self.tickets)}"

    async def send(self, reply: Reply) -> None:
        self._or_fail()
        self.replies.append(reply)

    async def close(self) -> None:
        """Nothing is open."""


def delivery(box: Box, systems: Any, *, outbox: Outbox | None = None, within: float = 20) -> Delivery:
    return Delivery(
        outbox or box.outbox, systems if hasattr(systems, "send") else Systems(), systems,
        lambda filed: ticket_of(filed, forms().get(filed.kind)), send_within_seconds=within,
    )  # fmt: skip


# ---- in the outbox


def test_a_request_comes_with_one_ticket(box: Box) -> None:
    id_, _ = box.put_in()
    row = box.row()
    assert (row.request_id, row.kind, row.dedupe_key, row.state, row.attempts) == (
        id_,
        "ticket",
        "ticket",
        "waiting",
        0,
    )
    assert (row.subject, row.text) == (None, None), "nothing of the request is kept twice"


def test_the_same_key_again_makes_no_second_ticket(box: Box) -> None:
    conversation, _, _ = box.conversations.open("nl", "website", None, [])
    put = PutIn(conversation, forms()["orientation-talk"], FIELDS, "nl", key="k")
    for _ in range(3):
        with Session(box.engine) as session, session.begin():
            box.requests.add(session, put)
    assert len(box.rows()) == 1


def test_a_request_that_is_not_kept_leaves_no_ticket(box: Box) -> None:
    with pytest.raises(RuntimeError, match="the end"), Session(box.engine) as session, session.begin():
        box.requests.add(session, PutIn(None, forms()["orientation-talk"], FIELDS, "nl"))
        raise RuntimeError("the end")
    assert box.rows() == []


def test_without_a_ticket_system_there_is_no_ticket(box: Box) -> None:
    box.requests = RequestStore(box.engine, PATTERN, with_tickets=False)
    box.put_in()
    assert box.rows() == []


def test_a_request_without_contact_details_has_a_ticket_too(box: Box) -> None:
    put = PutIn(None, forms()["call-back"], {"desk": "portal", "subject": "Plan", "consent": True}, "en")
    with Session(box.engine) as session, session.begin():
        box.requests.add(session, put)
    assert box.row().kind == "ticket"


# ---- claims


def test_a_claim_is_exclusive(box: Box) -> None:
    """Many at once, as if several processes were sending: each row is claimed by one of them."""
    for _ in range(12):
        box.put_in()
    with ThreadPoolExecutor(8) as threads:
        found = [one for one in threads.map(lambda _: box.outbox.claim("ticket"), range(40)) if one is not None]
    assert len(found) == 12
    assert len({one.id for one in found}) == 12
    assert {row.attempts for row in box.rows()} == {1}


def test_nothing_is_due_while_it_is_claimed(box: Box) -> None:
    box.put_in()
    assert box.outbox.is_due("ticket")
    claimed = box.claimed()
    assert not box.outbox.is_due("ticket")
    assert box.outbox.claim("ticket") is None
    box.later()
    again = box.claimed()
    assert (claimed.attempt, again.id, again.attempt) == (1, claimed.id, 2)


def test_the_one_that_waits_longest_goes_first(box: Box) -> None:
    ids = [box.put_in()[0] for _ in range(3)]
    with Session(box.engine) as session, session.begin():
        hour_ago = now() - timedelta(hours=1)
        session.execute(update(Outgoing).where(Outgoing.request_id == ids[2]).values(next_at=hour_ago))
    assert [box.claimed().filed.id for _ in ids] == [ids[2], ids[0], ids[1]]


def test_kinds_are_apart(box: Box) -> None:
    id_, _ = box.put_in()
    box.reply(id_)
    assert box.claimed("reply").kind == "reply"
    assert box.outbox.claim("reply") is None
    assert box.claimed("ticket").kind == "ticket"


# ---- what becomes of it


async def test_sent(box: Box) -> None:
    _, reference = box.put_in()
    systems = Systems()
    assert await delivery(box, systems).send_due("ticket") == 1
    row = box.row()
    assert (row.state, row.external_id, row.attempts, row.problem) == ("sent", "nr-1", 1, None)
    assert row.sent_at is not None
    assert row.progress == {"target": "folder"}
    [ticket] = systems.tickets
    assert ticket.title == f"[{reference}] {forms()['orientation-talk'].title['nl']}"
    assert await delivery(box, systems).send_due("ticket") == 0


async def test_one_that_fails_does_not_keep_the_others(box: Box) -> None:
    for _ in range(3):
        box.put_in()
    systems = Systems(NotNow("500"), RuntimeError("a fault of ours, about vera@example.nl"))
    assert await delivery(box, systems).send_due("ticket") == 3
    assert sorted((row.state, row.problem) for row in box.rows() if row.problem) == [
        ("waiting", "500"), ("waiting", "RuntimeError"),
    ]  # fmt: skip
    assert len(systems.tickets) == 1


async def test_it_comes_back_later_and_later(box: Box) -> None:
    box.put_in()
    systems = Systems(*[NotNow("500")] * 3)
    pauses = []
    for _ in range(3):
        before = now()
        assert await delivery(box, systems).send_due("ticket") == 1
        pauses.append((box.row().next_at - before).total_seconds())
        box.later()
    assert 30 < pauses[0] < pauses[1] < pauses[2] < 200
    assert await delivery(box, systems).send_due("ticket") == 1
    assert [trail.is_retry for trail in systems.trails] == [False, True, True, True]
    assert box.row().state == "sent"


def test_twelve_tries_make_about_a_day() -> None:
    for _ in range(50):
        total = sum((pause_after(attempt) for attempt in range(1, 12)), timedelta())
        assert timedelta(hours=16) < total < timedelta(hours=30)


def test_pauses_differ() -> None:
    """What failed together does not come back together."""
    assert len({pause_after(5) for _ in range(20)}) > 10


@pytest.mark.parametrize(("asked", "pause"), [(3600, 3600), (1, 40), (10**9, 12 * 3600), (None, 40)])
def test_the_other_side_may_ask_for_more(asked: float | None, pause: float) -> None:
    """But not for a year, and not for less than a pause."""
    assert pause * 0.79 < pause_after(1, asked).total_seconds() < pause * 1.21


async def test_a_refusal_is_left_for_a_person(box: Box, caplog: pytest.LogCaptureFixture) -> None:
    _, reference = box.put_in()
    with caplog.at_level(logging.WARNING):
        await delivery(box, Systems(Refused("422"))).send_due("ticket")
    row = box.row()
    assert (row.state, row.problem, row.attempts) == ("failed", "422", 1)
    assert reference in caplog.text
    assert "vera" not in caplog.text.lower()
    box.later()
    assert box.outbox.claim("ticket") is None


async def test_after_the_last_try_it_is_left_for_a_person(box: Box) -> None:
    box.put_in()
    outbox = Outbox(box.engine, tries=3)
    systems = Systems(*[NotNow("hangs")] * 3)
    for _ in range(3):
        assert await delivery(box, systems, outbox=outbox).send_due("ticket") == 1
        box.later()
    assert (box.row().state, box.row().attempts) == ("failed", 3)
    assert await delivery(box, systems, outbox=outbox).send_due("ticket") == 0


async def test_a_person_tries_again(box: Box) -> None:
    """What came before still counts: it is looked up whether an earlier try came through."""
    id_, _ = box.put_in()
    systems = Systems(Refused("422"))
    await delivery(box, systems).send_due("ticket")
    with Session(box.engine) as session, session.begin():
        assert try_again(session, id_) == 1
        assert try_again(session, id_) == 0
    assert await delivery(box, systems).send_due("ticket") == 1
    assert [trail.is_retry for trail in systems.trails] == [False, True]
    assert box.row().state == "sent"


async def test_a_system_that_hangs(box: Box) -> None:
    box.put_in()

    class Hanging(Systems):
        async def open(self, ticket: Ticket, trail: Trail) -> str | None:
            await trail.keep(contact=5)
            await asyncio.sleep(30)
            raise AssertionError("nobody waits that long")

    await delivery(box, Hanging(), within=0.3).send_due("ticket")
    row = box.row()
    assert (row.state, row.problem) == ("waiting", "no answer in time")
    assert row.progress == {"target": "folder", "contact": 5}


async def test_answers_go_out_while_the_ticket_system_hangs(box: Box) -> None:
    id_, _ = box.put_in()
    box.reply(id_)
    stopping, sent = asyncio.Event(), asyncio.Event()

    class Hanging(Systems):
        async def open(self, ticket: Ticket, trail: Trail) -> str | None:
            await stopping.wait()
            return None

        async def send(self, reply: Reply) -> None:
            await super().send(reply)
            sent.set()

    systems = Hanging()
    running = asyncio.create_task(delivery(box, systems).run(stopping, every_seconds=0.05))
    async with asyncio.timeout(20):
        await sent.wait()
    assert [reply.text for reply in systems.replies] == ["Dat kan."]
    stopping.set()
    await running
    assert {row.state for row in box.rows()} == {"sent"}, "what is under way is ended first"


async def test_it_goes_on_when_the_database_was_away(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    box.put_in()
    stopping, sent = asyncio.Event(), asyncio.Event()

    class Telling(Systems):
        async def open(self, ticket: Ticket, trail: Trail) -> str | None:
            sent.set()
            return await super().open(ticket, trail)

    real, calls = box.outbox.is_due, []

    def flaky(kind: str) -> bool:
        calls.append(kind)
        if len(calls) < 4:
            raise module.SQLAlchemyError("gone")
        return real(kind)

    monkeypatch.setattr(box.outbox, "is_due", flaky)
    running = asyncio.create_task(delivery(box, Telling()).run(stopping, every_seconds=0.02))
    async with asyncio.timeout(20):
        await sent.wait()
    stopping.set()
    await running
    assert box.row().state == "sent"


async def test_a_busy_database_does_not_send_it_twice(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was sent, and cannot be kept at once."""
    box.put_in()
    monkeypatch.setattr(module, "RECORD_PAUSE_SECONDS", 0.01)
    real, calls = box.outbox.sent, []

    def busy(*arguments: Any) -> None:
        calls.append(arguments)
        if len(calls) < 4:
            raise module.SQLAlchemyError("locked")
        real(*arguments)

    monkeypatch.setattr(box.outbox, "sent", busy)
    systems = Systems()
    assert await delivery(box, systems).send_due("ticket") == 1
    assert (box.row().state, len(systems.tickets)) == ("sent", 1)


# ---- answers


async def test_an_answer_goes_to_who_put_it_in(box: Box) -> None:
    id_, _ = box.put_in()
    row_id = box.reply(id_)
    systems = Systems()
    await delivery(box, systems).send_due("reply")
    [reply] = systems.replies
    assert (reply.id, reply.to, reply.subject, reply.text) == (row_id, "vera@example.nl", "Antwoord", "Dat kan.")
    assert reply.desk == "charter"


async def test_no_answer_without_consent(box: Box) -> None:
    """The address may have been there for another reason."""
    id_, _ = box.put_in(consent=False)
    box.reply(id_)
    systems = Systems()
    await delivery(box, systems).send_due("reply")
    assert systems.replies == []
    assert [(row.state, row.problem) for row in box.rows() if row.kind == "reply"] == [
        ("failed", "no address to send it to")
    ]


# ---- erasing


async def test_erasing_a_request_takes_what_waits_along(box: Box) -> None:
    conversation, token, _ = box.conversations.open("nl", "website", None, [])
    id_, _ = box.put_in(conversation)
    box.reply(id_, "een zeer herkenbaar antwoord")
    kept, _ = box.put_in()
    box.conversations.erase(conversation, token)
    assert [row.request_id for row in box.rows()] == [kept]


async def test_what_is_sent_goes_when_the_retention_ends(box: Box) -> None:
    id_, _ = box.put_in()
    box.reply(id_)
    await delivery(box, Systems()).send_due("ticket")
    with Session(box.engine) as session, session.begin():
        session.execute(update(Request).values(created_at=now() - timedelta(days=200)))
    assert box.requests.erase_before(now() - timedelta(days=180)) == 1
    assert box.rows() == []


async def test_erased_while_it_is_being_sent(box: Box, caplog: pytest.LogCaptureFixture) -> None:
    """Nothing comes back: neither what went well nor what did not."""
    for problem in (None, NotNow("500"), Refused("422")):
        box.put_in()

        class Erasing(Systems):
            async def open(self, ticket: Ticket, trail: Trail) -> str | None:
                with Session(box.engine) as session, session.begin():
                    session.execute(text("DELETE FROM requests"))
                await trail.keep(contact=1)
                return await super().open(ticket, trail)

        assert await delivery(box, Erasing(problem)).send_due("ticket") == 1
        assert box.rows() == []


# ---- lost claims


def test_a_late_success_counts(box: Box) -> None:
    """The claim ran out and somebody else has it: it is there all the same."""
    box.put_in()
    first = box.claimed()
    box.later()
    box.claimed()
    box.outbox.sent(first.id, "nr-7", {"target": "zammad"})
    assert (box.row().state, box.row().external_id) == ("sent", "nr-7")


def test_a_late_failure_decides_nothing(box: Box) -> None:
    box.put_in()
    first = box.claimed()
    box.later()
    second = box.claimed()
    assert box.outbox.not_sent(first, Refused("422")) == "gone"
    assert box.row().state == "waiting"
    box.outbox.sent(second.id, "nr-8", {})
    assert box.outbox.not_sent(second, NotNow("late")) == "gone"
    assert (box.row().state, box.row().external_id) == ("sent", "nr-8")


def test_the_last_try_ended_with_its_process(box: Box) -> None:
    """It is not left waiting for ever: a person sees it."""
    box.put_in()
    outbox = Outbox(box.engine, tries=2)
    for _ in range(2):
        assert outbox.claim("ticket") is not None
        box.later()
    assert outbox.claim("ticket") is None
    assert (box.row().state, box.row().problem) == ("failed", "interrupted")


# ---- with real clients


def killed_before_recording(box: Box, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """The process ends after the other side did its work, before anything is written here. Gives what undoes it."""

    class Killed(BaseException):
        pass

    def dies(*_: object) -> None:
        raise Killed

    monkeypatch.setattr(box.outbox, "sent", dies)
    monkeypatch.setattr(box.outbox, "keep", dies)
    monkeypatch.setattr(box, "killed", Killed, raising=False)
    return monkeypatch.undo


@pytest.mark.parametrize("system", ["zammad", "chatwoot"])
async def test_killed_between_sending_and_recording(box: Box, monkeypatch: pytest.MonkeyPatch, system: str) -> None:
    """Whoever comes after finds the ticket and does not make a second one."""
    box.put_in()
    server: Any = servers.LocalZammad() if system == "zammad" else servers.LocalChatwoot()
    async with server:
        client: Any
        token = SecretStr(servers.TOKEN)
        if system == "zammad":
            groups = {"portal": "Portaal", "charter": "Charter"}
            client = Zammad(server.url, token, groups, "desk@example.org")
        else:
            client = Chatwoot(server.url, token, 3, {"portal": 7, "charter": 8})
        for _ in range(2 if system == "zammad" else 4):
            undo = killed_before_recording(box, monkeypatch)
            with pytest.raises(BaseException) as ended:
                await delivery(box, client).send_one("ticket")
            assert ended.type.__name__ == "Killed"
            undo()
            assert box.row().state == "waiting"
            box.later()
        assert await delivery(box, client).send_one("ticket")
        await client.close()
        made = server.tickets if system == "zammad" else server.conversations
        assert len(made) == 1
        known = made[0]["number"] if system == "zammad" else str(made[0]["id"])
        assert (box.row().state, box.row().external_id) == ("sent", known)
        if system == "chatwoot":
            assert len(made[0]["messages"]) == 1
            assert made[0]["status"] == "open"


async def test_another_system_begins_anew(box: Box) -> None:
    """What Chatwoot has of it says nothing about Zammad."""
    box.put_in()
    box.rows(progress={"target": "chatwoot", "contact": 5}, attempts=1)
    systems = Systems()
    await delivery(box, systems).send_due("ticket")
    assert systems.trails[0].get("contact") is None
    assert box.row().progress == {"target": "folder"}


def test_the_outbox_is_counted_in_its_own_table(box: Box) -> None:
    """One ticket for a request, whatever is tried."""
    id_, _ = box.put_in()
    from sqlalchemy.exc import IntegrityError

    with pytest.raises(IntegrityError), Session(box.engine) as session, session.begin():
        module.put_ticket(session, id_)
    with Session(box.engine) as session:
        assert session.scalar(select(func.count()).select_from(Outgoing)) == 1
