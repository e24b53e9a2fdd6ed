"""Finds a company by its name or KVK number, for an agent: what the Handelsregister tells everybody."""

from __future__ import annotations

import asyncio

from sanic import Blueprint, Request, json
from sanic.response import HTTPResponse

from integrations.console.sessions import allowed
from integrations.kvk.errors import RegisterError
from integrations.website.admission import services_of
from integrations.website.problems import Problem

blueprint = Blueprint("console_companies", url_prefix="/console/api")

LONGEST_QUERY = 120
MOST_SHOWN = 10
WITHIN_SECONDS = 5.0


@blueprint.get("/companies")
async def companies(request: Request) -> HTTPResponse:
    """The companies with a name or a number; `is_on` is false where the register is not used.

    Raises Problem 422, or 503 where the register does not answer.
    """
    await allowed(request, "agent")
    services = services_of(request)
    is_on = services.settings.kvk_api_key is not None
    query = " ".join((request.args.get("q") or "").split())
    if not is_on or not query:
        return json({"is_on": is_on, "companies": []})
    if len(query) > LONGEST_QUERY:
        raise Problem(422, "invalid", fields="q")
    try:
        found = await asyncio.wait_for(services.register.search(query), WITHIN_SECONDS)
    except (RegisterError, TimeoutError):
        raise Problem(503, "no_register", retry_after=60) from None
    shown = [{"kvk_number": one.kvk_number, "name": one.name, "town": one.town} for one in found[:MOST_SHOWN]]
    return json({"is_on": True, "companies": shown}, ensure_ascii=False)
