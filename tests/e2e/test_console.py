"""The console in a real browser: with a visitor in another one, with ten chats open, with and without a connection."""

from __future__ import annotations

import re
import secrets
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page, expect

from bot.texts import text
from integrations.console.sessions import COOKIE_ON_LOOPBACK
from tests.conftest import Visitor
from tests.e2e.browsing import Chat, Noted, answered_at_last, rows, until, widget
from tests.e2e.staffed import CHARTER_TOPIC, Staffed, questions_without_an_answer

QUESTION = "Wanneer moet het plan van aanpak van het Charter klaar zijn?"
OTHER_TAB = "Object.defineProperty(document, 'hasFocus', {value: () => false})"


def say(key: str, language: str = "nl", **values: object) -> str:
    """What the console says; its places are filled in here as the browser does."""
    words = text(f"console.{key}", language)
    for name, value in values.items():
        words = words.replace(f"{{{name}}}", str(value))
    return words


@dataclass
class Console:
    """The console on a page, as an agent uses it."""

    page: Page
    staffed: Staffed
    language: str = "nl"

    def __post_init__(self) -> None:
        self.errors: list[str] = []
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", lambda line: self.errors.append(line.text) if "Content Security" in line.text else None)
        self.answer = self.page.locator("#answer")
        self.log = self.page.get_by_role("log")
        self.messages = self.log.locator(".message")
        self.waiting = self.page.locator("#waiting .line")
        self.mine = self.page.locator("#mine .line")
        self.others = self.page.locator("#others .line")
        self.suggestions = self.page.locator(".suggestion")
        self.dialog = self.page.get_by_role("dialog")
        self.connection = self.page.locator("#connection")

    def come(self, name: str = "Anna Agent", roles: tuple[str, ...] = ("agent",)) -> Console:
        """Signs in, opens the console, and takes chats."""
        email = f"{secrets.token_hex(4)}@example.org"
        desks = ("charter",) if "agent" in roles else ()
        account = self.staffed.accounts.create(email, name, roles, desks, self.language)
        cookie = {"name": COOKIE_ON_LOOPBACK, "value": self.staffed.sessions.open(account.id), "httpOnly": True}
        self.page.context.add_cookies([{**cookie, "url": self.staffed.system.url, "sameSite": "Strict"}])  # type: ignore[list-item]
        self.page.goto(f"{self.staffed.system.url}/console/")
        expect(self.page.locator("html")).to_have_attribute("data-ready", "yes")
        if "agent" in roles:
            expect(self.page.locator("html")).to_have_attribute("data-connection", "ok")
            self.page.locator("#takes-chats").check()
            expect(self.page.locator("#present")).to_have_text(re.compile("[1-9]"))
        return self

    def button(self, key: str) -> Locator:
        return self.page.get_by_role("button", name=re.compile(f"^{re.escape(say(key, self.language))}"))

    def line(self, visitor: Visitor) -> Locator:
        return self.page.locator(f'[data-conversation="{visitor.id}"] .line')

    def claim_next(self) -> None:
        """Takes whoever waits longest, by the key, and sees what they said."""
        before = self.mine.count()
        self.page.keyboard.press("Alt+n")
        expect(self.mine).to_have_count(before + 1)
        expect(self.answer).to_be_focused()
        claimed = self.mine.nth(before)
        expect(claimed).to_have_attribute("aria-current", "true")
        expect(claimed.locator(".badge")).to_be_hidden()

    def send(self, words: str) -> None:
        self.answer.fill(words)
        self.answer.press("Control+Enter")

    def said_once(self, words: str) -> None:
        """The words stand in the log once, and not as something that is still to be sent."""
        expect(self.log.locator(".message:not(.outgoing)", has_text=words)).to_have_count(1)
        expect(self.log.locator(".outgoing")).to_have_count(0)


@pytest.fixture
def console(page: Page, staffed: Staffed) -> Iterator[Console]:
    """An agent's console; nothing may go wrong in its scripts."""
    console = Console(page, staffed)
    yield console
    assert console.errors == []


def waiting(staffed: Staffed, *says: str, language: str = "nl") -> Visitor:
    """A visitor who says these things over the API, and then asks for a person."""
    visitor = Visitor(staffed.system, language, CHARTER_TOPIC)
    for words in (*says, text("button.person", language)):
        last = visitor.say(words)
    assert last[-1]["kind"] == "handoff"
    return visitor


def by_agent(visitor: Visitor) -> list[str]:
    return [message["text"] for message in visitor.messages() if message["sender"] == "agent"]


# ---- a visitor in one browser, an agent in another


