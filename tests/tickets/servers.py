"""Zammad and Chatwoot on this machine: they speak the documented shapes, and misbehave when told to."""

from __future__ import annotations

import asyncio
import itertools
import json
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs, urlsplit

TOKEN = "t9-this-token-must-stay-secret-77"


@dataclass(frozen=True)
class Reply:
    """What a server answers, and how."""

    status: int = 200
    body: bytes = b"{}"
    headers: dict[str, str] = field(default_factory=dict)
    after_seconds: float = 0
    byte_every_seconds: float = 0
    hangs_up: bool = False
    twice: bool = False
    """Says the whole answer twice, one after the other."""
    does_it: bool = False
    """Does what it was asked first, whatever it then answers."""
    answers_itself: bool = False
    """With `does_it`: answers what it always answers, only in the manner that stands here."""


@dataclass(frozen=True)
class Asked:
    """What a server was asked."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any


def said(status: int, body: Any) -> Reply:
    """A JSON answer."""
    return Reply(status, json.dumps(body).encode())


class LocalServer(ABC):
    """`next` holds what it answers instead to the next requests, `always` to all of them."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.next: deque[Reply] = deque()
        self.always: Reply | None = None
        self.heard: Callable[[Asked], None] = lambda _: None
        self.ids = itertools.count(100)
        self._writers: set[asyncio.StreamWriter] = set()

    async def __aenter__(self) -> LocalServer:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for writer in self._writers:
            writer.close()
        await self._server.wait_closed()

    def calls(self, method: str, ending: str = "") -> list[Asked]:
        """What was asked so far, by method and by how the path ends."""
        return [asked for asked in self.asked if asked.method == method and asked.path.endswith(ending)]

    @abstractmethod
    def answer(self, asked: Asked) -> Reply:
        """What it answers when it is well."""

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
                method, target, _ = head[0].split()
                headers = {k.lower(): v for k, v in (line.split(": ", 1) for line in head[1:] if line)}
                content = await reader.readexactly(int(headers.get("content-length", "0")))
                address = urlsplit(target)
                query = {name: values[0] for name, values in parse_qs(address.query).items()}
                asked = Asked(method, address.path, query, headers, json.loads(content) if content else None)
                self.asked.append(asked)
                told = self.next.popleft() if self.next else self.always
                if told is None or told.does_it:
                    own = self.answer(asked)
                    if told is None:
                        told = own
                    elif told.answers_itself:
                        told = Reply(**{**told.__dict__, "status": own.status, "body": own.body})
                self.heard(asked)
                if not await self._send(writer, told):
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            self._writers.discard(writer)
            writer.close()

    async def _send(self, writer: asyncio.StreamWriter, reply: Reply) -> bool:
        await asyncio.sleep(reply.after_seconds)
        if reply.hangs_up:
            return False
        lines = [f"HTTP/1.1 {reply.status} {HTTPStatus(reply.status).phrase}", f"Content-Length: {len(reply.body)}"]
        lines += [f"{name}: {value}" for name, value in {"Content-Type": "application/json", **reply.headers}.items()]
        head = "\r\n".join([*lines, "", ""]).encode()
        for _ in range(2 if reply.twice else 1):
            writer.write(head)
            if not reply.byte_every_seconds:
                writer.write(reply.body)
            for at in range(len(reply.body) if reply.byte_every_seconds else 0):
                writer.write(reply.body[at : at + 1])
                await writer.drain()
                await asyncio.sleep(reply.byte_every_seconds)
        await writer.drain()
        return True


