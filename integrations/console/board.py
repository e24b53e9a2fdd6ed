"""The console's page and its texts, who the agent is, the board with everything that waits, and canned texts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from sanic import Blueprint, Request, empty, json
from sanic.response import HTTPResponse

from bot.helpdesk.canned_texts import SHORTCUT, Canned, NoSuchText, ShortcutTaken, TooManyTexts
from bot.staff.accounts import Staff
from bot.texts import text, texts_under
from integrations.console.rendering import go, render, speak_pages
from integrations.console.seeing import desks_of
from integrations.console.sessions import allowed, csrf_of
from integrations.website.admission import services_of
from integrations.website.problems import Problem
from integrations.website.requests import read
from integrations.website.services import Services

page = Blueprint("console_page", url_prefix="/console")
blueprint = Blueprint("console_board", url_prefix="/console/api")

speak_pages(page)

ROLES = ("agent", "editor", "analyst")
"""Who has something to do in the console."""
LONGEST_CANNED = 4000


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _TakesChats(_Body):
    takes_chats: Annotated[bool, Field(strict=True)]


class _Canned(_Body):
    shortcut: Annotated[str, Field(pattern=SHORTCUT)]
    language: Literal["nl", "en"]
    text: Annotated[str, Field(max_length=LONGEST_CANNED)]


@page.get("/", name="console")
async def console(request: Request) -> HTTPResponse:
    """The console. What stands in it is fetched by its scripts. The task force has pages of its own."""
    staff = await allowed(request, *ROLES, "taskforce")
    if not any(staff.may(role) for role in ROLES):
        return go("/taskforce/")

    def say(key: str) -> str:
        return text(f"console.{key}", staff.language)

    finds_companies = services_of(request).settings.kvk_api_key is not None
    return render(request, "console.html", staff=staff, say=say, finds_companies=finds_companies)


@blueprint.get("/texts")
async def texts(request: Request) -> HTTPResponse:
    """What the console says, in the agent's language."""
    staff = await allowed(request, *ROLES)
    return json({"language": staff.language, "texts": texts_under("console", staff.language)}, ensure_ascii=False)


# ---- who the agent is


@blueprint.get("/me")
async def me(request: Request) -> HTTPResponse:
    """Who is signed in. Suggestions are made ready meanwhile: this is the first thing a console asks."""
    staff = await allowed(request, *ROLES)
    if staff.may("agent"):
        services_of(request).suggester.warm()
    return json(
        {
            "id": staff.id,
            "name": staff.name,
            "roles": sorted(staff.roles),
            "may": [role for role in ROLES if staff.may(role)],
            "desks": list(desks_of(staff)),
            "language": staff.language,
            "takes_chats": staff.takes_chats,
            "csrf": csrf_of(request),
        }
    )


@blueprint.post("/me/takes-chats")
async def take_chats(request: Request) -> HTTPResponse:
    """The agent's own switch: whether visitors may wait for them."""
    staff = await allowed(request, "agent")
    body = read(request, _TakesChats)
    services = services_of(request)
    await services.turns.in_database(services.staff.set_takes_chats, staff.id, body.takes_chats)
    await services.turns.in_database(services.staff.seen, staff.id)
    await services.handing_over.check_presence()
    return json({"takes_chats": body.takes_chats})


async def present(services: Services, desks: tuple[str, ...]) -> dict[str, int]:
    """How many agents of each desk take chats at this moment."""
    return {desk: await services.turns.in_database(services.staff.present, desk) for desk in desks}


async def requests_open(services: Services, desks: tuple[str, ...]) -> dict[str, int]:
    """How many requests of each desk are open."""
    return {desk: await services.turns.in_database(services.requests.count_open, (desk,)) for desk in desks}


# ---- the board


async def board_of(services: Services, staff: Staff) -> dict[str, Any]:
    """What waits, what the agent holds, what colleagues hold, and how many requests are open."""
    desks = desks_of(staff)
    in_database, hand_overs = services.turns.in_database, services.hand_overs
    waiting = await in_database(hand_overs.waiting, desks)
    held = await in_database(hand_overs.held, desks)
    mine = await in_database(hand_overs.held_by, staff.id)
    return {
        "waiting": [shown.as_json() for shown in waiting],
        "mine": [shown.as_json() for shown in mine if shown.desk in desks],
        "open": [shown.as_json() for shown in held if shown.claimed_by != staff.id],
        "requests_open": await requests_open(services, desks),
        "present": await present(services, desks),
    }


@blueprint.get("/board")
async def board(request: Request) -> HTTPResponse:
    """The board, as the stream sends it first."""
    staff = await allowed(request, "agent")
    return json(await board_of(services_of(request), staff))


# ---- canned texts


def _canned(canned: Canned) -> dict[str, str]:
    return {"id": canned.id, "shortcut": canned.shortcut, "language": canned.language, "text": canned.text}


async def _keep(services: Services, how: Callable[..., Canned], account_id: str, body: _Canned, *which: str) -> Canned:
    """Keeps a text. Raises Problem 404, 409, 422."""
    if not body.text.strip():
        raise Problem(422, "empty")
    words = body.text.strip()
    try:
        return await services.turns.in_database(how, account_id, *which, body.shortcut, body.language, words)
    except NoSuchText:
        raise Problem(404, "not_found") from None
    except ShortcutTaken:
        raise Problem(409, "shortcut_taken", shortcut=body.shortcut) from None
    except TooManyTexts:
        raise Problem(409, "too_many_canned") from None


@blueprint.get("/canned-texts")
async def canned_texts(request: Request) -> HTTPResponse:
    """The agent's own texts."""
    staff = await allowed(request, "agent")
    services = services_of(request)
    found = await services.turns.in_database(services.canned_texts.all, staff.id)
    return json({"texts": [_canned(canned) for canned in found]})


@blueprint.post("/canned-texts")
async def add_canned_text(request: Request) -> HTTPResponse:
    """Keeps a new text."""
    staff = await allowed(request, "agent")
    body, services = read(request, _Canned), services_of(request)
    kept = await _keep(services, services.canned_texts.add, staff.id, body)
    return json({"text": _canned(kept)}, status=201)


@blueprint.put("/canned-texts/<id_:str>")
async def change_canned_text(request: Request, id_: str) -> HTTPResponse:
    """Writes a text anew."""
    staff = await allowed(request, "agent")
    body, services = read(request, _Canned), services_of(request)
    kept = await _keep(services, services.canned_texts.change, staff.id, body, id_)
    return json({"text": _canned(kept)})


@blueprint.delete("/canned-texts/<id_:str>")
async def remove_canned_text(request: Request, id_: str) -> HTTPResponse:
    """Takes a text away."""
    staff = await allowed(request, "agent")
    services = services_of(request)
    try:
        await services.turns.in_database(services.canned_texts.remove, staff.id, id_)
    except NoSuchText:
        raise Problem(404, "not_found") from None
    return empty()
