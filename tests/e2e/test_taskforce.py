"""The task force's pages in a real browser: nothing for axe to find, pictures that are there, a brief in one click."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from bot.staff.accounts import Staff
from bot.texts import text
from integrations.console.sessions import COOKIE_ON_LOOPBACK
from tests.console.conftest import Console, running_console
from tests.trends.frozen import GAP_LABEL, everything, freeze

PAGES = ("", "questions", "gaps", "needs", "materials", "referrals", "added", "brief", "method")
MISSING = """async () => {
  const found = [...document.images];
  await Promise.all(found.map((one) => one.decode().catch(() => {})));
  return found.filter((one) => !one.complete || one.naturalWidth < 200).map((one) => one.src);
}"""
SIZES = {"desktop": (1280, 900), "phone": (400, 850)}


@pytest.fixture(scope="module")
def trends(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """A web process with frozen trends."""
    console = running_console(tmp_path_factory.mktemp("trends"), HELPDESK_FTE="2")
    freeze(console.engine, everything())
    yield console
    console.close()


@pytest.fixture
def signed_in(new_page: Callable[..., Page]) -> Callable[..., Page]:
    """A page of somebody who is signed in."""

    def make(console: Console, account: Staff, size: str = "desktop") -> Page:
        width, height = SIZES[size]
        page = new_page(viewport={"width": width, "height": height})
        token = console.sessions.open(account.id)
        page.context.add_cookies([{"name": COOKIE_ON_LOOPBACK, "value": token, "url": console.url}])
        return page

    return make


def look_at_all(page: Page, url: str, pages: tuple[str, ...] = PAGES) -> list[str]:
    """What is wrong on each page: for axe, or because it is wider than the window, or a picture is missing."""
    axe, found = Axe(), []
    page.on("response", lambda reply: found.append(f"{reply.status} {reply.url}") if reply.status >= 400 else None)
    page.on("console", lambda message: found.append(message.text) if message.type == "error" else None)
    for name in pages:
        page.goto(f"{url}/taskforce/{name}")
        for opened in page.locator("summary").all():
            opened.click()
        violations = axe.run(page).response["violations"]
        found += [f"{name}: {v['id']}, {v['help']}, at {[node['target'] for node in v['nodes']]}" for v in violations]
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            found.append(f"{name} is wider than the window")
        missing = page.evaluate(MISSING)
        found += [f"{name}: no picture {address}" for address in missing]
    return found


@pytest.mark.parametrize("size", list(SIZES))
@pytest.mark.parametrize("language", ["nl", "en"])
def test_nothing_is_wrong_on_any_page(
    trends: Console, signed_in: Callable[..., Page], language: str, size: str
) -> None:
    page = signed_in(trends, trends.account("analyst", language=language), size)
    assert look_at_all(page, trends.url) == []


def test_nothing_is_wrong_before_anything_is_frozen(house: Console, signed_in: Callable[..., Page]) -> None:
    page = signed_in(house, house.account("taskforce"), "phone")
    assert look_at_all(page, house.url) == []
    page.goto(f"{house.url}/taskforce/")
    expect(page.get_by_text(text("trends.page.nothing", "nl"))).to_be_visible()


def test_a_view_can_be_shared(trends: Console, signed_in: Callable[..., Page]) -> None:
    """What one sees after choosing is at an address; somebody else sees the same there, in their own language."""
    page = signed_in(trends, trends.account("taskforce"))
    page.goto(f"{trends.url}/taskforce/")
    page.get_by_label(text("trends.page.from", "nl"), exact=True).select_option("2026-W16")
    page.get_by_label(text("trends.page.to", "nl")).select_option("2026-W18")
    page.get_by_label(text("trends.page.by", "nl")).select_option("channel")
    page.get_by_role("button", name=text("trends.page.show", "nl")).click()
    page.wait_for_url(re.compile("from=2026-W16.*to=2026-W18.*by=channel"))
    other = signed_in(trends, trends.account("analyst", language="en"))
    other.goto(page.url)
    for shown in (page, other):
        shown.locator("summary").first.click()
        rows = shown.locator("section").first.locator("tbody tr")
        expect(rows).to_have_count(3)
    numbers = [shown.locator("section").first.locator("td").all_inner_texts() for shown in (page, other)]
    assert numbers[0] == numbers[1]


def test_with_the_keyboard_alone(trends: Console, signed_in: Callable[..., Page]) -> None:
    """The link past the menu comes first; a table can be opened and scrolled."""
    page = signed_in(trends, trends.account("taskforce"))
    page.goto(f"{trends.url}/taskforce/questions")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.getAttribute('href')") == "#content"
    page.keyboard.press("Enter")
    for _ in range(30):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.tagName") == "SUMMARY":
            break
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.locator(".scroll").first).to_be_focused()
    expect(page.locator("table").first).to_be_visible()


def test_a_draft_is_one_click_away(trends: Console, signed_in: Callable[..., Page]) -> None:
    page = signed_in(trends, trends.account("analyst"))
    page.goto(f"{trends.url}/taskforce/gaps")
    page.get_by_role("button", name=text("trends.page.draft_of", "nl", question=GAP_LABEL)).click()
    expect(page.get_by_role("status")).to_have_text(text("trends.page.draft_made", "nl"))
    assert (GAP_LABEL,) in trends.rows("SELECT text FROM topic_draft_questions")


@pytest.mark.parametrize("kind", ["pdf", "xlsx", "csv"])
def test_the_brief_is_one_click_away(trends: Console, signed_in: Callable[..., Page], kind: str) -> None:
    page = signed_in(trends, trends.account("taskforce"))
    page.goto(f"{trends.url}/taskforce/brief")
    page.get_by_label(text("trends.part.language.en", "nl")).check()
    with page.expect_download() as downloading:
        page.get_by_role("button", name=text(f"trends.page.brief_{kind}", "nl")).click()
    assert downloading.value.suggested_filename == f"wegwijzer-brief-2026-h1-en.{kind}"
