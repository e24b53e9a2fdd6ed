"""The audit of what staff do: by whom, to what, when. It holds ids and names of actions, no texts and no secrets."""

from __future__ import annotations

import hashlib
import hmac
from datetime import timedelta
from typing import Any

from sqlalchemy import Engine, delete, select
from sqlalchemy.orm import Session

from bot.database.types import new_id, now
from bot.staff.models import StaffAudit

_AT_ONCE = 5000


def record(
    session: Session,
    account_id: str | None,
    action: str,
    subject: str | None = None,
    details: dict[str, Any] | None = None,
) -> str:
    """Adds a row inside the caller's transaction, and gives its id: it stays only when what it tells of stays.

    account_id: who did it; None for a command, a partner's key, or somebody who is not signed in.
    subject: the id of what it was done to. details: no texts, no contact details, no secrets.
    """
    row = StaffAudit(id=new_id(), at=now(), account_id=account_id, action=action, subject=subject, details=details)
    session.add(row)
    return row.id


def address_hash(address: str, key: bytes) -> str:
    """Tells addresses apart, and says nothing of them without the key of this installation."""
    return hmac.new(key, f"address:{address}".encode(), hashlib.sha256).hexdigest()


class AuditStore:
    """The audit on its own. Thread-safe; every method is one transaction."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def record(
        self,
        account_id: str | None,
        action: str,
        subject: str | None = None,
        details: dict[str, Any] | None = None,
    ) -> None:
        """Adds a row; see `record`."""
        with Session(self._engine) as session, session.begin():
            record(session, account_id, action, subject, details)

    def forget(self, older_than: timedelta) -> int:
        """Removes old rows, at most some thousands; gives how many."""
        with Session(self._engine) as session, session.begin():
            old = select(StaffAudit.id).where(StaffAudit.at < now() - older_than).limit(_AT_ONCE)
            gone = list(session.scalars(old))
            session.execute(delete(StaffAudit).where(StaffAudit.id.in_(gone)))
            return len(gone)
