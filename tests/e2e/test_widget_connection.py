"""The chat widget when the page, the network or the server goes away: nothing is lost, nothing is said twice."""

from __future__ import annotations

import httpx
from playwright.sync_api import Page, Route, expect

from tests.e2e.browsing import QUESTIONS, Chat, said_once, until, widget
from tests.running import System


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
    # The widget tries again by itself, after half a minute at the latest; its button only saves the wait.
    expect(chat.replies).to_have_count(3, timeout=120_000)
    expect(chat.banner).not_to_contain_text(widget("connection.lost"))
    said_once(chat, words)


def test_restart_while_nobody_types(page: Page, fragile_system: System) -> None:
    """The stream comes back by itself after a restart: what is said elsewhere shows up without a reload."""
    chat = Chat(page, fragile_system).open()
    chat.caught_up()
    fragile_system.stop("web")
    # Before it starts: the widget may be back earlier than the system is ready.
    chat.frames.clear()
    fragile_system.start("web")
    fragile_system.wait_until(200)
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
    httpx.delete(address, headers={"Authorization": f"Bearer {old['token']}"}, timeout=60).raise_for_status()
    chat.send(QUESTIONS["nl"])
    expect(chat.log).to_contain_text(widget("conversation.expired"))
    expect(chat.last).to_have_attribute("data-kind", "answer")
    assert chat.remembered()["id"] != old["id"]
    said_once(chat, QUESTIONS["nl"])
