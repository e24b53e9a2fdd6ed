"""`python -m integrations.jobs`: what happens later. Retention ends, and what waits in the outbox goes out."""

from __future__ import annotations

import asyncio
import logging
import signal
import threading

from sqlalchemy.exc import SQLAlchemyError

from bot import jobs
from bot.database.engine import open_engine
from bot.helpdesk.requests import RequestStore
from bot.settings import settings
from bot.trends import keeping_up
from integrations.tickets.folder import FolderTickets
from integrations.tickets.service import open_delivery

log = logging.getLogger(__name__)

FORGET_EVERY_SECONDS = 600.0


def main() -> None:
    """Runs the jobs until told to stop: retention and the log of trends in threads, the outbox in the main one."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    # It would log the address of each call, which may hold what was searched for.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    config = settings()
    engine = open_engine(config.database_url, config.database_timeout_seconds)
    requests = RequestStore(engine, config.activation_code_pattern)
    stopping = threading.Event()
    retention = threading.Thread(target=jobs.run, args=(config, engine, stopping), name="retention", daemon=True)
    trends = threading.Thread(target=keeping_up.run, args=(config, engine, stopping), name="trends", daemon=True)

    async def send() -> None:
        told = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, told.set)
        retention.start()
        trends.start()
        async with open_delivery(config, engine) as delivery:
            await asyncio.gather(
                delivery.run(told), _forget_files(FolderTickets(config.tickets_folder), requests, told)
            )

    try:
        asyncio.run(send())
    finally:
        stopping.set()
        retention.join(config.database_timeout_seconds)
        trends.join(config.database_timeout_seconds + 6)


async def _forget_files(folder: FolderTickets, requests: RequestStore, told: asyncio.Event) -> None:
    """Removes the files of tickets whose request was erased, whatever the tickets' setting says now."""
    while not told.is_set():
        try:
            await asyncio.to_thread(folder.forget, requests.existing)
        except (OSError, SQLAlchemyError) as problem:
            log.warning("Tickets in the folder could not be looked through (%s).", type(problem).__name__)
        try:
            async with asyncio.timeout(FORGET_EVERY_SECONDS):
                await told.wait()
        except TimeoutError:
            continue


if __name__ == "__main__":
    main()
