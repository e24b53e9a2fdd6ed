"""Stores requests for a desk, each with a reference that the visitor can quote, and what a desk does with them."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import ColumnElement, CursorResult, Engine, delete, func, select
from sqlalchemy.orm import Session, defer

from bot.conversations.masking import mask_codes
from bot.conversations.store import KeyUsedForAnother
from bot.database.store import Store
from bot.database.types import new_id, now
from bot.helpdesk.forms import Form
from bot.helpdesk.models import Outgoing, Request
from bot.helpdesk.outbox import filed, put_ticket, try_again
from bot.helpdesk.ticketing import Filed, contact_of
from bot.staff.audit import record
from bot.staff.models import StaffAccount, StaffAudit, StaffDesk, StaffRole

_TRIES = 20

PER_PAGE = 50
MOST_PAGES = 1000
NOBODY = "nobody"
"""Where an account's id may stand: requests that nobody has taken up."""
LONGEST_SUBJECT = 180
"""Characters; the reference is added to it."""
LONGEST_ANSWER = 10_000
MOST_ANSWERS = 50
"""To one request."""
OPENED_AGAIN_AFTER = timedelta(minutes=10)
"""Looking at a request twice within this time is looking once, in the audit."""


class RequestError(Exception):
    """The root of what can be wrong with a request."""


class NoSuchRequest(RequestError):
    """There is none, or it is another desk's: the same to the asker."""


class NoSuchAgent(RequestError):
    """Not somebody who answers for that desk."""


class AlreadyAnswered(RequestError):
    """Somebody answered since the asker looked."""

    def __init__(self, name: str | None, answered_at: datetime | None) -> None:
        super().__init__("answered meanwhile")
        self.name, self.answered_at = name, answered_at


class RequestIsClosed(RequestError):
    """It has to be opened again first."""


class TooManyAnswers(RequestError):
    """It was answered as often as it can be."""


class NoAddress(RequestError):
    """Whoever put it in gave no address for an answer, or no consent."""


def _reference(desk: str) -> str:
    """A letter for the desk and seven digits: easily read out, and never taken for an activation code."""
    return f"{desk[0].upper()}-{secrets.randbelow(9_000_000) + 1_000_000}"


def _masked(value: Any, pattern: str) -> Any:
    if isinstance(value, str):
        return mask_codes(value, pattern)[0]
    if isinstance(value, list):
        return [_masked(entry, pattern) for entry in value]
    if isinstance(value, dict):
        return {key: _masked(entry, pattern) for key, entry in value.items()}
    return value


@dataclass(frozen=True)
class PutIn:
    """A request as it comes in."""

    conversation_id: str | None
    """None for one that did not come from a conversation."""
    form: Form
    fields: dict[str, Any]
    """As `filled_in` gives them."""
    language: str
    key: str | None = None
    """An Idempotency-Key."""
    company_id: str | None = None
    """The company that the conversation was verified for."""

    @property
    def desk(self) -> str:
        """Which desk it is for: the form's, unless the form lets the visitor choose."""
        return str(self.fields["desk"]) if self.fields.get("desk") in ("portal", "charter") else self.form.desk


@dataclass(frozen=True)
class OutgoingShown:
    """A ticket or a reply, as a desk sees it."""

    id: str
    kind: str
    target: str | None
    """Which system has it: zammad; mail for a reply. None as long as nobody has."""
    state: str
    problem: str | None
    external_id: str | None
    subject: str | None
    text: str | None = field(repr=False)
    """Of a reply; left out in lists."""
    account_name: str | None
    """Who wrote a reply."""
    created_at: datetime
    sent_at: datetime | None


@dataclass(frozen=True)
class RequestShown:
    """A request in a list of a desk: nothing of who put it in."""

    id: str
    reference: str
    kind: str
    desk: str
    language: str
    state: str
    created_at: datetime
    assigned_to: str | None
    assigned_name: str | None
    answered_at: datetime | None
    closed_at: datetime | None
    tickets: tuple[OutgoingShown, ...]
    replies: tuple[OutgoingShown, ...]


