"""Accounts in a database, and ways in that need no second each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from argon2 import PasswordHasher
from sqlalchemy import Engine, text, update

from bot.database.base import Base
from bot.database.engine import open_engine
from bot.staff.accounts import AccountStore, Staff
from bot.staff.passwords import Passwords
from bot.staff.sessions import SessionStore
from bot.staff.signing_in import SigningIn

KEY = bytes(range(32))
PASSWORD = "een lange zin om in te loggen"


def quick() -> Passwords:
    """Argon2 with the smallest costs that there are."""
    return Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


@dataclass
class House:
    """All stores of staff on one database."""

    engine: Engine

    def __post_init__(self) -> None:
        self.accounts = AccountStore(self.engine)
        self.sessions = SessionStore(self.engine, KEY)
        self.signing_in = SigningIn(self.engine, self.sessions, KEY, hasher=quick())

    def member(self, email: str = "anna@example.org", roles: tuple[str, ...] = ("agent",), **more: Any) -> Staff:
        """An account with a password."""
        made = self.accounts.create(email, "Anna", roles, more.pop("desks", ("portal",)), **more)
        self.sessions.end(self.signing_in.by_link(self.accounts.link(made.id), PASSWORD))
        return made

    def rows(self, query: str, **values: object) -> list[tuple[Any, ...]]:
        with self.engine.begin() as connection:
            result = connection.execute(text(query), values)
            return [tuple(row) for row in result] if result.returns_rows else []

    def later(self, table: str, *columns: str, minutes: float) -> None:
        """Lets time pass for a table: its moments lie that much further back."""
        found = Base.metadata.tables[table]
        with self.engine.begin() as connection:
            for row in connection.execute(found.select()).mappings().all():
                keys = [column == row[column.name] for column in found.primary_key]
                earlier = {name: row[name] - timedelta(minutes=minutes) for name in columns if row[name] is not None}
                if earlier:
                    connection.execute(update(found).where(*keys).values(**earlier))

    def audit(self) -> list[tuple[str, str | None, str | None]]:
        """What the audit says: action, by whom, to what."""
        return self.rows("SELECT action, account_id, subject FROM staff_audit ORDER BY id")  # type: ignore[return-value]

    def actions(self) -> list[str]:
        return [action for action, _, _ in self.audit()]


@pytest.fixture
def house(database_url: str) -> Iterator[House]:
    """The stores, on SQLite and once more on PostgreSQL."""
    engine = open_engine(database_url, 20)
    yield House(engine)
    engine.dispose()
