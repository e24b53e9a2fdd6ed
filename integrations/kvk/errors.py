"""What goes wrong with the Handelsregister. Texts are for a log: never the key, never what was asked.

RegisterError
├── RegisterDown      no answer of use, now: try later, and go on without it
└── RegisterRefused   it answered, and will not have it: asking again does not help
"""

from __future__ import annotations


class RegisterError(Exception):
    """The register gave nothing. Everything else works without it."""


class RegisterDown(RegisterError):
    """It did not answer, not in time, or nothing that can be read."""

    def __init__(self, reason: str, retry_after_seconds: float | None = None) -> None:
        super().__init__(reason)
        self.retry_after_seconds = retry_after_seconds
        """How long the register asks us to stay away, where it does."""


class RegisterRefused(RegisterError):
    """A key that is not known, or a question that it does not take."""
