"""A visitor who has had an answer, and a real browser with a chat in it, for the end-to-end tests."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright
from sqlalchemy import text

from tests.conftest import Visitor
from tests.console.conftest import Console, running_console
from tests.e2e.browsing import Chat
from tests.e2e.companies import Companies, running_companies
from tests.e2e.conversing import QUESTION, TOPIC
from tests.e2e.staffed import Staffed, staffed_system
from tests.kvk.register import KEY, served
from tests.running import ROOT, System

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
]
PATIENCE_MS = 60_000
"""For conditions that are awaited: generous, because the machine may be busy."""


@pytest.fixture
def talking(visitor: Visitor) -> Visitor:
    """A visitor who has had an answer, so that there is something to lose."""
    assert visitor.say(QUESTION)[-1]["topic"] == TOPIC
    return visitor


@pytest.fixture(scope="session")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """The web process alone, shared, with narrow limits. Codes, requests and checks are no business of Rasa's."""
    narrow = {
        "RESUME_CODES_PER_ADDRESS_PER_HOUR": "3",
        "REQUESTS_PER_CONVERSATION_PER_HOUR": "2",
        "REQUESTS_PER_ADDRESS_PER_HOUR": "3",
        "MESSAGES_PER_ADDRESS_PER_MINUTE": "40",
    }
    system = System(tmp_path_factory.mktemp("strict"), narrow)
    with system.web_alone():
        yield system


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """A web process for staff alone, shared; no trends have been frozen in it."""
    console = running_console(tmp_path_factory.mktemp("house"))
    yield console
    console.close()


@pytest.fixture(scope="session")
def companies(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Companies]:
    """A system of its own with the demo companies, shared: tests use conversations of their own."""
    with running_companies(tmp_path_factory.mktemp("companies")) as companies:
        yield companies


@pytest.fixture(scope="session")
def desks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Staffed]:
    """A system for people behind the desks, shared; with a Handelsregister, so that companies can be looked up."""
    with served() as register:
        settings = {"KVK_API_KEY": KEY, "KVK_API_BASE": register.url, "NO_PROXY": "127.0.0.1"}
        with staffed_system(tmp_path_factory.mktemp("staffed"), settings) as staffed:
            yield staffed


@pytest.fixture
def staffed(desks: Staffed) -> Iterator[Staffed]:
    """Nobody is there at first, and nobody is left there."""
    yield desks
    desks.everybody_goes()
    with desks.engine.begin() as connection:
        connection.execute(text("UPDATE staff_accounts SET takes_chats = false"))
        for table in ("conversations", "logged_questions", "topic_drafts", "suggestions"):
            connection.execute(text(f"DELETE FROM {table}"))


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of a Chromium; without one the tests fail, with the line that says what to do."""
    found = subprocess.run([ROOT / "bin" / "find-browser"], capture_output=True, text=True, check=False)
    if found.returncode:
        pytest.fail((found.stderr.strip().splitlines() or ["bin/find-browser failed and said nothing."])[-1])
    return found.stdout.strip().splitlines()[-1]


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    """One browser for a file of tests: while Playwright runs, nothing else in the process can use asyncio."""
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS, timeout=120_000)
        yield browser
        browser.close()


@pytest.fixture
def new_page(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Makes pages, each in a fresh context (no cookies, no storage); options are those of the context."""
    contexts: list[BrowserContext] = []

    def make(**options: Any) -> Page:
        settings = {"viewport": {"width": 1280, "height": 800}, "locale": "nl-NL", "reduced_motion": "reduce"}
        context = browser.new_context(**{**settings, **options})
        contexts.append(context)
        context.set_default_timeout(PATIENCE_MS)
        return context.new_page()

    yield make
    for context in contexts:
        context.close()


@pytest.fixture
def page(new_page: Callable[..., Page]) -> Page:
    """A page as wide as a desktop's."""
    return new_page()


@pytest.fixture
def phone(new_page: Callable[..., Page]) -> Page:
    """A page on a phone."""
    return new_page(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)


@pytest.fixture
def chat(page: Page, system: System) -> Chat:
    """A Dutch chat, not opened yet."""
    return Chat(page, system)


@pytest.fixture(params=["nl", "en"])
def either(request: pytest.FixtureRequest, page: Page, system: System) -> Chat:
    """A chat in each language."""
    return Chat(page, system, request.param)
