"""Lets a request through to its conversation: token, rate, and the language of its errors."""

from __future__ import annotations

from typing import cast

from sanic import Request

from bot.conversations.store import Context
from integrations.website.limits import Limits
from integrations.website.requests import token_of
from integrations.website.services import Services


def services_of(request: Request) -> Services:
    """What the process shares."""
    return cast("Services", request.app.ctx.services)


def limits_of(request: Request) -> Limits:
    """The limits of the process."""
    return cast("Limits", request.app.ctx.limits)


async def admit(request: Request, id_: str) -> tuple[str, Context]:
    """The token of the request, and the conversation that it opens; errors speak its language from here on.

    Raises Problem 401 or 429, NoSuchConversation.
    """
    token = token_of(request)
    limits_of(request).asking(request)
    turns = services_of(request).turns
    context = await turns.in_database(turns.store.check, id_, token)
    request.ctx.language = context.language
    return token, context
