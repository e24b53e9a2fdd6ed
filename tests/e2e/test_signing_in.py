"""Staff sign in with a real browser: by a link that a command made, with a password, and not after five wrong ones."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from bot.texts import text
from tests.console.conftest import Console, running_console
from tests.console.local_provider import CLIENT_ID, CLIENT_SECRET, LocalProvider
from tests.e2e.browsing import tab_until
from tests.running import ROOT

PASSWORD = "een lange zin om in te loggen"


def staff(key: str, language: str = "nl", **values: object) -> str:
    return text(f"staff.{key}", language, **values)


def command(console: Console, *words: str) -> str:
    """What a command prints."""
    done = subprocess.run(
        [sys.executable, "-m", "bot.commands", "staff", *words],
        cwd=ROOT, env=console.system.environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout


def link_for(console: Console, email: str, *roles: str, language: str = "nl") -> str:
    """The sign-in link that the command prints."""
    said = command(console, "add", email, "Anna Agent", "--role", *roles, "--desk", "portal", "--language", language)
    found = re.search(r"http://\S+", said)
    assert found, said
    return found[0]


def fill(page: Page, label: str, words: str) -> None:
    page.get_by_label(label, exact=True).fill(words)


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def choose_password(page: Page, password: str, language: str = "nl") -> None:
    fill(page, staff("password_new", language), password)
    fill(page, staff("password_again", language), password)
    press(page, staff("choose.button", language))


def sign_in(page: Page, email: str, password: str) -> None:
    fill(page, staff("email"), email)
    fill(page, staff("password"), password)
    press(page, staff("sign_in.button"))


@pytest.mark.parametrize("language", ["nl", "en"])
def test_from_link_to_signed_in_and_out(new_page: Callable[..., Page], house: Console, language: str) -> None:
    """A link, a password, out, in again with it, and in the account's language all the way."""
    email = f"anna-{language}@example.org"
    link = link_for(house, email, "agent", "admin", language=language)
    page = new_page(locale="nl-NL" if language == "nl" else "en-GB")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url + str(request.headers.get("referer"))))
    page.goto(link)
    token = link.partition("#")[2]
    expect(page.get_by_role("heading", level=1)).to_have_text(staff("link.title", language))
    expect(page).to_have_url(f"{house.url}/console/link")
    expect(page.get_by_label(staff("link.token", language), exact=True)).to_be_hidden()
    press(page, staff("link.button", language))
    expect(page.get_by_label(staff("email", language), exact=True)).to_have_value(email)
    expect(page.locator("#password")).to_be_focused()
    choose_password(page, PASSWORD, language)
    page.wait_for_url(f"{house.url}/console/")
    assert not [address for address in asked if token in address], "no address and no Referer has the token"

    page.goto(f"{house.url}/console/password")
    expect(page.locator("html")).to_have_attribute("lang", language)
    press(page, staff("sign_out", language))
    expect(page).to_have_url(f"{house.url}/console/sign-in")
    page.goto(f"{house.url}/console/password")
    expect(page).to_have_url(f"{house.url}/console/sign-in?next=/console/password")
    fill(page, staff("email", language), email)
    fill(page, staff("password", language), PASSWORD)
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{house.url}/console/password")

    page.goto(link)
    press(page, staff("link.button", language))
    expect(page.get_by_role("heading", level=1)).to_have_text(staff("link.used_up_title", language))


