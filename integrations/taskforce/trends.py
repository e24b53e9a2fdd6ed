"""The task force's pages: what was frozen, as figures with their tables, charts, downloads and the brief."""

from __future__ import annotations

import asyncio
from datetime import datetime

from sanic import Blueprint, Request
from sanic.response import HTTPResponse, raw

from bot.answers.knowledge import DESKS
from bot.helpdesk.drafting import DraftWrong, From, TooManyDrafts
from bot.helpdesk.hours import AMSTERDAM
from bot.staff.accounts import Staff
from bot.texts import LANGUAGES
from bot.trends.brief import Frozen, NoSuchBrief, half_years, read, write
from bot.trends.charts import NARROW, SCREEN, specification
from bot.trends.drawing import CannotDraw
from bot.trends.figures import Figure
from bot.trends.papers import FORMATS, as_file, file_name, table_as_csv
from bot.trends.reading import Names, between
from bot.trends.views import DIVIDED, OF_A_PERIOD, OVER_TIME, PAGES, STEPS, Selection, Views, select
from bot.trends.weeks import KINDS, kind
from integrations.console.rendering import go, speak_pages
from integrations.console.sessions import allowed
from integrations.taskforce.rendering import HERE, ROLES, WRITERS, path_of, render
from integrations.website.admission import services_of
from integrations.website.problems import Problem

blueprint = Blueprint("taskforce", url_prefix="/taskforce")
speak_pages(blueprint)
blueprint.static("/static", HERE / "static", name="static")

CHART_TYPES = {"svg": "image/svg+xml", "png": "image/png"}
_PRIVATE = {"Cache-Control": "no-store"}


def _asked(request: Request) -> dict[str, str]:
    return {name: str(request.args.get(name) or "") for name in ("step", "from", "to", "period", "by")}


def _views(request: Request) -> Views:
    services = services_of(request)
    return Views(services.snapshots, services.knowledge, services.settings.helpdesk_fte)


async def _selected(request: Request, page: str) -> tuple[Selection, list[str]]:
    services = services_of(request)
    frozen = await services.turns.in_database(services.snapshots.periods)
    return select(page, _asked(request), frozen), frozen


async def _figures(request: Request, selection: Selection, language: str) -> list[Figure]:
    services = services_of(request)
    found: list[Figure] = await services.turns.in_database(_views(request).figures, selection, language)
    return found


def _choices(selection: Selection, frozen: list[str], names: Names) -> dict[str, object]:
    """What can be chosen on a page, as (value, words)."""
    page = selection.page
    known = sorted(period for period in frozen if kind(period) == selection.step)
    steps = list(reversed(between(known[0], known[-1]))) if known else []
    by_kind = [
        (length, [(period, names.period(period)) for period in sorted(frozen, reverse=True) if kind(period) == length])
        for length in reversed(KINDS)
    ]
    return {
        "steps": [(step, names.t(step)) for step in STEPS] if page in OVER_TIME else [],
        "range": [(period, names.period(period)) for period in steps] if page in OVER_TIME else [],
        "kinds": [(names.t(length.replace("-", "_")), found) for length, found in by_kind if found]
        if page in OF_A_PERIOD else [],
        "by": [(by, names.t(f"by.{by}")) for by in DIVIDED.get(page, ())],
    }  # fmt: skip


async def _page(request: Request, page: str, staff: Staff, **values: object) -> HTTPResponse:
    selection, frozen = await _selected(request, page)
    figures = await _figures(request, selection, staff.language)
    names = Names(services_of(request).knowledge, staff.language)
    rules = await _rules(request, frozen)
    return render(
        request, page, staff, selection=selection, figures=figures, names=names, path=path_of(page),
        choices=_choices(selection, frozen, names), nothing=not frozen, **rules, **values,
    )  # fmt: skip


async def _rules(request: Request, frozen: list[str]) -> dict[str, object]:
    """Of the latest snapshot: from how many askers it shows a number, and whether its questions were made up."""
    services = services_of(request)
    rules = await services.turns.in_database(services.snapshots.rules, frozen[-1]) if frozen else {}
    return {
        "askers": rules.get("min_askers", services.settings.trends_min_askers),
        "fictional": bool(rules.get("fictional")),
    }


@blueprint.get("/", name="overview")
async def overview(request: Request) -> HTTPResponse:
    """How much was asked, which way, and how many employers a person helped."""
    return await _page(request, "overview", await allowed(request, *ROLES))


@blueprint.get("/<page:questions|needs|materials|referrals|added>", name="page")
async def page(request: Request, page: str) -> HTTPResponse:
    """The other pages that show figures."""
    return await _page(request, page, await allowed(request, *ROLES))


@blueprint.get("/gaps", name="gaps")
async def gaps(request: Request) -> HTTPResponse:
    """Recurring questions without an answer, each a click away from a draft."""
    staff = await allowed(request, *ROLES)
    return await _page(request, "gaps", staff, said=str(request.args.get("draft") or ""), **await _gaps(request))


async def _gaps(request: Request) -> dict[str, object]:
    selection, _ = await _selected(request, "gaps")
    services = services_of(request)
    found = await services.turns.in_database(_views(request).gaps, selection.period) if selection.period else []
    return {"gaps": found, "desks": DESKS}


