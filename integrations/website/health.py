"""Health and readiness. Both look at the database, at Rasa and, through Rasa, at the action server, for real."""

from __future__ import annotations

import asyncio
import time
from typing import cast

from sanic import Blueprint, Request, json
from sanic.response import HTTPResponse
from sqlalchemy.exc import SQLAlchemyError

from bot.conversations.router import RouterDown
from bot.conversations.turns import Turns

blueprint = Blueprint("health")

REMEMBERED_SECONDS = 1.0
"""Whoever asks more often gets the last result: a health check must not become load."""


class Probe:
    """Looks at the parts that a conversation needs, at most once a second."""

    def __init__(self, turns: Turns, database_mark: str) -> None:
        self._turns, self._database_mark = turns, database_mark
        self._lock = asyncio.Lock()
        self._looked_at = float("-inf")
        self._parts: dict[str, str] = {}

    async def parts(self) -> dict[str, str]:
        """Ok or down, for the database and for the assistant (Rasa and its actions, asked for a reply)."""
        async with self._lock:
            if time.monotonic() - self._looked_at > REMEMBERED_SECONDS:
                database, assistant = await asyncio.gather(self._database(), self._assistant())
                self._parts = {"database": database, "assistant": assistant}
                self._looked_at = time.monotonic()
            return self._parts

    async def _database(self) -> str:
        try:
            await self._turns.in_database(self._turns.store.count)
        except SQLAlchemyError:
            return "down"
        return "ok"

    async def _assistant(self) -> str:
        try:
            await self._turns.router.probe(self._database_mark)
        except RouterDown:
            return "down"
        return "ok"


def probe_of(request: Request) -> Probe:
    """The probe of this process."""
    return cast("Probe", request.app.ctx.probe)


@blueprint.get("/healthz")
async def healthz(request: Request) -> HTTPResponse:
    """200 as long as this process answers; says which parts do not."""
    parts = await probe_of(request).parts()
    status = "ok" if set(parts.values()) == {"ok"} else "degraded"
    return json({"status": status, "parts": parts})


@blueprint.get("/readyz")
async def readyz(request: Request) -> HTTPResponse:
    """200 when questions can be answered, 503 when not."""
    parts = await probe_of(request).parts()
    ready = set(parts.values()) == {"ok"}
    return json({"status": "ready" if ready else "not ready", "parts": parts}, status=200 if ready else 503)
