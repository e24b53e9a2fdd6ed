"""What goes wrong with a mail. Texts are for a log: never the address, the subject or the text.

MailError
├── MailDown      not now: no connection, not in time, or "try again later"
└── MailRefused   this mail, or this server, never: sending it again does not help
"""

from __future__ import annotations


class MailError(Exception):
    """The mail was not sent."""


class MailDown(MailError):
    """The server, or the folder, cannot be reached or has no time."""


class MailRefused(MailError):
    """The server does not take it, or it is no mail that may be sent."""
