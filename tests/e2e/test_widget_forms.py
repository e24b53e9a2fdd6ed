"""The forms, files and guides of the widget, in a real browser, against the real system."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page, Route, expect

from bot.texts import text
from tests.e2e.browsing import PATHS, Chat, Noted, box, fetched, focused, rows, until, widget
from tests.running import System

ASKS = {
    "nl": "Ik wil melden dat wij geen activatiecode hebben gekregen",
    "en": "I want to report that we got no activation code",
}
COMPANY = {"name": "Testbedrijf Nooitgedacht B.V.", "kvk_number": "12345678"}
TYPED = "wegwijzer.test@example.com"
FORMS = ("code-missing", "letter-wrong", "call-back", "registration-check", "charter-text-check")


class Sheet:
    """An open form, as a visitor uses it."""

    def __init__(self, chat: Chat, id_: str | None = None) -> None:
        self.chat, self.node = chat, chat.element.locator("form.sheet")
        if id_:
            chat.visit(f"{PATHS[chat.language]}?wegwijzer-form={id_}")
        expect(self.node).to_be_visible()
        self.heading = self.node.locator("h3")
        self.submit = self.node.locator(".primary")
        self.alert = self.node.get_by_role("alert")
        self.outcome = self.node.get_by_role("status")

    def part(self, name: str) -> Locator:
        """A control by its name in the API: `email`, `companies.0.name`."""
        return self.node.locator(f'[id="form-{name}"]')

    def said_of(self, name: str) -> Locator:
        """What the form says is wrong with a control."""
        return self.node.locator(f'[id="form-{name}-problem"]')

    def fill(self, **values: str) -> None:
        """Fills in; of a name the first dots are written as two underscores: `companies__0__name`."""
        for name, value in values.items():
            self.part(name.replace("__", ".")).fill(value)

    def fill_in_code_missing(self) -> None:
        """All that has to be filled in, and a remark."""
        self.fill(companies__0__name=COMPANY["name"], companies__0__kvk_number=COMPANY["kvk_number"])
        self.fill(name="Tess Tester", email=TYPED, remarks="Ook de bijlage ontbreekt.")
        self.part("consent").check()


def requests_of(chat: Chat) -> list[tuple[str, dict[str, object]]]:
    """The requests that the desk got from this conversation: reference and fields."""
    query = "SELECT reference, fields FROM requests WHERE conversation_id = ?"
    return [(reference, json.loads(fields)) for reference, fields in rows(chat.system, query, chat.remembered()["id"])]


def axe(page: Page) -> list[str]:
    """What axe finds on the page as it is now."""
    found = Axe().run(page).response["violations"]
    return [f"{v['id']}, {v['help']}, at {[node['target'] for node in v['nodes']]}" for v in found]


# ---- sending


def test_from_a_link_in_the_chat_to_a_reference(either: Chat) -> None:
    """A request is asked for in words, filled in over the chat, stored once, and confirmed with its reference."""
    reply = either.open().ask(ASKS[either.language])
    link = reply.get_by_role("link", name=re.compile("activatiecode|activation code"))
    assert link.get_attribute("href") == f"{either.system.url}/?wegwijzer-form=code-missing"
    link.click()
    sheet = Sheet(either)
    expect(sheet.heading).to_be_focused()
    expect(sheet.node).to_have_attribute("lang", either.language)
    sheet.fill_in_code_missing()
    sheet.submit.click()
    expect(sheet.node).to_be_hidden()
    expect(either.field).to_be_focused()
    [(reference, fields)] = requests_of(either)
    expect(either.messages.filter(has_text=reference)).to_have_count(1)
    consent = {"name": "Tess Tester", "email": TYPED, "remarks": "Ook de bijlage ontbreekt.", "consent": True}
    assert fields == {"companies": [COMPANY], **consent}


def test_what_was_sent_is_gone_from_the_form(chat: Chat) -> None:
    """The next visitor at the same screen must not find it."""
    sheet = Sheet(chat, "code-missing")
    sheet.fill_in_code_missing()
    sheet.submit.click()
    expect(sheet.node).to_be_hidden()
    chat.ask(ASKS["nl"]).get_by_role("link").first.click()
    expect(Sheet(chat).part("email")).to_have_value("")


def test_answer_lost_on_the_way_is_one_request(chat: Chat) -> None:
    """The server stored it, the connection broke: sent again, it is the same request; nothing typed is lost."""
    lost: list[int] = []

    def lose_once(route: Route) -> None:
        if lost:
            route.continue_()
            return
        lost.append(route.fetch().status)
        route.abort("connectionreset")

    sheet = Sheet(chat, "code-missing")
    chat.page.route("**/requests", lose_once)
    sheet.fill_in_code_missing()
    sheet.submit.click()
    expect(sheet.alert).to_have_text(widget("form.lost"))
    expect(sheet.part("email")).to_have_value(TYPED)
    sheet.submit.click()
    expect(sheet.node).to_be_hidden()
    assert lost == [201]
    assert len(requests_of(chat)) == 1


def test_while_it_is_being_sent(chat: Chat) -> None:
    """A second press does nothing, the form says what goes on, and Escape does not throw it away."""
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    sheet = Sheet(chat, "code-missing")
    chat.page.route("**/requests", hold)
    sheet.fill_in_code_missing()
    sheet.submit.click()
    expect(sheet.submit).to_be_disabled()
    expect(sheet.submit).to_be_focused()
    expect(sheet.outcome).to_have_text(widget("form.sending"))
    sheet.submit.dispatch_event("click")
    chat.page.keyboard.press("Escape")
    expect(sheet.node).to_be_visible()
    held[0].continue_()
    expect(sheet.node).to_be_hidden()
    assert len(held) == 1


def test_refusal_is_read_out_and_nothing_is_lost(chat: Chat) -> None:
    """What only the server can judge (a KVK number that is none) is said in the form; corrected, it is sent."""
    sheet = Sheet(chat, "code-missing")
    sheet.fill_in_code_missing()
    sheet.fill(companies__0__kvk_number="1234")
    sheet.submit.click()
    expect(sheet.alert).to_contain_text("KVK")
    expect(sheet.part("email")).to_have_value(TYPED)
    expect(sheet.submit).to_be_enabled()
    sheet.fill(companies__0__kvk_number=COMPANY["kvk_number"])
    sheet.submit.click()
    expect(sheet.node).to_be_hidden()
    assert len(requests_of(chat)) == 1


def test_conversation_that_is_gone(chat: Chat) -> None:
    """Erased meanwhile at the server (retention): the request goes into a new conversation."""
    sheet = Sheet(chat, "code-missing")
    chat.greeted()
    old = chat.remembered()
    chat.page.evaluate(
        "([address, token]) => fetch(address, { method: 'DELETE', headers: { Authorization: `Bearer ${token}` } })",
        [f"{chat.system.url}/api/v1/conversations/{old['id']}", old["token"]],
    )
    assert fetched(chat.system, old["id"], old["token"]).status_code == 404
    sheet.fill_in_code_missing()
    sheet.submit.click()
    expect(sheet.node).to_be_hidden()
    assert chat.remembered()["id"] != old["id"]
    [(reference, _)] = requests_of(chat)
    expect(chat.log).to_contain_text(reference)


# ---- filling in


def test_what_is_missing_is_said_beside_the_field(either: Chat) -> None:
    """Nothing is sent; each empty field says so in the reader's language, and the first one has the focus."""
    sheet = Sheet(either, "code-missing")
    sheet.submit.click()
    expect(sheet.part("companies.0.name")).to_be_focused()
    for name in ("companies.0.name", "companies.0.kvk_number", "name"):
        expect(sheet.said_of(name)).to_have_text(widget("form.missing", either.language))
        expect(sheet.part(name)).to_have_attribute("aria-invalid", "true")
        expect(sheet.part(name)).to_have_accessible_description(re.compile(widget("form.missing", either.language)))
    expect(sheet.said_of("consent")).to_have_text(widget("form.agree", either.language))
    expect(sheet.said_of("remarks")).to_have_text("")
    assert requests_of(either) == []
    sheet.fill(name="Tess")
    expect(sheet.said_of("name")).to_have_text("")
    expect(sheet.part("name")).to_have_attribute("aria-invalid", "false")


