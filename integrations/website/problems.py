"""What goes wrong, as RFC 9457 problem+json in the reader's language, without internals."""

from __future__ import annotations

import logging
from typing import Any

from sanic import Request, Sanic, json
from sanic.exceptions import MethodNotAllowed, NotFound, PayloadTooLarge, RequestTimeout, SanicException
from sanic.response import HTTPResponse
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from bot.conversations.store import KeyUsedForAnother, NoSuchButton, NoSuchConversation, NoSuchMessage
from bot.helpdesk.queue import ClaimedBySomebody, NotHolding, NotWaiting
from bot.texts import LANGUAGES, text

log = logging.getLogger(__name__)

RETRY_AFTER_BUSY_SECONDS = 2


class Problem(Exception):
    """A refusal that the client is told about. `name` is its key in the text catalogue."""

    def __init__(self, status: int, name: str, *, retry_after: int | None = None, **values: object) -> None:
        super().__init__(name)
        self.status, self.name, self.retry_after, self.values = status, name, retry_after, values


_OF_CONVERSATIONS: dict[type[Exception], tuple[int, str]] = {
    NoSuchConversation: (404, "no_conversation"),
    NoSuchMessage: (404, "no_message"),
    NoSuchButton: (404, "no_button"),
    KeyUsedForAnother: (409, "key_reused"),
    NotWaiting: (409, "not_waiting"),
    NotHolding: (409, "not_holding"),
}


def language_of(request: Request) -> str:
    """The conversation's language where it is known, else what the browser prefers, else Dutch."""
    known = getattr(request.ctx, "language", None)
    if known:
        return str(known)
    for part in request.headers.get("accept-language", "").split(","):
        wanted = part.split(";")[0].strip().lower()[:2]
        if wanted in LANGUAGES:
            return wanted
    return LANGUAGES[0]


def response(request: Request, problem: Problem) -> HTTPResponse:
    """The problem as a response."""
    language = language_of(request)
    body: dict[str, Any] = {
        "type": f"urn:wegwijzer:problem:{problem.name.replace('_', '-')}",
        "title": text(f"problem.{problem.name}.title", language),
        "status": problem.status,
        "detail": text(f"problem.{problem.name}.detail", language, **problem.values),
    }
    headers = {"Content-Language": language}
    if problem.retry_after is not None:
        headers["Retry-After"] = str(problem.retry_after)
    if problem.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return json(body, status=problem.status, headers=headers, content_type="application/problem+json")


def as_problem(problem: Exception) -> Problem:
    """What the client may be told of an exception."""
    if isinstance(problem, Problem):
        return problem
    if isinstance(problem, ClaimedBySomebody):
        return Problem(409, "claimed", agent=problem.name)
    for kind, (status, name) in _OF_CONVERSATIONS.items():
        if isinstance(problem, kind):
            return Problem(status, name)
    if isinstance(problem, OperationalError | PoolTimeout | TimeoutError):
        return Problem(503, "busy", retry_after=RETRY_AFTER_BUSY_SECONDS)
    if isinstance(problem, PayloadTooLarge):
        return Problem(413, "too_large")
    if isinstance(problem, NotFound):
        return Problem(404, "not_found")
    if isinstance(problem, MethodNotAllowed):
        return Problem(405, "method")
    if isinstance(problem, RequestTimeout):
        return Problem(408, "bad_json")
    if isinstance(problem, SanicException) and problem.status_code < 500:
        return Problem(problem.status_code, "bad_json")
    return Problem(500, "internal")


def handle(app: Sanic) -> None:
    """Makes every exception a problem; only our own faults reach the log, by kind and place."""

    @app.exception(Exception)  # type: ignore[untyped-decorator]
    async def _any(request: Request, exception: Exception) -> HTTPResponse:
        problem = as_problem(exception)
        if problem.status >= 500:
            # The message of a database error quotes what was being stored: only its kind is logged.
            log.error(
                "%s %s failed: %s", request.method, request.uri_template or "-", type(exception).__name__,
                exc_info=None if problem.status == 503 else exception,
            )  # fmt: skip
        return response(request, problem)
