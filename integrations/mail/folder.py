"""The stand-in for development: each mail lands in a folder, as a file that only its owner can read."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

from integrations.mail.errors import MailDown
from integrations.mail.interfaces import Mail
from integrations.mail.messages import compose

MOST_MAILS = 200


@dataclass(frozen=True)
class Landed:
    """A mail in the folder."""

    to: str = field(repr=False)
    subject: str = field(repr=False)
    date: str
    """As the header has it."""
    text: str = field(repr=False)


class FolderMailer:
    """A Mailer that writes `.eml` files, and keeps the newest."""

    def __init__(self, folder: Path, sender: str, most: int = MOST_MAILS) -> None:
        self._folder, self._sender, self._most = folder, sender, most

    def send(self, mail: Mail) -> None:
        """See Mailer."""
        message = compose(mail, self._sender)
        try:
            self._write(message.as_bytes())
            for old in self._newest_first()[self._most :]:
                old.unlink(missing_ok=True)
        except OSError as problem:
            raise MailDown(type(problem).__name__) from None

    def _write(self, content: bytes) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        name = f"{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}-{secrets.token_hex(4)}"
        # Under another name until it is whole: whoever looks sees no half mail.
        draft = self._folder / f"{name}.part"
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:  # noqa: PTH123
            file.write(content)
        draft.rename(self._folder / f"{name}.eml")

    def _newest_first(self) -> list[Path]:
        return sorted(self._folder.glob("*.eml"), reverse=True)

    def mails(self) -> list[Landed]:
        """What landed, the newest first. What cannot be read is left out."""
        found = []
        for file in self._newest_first():
            # Another process may have thrown it out meanwhile, or somebody may have put a file of their own there.
            with suppress(OSError, LookupError, ValueError):
                found.append(_read(file.read_bytes()))
        return found


def _read(content: bytes) -> Landed:
    message = message_from_bytes(content, _class=EmailMessage, policy=default)
    body = message.get_body(("plain",))
    text = body.get_content().replace("\r\n", "\n") if body else ""
    return Landed(str(message["To"]), str(message["Subject"]), str(message["Date"]), text)
