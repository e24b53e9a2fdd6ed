"""From the chat into the log of trends and out again: what is opened, what is asked, and what is erased."""

from __future__ import annotations

import os
import subprocess

import httpx
import pytest
from playwright.sync_api import expect

from tests.conftest import Visitor
from tests.e2e.browsing import Chat, rows, until
from tests.running import ROOT, System


def opened_of(system: System, conversation_id: str) -> set[tuple[str, str]]:
    """What was opened in a conversation."""
    query = """SELECT thing, name FROM popularity WHERE event = 'opened'
        AND asker_id = (SELECT asker_id FROM conversations WHERE id = ?)"""
    return set(rows(system, query, conversation_id))


def answered(visitor: Visitor) -> dict:
    """An answer with a source that has an address."""
    answer = visitor.say("Ik heb geen activatiecode ontvangen, wat nu?")[0]
    assert answer["kind"] == "answer" and any(source["url"] for source in answer["sources"]), answer
    return answer


def tells(visitor: Visitor, body: dict[str, object]) -> httpx.Response:
    return visitor.http.post(f"{visitor.path}/opened", json=body)


def test_an_opened_source_is_counted_once(system: System, visitor: Visitor) -> None:
    answer = answered(visitor)
    source = next(source for source in answer["sources"] if source["url"])
    for _ in range(2):
        reply = tells(visitor, {"message_id": answer["id"], "url": source["url"]})
        assert (reply.status_code, reply.content) == (204, b"")
    assert opened_of(system, visitor.id) == {("source", source["document"]), ("topic", answer["topic"])}


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"url": "https://example.org/"}, 404), ({"message_id": "another"}, 404), ({"url": ""}, 422),
        ({"url": "x" * 2001}, 422), ({"who": "me"}, 422), ({"url": None}, 422),
    ],
)  # fmt: skip
def test_nothing_else_is_counted(system: System, visitor: Visitor, change: dict[str, object], status: int) -> None:
    answer = answered(visitor)
    body = {"message_id": answer["id"], "url": answer["sources"][0]["url"], **change}
    reply = tells(visitor, body)
    assert reply.status_code == status, reply.text
    assert reply.headers["content-type"] == "application/problem+json"
    assert opened_of(system, visitor.id) == set()


def test_only_who_has_the_token_is_counted(system: System, visitor: Visitor) -> None:
    answer = answered(visitor)
    body = {"message_id": answer["id"], "url": answer["sources"][0]["url"]}
    headers = {"Authorization": "Bearer no"}
    stranger = httpx.post(f"{system.url}{visitor.path}/opened", json=body, headers=headers, timeout=60)
    assert stranger.status_code == 404
    assert opened_of(system, visitor.id) == set()


def test_the_widget_tells_what_is_opened(chat: Chat) -> None:
    """The visitor's own browser opens the page; the widget only says that it was."""
    chat.page.context.route("https://**", lambda route: route.fulfill(body="elsewhere"))
    reply = chat.open().ask()
    link = reply.locator(".sources a").first
    with chat.page.expect_response(lambda answer: answer.url.endswith("/opened")) as told:
        link.click()
    assert told.value.status == 204
    expect(chat.banner).to_be_hidden()
    conversation_id = told.value.url.split("/")[-2]
    until(chat.page, lambda: opened_of(chat.system, conversation_id), "the opening is counted")


def test_what_is_asked_gets_into_the_log_redacted_and_goes_when_erased(system: System, visitor: Visitor) -> None:
    answer = answered(visitor)
    visitor.http.post(f"{visitor.path}/feedback", json={"message_id": answer["id"], "helpful": True})
    second = visitor.say("Mijn naam is Jan de Vries, 06-12345678. Bestaat er subsidie voor een rolstoellift?")[0]
    environment = {**os.environ, **system.environment, "TRENDS_AFTER_MINUTES": "0"}
    filled = subprocess.run(
        [ROOT / "bin" / "wegwijzer", "trends", "log"], env=environment, capture_output=True, text=True, check=False
    )
    assert filled.returncode == 0, filled.stderr
    assert "Jan" not in filled.stdout + filled.stderr
    query = """SELECT t.text, t.topic, t.helpful FROM trend_questions t
        JOIN messages m ON m.trend_id = t.id WHERE m.conversation_id = ? ORDER BY m.id"""
    assert rows(system, query, visitor.id) == [
        ("Ik heb geen activatiecode ontvangen, wat nu?", answer["topic"], 1),
        ("Mijn naam is [PERSON], [PHONE]. Bestaat er subsidie voor een rolstoellift?", second["topic"], None),
    ]
    [(asker_id,)] = rows(system, "SELECT asker_id FROM conversations WHERE id = ?", visitor.id)
    assert rows(system, "SELECT * FROM popularity WHERE asker_id = ?", asker_id) != []
    assert visitor.http.delete(visitor.path).status_code == 204
    for table in ("trend_questions", "popularity"):
        assert rows(system, f"SELECT * FROM {table} WHERE asker_id = ?", asker_id) == []
