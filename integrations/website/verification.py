"""Verification: the widget's own form, so that no code ever enters the conversation.

Unknown company, wrong code and wrong contact get the same reply, at the same moment.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from sanic import Blueprint, Request, json
from sanic.response import HTTPResponse

from bot.guides.registration import email_address, kvk_number
from bot.messages import Draft
from bot.registry.verification import Asker, OneTime, Refused, TooOften
from bot.texts import text
from integrations.mail.interfaces import Mail
from integrations.website.admission import admit, limits_of, services_of
from integrations.website.problems import Problem
from integrations.website.requests import read

blueprint = Blueprint("verification", url_prefix="/api/v1/conversations")

REPLY_AFTER_SECONDS = 0.4
"""Longer than any of the ways takes: every reply comes at this moment."""


class Verify(BaseModel):
    """POST /conversations/{id}/verification: by activation code, by e-mail, or by the code that was mailed."""

    model_config = ConfigDict(extra="forbid")

    kvk_number: Annotated[str, Field(max_length=40)]
    activation_code: Annotated[str, Field(min_length=1, max_length=100)] | None = None
    email: Annotated[str, Field(min_length=1, max_length=254)] | None = None
    one_time_code: Annotated[str, Field(max_length=100)] | None = None


@asynccontextmanager
async def _at_the_same_moment() -> AsyncIterator[None]:
    """Lets time pass until the moment at which every reply comes."""
    until = time.monotonic() + REPLY_AFTER_SECONDS
    try:
        yield
    finally:
        await asyncio.sleep(max(0.0, until - time.monotonic()))


def _well_formed(body: Verify, language: str) -> tuple[str, str | None]:
    """The KVK number and the address, tidied. Raises Problem 422: the form of what was typed tells nothing."""
    if (body.activation_code is None) == (body.email is None) or (body.one_time_code and body.email is None):
        raise Problem(422, "invalid", fields="activation_code, email, one_time_code")
    try:
        return kvk_number(body.kvk_number), email_address(body.email).lower() if body.email else None
    except ValueError as problem:
        raise Problem(422, "field", said=text(str(problem), language)) from None


@blueprint.post("/<id_:str>/verification")
async def verify(request: Request, id_: str) -> HTTPResponse:
    """Verifies a conversation for a company, or mails a one-time code."""
    _, context = await admit(request, id_)
    body = read(request, Verify)
    number, email = _well_formed(body, context.language)
    services = services_of(request)
    asker = Asker(id_, limits_of(request).address(request))
    in_database, verifier = services.turns.in_database, services.verifier
    async with _at_the_same_moment():
        try:
            if email is None:
                await in_database(verifier.by_code, asker, number, body.activation_code)
            elif body.one_time_code:
                await in_database(verifier.by_email, asker, number, email, body.one_time_code)
            else:
                one_time = await in_database(verifier.request_code, asker, number, email)
                if one_time is not None:
                    services.post.send(_mail(one_time, context.language))
                return json({"verified": False})
        except Refused:
            raise Problem(403, "not_verified") from None
        except TooOften as problem:
            minutes = math.ceil(problem.seconds / 60)
            name = f"verify_{problem.limit}"
            raise Problem(429, name, retry_after=problem.seconds, minutes=minutes) from None
    told = await services.turns.tell(id_, lambda _, said: services.turns.guiding.after(said, [
        Draft(sender="system", kind="text", text=text("status.confirmed", said.language), language=said.language),
        *services.turns.showing.reply(said, "show"),
    ]))  # fmt: skip
    return json({"verified": True, "messages": [m.model_dump(mode="json") for m in told]}, ensure_ascii=False)


def _mail(one_time: OneTime, language: str) -> Mail:
    """The mail with a one-time code. The code is kept nowhere: where no mail arrives, the visitor asks again."""
    subject = text("status.mail.subject", language)
    body = text("status.mail.body", language, company=one_time.company, code=one_time.code)
    return Mail(to=one_time.to, subject=subject, text=body)
