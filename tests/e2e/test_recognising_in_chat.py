"""The Handelsregister in the running chat: it names a company, and when it is slow or down the chat goes on."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conftest import Visitor
from tests.kvk.register import KEY, LocalRegister, Reply, error, served
from tests.running import System


@pytest.fixture(scope="module")
def register() -> Iterator[LocalRegister]:
    with served() as register:
        yield register


@pytest.fixture(scope="module")
def web(register: LocalRegister, tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """The web process alone: naming a company takes no other."""
    settings = {"KVK_API_KEY": KEY, "KVK_API_BASE": register.url, "NO_PROXY": "127.0.0.1"}
    system = System(tmp_path_factory.mktemp("recognising"), settings)
    with system.web_alone():
        yield system


def said_to(web: System, text: str, language: str = "nl") -> str:
    (reply,) = Visitor(web, language=language).say(text)
    assert reply["language"] == language
    return reply["text"]


def test_a_number_gets_its_name(web: System, register: LocalRegister) -> None:
    assert "Verzonnen Proefbedrijf BV" in said_to(web, "ons kvk-nummer is 68750110")


def test_a_name_gets_its_number(web: System, register: LocalRegister) -> None:
    """And the Dutch name of a company makes no Dutchman of who writes English."""
    assert "68750110" in said_to(web, "We are Verzonnen Proefbedrijf BV", "en")


@pytest.mark.parametrize(
    "reply",
    [
        error(500, "IPD9999"),
        Reply(body=b"<html>"),
        Reply(after_seconds=20, body=b"{}"),
        Reply(hangs_up=True),
        error(404, "IPD5200"),
    ],
    ids=["down", "garbage", "slow", "hangs up", "nobody"],
)
def test_whatever_the_register_does_the_chat_goes_on(web: System, register: LocalRegister, reply: Reply) -> None:
    register.always = reply
    try:
        assert "90001354" in said_to(web, "90001354")
        assert "Zomaar Iets BV" in said_to(web, "Wij zijn Zomaar Iets BV")
    finally:
        register.always = None
