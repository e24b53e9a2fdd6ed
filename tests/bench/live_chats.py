"""Live chats: fifty visitors with ten agents at once, over the API, the console and both streams.

The desk of the Charter is taken: it claims no hours, so that the bench runs at night as well.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from websockets.asyncio.client import ClientConnection, connect

from integrations.console.sessions import COOKIE_ON_LOOPBACK
from tests.console.conftest import Console, running_console

VISITORS, AGENTS, ROUNDS = 50, 10, 10
WITHIN_SECONDS = 60.0


@dataclass
class _Seen:
    """Messages that came over a stream, by their text, and when."""

    at: dict[str, float] = field(default_factory=dict)
    came: asyncio.Event = field(default_factory=asyncio.Event)

    async def listen(self, socket: ClientConnection) -> None:
        """Until the stream ends."""
        async for said in socket:
            frame = json.loads(said)
            if frame["type"] == "message":
                self.at.setdefault(frame["message"]["text"], time.perf_counter())
                self.came.set()

    async def wait_for(self, text: str) -> float:
        """When this text came."""
        async with asyncio.timeout(WITHIN_SECONDS):
            while text not in self.at:
                self.came.clear()
                await self.came.wait()
        return self.at[text]


@dataclass
class _Chat:
    """A visitor's conversation, and the agent who holds it."""

    id: str
    name: str
    token: str
    http: httpx.AsyncClient
    agent: httpx.AsyncClient
    at_visitor: _Seen
    at_agent: _Seen

    async def exchange(self, number: int) -> tuple[float, float]:
        """A question and an answer; gives the milliseconds that each was on its way."""
        asked, answered = f"vraag {number} van {self.name}", f"antwoord {number} aan {self.name}"
        headers = {"Authorization": f"Bearer {self.token}"}
        began = time.perf_counter()
        reply = await self.http.post(f"/api/v1/conversations/{self.id}/messages", json={"text": asked}, headers=headers)
        reply.raise_for_status()
        there = (await self.at_agent.wait_for(asked) - began) * 1000
        began = time.perf_counter()
        body = {"text": answered, "key": answered}
        (await self.agent.post(f"/console/api/conversations/{self.id}/say", json=body)).raise_for_status()
        return there, (await self.at_visitor.wait_for(answered) - began) * 1000


@asynccontextmanager
async def _listening(url: str, seen: _Seen, first: dict[str, Any] | None, **headers: str) -> AsyncIterator[None]:
    async with connect(url.replace("http", "ws", 1), additional_headers=headers, max_queue=None) as socket:
        if first:
            await socket.send(json.dumps(first))
        listening = asyncio.create_task(seen.listen(socket))
        try:
            yield
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)


async def _chats(console: Console, stack: AsyncExitStack) -> list[_Chat]:
    """Every visitor has asked for a person, and an agent has claimed each."""
    http = await stack.enter_async_context(httpx.AsyncClient(base_url=console.url, timeout=60))
    agents: list[tuple[httpx.AsyncClient, _Seen]] = []
    for number in range(AGENTS):
        signed_in = console.signed_in("agent", desks=("charter",), name=f"Agent {number}")
        client = httpx.AsyncClient(base_url=console.url, headers=signed_in.http.headers, timeout=60)
        client.cookies.set(COOKIE_ON_LOOPBACK, signed_in.token)
        seen = _Seen()
        await stack.enter_async_context(client)
        await stack.enter_async_context(
            _listening(f"{console.url}/console/api/stream", seen, None, Cookie=signed_in.cookie)
        )
        (await client.post("/console/api/me/takes-chats", json={"takes_chats": True})).raise_for_status()
        agents.append((client, seen))
    chats = []
    for number in range(VISITORS):
        opened = (await http.post("/api/v1/conversations", json={"language": "nl", "topic": "charter.what-is"})).json()
        id_, token = opened["id"], opened["token"]
        said = {"text": "Ik wil een medewerker spreken"}
        headers = {"Authorization": f"Bearer {token}"}
        (await http.post(f"/api/v1/conversations/{id_}/messages", json=said, headers=headers)).raise_for_status()
        agent, at_agent = agents[number % AGENTS]
        (await agent.post(f"/console/api/conversations/{id_}/claim", json={})).raise_for_status()
        at_visitor = _Seen()
        auth = {"type": "auth", "token": token}
        await stack.enter_async_context(
            _listening(f"{console.url}/api/v1/conversations/{id_}/stream", at_visitor, auth)
        )
        chats.append(_Chat(id_, f"bezoeker {number}", token, http, agent, at_visitor, at_agent))
    return chats


async def _measure(console: Console) -> dict[str, float]:
    async with AsyncExitStack() as stack:
        chats = await _chats(console, stack)
        await asyncio.gather(*(chat.exchange(0) for chat in chats))  # warm
        spent: list[tuple[float, float]] = []
        began = time.perf_counter()
        for number in range(1, ROUNDS + 1):
            spent += await asyncio.gather(*(chat.exchange(number) for chat in chats))
        took = time.perf_counter() - began
    to_agent, to_visitor = np.array(spent).T
    return {
        "visitors": VISITORS,
        "agents": AGENTS,
        "to_agent_median_ms": float(np.median(to_agent)),
        "to_agent_p95_ms": float(np.percentile(to_agent, 95)),
        "to_visitor_median_ms": float(np.median(to_visitor)),
        "to_visitor_p95_ms": float(np.percentile(to_visitor, 95)),
        "messages_per_second": 2 * len(spent) / took,
    }


def live_chats() -> dict[str, float]:
    """How long a message is on its way when all visitors speak at once, in each direction, and how many a second."""
    with tempfile.TemporaryDirectory() as folder:
        console = running_console(
            Path(folder), STREAMS_PER_ADDRESS="1000", MESSAGES_PER_CONVERSATION_PER_MINUTE="100000"
        )
        try:
            console.system.start("actions", "rasa")
            console.system.wait_until(200)
            return asyncio.run(_measure(console))
        finally:
            console.system.stop("actions", "rasa")
            console.close()
