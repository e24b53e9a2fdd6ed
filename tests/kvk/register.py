"""A register on this machine that speaks the shapes that KVK documents, and misbehaves when told to."""

from __future__ import annotations

import asyncio
import json
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from urllib.parse import parse_qs, urlsplit

KEY = "l7-this-key-must-stay-secret-42"


@dataclass(frozen=True)
class Reply:
    """What the server answers, and how."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    after_seconds: float = 0
    byte_every_seconds: float = 0
    hangs_up: bool = False


@dataclass(frozen=True)
class Asked:
    """What the server was asked."""

    path: str
    query: dict[str, str]
    headers: dict[str, str]


def error(status: int, *codes: str, headers: dict[str, str] | None = None, after_seconds: float = 0) -> Reply:
    """An error as the register words it."""
    body = {"fout": [{"code": code, "omschrijving": "Er ging iets mis."} for code in codes]}
    return Reply(status, json.dumps(body).encode(), headers or {}, after_seconds)


def result(number: str, name: str, kind: str = "rechtspersoon", town: str | None = "Lutjebroek") -> dict:
    """An entry of Zoeken."""
    entry = {
        "kvkNummer": number,
        "naam": name,
        "type": kind,
        "links": [{"rel": "basisprofiel", "href": f"https://api.kvk.nl/test/api/v1/basisprofielen/{number}"}],
    }
    if town:
        entry["adres"] = {"binnenlandsAdres": {"type": "bezoekadres", "straatnaam": "Kerkstraat", "plaats": town}}
    if kind != "rechtspersoon":
        entry["vestigingsnummer"] = "000037178598"
    return entry


def basic_profile(number: str, name: str) -> dict:
    """A Basisprofiel."""
    return {
        "kvkNummer": number,
        "indNonMailing": "Nee",
        "naam": name,
        "formeleRegistratiedatum": "20150622",
        "materieleRegistratie": {"datumAanvang": "20150101"},
        "totaalWerkzamePersonen": 312,
        "statutaireNaam": f"{name} statutair",
        "handelsnamen": [{"naam": name, "volgorde": 0}, {"naam": "Verzonnen Handel", "volgorde": 1}],
        "sbiActiviteiten": [
            {"sbiCode": "86101", "sbiOmschrijving": "Universitair medisch centra", "indHoofdactiviteit": "Ja"},
            {"sbiCode": "8610", "sbiOmschrijving": "Ziekenhuizen", "indHoofdactiviteit": "Nee"},
        ],
        "links": [{"rel": "self", "href": f"https://api.kvk.nl/test/api/v1/basisprofielen/{number}"}],
        "_embedded": {"eigenaar": {"rsin": "857587973", "rechtsvorm": "BeslotenVennootschap"}},
    }


class LocalRegister:
    """Answers as documented; `next` holds what it answers instead to the next requests, `always` to all of them."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.next: deque[Reply] = deque()
        self.always: Reply | None = None
        self.results = [result("68750110", "Verzonnen Proefbedrijf BV")]
        self._writers: set[asyncio.StreamWriter] = set()

    async def __aenter__(self) -> LocalRegister:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/test"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for writer in self._writers:
            writer.close()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
                address = urlsplit(head[0].split()[1])
                headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
                query = {name: values[0] for name, values in parse_qs(address.query).items()}
                asked = Asked(address.path, query, headers)
                self.asked.append(asked)
                reply = self.next.popleft() if self.next else self.always or self._answer(asked)
                if not await self._send(writer, reply):
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
        writer.write("\r\n".join([*lines, "", ""]).encode())
        if not reply.byte_every_seconds:
            writer.write(reply.body)
        else:
            for at in range(len(reply.body)):
                writer.write(reply.body[at : at + 1])
                await writer.drain()
                await asyncio.sleep(reply.byte_every_seconds)
        await writer.drain()
        return True

    def _answer(self, asked: Asked) -> Reply:
        if asked.headers.get("apikey") != KEY:
            return Reply(401, b'{"error": "unauthorized"}')
        part = asked.path.removeprefix("/test/api/")
        if part == "v2/zoeken":
            return self._searched(asked.query)
        number = part.removeprefix("v1/basisprofielen/")
        known = next((entry for entry in self.results if entry["kvkNummer"] == number), None)
        if known is None:
            return error(404, "IPD0005")
        return Reply(body=json.dumps(basic_profile(number, known["naam"])).encode())

    def _searched(self, query: dict[str, str]) -> Reply:
        name = query.get("naam", "").casefold()
        found = [
            entry
            for entry in self.results
            if query.get("kvkNummer") == entry["kvkNummer"] or (name and name in entry["naam"].casefold())
        ]
        if not found:
            return error(404, "IPD5200")
        page, size = int(query["pagina"]), int(query["resultatenPerPagina"])
        body = {
            "pagina": page,
            "resultatenPerPagina": size,
            "totaal": len(found),
            "resultaten": found[(page - 1) * size : page * size],
            "links": [],
        }
        return Reply(body=json.dumps(body).encode())


async def _end(register: LocalRegister) -> None:
    await register.__aexit__()
    left = asyncio.all_tasks() - {asyncio.current_task()}
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)


@contextmanager
def served() -> Iterator[LocalRegister]:
    """A local register, served by a thread of its own: for tests that do not run in an event loop."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    register = LocalRegister()
    asyncio.run_coroutine_threadsafe(register.__aenter__(), loop).result(10)
    try:
        yield register
    finally:
        asyncio.run_coroutine_threadsafe(_end(register), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()
