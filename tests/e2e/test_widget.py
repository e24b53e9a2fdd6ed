"""The chat widget and the pages around it, in a real browser, against the real system."""

from __future__ import annotations

import gzip
import sqlite3
from collections.abc import Callable
from contextlib import closing
from typing import Any

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import FloatRect, Locator, Page, Route, expect

from bot.texts import text
from tests.conftest import System

PATHS = {"nl": "/", "en": "/en"}
QUESTIONS = {
    "nl": "Wat moet ik doen als wij geen activatiecode hebben ontvangen?",
    "en": "What do I need to register our company?",
}
SOURCES = {"nl": "Aanmelden bij het SER Diversiteitsportaal", "en": "Registering at the SER Diversiteitsportaal"}
VAGUE = {"nl": ("code", "deadline", "groep", "rapportage"), "en": ("code", "deadline", "group", "report")}
"""Each of them could mean several topics; which of them are asked back about is up to the calibration."""

REMEMBERED = "() => JSON.parse(localStorage.getItem(Object.keys(localStorage).find(k => k.startsWith('wegwijzer:'))))"
FOCUSED = (
    "() => { let a = document.activeElement; while (a?.shadowRoot?.activeElement) a = a.shadowRoot.activeElement; "
)
HOSTILE = """<!doctype html><html lang="nl" dir="rtl"><head><title>Vreemde pagina</title><style>
  * { all: revert; display: block !important; font-size: 40px !important; color: red !important;
      direction: rtl !important; position: static !important; visibility: hidden !important; opacity: .1 !important;
      transform: scale(.3) !important; letter-spacing: 1em !important; text-transform: uppercase !important }
  div { display: none !important }
  #cover { display: block !important; position: fixed !important; inset: 0 !important; z-index: 2147483647 !important }
</style></head><body><div id="cover"></div><script src="/widget.js" defer></script></body></html>"""


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
        before = self.replies.count()
        self.send(words or QUESTIONS[self.language])
        expect(self.replies).to_have_count(before + 1)
        return self.replies.nth(before)

    def ask_until_choices(self) -> Locator:
        """Asks vague questions until one is asked back about."""
        for words in VAGUE[self.language]:
            reply = self.ask(words)
            if reply.get_attribute("data-kind") == "choices":
                return reply
        return pytest.fail(f"None of {VAGUE[self.language]} was asked back about.")

    def words(self) -> list[str]:
        return self.element.locator(".message .words").all_inner_texts()

    def remembered(self) -> dict[str, Any]:
        """What the widget keeps in the browser."""
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


def until(page: Page, condition: Callable[[], object], what: str, seconds: float = 30) -> None:
    """Waits for something that the browser's own waiting cannot see."""
    for _ in range(int(seconds * 20)):
        if condition():
            return
        page.wait_for_timeout(50)
    pytest.fail(f"It did not happen within {seconds} s that {what}.")


def rows(system: System, query: str, *values: object) -> list[tuple[Any, ...]]:
    """What stands in the database."""
    with closing(sqlite3.connect(system.database)) as database:
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


@pytest.fixture
def chat(page: Page, system: System) -> Chat:
    """A Dutch chat, not opened yet."""
    return Chat(page, system)


@pytest.fixture(params=["nl", "en"])
def either(request: pytest.FixtureRequest, page: Page, system: System) -> Chat:
    """A chat in each language."""
    return Chat(page, system, request.param)


# ---- the main job


def test_says_that_it_is_an_ai_system(either: Chat) -> None:
    """The law (AI Act, article 50) and decency: the first words and the header say that no person is there."""
    either.open()
    assert "(AI)" in either.replies.first.inner_text()
    expect(either.panel.get_by_text(widget("panel.subtitle", either.language), exact=True)).to_be_visible()