def test_from_a_question_to_closing(console: Console, new_page: Callable[..., Page], staffed: Staffed) -> None:
    """Ask, miss twice, hand over, claim, insert a suggestion, edit, send, close; and on with the assistant."""
    console.come()
    miss, other_miss = questions_without_an_answer("nl", "charter")[:2]
    chat = Chat(new_page(), staffed.system)
    chat.visit(f"/?wegwijzer-topic={CHARTER_TOPIC}")
    expect(chat.replies).to_have_count(2)
    chat.ask(QUESTION)
    chat.ask(miss)
    expect(chat.last).to_have_attribute("data-kind", "unknown")
    chat.ask(other_miss)
    expect(chat.last).to_have_attribute("data-kind", "handoff")
    strip = chat.element.locator(".strip p")
    expect(strip).to_have_text(widget("mode.queue", position=1))

    expect(console.waiting).to_have_count(1)
    expect(console.waiting.locator(".time")).to_have_text(re.compile(r"\d+:\d\d"))
    expect(console.page).to_have_title(re.compile(r"^\(1\) "))
    console.claim_next()
    expect(strip).to_have_text(widget("mode.agent"))
    expect(console.log).to_contain_text(QUESTION)
    tried = console.page.locator('[data-block="tried"]')
    expect(tried).to_contain_text(miss)
    expect(tried).to_contain_text(say("decision.unknown"))
    expect(tried).to_contain_text("%")

    chat.send(QUESTION)
    expect(console.page.locator("#suggestions-for")).to_contain_text(QUESTION)
    expect(console.suggestions).to_have_count(3)
    expect(console.suggestions.first).to_contain_text("%")
    expect(console.suggestions.first.locator(".sources li").first).not_to_be_empty()
    console.page.keyboard.press("Alt+1")
    expect(console.answer).to_have_value(re.compile(f"\n{say('suggestions.source')}: "))
    typing = Noted(chat.element.locator(".typing"))
    console.page.keyboard.type(" Belt u ons gerust.")
    typing.has("")
    console.answer.press("Control+Enter")
    expect(console.answer).to_have_value("")
    expect(chat.element.locator(".message.agent").last).to_contain_text("Belt u ons gerust.")
    console.said_once("Belt u ons gerust.")
    last = "SELECT batch_id FROM suggestions ORDER BY created_at DESC LIMIT 1"
    query = f"SELECT fate FROM suggestions WHERE batch_id = ({last}) ORDER BY position"
    until(
        console.page,
        lambda: rows(staffed.system, query) == [("edited",), ("ignored",), ("ignored",)],
        "its fate is kept",
    )

    typing = Noted(console.log.locator(".typing"))
    # The widget tells of it every two seconds at most, and did so for the question.
    chat.field.press_sequentially("Dank ", delay=600)
    typing.has(say("chat.visitor_types"))
    chat.send("Dank u wel!")
    console.said_once("Dank u wel!")
    console.page.keyboard.press("Alt+w")
    console.dialog.get_by_label(say("outcome.referred")).check()
    console.dialog.get_by_role("button", name=say("chat.close"), exact=True).click()
    expect(console.mine).to_have_count(0)
    expect(console.page.locator("#conversation-state")).to_contain_text(say("ended.closed"))
    expect(console.page.locator("#composer")).to_be_hidden()
    expect(strip).to_have_text(widget("mode.closed"))
    assert rows(staffed.system, "SELECT state, outcome FROM hand_overs") == [("closed", "referred")]
    chat.ask(QUESTION)
    expect(chat.last).to_have_attribute("data-kind", "answer")


def test_two_agents(console: Console, new_page: Callable[..., Page], staffed: Staffed) -> None:
    """What one takes, the other sees with a colleague, reads along, and cannot answer; handed back, it is gone."""
    console.come()
    other = Console(new_page(), staffed, "en").come("Bram Agent")
    visitor = waiting(staffed, QUESTION)
    expect(other.waiting).to_have_count(1)
    console.claim_next()
    expect(other.waiting).to_have_count(0)
    expect(other.others).to_contain_text("Anna Agent")
    other.others.click()
    expect(other.page.locator("#conversation-state")).to_contain_text("Anna Agent")
    expect(other.page.locator("#composer")).to_be_hidden()
    console.send("Goedemiddag, ik kijk even mee.")
    other.said_once("Goedemiddag, ik kijk even mee.")
    console.page.locator("#note").fill("Belt morgen terug")
    console.button("details.keep_note").click()
    expect(other.page.locator("#notes")).to_contain_text("Belt morgen terug")
    console.page.keyboard.press("Alt+h")
    console.dialog.get_by_role("button", name=say("chat.hand_back"), exact=True).click()
    expect(other.others).to_have_count(0)
    assert visitor.say(QUESTION)[-1]["kind"] == "answer", "the assistant goes on"
    assert other.errors == []


