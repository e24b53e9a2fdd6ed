"""An agent looks a company up in the Handelsregister."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.console.conftest import Console
from tests.kvk.register import KEY, LocalRegister, error, served

PATH = "/console/api/companies"


@pytest.fixture
def register() -> Iterator[LocalRegister]:
    with served() as register:
        yield register


@pytest.fixture
def with_register(register: LocalRegister, more_consoles: Callable[..., Console]) -> Iterator[Console]:
    yield more_consoles(KVK_API_KEY=KEY, KVK_API_BASE=register.url, NO_PROXY="127.0.0.1")


def test_by_name_and_by_number(with_register: Console, register: LocalRegister) -> None:
    agent = with_register.signed_in("agent")
    by_name = agent.get(PATH, params={"q": "  verzonnen   proef"})
    by_number = agent.get(PATH, params={"q": "6875 0110"})
    expected = {"kvk_number": "68750110", "name": "Verzonnen Proefbedrijf BV", "town": "Lutjebroek"}
    assert by_name.json() == by_number.json() == {"is_on": True, "companies": [expected]}
    assert agent.get(PATH, params={"q": "bestaat niet"}).json() == {"is_on": True, "companies": []}
    assert agent.get(PATH, params={"q": "x" * 121}).status_code == 422
    register.always = error(500, "IPD9999")
    try:
        reply = agent.get(PATH, params={"q": "een ander bedrijf"})
    finally:
        register.always = None
    assert (reply.status_code, reply.headers["content-type"]) == (503, "application/problem+json")


def test_off_it_says_so(console: Console) -> None:
    assert console.signed_in("agent").get(PATH, params={"q": "68750110"}).json() == {"is_on": False, "companies": []}


def test_for_agents_alone(console: Console) -> None:
    assert console.client().get(PATH, params={"q": "68750110"}).status_code == 401
    assert console.signed_in("taskforce").get(PATH, params={"q": "68750110"}).status_code == 403
