"""The audit: it stays as long as its retention, and holds nothing that opens anything."""

from __future__ import annotations

import threading
from datetime import timedelta
from pathlib import Path

import pytest

from bot import jobs
from bot.settings import Settings
from bot.staff.audit import AuditStore, address_hash
from bot.staff.signing_in import Refused
from tests.staff.conftest import KEY, PASSWORD, House


def test_old_rows_are_forgotten(house: House) -> None:
    audit = AuditStore(house.engine)
    audit.record(None, "old")
    house.later("staff_audit", "at", minutes=60 * 24 * 91)
    audit.record("somebody", "new", "something", {"count": 1})
    assert audit.forget(timedelta(days=90)) == 1
    assert audit.forget(timedelta(days=90)) == 0
    assert house.rows("SELECT action, account_id, subject FROM staff_audit") == [("new", "somebody", "something")]


def test_no_password_token_or_address_is_kept(house: House) -> None:
    anna = house.member()
    link = house.accounts.link(anna.id)
    token = house.signing_in.by_password(anna.email, PASSWORD, "203.0.113.9")
    with pytest.raises(Refused):
        house.signing_in.by_password(anna.email, "verkeerd wachtwoord", "203.0.113.9")
    kept = repr([house.rows(f"SELECT * FROM {table}") for table in ("staff_audit", "staff_sessions", "sign_in_links")])
    for secret in (PASSWORD, "verkeerd", link, token, "203.0.113.9", anna.email):
        assert secret not in kept
    assert address_hash("203.0.113.9", KEY) in kept
    assert address_hash("203.0.113.9", KEY[::-1]) not in kept


class OneRound(threading.Event):
    """Lets the jobs go round once."""

    def wait(self, timeout: float | None = None) -> bool:
        went_round = self.is_set()
        self.set()
        return went_round


def test_the_jobs_forget_what_is_over(house: House, tmp_path: Path) -> None:
    anna = house.member()
    house.sessions.open(anna.id)
    house.accounts.link(anna.id)
    house.later("staff_sessions", "last_seen_at", minutes=61)
    house.later("sign_in_links", "expires_at", minutes=24 * 60 + 1)
    house.later("staff_audit", "at", minutes=60 * 24 * 8)
    AuditStore(house.engine).record(anna.id, "new")
    known = {"server_key_file": tmp_path / "key", "audit_retention_days": 7, "staff_idle_minutes": 60}
    jobs.run(Settings(_env_file=None, **known), house.engine, OneRound())  # type: ignore[arg-type]
    assert house.rows("SELECT count(*) FROM staff_sessions") == [(0,)]
    assert house.rows("SELECT count(*) FROM sign_in_links") == [(0,)]
    assert house.actions() == ["new"]
    assert house.accounts.by_id(anna.id) is not None
