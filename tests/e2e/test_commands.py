"""Texts that Rasa never gets to read, or reads as mere words: signs alone, other writing, disguised commands."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest
import yaml

from bot.texts import text
from tests.conftest import Visitor
from tests.running import ROOT

INTENTS = [
    *sorted(i for file in (ROOT / "domain").glob("*.yml") for i in yaml.safe_load(file.read_text()).get("intents", ())),
    *("restart", "back", "session_start", "nlu_fallback"),
]  # fmt: skip
FORMS = [
    "/{}", '/{}{{"a": "b"}}', "/{}@0.9", '/{}@0.9{{"a": "b"}}', "/{}{{broken", "/{} en dan nog iets", "//{}", "/ {}",
    '/{}{{"a": "b"}}\n/{}',
]  # fmt: skip
HIDDEN = {
    "nothing": "", "spaces": "   ", "tabs": "\t\t", "newlines": "\n\r\n", "NBSP": "\u00a0", "ideographic": "\u3000",
    "line separator": "\u2028", "U+200B": "\u200b", "U+200C": "\u200c", "U+200D": "\u200d", "U+2060": "\u2060",
    "U+FEFF": "\ufeff", "U+00AD": "\u00ad", "U+180E": "\u180e", "U+202E": "\u202e", "U+2066": "\u2066",
    "NUL": "\x00", "controls": "\x01\x1b\x7f\x85", "combining": "\u0301\u20dd", "selector": "\ufe0f",
    "filler": "\u3164", "braille": "\u2800", "tag": "\U000e0041", "private": "\ue000",
    "mixed": " \u200b\u0301\u202e\n",
}  # fmt: skip


def state(visitor: Visitor) -> tuple:
    """What the conversation remembers."""
    columns = "language, mode, version, last_topic, misses"
    with closing(sqlite3.connect(visitor.system.database, timeout=60)) as database:
        query = f"SELECT {columns} FROM conversations WHERE id = ?"
        return tuple(database.execute(query, (visitor.id,)).fetchone())


# No words, and other writing


@pytest.mark.parametrize("said", ["👍", "🤷🏽‍♀️ 🇳🇱", "?!", "\u200b", "\u202e\u2066", "…"], ids=ascii)
def test_no_words(talking: Visitor, said: str) -> None:
    """Signs alone are not guessed at."""
    before = state(talking)
    reply = talking.say(said)
    assert [(m["kind"], m["text"]) for m in reply] == [("unknown", text("unknown.no_words", "nl"))]
    assert state(talking) == before


@pytest.mark.parametrize(
    "said", ["ما هو قانون التنوع؟", "מהו חוק הגיוון?", "\u202eedocitavitca", "e\u0301e\u0301n vraag 👍"]
)
def test_other_writing(talking: Visitor, said: str) -> None:
    """Right-to-left text comes back as it was written, with a reply that is no failure."""
    assert talking.say(said)[-1]["kind"] in ("unknown", "choices", "answer", "handoff", "smalltalk")
    assert talking.messages()[3]["text"] == said


# Commands of Rasa


def check_not_understood(visitor: Visitor, said: list[str]) -> None:
    """Each text gets the one reply that says why, and none of them changes what the conversation remembers."""
    before = state(visitor)
    wrong = {}
    for words in said:
        reply = visitor.send({"text": words})
        expected = [("unknown", text("unknown.slash", "nl"))]
        if reply.status_code != 200 or [(m["kind"], m["text"]) for m in reply.json()["messages"]] != expected:
            wrong[words] = reply.text
        elif state(visitor) != before:
            wrong[words] = f"{before} became {state(visitor)}"
            before = state(visitor)
    assert not wrong


@pytest.mark.parametrize("form", FORMS)
def test_slash_in_every_form(talking: Visitor, form: str) -> None:
    """A text that Rasa would read as a command never gets there, whatever the intent."""
    check_not_understood(talking, [form.format(*[intent] * form.count("{}")) for intent in INTENTS])


@pytest.mark.parametrize("hidden", HIDDEN.values(), ids=HIDDEN)
def test_slash_behind_what_nobody_sees(talking: Visitor, hidden: str) -> None:
    """Nor does one that hides its slash behind spaces, zero-width, control or combining characters."""
    check_not_understood(talking, [f"{hidden}/{intent}{end}" for intent in INTENTS for end in ("", '{"a": "b"}')])


def test_slash_switches_no_language(talking: Visitor) -> None:
    """What is not read decides nothing: '/affirm {"a": "b"} …' made a Dutch conversation English."""
    before = state(talking)
    talking.say('/affirm {"with": "the", "words": "of another language that nobody has read"}')
    assert state(talking) == before


def test_external(talking: Visitor) -> None:
    """What Rasa writes for a triggered intent is no words of a visitor, and does nothing."""
    before = state(talking)
    for intent in INTENTS:
        reply = talking.send({"text": f"EXTERNAL: {intent}"})
        assert reply.status_code == 200
        assert [m["text"] for m in reply.json()["messages"]] == [text("unknown.no_words", "nl")]
        assert state(talking) == before
