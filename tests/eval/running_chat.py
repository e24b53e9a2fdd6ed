"""Asks the running chat for every fact of the documents, in both languages, and all blind questions in scope.

What the chat makes of a question depends on Rasa too: it could take one for small talk, or for a guide. facts.yml holds
the facts, one question each, written from the documents alone; `topics` (those whose answer holds the fact) were
labelled afterwards. Right means: the reply is an answer of such a topic, with a source; or a "did you mean" that offers
one, at once or after "none of these", and whose button gives that answer; or another answer, with such a button below.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
import yaml

from bot.answers.knowledge import LANGUAGES, Knowledge
from bot.texts import text
from tests.eval.questions import Questions
from tests.running import System

NONE_OF_THESE = {text("choices.none", language) for language in LANGUAGES}
FACTS = Path(__file__).with_name("facts.yml")


class _Chat:
    """A conversation of its own for one question."""

    def __init__(self, http: httpx.Client, language: str) -> None:
        opened = http.post("/api/v1/conversations", json={"language": language}).raise_for_status().json()
        self._http = http
        self._path = f"/api/v1/conversations/{opened['id']}/messages"
        self._headers = {"Authorization": f"Bearer {opened['token']}"}

    def send(self, **body: str) -> dict[str, Any]:
        """The last reply to a text or a pressed button."""
        said = self._http.post(self._path, json=body, headers=self._headers).raise_for_status()
        reply: dict[str, Any] = said.json()["messages"][-1]
        return reply


def _outcome(chat: _Chat, text: str, topics: set[str], titles: set[str]) -> str:
    """right (at once, after choosing, after none of these, below a wrong answer), or what came instead.

    Elsewhere is what no question should get: a guide, a form, small talk.
    """
    reply = chat.send(text=text)
    if reply["kind"] == "answer":
        if reply["topic"] in topics:
            return "right at once" if reply["sources"] else "no source"
        return "right below a wrong answer" if _chosen(chat, reply, topics, titles) else "wrong answer"
    if reply["kind"] != "choices":
        return "declined" if reply["kind"] in ("unknown", "handoff") else "sent elsewhere"
    if _chosen(chat, reply, topics, titles):
        return "right after choosing"
    none = next(button for button in reply["buttons"] if button["title"] in NONE_OF_THESE)
    further = chat.send(payload=none["id"])
    if further["kind"] == "choices" and _chosen(chat, further, topics, titles):
        return "right after none of these"
    return "not offered"


def _chosen(chat: _Chat, reply: dict[str, Any], topics: set[str], titles: set[str]) -> bool:
    """Whether a button of the reply gives the right answer, with its source."""
    right = next((button for button in reply["buttons"] if button["title"] in titles), None)
    if right is None:
        return False
    chosen = chat.send(payload=right["id"])
    return chosen["topic"] in topics and bool(chosen["sources"])


def _ask(http: httpx.Client, asked: Sequence[tuple[str, str, Sequence[str]]], knowledge: Knowledge) -> dict[str, Any]:
    """The shares of each outcome by language, and what was not reached. asked: text, language, topics."""
    counts: dict[str, Counter[str]] = {language: Counter() for language in LANGUAGES}
    failed: list[tuple[str, str, str]] = []
    for question, language, topics in asked:
        titles = {knowledge.topics[topic].title[language] for topic in topics}
        outcome = _outcome(_Chat(http, language), question, set(topics), titles)
        counts[language][outcome] += 1
        if not outcome.startswith("right"):
            failed.append((outcome, language, question))
    return {
        "count": len(asked),
        "languages": {
            language: {outcome: round(n / count.total(), 4) for outcome, n in count.most_common()}
            for language, count in counts.items()
        },
        "not_reached": failed,
    }


def ask_everything(knowledge: Knowledge, questions: Questions) -> dict[str, dict[str, Any]]:
    """Starts a system of its own and asks it for every fact, and all blind questions in scope."""
    facts = yaml.safe_load(FACTS.read_text(encoding="utf-8"))["facts"]
    with tempfile.TemporaryDirectory() as scratch:
        system = System(Path(scratch))
        try:
            system.start("actions", "web", "rasa")
            system.wait_until(200)
            with httpx.Client(base_url=system.url, timeout=60) as http:
                return {
                    "facts": _ask(http, [(f[x], x, f["topics"]) for f in facts for x in LANGUAGES], knowledge),
                    "blind": _ask(http, [(a.text, a.language, a.topics) for a in questions.in_scope], knowledge),
                }
        finally:
            system.stop(*list(system.processes))
