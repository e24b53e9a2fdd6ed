"""Who is signed in: the cookie, the session behind it, and the token that every change must bring along."""

from __future__ import annotations

from typing import cast
from urllib.parse import urlsplit

from sanic import Request
from sanic.response import HTTPResponse

from bot.settings import is_loopback
from bot.staff.accounts import Staff
from integrations.website.admission import limits_of, services_of
from integrations.website.origins import Origins
from integrations.website.problems import Problem

COOKIE = "__Host-wegwijzer"
"""Over https: bound to this host, and never sent in the clear."""
COOKIE_ON_LOOPBACK = "wegwijzer_staff"
"""Over http on this machine, where browsers would not take the other one."""
CSRF_HEADER, CSRF_FIELD = "x-csrf-token", "csrf"
_CHANGES_NOTHING = ("GET", "HEAD")


def is_https(request: Request) -> bool:
    """Whether the browser speaks https: by PUBLIC_URL, or as a trusted proxy says."""
    if services_of(request).settings.public_url.startswith("https://"):
        return True
    said = request.headers.get("x-forwarded-proto", "").strip().lower()
    return said == "https" and limits_of(request).is_from_trusted_proxy(request)


def check_origin(request: Request) -> None:
    """Raises Problem 403 for what another website sends, whichever may use the conversation API."""
    cast("Origins", request.app.ctx.origins).check_own(request)
    # Browsers that say where a request comes from say it also where they send no Origin.
    came = request.headers.get("sec-fetch-site", "same-origin")
    if request.method not in _CHANGES_NOTHING and came not in ("same-origin", "none"):
        raise Problem(403, "origin")


def check_connection(request: Request) -> None:
    """Raises Problem 403 where a password would travel in the clear: http to another machine."""
    if is_https(request):
        return
    try:
        asked = urlsplit(f"//{request.host}").hostname or ""
    except ValueError:
        asked = ""
    if not is_loopback(asked):
        raise Problem(403, "https_only")


def token_of(request: Request) -> str:
    """The token in the session's cookie; empty where there is none."""
    name = COOKIE if is_https(request) else COOKIE_ON_LOOPBACK
    # Sanic looks for `__Host-` before a bare name, also where that is not meant.
    found = dict.get(request.cookies, name) or [""]
    return str(found[0]) if str(found[0]).isascii() else ""


def give_session(request: Request, response: HTTPResponse, token: str) -> None:
    """Puts the session's cookie into a response. It goes when the browser closes, or the server ends the session."""
    secure = is_https(request)
    response.add_cookie(
        COOKIE if secure else COOKIE_ON_LOOPBACK, token, path="/", secure=secure, httponly=True, samesite="Strict"
    )


def take_session(request: Request, response: HTTPResponse) -> None:
    """Takes the session's cookie away."""
    secure = is_https(request)
    response.add_cookie(
        COOKIE if secure else COOKIE_ON_LOOPBACK, "", path="/", secure=secure, httponly=True, samesite="Strict",
        max_age=0,
    )  # fmt: skip


async def staff_of(request: Request) -> Staff:
    """Who is signed in, as they are now; errors speak their language from here on.

    For pages and for the WebSocket alike. Raises Problem 401, and 403 for another website.
    """
    check_origin(request)
    services = services_of(request)
    staff = await services.turns.in_database(services.staff_sessions.find, token_of(request))
    if staff is None:
        raise Problem(401, "signed_out")
    request.ctx.staff, request.ctx.language = staff, staff.language
    return staff


async def allowed(request: Request, *roles: str) -> Staff:
    """Who is signed in, where they have one of the roles (any, where none is named; an admin has them all).

    For any method but GET and HEAD it also wants the session's CSRF token, in the header X-CSRF-Token or in the
    field `csrf` of a form. Raises Problem 401 or 403.
    """
    staff = await staff_of(request)
    if request.method not in _CHANGES_NOTHING:
        _check_csrf(request)
    if roles and not any(staff.may(role) for role in roles):
        raise Problem(403, "role")
    return staff


def csrf_of(request: Request) -> str:
    """The CSRF token of the session of a request, for the pages and programs that it serves."""
    return services_of(request).staff_sessions.csrf_token(token_of(request))


def _check_csrf(request: Request) -> None:
    given = request.headers.get(CSRF_HEADER)
    if given is None and request.form is not None:
        given = request.form.get(CSRF_FIELD)
    if not services_of(request).staff_sessions.is_csrf_token(token_of(request), str(given or "")):
        raise Problem(403, "csrf")