def test_one_of_two_is_enough(chat: Chat) -> None:
    """An e-mail address or a telephone number: without either the form asks, and typing in either settles it."""
    sheet = Sheet(chat, "code-missing")
    sheet.fill_in_code_missing()
    sheet.fill(email="   ")
    sheet.submit.click()
    expect(sheet.part("email")).to_be_focused()
    labels = [sheet.node.locator(f'label[for="form-{name}"]').inner_text() for name in ("email", "phone")]
    for label in labels:
        expect(sheet.said_of("email")).to_contain_text(label)
    sheet.fill(phone="070 123 45 67")
    expect(sheet.said_of("email")).to_have_text("")
    sheet.submit.click()
    expect(sheet.node).to_be_hidden()
    [(_, fields)] = requests_of(chat)
    assert "email" not in fields


def test_companies_come_and_go(chat: Chat) -> None:
    """Rows are added and taken away, the focus goes along, and what stands in the others stays."""
    sheet = Sheet(chat, "code-missing")
    sheet.fill_in_code_missing()
    remove = chat.button("form.remove")
    expect(remove).to_have_count(0)
    for number in (1, 2):
        chat.button("form.add").click()
        expect(sheet.part(f"companies.{number}.name")).to_be_focused()
    sheet.fill(companies__2__name="Derde B.V.", companies__2__kvk_number="87654321")
    remove.nth(1).click()
    expect(sheet.part("companies.2.name")).to_be_focused()
    groups = sheet.node.locator(".rows fieldset")
    expect(groups).to_have_count(2)
    for number in (1, 2):
        expect(sheet.node.get_by_role("group", name=f"{widget('form.companies')} {number}")).to_be_visible()
    sheet.submit.click()
    expect(sheet.node).to_be_hidden()
    [(_, fields)] = requests_of(chat)
    assert fields["companies"] == [COMPANY, {"name": "Derde B.V.", "kvk_number": "87654321"}]


