"""The chat widget while the visitor waits for a person, talks to one, and comes back to the assistant."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page, expect
from sqlalchemy import text as sql

from bot.texts import text
from tests.e2e.browsing import Chat, Noted, box, said_once, tab_until, until, widget
from tests.e2e.staffed import CHARTER_TOPIC, AgentThere, Staffed

NAMES = {"nl": "Medewerker spreken", "en": "Talk to a person"}


class Visited(Chat):
    """A chat that was opened for the Charter, whose desk has an agent at any hour."""

    def __init__(self, page: Page, staffed: Staffed, language: str = "nl") -> None:
        super().__init__(page, staffed.system, language)
        self.strip = self.element.locator(".strip p")
        self.person = self.element.get_by_role("button", name=NAMES[language], exact=True)
        self.system_messages = self.element.locator(".message.system")
        self.agents_messages = self.element.locator(".message.agent")

    def come(self) -> Visited:
        path = "/en" if self.language == "en" else "/"
        self.visit(f"{path}?wegwijzer-topic={CHARTER_TOPIC}")
        expect(self.replies).to_have_count(2)
        return self

    @property
    def id(self) -> str:
        return str(self.remembered()["id"])

    def waits(self, place: int = 1) -> None:
        """Presses the button, and sees the place in the queue."""
        self.person.click()
        expect(self.strip).to_have_text(widget("mode.queue", self.language, position=place))


class By:
    """An agent who does something with the conversation of a chat."""

    def __init__(self, agent: AgentThere, chat: Visited) -> None:
        self.agent, self.path = agent, f"/conversations/{chat.id}"

    def does(self, what: str, **body: object) -> None:
        reply = self.agent.http.post(f"{self.path}/{what}", json=body)
        assert reply.status_code in (200, 204), reply.text

    def says(self, said: str) -> None:
        self.does("say", text=said, key=said)


def talking(chat: Visited, staffed: Staffed, name: str = "Anna Voorbeeld") -> By:
    """Somebody who has come to this chat."""
    agent = staffed.agent(name)
    chat.come().waits()
    by = By(agent, chat)
    by.does("claim")
    expect(chat.strip).to_have_text(widget("mode.agent", chat.language))
    return by


def tags(chat: Visited) -> list[str]:
    """Who is said to be talking, as far as it is seen."""
    return [tag.inner_text() for tag in chat.element.locator(".tag").all() if box(tag)["height"] > 2]


@pytest.mark.parametrize("language", ["nl", "en"])
def test_from_the_assistant_to_a_person_and_back(page: Page, staffed: Staffed, language: str) -> None:
    """Who is talking is seen in the bar and at the messages, all the way."""
    chat = Visited(page, staffed, language)
    by = talking(chat, staffed)
    expect(chat.system_messages.last).to_contain_text("Anna")
    expect(chat.system_messages.last).not_to_contain_text("Voorbeeld")
    expect(chat.panel).to_have_accessible_description(widget("sender.agent", language))
    expect(chat.person).to_be_hidden()
    asked = {"nl": "Mag een stichting tekenen?", "en": "May a foundation sign the Charter?"}[language]
    chat.send(asked)
    expect(chat.own.last).to_have_text(asked)
    by.says("Ja, dat **mag**.")
    expect(chat.agents_messages.locator("strong")).to_have_text("mag")
    assert tags(chat)[-1] == widget("sender.agent", language)
    assert widget("sender.assistant", language) in tags(chat)
    by.does("close", outcome="answered")
    expect(chat.strip).to_have_text(widget("mode.closed", language))
    expect(chat.person).to_be_visible()
    answered = chat.replies.count()
    chat.send("Wat is het ingroeiquotum?" if language == "nl" else "What is the growth quota?")
    expect(chat.replies).to_have_count(answered + 1)
    expect(chat.strip).to_be_empty()
    expect(chat.panel).to_have_accessible_description(widget("panel.subtitle", language))
    stored = [message["sender"] for message in chat.at_server().json()["messages"]]
    assert stored[-6:] == ["system", "visitor", "agent", "system", "visitor", "assistant"]


def test_was_it_helpful_is_asked_when_the_agent_is_done(page: Page, staffed: Staffed) -> None:
    chat = Visited(page, staffed)
    by = talking(chat, staffed)
    assert chat.system_messages.locator(".feedback").count() == 0
    by.does("close", outcome="answered")
    asked = chat.system_messages.last.get_by_role("group", name=widget("feedback.question"))
    asked.get_by_role("button", name=widget("feedback.helpful"), exact=True).click()
    expect(asked).to_contain_text(widget("feedback.thanks"))
    with staffed.engine.connect() as connection:
        assert connection.execute(sql("SELECT helpful FROM feedback")).scalars().all() == [True]


def test_the_button_is_always_there_and_reached_with_the_keyboard(page: Page, staffed: Staffed) -> None:
    """With nobody there it says what to do instead; once pressed the focus is where one types on."""
    chat = Visited(page, staffed).come()
    tab_until(page, "a?.classList.contains('person')")
    page.keyboard.press("Enter")
    expect(chat.last).to_contain_text(text("desk.intro", "nl").split(".")[0])
    expect(chat.field).to_be_focused()
    expect(chat.person).to_be_visible()
    link = chat.last.get_by_role("link", name="Uw vraag achterlaten")
    link.click()
    expect(chat.element.get_by_role("heading", name="Uw vraag achterlaten")).to_be_visible()


def test_a_double_click_asks_once(page: Page, staffed: Staffed) -> None:
    staffed.agent()
    chat = Visited(page, staffed).come()
    chat.person.dblclick()
    expect(chat.strip).to_have_text(widget("mode.queue", position=1))
    said_once(chat, NAMES["nl"])


def test_a_question_left_when_nobody_is_there(page: Page, staffed: Staffed) -> None:
    chat = Visited(page, staffed).come()
    chat.person.click()
    chat.last.get_by_role("link", name="Uw vraag achterlaten").click()
    sheet = chat.element.locator(".sheet")
    sheet.get_by_label("Het Charter of diversiteit en inclusie op het werk").check()
    sheet.get_by_label("Uw vraag", exact=False).last.fill("Mag een stichting tekenen?")
    sheet.get_by_role("checkbox").check()
    sheet.get_by_role("button", name="Verstuur uw vraag").click()
    expect(chat.system_messages.last).to_contain_text("Uw kenmerk is C-")


def test_the_place_in_the_queue_moves(new_page: Callable[..., Page], staffed: Staffed) -> None:
    first, second = Visited(new_page(), staffed), Visited(new_page(), staffed)
    agent = staffed.agent()
    first.come().waits(1)
    second.come().waits(2)
    By(agent, first).does("claim")
    expect(second.strip).to_have_text(widget("mode.queue", position=1))


def test_rather_on_with_the_assistant(page: Page, staffed: Staffed) -> None:
    staffed.agent()
    chat = Visited(page, staffed)
    chat.come().waits()
    chat.element.get_by_role("button", name=text("hand_over.leave", "nl")).click()
    expect(chat.strip).to_be_empty()
    expect(chat.last).to_contain_text(text("hand_over.left", "nl"))
    expect(chat.person).to_be_visible()


def test_in_the_queue_the_assistant_answers(page: Page, staffed: Staffed) -> None:
    staffed.agent()
    chat = Visited(page, staffed)
    chat.come().waits()
    expect(chat.ask()).to_have_attribute("data-kind", "answer")
    expect(chat.strip).to_have_text(widget("mode.queue", position=1))


def test_the_agent_sees_that_the_visitor_types_and_the_other_way_round(page: Page, staffed: Staffed) -> None:
    chat = Visited(page, staffed)
    by = talking(chat, staffed)
    with by.agent.stream() as console:
        chat.field.press_sequentially("Mag een")
        frames = [json.loads(console.recv(60))]
        while frames[-1]["type"] != "typing":
            frames.append(json.loads(console.recv(60)))
        assert frames[-1] == {"type": "typing", "conversation": chat.id, "sender": "visitor"}
        typing = chat.element.locator(".typing")
        expect(typing).to_be_hidden()
        noted = Noted(typing)
        console.send(json.dumps({"type": "typing", "conversation": chat.id}))
        noted.has("")


def test_nothing_is_sent_of_typing_to_the_assistant(page: Page, staffed: Staffed) -> None:
    sent: list[str] = []
    page.on("websocket", lambda socket: socket.on("framesent", lambda frame: sent.append(str(frame))))
    chat = Visited(page, staffed).come()
    chat.caught_up()
    chat.field.press_sequentially("Mag een")
    page.wait_for_timeout(200)
    assert not [frame for frame in sent if "typing" in frame]


def test_a_reload_while_talking(page: Page, staffed: Staffed) -> None:
    """Nothing lost, nothing twice, and the bar says who is there."""
    chat = Visited(page, staffed)
    by = talking(chat, staffed)
    by.says("Een moment, ik kijk even.")
    expect(chat.agents_messages).to_have_count(1)
    before = chat.words()
    page.reload()
    expect(chat.strip).to_have_text(widget("mode.agent"))
    expect(chat.element.locator(".message .words")).to_have_count(len(before))
    assert chat.words() == before
    by.says("Gevonden.")
    expect(chat.agents_messages).to_have_count(2)


def test_offline_while_talking(page: Page, staffed: Staffed) -> None:
    """What was said on both sides meanwhile arrives, once."""
    chat = Visited(page, staffed)
    by = talking(chat, staffed)
    page.context.set_offline(True)
    chat.send("Bent u er nog?")
    by.says("Ik heb het voor u opgezocht.")
    expect(chat.messages.last).to_contain_text(widget("message.unsent_retrying"))
    page.context.set_offline(False)
    expect(chat.agents_messages).to_have_count(1)
    until(page, lambda: chat.remembered()["outbox"] == [], "the message is sent")
    assert chat.own.all_inner_texts().count("Bent u er nog?") == 1
    kept = [message["text"] for message in chat.at_server().json()["messages"]]
    assert kept.count("Bent u er nog?") == 1


def test_a_closed_chat_calls_back_when_somebody_comes(page: Page, staffed: Staffed) -> None:
    """Whoever waits may close the panel: the button on the page says that there is news."""
    agent = staffed.agent()
    chat = Visited(page, staffed)
    chat.come().waits()
    chat.button("panel.minimise").click()
    expect(chat.launcher).to_be_visible()
    By(agent, chat).does("claim")
    news = chat.element.get_by_role("button", name=widget("panel.newest"), exact=True)
    news.first.click()
    expect(chat.panel).to_be_visible()
    expect(chat.system_messages.last).to_contain_text("Anna")
    expect(chat.strip).to_have_text(widget("mode.agent"))
    chat.button("panel.minimise").click()
    expect(chat.launcher).to_be_visible()


def test_erasing_while_an_agent_talks(page: Page, staffed: Staffed) -> None:
    chat = Visited(page, staffed)
    talking(chat, staffed)
    chat.button("panel.erase").click()
    chat.button("erase.confirm").click()
    expect(chat.system_messages).to_have_text(
        [f"{widget('sender.system')}{widget('erase.done')}"], use_inner_text=False
    )
    expect(chat.strip).to_be_empty()
    expect(chat.person).to_be_visible()


def test_the_bar_follows_the_language(page: Page, staffed: Staffed) -> None:
    """Somebody who goes on in English with the agent."""
    chat = Visited(page, staffed)
    by = talking(chat, staffed)
    chat.send("Could you please answer my question in English?")
    expect(chat.own).to_have_count(2)
    by.says("Of course.")
    expect(chat.strip).to_have_text(widget("mode.agent", "en"))
    expect(chat.panel).to_have_accessible_description(widget("sender.agent", "en"))


# ---- for everybody


def said_aloud(locator: Locator) -> str:
    return str(locator.evaluate("node => node.closest('[role=status], [role=log]')?.role"))


def test_the_bar_is_read_out(page: Page, staffed: Staffed) -> None:
    chat = Visited(page, staffed)
    talking(chat, staffed)
    assert said_aloud(chat.strip) == "status"
    assert said_aloud(chat.system_messages.last) == "log"


@pytest.mark.parametrize("state", ["nobody", "waiting", "talking", "closed"])
def test_axe_finds_nothing(page: Page, staffed: Staffed, state: str) -> None:
    chat = Visited(page, staffed)
    if state == "nobody":
        chat.come().person.click()
        expect(chat.replies).to_have_count(3)
    elif state == "waiting":
        staffed.agent()
        chat.come().waits()
    else:
        by = talking(chat, staffed)
        by.says("Goedemiddag!")
        expect(chat.agents_messages).to_have_count(1)
        if state == "closed":
            by.does("close", outcome="answered")
            expect(chat.strip).to_have_text(widget("mode.closed"))
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()


@pytest.mark.parametrize("language", ["nl", "en"])
def test_at_320_everything_fits(new_page: Callable[..., Page], staffed: Staffed, language: str) -> None:
    page = new_page(viewport={"width": 320, "height": 640}, has_touch=True, is_mobile=True)
    staffed.agent()
    chat = Visited(page, staffed, language).come()
    height = box(chat.person)["height"]
    assert height >= 24, "a finger finds it"
    chat.waits()
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    for part in (chat.panel, chat.log):
        assert part.evaluate("part => part.scrollWidth - part.clientWidth") <= 0
    edges = chat.element.locator("button:visible, .bubble:visible, .strip:visible").evaluate_all(
        "found => found.map((one) => [one.getBoundingClientRect().left, one.getBoundingClientRect().right])"
    )
    assert all(left >= 0 and right <= 320 for left, right in edges), edges
