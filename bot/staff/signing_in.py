"""Signing in: with a password, with a link and a new password, or with the organisation's own account.

Unknown address, wrong password, locked account and switched-off account are one outcome, reached by the same work.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Engine, delete, select
from sqlalchemy.orm import Session

from bot.database.store import Store
from bot.database.types import now
from bot.staff import links, passwords
from bot.staff.accounts import NoSuchAccount, Staff, as_kept, load
from bot.staff.audit import address_hash, record
from bot.staff.models import StaffAccount, StaffAudit
from bot.staff.passwords import Passwords
from bot.staff.sessions import SessionStore


class Refused(Exception):
    """Not signed in, whatever the reason."""


class LinkUsedUp(Exception):
    """The link was used, is older than 24 hours, was replaced by another, or never existed."""


class Unknown(Exception):
    """The organisation's account belongs to nobody here."""


@dataclass(frozen=True)
class Attempt:
    """What is to be compared. It is counted as failed before it is: many at once get no more tries than one by one.

    Whether there is such an account cannot be told from the work either: one transaction that writes, one comparison.
    """

    account_id: str | None
    password_hash: str | None
    """None where nothing may be right: an unknown address, a locked account, one without a password."""
    told: tuple[str, ...]
    """The rows of the audit that tell of the failure, until it turns out to be none."""


def _subject_hash(issuer: str, subject: str) -> str:
    """Who this is to a provider. Another provider's person of the same name is somebody else."""
    return hashlib.sha256(f"{issuer}\0{subject}".encode("utf-8", "surrogatepass")).hexdigest()


