"""Using the widget as a visitor does, and looking behind it: at the focus, at the server, in the database."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from typing import Any

import httpx
import pytest
from playwright.sync_api import FloatRect, Locator, Page, Request, Route, expect

from bot.texts import text
from tests.e2e.conversing import asked_back_about
from tests.running import System

PATHS = {"nl": "/", "en": "/en"}
QUESTIONS = {
    "nl": "Wat moet ik doen als wij geen activatiecode hebben ontvangen?",
    "en": "What do I need to register our company?",
}
REMEMBERED = "() => JSON.parse(localStorage.getItem(Object.keys(localStorage).find(k => k.startsWith('wegwijzer:'))))"
FOCUSED = (
    "() => { let a = document.activeElement; while (a?.shadowRoot?.activeElement) a = a.shadowRoot.activeElement; "
)
NOTE = """(node) => {
  node.noted = [];
  const note = () => { if (node.checkVisibility()) node.noted.push(node.textContent) };
  note();
  new MutationObserver(note).observe(node, { attributes: true, childList: true, characterData: true, subtree: true });
}"""


def widget(key: str, language: str = "nl", **values: object) -> str:
    """What the widget says."""
    return text(f"widget.{key}", language, **values)


class Chat:
    """The widget on a page, as a visitor uses it."""

    def __init__(self, page: Page, system: System, language: str = "nl") -> None:
        self.page, self.system, self.language = page, system, language
        self.element = page.locator("wegwijzer-chat")
        self.panel = self.element.get_by_role("dialog")
        self.log = self.element.get_by_role("log")
        self.field = self.element.locator("textarea")
        self.banner = self.element.locator(".banner")
        self.messages = self.element.locator(".message")
        self.replies = self.element.locator(".message.assistant")
        self.own = self.element.locator(".message.visitor .words")
        self.last = self.replies.last
        self.frames: list[str] = []
        page.on("websocket", lambda socket: socket.on("framereceived", lambda frame: self.frames.append(str(frame))))

    @property
    def launcher(self) -> Locator:
        return self.button("launcher.label")

    def button(self, key: str) -> Locator:
        return self.element.get_by_role("button", name=widget(key, self.language), exact=True)

    def visit(self, path: str | None = None) -> Chat:
        self.page.goto(self.system.url + (path or PATHS[self.language]))
        return self

    def open(self, path: str | None = None) -> Chat:
        """Opens the page and the chat on it."""
        self.visit(path)
        self.launcher.click()
        self.greeted()
        return self

    def greeted(self) -> None:
        expect(self.replies.first).to_contain_text(text("greeting.text", self.language).splitlines()[0])

    def send(self, words: str) -> None:
        self.field.fill(words)
        self.field.press("Enter")

    def ask(self, words: str | None = None) -> Locator:
        """Asks, and gives the reply when it is there."""
        expect(self.replies).not_to_have_count(0)
        before = self.replies.count()
        self.send(words or QUESTIONS[self.language])
        expect(self.replies).to_have_count(before + 1)
        return self.replies.nth(before)

    def ask_until_choices(self) -> Locator:
        """Asks a question that is asked back about."""
        reply = self.ask(asked_back_about(self.language))
        expect(reply).to_have_attribute("data-kind", "choices")
        return reply

    def words(self) -> list[str]:
        return self.element.locator(".message .words").all_inner_texts()

    def remembered(self) -> dict[str, Any]:
        """What the widget keeps in the browser, of the conversation that is open by then."""
        until(self.page, lambda: (self.page.evaluate(REMEMBERED) or {}).get("id"), "a conversation was opened")
        return self.page.evaluate(REMEMBERED)

    def at_server(self) -> httpx.Response:
        """The conversation's messages, as the API gives them."""
        kept = self.remembered()
        return fetched(self.system, kept["id"], kept["token"])

    def caught_up(self) -> None:
        """Waits until the stream has told all that it had to tell."""
        until(self.page, lambda: any('"mode"' in frame for frame in self.frames), "the stream told the mode")


def fetched(system: System, id_: str, token: str) -> httpx.Response:
    address = f"{system.url}/api/v1/conversations/{id_}/messages"
    return httpx.get(address, headers={"Authorization": f"Bearer {token}"}, timeout=60)


def until(page: Page, condition: Callable[[], object], what: str, seconds: float = 90) -> None:
    """Waits for something that the browser's own waiting cannot see."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            pytest.fail(f"It did not happen within {seconds} s that {what}.")
        page.wait_for_timeout(50)


class Noted:
    """All that a part of the page shows from now on, also what is gone again after some seconds."""

    def __init__(self, part: Locator) -> None:
        self._part = part
        part.evaluate(NOTE)

    def has(self, words: str) -> None:
        """Waits until the part shows these words, or has shown them."""
        shown = "(node, words) => node.noted.some((one) => one.includes(words))"
        until(self._part.page, lambda: self._part.evaluate(shown, words), f"it shows {words!r}")


def answered_at_last(page: Page, route: Route) -> None:
    """Lets a request go on that was held, and waits until the page has taken the answer."""
    ended: list[Request] = []
    page.on("requestfinished", lambda request: ended.append(request))  # noqa: PLW0108 - not a builtin
    page.on("requestfailed", lambda request: ended.append(request))  # noqa: PLW0108 - not a builtin
    route.continue_()
    until(page, lambda: route.request in ended, "the request that was held has ended")
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => setTimeout(done, 100)))")


def rows(system: System, query: str, *values: object) -> list[tuple[Any, ...]]:
    """What stands in the database."""
    with closing(sqlite3.connect(system.database, timeout=60)) as database:
        return database.execute(query, values).fetchall()


def box(locator: Locator) -> FloatRect:
    found = locator.bounding_box()
    assert found is not None, f"{locator} takes no room"
    return found


def said_once(chat: Chat, words: str) -> None:
    """The words stand once on the screen and once at the server, and were answered once."""
    stored = chat.at_server().json()["messages"]
    own = [message for message in stored if message["sender"] == "visitor"]
    assert [message["text"] for message in own].count(words) == 1, "stored more or less than once"
    at = next(index for index, message in enumerate(stored) if message["text"] == words)
    assert [message["sender"] for message in stored[at + 1 :]] == ["assistant"], "answered more or less than once"
    assert chat.own.all_inner_texts().count(words) == 1, "shown more or less than once"
    assert chat.replies.count() == sum(message["sender"] == "assistant" for message in stored)


def focused(page: Page, expression: str) -> Any:
    """Something of the element that has the focus, also inside the widget: `a` in the expression."""
    return page.evaluate(f"{FOCUSED} return {expression} }}")


def tab_until(page: Page, expression: str, key: str = "Tab") -> None:
    """Presses Tab until the focus is where the expression holds."""
    for _ in range(60):
        page.keyboard.press(key)
        if focused(page, expression):
            return
    pytest.fail(f"{key} never reached: {expression}")
