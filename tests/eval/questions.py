"""The blind questions: written from the documents alone, by authors who had not seen the knowledge.

A file in tests/eval/ holds in_scope (text, language, voice, fact, topics that answer it), follow_ups (turns, language,
topics) and out_of_scope (text, language, kind). Topics were labelled afterwards by a reader of the answers; an empty
list means that the knowledge does not answer it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from bot.answers.knowledge import Knowledge, normal_form

FOLDER = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Asked:
    """A question, or the turns of a conversation whose last is to be answered."""

    turns: tuple[str, ...]
    language: str
    topics: tuple[str, ...]
    """Those that answer it, the best first."""
    kind: str
    """Whose voice it is; of one that is out of scope, what kind of stray."""
    file: str

    @property
    def text(self) -> str:
        """What is to be answered."""
        return self.turns[-1]

    @property
    def theme(self) -> str:
        """Of the topic that answers it best."""
        return self.topics[0].partition(".")[0] if self.topics else ""


@dataclass(frozen=True)
class Questions:
    """All of them."""

    in_scope: tuple[Asked, ...]
    follow_ups: tuple[Asked, ...]
    out_of_scope: tuple[Asked, ...]
    unanswered: tuple[Asked, ...]
    """Meant to be in scope, but no topic answers them: gaps in the knowledge, or in the documents."""


def _asked(entry: dict[str, Any], file: str) -> Asked:
    return Asked(
        turns=tuple(entry.get("turns") or [entry["text"]]),
        language=entry["language"],
        topics=tuple(entry.get("topics") or ()),
        kind=str(entry.get("kind") or entry.get("voice") or ""),
        file=file,
    )


def unseen(questions: Questions, knowledge: Knowledge) -> Questions:
    """Without the few that stand word for word in the knowledge by chance: those would measure memory."""
    seen = {normal_form(text) for _, _, _, text in knowledge.questions()}
    seen |= {normal_form(text) for pair in knowledge.out_of_scope for text in pair.values()}

    def fresh(asked: tuple[Asked, ...]) -> tuple[Asked, ...]:
        return tuple(each for each in asked if normal_form(each.text) not in seen)

    return replace(questions, in_scope=fresh(questions.in_scope), out_of_scope=fresh(questions.out_of_scope))


def read(folder: Path = FOLDER) -> Questions:
    """Reads every file of blind questions."""
    found: dict[str, list[Asked]] = {"in_scope": [], "follow_ups": [], "out_of_scope": []}
    for file in sorted(folder.glob("*.yml")):
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
        for part, entries in found.items():
            entries += [_asked(entry, file.stem) for entry in content.get(part) or ()]
    return Questions(
        in_scope=tuple(asked for asked in found["in_scope"] if asked.topics),
        follow_ups=tuple(asked for asked in found["follow_ups"] if asked.topics),
        out_of_scope=tuple(found["out_of_scope"]),
        unanswered=tuple(a for a in [*found["in_scope"], *found["follow_ups"]] if not a.topics),
    )
