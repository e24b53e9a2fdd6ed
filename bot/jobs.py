"""What happens later and needs no other system: conversations, requests and resume codes go in time."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import timedelta

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from bot.conversations.store import ConversationStore
from bot.database.types import now
from bot.helpdesk import drafting, logging_questions, suggesting
from bot.helpdesk.requests import RequestStore
from bot.registry.codes import server_key
from bot.registry.verification import Verifier
from bot.settings import Settings
from bot.staff.audit import AuditStore
from bot.staff.sessions import SessionStore

log = logging.getLogger(__name__)

EVERY_SECONDS = 600.0


def end_retention(store: ConversationStore, days: int) -> int:
    """Erases conversations in which nothing was said for `days` days; gives how many."""
    return _until_none(lambda: store.erase_inactive(now() - timedelta(days=days)))


def end_request_retention(store: RequestStore, days: int) -> int:
    """Erases requests that were put in more than `days` days ago; gives how many."""
    return _until_none(lambda: store.erase_before(now() - timedelta(days=days)))


def end_helpdesk_retention(engine: Engine, days: int, suggestion_days: int) -> int:
    """Erases logged questions and closed drafts after `days` days, bare drafts at once, the others with suggestions.

    Gives how many rows were erased, those that go with them not counted.
    """
    before = now() - timedelta(days=days)
    erased = _until_none(lambda: logging_questions.forget(engine, before))
    long_before = now() - timedelta(days=suggestion_days)
    erased += _until_none(lambda: drafting.forget(engine, before, long_before))
    return erased + _until_none(lambda: suggesting.forget(engine, long_before))


def _until_none(erase: Callable[[], int]) -> int:
    erased = 0
    while count := erase():
        erased += count
    return erased


def run(config: Settings, engine: Engine, stopping: threading.Event) -> None:
    """Ends what has to end, every ten minutes, until told to stop."""
    store, requests = ConversationStore(engine), RequestStore(engine, config.activation_code_pattern)
    key = server_key(config)
    verifier, audit = Verifier(engine, key), AuditStore(engine)
    staff_sessions = SessionStore(engine, key, idle_minutes=config.staff_idle_minutes)
    pause = 5.0  # The tables may still be on their way: the web process makes them.
    while not stopping.wait(pause):
        pause = EVERY_SECONDS
        try:
            erased = end_retention(store, config.retention_days)
            if erased:
                log.info("Erased %d conversations at the end of their retention.", erased)
            if gone := end_request_retention(requests, config.request_retention_days):
                log.info("Erased %d requests at the end of their retention.", gone)
            store.forget_codes()
            _until_none(store.forget_expired)
            _until_none(lambda: verifier.forget(timedelta(days=config.audit_retention_days)))
            _until_none(lambda: audit.forget(timedelta(days=config.audit_retention_days)))
            staff_sessions.forget()
            end_helpdesk_retention(engine, config.retention_days, config.suggestion_retention_days)
            store.forget_in_log()
        except SQLAlchemyError as problem:
            log.warning("The database did not answer (%s); trying again later.", type(problem).__name__)
