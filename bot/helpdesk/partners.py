"""Partners' own desks: keys for what they may do, the employers that they hand over, and what they were asked."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import secrets
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from types import MappingProxyType
from typing import Any

from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from bot.answers.knowledge import LANGUAGES, ByLanguage
from bot.conversations.models import Conversation
from bot.conversations.store import KeyUsedForAnother, token_hash
from bot.database.store import Store
from bot.database.types import new_id, now
from bot.helpdesk.forms import LONGEST, REQUEST, Field, Form
from bot.helpdesk.logging_questions import (
    BY_PARTNER,
    LoggedQuestionStore,
    NewQuestion,
    row_of,
    tidy,
    without_numbers,
)
from bot.helpdesk.models import PARTNER_SCOPES, LoggedQuestion, PartnerKey, Request
from bot.helpdesk.requests import PutIn, RequestStore
from bot.staff import audit
from bot.texts import text

REFERRAL = "referral"
"""The kind of request that a partner puts in for an employer."""
PREFIX = "wp_"
REFERRER = re.compile(r"[a-z0-9][a-z0-9._-]{0,39}")
LONGEST_NAME = 100
MOST_KEYS = 200
CONTACT = ("name", "email", "phone")

_USED_AGAIN_AFTER = timedelta(minutes=1)
"""How precisely it is known when a key was used last."""
_LOCK = 6_872_047_728
"""Of PostgreSQL, for what partners send with an Idempotency-Key; any number that nothing else takes."""


class PartnerError(Exception):
    """The root of what can be wrong with a partner's key; the text says it in plain words."""


class PartnerWrong(PartnerError):
    """A key cannot be made so."""


class NoSuchKey(PartnerError):
    """There is no such key."""


@dataclass(frozen=True)
class Partner:
    """A partner's key. The key itself is shown once, when it is made."""

    id: str
    referrer: str
    name: str
    scopes: frozenset[str]
    created_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None

    def may(self, scope: str) -> bool:
        """Whether the key is good for this."""
        return self.revoked_at is None and scope in self.scopes


def _hash(key: str) -> str:
    # A key is 256 random bits: there is nothing that a slow hash would keep anybody from guessing.
    return hashlib.sha256(key.encode()).hexdigest()


def _partner(row: PartnerKey) -> Partner:
    return Partner(
        row.id, row.referrer, row.name, frozenset(row.scopes), row.created_at, row.last_used_at, row.revoked_at
    )


