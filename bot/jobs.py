"""`python -m bot.jobs`: what happens later. For now: conversations go when their retention ends."""

from __future__ import annotations

import logging
import signal
import threading
from datetime import timedelta

from sqlalchemy.exc import SQLAlchemyError

from bot.conversations.store import ConversationStore
from bot.database.engine import open_engine
from bot.database.types import now
from bot.settings import settings

log = logging.getLogger(__name__)

EVERY_SECONDS = 600.0


def end_retention(store: ConversationStore, days: int) -> int:
    """Erases conversations in which nothing was said for `days` days; gives how many."""
    erased = 0
    while count := store.erase_inactive(now() - timedelta(days=days)):
        erased += count
    return erased


def main() -> None:
    """Runs the jobs until told to stop."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    config = settings()
    store = ConversationStore(open_engine(config.database_url, config.database_timeout_seconds))
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
            store.forget_in_log()
        except SQLAlchemyError as problem:
            log.warning("The database did not answer (%s); trying again later.", type(problem).__name__)


if __name__ == "__main__":
    main()
