"""Sends mails behind the visitor's back: nobody waits for them, and nobody can tell whether there was one."""

from __future__ import annotations

import logging
from concurrent.futures import Future, ThreadPoolExecutor

from integrations.mail.errors import MailError
from integrations.mail.interfaces import Mail, Mailer

log = logging.getLogger(__name__)

_THREADS = 2


class Post:
    """Threads of its own: where the mail server is slow, nothing else waits."""

    def __init__(self, mailer: Mailer) -> None:
        self._mailer = mailer
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="mail")

    def send(self, mail: Mail) -> None:
        """Sends it later; what goes wrong stands in the log, without the address or the text."""
        self._threads.submit(self._mailer.send, mail).add_done_callback(_tell)

    def close(self) -> None:
        """Waits for the mails that are being sent, and drops the others: who waits for a code asks for another one."""
        self._threads.shutdown(wait=True, cancel_futures=True)


def _tell(sent: Future[None]) -> None:
    problem = None if sent.cancelled() else sent.exception()
    if isinstance(problem, MailError):
        log.warning("A mail was not sent: %s, %s.", type(problem).__name__, problem)
    elif problem is not None:
        # Its own text may quote the mail.
        log.error("A mail was not sent: %s.", type(problem).__name__)