def test_answers_with_the_source_beneath(either: Chat) -> None:
    """A question gets its answer, and under the words the document that it comes from."""
    reply = either.open().ask()
    expect(reply).to_have_attribute("data-kind", "answer")
    source = reply.locator(".sources li").first
    expect(source).to_contain_text(widget("message.source", either.language))
    expect(source).to_contain_text(SOURCES[either.language])
    words = box(reply.locator(".words"))
    assert box(source)["y"] >= words["y"] + words["height"]


def test_greeting_offers_topics(either: Chat) -> None:
    """Who does not know what to ask can press a topic, and gets the answer with its source."""
    either.open()
    choice = either.replies.first.locator(".choices button").first
    title = choice.locator("span").first.inner_text()
    choice.click()
    expect(either.replies).to_have_count(2)
    expect(either.last).to_have_attribute("data-kind", "answer")
    expect(either.last.locator(".sources li").first).to_be_visible()
    assert either.own.all_inner_texts() == [title]


def test_choices_lead_to_an_answer(either: Chat) -> None:
    """A vague question is asked back about; a press on a choice answers it, and the choice stays marked."""
    asked_back = either.open().ask_until_choices()
    before = either.replies.count()
    choice = asked_back.locator(".choices button").first
    choice.click()
    expect(either.replies).to_have_count(before + 1)
    expect(either.last).to_have_attribute("data-kind", "answer")
    expect(choice).to_contain_text(widget("message.chosen", either.language))


def test_double_click_on_a_choice_asks_once(chat: Chat) -> None:
    """Two clicks in a row are one wish, also when the answer is there before the second one."""
    chat.open()
    chat.replies.first.locator(".choices button").first.dblclick()
    expect(chat.last).to_have_attribute("data-kind", "answer")
    until(chat.page, lambda: chat.remembered()["outbox"] == [], "all was sent")
    assert chat.own.count() == 1, chat.own.all_inner_texts()
    said_once(chat, chat.own.first.inner_text())


def test_thumbs(chat: Chat) -> None:
    """A thumb is thanked for, stored, can be changed, and is still there after a reload."""
    chat.open().ask()
    yes, no = chat.button("feedback.helpful"), chat.button("feedback.not_helpful")
    yes.click()
    expect(chat.last).to_contain_text(widget("feedback.thanks"))
    no.click()
    expect(no).to_have_attribute("aria-pressed", "true")
    expect(yes).to_have_attribute("aria-pressed", "false")
    answer = chat.at_server().json()["messages"][-1]["id"]
    query = "SELECT helpful FROM feedback WHERE message_id = ?"
    until(chat.page, lambda: rows(chat.system, query, answer) == [(0,)], "the last thumb was stored")
    until(chat.page, lambda: chat.remembered()["votes"] == {answer: False}, "the browser keeps the last thumb")
    chat.page.reload()
    expect(no).to_have_attribute("aria-pressed", "true")


def test_erase_can_be_cancelled(chat: Chat) -> None:
    """The bin asks first; "no" keeps everything and gives the focus back."""
    chat.open().ask()
    before = chat.words()
    chat.button("panel.erase").click()
    chat.button("erase.cancel").click()
    expect(chat.element.get_by_role("alertdialog")).to_be_hidden()
    assert chat.words() == before
    assert focused(chat.page, "a.title") == widget("panel.erase")
    assert chat.at_server().status_code == 200


def test_erase(chat: Chat) -> None:
    """After "yes" the conversation is gone: from the screen, from the API and from the database."""
    chat.open().ask()
    old = chat.remembered()
    chat.button("panel.erase").click()
    expect(chat.element.get_by_role("alertdialog")).to_contain_text(widget("erase.body"))
    chat.button("erase.confirm").click()
    expect(chat.log).to_contain_text(widget("erase.done"))
    chat.greeted()
    assert chat.own.count() == 0
    assert fetched(chat.system, old["id"], old["token"]).status_code == 404
    assert rows(chat.system, "SELECT count(*) FROM messages WHERE conversation_id = ?", old["id"]) == [(0,)]
    assert chat.remembered()["id"] != old["id"]
    expect(chat.ask()).to_have_attribute("data-kind", "answer")


