"""The chat widget for everybody, everywhere: phones, narrow screens, screen readers, hostile styles."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.e2e.browsing import Chat, box, focused, widget
from tests.running import System

HOSTILE = """<!doctype html><html lang="nl" dir="rtl"><head><title>Vreemde pagina</title><style>
  * { all: revert; display: block !important; font-size: 40px !important; color: red !important;
      direction: rtl !important; position: static !important; visibility: hidden !important; opacity: .1 !important;
      transform: scale(.3) !important; letter-spacing: 1em !important; text-transform: uppercase !important }
  div { display: none !important }
  #cover { display: block !important; position: fixed !important; inset: 0 !important; z-index: 2147483647 !important }
</style></head><body><div id="cover"></div><script src="/widget.js" defer></script></body></html>"""


# ---- phones and narrow screens


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


def test_tab_stays_in_the_chat_on_a_phone(phone: Page, system: System) -> None:
    """The chat covers the page there, so the focus must not go behind it."""
    chat = Chat(phone, system).open()
    for _ in range(25):
        phone.keyboard.press("Tab")
        assert focused(phone, "Boolean(a?.closest('.panel'))")
    expect(chat.panel).to_have_attribute("aria-modal", "true")


# ---- screen readers


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


@pytest.mark.parametrize(("language", "other", "name"), [("nl", "en", "EN English"), ("en", "nl", "NL Nederlands")])
def test_the_way_to_the_other_language_says_so(
    page: Page, system: System, language: str, other: str, name: str
) -> None:
    """WCAG 3.1.2: what leads to English is in English, and marked as such."""
    chat = Chat(page, system, language).open()
    expect(chat.element.get_by_role("button", name=name)).to_have_attribute("lang", other)


def test_an_english_source_says_where_in_english(page: Page, system: System) -> None:
    """A Dutch heading would be read out as English; the places are given in both languages."""
    chat = Chat(page, system, "en").open()
    chat.ask()
    expect(chat.log.get_by_text("What do you need?").last).to_be_visible()
    expect(chat.log.get_by_text("Wat heeft u nodig?")).to_have_count(0)


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


# ---- strange pages


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
    assert 600 <= panel["height"] <= 740
    assert panel["x"] + panel["width"] <= 1280
    assert panel["y"] + panel["height"] <= 800
    assert box(chat.field)["width"] > 200
    style = reply.locator(".words p").first.evaluate(
        "p => { const s = getComputedStyle(p); return [s.fontSize, s.color, s.direction, s.visibility,"
        " s.letterSpacing, s.textTransform, getComputedStyle(p.getRootNode().host).opacity] }"
    )
    assert style == ["16px", "rgb(27, 34, 51)", "ltr", "visible", "normal", "none", "1"]
