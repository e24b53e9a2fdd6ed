"""Stores requests for a desk, each with a reference that the visitor can quote."""

from __future__ import annotations

import hashlib
import json
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import CursorResult, Engine, delete, select
from sqlalchemy.orm import Session

from bot.conversations.masking import mask_codes
from bot.conversations.store import KeyUsedForAnother
from bot.database.types import new_id, now
from bot.helpdesk.forms import Form
from bot.helpdesk.models import Request

_TRIES = 20


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

    conversation_id: str
    form: Form
    fields: dict[str, Any]
    """As `filled_in` gives them."""
    language: str
    key: str | None = None
    """An Idempotency-Key."""
    company_id: str | None = None
    """The company that the conversation was verified for."""


class RequestStore:
    """Requests in the database."""

    def __init__(self, engine: Engine, code_pattern: str) -> None:
        self._engine = engine
        self._code_pattern = code_pattern

    def add(self, session: Session, put_in: PutIn) -> tuple[str, bool]:
        """Stores a request in the session's transaction; gives its reference, and whether it is new.

        Not new: the same key again. What looks like an activation code is masked.

        Raises KeyUsedForAnother.
        """
        fields = _masked(put_in.fields, self._code_pattern)
        form, key = put_in.form, put_in.key
        request_hash = hashlib.sha256(json.dumps([form.id, fields], sort_keys=True).encode()).hexdigest()
        if key and (known := self._known(session, put_in.conversation_id, key, request_hash)):
            return known, False
        # Which desk is the form's, unless the form lets the visitor choose.
        desk = fields["desk"] if fields.get("desk") in ("portal", "charter") else form.desk
        request = Request(
            id=new_id(), reference=self._free_reference(session, desk), kind=form.id, desk=desk,
            language=put_in.language, state="open", fields=fields, conversation_id=put_in.conversation_id,
            company_id=put_in.company_id, idempotency_key=key, request_hash=request_hash, created_at=now(),
        )  # fmt: skip
        session.add(request)
        session.flush()
        return request.reference, True

    @staticmethod
    def _free_reference(session: Session, desk: str) -> str:
        for _ in range(_TRIES):
            reference = _reference(desk)
            if session.scalar(select(Request.id).where(Request.reference == reference)) is None:
                return reference
        raise RuntimeError("no free reference was found")

    @staticmethod
    def _known(session: Session, conversation_id: str, key: str, request_hash: str) -> str | None:
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