def test_typing_indicator(chat: Chat) -> None:
    """While an answer is on its way one can see it, and a screen reader says it."""
    chat.open()
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    chat.page.route("**/messages", hold)
    chat.send(QUESTIONS["nl"])
    expect(chat.element.locator(".typing")).to_be_visible()
    expect(chat.element.get_by_role("status").filter(has_text=widget("message.typing"))).to_have_count(1)
    held[0].continue_()
    expect(chat.last).to_have_attribute("data-kind", "answer")
    expect(chat.element.locator(".typing")).to_be_hidden()


# ---- bad weather


def test_reload(chat: Chat) -> None:
    """After a reload the same messages stand there, once, and a screen reader does not read them out again."""
    chat.open().ask()
    before = chat.words()
    chat.page.add_init_script(
        """const attach = Element.prototype.attachShadow;
        window.loud = [];
        Element.prototype.attachShadow = function (options) {
          const root = attach.call(this, options);
          new MutationObserver((changes) => {
            for (const change of changes) for (const node of change.addedNodes) {
              const live = node.parentElement?.closest('[aria-live], [role=status], [role=alert]');
              if (node.textContent.trim() && live && live.ariaLive !== 'off') window.loud.push(node.textContent);
            }
          }).observe(root, { subtree: true, childList: true });
          return root;
        };"""
    )
    chat.frames.clear()
    chat.page.reload()
    expect(chat.panel).to_be_visible()
    expect(chat.messages).to_have_count(len(before))
    chat.caught_up()
    assert chat.words() == before
    assert chat.page.evaluate("loud") == []
    expect(chat.log).to_have_attribute("aria-live", "polite")


def test_lost_connection(chat: Chat) -> None:
    """Without a network a message waits, and says so; when the network is back it is sent, once."""
    chat.open().ask()
    words = "Wie zijn de contactpersonen van mijn bedrijf?"
    chat.page.context.set_offline(True)
    chat.send(words)
    expect(chat.banner).to_contain_text(widget("connection.lost"))
    expect(chat.messages.last).to_contain_text(widget("message.unsent_retrying"))
    chat.page.context.set_offline(False)
    expect(chat.replies).to_have_count(3)
    expect(chat.banner).not_to_contain_text(widget("connection.lost"))
    said_once(chat, words)


def test_answer_lost_on_the_way(chat: Chat) -> None:
    """The server answered, the connection broke: the second try must not ask the question a second time."""
    chat.open()
    lost: list[int] = []

    def lose_once(route: Route) -> None:
        if lost or route.request.method != "POST":
            route.continue_()
            return
        lost.append(route.fetch().status)
        route.abort("connectionreset")

    chat.page.route("**/messages", lose_once)
    chat.send(QUESTIONS["nl"])
    expect(chat.last).to_have_attribute("data-kind", "answer")
    until(chat.page, lambda: chat.remembered()["outbox"] == [], "the message counts as sent")
    assert lost == [200]
    said_once(chat, QUESTIONS["nl"])


def test_unsent_message_survives_a_reload(chat: Chat) -> None:
    """A message that could not be sent is sent after a reload of the page."""
    chat.open()
    chat.page.route("**/messages", lambda route: route.abort("connectionrefused"))
    chat.send(QUESTIONS["nl"])
    expect(chat.messages.last).to_contain_text(widget("message.unsent_retrying"))
    chat.page.unroute("**/messages")
    chat.page.reload()
    expect(chat.last).to_have_attribute("data-kind", "answer")
    said_once(chat, QUESTIONS["nl"])


def test_draft_survives_a_reload(chat: Chat) -> None:
    """Half a question is not lost with the page."""
    chat.open()
    chat.field.fill("Wanneer moet ik")
    chat.page.reload()
    expect(chat.field).to_have_value("Wanneer moet ik")


