"""The developer's page `/dev/mail`, with the mails that landed in the folder.

They hold one-time codes, so whoever sees the page can be anybody. It is there only where mails land in the folder and
the web process listens on loopback; and it answers only a browser on this machine that speaks to it directly: a proxy
on the same machine would show it to the world, and another website could have its own name point here.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from urllib.parse import urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from sanic import Blueprint, Request, Sanic, file, html
from sanic.exceptions import NotFound
from sanic.response import HTTPResponse

from bot.settings import Settings, is_loopback
from integrations.mail.folder import FolderMailer

_HERE = Path(__file__).parent / "pages"
_OF_A_PROXY = ("forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip")
_HEADERS = {"Cache-Control": "no-store", "X-Frame-Options": "DENY"}


def show_mails(app: Sanic, settings: Settings) -> None:
    """Adds the page to the app where it may be; elsewhere there is no such page."""
    if settings.mail_url is None and is_loopback(settings.web_host) and not settings.trusted_proxies:
        app.blueprint(mail_page(FolderMailer(settings.mail_folder, settings.mail_from)))


def mail_page(mailer: FolderMailer) -> Blueprint:
    """The page, and its style."""
    blueprint = Blueprint("developer_mail", url_prefix="/dev/mail")
    template = Environment(
        loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    ).get_template("mails.html")

    @blueprint.on_request  # type: ignore[untyped-decorator]
    async def _only_here(request: Request) -> None:
        if not is_from_here(request):
            raise NotFound

    @blueprint.get("/")
    async def mails(_: Request) -> HTTPResponse:
        landed = await asyncio.to_thread(mailer.mails)
        return html(template.render(mails=landed), headers=_HEADERS)

    @blueprint.get("/mails.css")
    async def style(_: Request) -> HTTPResponse:
        return await file(_HERE / "mails.css")

    return blueprint


def is_from_here(request: Request) -> bool:
    """Whether a request comes from this machine, to this machine's own name, and not by way of a proxy."""
    try:
        asked = urlsplit(f"//{request.host}").hostname or ""
    except ValueError:
        return False
    return (
        is_loopback(request.ip or "")
        and is_loopback(asked)
        and not any(header in request.headers for header in _OF_A_PROXY)
    )
