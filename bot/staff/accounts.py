"""Accounts of staff: who they are, what they may do, for which desks, and whether they are there."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from email_validator import EmailNotValidError, validate_email
from sqlalchemy import Engine, Select, delete, exists, func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from bot.answers.knowledge import DESKS
from bot.database.store import Store
from bot.database.types import new_id, now
from bot.staff import links
from bot.staff.audit import record
from bot.staff.models import ROLES, StaffAccount, StaffDesk, StaffRole, StaffSession
from bot.texts import LANGUAGES

PRESENT_FOR = timedelta(seconds=90)
"""How long after its last sign of life a console counts as open."""
LONGEST_NAME = 100
MOST_ACCOUNTS = 1000


class StaffError(Exception):
    """The root of what can be wrong with a change to an account. `key` is its text in the catalogue."""

    key = "staff.problem.account"


class NoSuchAccount(StaffError):
    """There is no account with this id or e-mail address."""

    key = "staff.problem.no_account"


class EmailTaken(StaffError):
    """Another account has this e-mail address."""

    key = "staff.problem.email_taken"


class BadEmail(StaffError):
    """What was given is no e-mail address."""

    key = "staff.problem.email"


class BadName(StaffError):
    """The name is empty, too long, or holds signs that cannot be seen."""

    key = "staff.problem.name"


class BadRoles(StaffError):
    """A role, desk or language that there is not, or no role at all, or an agent without a desk."""

    key = "staff.problem.roles"


class LastAdmin(StaffError):
    """Afterwards nobody could manage accounts any more."""

    key = "staff.problem.last_admin"


class SwitchedOff(StaffError):
    """The account is switched off: it gets no link."""

    key = "staff.problem.switched_off"


class TooManyAccounts(StaffError):
    """There are as many accounts as there may be."""

    key = "staff.problem.too_many"


@dataclass(frozen=True)
class Staff:
    """Somebody who may sign in, as they are now."""

    id: str
    email: str
    name: str
    language: str
    roles: frozenset[str]
    desks: frozenset[str]
    takes_chats: bool
    is_active: bool
    is_set_up: bool = True
    """Has chosen a password, or has signed in with the organisation's own account."""
    seen_at: datetime | None = None

    def may(self, role: str) -> bool:
        """Whether this is allowed to somebody with that role; an admin may everything."""
        return role in self.roles or "admin" in self.roles


def normal_email(email: str) -> str:
    """An e-mail address as it is kept. Raises BadEmail."""
    try:
        found = validate_email(email.strip(), check_deliverability=False, allow_domain_literal=False)
    except EmailNotValidError:
        raise BadEmail(email[:254]) from None
    # People are found again however they type it; no mail system of today tells capitals apart.
    normal = found.normalized.lower()
    if len(normal) > 254:
        raise BadEmail(email[:254])
    return normal


def as_kept(email: str) -> str:
    """An e-mail address as it would be kept; empty for what is none, which no account has."""
    try:
        return normal_email(email)
    except BadEmail:
        return ""


def _normal_name(name: str) -> str:
    normal = " ".join(unicodedata.normalize("NFC", name).split())
    if not normal or len(normal) > LONGEST_NAME or any(unicodedata.category(sign)[0] == "C" for sign in normal):
        raise BadName(normal[:LONGEST_NAME])
    return normal


def _check(roles: Collection[str], desks: Collection[str], language: str) -> None:
    if not roles or not set(roles) <= set(ROLES) or not set(desks) <= set(DESKS) or language not in LANGUAGES:
        raise BadRoles(f"roles: {', '.join(ROLES)}; desks: {', '.join(DESKS)}; languages: {', '.join(LANGUAGES)}")
    if "agent" in roles and not desks:
        raise BadRoles(f"an agent needs a desk: {', '.join(DESKS)}")