class PartnerKeys(Store):
    """Partners' keys in the database. Thread-safe; every method is one transaction."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)

    def add(self, referrer: str, name: str, scopes: Collection[str]) -> tuple[Partner, str]:
        """A new key: what is known of it, and the key, which is kept nowhere. Raises PartnerWrong."""
        name = " ".join(name.split())
        if not REFERRER.fullmatch(referrer):
            raise PartnerWrong("A partner is named by small letters, digits, dots and hyphens: awvn, vno-ncw.")
        if not name or len(name) > LONGEST_NAME or not name.isprintable():
            raise PartnerWrong(f"The name of the desk has 1 to {LONGEST_NAME} characters.")
        if not scopes or not set(scopes) <= set(PARTNER_SCOPES):
            raise PartnerWrong(f"A key is good for at least one of: {', '.join(PARTNER_SCOPES)}.")
        key = PREFIX + secrets.token_urlsafe(32)
        with self._writing() as session:
            current = select(func.count()).select_from(PartnerKey).where(PartnerKey.revoked_at.is_(None))
            if (session.scalar(current) or 0) >= MOST_KEYS:
                raise PartnerWrong(f"There are {MOST_KEYS} keys already: revoke those that nobody uses.")
            row = PartnerKey(
                id=new_id(), referrer=referrer, name=name, key_hash=_hash(key), scopes=sorted(set(scopes)),
                created_at=now(),
            )  # fmt: skip
            session.add(row)
            audit.record(session, None, "partner_key_added", row.id, {"partner": referrer, "scopes": row.scopes})
        return _partner(row), key

    def all(self) -> list[Partner]:
        """Every key, by partner; those that were revoked come last."""
        with Session(self._reader) as session:
            query = select(PartnerKey).order_by(PartnerKey.revoked_at.is_not(None), PartnerKey.referrer, PartnerKey.id)
            return [_partner(row) for row in session.scalars(query)]

    def revoke(self, id_: str) -> Partner:
        """Ends a key, at once and for good. Raises NoSuchKey."""
        with self._writing() as session:
            row = session.get(PartnerKey, id_, with_for_update=True)
            if row is None:
                raise NoSuchKey("There is no key with this id: `bin/wegwijzer partner list` prints them.")
            if row.revoked_at is None:
                row.revoked_at = now()
                audit.record(session, None, "partner_key_revoked", id_, {"partner": row.referrer})
            return _partner(row)

    def find(self, key: str) -> Partner | None:
        """Whose key this is; None for one that never was, or was revoked."""
        if not key.startswith(PREFIX):
            return None
        query = select(PartnerKey).where(PartnerKey.key_hash == _hash(key), PartnerKey.revoked_at.is_(None))
        with Session(self._reader) as session:
            row = session.scalar(query)
            return _partner(row) if row else None

    def used(self, partner: Partner, what: str, subject: str | None = None) -> None:
        """Keeps that a key was used, and for what: in the audit, and when it was last."""
        with self._writing() as session:
            _used(session, partner, what, subject)


def _used(session: Session, partner: Partner, what: str, subject: str | None = None) -> None:
    audit.record(session, None, f"partner_{what}", subject or partner.id, {"partner": partner.referrer})
    if partner.last_used_at is None or partner.last_used_at < now() - _USED_AGAIN_AFTER:
        row = session.get(PartnerKey, partner.id)
        if row is not None:
            row.last_used_at = now()


def _own_key(partner: Partner, what: str, key: str | None) -> str | None:
    """An Idempotency-Key as it is kept. The keys of partners are their own: two of them may think of the same one."""
    own = hashlib.sha256(f"{partner.id}\0{key}".encode()).hexdigest()
    return None if key is None else f"{what}:{own}"


def _alone_with(session: Session, key: str | None) -> None:
    """Lets nobody else look up what was sent with an Idempotency-Key, until the transaction ends."""
    if key and session.get_bind().dialect.name == "postgresql":
        # On SQLite whoever writes is alone already.
        session.execute(select(func.pg_advisory_xact_lock(_LOCK)))


# ---- handing an employer over


def _labels(key: str) -> ByLanguage:
    return MappingProxyType({language: text(f"request.field.{key}", language) for language in LANGUAGES})


@cache
def referral_form(desk: str) -> Form:
    """What a partner fills in, as a form: so that desks and tickets show it as every other request."""
    kinds = {
        "subject": "line", "message": "text", "organisation": "line", "name": "name", "email": "email",
        "phone": "phone", "consent": "consent", "referrer": "line", "partner": "line",
    }  # fmt: skip
    fields = tuple(
        Field(
            id=id_, kind=kind, label=_labels(id_), hint=None, required=id_ == "message", most=LONGEST.get(kind),
            options=(),
        )
        for id_, kind in kinds.items()
    )  # fmt: skip
    title = MappingProxyType({language: text("request.kind.referral", language) for language in LANGUAGES})
    empty = MappingProxyType(dict.fromkeys(LANGUAGES, ""))
    return Form(
        id=REFERRAL, sends=REQUEST, desk=desk, title=title, intro=empty, submit=empty, done=None, asks=(), topics=(),
        one_of=(), fields=fields,
    )  # fmt: skip


@dataclass(frozen=True)
class Referral:
    """An employer that a partner hands over."""

    desk: str
    language: str
    fields: Mapping[str, Any]
    """As `filled_in` gives them for `referral_form`."""
    opens_conversation: bool = False
    key: str | None = None
    """An Idempotency-Key."""


@dataclass(frozen=True)
class HandedOver:
    """What became of a referral."""

    reference: str
    is_new: bool
    conversation_id: str | None = None
    """A conversation for the employer, where one was asked for."""
    token: str | None = None
    """Its only key; the same again with the same Idempotency-Key."""


class Referrals:
    """Keeps referrals, as requests for a desk and as questions that came by a partner. Thread-safe.

    server_key: of the installation; tokens that may have to be given twice are made with it, so that none is kept.
    """

    def __init__(self, engine: Engine, requests: RequestStore, server_key: bytes, code_pattern: str) -> None:
        self._engine, self._requests, self._server_key = engine, requests, server_key
        self._code_pattern = code_pattern

    def _token(self, partner: Partner, key: str | None) -> str:
        if key is None:
            return secrets.token_urlsafe(32)
        said = f"referral\0{partner.id}\0{key}".encode()
        return hmac.new(self._server_key, said, hashlib.sha256).hexdigest()

    def put_in(self, partner: Partner, referral: Referral) -> HandedOver:
        """Stores a referral, with a conversation for the employer where one is asked for.

        Raises KeyUsedForAnother.
        """
        fields = {**referral.fields, "referrer": partner.referrer, "partner": partner.name}
        form = referral_form(referral.desk)
        key = _own_key(partner, REFERRAL, referral.key)
        with Session(self._engine, expire_on_commit=False) as session, session.begin():
            _alone_with(session, key)
            before = session.scalar(select(Request).where(Request.idempotency_key == key)) if key else None
            if before and (before.desk, before.language) != (referral.desk, referral.language):
                raise KeyUsedForAnother(str(referral.key))
            conversation_id = before.conversation_id if before else None
            token = self._token(partner, referral.key) if referral.opens_conversation else None
            if before is None and token is not None:
                conversation_id = self._open(session, partner, referral.language, token)
            put_in = PutIn(conversation_id, form, fields, referral.language, key=key)
            reference, is_new = self._requests.add(session, put_in)
            if is_new:
                _used(session, partner, "referral", reference)
                session.add(self._question(session, partner, referral, reference))
            return HandedOver(reference, is_new, conversation_id, token if conversation_id else None)

    def _question(self, session: Session, partner: Partner, referral: Referral, reference: str) -> LoggedQuestion:
        """What the employer wants, for the log of trends: without the contact, and without numbers."""
        request_id = session.scalar(select(Request.id).where(Request.reference == reference))
        words = without_numbers(tidy(str(referral.fields["message"]), lines=True), self._code_pattern)
        return LoggedQuestion(
            id=new_id(), channel=BY_PARTNER, desk=referral.desk, language=referral.language, question=words,
            referrer=partner.referrer, request_id=request_id, created_at=now(),
        )  # fmt: skip

    @staticmethod
    def _open(session: Session, partner: Partner, language: str, token: str) -> str:
        conversation = Conversation(
            id=new_id(), token_hash=token_hash(token), language=language, channel="partner",
            referrer=partner.referrer, misses=0, version=0, mode="assistant",
        )  # fmt: skip
        session.add(conversation)
        session.flush()
        return conversation.id


# ---- what a partner's own desk was asked


class PartnerQuestions(Store):
    """Keeps what partners' own desks say that they were asked, for the log of trends. Thread-safe."""

    def __init__(self, engine: Engine, questions: LoggedQuestionStore) -> None:
        super().__init__(engine)
        self._questions = questions

    def put_in(self, partner: Partner, new: NewQuestion, key: str | None = None) -> str:
        """Keeps a question, as one that came through this partner; gives its id. The same key again gives the same.

        Raises QuestionWrong, KeyUsedForAnother.
        """
        kept = self._questions.checked(replace(new, channel=BY_PARTNER, referrer=partner.referrer))
        row = row_of(kept)
        if key:
            row.idempotency_key = _own_key(partner, "question", key)
            row.request_hash = hashlib.sha256(json.dumps(asdict(kept), sort_keys=True).encode()).hexdigest()
        with self._writing() as session:
            _alone_with(session, row.idempotency_key)
            same_key = select(LoggedQuestion).where(LoggedQuestion.idempotency_key == row.idempotency_key)
            before = session.scalar(same_key) if key else None
            if before is not None and before.request_hash != row.request_hash:
                raise KeyUsedForAnother(str(key))
            if before is not None:
                return before.id
            session.add(row)
            _used(session, partner, "question", row.id)
        return row.id
