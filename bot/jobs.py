"""`python -m bot.jobs`: what happens later. For now: conversations, requests and resume codes go in time."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Callable
from datetime import timedelta

from sqlalchemy.exc import SQLAlchemyError

from bot.conversations.store import ConversationStore
from bot.database.engine import open_engine
from bot.database.types import now
from bot.helpdesk.requests import RequestStore
from bot.registry.codes import server_key
from bot.registry.verification import Verifier
from bot.settings import settings

log = logging.getLogger(__name__)

EVERY_SECONDS = 600.0


def end_retention(store: ConversationStore, days: int) -> int:
    """Erases conversations in which nothing was said for `days` days; gives how many."""
    return _until_none(lambda: store.erase_inactive(now() - timedelta(days=days)))


def end_request_retention(store: RequestStore, days: int) -> int:
    """Erases requests that were put in more than `days` days ago; gives how many."""
    return _until_none(lambda: store.erase_before(now() - timedelta(days=days)))


def _until_none(erase: Callable[[], int]) -> int:
    erased = 0
    while count := erase():
        erased += count
    return erased


def main() -> None:
    """Runs the jobs until told to stop."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    config = settings()
    engine = open_engine(config.database_url, config.database_timeout_seconds)
    store, requests = ConversationStore(engine), RequestStore(engine, config.activation_code_pattern)
    verifier = Verifier(engine, server_key(config))
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
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
            store.forget_in_log()
        except SQLAlchemyError as problem:
            log.warning("The database did not answer (%s); trying again later.", type(problem).__name__)


if __name__ == "__main__":
    main()