@dataclass(frozen=True)
class RequestOpened:
    """A request with all that is in it, contact details included."""

    shown: RequestShown
    filed: Filed
    conversation_id: str | None
    agents: tuple[tuple[str, str], ...]
    """Ids and names of those who answer for its desk."""

    @property
    def can_be_answered(self) -> bool:
        """Whether there is an address for an answer."""
        return contact_of(self.filed.fields)[1] is not None


@dataclass(frozen=True)
class RequestPage:
    """Some of the requests that were asked for."""

    requests: tuple[RequestShown, ...]
    page: int
    pages: int
    total: int


@dataclass(frozen=True)
class Answer:
    """An answer to a request."""

    subject: str = field(repr=False)
    text: str = field(repr=False)
    answered_at: datetime | None = None
    """When it was answered last, as whoever writes this saw it."""


class RequestStore(Store):
    """Requests in the database. Thread-safe; every method that opens its own session is one transaction."""

    def __init__(self, engine: Engine, code_pattern: str, *, with_tickets: bool = True) -> None:
        super().__init__(engine)
        self._code_pattern = code_pattern
        self._with_tickets = with_tickets

    def add(self, session: Session, put_in: PutIn) -> tuple[str, bool]:
        """Stores a request in the session's transaction; gives its reference, and whether it is new.

        Not new: the same key again. What looks like an activation code is masked. A new one comes with a ticket in the
        outbox, in the same transaction.

        Raises KeyUsedForAnother.
        """
        fields = _masked(put_in.fields, self._code_pattern)
        form, key, desk = put_in.form, put_in.key, put_in.desk
        request_hash = hashlib.sha256(json.dumps([form.id, fields], sort_keys=True).encode()).hexdigest()
        if key and (known := self._known(session, put_in.conversation_id, key, request_hash)):
            return known, False
        request = Request(
            id=new_id(), reference=self._free_reference(session, desk), kind=form.id, desk=desk,
            language=put_in.language, state="open", fields=fields, conversation_id=put_in.conversation_id,
            company_id=put_in.company_id, idempotency_key=key, request_hash=request_hash, created_at=now(),
        )  # fmt: skip
        session.add(request)
        session.flush()
        if self._with_tickets:
            put_ticket(session, request.id)
        return request.reference, True

    @staticmethod
    def _free_reference(session: Session, desk: str) -> str:
        for _ in range(_TRIES):
            reference = _reference(desk)
            if session.scalar(select(Request.id).where(Request.reference == reference)) is None:
                return reference
        raise RuntimeError("no free reference was found")

    @staticmethod
    def _known(session: Session, conversation_id: str | None, key: str, request_hash: str) -> str | None:
        query = select(Request).where(Request.conversation_id == conversation_id, Request.idempotency_key == key)
        known = session.scalar(query)
        if known is not None and known.request_hash != request_hash:
            raise KeyUsedForAnother(key)
        return known.reference if known else None

    def erase_before(self, before: datetime, at_most: int = 500) -> int:
        """Removes requests that were put in before a moment; gives how many, `at_most` at a time."""
        with Session(self._engine) as session, session.begin():
            old = select(Request.id).where(Request.created_at < before).limit(at_most)
            done = session.execute(delete(Request).where(Request.id.in_(old)))
            return int(cast("CursorResult[Any]", done).rowcount)

    def get(self, id_: str, desks: Collection[str], account_id: str) -> RequestOpened:
        """A request of one of these desks, with its contact details; the audit tells who looked.

        Raises NoSuchRequest.
        """
        with self._writing() as session:
            request = self._find(session, id_, desks, to_change=False)
            query = select(StaffAudit.id).where(
                StaffAudit.account_id == account_id, StaffAudit.at > now() - OPENED_AGAIN_AFTER,
                StaffAudit.action == "request_opened", StaffAudit.subject == id_,
            ).limit(1)  # fmt: skip
            if session.scalar(query) is None:
                record(session, account_id, "request_opened", id_)
            agents = tuple((agent.id, agent.name) for agent in session.scalars(_agents(request.desk)))
            (shown,) = _shown(session, [request])
            return RequestOpened(shown, filed(session, request), request.conversation_id, agents)

    def assign(self, id_: str, desks: Collection[str], account_id: str, to: str | None) -> RequestShown:
        """Gives a request to an agent of its desk, or to nobody.

        Raises NoSuchRequest, NoSuchAgent.
        """
        with self._writing() as session:
            request = self._find(session, id_, desks)
            if (
                to not in (None, account_id)
                and session.scalar(_agents(request.desk).where(StaffAccount.id == to)) is None
            ):
                raise NoSuchAgent(to)
            if request.assigned_to != to:
                request.assigned_to = to
                record(session, account_id, "request_assigned", id_, {"to": to})
            return _shown(session, [request])[0]

    def answer(self, id_: str, desks: Collection[str], account_id: str, answer: Answer) -> RequestShown:
        """Puts an answer in the outbox. The same answer of the same person twice is one answer.

        A request that nobody had becomes the answerer's. The subject gets the reference where it has none.

        Raises NoSuchRequest, RequestIsClosed, NoAddress, AlreadyAnswered, TooManyAnswers.
        """
        key = _answer_key(account_id, answer)
        with self._writing() as session:
            request = self._find(session, id_, desks)
            known = select(Outgoing.id).where(Outgoing.request_id == id_, Outgoing.dedupe_key == key)
            if session.scalar(known) is not None:
                return _shown(session, [request])[0]
            if request.state == "closed":
                raise RequestIsClosed(id_)
            if contact_of(request.fields)[1] is None:
                raise NoAddress(id_)
            if request.answered_at != answer.answered_at:
                raise AlreadyAnswered(self._last_answerer(session, id_), request.answered_at)
            count = select(func.count()).where(Outgoing.request_id == id_, Outgoing.kind == "reply")
            if (session.scalar(count) or 0) >= MOST_ANSWERS:
                raise TooManyAnswers(id_)
            subject = (
                answer.subject if request.reference in answer.subject else f"{answer.subject} [{request.reference}]"
            )
            session.add(
                Outgoing(
                    id=new_id(), request_id=id_, kind="reply", dedupe_key=key, subject=subject, text=answer.text,
                    account_id=account_id,
                )
            )  # fmt: skip
            request.answered_at = now()
            request.assigned_to = request.assigned_to or account_id
            record(session, account_id, "request_answered", id_)
            session.flush()
            return _shown(session, [request])[0]

    def close(self, id_: str, desks: Collection[str], account_id: str) -> RequestShown:
        """Closes a request; one that is closed stays so. Raises NoSuchRequest."""
        with self._writing() as session:
            request = self._find(session, id_, desks)
            if request.state != "closed":
                request.state, request.closed_at = "closed", now()
                record(session, account_id, "request_closed", id_)
            return _shown(session, [request])[0]

    def reopen(self, id_: str, desks: Collection[str], account_id: str) -> RequestShown:
        """Opens a closed request again. Raises NoSuchRequest."""
        with self._writing() as session:
            request = self._find(session, id_, desks)
            if request.state != "open":
                request.state, request.closed_at = "open", None
                record(session, account_id, "request_reopened", id_)
            return _shown(session, [request])[0]

    def send_again(self, id_: str, desks: Collection[str], account_id: str) -> RequestShown:
        """Tries again what could not be sent of a request. Raises NoSuchRequest."""
        with self._writing() as session:
            request = self._find(session, id_, desks)
            if count := try_again(session, id_):
                record(session, account_id, "request_sent_again", id_, {"count": count})
            return _shown(session, [request])[0]

    def count_open(self, desks: Collection[str]) -> int:
        """How many requests of these desks are open."""
        with self._reading() as session:
            query = select(func.count()).where(Request.desk.in_(desks), Request.state == "open")
            return session.scalar(query) or 0

    def existing(self, references: Collection[str]) -> set[str]:
        """Which of these references are still kept."""
        with self._reading() as session:
            return set(session.scalars(select(Request.reference).where(Request.reference.in_(references))))

    @staticmethod
    def _find(session: Session, id_: str, desks: Collection[str], *, to_change: bool = True) -> Request:
        query = select(Request).where(Request.id == id_, Request.desk.in_(desks))
        request = session.scalar(query.with_for_update() if to_change else query)
        if request is None:
            raise NoSuchRequest(id_)
        return request

    @staticmethod
    def _last_answerer(session: Session, id_: str) -> str | None:
        query = (
            select(StaffAccount.name)
            .join(Outgoing, Outgoing.account_id == StaffAccount.id)
            .where(Outgoing.request_id == id_, Outgoing.kind == "reply")
            .order_by(Outgoing.id.desc())
            .limit(1)
        )
        return session.scalar(query)

    def list(
        self, desks: Collection[str], state: str | None = "open", assigned_to: str | None = None, page: int = 1
    ) -> RequestPage:
        """Requests of these desks: open ones the oldest first, others the newest first.

        state: open or closed, None for both. assigned_to: an account's id, NOBODY, or None for all. page: from 1.
        """
        which: Sequence[ColumnElement[bool]] = [Request.desk.in_(desks)]
        if state is not None:
            which = [*which, Request.state == state]
        if assigned_to is not None:
            mine = Request.assigned_to.is_(None) if assigned_to == NOBODY else Request.assigned_to == assigned_to
            which = [*which, mine]
        order = Request.created_at.asc() if state == "open" else Request.created_at.desc()
        page = min(max(page, 1), MOST_PAGES)
        with self._reading() as session:
            total = session.scalar(select(func.count()).select_from(Request).where(*which)) or 0
            query = select(Request).where(*which).order_by(order, Request.id).limit(PER_PAGE)
            rows = session.scalars(query.offset((page - 1) * PER_PAGE)).all()
            return RequestPage(
                tuple(_shown(session, rows, with_texts=False)), page, max(1, -(-total // PER_PAGE)), total
            )


def _answer_key(account_id: str, answer: Answer) -> str:
    told = [account_id, answer.subject, answer.text, answer.answered_at.isoformat() if answer.answered_at else None]
    return f"reply:{hashlib.sha256(json.dumps(told).encode()).hexdigest()}"


def _agents(desk: str) -> Any:
    """Who answers for a desk, by name."""
    of_desk = select(StaffDesk.account_id).where(StaffDesk.desk == desk)
    may = select(StaffRole.account_id).where(StaffRole.role.in_(("agent", "admin")))
    return (
        select(StaffAccount)
        .where(StaffAccount.is_active, StaffAccount.id.in_(of_desk), StaffAccount.id.in_(may))
        .order_by(StaffAccount.name, StaffAccount.id)
    )


def _shown(session: Session, requests: Sequence[Request], *, with_texts: bool = True) -> Sequence[RequestShown]:
    """Requests with the names of who has them and what went out for them, in three queries however many there are."""
    ids = [request.id for request in requests]
    of_these = select(Outgoing).where(Outgoing.request_id.in_(ids)).order_by(Outgoing.id)
    rows = session.scalars(of_these if with_texts else of_these.options(defer(Outgoing.text))).all()
    people = {row.account_id for row in rows} | {request.assigned_to for request in requests}
    query = select(StaffAccount.id, StaffAccount.name).where(StaffAccount.id.in_([id_ for id_ in people if id_]))
    names = {row.id: row.name for row in session.execute(query)}
    out: dict[str, list[OutgoingShown]] = {id_: [] for id_ in ids}
    for row in rows:
        out[row.request_id].append(_outgoing(row, names, row.text if with_texts else None))
    return [
        RequestShown(
            request.id, request.reference, request.kind, request.desk, request.language, request.state,
            request.created_at, request.assigned_to, names.get(request.assigned_to or ""), request.answered_at,
            request.closed_at,
            tickets=tuple([one for one in out[request.id] if one.kind == "ticket"]),
            replies=tuple([one for one in out[request.id] if one.kind == "reply"]),
        )
        for request in requests
    ]  # fmt: skip


def _outgoing(row: Outgoing, names: Mapping[str, str], text: str | None) -> OutgoingShown:
    target = (row.progress or {}).get("target") or ("mail" if row.kind == "reply" else None)
    return OutgoingShown(
        row.id, row.kind, target, row.state, row.problem, row.external_id, row.subject, text,
        names.get(row.account_id or ""), row.created_at, row.sent_at,
    )  # fmt: skip
