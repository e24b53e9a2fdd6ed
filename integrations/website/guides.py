"""What a visitor takes along from a guide: the checklist to print, and the calendar file."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime

from sanic import Blueprint, Request, raw
from sanic.response import HTTPResponse

from bot.guides import machine
from bot.guides.calendar_file import calendar_file
from bot.guides.checklist import Line, checklist
from bot.guides.deadlines import Deadline, deadlines
from bot.guides.guides import Guide
from bot.helpdesk.hours import AMSTERDAM
from bot.messages import GuideState
from integrations.website.admission import admit, services_of
from integrations.website.problems import Problem
from integrations.website.services import Services

blueprint = Blueprint("guides", url_prefix="/api/v1/conversations")

MAKE_WITHIN_SECONDS = 20


async def _last_guide(request: Request, id_: str) -> tuple[Guide, GuideState, str]:
    """The guide that the visitor was in last, and where; and the language. Raises Problem 404 where there is none."""
    await admit(request, id_)
    services = services_of(request)
    context = await services.turns.in_database(services.turns.store.context, id_, None)
    for state in context.guides:
        guide = services.turns.guiding.guides.guides.get(state.guide)
        if guide is not None:
            return guide, machine.settled(guide, state), context.language
    raise Problem(404, "no_guide")


def _dated(services: Services, state: GuideState, language: str) -> list[Deadline]:
    """The deadlines that are still to come, with the titles of their sources."""
    documents = services.knowledge.documents
    today = datetime.now(AMSTERDAM).date()
    found = deadlines(services.turns.guiding.guides.rules.values(), state.answers, today)
    return [replace(d, document=documents[d.document].title[language]) for d in found if not d.past]


def _lines(guide: Guide, state: GuideState, language: str) -> list[Line]:
    """What was passed, ticked, and what is still to come."""
    passed = [step for id_ in state.trail if (step := guide.step(id_)) is not None]
    lines = [Line(step.title[language], done=True) for step in passed if step.checklist and step.kind == "tell"]
    return [*lines, *(Line(s.title[language], done=False) for s in machine.ahead(guide, state) if s.checklist)]


@blueprint.get("/<id_:str>/guide/checklist.pdf")
async def checklist_file(request: Request, id_: str) -> HTTPResponse:
    """The checklist of the guide that the visitor was in last."""
    guide, state, language = await _last_guide(request, id_)
    services = services_of(request)
    pdf = await asyncio.wait_for(
        asyncio.to_thread(
            checklist,
            guide.title[language],
            _lines(guide, state, language),
            _dated(services, state, language),
            desk=guide.desk,
            language=language,
            today=datetime.now(AMSTERDAM).date(),
        ),
        MAKE_WITHIN_SECONDS,
    )
    name = f'attachment; filename="checklist-{guide.id}.pdf"'
    return raw(pdf, content_type="application/pdf", headers={"Content-Disposition": name})


@blueprint.get("/<id_:str>/guide/calendar.ics")
async def calendar(request: Request, id_: str) -> HTTPResponse:
    """The deadlines that are still to come, with reminders, for any calendar."""
    guide, state, language = await _last_guide(request, id_)
    dated = _dated(services_of(request), state, language)
    if not dated:
        raise Problem(404, "no_dates")
    content = calendar_file(
        dated, guide=guide.title[language], desk=guide.desk, seed=id_, language=language, moment=datetime.now(UTC)
    )
    name = f'attachment; filename="{guide.id}.ics"'
    return raw(content, content_type="text/calendar; charset=utf-8", headers={"Content-Disposition": name})
