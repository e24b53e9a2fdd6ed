"""Requests, as the console lists, opens, assigns, answers and closes them. JSON, for the console alone."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from sanic import Blueprint, Request, json
from sanic.response import HTTPResponse

from bot.helpdesk.answering_requests import is_finished, templates, tidy_subject, tidy_text
from bot.helpdesk.models import STATES
from bot.helpdesk.requests import (
    LONGEST_ANSWER,
    LONGEST_SUBJECT,
    MOST_PAGES,
    NOBODY,
    AlreadyAnswered,
    Answer,
    NoAddress,
    NoSuchAgent,
    NoSuchRequest,
    OutgoingShown,
    RequestIsClosed,
    RequestOpened,
    RequestShown,
    TooManyAnswers,
)
from bot.helpdesk.ticketing import filled_in_words, title_of
from bot.staff.accounts import Staff
from bot.texts import text
from integrations.console.seeing import desks_of
from integrations.console.sessions import allowed
from integrations.website.admission import services_of
from integrations.website.problems import Problem
from integrations.website.requests import read
from integrations.website.services import Services

blueprint = Blueprint("console_requests", url_prefix="/console/api/requests")


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _Assign(_Body):
    to: Annotated[str, Field(min_length=1, max_length=36)]
    """me, nobody, or an account's id."""


class _Answer(_Body):
    subject: Annotated[str, Field(max_length=LONGEST_SUBJECT)]
    text: Annotated[str, Field(max_length=LONGEST_ANSWER)]
    answered_at: AwareDatetime | None = None
    """When it was answered last, as the agent saw it."""


