"""Verification and status in a real browser: the two forms, what becomes of codes in them, and what is shown."""

from __future__ import annotations

import re
from collections.abc import Callable

import httpx
import pytest
from playwright.sync_api import Page, Route, expect

from bot.texts import text
from tests.e2e.browsing import Chat, Noted, focused, widget
from tests.e2e.companies import BLOEMEN, BOUW, HOLDING, ROBIN, VERA, Companies
from tests.e2e.test_widget_forms import Sheet, axe

BY_CODE, BY_EMAIL = "verification-code", "verification-email"
ASKS = {"nl": "Hoe staat mijn bedrijf ervoor?", "en": "How does my company stand?"}
ALL_MEMORY = """chat => {
  const found = [];
  const look = (node) => {
    for (const one of node.querySelectorAll('*')) {
      if (typeof one.value === 'string' && one.value) found.push(one.value);
      if (one.shadowRoot) look(one.shadowRoot);
    }
  };
  look(document);
  for (const store of [localStorage, sessionStorage]) found.push(JSON.stringify({ ...store }));
  return found.join(' ');
}"""


@pytest.fixture
def chat(page: Page, companies: Companies) -> Chat:
    """A Dutch chat, not opened yet."""
    return Chat(page, companies.system)


@pytest.fixture(params=["nl", "en"])
def either(request: pytest.FixtureRequest, page: Page, companies: Companies) -> Chat:
    """A chat in each language."""
    return Chat(page, companies.system, request.param)


def shown(chat: Chat) -> str:
    """The status that stands in the chat."""
    status = chat.element.locator('.message[data-kind="status"]')
    expect(status).to_have_count(1)
    return status.inner_text()


def test_by_code_and_into_the_guide(either: Chat, companies: Companies) -> None:
    """Asked for in words, verified on the form, shown from its beginning, and on into the guide with its button."""
    either.open()
    link = either.ask(ASKS[either.language]).get_by_role("link").first
    link.click()
    sheet = Sheet(either)
    expect(sheet.heading).to_be_focused()
    sheet.fill(kvk_number=BOUW, activation_code=companies.code(BOUW).lower())
    assert axe(either.page) == []
    sheet.submit.click()
    expect(sheet.node).to_be_hidden()
    expect(either.field).to_be_focused()
    assert "Voorbeeld Bouw BV" in shown(either)
    confirmed = either.messages.filter(has_text=text("status.confirmed", either.language))
    expect(confirmed).to_have_count(1)
    expect(confirmed).to_be_in_viewport()
    assert axe(either.page) == []
    guide = either.element.get_by_role("button", name=re.compile(text("guide.offer", either.language, title="")))
    guide.last.click()
    expect(either.last).to_have_attribute("data-kind", "guide")


def test_what_a_screen_reader_hears(chat: Chat, companies: Companies) -> None:
    """The form lay over the log: that it worked is said anyway."""
    sheet = Sheet(chat, BY_CODE)
    sheet.fill(kvk_number=BLOEMEN, activation_code=companies.code(BLOEMEN))
    heard = Noted(chat.element.locator(".frame > .hidden[role=status]"))
    sheet.submit.click()
    heard.has(widget("form.verified"))


def test_by_email(either: Chat, companies: Companies) -> None:
    """The form is sent twice: first the mail is asked for, and the focus goes to where the code is to be typed."""
    sheet = Sheet(either, BY_EMAIL)
    before = len(companies.mails(VERA))
    sheet.fill(kvk_number=BLOEMEN, email=VERA)
    sheet.submit.click()
    expect(sheet.outcome).to_have_text(widget("form.mail_sent", either.language))
    expect(sheet.part("one_time_code")).to_be_focused()
    expect(sheet.part("email")).to_have_value(VERA)
    assert axe(either.page) == []
    sheet.fill(one_time_code=companies.mailed_code(VERA, before))
    sheet.part("one_time_code").press("Enter")
    expect(sheet.node).to_be_hidden()
    assert "Voorbeeld Bloemen BV" in shown(either)


def test_unknown_address_is_told_the_same(chat: Chat) -> None:
    sheet = Sheet(chat, BY_EMAIL)
    sheet.fill(kvk_number=BLOEMEN, email="nobody@example.nl")
    sheet.submit.click()
    expect(sheet.outcome).to_have_text(widget("form.mail_sent"))
    expect(sheet.part("one_time_code")).to_be_focused()


