"""Mail over SMTP, to real servers that take it, refuse it, or leave it at that."""

from __future__ import annotations

import logging
import re
import socket
import ssl
import threading
import time
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import quote

import pytest
from pydantic import ValidationError

from bot.settings import MailUrl, Settings
from integrations.mail.errors import MailDown, MailError, MailRefused
from integrations.mail.folder import FolderMailer
from integrations.mail.interfaces import Mail
from integrations.mail.messages import compose
from integrations.mail.service import open_mailer
from integrations.mail.smtp import SmtpMailer
from tests.mail.conftest import PASSWORD, USER, Server, text_of
from tests.running import free_port

SENDER = "Wegwijzer <desk@example.org>"
MAIL = Mail("jan@example.com", "Uw code", "Uw code is 123 456.\nHij werkt tien minuten.\n")
Serve = Callable[..., Server]


def plain(server: Server, within_seconds: float = 5) -> SmtpMailer:
    return SmtpMailer(MailUrl(f"smtp://127.0.0.1:{server.port}?starttls=never"), SENDER, within_seconds)


def with_starttls(server: Server, user: str = "") -> SmtpMailer:
    return SmtpMailer(MailUrl(f"smtp://{user}localhost:{server.port}"), SENDER, 5)


def test_a_mail_arrives(serve: Serve) -> None:
    server = serve()
    plain(server).send(MAIL)
    (message,) = server.messages
    assert (server.got[0].mail_from, server.got[0].rcpt_tos) == ("desk@example.org", ["jan@example.com"])
    assert set(message.keys()) - {"X-Peer", "X-MailFrom", "X-RcptTo"} == {
        "From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted",
        "MIME-Version", "Content-Type", "Content-Transfer-Encoding",
    }  # fmt: skip
    assert (message["From"], message["To"], message["Subject"]) == (SENDER, MAIL.to, MAIL.subject)
    assert message["Auto-Submitted"] == "auto-generated"
    assert re.fullmatch(r"<[^<>@\s]+@example\.org>", message["Message-ID"])
    assert abs((parsedate_to_datetime(message["Date"]) - datetime.now(UTC)).total_seconds()) < 60
    assert text_of(message) == MAIL.text


def test_every_mail_has_an_id_of_its_own(serve: Serve) -> None:
    server = serve()
    for _ in range(2):
        plain(server).send(MAIL)
    assert len({message["Message-ID"] for message in server.messages}) == 2


def test_any_sign_arrives_in_seven_bits(serve: Serve) -> None:
    server = serve()
    plain(server).send(Mail("jan@example.com", "Één code", "Beste René"))
    assert server.got.pop().content.isascii()
    subject = "Één code, 100% voor café ’t Hœkje – " + "erg lang " * 20 + "🎉"
    text = "Beste René,\n.\n.. en punten\nFrom hier\n" + "x" * 2000 + "\n🎉\n"
    plain(server).send(Mail("jan@example.com", subject, text))
    (message,) = server.messages
    assert (message["Subject"], text_of(message)) == (subject, text)
    assert server.got[0].content.isascii()
    assert max(map(len, server.got[0].content.splitlines())) <= 998


def test_a_sender_may_have_any_name(serve: Serve) -> None:
    server = serve()
    url = MailUrl(f"smtp://127.0.0.1:{server.port}?starttls=never")
    SmtpMailer(url, '"Désk, het <loket>" <desk@exämple.nl>').send(MAIL)
    sender = server.messages[0]["From"].addresses[0]
    assert (sender.display_name, sender.addr_spec) == ("Désk, het <loket>", "desk@xn--exmple-cua.nl")
    assert server.got[0].mail_from == "desk@xn--exmple-cua.nl"


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\u2029", "\0"])
def test_a_subject_or_an_address_makes_no_header(serve: Serve, end: str) -> None:
    server = serve()
    for mail in [
        Mail("jan@example.com", f"Uw code{end}Bcc: piet@example.com", "tekst"),
        Mail(f"jan@example.com{end}Bcc: piet@example.com", "Uw code", "tekst"),
        Mail(f"jan{end}@example.com", "Uw code", "tekst"),
    ]:
        with pytest.raises(MailRefused):
            plain(server).send(mail)
    assert server.got == []


