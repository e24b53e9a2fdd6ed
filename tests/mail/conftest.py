"""A mail, and servers on this machine that take it."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

import pytest
import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.running import free_port

USER, PASSWORD = "desk@example.org", "geheim/pass:word@42"


@dataclass
class Server:
    """A real SMTP server: keeps what it gets, or answers what a test puts into `answers`."""

    port: int = field(default_factory=free_port)
    answers: dict[str, str] = field(default_factory=dict)
    got: list[Envelope] = field(default_factory=list)
    was_tls: list[bool] = field(default_factory=list)
    logins: int = 0

    async def handle_RCPT(self, _: SMTP, __: Session, envelope: Envelope, address: str, ___: list[str]) -> str:  # noqa: N802
        answer = self.answers.get("RCPT", "250 OK")
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, _: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        answer = self.answers.get("DATA", "250 OK")
        if answer.startswith("250"):
            self.got.append(envelope)
            self.was_tls.append(session.ssl is not None)
        return answer

    async def handle_QUIT(self, _: SMTP, __: Session, ___: Envelope) -> str:  # noqa: N802
        return self.answers.get("QUIT", "221 Bye")

    def authenticator(self, *args: object) -> AuthResult:
        self.logins += 1
        said = args[-1]
        return AuthResult(success=said == LoginPassword(USER.encode(), PASSWORD.encode()), handled=False)

    @property
    def messages(self) -> list[EmailMessage]:
        """What it got, read."""
        return [message_from_bytes(envelope.content, _class=EmailMessage, policy=default) for envelope in self.got]


def text_of(message: EmailMessage) -> str:
    """The text, with the ends of lines as we write them."""
    return message.get_content().replace("\r\n", "\n")


@pytest.fixture
def tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """What a server shows itself with; this machine trusts who issued it."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost", "127.0.0.1").configure_cert(context)
    return context


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    """Starts a server; the arguments are those of aiosmtpd's Controller, and whether it wants a password."""
    running = []

    def start(*, wants_password: bool = False, **options: object) -> Server:
        server = Server()
        if wants_password:
            options |= {"authenticator": server.authenticator, "auth_required": True}
        controller = Controller(server, hostname="127.0.0.1", port=server.port, **options)
        controller.start()
        running.append(controller)
        return server

    yield start
    for controller in running:
        controller.stop()
