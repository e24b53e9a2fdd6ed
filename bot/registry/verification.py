"""Who may see a company's status: whoever has its activation code, or reads the mail of one of its contacts.

Unknown company, wrong code and wrong contact are one outcome; the web process also gives them the same time. Every
attempt leaves an audit row, which holds no code and no address.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, TypeVar, cast

from sqlalchemy import ColumnElement, Engine, delete, exists, func, select
from sqlalchemy.orm import Session

from bot.conversations.models import Conversation
from bot.conversations.store import NoSuchConversation
from bot.database.store import Store
from bot.database.types import new_id, now
from bot.registry.codes import code_hmac
from bot.registry.models import Company, CompanyContact, Contact, OneTimeCode, Verification, VerificationAttempt

Result = TypeVar("Result")

GOOD_FOR = timedelta(minutes=30)
ONE_TIME_CODE_GOOD_FOR = timedelta(minutes=10)
_LETTERS, _DIGITS = "ABCDEFGHJKLMNPQRSTUVWXYZ", "23456789"
_LOCK = 6_872_047_727
"""Of PostgreSQL, for counting; any number that nothing else takes."""

Limit = Literal["conversation", "address", "company"]


@dataclass(frozen=True)
class Limits:
    """How often may be tried without success. Asking for a mail and giving a code are counted apart."""

    per_conversation_and_day: int = 5
    per_address_and_hour: int = 10
    by_code_per_company_and_day: int = 50
    """KVK numbers are public: this stops guessing at one company. The way by e-mail stays open."""
    mails_per_company_and_hour: int = 10
    """So that nobody fills a mailbox. By the hour: whoever tries that keeps the contacts out no longer."""


class Refused(Exception):
    """Not verified, whatever the reason."""


class TooOften(Exception):
    """Too many attempts; `seconds` until there may be another one. `company`: the way by e-mail is open."""

    def __init__(self, limit: Limit, seconds: int) -> None:
        super().__init__(f"too often for one {limit}: {seconds} s")
        self.limit, self.seconds = limit, seconds


@dataclass(frozen=True)
class Verified:
    """What a conversation may see, until when."""

    company_id: str
    contact_id: str | None
    """The contact, where it was by e-mail: other companies of theirs may be shown too."""
    expires_at: datetime


@dataclass(frozen=True)
class OneTime:
    """A one-time code to be mailed. It is kept nowhere else."""

    to: str
    code: str
    company: str


@dataclass(frozen=True)
class Asker:
    """From where an attempt comes."""

    conversation_id: str
    address: str


def _or_refuse(found: Verified | None) -> Verified:
    if found is None:
        raise Refused
    return found


def new_one_time_code() -> str:
    """Eight signs, such as K7PQ-3MXD: one of 10^11. It looks like an activation code, so that the chat masks it too."""
    while True:
        signs = [secrets.choice(_LETTERS + _DIGITS) for _ in range(8)]
        if any(sign in _DIGITS for sign in signs) and any(sign in _LETTERS for sign in signs):
            return f"{''.join(signs[:4])}-{''.join(signs[4:])}"


class Verifier(Store):
    """Verifies, counts, and keeps the audit. Thread-safe, and safe among processes; every method is one transaction."""

    def __init__(self, engine: Engine, key: bytes, limits: Limits | None = None) -> None:
        super().__init__(engine)
        self._limits = limits or Limits()
        self._key = key
        self._nobody = code_hmac("", key)
        """What a code is compared with where there is none, so that comparing is always done."""

    def _address_hash(self, address: str) -> str:
        """Tells addresses apart, and says nothing of them without the key."""
        return hmac.new(self._key, f"address:{address}".encode(), hashlib.sha256).hexdigest()

    def _attempt(self, session: Session, asker: Asker, kvk_number: str, way: str, outcome: str) -> None:
        session.add(
            VerificationAttempt(
                id=new_id(), at=now(), conversation_id=asker.conversation_id, kvk_number=kvk_number, way=way,
                outcome=outcome, address_hash=self._address_hash(asker.address),
            )
        )  # fmt: skip

    def _wait(self, session: Session, asker: Asker, kvk_number: str, way: str) -> TooOften | None:
        """How long to wait, where there were too many attempts."""
        table = VerificationAttempt
        # Who was let in has not guessed; and what was not even tried must not prolong the wait.
        counted = table.outcome.in_(("refused", "sent"))

        def over(most: int, within: timedelta, *which: ColumnElement[bool]) -> int | None:
            query = select(func.count(), func.min(table.at)).where(counted, table.at > now() - within, *which)
            count, first = session.execute(query).one()
            if count < most:
                return None
            return max(1, round((first + within - now()).total_seconds())) if first else 1

        limits, hour, day = self._limits, timedelta(hours=1), timedelta(days=1)
        asks_for_mail = table.way == "email-request"
        kind = asks_for_mail if way == "email-request" else ~asks_for_mail
        mine = table.conversation_id == asker.conversation_id
        seconds = over(limits.per_conversation_and_day, day, mine, kind)
        if seconds is not None:
            return TooOften("conversation", seconds)
        seconds = over(limits.per_address_and_hour, hour, table.address_hash == self._address_hash(asker.address), kind)
        if seconds is not None:
            return TooOften("address", seconds)
        if way == "code":
            of_company = (table.kvk_number == kvk_number, table.way == "code")
            seconds = over(limits.by_code_per_company_and_day, day, *of_company)
            if seconds is not None:
                return TooOften("company", seconds)
        return None

    def _try(self, asker: Asker, kvk_number: str, way: str, work: Callable[[Session], tuple[str, Result]]) -> Result:
        """Counts an attempt and does its work in one transaction, one at a time: nobody slips in between.

        work: gives the outcome for the audit, and a result. Raises TooOften, NoSuchConversation.
        """
        with self._writing() as session:
            if session.get_bind().dialect.name == "postgresql":
                # On SQLite whoever writes is alone already.
                session.execute(select(func.pg_advisory_xact_lock(_LOCK)))
            here = select(Conversation.id).where(Conversation.id == asker.conversation_id).with_for_update(read=True)
            if session.scalar(here) is None:
                raise NoSuchConversation(asker.conversation_id)
            wait = self._wait(session, asker, kvk_number, way)
            outcome, result = ("limited", None) if wait else work(session)
            self._attempt(session, asker, kvk_number, way, outcome)
        if wait is not None:
            raise wait
        return cast("Result", result)

    def by_code(self, asker: Asker, kvk_number: str, activation_code: str) -> Verified:
        """Verifies by activation code.

        Raises Refused, TooOften, NoSuchConversation.
        """
        given = code_hmac(activation_code, self._key)

        def work(session: Session) -> tuple[str, Verified | None]:
            company = session.scalar(select(Company).where(Company.kvk_number == kvk_number))
            known = company.code_hmac if company and company.code_hmac else self._nobody
            if not hmac.compare_digest(known, given) or company is None or known == self._nobody:
                return "refused", None
            return "verified", self._keep(session, asker, company, None, "code")

        return _or_refuse(self._try(asker, kvk_number, "code", work))

    def request_code(self, asker: Asker, kvk_number: str, email: str) -> OneTime | None:
        """A one-time code for a registered contact; None for anybody else, of which the asker is told nothing.

        Raises TooOften, NoSuchConversation.
        """
        code = new_one_time_code()
        hashed = code_hmac(code, self._key)

        def work(session: Session) -> tuple[str, OneTime | None]:
            company, contact = self._contact(session, kvk_number, email)
            sent = select(func.count()).where(
                VerificationAttempt.kvk_number == kvk_number,
                VerificationAttempt.outcome == "sent",
                VerificationAttempt.at > now() - timedelta(hours=1),
            )
            too_many = (session.scalar(sent) or 0) >= self._limits.mails_per_company_and_hour
            if company is None or contact is None or too_many:
                return "refused", None
            session.execute(delete(OneTimeCode).where(OneTimeCode.conversation_id == asker.conversation_id))
            session.add(
                OneTimeCode(
                    id=new_id(), conversation_id=asker.conversation_id, company_id=company.id, contact_id=contact.id,
                    code_hmac=hashed, expires_at=now() + ONE_TIME_CODE_GOOD_FOR,
                )
            )  # fmt: skip
            return "sent", OneTime(contact.email, code, company.name)

        return self._try(asker, kvk_number, "email-request", work)

    def by_email(self, asker: Asker, kvk_number: str, email: str, one_time_code: str) -> Verified:
        """Verifies by a one-time code that was mailed to a contact; it works once, and for ten minutes.

        Raises Refused, TooOften, NoSuchConversation.
        """
        given = code_hmac(one_time_code, self._key)

        def work(session: Session) -> tuple[str, Verified | None]:
            company, contact = self._contact(session, kvk_number, email)
            query = select(OneTimeCode).where(
                OneTimeCode.conversation_id == asker.conversation_id,
                OneTimeCode.company_id == (company.id if company else ""),
                OneTimeCode.contact_id == (contact.id if contact else ""),
                OneTimeCode.used_at.is_(None),
                OneTimeCode.expires_at > now(),
            )
            kept = session.scalar(query)
            right = hmac.compare_digest(kept.code_hmac if kept else self._nobody, given)
            if not right or kept is None or company is None or contact is None:
                return "refused", None
            kept.used_at = now()
            return "verified", self._keep(session, asker, company, contact.id, "email")

        return _or_refuse(self._try(asker, kvk_number, "email-code", work))

    @staticmethod
    def _contact(session: Session, kvk_number: str, email: str) -> tuple[Company | None, Contact | None]:
        query = (
            select(Company, Contact)
            .join(CompanyContact, CompanyContact.company_id == Company.id)
            .join(Contact, Contact.id == CompanyContact.contact_id)
            .where(Company.kvk_number == kvk_number, Contact.email == email.strip().lower())
        )
        found = session.execute(query).first()
        return (found[0], found[1]) if found else (None, None)

    @staticmethod
    def _keep(session: Session, asker: Asker, company: Company, contact_id: str | None, how: str) -> Verified:
        moment = now()
        row = Verification(
            conversation_id=asker.conversation_id, company_id=company.id, contact_id=contact_id, how=how,
            verified_at=moment, expires_at=moment + GOOD_FOR,
        )  # fmt: skip
        session.merge(row)
        return Verified(company.id, contact_id, row.expires_at)

    def verified(self, conversation_id: str) -> Verified | None:
        """What the conversation may see now; None where nothing was verified, or not any more."""
        with Session(self._reader, expire_on_commit=False) as session:
            row = session.get(Verification, conversation_id)
            if row is None or row.expires_at <= now():
                return None
            return Verified(row.company_id, row.contact_id, row.expires_at)

    def look_at(self, conversation_id: str, company_id: str) -> Verified | None:
        """Turns to another company of the same contact, for as long as was left; what is put in now is about that one.

        None, and nothing changes, where the conversation may not see it.
        """
        with self._writing() as session:
            row = session.get(Verification, conversation_id, with_for_update=True)
            if row is None or row.expires_at <= now():
                return None
            if company_id != row.company_id:
                theirs = select(CompanyContact).where(
                    CompanyContact.company_id == company_id, CompanyContact.contact_id == row.contact_id
                )
                if row.contact_id is None or session.scalar(theirs) is None:
                    return None
                row.company_id = company_id
            return Verified(row.company_id, row.contact_id, row.expires_at)

    def knows_companies(self) -> bool:
        """Whether there is any company at all to be verified for."""
        with Session(self._reader) as session:
            return bool(session.scalar(select(exists(select(Company.id)))))

    def forget(self, attempts_older_than: timedelta) -> int:
        """Removes what has expired: verifications, one-time codes, and old attempts; gives how many attempts."""
        with self._writing() as session:
            session.execute(delete(Verification).where(Verification.expires_at <= now()))
            session.execute(delete(OneTimeCode).where(OneTimeCode.expires_at <= now()))
            old = select(VerificationAttempt.id).where(VerificationAttempt.at < now() - attempts_older_than).limit(5000)
            gone = list(session.scalars(old))
            session.execute(delete(VerificationAttempt).where(VerificationAttempt.id.in_(gone)))
            return len(gone)