def test_a_colleague_was_faster(console: Console, new_page: Callable[..., Page], staffed: Staffed) -> None:
    """The key then takes the next one, and tells of no error."""
    console.come()
    first, second = waiting(staffed), waiting(staffed)
    expect(console.waiting).to_have_count(2)
    # This console has not heard of it yet.
    console.page.evaluate("window.WebSocket.prototype.send = () => {}")
    console.page.route(
        f"**/conversations/{first.id}/claim",
        lambda route: route.fulfill(
            status=409, content_type="application/problem+json", body='{"type": "urn:x:claimed", "detail": "Bram"}'
        ),
    )
    console.page.keyboard.press("Alt+n")
    expect(console.mine).to_have_count(1)
    expect(console.line(second)).to_have_attribute("aria-current", "true")


# ---- many chats


def test_ten_chats(console: Console, staffed: Staffed) -> None:
    """Ten at once: counts, drafts and the place in the list stay right, and lines are kept up, not made anew."""
    console.come()
    visitors = [waiting(staffed) for _ in range(10)]
    expect(console.waiting).to_have_count(10)
    for _ in visitors:
        console.claim_next()
    expect(console.waiting).to_have_count(0)
    console.page.evaluate("document.querySelectorAll('#mine li').forEach((line, at) => { line.mark = at })")
    for number, visitor in enumerate(visitors[:3]):
        visitor.say(f"Vraag nummer {number}")
        console.line(visitor).click()
        expect(console.log).to_contain_text(f"Vraag nummer {number}")
        console.answer.fill(f"Concept {number}")
    for visitor in visitors[3:]:
        visitor.say("Bent u er nog?")
        visitor.say("Hallo?")
    for visitor in visitors[3:]:
        expect(console.line(visitor).locator(".badge")).to_have_text("2")
    expect(console.page).to_have_title(re.compile(r"^\(14\) "))
    console.page.keyboard.press("Alt+j")
    expect(console.line(visitors[3])).to_have_attribute("aria-current", "true")
    expect(console.line(visitors[3]).locator(".badge")).to_be_hidden()
    expect(console.page).to_have_title(re.compile(r"^\(12\) "))
    for number in (2, 1, 0):
        console.page.keyboard.press("Alt+k")
        expect(console.line(visitors[number])).to_have_attribute("aria-current", "true")
        expect(console.answer).to_have_value(f"Concept {number}")
    marks = console.page.evaluate("[...document.querySelectorAll('#mine li')].map((line) => line.mark)")
    assert marks == list(range(10)), "the same lines, in the same order"
    console.answer.press("Control+Enter")
    console.said_once("Concept 0")
    until(console.page, lambda: by_agent(visitors[0]) == ["Concept 0"], "it arrived")
    assert [by_agent(visitor) for visitor in visitors[1:]] == [[]] * 9, "and nowhere else"
    unread = "SELECT count(*) FROM hand_overs WHERE read_up_to IS NOT NULL"
    until(console.page, lambda: rows(staffed.system, unread)[0][0] >= 4, "what was looked at counts as read")


def test_a_draft_survives_a_reload(console: Console, staffed: Staffed) -> None:
    console.come()
    visitor = waiting(staffed)
    console.claim_next()
    console.answer.fill("Half geschreven")
    console.page.reload()
    console.line(visitor).click()
    expect(console.answer).to_have_value("Half geschreven")


# ---- without a connection


def test_a_minute_without_a_connection(console: Console, staffed: Staffed) -> None:
    """What was said on both sides meanwhile is there afterwards, once."""
    console.page.clock.install()
    console.come()
    visitor = waiting(staffed, QUESTION)
    console.claim_next()
    console.send("Voor de storing")
    console.said_once("Voor de storing")
    console.page.context.set_offline(True)
    expect(console.connection).to_contain_text(say("connection.lost"))
    for words in ("Bent u er nog?", "Ik wacht wel even"):
        assert visitor.say(words) == [], "the assistant is silent"
    console.send("Tijdens de storing")
    expect(console.log.locator(".outgoing")).to_contain_text(say("chat.not_sent_yet"))
    console.send("En nog iets")
    for _ in range(60):
        # A second of the browser's clock, in which it does all that it would do in one.
        console.page.clock.run_for(1000)
    assert by_agent(visitor) == ["Voor de storing"]
    late = waiting(staffed)
    console.page.context.set_offline(False)
    expect(console.connection).to_be_hidden()
    for words in ("Bent u er nog?", "Ik wacht wel even", "Tijdens de storing", "En nog iets"):
        console.said_once(words)
    assert by_agent(visitor) == ["Voor de storing", "Tijdens de storing", "En nog iets"]
    expect(console.line(late)).to_be_visible()
    assert rows(staffed.system, "SELECT state FROM hand_overs WHERE conversation_id = ?", visitor.id) == [("claimed",)]