def test_five_wrong_passwords_lock_and_a_link_opens(page: Page, house: Console) -> None:
    account = house.account("agent")
    email = account.email
    page.goto(f"{house.url}/console/link#{house.accounts.link(account.id)}")
    press(page, staff("link.button"))
    choose_password(page, PASSWORD)
    page.wait_for_url(f"{house.url}/console/")
    page.context.clear_cookies()
    page.goto(f"{house.url}/console/sign-in")
    for _ in range(5):
        sign_in(page, email, "een heel andere zin")
        expect(page.get_by_role("alert")).to_contain_text(staff("sign_in.failed"))
    expect(page).to_have_title(re.compile(f"^{staff('error')}: "))
    sign_in(page, email, PASSWORD)
    expect(page.get_by_role("alert")).to_contain_text(staff("sign_in.paused", attempts=5, minutes=15))
    link = re.search(r"http://\S+", command(house, "link", email))
    assert link
    page.goto(link[0])
    press(page, staff("link.button"))
    choose_password(page, "een nieuwe lange zin")
    page.wait_for_url(f"{house.url}/console/")


def test_a_link_goes_along_to_the_other_language_and_can_be_replaced(page: Page, house: Console) -> None:
    first, second = (house.account("editor", language="en") for _ in range(2))
    page.goto(f"{house.url}/console/link#{house.accounts.link(first.id)}")
    page.get_by_role("link", name="English").click()
    expect(page.locator("html")).to_have_attribute("lang", "en")
    expect(page).to_have_url(f"{house.url}/console/link?language=en")
    page.goto(f"{house.url}/console/link?language=en#{house.accounts.link(second.id)}")
    expect(page).to_have_url(f"{house.url}/console/link?language=en")
    press(page, staff("link.button", "en"))
    expect(page.get_by_label(staff("email", "en"), exact=True)).to_have_value(second.email)


def test_a_link_works_without_scripts(new_page: Callable[..., Page], house: Console) -> None:
    """Then the code is copied into the field by hand."""
    page = new_page(java_script_enabled=False)
    token = house.accounts.link(house.account("editor").id)
    page.goto(f"{house.url}/console/link#{token}")
    fill(page, staff("link.token"), token)
    press(page, staff("link.button"))
    choose_password(page, PASSWORD)
    page.wait_for_url(f"{house.url}/console/")


def test_an_admin_adds_somebody_who_then_signs_in(new_page: Callable[..., Page], house: Console) -> None:
    admin, other = new_page(), new_page()
    signed_in(admin, house, "admin")
    admin.goto(f"{house.url}/console/staff/")
    fill(admin, staff("email"), "carla@example.org")
    fill(admin, staff("account.name"), "Carla")
    admin.get_by_label(staff("desk.charter")).check()
    press(admin, staff("accounts.add_button"))
    link = admin.get_by_label(staff("new_link.address")).input_value()
    other.goto(link)
    press(other, staff("link.button"))
    choose_password(other, PASSWORD)
    other.wait_for_url(f"{house.url}/console/")
    other.goto(f"{house.url}/console/staff/")
    expect(other.get_by_role("heading", level=1)).to_have_text(text("problem.role.title", "nl"))
    admin.goto(f"{house.url}/console/staff/")
    admin.get_by_role("link", name="Carla").click()
    press(admin, staff("account.off_button"))
    expect(admin.get_by_role("status")).to_have_text(staff("account.switched_off"))
    other.goto(f"{house.url}/console/password")
    expect(other.get_by_role("heading", level=1)).to_have_text(staff("sign_in.title"))


def signed_in(page: Page, console: Console, *roles: str, language: str = "nl") -> Console:
    """Gives a page the session of a new account."""
    signed = console.signed_in(*roles, language=language)
    page.context.add_cookies([{"name": "wegwijzer_staff", "value": signed.token, "url": console.url}])
    return console