def test_no_more_companies_than_the_form_takes(chat: Chat) -> None:
    """A letter names one company: there is no button for a second one."""
    sheet = Sheet(chat, "letter-wrong")
    expect(sheet.node.locator(".rows fieldset")).to_have_count(1)
    expect(chat.button("form.add")).to_be_hidden()


def test_too_long_is_not_sent_and_not_cut(chat: Chat) -> None:
    """A remark of 2,001 characters stays as it is, and the form says how many there may be."""
    sheet = Sheet(chat, "code-missing")
    sheet.fill_in_code_missing()
    sheet.fill(remarks="x" * 2001)
    sheet.submit.click()
    expect(sheet.said_of("remarks")).to_have_text(widget("form.too_long", most=2000))
    expect(sheet.part("remarks")).to_have_value("x" * 2001)
    assert requests_of(chat) == []


def test_a_choice(chat: Chat) -> None:
    """Radio buttons: the group says that one is missing, and the value that is sent is the option's own."""
    sheet = Sheet(chat, "call-back")
    sheet.fill(subject="De uitnodigingsbrief", name="Tess Tester", phone="070 123 45 67")
    sheet.part("consent").check()
    sheet.submit.click()
    expect(sheet.said_of("desk")).to_have_text(widget("form.choose"))
    first = sheet.part("desk").get_by_role("radio").first
    expect(first).to_be_focused()
    first.press("Space")
    expect(sheet.said_of("desk")).to_have_text("")
    wanted = first.get_attribute("value")
    sheet.submit.click()
    expect(sheet.node).to_be_hidden()
    [(_, fields)] = requests_of(chat)
    assert fields["desk"] == wanted


