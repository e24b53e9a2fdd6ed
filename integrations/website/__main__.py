"""`python -m integrations.website`: the web process, the only door."""

from __future__ import annotations

import logging

from bot.database.engine import migrate
from bot.settings import settings
from integrations.website.app import create_app


def main() -> None:
    """Brings the database up to date and serves until it is told to stop."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    config = settings()
    migrate(config.database_url)
    # One worker: what it holds in memory (limits, who is watching) is not shared with another.
    create_app(config).run(host=config.web_host, port=config.web_port, single_process=True, access_log=False)


if __name__ == "__main__":
    main()