def test_with_the_organisations_account(
    new_page: Callable[..., Page], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """By way of another website and back: the browser has the session's Strict cookie all the same."""
    provider = LocalProvider()
    # To a browser, localhost and 127.0.0.1 are two websites.
    provider.issuer = provider.issuer.replace("127.0.0.1", "localhost")
    console = running_console(
        tmp_path_factory.mktemp("provider"), OIDC_ISSUER=provider.issuer, OIDC_CLIENT_ID=CLIENT_ID,
        OIDC_CLIENT_SECRET=CLIENT_SECRET, NO_PROXY="127.0.0.1,localhost",
    )  # fmt: skip
    try:
        page = new_page()
        account = console.account("admin", name="Ada Admin")
        provider.claims = {"email": account.email, "email_verified": True}
        page.goto(f"{console.url}/console/staff/")
        page.get_by_role("link", name=staff("sign_in.provider")).click()
        page.wait_for_url(f"{console.url}/console/staff/")
        expect(page.get_by_role("link", name="Ada Admin")).to_be_visible()
        press(page, staff("sign_out"))
        provider.claims = {"sub": "somebody else", "email": "niemand@example.org", "email_verified": True}
        page.get_by_role("link", name=staff("sign_in.provider")).click()
        expect(page.get_by_role("heading", level=1)).to_have_text(staff("provider.unknown_title"))
        page.get_by_role("link", name=staff("provider.back")).click()
        expect(page.get_by_role("heading", level=1)).to_have_text(staff("sign_in.title"))
    finally:
        console.close()
        provider.close()


def test_everything_can_be_done_from_the_keyboard(page: Page, house: Console) -> None:
    page.goto(f"{house.url}/console/sign-in")
    expect(page.locator("#email")).to_be_focused()
    tab_until(page, "a.className === 'skip'")
    page.keyboard.press("Enter")
    tab_until(page, "a.id === 'email'")
    tab_until(page, "a.id === 'password'")
    tab_until(page, "a.tagName === 'BUTTON'")


@pytest.mark.parametrize("size", ["desktop", "narrow"])
@pytest.mark.parametrize("language", ["nl", "en"])
def test_axe_finds_nothing(new_page: Callable[..., Page], house: Console, language: str, size: str) -> None:
    """Every page of signing in and of accounts, also with what went wrong; and none is wider than a narrow screen."""
    viewport = {"width": 1280, "height": 800} if size == "desktop" else {"width": 320, "height": 640}
    page = new_page(viewport=viewport, locale="nl-NL" if language == "nl" else "en-GB")
    axe, found = Axe(), []

    def look(state: str) -> None:
        for violation in axe.run(page).response["violations"]:
            places = [node["target"] for node in violation["nodes"]]
            found.append(f"{state}: {violation['id']}, {violation['help']}, at {places}")
        if page.evaluate("document.documentElement.scrollWidth") > viewport["width"]:
            found.append(f"{state}: wider than the screen")

    page.goto(f"{house.url}/console/sign-in")
    look("sign in")
    fill(page, staff("email", language), "x@example.org")
    fill(page, staff("password", language), "verkeerd")
    press(page, staff("sign_in.button", language))
    expect(page.get_by_role("alert")).to_be_visible()
    look("failed")
    account = house.account("editor", language=language)
    page.goto(f"{house.url}/console/link")
    look("link, empty")
    page.goto(f"{house.url}/console/link#{house.accounts.link(account.id)}")
    expect(page.get_by_label(staff("link.token", language), exact=True)).to_be_hidden()
    look("link")
    press(page, staff("link.button", language))
    expect(page.get_by_label(staff("password_new", language), exact=True)).to_be_visible()
    look("choose")
    choose_password(page, "wachtwoord wachtwoord", language)
    expect(page.get_by_role("alert")).to_be_visible()
    look("chosen badly")
    signed_in(page, house, "admin", language=language)
    for path in ("password", "staff/", f"staff/{account.id}", "staff/x"):
        page.goto(f"{house.url}/console/{path}")
        look(path)
    page.goto(f"{house.url}/console/staff/{account.id}")
    press(page, staff("account.link_button", language))
    expect(page.get_by_label(staff("new_link.address", language))).to_be_visible()
    look("new link")
    page.goto(f"{house.url}/console/staff/{account.id}")
    press(page, staff("account.off_button", language))
    expect(page.get_by_role("status")).to_have_text(staff("account.switched_off", language))
    look("switched off")
    assert not found, "\n".join(found)
