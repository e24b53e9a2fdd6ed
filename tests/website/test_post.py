"""Mails that go out behind the visitor's back: nobody waits, and what goes wrong tells nothing of the mail."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

import pytest

from integrations.mail.errors import MailDown
from integrations.mail.interfaces import Mail
from integrations.website.post import Post

MAIL = Mail(to="vera@example.nl", subject="Uw eenmalige code", text="K7PQ-3MXD")


class Server:
    """A mail server that does as it is told."""

    def __init__(self, does: Callable[[Mail], None]) -> None:
        self._does = does
        self.got: list[Mail] = []

    def send(self, mail: Mail) -> None:
        """See Mailer."""
        self._does(mail)
        self.got.append(mail)


def test_is_sent() -> None:
    server = Server(lambda _: None)
    post = Post(server)
    post.send(MAIL)
    post.close()
    assert server.got == [MAIL]


@pytest.mark.parametrize("problem", [MailDown("ConnectionRefusedError"), RuntimeError(f"{MAIL.to}: {MAIL.text}")])
def test_what_goes_wrong_is_logged_without_the_mail(caplog: pytest.LogCaptureFixture, problem: Exception) -> None:
    """By its kind; the error of somebody else's library may quote the mail."""

    def fail(_: Mail) -> None:
        raise problem

    post = Post(Server(fail))
    with caplog.at_level(logging.DEBUG):
        post.send(MAIL)
        post.close()
    assert type(problem).__name__ in caplog.text
    for part in (MAIL.to, MAIL.subject, MAIL.text):
        assert part not in caplog.text


def test_nobody_waits_for_a_slow_server() -> None:
    """What has not begun when the process stops is dropped: who waits for a code asks for another one."""
    go_on = threading.Event()
    server = Server(lambda _: go_on.wait(30) and None)
    post = Post(server)
    start = time.monotonic()
    for _ in range(20):
        post.send(MAIL)
    assert time.monotonic() - start < 1
    threading.Timer(0.2, go_on.set).start()
    post.close()
    assert len(server.got) < 20
