"""The outbox: what goes to other systems, written with its request in one transaction, sent until it is there.

A row is claimed for a while before it is sent. Whoever claimed it and is gone leaves it to be claimed again, and the
next try knows that the one before may have come through: at least once here, and made once by whoever takes it.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Protocol, cast

from sqlalchemy import CursorResult, Engine, select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from bot.database.store import Store
from bot.database.types import new_id, now
from bot.helpdesk.models import Outgoing, Request
from bot.helpdesk.ticketing import Filed, NotNow, NotSent, Refused, Ticket, TicketSystem, Trail, contact_of
from bot.registry.models import Company

log = logging.getLogger(__name__)

TICKET = "ticket"
LEASE = timedelta(minutes=5)
"""How long a claim holds; much longer than a try may take."""
SEND_WITHIN_SECONDS = 150.0
"""A slow mail server may take ten seconds for each of its answers."""
FIRST_PAUSE_SECONDS = 40.0
"""Doubled after each try: twelve tries make about a day."""
JITTER = 0.2
LONGEST_PAUSE = timedelta(hours=12)
"""Also when the other side asks for more."""
EVERY_SECONDS = 5.0
LONGEST_REASON = 120
INTERRUPTED = "interrupted"
RECORD_TRIES, RECORD_PAUSE_SECONDS = 10, 2.0
"""What was sent must be kept as sent, or it is sent again: a database that is busy is asked more than once."""


@dataclass(frozen=True)
class Reply:
    """An answer to whoever put a request in, on its way by mail."""

    id: str
    """The same at every try, so that a mailbox can tell that it is the same mail."""
    desk: str
    to: str = field(repr=False)
    subject: str = field(repr=False)
    text: str = field(repr=False)


class Post(Protocol):
    """Sends answers."""

    async def send(self, reply: Reply) -> None:
        """Hands an answer over. Raises NotNow, Refused."""


@dataclass(frozen=True)
class Claimed:
    """A row that is being sent, and the request that it belongs to."""

    id: str
    kind: str
    attempt: int
    """Counted from 1."""
    progress: Mapping[str, Any]
    subject: str | None = field(repr=False)
    text: str | None = field(repr=False)
    filed: Filed


def put_ticket(session: Session, request_id: str) -> None:
    """Puts a request's ticket in the outbox, in the session's transaction."""
    session.add(Outgoing(id=new_id(), request_id=request_id, kind="ticket", dedupe_key=TICKET))


def filed(session: Session, request: Request) -> Filed:
    """A request as what goes out is made of it."""
    company = session.get(Company, request.company_id) if request.company_id else None
    return Filed(
        request.id, request.reference, request.kind, request.desk, request.language, request.fields,
        f"{company.name} ({company.kvk_number})" if company else None, request.created_at,
    )  # fmt: skip


class Outbox(Store):
    """Rows of the outbox. Thread-safe, and safe among processes; every method is one transaction."""

    def __init__(self, engine: Engine, tries: int = 12) -> None:
        super().__init__(engine)
        self._tries = tries

    def is_due(self, kind: str) -> bool:
        """Whether something of a kind waits to be sent now. Asks without writing."""
        query = select(Outgoing.id).where(*_due(kind)).limit(1)
        with Session(self._reader) as session:
            return session.scalar(query) is not None

    def claim(self, kind: str) -> Claimed | None:
        """Takes the row that is due longest, for as long as LEASE; None where nothing is due."""
        query = select(Outgoing).where(*_due(kind)).order_by(Outgoing.next_at, Outgoing.id).limit(1)
        with self._writing() as session:
            while (row := session.scalar(query.with_for_update(skip_locked=True))) is not None:
                if row.attempts >= self._tries:
                    # Its last try ended with its process.
                    row.state, row.problem = "failed", INTERRUPTED
                    session.flush()
                    continue
                row.attempts += 1
                row.next_at = now() + LEASE
                request = session.get_one(Request, row.request_id)
                return Claimed(
                    row.id, row.kind, row.attempts, row.progress or {}, row.subject, row.text, filed(session, request)
                )
        return None

    def keep(self, id_: str, progress: Mapping[str, Any]) -> None:
        """Keeps what the other side has already."""
        with self._writing() as session:
            session.execute(update(Outgoing).where(Outgoing.id == id_).values(progress=dict(progress)))

    def sent(self, id_: str, external_id: str | None, progress: Mapping[str, Any]) -> None:
        """Keeps that it is there, and what it is called there. It counts also when the claim ran out meanwhile."""
        values = {"state": "sent", "sent_at": now(), "problem": None, "progress": dict(progress)}
        with self._writing() as session:
            session.execute(
                update(Outgoing)
                .where(Outgoing.id == id_, Outgoing.state != "sent")
                .values(**values, external_id=external_id[:80] if external_id else None)
            )

    def not_sent(self, claimed: Claimed, problem: NotSent) -> str:
        """Puts it back for a later try, or gives up; gives its state, `gone` when it went with its request.

        A claim that ran out decides nothing any more: somebody else tries.
        """
        values: dict[str, Any] = {"problem": str(problem)[:LONGEST_REASON]}
        if isinstance(problem, NotNow) and claimed.attempt < self._tries:
            values["next_at"] = now() + pause_after(claimed.attempt, problem.retry_after_seconds)
        else:
            values["state"] = "failed"
        with self._writing() as session:
            done = session.execute(
                update(Outgoing)
                .where(Outgoing.id == claimed.id, Outgoing.state == "waiting", Outgoing.attempts == claimed.attempt)
                .values(**values)
            )
        if not cast("CursorResult[Any]", done).rowcount:
            return "gone"
        return str(values.get("state", "waiting"))


def _due(kind: str) -> tuple[Any, ...]:
    return Outgoing.kind == kind, Outgoing.state == "waiting", Outgoing.next_at <= now()


def try_again(session: Session, request_id: str) -> int:
    """Puts what could not be sent of a request back in the outbox, in the session's transaction; gives how many.

    It counts as tried once: whether an earlier try came through is looked up before it is sent.
    """
    done = session.execute(
        update(Outgoing)
        .where(Outgoing.request_id == request_id, Outgoing.state == "failed")
        .values(state="waiting", attempts=1, next_at=now())
    )
    return int(cast("CursorResult[Any]", done).rowcount)


def pause_after(attempt: int, asked_seconds: float | None = None) -> timedelta:
    """How long to wait after a try that failed: twice as long each time, and as long as the other side asks.

    attempt: counted from 1. With some chance in it, so that what failed together does not come back together.
    """
    seconds = FIRST_PAUSE_SECONDS * 2 ** (attempt - 1) * random.uniform(1 - JITTER, 1 + JITTER)
    return min(timedelta(seconds=max(seconds, asked_seconds or 0.0)), LONGEST_PAUSE)


class Delivery:
    """Sends what is due, one kind beside the other: where the ticket system is slow, answers still go out."""

    def __init__(
        self,
        outbox: Outbox,
        post: Post,
        tickets: TicketSystem | None,
        made_of: Callable[[Filed], Ticket],
        *,
        send_within_seconds: float = SEND_WITHIN_SECONDS,
    ) -> None:
        self._outbox, self._post, self._tickets, self._made_of = outbox, post, tickets, made_of
        self._send_within_seconds = send_within_seconds

    async def run(self, stopping: asyncio.Event, every_seconds: float = EVERY_SECONDS) -> None:
        """Sends until told to stop, and then ends what it is sending."""
        kinds = ["reply"] if self._tickets is None else ["reply", "ticket"]
        await asyncio.gather(*(self._lane(kind, stopping, every_seconds) for kind in kinds))

    async def _lane(self, kind: str, stopping: asyncio.Event, every_seconds: float) -> None:
        while not stopping.is_set():
            try:
                while not stopping.is_set() and await self.send_one(kind):
                    pass
            except SQLAlchemyError as problem:
                log.warning("The outbox could not be read (%s); trying again later.", type(problem).__name__)
            try:
                async with asyncio.timeout(every_seconds):
                    await stopping.wait()
            except TimeoutError:
                continue

    async def send_due(self, kind: str) -> int:
        """Sends all that is due of a kind; gives how many were tried."""
        tried = 0
        while await self.send_one(kind):
            tried += 1
        return tried

    async def send_one(self, kind: str) -> bool:
        """Tries to send the row that is due longest; False where there is none."""
        if not await asyncio.to_thread(self._outbox.is_due, kind):
            return False
        claimed = await asyncio.to_thread(self._outbox.claim, kind)
        if claimed is None:
            return False
        try:
            async with asyncio.timeout(self._send_within_seconds):
                external_id, progress = await (self._reply(claimed) if kind == "reply" else self._ticket(claimed))
        except TimeoutError:
            await self._failed(claimed, NotNow("no answer in time"))
        except NotSent as problem:
            await self._failed(claimed, problem)
        except SQLAlchemyError:
            raise
        except Exception as problem:  # noqa: BLE001 - one that cannot be sent must not keep the others from going out
            # Its own text may quote what was being sent.
            await self._failed(claimed, NotNow(type(problem).__name__))
        else:
            await self._sent(claimed, external_id, progress)
        return True

    async def _sent(self, claimed: Claimed, external_id: str | None, progress: Mapping[str, Any]) -> None:
        for left in range(RECORD_TRIES - 1, -1, -1):
            try:
                await asyncio.to_thread(self._outbox.sent, claimed.id, external_id, progress)
            except SQLAlchemyError:
                if not left:
                    raise
                await asyncio.sleep(RECORD_PAUSE_SECONDS)
            else:
                return

    async def _failed(self, claimed: Claimed, problem: NotSent) -> None:
        state = await asyncio.to_thread(self._outbox.not_sent, claimed, problem)
        if state == "failed":
            log.error("A %s for %s was not sent, and will not be: %s", claimed.kind, claimed.filed.reference, problem)
        else:
            log.warning("A %s for %s was not sent yet: %s", claimed.kind, claimed.filed.reference, problem)

    async def _reply(self, claimed: Claimed) -> tuple[str | None, Mapping[str, Any]]:
        _, to = contact_of(claimed.filed.fields)
        if to is None:
            raise Refused("no address to send it to")
        await self._post.send(
            Reply(claimed.id, claimed.filed.desk, to, claimed.subject or "", claimed.text or ""),
        )
        return None, {"target": "mail"}

    async def _ticket(self, claimed: Claimed) -> tuple[str | None, Mapping[str, Any]]:
        if self._tickets is None:
            raise Refused("no ticket system is set")
        name = self._tickets.name
        # What another system has of it says nothing about this one.
        known = claimed.progress if claimed.progress.get("target") == name else {}
        latest: dict[str, Any] = {**known, "target": name}

        async def keep(found: Mapping[str, Any]) -> None:
            latest.update(found)
            await asyncio.to_thread(self._outbox.keep, claimed.id, latest)

        trail = Trail(known, keep, is_retry=claimed.attempt > 1)
        external_id = await self._tickets.open(self._made_of(claimed.filed), trail)
        return external_id, latest