def test_restart_of_the_server(page: Page, fragile_system: System) -> None:
    """A message written while the server is down reaches it when it is up again: one message, one answer."""
    chat = Chat(page, fragile_system).open()
    chat.ask()
    words = "Wie zijn de contactpersonen van mijn bedrijf?"
    fragile_system.stop("web")
    try:
        chat.send(words)
        expect(chat.banner).to_contain_text(widget("connection.lost"))
        expect(chat.messages.last).to_contain_text(widget("message.unsent_retrying"))
    finally:
        fragile_system.start("web")
        fragile_system.wait_until(200)
    chat.button("connection.retry").click()
    expect(chat.replies).to_have_count(3)
    expect(chat.banner).not_to_contain_text(widget("connection.lost"))
    said_once(chat, words)


def test_restart_while_nobody_types(page: Page, fragile_system: System) -> None:
    """The stream comes back by itself after a restart: what is said elsewhere shows up without a reload."""
    chat = Chat(page, fragile_system).open()
    chat.caught_up()
    fragile_system.stop("web")
    fragile_system.start("web")
    fragile_system.wait_until(200)
    chat.frames.clear()
    chat.caught_up()
    kept = chat.remembered()
    httpx.post(
        f"{fragile_system.url}/api/v1/conversations/{kept['id']}/messages",
        json={"text": QUESTIONS["nl"]},
        headers={"Authorization": f"Bearer {kept['token']}"},
        timeout=60,
    ).raise_for_status()
    expect(chat.last).to_have_attribute("data-kind", "answer")
    said_once(chat, QUESTIONS["nl"])


def test_erased_conversation_begins_anew(chat: Chat) -> None:
    """Erased meanwhile (retention, another device): the question is asked in a new conversation, not lost."""
    chat.open().ask()
    old = chat.remembered()
    address = f"{chat.system.url}/api/v1/conversations/{old['id']}"
    httpx.delete(address, headers={"Authorization": f"Bearer {old['token']}"}).raise_for_status()
    chat.send(QUESTIONS["nl"])
    expect(chat.log).to_contain_text(widget("conversation.expired"))
    expect(chat.last).to_have_attribute("data-kind", "answer")
    assert chat.remembered()["id"] != old["id"]
    said_once(chat, QUESTIONS["nl"])


def test_too_long_a_message_stays_in_the_field(chat: Chat) -> None:
    """2,001 characters are not sent and not lost: the widget says what is wrong."""
    chat.open()
    chat.send("x" * 2001)
    expect(chat.element.locator(".composer .problem")).to_contain_text("2.001")
    expect(chat.field).to_have_value("x" * 2001)
    assert chat.own.count() == 0


def test_markup_in_a_message_is_text(chat: Chat) -> None:
    """What a visitor types is shown as it was typed, and is never markup."""
    words = "<img src=x onerror=alert(1)> **vet** [klik](javascript:alert(1))"
    chat.open().ask(words)
    assert chat.own.all_inner_texts() == [words]
    assert chat.log.locator("img, a[href^=javascript]").count() == 0


# ---- ways in


def test_link_with_topic_and_referrer(chat: Chat) -> None:
    """A link (a folder's QR code) opens the chat on the answer, and the referrer is kept."""
    chat.visit("/?wegwijzer-topic=law.report-deadline&wegwijzer-referrer=awvn")
    expect(chat.last).to_have_attribute("data-kind", "answer")
    expect(chat.last.locator(".sources li").first).to_be_visible()
    id_ = chat.remembered()["id"]
    assert rows(chat.system, "SELECT referrer FROM conversations WHERE id = ?", id_) == [("awvn",)]
    query = "SELECT topic FROM messages WHERE conversation_id = ? AND kind = 'answer'"
    assert rows(chat.system, query, id_) == [("law.report-deadline",)]


