"""Asks Rasa what a message calls for. Bounded in time; what goes wrong is one kind of error."""

from __future__ import annotations

import logging
from typing import Any

import aiohttp
from pydantic import ValidationError

from bot.conversations.store import Turn
from bot.messages import Draft

log = logging.getLogger(__name__)

MOST_CONNECTIONS = 64


class RouterDown(Exception):
    """Rasa or the action server did not answer, or answered nothing of use."""


def _routed_text(turn: Turn, for_guide: bool) -> str:
    """What Rasa reads: the visitor's words, or the intent that a pressed button stands for.

    Only the server makes texts that start with a slash; a visitor's never get here.
    """
    payload = turn.context.payload or {}
    if for_guide or "guide" in payload:
        return "/guide"
    if "topic" in payload:
        return "/choose_topic"
    if "intent" in payload:
        return f"/{payload['intent']}"
    return str(payload.get("again") or turn.message.text)


class Router:
    """A client of the Rasa process."""

    # aiohttp and not httpx, as elsewhere: this call is in every turn, and takes it a fifth of the time.

    def __init__(self, url: str, timeout_seconds: float) -> None:
        self._url = f"{url.rstrip('/')}/webhooks/rest/webhook"
        self._timeout = aiohttp.ClientTimeout(total=timeout_seconds)
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Closes the connections."""
        if self._session is not None:
            await self._session.close()

    def _open(self) -> aiohttp.ClientSession:
        """The connections; they belong to the loop that runs."""
        if self._session is None:
            connector = aiohttp.TCPConnector(limit=MOST_CONNECTIONS)
            self._session = aiohttp.ClientSession(connector=connector, timeout=self._timeout)
        return self._session

    async def _send(self, sender: str, text: str, metadata: dict[str, Any]) -> list[dict[str, Any]]:
        body = {"sender": sender, "message": text, "metadata": metadata}
        try:
            async with self._open().post(self._url, json=body, allow_redirects=False) as reply:
                reply.raise_for_status()
                return [entry.get("custom") or {} for entry in await reply.json(content_type=None)]
        except (aiohttp.ClientError, TimeoutError, ValueError, AttributeError) as problem:
            raise RouterDown(type(problem).__name__) from problem

    async def drafts(self, turn: Turn, *, for_guide: bool = False) -> list[Draft]:
        """The replies that the assistant drafts to a message; at least one.

        for_guide: the step of a guide that waits has read the message as its answer.

        Raises RouterDown: also when Rasa answered but the action server did not (then it says nothing at all).
        """
        said = await self._send(turn.context.id, _routed_text(turn, for_guide), {"message_id": turn.message.id})
        try:
            drafts = [Draft.model_validate(entry) for entry in said]
        except ValidationError as problem:
            raise RouterDown("a reply of the wrong form") from problem
        if not drafts:
            raise RouterDown("no reply")
        return drafts

    async def probe(self, database_mark: str) -> None:
        """Sends a message all the way through Rasa to the action server and back.

        database_mark: the actions must use the same database; those of another checkout on the same ports do not.

        Raises RouterDown.
        """
        if not any(entry.get("ready") == database_mark for entry in await self._send("probe", "/probe", {})):
            raise RouterDown("no reply from the action server")