class LocalZammad(LocalServer):
    """Zammad: tickets by POST, and its search. It knows one customer, and makes others for `guess:`."""

    def __init__(self) -> None:
        super().__init__()
        self.tickets: list[dict[str, Any]] = []
        self.customers = {"desk@example.org"}
        self.groups = {"Portaal", "Charter"}

    def answer(self, asked: Asked) -> Reply:
        if asked.headers.get("authorization") != f"Token token={TOKEN}":
            return said(401, {"error": "Invalid token"})
        if (asked.method, asked.path) == ("GET", "/api/v1/tickets/search"):
            # Words, as a search engine finds them, the newest first: more than what has the reference.
            words = asked.query["query"].replace("-", " ").split()
            hits = [ticket for ticket in reversed(self.tickets) if any(word in ticket["title"] for word in words)]
            assets = {str(ticket["id"]): ticket for ticket in hits}
            return said(
                200, {"tickets": [t["id"] for t in hits], "tickets_count": len(hits), "assets": {"Ticket": assets}}
            )
        if (asked.method, asked.path) != ("POST", "/api/v1/tickets"):
            return said(404, {"error": "No route matches"})
        body = asked.body
        guessed = str(body.get("customer_id", "")).removeprefix("guess:")
        customer = body.get("customer") or guessed
        if body["group"] not in self.groups or (not guessed and customer not in self.customers):
            return said(422, {"error": "No lookup value found"})
        if guessed:
            self.customers.add(guessed)
        id_ = next(self.ids)
        ticket = {"id": id_, "number": f"22{id_}", "title": body["title"], "group": body["group"], "customer": customer}
        self.tickets.append({**ticket, "article": body["article"]})
        return said(201, ticket)


class LocalChatwoot(LocalServer):
    """Chatwoot: contacts, conversations in an API inbox, messages, statuses. Identifiers and addresses are unique."""

    def __init__(self) -> None:
        super().__init__()
        self.contacts: list[dict[str, Any]] = []
        self.conversations: list[dict[str, Any]] = []

    def answer(self, asked: Asked) -> Reply:
        if asked.headers.get("api_access_token") != TOKEN:
            return said(401, {"errors": ["You need to sign in or sign up before continuing."]})
        part = asked.path.removeprefix("/api/v1/accounts/3/")
        if part == asked.path:
            return said(404, {"error": "Resource could not be found"})
        match (asked.method, *part.split("/")):
            case ("POST", "contacts"):
                return self._contact(asked.body)
            case ("GET", "contacts", "search"):
                found = [one for one in self.contacts if asked.query["q"] in (one["identifier"] + one["name"])]
                return said(200, {"meta": {"count": len(found)}, "payload": found})
            case ("GET", "contacts", id_, "conversations"):
                found = [one for one in self.conversations if one["contact_id"] == int(id_)]
                return said(200, {"payload": found})
            case ("POST", "conversations"):
                return self._conversation(asked.body)
            case ("GET", "conversations", id_, "messages"):
                return said(200, {"meta": {}, "payload": self._of(id_)["messages"]})
            case ("POST", "conversations", id_, "messages"):
                message = {"id": next(self.ids), **asked.body}
                self._of(id_)["messages"].append(message)
                return said(200, message)
            case ("POST", "conversations", id_, "toggle_status"):
                self._of(id_)["status"] = asked.body["status"]
                return said(200, {"meta": {}, "payload": {"success": True, "current_status": asked.body["status"]}})
        return said(404, {"error": "Resource could not be found"})

    def _of(self, id_: str) -> dict[str, Any]:
        return next(one for one in self.conversations if one["id"] == int(id_))

    def _contact(self, body: dict[str, Any]) -> Reply:
        if any(one["identifier"] == body["identifier"] for one in self.contacts):
            return said(422, {"message": "Identifier has already been taken", "attributes": ["identifier"]})
        source = f"source-{next(self.ids)}"
        inboxes = [{"source_id": source, "inbox": {"id": body["inbox_id"], "channel_type": "Channel::Api"}}]
        contact = {"id": next(self.ids), "contact_inboxes": inboxes, **body}
        self.contacts.append(contact)
        return said(200, {"payload": {"contact": contact, "contact_inbox": inboxes[0]}})

    def _conversation(self, body: dict[str, Any]) -> Reply:
        contact = next(one for one in self.contacts if one["id"] == body["contact_id"])
        assert contact["contact_inboxes"][0]["source_id"] == body["source_id"]
        # A bot may be connected to the inbox: then a new conversation is its own, whatever is asked.
        conversation = {"id": next(self.ids), **body, "status": "pending", "messages": []}
        self.conversations.append(conversation)
        return said(200, conversation)
