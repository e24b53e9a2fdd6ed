"""Sessions of staff: a browser that is signed in, until it signs out, rests too long, or the day is over."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from datetime import timedelta

from sqlalchemy import Engine, delete, or_, select, update
from sqlalchemy.orm import Session

from bot.database.store import Store
from bot.database.types import new_id, now
from bot.staff import links
from bot.staff.accounts import Staff, load
from bot.staff.audit import record
from bot.staff.models import StaffAccount, StaffSession

LONGEST_TOKEN = 100
MOST_PER_ACCOUNT = 20
"""Somebody who signs in once more loses the session that rested longest."""
_NOTED_EVERY = timedelta(seconds=60)
"""Not every request writes that the session was used."""


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


class SessionStore(Store):
    """Sessions in the database. Thread-safe; every method is one transaction."""

    def __init__(self, engine: Engine, key: bytes, *, hours: float = 12, idle_minutes: float = 120) -> None:
        super().__init__(engine)
        self._key = key
        self._lasts, self._idle = timedelta(hours=hours), timedelta(minutes=idle_minutes)

    def begin(self, session: Session, account_id: str) -> str:
        """Opens a session inside the caller's transaction; gives its token."""
        token = secrets.token_urlsafe(32)
        newest = select(StaffSession.id).where(StaffSession.account_id == account_id)
        kept = newest.order_by(StaffSession.last_seen_at.desc(), StaffSession.id.desc()).limit(MOST_PER_ACCOUNT - 1)
        stay = list(session.scalars(kept))
        session.execute(delete(StaffSession).where(StaffSession.account_id == account_id, StaffSession.id.not_in(stay)))
        moment = now()
        session.add(
            StaffSession(
                id=new_id(), token_hash=_hash(token), account_id=account_id, created_at=moment, last_seen_at=moment,
                expires_at=moment + self._lasts,
            )
        )  # fmt: skip
        return token

    def open(self, account_id: str) -> str:
        """Opens a session; gives its token, which is shown this once: only its hash is kept."""
        with self._writing() as session:
            return self.begin(session, account_id)

    def find(self, token: str, *, is_use: bool = True) -> Staff | None:
        """Who is signed in with this token, as they are now; None where it is nobody's, or not any more.

        is_use: somebody is doing something; a console that is only open does not keep its session from resting.
        """
        if not token or len(token) > LONGEST_TOKEN:
            return None
        with Session(self._reader, expire_on_commit=False) as session:
            query = (
                select(StaffSession, StaffAccount)
                .join(StaffAccount, StaffAccount.id == StaffSession.account_id)
                .where(
                    StaffSession.token_hash == _hash(token),
                    StaffSession.expires_at > now(),
                    StaffSession.last_seen_at > now() - self._idle,
                    StaffAccount.is_active,
                )
            )
            found = session.execute(query).first()
            if found is None:
                return None
            row, staff = found[0], load(session, [found[1]])[0]
        if is_use and row.last_seen_at < now() - _NOTED_EVERY:
            with self._writing() as session:
                session.execute(update(StaffSession).where(StaffSession.id == row.id).values(last_seen_at=now()))
        return staff

    def end(self, token: str) -> None:
        """Signs out."""
        with self._writing() as session:
            row = session.scalar(select(StaffSession).where(StaffSession.token_hash == _hash(token)))
            if row is not None:
                record(session, row.account_id, "sign_out")
                session.delete(row)

    def end_all(self, account_id: str, *, but: str | None = None) -> None:
        """Ends all sessions of an account, except the one whose token is `but`."""
        with self._writing() as session:
            self.finish_all(session, account_id, but=but)

    @staticmethod
    def finish_all(session: Session, account_id: str, *, but: str | None = None) -> None:
        """`end_all` inside the caller's transaction."""
        others = [StaffSession.token_hash != _hash(but)] if but else []
        session.execute(delete(StaffSession).where(StaffSession.account_id == account_id, *others))

    def csrf_token(self, token: str) -> str:
        """What a form of this session must send along, so that no other website can send one in its name."""
        return hmac.new(self._key, f"csrf:{token}".encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()

    def is_csrf_token(self, token: str, given: str) -> bool:
        """Whether a form came from a page of this session; takes as long for a wrong one as for a right one."""
        return hmac.compare_digest(self.csrf_token(token).encode(), given.encode("utf-8", "surrogatepass"))

    def forget(self) -> None:
        """Removes sessions and links that have expired."""
        with self._writing() as session:
            over = or_(StaffSession.expires_at <= now(), StaffSession.last_seen_at <= now() - self._idle)
            session.execute(delete(StaffSession).where(over))
            links.forget(session)