def test_link_with_referrer_alone(chat: Chat) -> None:
    """A partner's link without a topic opens the chat with the greeting."""
    chat.visit("/?wegwijzer-referrer=awvn")
    chat.greeted()
    query = "SELECT referrer FROM conversations WHERE id = ?"
    assert rows(chat.system, query, chat.remembered()["id"]) == [("awvn",)]


@pytest.mark.parametrize("referrer", ["AWVN", "VNO-NCW", "een partner", "x" * 41])
def test_link_with_a_referrer_that_is_not_taken(chat: Chat, referrer: str) -> None:
    """A visitor is not to suffer from how a partner wrote a link: with an odd referrer the chat works as well."""
    chat.visit(f"/?wegwijzer-referrer={referrer}")
    chat.greeted()
    expect(chat.ask()).to_have_attribute("data-kind", "answer")


def test_link_with_a_topic_that_is_gone(chat: Chat) -> None:
    """A link on paper outlives its topic: the chat says so and goes on."""
    chat.visit("/?wegwijzer-topic=law.no-longer-there")
    expect(chat.last).to_contain_text(text("greeting.unknown_topic", "nl"))


def test_question_on_the_page_opens_the_chat(either: Chat) -> None:
    """A frequent question on the page is answered in the chat, without leaving the page."""
    either.visit()
    expect(either.launcher).to_be_visible()
    either.page.locator("a[href*='wegwijzer-topic=law.report-deadline']").click()
    expect(either.last).to_have_attribute("data-kind", "answer")
    assert either.page.url == either.system.url + PATHS[either.language]


def test_language_switch(chat: Chat) -> None:
    """In mid-conversation: the reply, the widget's own words and what follows are English; what was Dutch stays it."""
    chat.open().ask()
    chat.element.get_by_role("button", name="English").first.click()
    expect(chat.last).to_contain_text(text("smalltalk.language", "en"))
    expect(chat.field).to_have_attribute("placeholder", widget("composer.placeholder", "en"))
    expect(chat.element.get_by_role("button", name="EN English")).to_have_attribute("aria-pressed", "true")
    expect(chat.ask(QUESTIONS["en"]).locator(".sources")).to_contain_text(widget("message.source", "en"))
    assert [reply.get_attribute("lang") for reply in chat.replies.all()] == ["nl", "nl", "en", "en"]
    query = "SELECT language FROM conversations WHERE id = ?"
    assert rows(chat.system, query, chat.remembered()["id"]) == [("en",)]


def test_language_switch_before_the_first_question(chat: Chat) -> None:
    """Nothing was asked yet: the greeting itself comes in the other language, and the Dutch one is not left behind."""
    chat.open()
    old = chat.remembered()["id"]
    chat.element.get_by_role("button", name="EN English").click()
    chat.language = "en"
    chat.greeted()
    assert chat.replies.count() == 1
    gone = "SELECT count(*) FROM conversations WHERE id = ?"
    until(chat.page, lambda: rows(chat.system, gone, old) == [(0,)], "the unused conversation was erased")


# ---- phones, keyboards, screen readers, strange pages


def test_fills_a_phone(phone: Page, system: System) -> None:
    """On a phone the chat is the whole screen."""
    chat = Chat(phone, system).open()
    assert box(chat.panel) == {"x": 0, "y": 0, "width": 390, "height": 844}


@pytest.mark.parametrize("language", ["nl", "en"])
def test_no_sideways_scrolling_at_320(new_page: Callable[..., Page], system: System, language: str) -> None:
    """320 px wide (a desktop zoomed to 400%): nothing is wider than the screen, on the page and in the chat."""
    page = new_page(viewport={"width": 320, "height": 640})
    chat = Chat(page, system, language).visit()
    expect(chat.launcher).to_be_visible()
    wide = "document.documentElement.scrollWidth"
    assert page.evaluate(wide) <= 320, "the page"
    chat.launcher.click()
    chat.greeted()
    chat.ask()
    chat.ask_until_choices()
    assert page.evaluate(wide) <= 320, "the page under the chat"
    for part in (chat.panel, chat.log):
        assert part.evaluate("part => part.scrollWidth - part.clientWidth") <= 0, part
    edges = chat.element.locator("button:visible, .bubble:visible").evaluate_all(
        "found => found.map((one) => [one.getBoundingClientRect().left, one.getBoundingClientRect().right])"
    )
    assert all(left >= 0 and right <= 320 for left, right in edges), edges


