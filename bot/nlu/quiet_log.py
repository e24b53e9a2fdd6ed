"""Keeps what visitors say out of Rasa's log.

When a request is cancelled or fails, Rasa's REST channel logs the whole text of the message as an error. When an
action fails, its processor logs the exception, which quotes the whole tracker.
"""

from __future__ import annotations

import logging
from typing import Any

from rasa.core.channels import rest


class TextlessLogger:
    """Passes on what happened, and nothing of what was said."""

    def __init__(self, logger: Any) -> None:
        self._logger = logger

    def __getattr__(self, level: str) -> Any:
        log = getattr(self._logger, level)
        return lambda event, *_, **__: log(event)


class _NoException(logging.Filter):
    """Leaves of an exception its kind; what went wrong stands in the log of the action server."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Takes the exception out of the record; lets every record pass."""
        if record.exc_info and record.exc_info[0]:
            record.msg = f"{record.msg} ({record.exc_info[0].__name__})"
        record.exc_info = record.exc_text = None
        return True


rest.structlogger = TextlessLogger(rest.structlogger)
logging.getLogger("rasa.core.processor").addFilter(_NoException())