def test_the_visitor_goes_on_with_the_assistant(console: Console, staffed: Staffed) -> None:
    """Somebody was looking at it, and had not taken it: from then on it is not for agents."""
    console.come()
    visitor = waiting(staffed, QUESTION)
    console.line(visitor).click()
    expect(console.log).to_contain_text(QUESTION)
    assert visitor.press(visitor.messages()[-1]["buttons"][-1])
    expect(console.page.locator("#conversation-state")).to_have_text(say("chat.gone.away"))
    expect(console.messages).to_have_count(0)
    expect(console.waiting).to_have_count(0)


def test_the_server_is_killed_between_claim_and_reply(console: Console, staffed: Staffed) -> None:
    """The agent still has the chat, and the reply that was sent meanwhile arrives once."""
    console.come()
    visitor = waiting(staffed, QUESTION)
    console.claim_next()
    staffed.system.stop("web", with_signal=signal.SIGKILL)
    try:
        expect(console.connection).to_contain_text(say("connection.lost"))
        console.send("Ik ben er nog")
        expect(console.log.locator(".outgoing")).to_contain_text(say("chat.not_sent_yet"))
    finally:
        staffed.system.start("web")
        staffed.system.wait_until(200)
    console.button("connection.again").or_(console.answer).first.click()
    console.said_once("Ik ben er nog")
    expect(console.connection).to_be_hidden()
    assert by_agent(visitor) == ["Ik ben er nog"]
    assert visitor.say("Fijn!") == [], "the assistant is silent"
    console.said_once("Fijn!")
    expect(console.mine).to_have_count(1)


def test_the_answer_got_lost_on_the_way(console: Console, staffed: Staffed) -> None:
    """The server took the message, the connection broke: the second try must not say it a second time."""
    console.come()
    visitor = waiting(staffed)
    console.claim_next()
    lost: list[int] = []

    def lose_once(route) -> None:  # type: ignore[no-untyped-def]
        if lost:
            route.continue_()
            return
        lost.append(route.fetch().status)
        route.abort("connectionreset")

    console.page.route("**/say", lose_once)
    console.send("Eén keer")
    until(console.page, lambda: lost == [200], "the first answer got lost")
    console.said_once("Eén keer")
    assert by_agent(visitor) == ["Eén keer"]


def test_signed_out_meanwhile(console: Console, staffed: Staffed) -> None:
    """The console says so and leads to signing in; what was being written is there again afterwards."""
    console.come()
    visitor = waiting(staffed)
    console.claim_next()
    token = console.page.context.cookies()
    console.page.context.clear_cookies()
    console.send("Nog niet verstuurd")
    expect(console.connection).to_contain_text(say("connection.signed_out"))
    expect(console.connection.get_by_role("link")).to_have_attribute("href", "/console/sign-in")
    console.page.context.add_cookies(token)  # type: ignore[arg-type]
    console.page.goto(f"{staffed.system.url}/console/")
    console.line(visitor).click()
    expect(console.answer).to_have_value("Nog niet verstuurd")
    assert by_agent(visitor) == []


def test_the_visitor_erases(console: Console, staffed: Staffed) -> None:
    """Everything goes from the screen, and what was asked for before brings nothing back."""
    console.come()
    visitor = waiting(staffed, QUESTION)
    late: list = []  # type: ignore[type-arg]
    console.page.route(f"**/{visitor.id}/suggestions", lambda route: late.append(route))  # noqa: PLW0108 - not a builtin
    console.claim_next()
    until(console.page, lambda: late, "suggestions are on their way")
    console.answer.fill("Een antwoord")
    visitor.http.delete(visitor.path)
    expect(console.page.locator("#conversation-state")).to_have_text(say("chat.gone.erased"))
    expect(console.page.locator("#composer")).to_be_hidden()
    expect(console.messages).to_have_count(0)
    expect(console.mine).to_have_count(0)
    answered_at_last(console.page, late[0])
    assert QUESTION not in console.page.locator("body").inner_text()
    assert "antwoord" not in str(console.page.evaluate("JSON.stringify({...sessionStorage})"))


# ---- keys, own texts, notifications


