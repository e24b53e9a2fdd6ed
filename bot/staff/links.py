"""Sign-in links: whoever holds one chooses a password for its account, once, within 24 hours."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta

from sqlalchemy import CursorResult, delete, select, update
from sqlalchemy.orm import Session

from bot.database.types import now
from bot.staff.models import SignInLink, StaffAccount

GOOD_FOR = timedelta(hours=24)
LONGEST_TOKEN = 100


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def make(session: Session, account_id: str) -> str:
    """A new token for the account; links that it had work no more."""
    take_back(session, account_id)
    token = secrets.token_urlsafe(32)
    session.add(SignInLink(token_hash=_hash(token), account_id=account_id, expires_at=now() + GOOD_FOR))
    return token


def take_back(session: Session, account_id: str) -> None:
    """Ends the account's links."""
    session.execute(delete(SignInLink).where(SignInLink.account_id == account_id))


def holder(session: Session, token: str) -> StaffAccount | None:
    """The active account that a link is for, without using the link up; None where it works no more."""
    query = (
        select(StaffAccount)
        .join(SignInLink, SignInLink.account_id == StaffAccount.id)
        .where(
            SignInLink.token_hash == _hash(token),
            SignInLink.used_at.is_(None),
            SignInLink.expires_at > now(),
            StaffAccount.is_active,
        )
    )
    return session.scalar(query)


def use(session: Session, token: str) -> StaffAccount | None:
    """Uses a link up, and gives the account; None where it works no more. Of two at once, one gets it."""
    account = holder(session, token)
    if account is None:
        return None
    query = update(SignInLink).where(SignInLink.token_hash == _hash(token), SignInLink.used_at.is_(None))
    result = session.execute(query.values(used_at=now()))
    return account if isinstance(result, CursorResult) and result.rowcount == 1 else None


def forget(session: Session) -> None:
    """Removes links that have expired."""
    session.execute(delete(SignInLink).where(SignInLink.expires_at <= now()))
