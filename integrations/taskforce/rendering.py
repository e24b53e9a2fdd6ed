"""The pages of trends as the server renders them."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from sanic import Request, html
from sanic.response import HTTPResponse

from bot.staff.accounts import Staff
from bot.texts import LANGUAGES, text
from bot.trends.figures import shown
from integrations.console.sessions import csrf_of

HERE = Path(__file__).parent
ROLES = ("analyst", "taskforce")
"""Who may look."""
WRITERS = ("analyst", "editor")
"""Who may make a draft of a gap."""
MENU = ("overview", "questions", "gaps", "needs", "materials", "referrals", "added", "brief", "method")

_PAGES = Environment(
    loader=FileSystemLoader(HERE / "pages"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
    lstrip_blocks=True,
)  # fmt: skip
_HEADERS = {"Cache-Control": "no-store", "Referrer-Policy": "same-origin"}


def render(request: Request, page: str, staff: Staff, **values: Any) -> HTTPResponse:
    """A page of trends, in the reader's language. page: one of MENU."""
    language = staff.language

    def t(key: str, **places: object) -> str:
        return text(f"trends.{key}", language, **places)

    def of_staff(key: str) -> str:
        return text(f"staff.{key}", language)

    other = next(one for one in LANGUAGES if one != language)
    body = _PAGES.get_template(f"{page}.html").render(
        t=t, of_staff=of_staff, shown=shown, language=language, other=other,
        to_other=text("staff.to_this_language", other), page=page, menu=MENU, staff=staff, csrf=csrf_of(request),
        here=f"{request.path}?{request.query_string}" if request.query_string else request.path,
        query=urlencode, may_write=any(staff.may(role) for role in WRITERS), languages=LANGUAGES, **values,
    )  # fmt: skip
    return html(body, headers={**_HEADERS, "Content-Language": language})


def path_of(page: str) -> str:
    """Where a page stands."""
    return "/taskforce/" if page == "overview" else f"/taskforce/{page}"