def test_own_texts(console: Console, staffed: Staffed) -> None:
    console.come()
    waiting(staffed)
    console.claim_next()
    console.button("top.canned").click()
    console.dialog.get_by_label(say("canned.shortcut"), exact=True).fill("groet")
    console.dialog.get_by_label(say("canned.text"), exact=True).fill("Goedemiddag, waarmee kan ik u helpen?")
    console.dialog.get_by_role("button", name=say("canned.keep"), exact=True).click()
    expect(console.dialog.locator(".rows")).to_contain_text("/groet")
    console.page.keyboard.press("Escape")
    expect(console.dialog).to_have_count(0)
    expect(console.page.locator("#do-canned").first).to_be_focused()
    console.answer.focus()
    console.page.keyboard.type("/gr")
    expect(console.page.get_by_role("option")).to_have_count(1)
    expect(console.answer).to_have_attribute("aria-activedescendant", "canned-0")
    console.page.keyboard.press("Enter")
    expect(console.answer).to_have_value("Goedemiddag, waarmee kan ik u helpen?")
    expect(console.page.get_by_role("option")).to_have_count(0)
    console.answer.fill("Dat is 3 / 4")
    expect(console.page.get_by_role("option")).to_have_count(0)


def test_who_goes_on_at_once_after_a_dialog_keeps_the_focus(console: Console, staffed: Staffed) -> None:
    """The browser gives the focus back when a dialog closes, and says that it closed a moment later."""
    console.come()
    waiting(staffed)
    console.claim_next()
    console.button("top.canned").click()
    expect(console.dialog).to_be_visible()
    console.page.evaluate("document.querySelector('dialog').close(), document.querySelector('#answer').focus()")
    expect(console.page.locator("dialog")).to_have_count(0)
    expect(console.answer).to_be_focused()


def test_keys_that_are_not_ours(console: Console, staffed: Staffed) -> None:
    """AltGr types signs, Ctrl and Shift are the browser's; and whoever wants no keys switches them off."""
    console.come()
    waiting(staffed)
    expect(console.waiting).to_have_count(1)
    for keys in ("Control+Alt+n", "Shift+Alt+n", "n"):
        console.page.keyboard.press(keys)
    console.page.keyboard.press("?")
    expect(console.dialog).to_contain_text(say("keys.claim_next"))
    console.page.keyboard.press("Alt+n")
    console.dialog.get_by_label(say("keys.use")).uncheck()
    console.page.keyboard.press("Escape")
    expect(console.dialog).to_have_count(0)
    console.page.keyboard.press("Alt+n")
    console.page.keyboard.press("?")
    expect(console.dialog).to_have_count(0)
    expect(console.waiting).to_have_count(1)
    console.button("list.claim_next").click()
    expect(console.mine).to_have_count(1)


def test_notifications_only_when_asked_for(console: Console, staffed: Staffed) -> None:
    """And they hold nothing that a visitor wrote."""
    console.page.add_init_script(
        """window.shown = []; window.asked = 0;
        window.Notification = class { constructor(words) { window.shown.push(words); } close() {} };
        Notification.permission = 'default';
        Notification.requestPermission = async () => { window.asked += 1; Notification.permission = 'granted'; };"""
    )
    console.come()
    waiting(staffed, "Een geheime vraag")
    expect(console.waiting).to_have_count(1)
    assert console.page.evaluate("[window.asked, window.shown.length]") == [0, 0]
    console.button("top.notify").click()
    expect(console.page.locator("#notify")).to_be_hidden()
    console.page.evaluate(OTHER_TAB)
    second = waiting(staffed, "Nog een geheime vraag")
    name = say("list.visitor", code=second.id[-4:].upper())
    until(console.page, lambda: console.page.evaluate("window.shown.length") > 0, "it was shown")
    assert console.page.evaluate("window.shown") == [say("notices.waiting", name=name)]


# ---- questions by phone


