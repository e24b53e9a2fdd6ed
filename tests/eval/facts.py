"""Asks the running chat for every fact of the documents, in both languages: facts.yml holds them, one question each.

A file of facts was written from the documents alone; `topics` (those whose answer holds the fact) was labelled
afterwards. Right means: the reply is an answer of such a topic, with a source; or a "did you mean" that offers one, and
whose button gives that answer.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import yaml

from bot.answers.knowledge import LANGUAGES, Knowledge
from tests.running import System

FILE = Path(__file__).with_name("facts.yml")


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


def _outcome(http: httpx.Client, fact: dict[str, Any], language: str, knowledge: Knowledge) -> str:
    """right at once, right after choosing, wrong answer, not offered, or declined."""
    chat = _Chat(http, language)
    reply = chat.send(text=fact[language])
    topics = set(fact["topics"])
    if reply["kind"] == "answer":
        if reply["topic"] not in topics:
            return "wrong answer"
        return "right at once" if reply["sources"] else "no source"
    if reply["kind"] != "choices":
        return "declined"
    titles = {knowledge.topics[topic].title[language] for topic in topics}
    for button in reply["buttons"]:
        if button["title"] in titles:
            chosen = chat.send(payload=button["id"])
            return "right after choosing" if chosen["topic"] in topics and chosen["sources"] else "wrong answer"
    return "not offered"


def ask_everything(knowledge: Knowledge) -> dict[str, Any]:
    """Starts a system of its own and asks it for everything; gives the shares, and what was not reached."""
    facts = yaml.safe_load(FILE.read_text(encoding="utf-8"))["facts"]
    counts: dict[str, Counter[str]] = {language: Counter() for language in LANGUAGES}
    failed: list[tuple[str, str, str]] = []
    with tempfile.TemporaryDirectory() as scratch:
        system = System(Path(scratch))
        try:
            system.start("actions", "web", "rasa")
            system.wait_until(200)
            with httpx.Client(base_url=system.url, timeout=60) as http:
                for fact in facts:
                    for language in LANGUAGES:
                        outcome = _outcome(http, fact, language, knowledge)
                        counts[language][outcome] += 1
                        if not outcome.startswith("right"):
                            failed.append((outcome, language, fact[language]))
        finally:
            system.stop(*list(system.processes))
    return {
        "count": len(facts),
        "languages": {
            language: {outcome: round(n / len(facts), 4) for outcome, n in count.most_common()}
            for language, count in counts.items()
        },
        "not_reached": failed,
    }