def test_the_browser_can_fill_in(chat: Chat) -> None:
    """WCAG 1.3.5: fields about the visitor say what they are for; on a phone the right keyboard comes up."""
    sheet = Sheet(chat, "code-missing")
    told = {
        name: sheet.part(name).evaluate("field => [field.type, field.autocomplete, field.inputMode]")
        for name in ("name", "email", "phone", "companies.0.name", "companies.0.kvk_number")
    }
    assert told == {
        "name": ["text", "name", ""],
        "email": ["email", "email", ""],
        "phone": ["tel", "tel", ""],
        "companies.0.name": ["text", "organization", ""],
        "companies.0.kvk_number": ["text", "off", "numeric"],
    }


# ---- the checks


def test_check_of_a_registration(either: Chat) -> None:
    """The outcome is read out in the form, the wrong fields are marked, and what was typed stays."""
    sheet = Sheet(either, "registration-check")
    sheet.fill(kvk_number="12", contacts__0__name="Tess Tester", contacts__0__email="tess@example.com")
    sheet.fill(contacts__1__name="Toon Toets", contacts__1__email="geen adres")
    sheet.submit.click()
    expect(sheet.part("kvk_number")).to_have_attribute("aria-invalid", "true")
    expect(sheet.part("contacts.1.email")).to_have_attribute("aria-invalid", "true")
    expect(sheet.part("contacts.0.email")).not_to_have_attribute("aria-invalid", "true")
    expect(sheet.said_of("kvk_number")).to_have_text(text("registration.kvk.length", either.language))
    expect(sheet.outcome).not_to_be_empty()
    wrong = sheet.outcome.inner_text()
    expect(sheet.part("contacts.0.name")).to_have_value("Tess Tester")
    sheet.fill(kvk_number="12 34 56 78", contacts__1__email="toon@example.com")
    sheet.submit.click()
    expect(sheet.outcome).not_to_have_text(wrong)
    expect(sheet.outcome).not_to_have_text(widget("form.sending", either.language))
    expect(sheet.node.locator('[aria-invalid="true"]')).to_have_count(0)


def test_two_contacts_with_one_address(chat: Chat) -> None:
    """What is wrong with the two together is said under both."""
    sheet = Sheet(chat, "registration-check")
    sheet.fill(kvk_number="12345678", contacts__0__name="Tess Tester", contacts__0__email="een@example.com")
    sheet.fill(contacts__1__name="Toon Toets", contacts__1__email="een@example.com")
    sheet.submit.click()
    expect(sheet.outcome).not_to_have_text(re.compile(f"^({re.escape(widget('form.sending'))})?$"))
    said = [sheet.said_of(name).inner_text() for name in ("contacts", "contacts.0.email", "contacts.1.email")]
    assert any(said), sheet.outcome.inner_text()


def test_check_of_a_charter_text(either: Chat) -> None:
    """A draft is looked at without being kept; it stays in the field, and can be looked at again."""
    sheet = Sheet(either, "charter-text-check")
    words = {"nl": "Wij willen meer vrouwen in de top.", "en": "We want more women at the top."}[either.language]
    sheet.fill(text=words)
    sheet.submit.click()
    expect(sheet.outcome).not_to_have_text(widget("form.sending", either.language))
    expect(sheet.outcome.locator("strong").first).to_be_visible()
    expect(sheet.part("text")).to_have_value(words)


# ---- opening and closing


def test_escape_goes_back_and_keeps_what_was_typed(chat: Chat) -> None:
    """Closed by accident: the focus is on the link again, and reopened the form is as it was. Only in memory."""
    link = chat.open().ask(ASKS["nl"]).get_by_role("link").first
    link.focus()
    chat.page.keyboard.press("Enter")
    sheet = Sheet(chat)
    assert chat.element.locator(".composer").evaluate("node => Boolean(node.closest('[inert]'))")
    sheet.fill_in_code_missing()
    chat.page.keyboard.press("Escape")
    expect(sheet.node).to_have_count(0)
    expect(chat.panel).to_be_visible()
    expect(link).to_be_focused()
    assert not chat.element.locator(".composer").evaluate("node => Boolean(node.closest('[inert]'))")
    stored = chat.page.evaluate("JSON.stringify({ ...localStorage, ...sessionStorage })")
    assert TYPED not in stored and COMPANY["name"] not in stored
    chat.page.keyboard.press("Enter")
    expect(sheet.part("email")).to_have_value(TYPED)
    expect(sheet.part("consent")).to_be_checked()
    expect(sheet.part("companies.0.name")).to_have_value(COMPANY["name"])
    chat.page.reload()
    assert TYPED not in chat.page.evaluate("JSON.stringify({ ...localStorage, ...sessionStorage })")