class SigningIn(Store):
    """Every way in. Thread-safe; each method is one transaction, but for `by_password`, which takes two.

    key: of this installation, for the addresses in the audit.
    """

    def __init__(
        self,
        engine: Engine,
        sessions: SessionStore,
        key: bytes,
        *,
        lock_after: int = 5,
        lock_minutes: float = 15,
        hasher: Passwords | None = None,
    ) -> None:
        super().__init__(engine)
        self._sessions = sessions
        self._key = key
        self._lock_after, self._lock_for = lock_after, timedelta(minutes=lock_minutes)
        self._passwords = hasher or Passwords()

    def by_password(self, email: str, password: str, address: str) -> str:
        """Signs in; gives the token of the new session. Takes as long as Argon2 does, whoever asks.

        address: from where; it is counted elsewhere, and stands hashed in the audit. Raises Refused.
        """
        attempt = self._begin(email, address)
        if not self._passwords.is_right(attempt.password_hash, password):
            raise Refused
        return self._succeeded(attempt, password)

    def _begin(self, email: str, address: str) -> Attempt:
        """Counts a failure beforehand; whoever is right takes it back."""
        with self._writing() as session:
            query = select(StaffAccount).where(StaffAccount.email == as_kept(email))
            account = session.scalar(query.with_for_update())
            details = {"address": address_hash(address, self._key)}
            told = [record(session, None, "sign_in_failed", account.id if account else None, details)]
            if account is None:
                return Attempt(None, None, tuple(told))
            locked = account.locked_until is not None and account.locked_until > now()
            if not account.is_active or account.password_hash is None or locked:
                # What was not even tried must not prolong a lock.
                return Attempt(account.id, None, tuple(told))
            account.failed_sign_ins += 1
            account.locked_until = None
            if account.failed_sign_ins >= self._lock_after:
                account.failed_sign_ins, account.locked_until = 0, now() + self._lock_for
                told.append(record(session, None, "locked", account.id))
            return Attempt(account.id, account.password_hash, tuple(told))

    def _succeeded(self, attempt: Attempt, password: str) -> str:
        kept = attempt.password_hash or ""
        new_hash = self._passwords.hash(password) if self._passwords.is_outdated(kept) else None
        with self._writing() as session:
            account = session.get(StaffAccount, attempt.account_id, with_for_update=True)
            # It may have been switched off, or have got another password, while this one was compared.
            if account is None or not account.is_active or account.password_hash != kept:
                raise Refused
            account.password_hash = new_hash or kept
            self._take_back(session, attempt)
            return self._let_in(session, account, "password")

    @staticmethod
    def _take_back(session: Session, attempt: Attempt) -> None:
        session.execute(delete(StaffAudit).where(StaffAudit.id.in_(attempt.told)))

    def _let_in(self, session: Session, account: StaffAccount, way: str) -> str:
        account.failed_sign_ins, account.locked_until = 0, None
        record(session, account.id, "sign_in", account.id, {"way": way})
        return self._sessions.begin(session, account.id)

    # ---- With a link

    def link_holder(self, token: str) -> Staff:
        """Whose link this is; it stays good. Raises LinkUsedUp."""
        with Session(self._reader, expire_on_commit=False) as session:
            account = links.holder(session, token) if len(token) <= links.LONGEST_TOKEN else None
            if account is None:
                raise LinkUsedUp
            return load(session, [account])[0]

    def by_link(self, token: str, password: str) -> str:
        """Uses a link up: keeps the new password, ends the account's other sessions, and signs in; gives the token.

        Raises LinkUsedUp; BadPassword, and then the link stays good.
        """
        passwords.check(password, self.link_holder(token).email)
        hashed = self._passwords.hash(password)
        with self._writing() as session:
            account = links.use(session, token)
            if account is None:
                raise LinkUsedUp
            account.password_hash = hashed
            record(session, account.id, "link_used", account.id)
            record(session, account.id, "password_changed", account.id)
            self._sessions.finish_all(session, account.id)
            return self._let_in(session, account, "link")

    # ---- The account's own password

    def change_password(self, account_id: str, old: str, new: str, session_token: str, address: str) -> None:
        """Keeps a new password, and ends the account's other sessions and its link.

        old: compared where there is one, and a wrong one is counted as at signing in: a browser that somebody left
        open must not be the place to guess. Raises Refused, BadPassword, NoSuchAccount.
        """
        with Session(self._reader, expire_on_commit=False) as session:
            found = session.get(StaffAccount, account_id)
            if found is None:
                raise NoSuchAccount(account_id)
            email, has_one = found.email, found.password_hash is not None
        passwords.check(new, email)
        attempt = self._begin(email, address) if has_one else Attempt(account_id, None, ())
        if has_one and not self._passwords.is_right(attempt.password_hash, old):
            raise Refused
        hashed = self._passwords.hash(new)
        with self._writing() as session:
            account = session.get(StaffAccount, account_id, with_for_update=True)
            if account is None or not account.is_active or account.password_hash != attempt.password_hash:
                raise Refused
            account.password_hash = hashed
            account.failed_sign_ins, account.locked_until = 0, None
            self._take_back(session, attempt)
            links.take_back(session, account_id)
            record(session, account_id, "password_changed", account_id)
            self._sessions.finish_all(session, account_id, but=session_token)

    # ---- With the organisation's own account

    def by_provider(self, issuer: str, subject: str, verified_email: str | None) -> str:
        """Signs in whom an OpenID provider vouches for; gives the token of the new session.

        An account is known by the provider's subject; the first time by an e-mail address that the provider has
        verified, of an account that no other subject has. Raises Unknown.
        """
        hashed = _subject_hash(issuer, subject)
        with self._writing() as session:
            account = session.scalar(select(StaffAccount).where(StaffAccount.oidc_subject == hashed).with_for_update())
            if account is None and verified_email:
                by_email = select(StaffAccount).where(
                    StaffAccount.email == as_kept(verified_email),
                    StaffAccount.oidc_subject.is_(None),
                    StaffAccount.is_active,
                )
                account = session.scalar(by_email.with_for_update())
                if account is not None:
                    account.oidc_subject = hashed
                    record(session, account.id, "provider_linked", account.id)
            if account is not None and account.is_active:
                return self._let_in(session, account, "provider")
            record(session, None, "sign_in_failed", account.id if account else None, {"way": "provider"})
        raise Unknown