def test_a_phone_question_without_the_mouse(console: Console, staffed: Staffed) -> None:
    """Typed, answered, kept, and on to the next one."""
    console.come()
    page = console.page
    page.keyboard.press("Alt+p")
    question = console.dialog.get_by_label(say("questions.question"), exact=True)
    expect(question).to_be_focused()
    page.keyboard.type(QUESTION)
    lines = console.dialog.locator(".answer-line")
    expect(lines).to_have_count(4)
    page.keyboard.press("ArrowDown")
    expect(lines.first.get_by_role("radio")).to_be_checked()
    expect(question).to_be_focused()
    title = lines.first.locator(".grow").inner_text()
    expect(console.dialog.locator(".answer h3")).to_have_text(title)
    page.keyboard.press("Alt+c")
    page.keyboard.press("Alt+s")
    page.keyboard.press("Alt+g")
    page.keyboard.press("Alt+n")
    page.keyboard.type("Een voorbeeld van een plan")
    page.keyboard.press("Alt+r")
    page.keyboard.type("AWVN")
    page.keyboard.press("Control+Enter")
    expect(console.dialog.locator(".kept")).to_have_text(say("questions.kept"))
    expect(question).to_be_focused()
    expect(question).to_have_value("")
    query = (
        "SELECT channel, question, topic IS NULL, is_signatory, size, need, referrer FROM logged_questions ORDER BY id"
    )
    [kept] = rows(staffed.system, query)
    assert kept == ("email", QUESTION, 0, 1, "large", "Een voorbeeld van een plan", "awvn")
    page.keyboard.type("Hoeveel knikkers passen er in een koektrommel?")
    page.keyboard.press("Control+Enter")
    expect(console.dialog.locator(".problem")).to_have_text(say("questions.answer_missing"))
    page.keyboard.press("Alt+0")
    page.keyboard.press("Alt+o")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Control+Enter")
    expect(console.dialog.locator(".kept")).to_have_text(say("questions.kept"))
    found = rows(staffed.system, "SELECT topic, referred_to, referrer, channel FROM logged_questions ORDER BY id")
    assert found[1] == (None, "network", None, "email")
    page.keyboard.press("Escape")
    expect(console.dialog).to_have_count(0)


def test_late_answers_are_dropped(console: Console) -> None:
    """Replies that come in another order than they were asked for: the last question counts."""
    console.come()
    held: list = []  # type: ignore[type-arg]

    def hold_first(route) -> None:  # type: ignore[no-untyped-def]
        if held:
            route.continue_()
        else:
            held.append(route)

    console.page.route("**/console/api/suggestions", hold_first)
    console.page.keyboard.press("Alt+p")
    question = console.dialog.get_by_label(say("questions.question"), exact=True)
    question.fill("activatiecode kwijt")
    until(console.page, lambda: held, "the first question was asked")
    question.fill(QUESTION)
    lines = console.dialog.locator(".answer-line")
    expect(lines).to_have_count(4)
    shown = lines.all_inner_texts()
    answered_at_last(console.page, held[0])
    assert lines.all_inner_texts() == shown


# ---- requests


def test_a_request_is_answered_and_closed(console: Console, staffed: Staffed) -> None:
    """From a template, by way of the outbox; what is unfinished is not sent."""
    console.come()
    page = console.page
    visitor = Visitor(staffed.system, "nl", CHARTER_TOPIC)
    fields = {"desk": "charter", "question": "Mag het later?", "email": "vera@example.nl", "consent": True}
    put_in = visitor.http.post(f"{visitor.path}/requests", json={"kind": "question", "fields": fields})
    assert put_in.status_code == 201, put_in.text
    reference = put_in.json()["reference"]
    page.get_by_role("link", name=re.compile(f"^{say('nav.requests')}")).click()
    line = page.locator("#request-list .line", has_text=reference)
    expect(line).to_be_visible()
    assert "vera@example.nl" not in page.locator("#request-list").inner_text()
    line.click()
    request = page.locator("#request")
    expect(request.get_by_role("heading", level=2)).to_be_focused()
    expect(request.locator(".fields")).to_contain_text("Mag het later?")
    expect(request.locator(".fields")).to_contain_text("vera@example.nl")
    request.get_by_role("button", name=say("requests.take"), exact=True).click()
    expect(request).to_contain_text(say("requests.with", name="Anna Agent"))
    subject, words = page.locator("#answer-subject"), page.locator("#answer-text")
    expect(subject).to_have_value(re.compile(reference))
    words.press("Control+Enter")
    expect(request.get_by_role("alert").last).to_have_text(text("problem.unfinished.detail", "nl"))
    words.fill(words.input_value().replace("[…]", "Ja, dat mag."))
    words.press("Control+Enter")
    expect(request).to_contain_text(say("requests.replies"))
    assert rows(staffed.system, "SELECT count(*) FROM outbox WHERE kind = 'reply' AND text LIKE '%Ja, dat mag.%'") == [
        (1,)
    ]
    request.get_by_role("button", name=say("requests.close"), exact=True).click()
    expect(request).to_contain_text(say("requests.is_closed"))
    expect(line).to_have_count(0)
    page.get_by_label(say("requests.state.label")).select_option("closed")
    expect(line).to_be_visible()
    request.get_by_role("button", name=say("requests.reopen"), exact=True).click()
    expect(page.locator("#answer-text")).to_be_visible()
    visitor.http.delete(visitor.path)


