"""Puts the web process together: routes, limits, headers, and what is opened and closed with it."""

from __future__ import annotations

import asyncio
import logging

from sanic import Request, Sanic
from sanic.response import HTTPResponse

from bot.settings import Settings
from integrations.mail.pages import show_mails
from integrations.website import conversations, forms, guides, health, pages, stream, verification
from integrations.website.limits import Limits
from integrations.website.origins import Origins, guard
from integrations.website.problems import handle
from integrations.website.services import Services

log = logging.getLogger(__name__)

LARGEST_BODY_BYTES = 64 * 1024

_POLICY = "default-src 'self'; connect-src 'self' ws: wss:; object-src 'none'; base-uri 'none'; frame-ancestors 'self'"
# Swagger UI styles its elements inline and carries its icons as data.
_DOCS_POLICY = f"{_POLICY}; style-src 'self' 'unsafe-inline'; img-src 'self' data:"


def create_app(settings: Settings) -> Sanic:
    """The app of the web process."""
    app = Sanic("wegwijzer", configure_logging=False)
    app.config.MOTD = False
    app.config.REQUEST_MAX_SIZE = LARGEST_BODY_BYTES
    app.config.REQUEST_TIMEOUT = 20
    app.config.RESPONSE_TIMEOUT = 60
    app.config.KEEP_ALIVE_TIMEOUT = 30
    app.config.WEBSOCKET_MAX_SIZE = LARGEST_BODY_BYTES
    app.config.WEBSOCKET_PING_INTERVAL = 20
    app.config.WEBSOCKET_PING_TIMEOUT = 20
    app.config.FALLBACK_ERROR_FORMAT = "json"
    app.ctx.limits = Limits(settings)
    app.ctx.origins = Origins(settings.allowed_origins)
    handle(app)
    guard(app, app.ctx.origins)
    for part in (conversations, forms, guides, verification, stream, health, pages):
        app.blueprint(part.blueprint)
    show_mails(app, settings)

    @app.before_server_start  # type: ignore[untyped-decorator]
    async def _open(app: Sanic) -> None:
        app.ctx.services = Services.open(settings)
        app.ctx.probe = health.Probe(app.ctx.services.turns, settings.database_mark)

    @app.after_server_stop  # type: ignore[untyped-decorator]
    async def _close(app: Sanic) -> None:
        await app.ctx.services.turns.close()
        await asyncio.to_thread(app.ctx.services.post.close)
        await app.ctx.services.register.close()

    @app.after_server_start  # type: ignore[untyped-decorator]
    async def _announce(app: Sanic) -> None:
        app.add_task(_say_when_ready(app.ctx.probe, f"http://{settings.web_host}:{settings.web_port}"))

    @app.on_response  # type: ignore[untyped-decorator]
    async def _protect(request: Request, response: HTTPResponse) -> None:
        docs = request.path.startswith("/docs")
        response.headers.setdefault("Content-Security-Policy", _DOCS_POLICY if docs else _POLICY)
        response.headers.setdefault("X-Content-Type-Options", "nosniff")
        response.headers.setdefault("Referrer-Policy", "strict-origin-when-cross-origin")
        response.headers.setdefault("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
        if request.path.startswith("/api/v1/conversations"):
            response.headers.setdefault("Cache-Control", "no-store")

    return app


async def _say_when_ready(probe: health.Probe, address: str) -> None:
    """Tells whoever started it where to look, once the whole way to an answer works."""
    waited = 0
    while "down" in (parts := await probe.parts()).values():
        if waited % 10 == 0:
            missing = ", ".join(name for name, state in parts.items() if state == "down")
            print(f"Starting; waiting for the {missing} …", flush=True)
        await asyncio.sleep(1)
        waited += 1
    print(f"Ready: {address}", flush=True)
