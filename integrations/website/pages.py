"""The pages, the widget's files, its texts, and the documentation of the API."""

from __future__ import annotations

import gzip
import hashlib
import re
from functools import lru_cache
from pathlib import Path

import yaml
from sanic import Blueprint, Request, empty, file, json, raw
from sanic.exceptions import NotFound
from sanic.response import HTTPResponse
from swagger_ui_bundle import swagger_ui_path

from bot.texts import LANGUAGES, texts_under

blueprint = Blueprint("pages")

_HERE = Path(__file__).parent
_ONE_HOUR = "public, max-age=3600"
_API_DOCUMENT = _HERE / "openapi.yml"

blueprint.static("/static", _HERE / "static", name="static")
blueprint.static("/docs/assets", swagger_ui_path, name="swagger")


@blueprint.get("/")
async def home(_: Request) -> HTTPResponse:
    """The demonstration page, in Dutch."""
    return await file(_HERE / "pages" / "index.html")


@blueprint.get("/en")
async def home_in_english(_: Request) -> HTTPResponse:
    """The demonstration page, in English."""
    return await file(_HERE / "pages" / "index.en.html")


def without_comments(source: str) -> str:
    """A script or style without what only readers need: comments on lines of their own, indentation, empty lines.

    The lines of code stay as they are. What stands in a text or a template over several lines would suffer: the
    widget has none, and a test says so.
    """
    lines = re.sub(r"^[ \t]*/\*(?:(?!\*/).)*\*/[ \t]*$", "", source, flags=re.DOTALL | re.MULTILINE).split("\n")
    code = (line.strip() for line in lines)
    return "".join(f"{line}\n" for line in code if line and not line.startswith("//"))


@lru_cache
def _compressed(name: str) -> bytes:
    source = (_HERE / "static" / name).read_text(encoding="utf-8")
    return gzip.compress(without_comments(source).encode(), mtime=0)


@blueprint.get("/<name:widget.(?:js|css)>")
async def widget(request: Request, name: str) -> HTTPResponse:
    """The widget's script and style, compressed: other websites load these on every page."""
    headers = {
        "Cache-Control": "public, max-age=300",
        "Cross-Origin-Resource-Policy": "cross-origin",
        "Vary": "Accept-Encoding",
    }
    kind = "text/javascript; charset=utf-8" if name.endswith(".js") else "text/css; charset=utf-8"
    body = _compressed(name)
    if "gzip" in request.headers.get("accept-encoding", ""):
        headers["Content-Encoding"] = "gzip"
    else:
        body = gzip.decompress(body)
    return raw(body, content_type=kind, headers=headers)


@blueprint.get("/favicon.ico")
async def favicon(_: Request) -> HTTPResponse:
    """Browsers ask for it unasked."""
    return await file(_HERE / "static" / "favicon.svg", mime_type="image/svg+xml")


@blueprint.get("/api/v1/texts/<language:str>")
async def texts(request: Request, language: str) -> HTTPResponse:
    """The widget's own texts in one language."""
    if language not in LANGUAGES:
        raise NotFound
    found = texts_under("widget", language)
    tag = f'"{hashlib.sha256(repr(found).encode()).hexdigest()[:16]}"'
    headers = {"Cache-Control": _ONE_HOUR, "ETag": tag}
    if request.headers.get("if-none-match") == tag:
        return empty(status=304, headers=headers)
    return json(found, headers=headers, ensure_ascii=False)


@lru_cache
def api_document() -> dict[str, object]:
    """The contract of the API, as it stands in openapi.yml."""
    return dict(yaml.safe_load(_API_DOCUMENT.read_text(encoding="utf-8")))


@blueprint.get("/openapi.json")
async def openapi(_: Request) -> HTTPResponse:
    """The contract, for programs."""
    return json(api_document(), ensure_ascii=False)


@blueprint.get("/docs")
async def docs(_: Request) -> HTTPResponse:
    """The contract, for people."""
    return await file(_HERE / "pages" / "docs.html")
