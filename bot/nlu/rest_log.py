"""Keeps what visitors say out of Rasa's log.

When a request is cancelled or fails, Rasa's REST channel logs the whole text of the message as an error.
"""

from __future__ import annotations

from typing import Any

from rasa.core.channels import rest


class TextlessLogger:
    """Passes on what happened, and nothing of what was said."""

    def __init__(self, logger: Any) -> None:
        self._logger = logger

    def __getattr__(self, level: str) -> Any:
        log = getattr(self._logger, level)
        return lambda event, *_, **__: log(event)


rest.structlogger = TextlessLogger(rest.structlogger)