@pytest.mark.parametrize(
    "to",
    [
        "",
        "jan",
        "jan@example.com, piet@example.com",
        "jan@example.com;piet@example.com",
        "Jan <jan@example.com>",
        "<jan@example.com>",
        "jan@example.com>\r\nRCPT TO:<piet@example.com",
        '"jan@example.com, piet"@example.com',
        "jan@example.com (piet)",
        "\ud800@example.com",
        "rené@example.com",
    ],
)
def test_what_is_not_one_address_gets_no_mail(serve: Serve, to: str) -> None:
    server = serve()
    with pytest.raises(MailRefused):
        plain(server).send(Mail(to, "Uw code", "tekst"))
    assert server.got == []


def test_a_text_makes_no_headers_and_no_second_mail(serve: Serve) -> None:
    server = serve()
    text = "\r\n.\r\nMAIL FROM:<piet@example.com>\r\n.\nDATA\r.\rBcc: piet@example.com\r\n\r\n"
    mail = Mail("jan@example.com", "Uw code", text)
    assert re.search(rb"\r(?!\n)|(?<!\r)\n", compose(mail, SENDER).as_bytes()) is None, "each line ends as SMTP has it"
    plain(server).send(mail)
    (message,) = server.messages
    assert message["Bcc"] is None and server.got[0].rcpt_tos == ["jan@example.com"]
    assert "MAIL FROM:<piet@example.com>" in text_of(message)


def test_half_a_sign_is_no_text(serve: Serve) -> None:
    with pytest.raises(MailRefused):
        plain(serve()).send(Mail("jan@example.com", "Uw code", "\ud83d"))


LOGIN = f"{quote(USER)}:{quote(PASSWORD, safe='')}@"


def test_starttls_with_a_password(serve: Serve, tls: ssl.SSLContext) -> None:
    server = serve(tls_context=tls, require_starttls=True, wants_password=True)
    with_starttls(server, LOGIN).send(MAIL)
    assert server.was_tls == [True]
    assert server.messages[0]["Subject"] == MAIL.subject


def test_a_wrong_password_is_told_without_it(serve: Serve, tls: ssl.SSLContext) -> None:
    server = serve(tls_context=tls, require_starttls=True, wants_password=True)
    for password in ["geheim42", "geheim\u00e9\u20ac42"]:
        with pytest.raises(MailRefused) as problem:
            with_starttls(server, f"{quote(USER)}:{quote(password)}@").send(MAIL)
        told = "".join(traceback.format_exception(problem.value))
        assert "geheim" not in told and USER not in told
    assert server.got == []


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS:UserWarning")
def test_tls_that_is_wanted_and_not_offered(serve: Serve) -> None:
    server = serve(wants_password=True, auth_require_tls=False)
    with pytest.raises(MailRefused, match="STARTTLS"):
        with_starttls(server, LOGIN).send(MAIL)
    assert (server.got, server.logins) == ([], 0), "not even the password went over the line"


def test_a_certificate_that_nobody_vouches_for(serve: Serve, tls: ssl.SSLContext, monkeypatch) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    server = serve(tls_context=tls)
    with pytest.raises(MailDown, match="SSLCertVerificationError"):
        with_starttls(server).send(MAIL)
    assert server.got == []


def test_tls_from_the_start(serve: Serve, tls: ssl.SSLContext) -> None:
    server = serve(ssl_context=tls)
    SmtpMailer(MailUrl(f"smtps://localhost:{server.port}"), SENDER, 5).send(MAIL)
    assert text_of(server.messages[0]) == MAIL.text