def test_keyboard_alone(chat: Chat) -> None:
    """Open, ask, choose and close without a mouse; the focus ends where it began."""
    page = chat.visit().page
    expect(chat.launcher).to_be_visible()
    tab_until(page, "a?.className === 'launcher'")
    page.keyboard.press("Enter")
    expect(chat.field).to_be_focused()
    chat.greeted()
    page.keyboard.type("Wat heb ik nodig")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("om mij aan te melden?")
    page.keyboard.press("Enter")
    expect(chat.replies).to_have_count(2)
    assert chat.own.all_inner_texts() == ["Wat heb ik nodig\nom mij aan te melden?"]
    expect(chat.field).to_be_focused()
    tab_until(page, "a?.matches('.choices button:first-child')", "Shift+Tab")
    assert focused(page, "getComputedStyle(a).outlineStyle") == "solid", "one cannot see where the focus is"
    before = chat.replies.count()
    page.keyboard.press("Enter")
    expect(chat.replies).to_have_count(before + 1)
    page.keyboard.press("Escape")
    expect(chat.panel).to_be_hidden()
    expect(chat.launcher).to_be_focused()


def test_escape_in_the_question_closes_the_question_only(chat: Chat) -> None:
    """Escape takes one layer away at a time."""
    chat.open()
    chat.button("panel.erase").click()
    chat.page.keyboard.press("Escape")
    expect(chat.element.get_by_role("alertdialog")).to_be_hidden()
    expect(chat.panel).to_be_visible()


def test_tab_stays_in_the_chat_on_a_phone(phone: Page, system: System) -> None:
    """The chat covers the page there, so the focus must not go behind it."""
    chat = Chat(phone, system).open()
    for _ in range(25):
        phone.keyboard.press("Tab")
        assert focused(phone, "Boolean(a?.closest('.panel'))")
    expect(chat.panel).to_have_attribute("aria-modal", "true")


def test_names_and_roles(either: Chat) -> None:
    """What a screen reader needs: a polite log, names, and the language of each message."""
    either.open().ask()
    language = either.language
    expect(either.log).to_have_attribute("aria-live", "polite")
    expect(either.log).to_have_accessible_name(widget("panel.log", language))
    expect(either.panel).to_have_accessible_name(widget("panel.title", language))
    expect(either.panel).to_have_accessible_description(widget("panel.subtitle", language))
    expect(either.field).to_have_accessible_name(widget("composer.label", language))
    expect(either.element.locator("section")).to_have_attribute("lang", language)
    assert {message.get_attribute("lang") for message in either.replies.all()} == {language}
    assert all(button.get_attribute("type") == "button" for button in either.element.locator(".choices button").all())


@pytest.mark.parametrize("words", ["English, please", "Wat heeft u nodig?"])
def test_words_in_the_other_language_say_so(page: Page, system: System, words: str) -> None:
    """WCAG 3.1.2: an English button among Dutch words, a Dutch heading in an English source, are marked as such."""
    language, other = ("nl", "en") if words == "English, please" else ("en", "nl")
    chat = Chat(page, system, language).open()
    chat.ask()
    found = chat.log.get_by_text(words).last
    expect(found).to_be_visible()
    assert found.evaluate("found => found.closest('[lang]').lang") == other


