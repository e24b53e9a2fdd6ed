"""The conversation API: open, say, read, give feedback, erase."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import cast

from sanic import Blueprint, Request, empty, json
from sanic.response import HTTPResponse

from bot.answers import rendering
from bot.guides.guiding import Guiding
from bot.guides.rendering import start_button
from bot.guides.resuming import code_in
from bot.helpdesk.hours import AMSTERDAM
from bot.messages import ButtonDraft, Draft, Language, MessageShown
from bot.texts import text
from bot.trends.popularity import NothingToOpen
from integrations.website.admission import admit, limits_of, services_of
from integrations.website.problems import Problem, language_of
from integrations.website.requests import GiveFeedback, OpenConversation, Opened, key_of, page_of, read, read_message
from integrations.website.services import Services

blueprint = Blueprint("conversations", url_prefix="/api/v1/conversations")


def _shown(messages: list[MessageShown]) -> list[dict[str, object]]:
    return [message.model_dump(mode="json") for message in messages]


def greeting(services: Services, language: Language, topic: str | None) -> list[Draft]:
    """What a conversation opens with; opened on a topic, its answer follows at once."""
    knowledge, guiding = services.knowledge, services.turns.guiding
    opened_on = knowledge.topics.get(topic) if topic is not None else None
    buttons = [] if opened_on else _offered(guiding, services, language)
    drafts = [Draft(kind="greeting", text=text("greeting.text", language), language=language, buttons=buttons)]
    if opened_on:
        today = datetime.now(AMSTERDAM).date()
        drafts.append(guiding.offers(rendering.answer(opened_on, knowledge, language, today)))
    elif topic is not None:
        drafts.append(Draft(kind="text", text=text("greeting.unknown_topic", language), language=language))
    return drafts


def _offered(guiding: Guiding, services: Services, language: Language) -> list[ButtonDraft]:
    """The guides first: most companies come because they have to do something."""
    guides = [start_button(guide, language) for guide in guiding.guides.guides.values()]
    return [*guides, *rendering.topic_buttons(services.knowledge.greeting_topics, services.knowledge, language)]


@blueprint.post("/")
async def open_conversation(request: Request) -> HTTPResponse:
    """Opens a conversation; the token in the reply is its only key."""
    body = read(request, OpenConversation)
    limits_of(request).opening(request)
    services = services_of(request)
    language = cast("Language", body.language or language_of(request))
    request.ctx.language = language
    drafts = greeting(services, language, body.topic)
    store = services.turns.store
    id_, token, messages = await services.turns.in_database(store.open, language, body.channel, body.referrer, drafts)
    return json({"id": id_, "token": token, "language": language, "messages": _shown(messages)}, status=201)


@blueprint.post("/<id_:str>/messages")
async def say(request: Request, id_: str) -> HTTPResponse:
    """Takes a message and gives the replies to it; none while a person holds the conversation."""
    token, _ = await admit(request, id_)
    body, key = read_message(request), key_of(request)
    limits_of(request).message(id_)
    if body.text is not None and code_in(body.text):
        limits_of(request).resuming(request)
    replies = await services_of(request).turns.take(id_, token, said=body.text, button_id=body.payload, key=key)
    return json({"messages": _shown(replies)})


@blueprint.get("/<id_:str>/messages")
async def messages(request: Request, id_: str) -> HTTPResponse:
    """Messages, oldest first."""
    token, _ = await admit(request, id_)
    after, limit = page_of(request)
    turns = services_of(request).turns
    services_of(request).handing_over.read(id_)
    await turns.settle(id_)
    found = await turns.in_database(turns.store.messages, id_, token, after, limit)
    return json({"messages": _shown(found)})


@blueprint.post("/<id_:str>/feedback")
async def feedback(request: Request, id_: str) -> HTTPResponse:
    """Whether a message helped."""
    token, _ = await admit(request, id_)
    body = read(request, GiveFeedback)
    turns = services_of(request).turns
    await turns.in_database(turns.store.give_feedback, id_, token, body.message_id, body.helpful)
    return empty()


@blueprint.post("/<id_:str>/opened")
async def opened(request: Request, id_: str) -> HTTPResponse:
    """Which source or material of an answer was opened; counted for the trends, without who opened it."""
    await admit(request, id_)
    body = read(request, Opened)
    services = services_of(request)
    try:
        await services.turns.in_database(services.popularity.opened, id_, body.message_id, body.url)
    except NothingToOpen:
        raise Problem(404, "no_message") from None
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
    token, _ = await admit(request, id_)
    services = services_of(request)
    await services.turns.in_database(services.turns.store.erase, id_, token)
    await services.handing_over.erased(id_)
    if not await services.turns.in_database(services.turns.store.forget_in_log):
        request.app.add_task(_forget_later(services))
    return empty()
