"""The page on which an admin keeps the accounts: adds, changes, makes sign-in links, switches off and on."""

from __future__ import annotations

import uuid
from contextlib import suppress

from sanic import Blueprint, Request
from sanic.response import HTTPResponse
from sqlalchemy.exc import SQLAlchemyError

from bot.answers.knowledge import DESKS
from bot.staff.accounts import Staff, StaffError
from bot.staff.models import ROLES
from bot.texts import LANGUAGES, text
from integrations.console.rendering import go, page_language, render, speak_pages
from integrations.console.sessions import allowed
from integrations.website.admission import services_of
from integrations.website.problems import Problem

blueprint = Blueprint("console_staff", url_prefix="/console/staff")
speak_pages(blueprint)

_Form = dict[str, object]


def _said(request: Request) -> _Form:
    """What was filled in."""
    form = request.form

    def one(name: str) -> str:
        return str(form.get(name) or "") if form else ""

    def many(name: str) -> list[str]:
        return [str(value) for value in form.getlist(name) or []] if form else []

    return {
        **{name: one(name) for name in ("email", "name", "language")},
        "roles": many("roles"),
        "desks": many("desks"),
    }


def _as_form(staff: Staff) -> _Form:
    return {
        "email": staff.email, "name": staff.name, "language": staff.language, "roles": sorted(staff.roles),
        "desks": sorted(staff.desks),
    }  # fmt: skip


_EMPTY: _Form = {"email": "", "name": "", "language": LANGUAGES[0], "roles": ["agent"], "desks": []}


async def _list(request: Request, admin: Staff, *, form: _Form = _EMPTY, said: str = "") -> HTTPResponse:
    services = services_of(request)
    accounts = await services.turns.in_database(services.staff.all)
    return render(
        request, "staff.html", staff=admin, status=422 if said else 200, accounts=accounts, form=form, said=said,
        all_roles=ROLES, all_desks=DESKS, languages=LANGUAGES,
    )  # fmt: skip


@blueprint.get("/")
async def accounts(request: Request) -> HTTPResponse:
    """Every account, and a form for a new one."""
    return await _list(request, await allowed(request, "admin"))


@blueprint.post("/")
async def add(request: Request) -> HTTPResponse:
    """Makes an account, and shows its sign-in link, once."""
    admin = await allowed(request, "admin")
    services, form = services_of(request), _said(request)
    try:
        made = await services.turns.in_database(
            services.staff.create, form["email"], form["name"], form["roles"], form["desks"], form["language"],
            by=admin.id,
        )  # fmt: skip
    except StaffError as problem:
        return await _list(request, admin, form=form, said=text(problem.key, admin.language))
    return await _link_page(request, admin, made)


async def _link_page(request: Request, admin: Staff, account: Staff) -> HTTPResponse:
    services = services_of(request)
    token = await services.turns.in_database(services.staff.link, account.id, by=admin.id)
    address = f"{services.settings.web_address}/console/link#{token}"
    return render(request, "new-link.html", staff=admin, account=account, address=address)


async def _account(request: Request, id_: str) -> Staff:
    services = services_of(request)
    try:
        found = await services.turns.in_database(services.staff.by_id, str(uuid.UUID(id_)))
    except ValueError:
        found = None
    if found is None:
        raise Problem(404, "not_found")
    return found


def _account_page(
    request: Request, admin: Staff, account: Staff, *, form: _Form | None = None, said: str = "", done: str = ""
) -> HTTPResponse:
    return render(
        request, "account.html", staff=admin, status=422 if said else 200, account=account,
        form=form or _as_form(account), said=said, done=done, all_roles=ROLES, all_desks=DESKS, languages=LANGUAGES,
    )  # fmt: skip


@blueprint.get("/<id_:str>")
async def account(request: Request, id_: str) -> HTTPResponse:
    """One account: what it is called, what it may do, and for which desks."""
    admin = await allowed(request, "admin")
    return _account_page(request, admin, await _account(request, id_))


@blueprint.post("/<id_:str>")
async def change(request: Request, id_: str) -> HTTPResponse:
    """Keeps what was changed."""
    admin = await allowed(request, "admin")
    services, form = services_of(request), _said(request)
    before = await _account(request, id_)
    try:
        after = await services.turns.in_database(
            services.staff.change, before.id, name=form["name"], roles=form["roles"], desks=form["desks"],
            language=form["language"], by=admin.id,
        )  # fmt: skip
    except StaffError as problem:
        form["email"] = before.email
        return _account_page(request, admin, before, form=form, said=text(problem.key, admin.language))
    # An open console looks again at what it may see.
    services.turns.streams.end(f"staff:{after.id}")
    if after.id == admin.id:
        request.ctx.language = after.language
        if not after.may("admin"):
            return go("/console/")
    return _account_page(request, admin, after, done=text("staff.account.changed", page_language(request)))


@blueprint.post("/<id_:str>/link")
async def make_link(request: Request, id_: str) -> HTTPResponse:
    """Makes a sign-in link in place of the one before, and shows it, once."""
    admin = await allowed(request, "admin")
    found = await _account(request, id_)
    try:
        return await _link_page(request, admin, found)
    except StaffError as problem:
        return _account_page(request, admin, found, said=text(problem.key, admin.language))


@blueprint.post("/<id_:str>/active")
async def switch(request: Request, id_: str) -> HTTPResponse:
    """Switches an account off, which ends its sessions and frees its conversations at once; or on again."""
    admin = await allowed(request, "admin")
    services, found = services_of(request), await _account(request, id_)
    is_active = request.form is not None and request.form.get("active") == "1"
    try:
        after = await services.turns.in_database(services.staff.change, found.id, is_active=is_active, by=admin.id)
    except StaffError as problem:
        return _account_page(request, admin, found, said=text(problem.key, admin.language))
    if not is_active:
        services.turns.streams.end(f"staff:{after.id}")
        # Whoever was talking to them waits again. Where that does not work now, the queue sees to it a little later.
        with suppress(SQLAlchemyError, TimeoutError):
            await services.handing_over.release(after.id)
    if not is_active and after.id == admin.id:
        return go("/console/sign-in")
    key = "staff.account.switched_on" if is_active else "staff.account.switched_off"
    return _account_page(request, admin, after, done=text(key, admin.language))
