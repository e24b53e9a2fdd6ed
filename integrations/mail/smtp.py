"""Sends mail over SMTP, with the standard library: TLS from the start, or STARTTLS, which the server must offer."""

from __future__ import annotations

import smtplib
import ssl
from contextlib import suppress
from email.message import EmailMessage
from urllib.parse import unquote

from bot.settings import MailUrl
from integrations.mail.errors import MailDown, MailError, MailRefused
from integrations.mail.interfaces import Mail
from integrations.mail.messages import compose

WITHIN_SECONDS = 10.0
"""For the connection, and for each answer of the server."""
_PORTS = {"smtps": 465, "smtp": 587}


class SmtpMailer:
    """A Mailer that hands each mail to a server, over a connection of its own."""

    def __init__(self, url: MailUrl, sender: str, within_seconds: float = WITHIN_SECONDS) -> None:
        self._host = (url.host or "").strip("[]")
        self._port = url.port or _PORTS[url.scheme]
        self._user, self._password = unquote(url.username or ""), unquote(url.password or "")
        self._is_tls, self._wants_starttls = url.scheme == "smtps", url.scheme == "smtp" and not url.query
        self._sender, self._within_seconds = sender, within_seconds
        self._tls = ssl.create_default_context()

    def send(self, mail: Mail) -> None:
        """See Mailer. Once the server has taken it, nothing that goes wrong afterwards counts."""
        message = compose(mail, self._sender)
        try:
            self._send(message)
        except (smtplib.SMTPException, OSError, ValueError) as problem:
            # Not `from` it: what smtplib raises quotes the address, or the password that it could not write.
            raise _as_error(problem) from None

    def _send(self, message: EmailMessage) -> None:
        (sender,), (recipient,) = message["From"].addresses, message["To"].addresses
        server = self._connected(sender.domain)
        try:
            if self._wants_starttls:
                server.starttls(context=self._tls)
            if self._user:
                server.login(self._user, self._password)
            # Not send_message: it makes ">From" of a line that begins with "From".
            server.sendmail(sender.addr_spec, [recipient.addr_spec], message.as_bytes())
        except BaseException:
            server.close()
            raise
        with suppress(smtplib.SMTPException, OSError):
            server.quit()

    def _connected(self, own_name: str) -> smtplib.SMTP:
        # Without a name smtplib asks the network for one, which may take long.
        if self._is_tls:
            return smtplib.SMTP_SSL(self._host, self._port, own_name, timeout=self._within_seconds, context=self._tls)
        return smtplib.SMTP(self._host, self._port, own_name, timeout=self._within_seconds)


def _code_of(problem: Exception) -> int | None:
    if isinstance(problem, smtplib.SMTPRecipientsRefused):
        return next((int(code) for code, _ in problem.recipients.values()), None)
    return problem.smtp_code if isinstance(problem, smtplib.SMTPResponseException) else None


def _as_error(problem: Exception) -> MailError:
    """What may be told of a problem: its kind and the server's code."""
    code = _code_of(problem)
    reason = type(problem).__name__ if code is None else f"{type(problem).__name__} {code}"
    if isinstance(problem, smtplib.SMTPNotSupportedError):
        return MailRefused(f"{reason}: the server does not offer what is needed, such as STARTTLS")
    if isinstance(problem, OSError | smtplib.SMTPServerDisconnected) and code is None:
        return MailDown(reason)
    return MailDown(reason) if code is not None and code < 500 else MailRefused(reason)