def test_erasing_wipes_the_forms(chat: Chat) -> None:
    """Who erases the conversation erases what was typed in a form as well."""
    sheet = Sheet(chat, "code-missing")
    sheet.fill_in_code_missing()
    chat.button("form.close").last.click()
    expect(sheet.node).to_have_count(0)
    chat.button("panel.erase").click()
    chat.button("erase.confirm").click()
    expect(chat.log).to_contain_text(widget("erase.done"))
    chat.greeted()
    chat.ask(ASKS["nl"]).get_by_role("link").first.click()
    expect(Sheet(chat).part("email")).to_have_value("")


def test_a_link_on_the_page(page: Page, system: System) -> None:
    """A link to this very page with a form in it opens that form in the chat; the page stays."""
    body = (
        '<!doctype html><html lang="nl"><title>Pagina</title><a href="?wegwijzer-form=call-back">Bel mij</a>'
        '<script src="/widget.js" defer></script>'
    )
    page.route(f"{system.url}/elsewhere*", lambda route: route.fulfill(body=body, content_type="text/html"))
    chat = Chat(page, system).visit("/elsewhere")
    expect(chat.launcher).to_be_visible()
    page.get_by_role("link", name="Bel mij").click()
    expect(Sheet(chat).heading).to_be_focused()
    assert page.url == f"{system.url}/elsewhere"


def test_a_form_that_is_not_there(chat: Chat) -> None:
    """A link on paper outlives its form: the chat opens and says so."""
    chat.visit("/?wegwijzer-form=no-longer-there")
    expect(chat.log).to_contain_text(widget("form.not_opened"))
    expect(chat.field).to_be_enabled()


def test_reload_after_sending(chat: Chat) -> None:
    """The address still names the form, but it was sent: the conversation with the reference is what stands there."""
    sheet = Sheet(chat, "code-missing")
    sheet.fill_in_code_missing()
    sheet.submit.click()
    expect(sheet.node).to_be_hidden()
    [(reference, _)] = requests_of(chat)
    chat.page.reload()
    expect(chat.log).to_contain_text(reference)
    expect(sheet.node).to_have_count(0)


# ---- everybody, everywhere


@pytest.mark.parametrize("device", ["desktop", "phone"])
@pytest.mark.parametrize("language", ["nl", "en"])
def test_axe_finds_nothing(request: pytest.FixtureRequest, system: System, device: str, language: str) -> None:
    """Each kind of form, untouched and with everything wrong that can be."""
    page: Page = request.getfixturevalue("phone" if device == "phone" else "page")
    found = []
    for id_ in FORMS:
        sheet = Sheet(Chat(page, system, language), id_)
        found += [f"{id_}: {one}" for one in axe(page)]
        sheet.submit.click()
        found += [f"{id_}, refused: {one}" for one in axe(page)]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("height", [640, 256])
def test_at_400_percent(new_page: Callable[..., Page], system: System, height: int) -> None:
    """1280 × 1024 zoomed to 400%: nothing goes sideways, and the last button can be reached."""
    page = new_page(viewport={"width": 320, "height": height})
    for id_ in FORMS:
        sheet = Sheet(Chat(page, system), id_)
        sheet.submit.click()
        edges = sheet.node.locator("*:visible").evaluate_all(
            "found => found.map((one) => [one.getBoundingClientRect().left, one.getBoundingClientRect().right])"
        )
        assert all(left >= 0 and right <= 320 for left, right in edges), id_
        last = sheet.node.locator(".plain").last
        last.scroll_into_view_if_needed()
        place = box(last)
        assert place["y"] >= 0 and place["y"] + place["height"] <= height


