"""Pages of the console that the server renders: their templates, their language, and what goes wrong in them."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote, urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from sanic import Blueprint, Request, html, redirect
from sanic.response import HTTPResponse
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from bot.staff.accounts import Staff
from bot.texts import LANGUAGES, text
from integrations.console.sessions import csrf_of
from integrations.website.problems import Problem, as_problem, language_of

HERE = Path(__file__).parent
SIGN_IN = "/console/sign-in"
HOME = "/console/"
_FORMS_ON_PAGES = ("/console/password", "/console/staff/")

_PAGES = Environment(
    loader=FileSystemLoader(HERE / "pages"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
    lstrip_blocks=True,
)  # fmt: skip
_HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "same-origin",
    "Content-Security-Policy": (
        "default-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'"
    ),
}


def page_language(request: Request) -> str:
    """The language of a page: of the account; else the one that was chosen on the page; else the browser's."""
    if getattr(request.ctx, "language", None) is None:
        chosen = request.args.get("language") or (request.form.get("language") if request.form else None)
        if chosen in LANGUAGES:
            request.ctx.language = chosen
    return language_of(request)


def local_path(wanted: str | None) -> str:
    """Where to go after signing in: a page of ours, never another website; the console where nothing else is said."""
    # Two slashes, or one and a backslash, would be another host to a browser.
    parts = (wanted or "").partition("?")
    plain = all(sign.isascii() and (sign.isalnum() or sign in "/-_.~") for sign in parts[0])
    in_query = all(sign.isascii() and (sign.isalnum() or sign in "=&-_.~%+") for sign in parts[2])
    own = parts[0].startswith(("/console/", "/taskforce/")) and "//" not in parts[0] and ".." not in parts[0]
    return wanted if wanted and plain and in_query and own and len(wanted) <= 500 else HOME


def render(
    request: Request, name: str, *, staff: Staff | None = None, status: int = 200, **values: object
) -> HTTPResponse:
    """A page, in the reader's language; `staff` is who is signed in."""
    language = page_language(request)
    other = next(one for one in LANGUAGES if one != language)

    def t(key: str, **places: object) -> str:
        return text(f"staff.{key}", language, **places)

    # Where choosing a language leads back to: not every address that takes a form is a page too.
    back = request.path if request.method == "GET" or request.path in _FORMS_ON_PAGES else HOME
    kept = [(key, value) for key, value in request.query_args if key != "language"] if request.method == "GET" else []
    body = _PAGES.get_template(name).render(
        t=t, language=language, other=other, back_here=back,
        to_other=text("staff.to_this_language", other), other_address=f"?{urlencode([*kept, ('language', other)])}",
        here=request.path, staff=staff, csrf=csrf_of(request) if staff else "", method=request.method, **values,
    )  # fmt: skip
    return html(body, status=status, headers={**_HEADERS, "Content-Language": language})


def speak_pages(blueprint: Blueprint) -> None:
    """Makes the problems of a blueprint pages; who is not signed in is led to sign in, and then back."""

    @blueprint.exception(Problem, OperationalError, PoolTimeout)  # type: ignore[untyped-decorator]
    async def _say(request: Request, exception: Exception) -> HTTPResponse:
        problem = as_problem(exception)
        if problem.status == 401:
            return to_sign_in(request)
        language = page_language(request)
        title, detail = (
            text(f"problem.{problem.name}.{part}", language, **problem.values) for part in ("title", "detail")
        )
        staff = getattr(request.ctx, "staff", None)
        response = render(request, "problem.html", staff=staff, status=problem.status, title=title, detail=detail)
        if problem.retry_after is not None:
            response.headers["Retry-After"] = str(problem.retry_after)
        return response


def to_sign_in(request: Request) -> HTTPResponse:
    """Leads to the page to sign in, and from there back to this one."""
    here = local_path(f"{request.path}?{request.query_string}" if request.query_string else request.path)
    back = "" if request.method not in ("GET", "HEAD") or here == HOME else f"?next={quote(here, safe='/')}"
    return go(f"{SIGN_IN}{back}")


def go(path: str) -> HTTPResponse:
    """Leads to another page of ours; what was sent with a form is not sent again."""
    return redirect(path, status=303, headers={"Cache-Control": "no-store"})
