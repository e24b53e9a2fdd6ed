"""What the house asks of whatever sends its mail."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True)
class Mail:
    """One mail to one person. It may hold a one-time code: nothing of it shows where it is printed."""

    to: str = field(repr=False)
    """An address, without a name."""
    subject: str = field(repr=False)
    """One line."""
    text: str = field(repr=False)
    """Plain text."""
    reply_to: str | None = field(default=None, repr=False)
    """Where an answer goes, if not to the sender."""
    id: str | None = None
    """What tells that a mail sent twice is the same: letters, digits and hyphens. A new one where there is none."""
    is_automatic: bool = True
    """Not where a person wrote it."""


class Mailer(Protocol):
    """Sends mail."""

    def send(self, mail: Mail) -> None:
        """Hands a mail over. It may take as long as the other side takes: not for an event loop, but for a thread.

        Raises MailError.
        """
