"""The pages on which staff sign in and out, choose a password, and choose their language."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from sanic import Blueprint, Request
from sanic.response import HTTPResponse

from bot.staff.accounts import Staff
from bot.staff.passwords import SHORTEST, BadPassword
from bot.staff.signing_in import LinkUsedUp, Refused
from bot.texts import LANGUAGES, text
from integrations.console.rendering import (
    HERE,
    SIGN_IN,
    go,
    local_path,
    page_language,
    render,
    speak_pages,
)
from integrations.console.sessions import (
    allowed,
    check_connection,
    check_origin,
    give_session,
    staff_of,
    take_session,
    token_of,
)
from integrations.website.admission import limits_of, services_of
from integrations.website.problems import Problem

blueprint = Blueprint("console_sign_in", url_prefix="/console")
blueprint.static("/static", HERE / "static", name="console_static")
speak_pages(blueprint)

PASSWORDS_AT_ONCE = 2
"""Each takes 64 MiB while it is compared."""
PASSWORDS_WAITING = 20

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


class Comparing:
    """Compares a few passwords at once, lets a few more wait, and sends others away for a moment."""

    def __init__(self, at_once: int = PASSWORDS_AT_ONCE, waiting: int = PASSWORDS_WAITING) -> None:
        self._threads = ThreadPoolExecutor(at_once, thread_name_prefix="passwords")
        self._room = threading.BoundedSemaphore(at_once + waiting)

    async def run(self, work: Callable[Arguments, Result], *args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        """Does the work in a thread. Raises Problem 503 where too many wait already."""
        if not self._room.acquire(blocking=False):
            raise Problem(503, "busy", retry_after=2)
        future = self._threads.submit(work, *args, **kwargs)
        # Not when the asker stops waiting: the thread goes on comparing.
        future.add_done_callback(lambda _: self._room.release())
        return await asyncio.wrap_future(future)


_comparing = Comparing()


def _field(request: Request, name: str) -> str:
    return str(request.form.get(name) or "") if request.form else ""


async def _signed_in(request: Request) -> Staff | None:
    try:
        return await staff_of(request)
    except Problem as problem:
        if problem.status != 401:
            raise
        return None


async def let_in(request: Request, token: str, response: HTTPResponse) -> HTTPResponse:
    """Gives the browser its new session; the one that it had ends."""
    before = token_of(request)
    if before:
        services = services_of(request)
        await services.turns.in_database(services.staff_sessions.end, before)
    give_session(request, response, token)
    return response


# ---- With a password


def _sign_in_page(request: Request, *, wanted: str, email: str = "", failed: bool = False) -> HTTPResponse:
    services = services_of(request)
    minutes = f"{services.settings.staff_lock_minutes:g}"
    # Everybody who failed is told of the pause, so that nobody learns from it which accounts there are.
    return render(
        request, "sign-in.html", status=403 if failed else 200, wanted=wanted, email=email, failed=failed,
        attempts=services.settings.staff_lock_after, minutes=minutes, provider=services.provider is not None,
    )  # fmt: skip


@blueprint.get("/sign-in")
async def sign_in_page(request: Request) -> HTTPResponse:
    """The page to sign in; who is signed in already is led on."""
    wanted = local_path(request.args.get("next"))
    if await _signed_in(request):
        return go(wanted)
    check_connection(request)
    return _sign_in_page(request, wanted=wanted)


@blueprint.post("/sign-in")
async def sign_in(request: Request) -> HTTPResponse:
    """Signs in with a password. Wrong, unknown, locked and switched off get the same reply after the same work."""
    check_origin(request)
    check_connection(request)
    limits = limits_of(request)
    limits.signing_in(request)
    wanted, email = local_path(_field(request, "next")), _field(request, "email")[:254]
    try:
        token = await _comparing.run(
            services_of(request).signing_in.by_password, email, _field(request, "password"), limits.address(request)
        )
    except Refused:
        return _sign_in_page(request, wanted=wanted, email=email, failed=True)
    return await let_in(request, token, go(wanted))


@blueprint.post("/sign-out")
async def sign_out(request: Request) -> HTTPResponse:
    """Ends the session."""
    await allowed(request)
    services = services_of(request)
    await services.turns.in_database(services.staff_sessions.end, token_of(request))
    response = go(SIGN_IN)
    take_session(request, response)
    return response


# ---- With a link


def _password_problem(request: Request, problem: BadPassword) -> str:
    return text(problem.key, page_language(request), shortest=SHORTEST)


def _used_up(request: Request) -> HTTPResponse:
    language = page_language(request)
    return render(
        request, "problem.html", status=410, title=text("staff.link.used_up_title", language),
        detail=text("staff.link.used_up", language),
    )  # fmt: skip


@blueprint.get("/link")
async def link_page(request: Request) -> HTTPResponse:
    """Where a sign-in link leads. Its token stands behind a #: no server is sent it, so no log has it.

    A button sends it on, so that a program that looks at links in mails does not use it up.
    """
    check_connection(request)
    return render(request, "link.html")


@blueprint.post("/link")
async def link(request: Request) -> HTTPResponse:
    """The page to choose a password on, for whoever holds a link that is still good."""
    check_origin(request)
    check_connection(request)
    limits_of(request).asking(request)
    services, token = services_of(request), _field(request, "token").strip()
    try:
        staff = await services.turns.in_database(services.signing_in.link_holder, token)
    except LinkUsedUp:
        return _used_up(request)
    return _choose_page(request, staff, token)


def _choose_page(request: Request, staff: Staff, token: str, said: str = "") -> HTTPResponse:
    if not _field(request, "language"):
        request.ctx.language = staff.language
    status = 422 if said else 200
    return render(request, "choose.html", status=status, email=staff.email, token=token, said=said, shortest=SHORTEST)


@blueprint.post("/link/password")
async def choose(request: Request) -> HTTPResponse:
    """Uses the link up, keeps the password, and signs in."""
    check_origin(request)
    check_connection(request)
    limits_of(request).signing_in(request)
    services, token, password = services_of(request), _field(request, "token"), _field(request, "password")
    try:
        holder = await services.turns.in_database(services.signing_in.link_holder, token)
        if password != _field(request, "again"):
            return _choose_page(request, holder, token, text("staff.problem.again", page_language(request)))
        try:
            session = await _comparing.run(services.signing_in.by_link, token, password)
        except BadPassword as problem:
            return _choose_page(request, holder, token, _password_problem(request, problem))
    except LinkUsedUp:
        return _used_up(request)
    return await let_in(request, session, go(local_path(None)))


# ---- One's own account


@blueprint.get("/password")
async def password_page(request: Request) -> HTTPResponse:
    """The page to choose another password."""
    return _password_page(request, await allowed(request))


def _password_page(
    request: Request, staff: Staff, *, said: str = "", wrong: str = "", done: bool = False
) -> HTTPResponse:
    status = 422 if said else 200
    return render(
        request, "password.html", staff=staff, status=status, said=said, wrong=wrong, done=done, shortest=SHORTEST
    )


@blueprint.post("/password")
async def change_password(request: Request) -> HTTPResponse:
    """Keeps another password, and ends the account's other sessions."""
    staff = await allowed(request)
    limits = limits_of(request)
    limits.signing_in(request)
    new = _field(request, "password")
    if new != _field(request, "again"):
        return _password_page(request, staff, said=text("staff.problem.again", staff.language), wrong="again")
    try:
        await _comparing.run(
            services_of(request).signing_in.change_password,
            staff.id, _field(request, "old"), new, token_of(request), limits.address(request),
        )  # fmt: skip
    except BadPassword as problem:
        return _password_page(request, staff, said=_password_problem(request, problem), wrong="password")
    except Refused:
        return _password_page(request, staff, said=text("staff.problem.old_password", staff.language), wrong="old")
    return _password_page(request, staff, done=True)


@blueprint.post("/language")
async def choose_language(request: Request) -> HTTPResponse:
    """Keeps the language that somebody chose for the console."""
    staff = await allowed(request)
    wanted = _field(request, "language")
    if wanted not in LANGUAGES:
        raise Problem(422, "invalid", fields="language")
    services = services_of(request)
    await services.turns.in_database(services.staff.set_language, staff.id, wanted)
    return go(local_path(_field(request, "next")))