def test_nobody_there_and_answered_by_mail(
    console: Console, new_page: Callable[..., Page], staffed: Staffed, sending: Path
) -> None:
    """Asked in one browser when nobody is there, answered in the other later: the mail is in the visitor's language."""
    chat = Chat(new_page(), staffed.system, "en")
    chat.visit(f"/en?wegwijzer-topic={CHARTER_TOPIC}")
    expect(chat.replies).to_have_count(2)
    chat.ask(text("button.person", "en"))
    expect(chat.last).to_have_attribute("data-kind", "handoff")
    chat.last.get_by_role("link").first.click()
    sheet = chat.element.locator("form.sheet")
    sheet.locator('input[value="charter"]').check()
    sheet.locator('[id="form-question"]').fill("May we sign with three entities?")
    sheet.locator('[id="form-email"]').fill("vera@example.com")
    sheet.locator('[id="form-consent"]').check()
    sheet.locator(".primary").click()
    told = chat.element.locator(".message.system").last
    expect(told).to_contain_text("C-")
    [(reference,)] = rows(staffed.system, "SELECT reference FROM requests ORDER BY id DESC LIMIT 1")
    expect(told).to_contain_text(reference)
    console.come()
    console.page.evaluate("location.hash = 'requests'")
    console.page.locator("#request-list .line", has_text=reference).click()
    words = console.page.locator("#answer-text")
    words.fill(words.input_value().replace("[…]", "Yes, all three may."))
    words.press("Control+Enter")
    expect(console.page.locator("#request")).to_contain_text(say("requests.replies"))
    until(console.page, lambda: _mails(sending, reference), "the mail went out")
    [mail] = _mails(sending, reference)
    assert mail["To"] == "vera@example.com"
    content = mail.get_body(("plain",)).get_content()
    assert "Yes, all three may." in content
    assert "May we sign with three entities?" not in mail["Subject"]
    assert console.errors == []


@pytest.fixture
def sending(staffed: Staffed) -> Iterator[Path]:
    """The jobs run, and mails land in this folder."""
    staffed.system.start("jobs")
    yield Path(staffed.system.environment["MAIL_FOLDER"])
    staffed.system.stop("jobs")


def _mails(folder: Path, reference: str) -> list[EmailMessage]:
    """The mails about a request that have been sent."""
    found = [message_from_bytes(file.read_bytes(), policy=policy.default) for file in sorted(folder.glob("*.eml"))]
    return [mail for mail in found if reference in str(mail["Subject"])]


# ---- drafts and figures


def test_an_edited_answer_becomes_a_draft(console: Console, new_page: Callable[..., Page], staffed: Staffed) -> None:
    console.come()
    waiting(staffed, QUESTION)
    console.claim_next()
    expect(console.suggestions).to_have_count(3)
    console.page.keyboard.press("Alt+1")
    console.page.keyboard.type(" En dit klopt ook.")
    console.answer.press("Control+Enter")
    console.said_once("En dit klopt ook.")
    toast = Noted(console.page.locator("#toast"))
    console.log.get_by_role("button", name=say("draft.make")).click()
    toast.has(say("draft.made"))
    editor = Console(new_page(accept_downloads=True), staffed).come("Eva Editor", roles=("editor",))
    expect(editor.page.locator("#view-drafts")).to_be_visible()
    expect(editor.page.locator("#draft-list li")).to_contain_text([QUESTION])
    with editor.page.expect_download() as download:
        editor.page.get_by_role("link", name=say("draft.download")).click()
    content = download.value.path().read_text()
    assert "En dit klopt ook." in content
    assert QUESTION in content
    editor.page.get_by_role("button", name=re.compile(say("draft.done"))).click()
    expect(editor.page.locator("#draft-list")).to_have_text(say("draft.none"))
    editor.page.get_by_role("link", name=say("nav.report")).click()
    expect(editor.page.get_by_role("table").first).to_contain_text("100%")
    assert editor.errors == []


# ---- for everybody, everywhere