def test_hostile_styles(page: Page, system: System) -> None:
    """A page whose styles hide, mirror and blow up everything: the chat looks and works as it does elsewhere."""
    page.route(
        f"{system.url}/elsewhere", lambda route: route.fulfill(body=HOSTILE, content_type="text/html; charset=utf-8")
    )
    chat = Chat(page, system).open("/elsewhere")
    reply = chat.ask()
    expect(reply).to_have_attribute("data-kind", "answer")
    panel = box(chat.panel)
    assert 380 <= panel["width"] <= 420
    assert 600 <= panel["height"] <= 700
    assert panel["x"] + panel["width"] <= 1280
    assert panel["y"] + panel["height"] <= 800
    assert box(chat.field)["width"] > 200
    style = reply.locator(".words p").first.evaluate(
        "p => { const s = getComputedStyle(p); return [s.fontSize, s.color, s.direction, s.visibility,"
        " s.letterSpacing, s.textTransform, getComputedStyle(p.getRootNode().host).opacity] }"
    )
    assert style == ["16px", "rgb(27, 34, 51)", "ltr", "visible", "normal", "none", "1"]


def test_page_with_shortcuts(page: Page, system: System) -> None:
    """A page that takes single keys for itself (j, k, /) does not take them from the chat."""
    page.add_init_script(
        "addEventListener('keydown', (event) => { if (event.key.length === 1) event.preventDefault() })"
    )
    chat = Chat(page, system).open()
    chat.field.press_sequentially("jk/ a")
    expect(chat.field).to_have_value("jk/ a")


def test_small(system: System) -> None:
    """The widget's script and styles weigh less than 25 kB compressed."""
    files = {name: httpx.get(f"{system.url}/{name}").content for name in ("widget.js", "widget.css")}
    sizes = {name: len(gzip.compress(content)) for name, content in files.items()}
    assert sum(sizes.values()) < 25_000, sizes


@pytest.mark.parametrize("name", ["widget.js", "widget.css"])
def test_one_rule_for_caching(system: System, name: str) -> None:
    """Two Cache-Control headers were sent, the second of which undid the first."""
    assert httpx.get(f"{system.url}/{name}").headers.get_list("cache-control") == ["public, max-age=300"]


@pytest.mark.parametrize("device", ["desktop", "phone"])
@pytest.mark.parametrize("language", ["nl", "en"])
def test_axe_finds_nothing(request: pytest.FixtureRequest, system: System, device: str, language: str) -> None:
    """The page with the chat closed, open, asking whether to erase, and after answers, sources and choices."""
    page: Page = request.getfixturevalue("phone" if device == "phone" else "page")
    axe, found = Axe(), []

    def look(state: str) -> None:
        for violation in axe.run(page).response["violations"]:
            places = [node["target"] for node in violation["nodes"]]
            found.append(f"{state}: {violation['id']}, {violation['help']}, at {places}")

    chat = Chat(page, system, language).visit()
    expect(chat.launcher).to_be_visible()
    look("closed")
    chat.launcher.click()
    chat.greeted()
    look("open")
    chat.ask()
    chat.ask_until_choices()
    chat.button("feedback.helpful").first.click()
    look("answered")
    chat.button("panel.erase").click()
    look("asking")
    assert not found, "\n".join(found)


@pytest.mark.parametrize("path", ["/", "/en", "/docs"])
def test_nothing_in_the_console(page: Page, system: System, path: str) -> None:
    """No error, warning or breach of the Content-Security-Policy on our own pages."""
    noise: list[str] = []
    page.on("console", lambda said: noise.append(said.text) if said.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: noise.append(str(error)))
    page.on("requestfailed", lambda failed: noise.append(f"{failed.url}: {failed.failure}"))
    if path == "/docs":
        page.goto(system.url + path)
        expect(page.locator(".opblock").first).to_be_visible()
    else:
        chat = Chat(page, system, "en" if path == "/en" else "nl").open()
        chat.ask()
        chat.caught_up()
    assert noise == []
