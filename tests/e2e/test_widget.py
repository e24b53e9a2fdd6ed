"""The chat widget and the pages around it, in a real browser, against the real system."""

from __future__ import annotations

import gzip
from urllib.parse import quote

import httpx
import pytest
from playwright.sync_api import Page, Route, expect

from bot.answers.knowledge import load
from bot.settings import settings
from bot.texts import text
from tests.e2e.browsing import (
    PATHS,
    QUESTIONS,
    Chat,
    Noted,
    box,
    fetched,
    focused,
    rows,
    said_once,
    tab_until,
    until,
    widget,
)
from tests.running import System

SOURCES = {"nl": "Aanmelden bij het SER Diversiteitsportaal", "en": "Registering at the SER Diversiteitsportaal"}


def greeting_topic(language: str) -> str:
    """What the first topic on the greeting is called; the guides stand above it."""
    knowledge = load(settings().knowledge_dir)
    return knowledge.topics[knowledge.greeting_topics[0]].title[language]


# ---- talking


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
    title = greeting_topic(either.language)
    either.replies.first.get_by_role("button", name=title).click()
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
    chat.replies.first.get_by_role("button", name=greeting_topic("nl")).dblclick()
    expect(chat.last).to_have_attribute("data-kind", "answer")
    until(chat.page, lambda: chat.remembered()["outbox"] == [], "all was sent")
    assert chat.own.count() == 1, chat.own.all_inner_texts()
    said_once(chat, chat.own.first.inner_text())


def test_typing_indicator(chat: Chat) -> None:
    """While an answer is on its way one can see it, and a screen reader says it."""
    chat.open()
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    heard = Noted(chat.element.locator(".frame > .hidden[role=status]"))
    chat.page.route("**/messages", hold)
    chat.send(QUESTIONS["nl"])
    expect(chat.element.locator(".typing")).to_be_visible()
    heard.has(widget("message.typing"))
    held[0].continue_()
    expect(chat.last).to_have_attribute("data-kind", "answer")
    expect(chat.element.locator(".typing")).to_be_hidden()


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


# ---- thumbs and erasing


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


@pytest.mark.parametrize(
    ("referrer", "stored"),
    [("AWVN", "awvn"), ("VNO-NCW", "vno-ncw"), ("een partner", "een-partner"), ("x" * 41, "x" * 40), ("!?", None)],
)
def test_link_with_an_odd_referrer(chat: Chat, referrer: str, stored: str | None) -> None:
    """A visitor is not to suffer from how a partner wrote a link."""
    chat.visit(f"/?wegwijzer-referrer={quote(referrer)}")
    chat.greeted()
    query = "SELECT referrer FROM conversations WHERE id = ?"
    assert rows(chat.system, query, chat.remembered()["id"]) == [(stored,)]


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


# ---- the keyboard


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


def test_page_with_shortcuts(page: Page, system: System) -> None:
    """A page that takes single keys for itself (j, k, /) does not take them from the chat."""
    page.add_init_script(
        "addEventListener('keydown', (event) => { if (event.key.length === 1) event.preventDefault() })"
    )
    chat = Chat(page, system).open()
    chat.field.press_sequentially("jk/ a")
    expect(chat.field).to_have_value("jk/ a")


# ---- what the pages load


def test_small(system: System) -> None:
    """The widget's script and styles weigh less than 25 kB compressed."""
    files = {name: httpx.get(f"{system.url}/{name}", timeout=60).content for name in ("widget.js", "widget.css")}
    sizes = {name: len(gzip.compress(content)) for name, content in files.items()}
    assert sum(sizes.values()) < 25_000, sizes


@pytest.mark.parametrize("name", ["widget.js", "widget.css"])
def test_one_rule_for_caching(system: System, name: str) -> None:
    """Two Cache-Control headers were sent, the second of which undid the first."""
    headers = httpx.get(f"{system.url}/{name}", timeout=60).headers
    assert headers.get_list("cache-control") == ["public, max-age=300"]


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