@pytest.mark.parametrize("language", ["nl", "en"])
def test_axe_finds_nothing(page: Page, staffed: Staffed, language: str) -> None:
    axe, found = Axe(), []

    def look(state: str) -> None:
        for violation in axe.run(page).response["violations"]:
            places = [node["target"] for node in violation["nodes"]]
            found.append(f"{state}: {violation['id']}, {violation['help']}, at {places}")

    console = Console(page, staffed, language)
    console.come(roles=("agent", "editor"))
    look("empty")
    waiting(staffed, QUESTION)
    waiting(staffed, QUESTION, language="en")
    console.claim_next()
    expect(console.suggestions).to_have_count(3)
    console.send("Goedemiddag, met **Anna**.")
    console.page.locator("#note").fill("Belt terug")
    console.button("details.keep_note").click()
    expect(page.locator("#notes li")).to_have_count(1)
    look("a chat")
    for keys, state in (
        ("Alt+w", "closing"), ("Alt+h", "handing back"), ("Alt+b", "a company"), ("Alt+p", "a question by phone"),
    ):  # fmt: skip
        page.keyboard.press(keys)
        expect(console.dialog).to_be_visible()
        if keys == "Alt+b":
            page.keyboard.type("Verzonnen Proefbedrijf")
            page.keyboard.press("Enter")
            expect(console.dialog.get_by_role("listitem")).to_contain_text("68750110")
        if keys == "Alt+p":
            page.keyboard.type(QUESTION)
            expect(console.dialog.locator(".answer-line")).to_have_count(4)
            page.keyboard.press("Alt+1")
        look(state)
        page.keyboard.press("Escape")
        expect(console.dialog).to_have_count(0)
    for key, state in (("top.canned", "own texts"), ("top.help", "the keys")):
        console.button(key).click()
        look(state)
        page.keyboard.press("Escape")
    page.context.set_offline(True)
    expect(console.connection).to_be_visible()
    look("no connection")
    page.context.set_offline(False)
    expect(console.connection).to_be_hidden()
    toast = Noted(page.locator("#toast"))
    console.log.get_by_role("button", name=say("draft.make", language)).first.click()
    toast.has(say("draft.made", language))
    visitor = Visitor(staffed.system, language, CHARTER_TOPIC)
    fields = {"desk": "charter", "question": "Mag het later?", "email": "vera@example.nl", "consent": True}
    put_in = visitor.http.post(f"{visitor.path}/requests", json={"kind": "question", "fields": fields})
    assert put_in.status_code == 201, put_in.text
    for view in ("requests", "drafts", "report"):
        page.evaluate(f"location.hash = '{view}'")
        expect(page.locator(f"#view-{view}")).to_be_visible()
        if view == "requests":
            expect(page.locator("#request-list .line", has_text=put_in.json()["reference"])).to_be_visible()
        if view == "drafts":
            expect(page.locator("#draft-list")).to_contain_text(QUESTION)
        if view == "report":
            expect(page.locator("#report").get_by_role("table").first).to_be_visible()
        look(view)
        if view == "requests":
            page.locator("#request-list .line", has_text=put_in.json()["reference"]).click()
            expect(page.locator("#answer-text")).to_be_visible()
            look("an open request")
    visitor.http.delete(visitor.path)
    assert not found, "\n".join(found)
    assert console.errors == []


@pytest.mark.parametrize(("width", "height"), [(1024, 768), (320, 256), (1920, 1080)])
def test_fits_every_screen(new_page: Callable[..., Page], staffed: Staffed, width: int, height: int) -> None:
    """320 wide is a desktop zoomed to 400%: nothing is wider than the screen, and one can answer."""
    console = Console(new_page(viewport={"width": width, "height": height}), staffed).come()
    visitor = waiting(staffed, QUESTION)
    console.button("list.claim_next").click()
    expect(console.suggestions).to_have_count(3)
    wide = "document.documentElement.scrollWidth"
    assert console.page.evaluate(wide) <= width, "the chat"
    console.suggestions.first.get_by_role("button", name=re.compile(say("suggestions.insert"))).first.click()
    expect(console.answer).to_have_value(re.compile(say("suggestions.source")))
    console.page.locator("#composer button.primary").click()
    until(console.page, lambda: len(by_agent(visitor)) == 1, "it was sent")
    console.page.locator("#do-question").click()
    console.dialog.get_by_label(say("questions.question"), exact=True).fill(QUESTION)
    expect(console.dialog.locator(".answer-line")).to_have_count(4)
    assert console.dialog.evaluate("node => node.scrollWidth - node.clientWidth") <= 0, "the question"
    assert console.errors == []


def test_names_and_roles(console: Console, staffed: Staffed) -> None:
    """What a screen reader needs: names, a polite log, and news that is said once."""
    console.come()
    announced = Noted(console.page.locator("#announcements"))
    visitor = waiting(staffed, QUESTION)
    name = say("list.visitor", code=visitor.id[-4:].upper())
    announced.has(say("notices.waiting", name=name))
    console.claim_next()
    announced.has(say("chat.claimed", name=name))
    expect(console.log).to_have_accessible_name(say("chat.log", name=name))
    expect(console.log).to_have_attribute("aria-live", "polite")
    expect(console.answer).to_have_accessible_name(say("chat.answer"))
    expect(console.page.locator(".suggestion button").first).to_have_attribute("aria-keyshortcuts", "Alt+1")
    assert console.page.locator("html").get_attribute("lang") == "nl"
    words = console.log.locator(".words").first
    assert words.get_attribute("lang") == "nl"