def load(session: Session, accounts: Sequence[StaffAccount]) -> list[Staff]:
    """The accounts with their roles and desks, in two queries."""
    ids = [account.id for account in accounts]
    roles: dict[str, set[str]] = {id_: set() for id_ in ids}
    desks: dict[str, set[str]] = {id_: set() for id_ in ids}
    for role in session.scalars(select(StaffRole).where(StaffRole.account_id.in_(ids))):
        roles[role.account_id].add(role.role)
    for desk in session.scalars(select(StaffDesk).where(StaffDesk.account_id.in_(ids))):
        desks[desk.account_id].add(desk.desk)
    return [
        Staff(
            id=account.id, email=account.email, name=account.name, language=account.language,
            roles=frozenset(roles[account.id]), desks=frozenset(desks[account.id]), takes_chats=account.takes_chats,
            is_active=account.is_active, is_set_up=bool(account.password_hash or account.oidc_subject),
            seen_at=account.seen_at,
        )
        for account in accounts
    ]  # fmt: skip


def _keep_roles(session: Session, account_id: str, roles: Collection[str], desks: Collection[str]) -> None:
    session.execute(delete(StaffRole).where(StaffRole.account_id == account_id))
    session.execute(delete(StaffDesk).where(StaffDesk.account_id == account_id))
    session.add_all(StaffRole(account_id=account_id, role=role) for role in sorted(set(roles)))
    session.add_all(StaffDesk(account_id=account_id, desk=desk) for desk in sorted(set(desks)))
    session.flush()