@blueprint.post("/gaps", name="draft")
async def draft(request: Request) -> HTTPResponse:
    """Makes a draft topic of a gap. What it asks is read from the snapshot, not from the form."""
    staff = await allowed(request, *WRITERS)
    services = services_of(request)
    period, id_, desk = (_filled_in(request, name) for name in ("period", "id", "desk"))
    found = await services.turns.in_database(_views(request).gaps, period) if len(period) <= 8 else []
    gap = next((gap for gap in found if gap.id == id_), None)
    done = "made"
    try:
        if gap is None or desk not in DESKS:
            raise DraftWrong("question")
        question = From(gap.label, gap.language)
        await services.turns.in_database(services.drafts.from_unanswered, question, desk, staff.id)
    except (DraftWrong, TooManyDrafts):
        done = "cannot"
    if not any(staff.may(role) for role in ROLES):
        return go("/console/")
    return go(f"/taskforce/gaps?period={period if gap else ''}&draft={done}")


def _filled_in(request: Request, name: str) -> str:
    return str(request.form.get(name) or "") if request.form else ""


@blueprint.get("/method", name="method")
async def method(request: Request) -> HTTPResponse:
    """How it is counted, and why nobody can be recognised."""
    staff = await allowed(request, *ROLES)
    services = services_of(request)
    frozen = await services.turns.in_database(services.snapshots.periods)
    days = services.settings.question_retention_days
    return render(request, "method", staff, days=days, **await _rules(request, frozen))


# ---- downloads


async def _figure(request: Request, page: str, id_: str, language: str) -> tuple[Figure, Selection]:
    if page not in PAGES or language not in LANGUAGES:
        raise Problem(404, "not_found")
    selection, _ = await _selected(request, page)
    for figure in await _figures(request, selection, language):
        if figure.id == id_:
            return figure, selection
    raise Problem(404, "not_found")


def _called(figure: Figure, selection: Selection, kind_: str) -> dict[str, str]:
    name = "-".join(("wegwijzer", figure.id, *selection.address.values())).lower()
    return {**_PRIVATE, "Content-Disposition": f'attachment; filename="{name}.{kind_}"'}


@blueprint.get("/charts/<page:str>/<id_:str>/<kind_:svg|png>", name="chart")
async def chart(request: Request, page: str, id_: str, kind_: str) -> HTTPResponse:
    """A chart; with `download` in the address as a file, with `narrow` for a phone."""
    staff = await allowed(request, *ROLES)
    language = str(request.args.get("language") or staff.language)
    figure, selection = await _figure(request, page, id_, language)
    if figure.chart is None:
        raise Problem(404, "not_found")
    look = NARROW if request.args.get("narrow") else SCREEN
    job = {"kind": kind_, "specification": specification(figure.chart, language, look), "language": language}
    try:
        drawn = await asyncio.to_thread(services_of(request).drawer.draw, job)
    except CannotDraw:
        raise Problem(503, "draw", retry_after=60) from None
    headers = _called(figure, selection, kind_) if request.args.get("download") else _PRIVATE
    return raw(drawn, content_type=CHART_TYPES[kind_], headers=headers)


@blueprint.get("/tables/<page:str>/<id_:str>", name="table")
async def table(request: Request, page: str, id_: str) -> HTTPResponse:
    """A table as CSV."""
    staff = await allowed(request, *ROLES)
    figure, selection = await _figure(request, page, id_, str(request.args.get("language") or staff.language))
    return raw(table_as_csv(figure), content_type=FORMATS["csv"], headers=_called(figure, selection, "csv"))


# ---- the brief


@blueprint.get("/brief", name="brief")
async def brief(request: Request) -> HTTPResponse:
    """Which brief somebody wants."""
    staff = await allowed(request, *ROLES)
    services = services_of(request)
    names = Names(services.knowledge, staff.language)
    found = await services.turns.in_database(half_years, services.snapshots)
    halves = [(period, names.period(period)) for period in found]
    rules = await _rules(request, found)
    return render(request, "brief", staff, halves=halves, formats=tuple(FORMATS), **rules)


@blueprint.get("/brief/file", name="brief_file")
async def brief_file(request: Request) -> HTTPResponse:
    """The brief of a half-year, in a language, as PDF, XLSX or CSV. Who took it is kept in the audit."""
    staff = await allowed(request, *ROLES)
    services = services_of(request)
    period, language, kind_ = (str(request.args.get(name) or "") for name in ("period", "language", "format"))
    if language not in LANGUAGES or kind_ not in FORMATS:
        raise Problem(404, "not_found")
    try:
        made_of: Frozen = await services.turns.in_database(read, services.snapshots, period)
    except NoSuchBrief:
        raise Problem(404, "not_found") from None
    written = write(
        made_of, services.knowledge, language, made_on=datetime.now(AMSTERDAM).date(),
        fte=services.settings.helpdesk_fte, retention_days=services.settings.question_retention_days,
    )  # fmt: skip
    try:
        made = await asyncio.to_thread(as_file, written, kind_, services.drawer)
    except CannotDraw:
        raise Problem(503, "draw", retry_after=60) from None
    await services.turns.in_database(
        services.audit.record, staff.id, "brief_downloaded", period, {"language": language, "format": kind_}
    )
    headers = {**_PRIVATE, "Content-Disposition": f'attachment; filename="{file_name(written, kind_)}"'}
    return raw(made, content_type=FORMATS[kind_], headers=headers)