def _time(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def _ticket(one: OutgoingShown) -> dict[str, Any]:
    return {
        "id": one.id,
        "target": one.target,
        "state": one.state,
        "problem": one.problem,
        "external_id": one.external_id,
        "sent_at": _time(one.sent_at),
    }


def _reply(one: OutgoingShown) -> dict[str, Any]:
    return {
        "id": one.id,
        "subject": one.subject,
        "text": one.text,
        "account_name": one.account_name,
        "state": one.state,
        "problem": one.problem,
        "created_at": _time(one.created_at),
        "sent_at": _time(one.sent_at),
    }


def _listed(services: Services, shown: RequestShown, language: str) -> dict[str, Any]:
    """A request in a list: nothing of who put it in."""
    form = services.turns.guiding.forms.get(shown.kind)
    return {
        "id": shown.id,
        "reference": shown.reference,
        "kind": shown.kind,
        "title": title_of(shown.kind, form, language),
        "desk": shown.desk,
        "language": shown.language,
        "state": shown.state,
        "created_at": _time(shown.created_at),
        "assigned_to": shown.assigned_to,
        "assigned_name": shown.assigned_name,
        "answered_at": _time(shown.answered_at),
        "closed_at": _time(shown.closed_at),
        "tickets": [_ticket(one) for one in shown.tickets],
    }


def _opened(services: Services, opened: RequestOpened, language: str) -> dict[str, Any]:
    form = services.turns.guiding.forms.get(opened.filed.kind)
    return {
        **_listed(services, opened.shown, language),
        "fields": [
            {"label": label, "value": value} for label, value in filled_in_words(form, opened.filed.fields, language)
        ],
        "company": opened.filed.company,
        "conversation_id": opened.conversation_id,
        "can_be_answered": opened.can_be_answered,
        "agents": [{"id": id_, "name": name} for id_, name in opened.agents],
        "replies": [_reply(one) for one in opened.shown.replies],
    }


def _desks(request: Request, staff: Staff) -> tuple[str, ...]:
    """The desks that are asked for, of those that the agent answers for. Raises Problem 422."""
    mine, asked = desks_of(staff), request.args.get("desk")
    if not asked:
        return mine
    if asked not in ("portal", "charter"):
        raise Problem(422, "invalid", fields="desk")
    return tuple(desk for desk in mine if desk == asked)


@blueprint.get("/")
async def requests(request: Request) -> HTTPResponse:
    """The requests of the agent's desks: `state` open, closed or all, `desk`, `assigned` me or none, `page` from 1."""
    staff = await allowed(request, "agent")
    services = services_of(request)
    state, assigned, page = (request.args.get(name) or "" for name in ("state", "assigned", "page"))
    if state not in ("", "all", *STATES):
        raise Problem(422, "invalid", fields="state")
    if assigned not in ("", "me", "none"):
        raise Problem(422, "invalid", fields="assigned")
    if not (page == "" or (page.isascii() and page.isdecimal() and len(page) <= 4 and 1 <= int(page) <= MOST_PAGES)):
        raise Problem(422, "invalid", fields="page")
    found = await services.turns.in_database(
        services.requests.list,
        _desks(request, staff),
        None if state == "all" else state or "open",
        {"me": staff.id, "none": NOBODY}.get(assigned),
        int(page or 1),
    )
    return json(
        {
            "requests": [_listed(services, shown, staff.language) for shown in found.requests],
            "page": found.page,
            "pages": found.pages,
            "total": found.total,
        },
        ensure_ascii=False,
    )


async def _open(services: Services, id_: str, staff: Staff) -> RequestOpened:
    """A request with what is in it. Raises Problem 404."""
    try:
        return await services.turns.in_database(services.requests.get, id_, desks_of(staff), staff.id)
    except NoSuchRequest:
        raise Problem(404, "no_request") from None


@blueprint.get("/<id_:str>")
async def opened(request: Request, id_: str) -> HTTPResponse:
    """A request with the contact details in it. The audit keeps who looked."""
    staff = await allowed(request, "agent")
    services = services_of(request)
    return json(_opened(services, await _open(services, id_, staff), staff.language), ensure_ascii=False)


@blueprint.get("/<id_:str>/templates")
async def answer_templates(request: Request, id_: str) -> HTTPResponse:
    """What an answer may begin with, filled in for this request."""
    staff = await allowed(request, "agent")
    services = services_of(request)
    found = await _open(services, id_, staff)
    form = services.turns.guiding.forms.get(found.filed.kind)
    shown = [
        {"id": one.id, "title": one.title, "subject": one.subject, "text": one.text}
        for one in templates(found.filed, form, staff.name, staff.language)
    ]
    return json({"templates": shown}, ensure_ascii=False)


async def _changed(
    request: Request,
    staff: Staff,
    what: Literal["assign", "close", "reopen", "send_again"],
    id_: str,
    *arguments: object,
) -> HTTPResponse:
    """Changes a request and gives it as it stands; the desk's consoles hear of it. Raises Problem."""
    services = services_of(request)
    change = getattr(services.requests, what)
    try:
        shown = await services.turns.in_database(change, id_, desks_of(staff), staff.id, *arguments)
    except NoSuchRequest:
        raise Problem(404, "no_request") from None
    except NoSuchAgent:
        raise Problem(422, "no_agent") from None
    await services.tell_requests(shown.desk)
    return json(_listed(services, shown, staff.language), ensure_ascii=False)


@blueprint.post("/<id_:str>/assign")
async def assign(request: Request, id_: str) -> HTTPResponse:
    """Gives a request to the agent, to a colleague of its desk, or to nobody."""
    staff = await allowed(request, "agent")
    to = read(request, _Assign).to
    return await _changed(request, staff, "assign", id_, {"me": staff.id, NOBODY: None, "none": None}.get(to, to))


@blueprint.post("/<id_:str>/answer")
async def answer(request: Request, id_: str) -> HTTPResponse:
    """Sends an answer by mail, by way of the outbox. Who answers at the same time as another is told."""
    staff = await allowed(request, "agent")
    body, services = read(request, _Answer), services_of(request)
    subject, said = tidy_subject(body.subject), tidy_text(body.text)
    if not subject or not said:
        raise Problem(422, "empty")
    if not is_finished(said):
        raise Problem(422, "unfinished")
    written = Answer(subject, said, body.answered_at)
    try:
        shown = await services.turns.in_database(services.requests.answer, id_, desks_of(staff), staff.id, written)
    except NoSuchRequest:
        raise Problem(404, "no_request") from None
    except RequestIsClosed:
        raise Problem(409, "request_closed") from None
    except NoAddress:
        raise Problem(409, "no_address") from None
    except TooManyAnswers:
        raise Problem(409, "too_many_answers") from None
    except AlreadyAnswered as problem:
        who = problem.name or text("request.somebody", staff.language)
        raise Problem(409, "answered_meanwhile", who=who) from None
    await services.tell_requests(shown.desk)
    return json(_listed(services, shown, staff.language), ensure_ascii=False)


@blueprint.post("/<id_:str>/close")
async def close(request: Request, id_: str) -> HTTPResponse:
    """Closes a request."""
    return await _changed(request, await allowed(request, "agent"), "close", id_)


@blueprint.post("/<id_:str>/reopen")
async def reopen(request: Request, id_: str) -> HTTPResponse:
    """Opens a closed request again."""
    return await _changed(request, await allowed(request, "agent"), "reopen", id_)


@blueprint.post("/<id_:str>/send-again")
async def send_again(request: Request, id_: str) -> HTTPResponse:
    """Tries again what could not be sent of a request: its ticket, or answers."""
    return await _changed(request, await allowed(request, "agent"), "send_again", id_)