def test_five_failures(either: Chat, companies: Companies) -> None:
    """Each is told in words, read out, and the code is gone; the sixth is told kindly where help is."""
    sheet = Sheet(either, BY_CODE)
    for number in range(5):
        sheet.fill(kvk_number=BLOEMEN, activation_code=f"ZZ99-000{number}")
        sheet.submit.click()
        expect(sheet.alert).to_have_text(text("problem.not_verified.detail", either.language))
        expect(sheet.part("activation_code")).to_have_value("")
        expect(sheet.part("kvk_number")).to_have_value(BLOEMEN)
    sheet.fill(activation_code=companies.code(BLOEMEN))
    sheet.submit.click()
    expect(sheet.alert).to_have_text(text("problem.verify_conversation.detail", either.language))
    expect(sheet.part("activation_code")).to_have_value("")
    assert axe(either.page) == []
    expect(either.element.locator('.message[data-kind="status"]')).to_have_count(0)


def test_kvk_number_with_letters(chat: Chat, companies: Companies) -> None:
    sheet = Sheet(chat, BY_CODE)
    sheet.fill(kvk_number="6875O110", activation_code=companies.code(BLOEMEN))
    sheet.submit.click()
    expect(sheet.alert).to_have_text(text("registration.kvk.letters", "nl"))
    expect(sheet.part("activation_code")).to_have_value("")


# ---- codes are not kept


@pytest.mark.parametrize(
    "leave",
    [
        lambda chat: chat.page.keyboard.press("Escape"),
        lambda chat: chat.button("form.close").first.click(),
        lambda chat: chat.element.evaluate("chat => chat.close()"),
        lambda chat: chat.page.evaluate("dispatchEvent(new PageTransitionEvent('pagehide', { persisted: true }))"),
    ],
    ids=["Escape", "button", "chat closed", "page left"],
)
def test_code_does_not_stay_in_a_form_that_is_left(chat: Chat, leave: Callable[[Chat], None]) -> None:
    """What else was typed does stay, for who goes on later."""
    sheet = Sheet(chat, BY_CODE)
    sheet.fill(kvk_number=BLOEMEN, activation_code="QX77-QX77")
    assert "QX77" in chat.page.evaluate(ALL_MEMORY)
    leave(chat)
    assert "QX77" not in chat.page.evaluate(ALL_MEMORY)
    chat.element.evaluate("chat => chat.open()")
    if not sheet.node.is_visible():
        chat.ask(ASKS["nl"]).get_by_role("link").first.click()
    expect(sheet.part("activation_code")).to_have_value("")
    expect(sheet.part("kvk_number")).to_have_value(BLOEMEN)


def test_code_does_not_stay_when_it_was_sent(chat: Chat, companies: Companies) -> None:
    """Neither in the page nor in the browser's storage; nor in the form, when it is opened again."""
    code = companies.code(BLOEMEN)
    sheet = Sheet(chat, BY_CODE)
    sheet.fill(kvk_number=BLOEMEN, activation_code=code)
    sheet.submit.click()
    expect(sheet.node).to_be_hidden()
    assert code not in chat.page.evaluate(ALL_MEMORY)
    assert code not in chat.page.content()
    assert "".join(chat.frames).count(code) == 0


def test_answer_lost_on_the_way(chat: Chat, companies: Companies) -> None:
    """The code is gone from the form, and the form says that it has to be typed again."""
    sheet = Sheet(chat, BY_CODE)
    chat.greeted()

    def lose(route: Route) -> None:
        route.abort("connectionreset")

    chat.page.route("**/verification", lose)
    sheet.fill(kvk_number=BLOEMEN, activation_code=companies.code(BLOEMEN))
    sheet.submit.click()
    expect(sheet.alert).to_have_text(widget("form.lost_code"))
    expect(sheet.part("activation_code")).to_have_value("")
    chat.page.unroute("**/verification")
    sheet.fill(activation_code=companies.code(BLOEMEN))
    sheet.submit.click()
    expect(sheet.node).to_be_hidden()


