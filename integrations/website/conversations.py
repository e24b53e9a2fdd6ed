"""The conversation API: open, say, read, give feedback, erase."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import cast

from sanic import Blueprint, Request, empty, json
from sanic.response import HTTPResponse

from bot.answers import rendering
from bot.answers.knowledge import Knowledge
from bot.messages import Draft, Language, MessageShown
from bot.texts import text
from integrations.website.limits import Limits
from integrations.website.problems import language_of
from integrations.website.requests import GiveFeedback, OpenConversation, key_of, page_of, read, read_message, token_of
from integrations.website.services import Services

blueprint = Blueprint("conversations", url_prefix="/api/v1/conversations")


def _services(request: Request) -> Services:
    return cast("Services", request.app.ctx.services)


def _limits(request: Request) -> Limits:
    return cast("Limits", request.app.ctx.limits)


def _shown(messages: list[MessageShown]) -> list[dict[str, object]]:
    return [message.model_dump(mode="json") for message in messages]


def _greeting(knowledge: Knowledge, language: Language, topic: str | None) -> list[Draft]:
    """What a conversation opens with; opened on a topic, its answer follows at once."""
    buttons = (
        [] if topic in knowledge.topics else rendering.topic_buttons(knowledge.greeting_topics, knowledge, language)
    )
    drafts = [Draft(kind="greeting", text=text("greeting.text", language), language=language, buttons=buttons)]
    if topic in knowledge.topics and topic is not None:
        drafts.append(rendering.answer(knowledge.topics[topic], knowledge, language, datetime.now(UTC).date()))
    elif topic is not None:
        drafts.append(Draft(kind="text", text=text("greeting.unknown_topic", language), language=language))
    return drafts


@blueprint.post("/")
async def open_conversation(request: Request) -> HTTPResponse:
    """Opens a conversation; the token in the reply is its only key."""
    body = read(request, OpenConversation)
    _limits(request).opening(request)
    services = _services(request)
    language = cast("Language", body.language or language_of(request))
    request.ctx.language = language
    drafts = _greeting(services.knowledge, language, body.topic)
    store = services.turns.store
    id_, token, messages = await services.turns.in_database(store.open, language, body.channel, body.referrer, drafts)
    return json({"id": id_, "token": token, "language": language, "messages": _shown(messages)}, status=201)


async def _admit(request: Request, id_: str) -> str:
    """Lets the request through to the conversation; gives its token, and errors its language.

    Raises Problem 401 or 429, NoSuchConversation.
    """
    token = token_of(request)
    _limits(request).asking(request)
    turns = _services(request).turns
    context = await turns.in_database(turns.store.check, id_, token)
    request.ctx.language = context.language
    return token


@blueprint.post("/<id_:str>/messages")
async def say(request: Request, id_: str) -> HTTPResponse:
    """Takes a message and gives the replies to it; none while a person holds the conversation."""
    token = await _admit(request, id_)
    body, key = read_message(request), key_of(request)
    _limits(request).message(id_)
    replies = await _services(request).turns.take(id_, token, said=body.text, button_id=body.payload, key=key)
    return json({"messages": _shown(replies)})


@blueprint.get("/<id_:str>/messages")
async def messages(request: Request, id_: str) -> HTTPResponse:
    """Messages, oldest first."""
    token = await _admit(request, id_)
    after, limit = page_of(request)
    turns = _services(request).turns
    await turns.settle(id_)
    found = await turns.in_database(turns.store.messages, id_, token, after, limit)
    return json({"messages": _shown(found)})


@blueprint.post("/<id_:str>/feedback")
async def feedback(request: Request, id_: str) -> HTTPResponse:
    """Whether a message helped."""
    token = await _admit(request, id_)
    body = read(request, GiveFeedback)
    turns = _services(request).turns
    await turns.in_database(turns.store.give_feedback, id_, token, body.message_id, body.helpful)
    return empty()


FORGETTING_TRIES = 60


async def _forget_later(services: Services) -> None:
    """Sees to it that what was erased leaves SQLite's log too, once whoever reads has finished.

    The jobs do the same every ten minutes, for what this process leaves behind.
    """
    for _ in range(FORGETTING_TRIES):
        await asyncio.sleep(1)
        if await services.turns.in_database(services.turns.store.forget_in_log):
            return


@blueprint.delete("/<id_:str>")
async def erase(request: Request, id_: str) -> HTTPResponse:
    """Erases the conversation everywhere."""
    token = await _admit(request, id_)
    services = _services(request)
    await services.turns.in_database(services.turns.store.erase, id_, token)
    services.turns.streams.end(id_)
    if not await services.turns.in_database(services.turns.store.forget_in_log):
        request.app.add_task(_forget_later(services))
    return empty()
