"""The WebSocket of a console: everything that happens at the agent's desks, as it happens.

The first frame is the board, so that a console that was away catches up. A console that is open shows it every half
minute; that is how the queue knows who is there.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError
from sanic import Blueprint, Request, Websocket

from bot.staff.accounts import Staff
from integrations.console.board import board_of, requests_open
from integrations.console.seeing import desks_of
from integrations.console.sessions import staff_of, token_of
from integrations.website.admission import services_of
from integrations.website.problems import Problem
from integrations.website.services import Services

blueprint = Blueprint("console_stream", url_prefix="/console/api")

UNAUTHORISED = 4401
FORBIDDEN = 4403
TRY_AGAIN_LATER = 1013
SILENT_AFTER_SECONDS = 100
"""A console says every half minute that it is there. One that does not is gone, whatever its connection says."""

MOST_PER_ACCOUNT = 10

_open: Counter[str] = Counter()


class _FromConsole(BaseModel):
    model_config = ConfigDict(extra="ignore")

    type: Literal["here", "typing"]
    active: bool = False
    conversation: str = ""


class _Over(Exception):
    """The stream ends, with this code and reason."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code, self.reason = code, reason


class _Console:
    """One open console."""

    def __init__(self, services: Services, socket: Websocket, staff: Staff, token: str) -> None:
        self.services, self.socket, self.staff, self.token = services, socket, staff, token
        self.desks = desks_of(staff)
        self._checked_at = time.monotonic()

    async def send(self, frame: dict[str, Any]) -> None:
        await self.socket.send(json.dumps(frame, ensure_ascii=False))

    async def serve(self) -> None:
        """Watches first and looks then, so that nothing falls in between."""
        streams = self.services.turns.streams
        keys = [*(f"desk:{desk}" for desk in self.desks), f"staff:{self.staff.id}"]
        with ExitStack() as watching:
            queues = [watching.enter_context(streams.watch(key)) for key in keys]
            await self._seen()
            await self.send({"type": "board", "board": await board_of(self.services, self.staff)})
            await self.services.handing_over.check_presence()
            tasks = [asyncio.create_task(self._pass_on(queue)) for queue in queues]
            tasks.append(asyncio.create_task(self._listen()))
            try:
                done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    async def _pass_on(self, queue: asyncio.Queue[dict[str, Any] | None]) -> None:
        while (frame := await queue.get()) is not None:
            await self.send(frame)
        raise _Over(TRY_AGAIN_LATER, "catch up")

    async def _listen(self) -> None:
        """Only `here` keeps the stream open: with it, and with nothing else, the session is looked at again."""
        while True:
            left = self._checked_at + SILENT_AFTER_SECONDS - time.monotonic()
            said = await self.socket.recv(max(left, 0.001))
            if said is None:
                raise _Over(TRY_AGAIN_LATER, "silent")
            try:
                frame = _FromConsole.model_validate_json(said)
            except ValidationError:
                continue
            if frame.type == "typing":
                await self.services.handing_over.typing(frame.conversation[:100], self.staff)
            else:
                await self._here(frame.active)

    async def _here(self, active: bool) -> None:
        """The console is open. That alone does not prolong the session: somebody must be using it."""
        find = self.services.staff_sessions.find
        staff = await self.services.turns.in_database(find, self.token, is_use=active)
        if staff is None:
            raise _Over(UNAUTHORISED, "signed out")
        if desks_of(staff) != self.desks or not staff.may("agent"):
            raise _Over(TRY_AGAIN_LATER, "other desks")
        self.staff, self._checked_at = staff, time.monotonic()
        await self._seen()
        await self.send({"type": "here", "requests_open": await requests_open(self.services, self.desks)})

    async def _seen(self) -> None:
        await self.services.turns.in_database(self.services.staff.seen, self.staff.id)


@contextmanager
def _counted(account_id: str) -> Iterator[None]:
    """Counts the open consoles of an account; not those of an address, which a whole office may share."""
    if _open[account_id] >= MOST_PER_ACCOUNT:
        raise _Over(TRY_AGAIN_LATER, "too many consoles")
    _open[account_id] += 1
    try:
        yield
    finally:
        _open[account_id] -= 1
        if not _open[account_id]:
            del _open[account_id]


@blueprint.websocket("/stream")
async def stream(request: Request, socket: Websocket) -> None:
    """Streams what happens at the agent's desks until either side closes."""
    try:
        staff = await staff_of(request)
        if not staff.may("agent"):
            raise _Over(FORBIDDEN, "not an agent")
        with _counted(staff.id):
            await _Console(services_of(request), socket, staff, token_of(request)).serve()
    except Problem as problem:
        await socket.close(UNAUTHORISED if problem.status == 401 else TRY_AGAIN_LATER, problem.name)
    except _Over as over:
        await socket.close(over.code, over.reason)
