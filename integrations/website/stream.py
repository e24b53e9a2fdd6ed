"""The WebSocket stream of a conversation: what is said in it, as it is said, and who is talking."""

from __future__ import annotations

import asyncio
import json
import uuid
from typing import Annotated, Any, Literal, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from sanic import Blueprint, Request, Websocket

from bot.conversations.store import NoSuchConversation
from bot.conversations.turns import Turns
from bot.helpdesk.handing_over import HandingOver
from integrations.website.limits import Limits
from integrations.website.origins import Origins
from integrations.website.problems import Problem
from integrations.website.services import Services

blueprint = Blueprint("stream", url_prefix="/api/v1/conversations")

AUTHENTICATE_WITHIN_SECONDS = 10
UNAUTHORISED = 4401
TRY_AGAIN_LATER = 1013
LONGEST_FRAME = 100
"""Signs of what a client may say after the first frame."""
_PAGE = 200


class _Authenticate(BaseModel):
    model_config = ConfigDict(extra="forbid")

    type: Literal["auth"]
    token: Annotated[str, Field(max_length=200)]
    after: uuid.UUID | None = None


async def _authenticate(turns: Turns, socket: Websocket, id_: str) -> _Authenticate | None:
    """The first frame, when it is a right one and comes in time."""
    try:
        first = _Authenticate.model_validate_json(await socket.recv(AUTHENTICATE_WITHIN_SECONDS) or "")
        await turns.in_database(turns.store.check, id_, first.token)
    except (ValidationError, NoSuchConversation):
        return None
    return first


async def _catch_up(turns: Turns, socket: Websocket, id_: str, first: _Authenticate) -> str:
    """Sends what was said since the message that the visitor has last; gives the id of the last one sent."""
    last = str(first.after) if first.after else ""
    while True:
        page = await turns.in_database(turns.store.messages, id_, first.token, last or None, _PAGE)
        for message in page:
            await _send(socket, {"type": "message", "message": message.model_dump(mode="json")})
            last = message.id
        if len(page) < _PAGE:
            return last


async def _send(socket: Websocket, frame: dict[str, Any]) -> None:
    await socket.send(json.dumps(frame, ensure_ascii=False))


async def _until_it_closes(socket: Websocket, handing_over: HandingOver, id_: str) -> None:
    """Passes on that the visitor is typing; whatever else the client sends after the first frame is dropped."""
    async for said in socket:
        if said and len(said) <= LONGEST_FRAME and _is_typing(said):
            handing_over.typed(id_)


def _is_typing(said: str | bytes) -> bool:
    try:
        return bool(json.loads(said) == {"type": "typing"})
    except (ValueError, RecursionError):
        return False


@blueprint.websocket("/<id_:str>/stream")
async def stream(request: Request, socket: Websocket, id_: str) -> None:
    """Streams messages, typing and mode until either side closes."""
    cast("Origins", request.app.ctx.origins).check(request)
    handing_over = cast("Services", request.app.ctx.services).handing_over
    try:
        with cast("Limits", request.app.ctx.limits).stream(request):
            await _serve(handing_over, socket, id_)
    except Problem:
        await socket.close(TRY_AGAIN_LATER, "too many streams")
    except NoSuchConversation:
        await socket.close(UNAUTHORISED, "erased meanwhile")


async def _serve(handing_over: HandingOver, socket: Websocket, id_: str) -> None:
    turns = handing_over.turns
    with turns.streams.watch(id_) as frames:
        first = await _authenticate(turns, socket, id_)
        if first is None:
            await socket.close(UNAUTHORISED, "unauthorised")
            return
        await turns.settle(id_)
        last = await _catch_up(turns, socket, id_, first)
        mode, position = await handing_over.mode(id_) or ("assistant", None)
        await _send(socket, {"type": "mode", "mode": mode, "position": position})
        closed = asyncio.create_task(_until_it_closes(socket, handing_over, id_))
        waiting: asyncio.Task[Any] | None = None
        try:
            while True:
                waiting = asyncio.create_task(frames.get())
                await asyncio.wait({closed, waiting}, return_when=asyncio.FIRST_COMPLETED)
                if not waiting.done():
                    return
                frame = waiting.result()
                if frame is None:
                    await socket.close(TRY_AGAIN_LATER, "catch up")
                    return
                # What was stored while catching up is in the queue as well.
                if frame["type"] != "message" or frame["message"]["id"] > last:
                    await _send(socket, frame)
        finally:
            # Awaited, so that neither outlives the stream; also when the server cancels this handler.
            left = [task for task in (closed, waiting) if task is not None]
            for task in left:
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)
