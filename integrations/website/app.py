"""Puts the web process together: routes, limits, headers, and what is opened and closed with it."""

from __future__ import annotations

import asyncio
import logging

from sanic import Request, Sanic
from sanic.response import HTTPResponse

from bot.settings import Settings
from integrations.console.blueprints import BLUEPRINTS
from integrations.mail.pages import show_mails
from integrations.taskforce import trends
from integrations.website import conversations, forms, guides, health, pages, partners, stream, verification
from integrations.website.limits import Limits
from integrations.website.origins import Origins, guard
from integrations.website.problems import handle
from integrations.website.services import Services

log = logging.getLogger(__name__)

LARGEST_BODY_BYTES = 64 * 1024

_POLICY = "default-src 'self'; connect-src 'self' ws: wss:; object-src 'none'; base-uri 'none'; frame-ancestors 'self'"
_PERSONAL = ("/api/v1/conversations", "/console")
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
    for part in (conversations, forms, guides, verification, stream, partners, health, pages):
        app.blueprint(part.blueprint)
    for blueprint in (*BLUEPRINTS, trends.blueprint):
        app.blueprint(blueprint)
    show_mails(app, settings)

    @app.before_server_start  # type: ignore[untyped-decorator]
    async def _open(app: Sanic) -> None:
        app.ctx.services = Services.open(settings)
        await app.ctx.services.handing_over.start()
        app.ctx.probe = health.Probe(app.ctx.services.turns, settings.database_mark)

    @app.before_server_stop  # type: ignore[untyped-decorator]
    async def _end(app: Sanic) -> None:
        for task in app.ctx.running:
            task.cancel()
        await asyncio.gather(*app.ctx.running, return_exceptions=True)

    @app.after_server_stop  # type: ignore[untyped-decorator]
    async def _close(app: Sanic) -> None:
        await app.ctx.services.turns.close()
        await asyncio.to_thread(app.ctx.services.post.close)
        await asyncio.to_thread(app.ctx.services.suggester.close)
        await asyncio.to_thread(app.ctx.services.drawer.close)
        await app.ctx.services.register.close()
        if app.ctx.services.provider is not None:
            await app.ctx.services.provider.close()

    @app.after_server_start  # type: ignore[untyped-decorator]
    async def _announce(app: Sanic) -> None:
        ready = _say_when_ready(app.ctx.probe, f"http://{settings.web_host}:{settings.web_port}")
        app.ctx.running = [asyncio.create_task(app.ctx.services.handing_over.run()), asyncio.create_task(ready)]

    @app.on_response  # type: ignore[untyped-decorator]
    async def _protect(request: Request, response: HTTPResponse) -> None:
        docs = request.path.startswith("/docs")
        response.headers.setdefault("Content-Security-Policy", _DOCS_POLICY if docs else _POLICY)
        response.headers.setdefault("X-Content-Type-Options", "nosniff")
        response.headers.setdefault("Referrer-Policy", "strict-origin-when-cross-origin")
        response.headers.setdefault("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
        if request.path.startswith(_PERSONAL) and not request.path.startswith("/console/static/"):
            response.headers.setdefault("Cache-Control", "no-store")
        elif request.path.startswith("/console/static/"):
            # Scripts that belong together must not come from two versions.
            response.headers.setdefault("Cache-Control", "no-cache")

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
