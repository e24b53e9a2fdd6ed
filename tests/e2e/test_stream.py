"""The stream of a conversation: who may listen, from which origin, and that it tells everything once."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from tests.conftest import Visitor
from tests.e2e.conversing import QUESTION, check_problem
from tests.running import System


@contextmanager
def stream(visitor: Visitor, **options: object) -> Iterator[ClientConnection]:
    """The visitor's stream, before the first frame."""
    url = visitor.system.url.replace("http", "ws", 1) + visitor.path + "/stream"
    with connect(url, open_timeout=60, **options) as socket:  # type: ignore[arg-type]
        yield socket


def authenticate(socket: ClientConnection, token: str, after: str | None = None) -> list[dict]:
    """Says who is there; gives the messages that the server catches up with."""
    socket.send(json.dumps({"type": "auth", "token": token, "after": after}))
    return list(until_frame(socket, "mode"))


def until_frame(socket: ClientConnection, kind: str) -> Iterator[dict]:
    """The messages that come in until a frame of the kind does."""
    while (frame := json.loads(socket.recv(60)))["type"] != kind:
        if frame["type"] == "message":
            yield frame["message"]


def closed_with(socket: ClientConnection) -> int:
    """The code that the server closes with."""
    with pytest.raises(ConnectionClosed) as closed:
        while True:
            socket.recv(60)
    assert closed.value.rcvd is not None
    return closed.value.rcvd.code


@pytest.mark.parametrize("frame", ["other", "unknown", "hello", '{"type": "auth"}', "[]", b"\xff"], ids=ascii)
def test_stream_with_a_wrong_token(system: System, visitor: Visitor, frame: str | bytes) -> None:
    """Closed as unauthorised, with nothing shown."""
    tokens = {"other": Visitor(system).token, "unknown": "x"}
    with stream(visitor) as socket:
        first = json.dumps({"type": "auth", "token": tokens[frame]}) if frame in tokens else frame
        socket.send(first)
        assert closed_with(socket) == 4401


def test_stream_of_nobodys_conversation(visitor: Visitor) -> None:
    """Looks the same as a stranger's."""
    visitor.path = f"/api/v1/conversations/{uuid.uuid4()}"
    with stream(visitor) as socket:
        socket.send(json.dumps({"type": "auth", "token": visitor.token}))
        assert closed_with(socket) == 4401


def test_stream_without_a_token(visitor: Visitor) -> None:
    """Whoever says nothing is not kept for ever."""
    with stream(visitor) as socket:
        assert closed_with(socket) == 4401


def test_stream_from_a_foreign_origin(visitor: Visitor) -> None:
    """A foreign website is refused at the door, our own is not."""
    with pytest.raises(InvalidStatus) as refused, stream(visitor, origin="https://evil.example"):
        pass
    assert refused.value.response.status_code == 403
    with stream(visitor, origin=visitor.system.url) as socket:
        assert authenticate(socket, visitor.token) == visitor.opening


def test_preflight_from_a_foreign_origin(system: System) -> None:
    """Refused, with no header that would let a browser go on."""
    headers = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    refused = httpx.options(system.url + "/api/v1/conversations", headers=headers, timeout=60)
    check_problem(refused, 403, "origin")
    assert "Access-Control-Allow-Origin" not in refused.headers


def test_stream_catches_up(talking: Visitor) -> None:
    """After the message that the visitor has last, everything, once, in order."""
    said = talking.messages()
    for known in range(len(said)):
        with stream(talking) as socket:
            assert authenticate(socket, talking.token, said[known]["id"]) == said[known + 1 :]


def test_stream_tells_each_message_once(visitor: Visitor) -> None:
    """What the visitor says, and what is replied, arrive as they are stored, each once and with typing between."""
    with stream(visitor) as first, stream(visitor) as second:
        for socket in (first, second):
            assert authenticate(socket, visitor.token) == visitor.opening
        replies = [*visitor.say(QUESTION), *visitor.say("dank u wel")]
        for socket in (first, second):
            frames = [json.loads(socket.recv(60)) for _ in range(6)]
            assert [frame["type"] for frame in frames] == ["message", "typing", "message"] * 2
            told = [frame["message"] for frame in frames if frame["type"] == "message"]
            assert told == visitor.messages()[len(visitor.opening) :]
            assert told[1::2] == replies
            with pytest.raises(TimeoutError):
                socket.recv(0.2)


def test_stream_ends_with_the_conversation(visitor: Visitor) -> None:
    """Erased in one window, over in the other."""
    with stream(visitor) as socket:
        authenticate(socket, visitor.token)
        assert visitor.http.delete(visitor.path).status_code == 204
        assert closed_with(socket) in (1000, 1013, 4401)


def test_no_faults_of_our_own(system: System) -> None:
    """After all of this and of the modules before, no log holds a traceback or a forgotten task (a stream left one)."""
    assert not [line for line in system.logs().splitlines() if line.startswith(("Traceback", "ERROR"))]
