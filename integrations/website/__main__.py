"""`python -m integrations.website`: the web process, the only door."""

from __future__ import annotations

import logging
import socket
import sys

from bot.database.engine import migrate
from bot.settings import settings
from integrations.website.app import create_app


def _check_port(host: str, port: int) -> None:
    """Ends with one line where another program listens already: starting again would not help."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as problem:
            advice = "stop the program that does, or set WEB_PORT, RASA_URL and ACTIONS_URL"
            print(f"Cannot listen on {host}:{port} ({problem.strerror}): {advice}.", file=sys.stderr)
            raise SystemExit(2) from problem


def main() -> None:
    """Brings the database up to date and serves until it is told to stop."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    config = settings()
    migrate(config.database_url)
    # One worker: what it holds in memory (limits, who is watching) is not shared with another.
    _check_port(config.web_host, config.web_port)
    create_app(config).run(host=config.web_host, port=config.web_port, single_process=True, access_log=False)


if __name__ == "__main__":
    main()