def test_tab_stays_in_the_form_on_a_phone(phone: Page, system: System) -> None:
    """The form covers the chat, and the chat the page: the focus goes round in the form, both ways."""
    Sheet(Chat(phone, system), "registration-check")
    for key in ["Shift+Tab"] * 3 + ["Tab"] * 25:
        phone.keyboard.press(key)
        assert focused(phone, "Boolean(a?.closest('.sheet'))"), key


# ---- guides


def led(chat: Chat) -> Locator:
    """Starts a guide with the greeting's button for it; gives its first step."""
    offer = text("guide.offer", chat.language, title="")
    chat.open().replies.first.locator(".choices button").filter(has_text=offer).first.click()
    expect(chat.replies).to_have_count(2)
    expect(chat.last).to_have_attribute("data-kind", "guide")
    return chat.last


def test_a_step_of_a_guide(either: Chat) -> None:
    """The step is named first, in words that are seen and heard; its bar is for the eye; the buttons lie compactly."""
    reply = led(either)
    progress = reply.locator(".progress")
    expect(progress).to_be_visible()
    expect(progress.locator(".bar")).to_have_attribute("aria-hidden", "true")
    words = widget("message.progress", either.language, step=1, of="{of}").partition("{of}")[0]
    heard = reply.evaluate(
        "(node) => { const copy = node.cloneNode(true);"
        " copy.querySelectorAll('[aria-hidden=true]').forEach((one) => one.remove()); return copy.textContent }"
    )
    assert heard.removeprefix(widget("sender.assistant", either.language)).startswith(words)
    assert heard.count(words) == 1
    buttons = reply.locator(".choices button")
    shown = [button for message in either.at_server().json()["messages"][-1:] for button in message["buttons"]]
    assert [one.strip() for one in buttons.locator("span:first-child").all_inner_texts()] == [
        button["title"] for button in shown
    ]
    places = [box(button) for button in buttons.all()]
    assert len({place["y"] for place in places}) < len(places), "no two are beside each other"
    assert places == sorted(places, key=lambda place: (place["y"], place["x"])), "Tab would jump about"


def papers(chat: Chat) -> Locator:
    """Follows a guide, always with the first button, until it offers its checklist; gives the button for that."""
    led(chat)
    papers = chat.element.get_by_role("button", name=text("guide.checklist", chat.language), exact=True)
    for _ in range(20):
        if papers.count():
            return papers
        before = chat.replies.count()
        chat.last.locator(".choices button").first.click()
        expect(chat.replies).to_have_count(before + 1)
    pytest.fail("The guide did not come to its end.")


def test_the_checklist_is_saved(either: Chat) -> None:
    """The file is fetched with the conversation's key, saved under its name, and the browser lets go of it."""
    either.page.add_init_script(
        "window.kept = new Set(); const { createObjectURL: make, revokeObjectURL: drop } = URL;"
        "URL.createObjectURL = (blob) => { const url = make(blob); kept.add(url); return url };"
        "URL.revokeObjectURL = (url) => { kept.delete(url); drop(url) };"
    )
    either.page.clock.install()
    button = papers(either)
    heard = Noted(either.element.locator(".frame > .hidden[role=status]"))
    with either.page.expect_download() as download:
        button.click()
    assert download.value.suggested_filename == "checklist.pdf"
    assert download.value.path().read_bytes().startswith(b"%PDF")
    heard.has(widget("download.done", either.language, name="checklist.pdf"))
    either.page.clock.run_for(10_000)
    until(either.page, lambda: either.page.evaluate("kept.size === 0"), "the address of the file was given back")


def test_a_file_that_cannot_be_had(chat: Chat) -> None:
    """Without a network the chat says that it did not work; once there is one it works."""
    button = papers(chat)
    chat.page.context.set_offline(True)
    button.click()
    expect(chat.log).to_contain_text(widget("download.failed"))
    chat.page.context.set_offline(False)
    with chat.page.expect_download():
        button.click()
