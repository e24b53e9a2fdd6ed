"""Signing in with the organisation's own account: to its provider, and back."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import logging
import time
from dataclasses import asdict, dataclass

from sanic import Blueprint, Request
from sanic.exceptions import NotFound
from sanic.response import HTTPResponse

from bot.registry.codes import server_key
from bot.staff.signing_in import Unknown
from bot.texts import text
from integrations.console.provider import NotVouched, Provider, ProviderDown
from integrations.console.rendering import SIGN_IN, go, local_path, page_language, render, speak_pages
from integrations.console.sessions import check_connection, is_https
from integrations.console.sign_in import let_in
from integrations.website.admission import limits_of, services_of

log = logging.getLogger(__name__)

blueprint = Blueprint("console_oidc", url_prefix="/console/oidc")
speak_pages(blueprint)

_COOKIE, _COOKIE_ON_LOOPBACK = "__Host-wegwijzer-oidc", "wegwijzer_oidc"
WITHIN_SECONDS = 600
"""How long somebody may take at the provider."""
LONGEST_CODE = 4000


@dataclass(frozen=True)
class _Underway:
    """What this browser began, kept in its own cookie, sealed with the key of this installation."""

    state: str
    nonce: str
    verifier: str
    wanted: str
    until: float


def _seal(request: Request, body: str) -> str:
    key = server_key(services_of(request).settings)
    return hmac.new(key, f"oidc:{body}".encode(), hashlib.sha256).hexdigest()


def _remember(request: Request, response: HTTPResponse, underway: _Underway | None) -> None:
    """Puts what was begun into the cookie; None takes it away.

    It is Lax, for the browser must send it when it comes back from another website.
    """
    value = ""
    if underway is not None:
        body = base64.urlsafe_b64encode(json.dumps(asdict(underway)).encode()).decode().rstrip("=")
        value = f"{body}.{_seal(request, body)}"
    secure = is_https(request)
    response.add_cookie(
        _COOKIE if secure else _COOKIE_ON_LOOPBACK, value, path="/", secure=secure, httponly=True, samesite="Lax",
        max_age=WITHIN_SECONDS if value else 0,
    )  # fmt: skip


def _remembered(request: Request) -> _Underway | None:
    """What this browser began; None where it is nothing, too long ago, or not what we gave it."""
    found = dict.get(request.cookies, _COOKIE if is_https(request) else _COOKIE_ON_LOOPBACK) or [""]
    body, _, seal = str(found[0]).partition(".")
    if not body.isascii() or not hmac.compare_digest(_seal(request, body).encode(), seal.encode("utf-8", "replace")):
        return None
    underway = _Underway(**json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))))
    return underway if underway.until > time.time() else None


def _provider(request: Request) -> Provider:
    provider = services_of(request).provider
    if provider is None:
        raise NotFound
    return provider


def _page(request: Request, name: str, status: int) -> HTTPResponse:
    """What went wrong, and the way back."""
    language = page_language(request)
    response = render(
        request, "problem.html", status=status, title=text(f"staff.provider.{name}_title", language),
        detail=text(f"staff.provider.{name}", language), back=SIGN_IN, back_text=text("staff.provider.back", language),
    )  # fmt: skip
    _remember(request, response, None)
    return response


@blueprint.get("/")
async def begin(request: Request) -> HTTPResponse:
    """Leads to the provider."""
    provider = _provider(request)
    check_connection(request)
    limits_of(request).asking(request)
    try:
        begun = await provider.begin()
    except ProviderDown as problem:
        log.warning("The OpenID provider cannot be used: %s.", problem)
        return _page(request, "down", 502)
    wanted, until = local_path(request.args.get("next")), time.time() + WITHIN_SECONDS
    response = go(begun.address)
    _remember(request, response, _Underway(begun.state, begun.nonce, begun.verifier, wanted, until))
    return response


@blueprint.get("/callback")
async def come_back(request: Request) -> HTTPResponse:
    """Where the provider sends the browser back to, with a code."""
    provider = _provider(request)
    check_connection(request)
    limits_of(request).signing_in(request)
    underway, code = _remembered(request), request.args.get("code") or ""
    state, issuer = request.args.get("state") or "", request.args.get("iss")
    if (
        underway is None
        or not hmac.compare_digest(underway.state.encode(), state.encode("utf-8", "replace"))
        or (issuer is not None and issuer != provider.issuer)  # RFC 9207
        or not 0 < len(code) <= LONGEST_CODE
    ):
        return _page(request, "refused", 403)
    try:
        vouched = await provider.finish(code, underway.verifier, underway.nonce)
    except ProviderDown as problem:
        log.warning("The OpenID provider cannot be used: %s.", problem)
        return _page(request, "down", 502)
    except NotVouched as problem:
        log.warning("What the OpenID provider said does not hold: %s.", problem)
        return _page(request, "refused", 403)
    services = services_of(request)
    try:
        token = await services.turns.in_database(
            services.signing_in.by_provider, vouched.issuer, vouched.subject, vouched.verified_email
        )
    except Unknown:
        return _page(request, "unknown", 403)
    # Not a redirect: on a way that began at another website the browser would not send the Strict cookie yet.
    response = render(request, "go-on.html", wanted=underway.wanted)
    _remember(request, response, None)
    return await let_in(request, token, response)