def test_browser_is_told_what_codes_are(chat: Chat) -> None:
    """It does not remember them, correct them or put capitals elsewhere; a one-time code it may take from a message."""
    for form, name, fill in ((BY_CODE, "activation_code", "off"), (BY_EMAIL, "one_time_code", "one-time-code")):
        sheet = Sheet(chat, form)
        told = sheet.part(name).evaluate(
            "field => [field.type, field.autocomplete, field.autocapitalize, field.spellcheck]"
        )
        assert told == ["text", fill, "characters", False]
        assert sheet.part("kvk_number").get_attribute("inputmode") == "numeric"


def test_conversation_that_is_gone(chat: Chat, companies: Companies) -> None:
    """Erased meanwhile at the server: verified in a new one, where the status then stands."""
    sheet = Sheet(chat, BY_CODE)
    chat.greeted()
    kept = chat.remembered()
    old = kept["id"]
    address = f"{companies.system.url}/api/v1/conversations/{old}"
    erased = httpx.delete(address, headers={"Authorization": f"Bearer {kept['token']}"}, timeout=60)
    assert erased.status_code == 204
    sheet.fill(kvk_number=BLOEMEN, activation_code=companies.code(BLOEMEN))
    sheet.submit.click()
    expect(sheet.node).to_be_hidden()
    assert "Voorbeeld Bloemen BV" in shown(chat)
    assert chat.remembered()["id"] != old


# ---- what is shown


def test_status_disappears_from_the_screen(chat: Chat, companies: Companies) -> None:
    """After half an hour, also where the page stays open: a placeholder, without the buttons."""
    chat.page.clock.install()
    sheet = Sheet(chat, BY_CODE)
    sheet.fill(kvk_number=BLOEMEN, activation_code=companies.code(BLOEMEN))
    sheet.submit.click()
    expect(sheet.node).to_be_hidden()
    status = chat.element.locator('.message[data-kind="status"]')
    expect(status.get_by_role("button")).not_to_have_count(0)
    chat.page.clock.run_for(29 * 60_000)
    expect(status).to_contain_text("Voorbeeld Bloemen BV")
    chat.page.clock.run_for(62_000)
    expect(status.locator(".words")).to_have_text(text("status.gone", "nl"))
    expect(status.get_by_role("button")).to_have_count(0)


def test_another_company_of_the_same_contact(chat: Chat, companies: Companies) -> None:
    sheet = Sheet(chat, BY_EMAIL)
    before = len(companies.mails(ROBIN))
    sheet.fill(kvk_number=HOLDING, email=ROBIN)
    sheet.submit.click()
    sheet.fill(one_time_code=companies.mailed_code(ROBIN, before))
    sheet.submit.click()
    expect(sheet.node).to_be_hidden()
    chat.element.get_by_role("button", name=text("status.other", "nl", name="Voorbeeld Advies BV")).click()
    expect(chat.last).to_contain_text("Voorbeeld Advies BV")
    expect(chat.last).to_have_attribute("data-kind", "status")


def test_not_right_leads_to_the_form_of_the_desk(chat: Chat, companies: Companies) -> None:
    sheet = Sheet(chat, BY_CODE)
    sheet.fill(kvk_number=BLOEMEN, activation_code=companies.code(BLOEMEN))
    sheet.submit.click()
    expect(sheet.node).to_be_hidden()
    chat.element.get_by_role("button", name=text("status.wrong_button", "nl")).click()
    expect(chat.last).to_have_attribute("data-kind", "handoff")
    chat.last.get_by_role("link", name=re.compile("belt")).click()
    expect(sheet.heading).to_be_focused()
    expect(sheet.part("subject")).to_be_visible()


def test_masked_code_leads_to_the_form(chat: Chat) -> None:
    """Who types a code into the chat is told where it belongs, and gets there."""
    chat.open().send("mijn code is QX77-QX77-QX77")
    notice = chat.messages.filter(has=chat.page.locator(".bubble")).get_by_role("link", name="het formulier")
    notice.click()
    expect(Sheet(chat).part("activation_code")).to_be_visible()


def test_on_a_phone(phone: Page, companies: Companies) -> None:
    """Nothing sticks out, and the keyboard's order is that of the form."""
    chat = Chat(phone, companies.system)
    sheet = Sheet(chat, BY_EMAIL)
    assert phone.evaluate("document.documentElement.scrollWidth <= innerWidth")
    sheet.part("kvk_number").focus()
    for name in ("email", "one_time_code"):
        phone.keyboard.press("Tab")
        assert focused(phone, "a.name") == name
    assert axe(phone) == []