@pytest.mark.parametrize(
    ("command", "answer", "kind", "reason"),
    [
        ("RCPT", "550 <jan@example.com> unknown", MailRefused, "SMTPRecipientsRefused 550"),
        ("RCPT", "451 <jan@example.com> later", MailDown, "SMTPRecipientsRefused 451"),
        ("DATA", "554 jan@example.com: no", MailRefused, "SMTPDataError 554"),
        ("DATA", "421 jan@example.com: busy", MailDown, "SMTPDataError 421"),
    ],
)
def test_a_refusal_is_told_without_the_address(
    serve: Serve, caplog: pytest.LogCaptureFixture, command: str, answer: str, kind: type[MailError], reason: str
) -> None:
    caplog.set_level(logging.DEBUG)
    server = serve()
    server.answers[command] = answer
    with pytest.raises(kind) as problem:
        plain(server).send(MAIL)
    assert str(problem.value) == reason
    logging.getLogger("test").error("not sent: %r", MAIL, exc_info=problem.value)
    told = "".join(traceback.format_exception(problem.value))
    ours = "".join(f"{r.getMessage()}{r.exc_text or ''}" for r in caplog.records if not r.name.startswith("mail."))
    for secret in [MAIL.to, MAIL.text, "123 456", MAIL.subject]:
        assert secret not in told and secret not in ours


def test_once_taken_it_is_sent(serve: Serve) -> None:
    server = serve()
    server.answers["QUIT"] = "500 no"
    plain(server).send(MAIL)
    assert len(server.got) == 1


def test_nobody_listens() -> None:
    with pytest.raises(MailDown, match="ConnectionRefusedError"):
        plain(Server(port=free_port())).send(MAIL)


@pytest.mark.parametrize("says", [b"", b"220 hello\r\n", b"garbage\r\n"], ids=["nothing", "hello", "garbage"])
def test_a_server_that_leaves_it_at_that(says: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        hung = []

        def serve() -> None:
            connection, _ = listening.accept()
            connection.sendall(says)
            hung.append(connection)

        thread = threading.Thread(target=serve)
        thread.start()
        began = time.monotonic()
        with pytest.raises(MailError):
            plain(Server(port=listening.getsockname()[1]), within_seconds=0.5).send(MAIL)
        assert time.monotonic() - began < 2
        thread.join()
        hung[0].close()


def test_the_settings_choose(tmp_path) -> None:
    folder = open_mailer(Settings(_env_file=None, mail_url="", mail_folder=tmp_path))
    server = open_mailer(Settings(_env_file=None, mail_url="smtps://mail.example.org", mail_from=SENDER))
    assert isinstance(folder, FolderMailer) and isinstance(server, SmtpMailer)


@pytest.mark.parametrize(
    "settings",
    [
        {"mail_url": "http://u:geheim42@mail.example.org"},
        {"mail_url": "geheim42"},
        {"mail_url": "smtp://"},
        {"mail_url": "smtp://u@mail.example.org"},
        {"mail_url": "smtp://:geheim42@mail.example.org"},
        {"mail_url": "smtp://u:geheim42@mail.example.org/path"},
        {"mail_url": "smtp://u:geheim42@mail.example.org?tls=no"},
        {"mail_url": "smtp://u:geheim42@localhost?starttls=never"},
        {"mail_url": "smtp://mail.example.org?starttls=never"},
        {"mail_url": "smtps://localhost?starttls=never"},
        {"mail_url": "smtps://u:geheim42@mail.example.org", "mail_from": "Wegwijzer <wegwijzer@example.org>"},
        {"mail_from": "geen adres"},
        {"mail_from": "a@example.org, b@example.org"},
        {"mail_from": "rené@example.org"},
        {"mail_from": "Desk\r\nBcc: x@example.org <a@example.org>"},
    ],
    ids=range(15),
)
def test_a_wrong_setting_is_told_without_the_password(settings: dict[str, str]) -> None:
    with pytest.raises(ValidationError) as problem:
        Settings(_env_file=None, **{"mail_from": "desk@example.org", **settings})
    assert "mail_" in str(problem.value).lower() and "geheim42" not in str(problem.value)


def test_a_right_setting_is_printed_without_the_password() -> None:
    settings = Settings(_env_file=None, mail_url="smtps://u:geheim42@mail.example.org", mail_from="desk@example.org")
    assert "geheim42" not in repr(settings) and "geheim42" not in str(settings.model_dump())