class AccountStore(Store):
    """Accounts in the database. Thread-safe; every method is one transaction.

    by: the account that makes a change, for the audit; None for a command.
    """

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)

    def create(
        self,
        email: str,
        name: str,
        roles: Collection[str],
        desks: Collection[str] = (),
        language: str = "nl",
        *,
        by: str | None = None,
    ) -> Staff:
        """A new account, without a password: its holder chooses one with a sign-in link.

        Raises BadEmail, BadName, BadRoles, EmailTaken, TooManyAccounts.
        """
        email, name = normal_email(email), _normal_name(name)
        _check(roles, desks, language)
        try:
            with self._writing() as session:
                if (session.scalar(select(func.count()).select_from(StaffAccount)) or 0) >= MOST_ACCOUNTS:
                    raise TooManyAccounts(str(MOST_ACCOUNTS))
                account = StaffAccount(id=new_id(), email=email, name=name, language=language)
                session.add(account)
                session.flush()
                _keep_roles(session, account.id, roles, desks)
                granted = {"roles": sorted(set(roles)), "desks": sorted(set(desks))}
                record(session, by, "account_added", account.id, granted)
                return load(session, [account])[0]
        except IntegrityError:
            raise EmailTaken(email) from None

    def by_id(self, account_id: str) -> Staff | None:
        """The account, switched off or not."""
        with self._reading() as session:
            account = session.get(StaffAccount, account_id)
            return load(session, [account])[0] if account else None

    def by_email(self, email: str) -> Staff | None:
        """The account with this address, switched off or not."""
        with self._reading() as session:
            account = session.scalar(select(StaffAccount).where(StaffAccount.email == as_kept(email)))
            return load(session, [account])[0] if account else None

    def all(self) -> list[Staff]:
        """Every account, by name; those that are switched off come last."""
        with self._reading() as session:
            query = select(StaffAccount).order_by(StaffAccount.is_active.desc(), StaffAccount.name, StaffAccount.id)
            return load(session, list(session.scalars(query)))

    def change(
        self,
        account_id: str,
        *,
        name: str | None = None,
        roles: Collection[str] | None = None,
        desks: Collection[str] | None = None,
        language: str | None = None,
        is_active: bool | None = None,
        by: str | None = None,
    ) -> Staff:
        """Changes what is given. Switching an account off ends its sessions and its link at once.

        Raises NoSuchAccount, BadName, BadRoles, LastAdmin.
        """
        with self._writing() as session:
            # Two admins who take each other's role away must not both succeed.
            admins = set(session.scalars(self._active_admins().with_for_update()))
            account = session.get(StaffAccount, account_id, with_for_update=True)
            if account is None:
                raise NoSuchAccount(account_id)
            before = load(session, [account])[0]
            account.name = _normal_name(name) if name is not None else account.name
            new_roles = before.roles if roles is None else frozenset(roles)
            new_desks = before.desks if desks is None else frozenset(desks)
            account.language = account.language if language is None else language
            _check(new_roles, new_desks, account.language)
            stays_active = before.is_active if is_active is None else is_active
            if admins == {account_id} and not (stays_active and "admin" in new_roles):
                raise LastAdmin(account_id)
            if (new_roles, new_desks) != (before.roles, before.desks):
                _keep_roles(session, account_id, new_roles, new_desks)
            self._switch(session, account, stays_active)
            self._tell(session, by, before, load(session, [account])[0])
            session.flush()
            return load(session, [account])[0]

    @staticmethod
    def _active_admins() -> Select[str]:
        return (
            select(StaffAccount.id)
            .join(StaffRole, StaffRole.account_id == StaffAccount.id)
            .where(StaffRole.role == "admin", StaffAccount.is_active)
            .order_by(StaffAccount.id)
        )

    @staticmethod
    def _switch(session: Session, account: StaffAccount, is_active: bool) -> None:
        account.is_active = is_active
        if not is_active:
            account.takes_chats, account.seen_at = False, None
            session.execute(delete(StaffSession).where(StaffSession.account_id == account.id))
            links.take_back(session, account.id)

    @staticmethod
    def _tell(session: Session, by: str | None, before: Staff, after: Staff) -> None:
        """Leaves rows in the audit for what is different."""
        if before.is_active != after.is_active:
            record(session, by, "account_enabled" if after.is_active else "account_disabled", after.id)
        changed = [
            name for name in ("name", "language", "roles", "desks") if getattr(before, name) != getattr(after, name)
        ]
        if changed:
            details = {"changed": changed, "roles": sorted(after.roles), "desks": sorted(after.desks)}
            record(session, by, "account_changed", after.id, details)

    def set_language(self, account_id: str, language: str) -> None:
        """What somebody chose for themselves. Raises BadRoles for a language that there is not."""
        if language not in LANGUAGES:
            raise BadRoles(language)
        with self._writing() as session:
            session.execute(update(StaffAccount).where(StaffAccount.id == account_id).values(language=language))

    def link(self, account_id: str, *, by: str | None = None) -> str:
        """The token of a new sign-in link, in place of the one before: it works once, for 24 hours.

        It is shown this once: only its hash is kept. Raises NoSuchAccount, SwitchedOff.
        """
        with self._writing() as session:
            account = session.get(StaffAccount, account_id, with_for_update=True)
            if account is None:
                raise NoSuchAccount(account_id)
            if not account.is_active:
                raise SwitchedOff(account_id)
            record(session, by, "link_made", account_id)
            return links.make(session, account_id)

    # ---- Who is there

    def seen(self, account_id: str) -> None:
        """The console of this account shows that it is open."""
        with self._writing() as session:
            session.execute(update(StaffAccount).where(StaffAccount.id == account_id).values(seen_at=now()))

    def set_takes_chats(self, account_id: str, takes_chats: bool) -> None:
        """What an agent's own switch says from now on."""
        with self._writing() as session:
            session.execute(update(StaffAccount).where(StaffAccount.id == account_id).values(takes_chats=takes_chats))

    def present(self, desk: str) -> int:
        """How many agents of a desk take chats now, with a console that showed just now that it is open."""
        role = exists().where(StaffRole.account_id == StaffAccount.id, StaffRole.role.in_(("agent", "admin")))
        answers_for = exists().where(StaffDesk.account_id == StaffAccount.id, StaffDesk.desk == desk)
        there = (StaffAccount.is_active, StaffAccount.takes_chats, StaffAccount.seen_at > now() - PRESENT_FOR)
        with self._reading() as session:
            return session.scalar(select(func.count(StaffAccount.id)).where(*there, role, answers_for)) or 0
