"""Reads `knowledge/`: topics, documents, and the texts that must not be answered.

The single source for Rasa's training data, the index, the suggestions and the trends. Runs on Python 3.10 too.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

import yaml

LANGUAGES = ("nl", "en")
THEMES = ("portal", "law", "charter", "working-agenda", "practice", "helpdesk")
DESKS = ("portal", "charter")
KINDS = (
    *("app", "e-learning", "example", "film", "format", "game", "guide", "leaflet", "newsletter", "report"),
    *("service", "survey", "training", "website"),
)
"""What a material can be."""
STATUSES = ("available", "planned")
FEWEST_QUESTIONS = 10
WORDS_PER_ANSWER = (30, 130)

# The C loader is ten times faster, and as safe.
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

ByLanguage = Mapping[str, str]
Entry = TypeVar("Entry")


class KnowledgeError(ValueError):
    """The knowledge cannot be used as it stands; `problems` says why, one line each."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass(frozen=True)
class Document:
    """A document that answers rest on; see knowledge/sources.yml."""

    key: str
    title: ByLanguage
    publisher: ByLanguage
    dated: str | None
    """As printed in it."""
    url: str | None
    checked_on: date


@dataclass(frozen=True)
class Source:
    """Where in which document an answer stands."""

    document: str
    where: ByLanguage


@dataclass(frozen=True)
class Material:
    """Something that employers can use, and that a document names; see knowledge/materials.yml."""

    id: str
    title: ByLanguage
    kind: str
    document: str
    url: str | None
    status: str


@dataclass(frozen=True)
class Topic:
    """One fact that somebody could ask for, with its questions and its answer in both languages."""

    id: str
    title: ByLanguage
    questions: tuple[ByLanguage, ...]
    also: Mapping[int, tuple[str, ...]]
    """Other topics that answer a question as well, by the number of its pair."""
    answer: ByLanguage
    sources: tuple[Source, ...]
    review_by: date
    related: tuple[str, ...]
    materials: tuple[str, ...]
    desk: str

    @property
    def theme(self) -> str:
        """The part of the id before the dot."""
        return self.id.partition(".")[0]


@dataclass(frozen=True)
class Knowledge:
    """All of it, checked when loaded."""

    topics: Mapping[str, Topic]
    documents: Mapping[str, Document]
    materials: Mapping[str, Material]
    out_of_scope: tuple[ByLanguage, ...]
    """Texts that must not be answered with a fact, in pairs: they calibrate when to decline."""
    greeting_topics: tuple[str, ...]
    """Offered as buttons when a conversation opens."""

    @property
    def questions_hash(self) -> str:
        """Of what training reads: the questions and the out-of-scope texts. A mended answer needs no training."""
        pairs = [tuple(pair.values()) for pair in self.out_of_scope]
        also = [(topic.id, sorted(topic.also.items())) for topic in self.topics.values() if topic.also]
        return hashlib.sha256(repr([*self.questions(), *pairs, *also]).encode()).hexdigest()[:16]

    def questions(self) -> Iterator[tuple[str, int, str, str]]:
        """Every question as (topic id, number of its pair, language, text)."""
        for topic in self.topics.values():
            for number, pair in enumerate(topic.questions):
                for language in LANGUAGES:
                    yield topic.id, number, language, pair[language]


def normal_form(text: str) -> str:
    """A question without case, punctuation and double spaces: for finding the same question twice."""
    return " ".join(re.sub(r"[^\w]+", " ", text.casefold()).split())


def read_yaml(text: str, name: str) -> Any:
    """What a file of the knowledge says. Raises KnowledgeError naming the file."""
    try:
        return yaml.load(text, Loader=_Loader)  # noqa: S506
    except yaml.YAMLError as problem:
        raise KnowledgeError([f"{name}: not YAML: {' '.join(str(problem).split())}"]) from problem


def both(value: Any) -> ByLanguage:
    """The same text for both languages, or one for each. Raises TypeError or ValueError."""
    if isinstance(value, str):
        value = dict.fromkeys(LANGUAGES, value)
    if not isinstance(value, dict):
        raise TypeError("expected a text, or nl and en")
    missing = [language for language in LANGUAGES if not str(value.get(language) or "").strip()]
    if missing:
        raise ValueError(f"language missing: {', '.join(missing)}")
    return MappingProxyType({language: str(value[language]).strip() for language in LANGUAGES})


def asks_in(file: Path, sends: str | None = None) -> list[ByLanguage]:
    """The ways to ask for a guide, or for the forms of a file: Rasa learns them. None in a file of another kind.

    sends: only of the forms that send this.

    Raises KnowledgeError, TypeError or ValueError where the file cannot be read.
    """
    entries = [entry for entry in _entries_of(file) if sends is None or entry.get("sends") == sends]
    return [both(pair) for entry in entries for pair in entry.get("asks") or ()]


def leading_on(file: Path) -> list[str]:
    """The topics under which a guide, or the forms of a file, are offered. Raises as `asks_in`."""
    return [str(topic) for entry in _entries_of(file) for topic in entry.get("topics") or ()]


def _entries_of(file: Path) -> list[Mapping[str, Any]]:
    content = read_yaml(file.read_text(encoding="utf-8"), file.name)
    return [content] if "steps" in content else [entry for entry in content.values() if isinstance(entry, dict)]


def _topic(text: str, name: str) -> Topic:
    parts = re.split(r"^---\s*$", text, maxsplit=2, flags=re.MULTILINE)
    if len(parts) != 3:
        raise KnowledgeError([f"{name}: no front matter between two lines of ---"])
    head = read_yaml(parts[1], name)
    sections = re.split(r"^## (\w+)\s*$", parts[2], flags=re.MULTILINE)
    answer = dict(zip(sections[1::2], (body.strip() for body in sections[2::2]), strict=True))
    try:
        return Topic(
            id=str(head["id"]),
            title=both(head["title"]),
            questions=tuple(both(pair) for pair in head["questions"]),
            also=MappingProxyType({n: tuple(p["also"]) for n, p in enumerate(head["questions"]) if p.get("also")}),
            answer=both(answer),
            sources=tuple(Source(str(s["document"]), both(s["where"])) for s in head["sources"]),
            review_by=head["review_by"],
            related=tuple(head.get("related") or ()),
            materials=tuple(head.get("materials") or ()),
            desk=str(head["desk"]),
        )
    except (KeyError, TypeError, ValueError) as problem:
        reason = f"{problem.args[0]} is missing" if isinstance(problem, KeyError) else str(problem)
        raise KnowledgeError([f"{name}: {reason}"]) from problem


def _document(key: str, entry: Mapping[str, Any]) -> Document:
    return Document(
        key=key,
        title=both(entry["title"]),
        publisher=both(entry["publisher"]),
        dated=None if entry["date"] is None else str(entry["date"]),
        url=entry["url"],
        checked_on=entry["checked_on"],
    )


def _material(key: str, entry: Mapping[str, Any]) -> Material:
    return Material(
        id=key,
        title=both(entry["title"]),
        kind=str(entry["kind"]),
        document=str(entry["document"]),
        url=entry["url"],
        status=str(entry["status"]),
    )


def _entries(name: str, entries: Mapping[str, Any], make: Callable[[str, Any], Entry]) -> Mapping[str, Entry]:
    """The entries of a list, each under its key.

    Raises KnowledgeError naming the file and the entry that cannot be read.
    """
    made = {}
    for key, entry in entries.items():
        try:
            made[key] = make(key, entry)
        except (KeyError, TypeError, ValueError) as problem:
            raise KnowledgeError([f"{name}, {key}: {problem!r}"]) from problem
    return MappingProxyType(made)


def load(folder: Path) -> Knowledge:
    """Reads the folder.

    Raises KnowledgeError naming every file that cannot be read or breaks a rule of `problems`.
    """
    if not (folder / "sources.yml").is_file():
        raise KnowledgeError([f"{folder} holds no knowledge: sources.yml is missing"])
    found: list[str] = []
    topics: dict[str, Topic] = {}
    for file in sorted(folder.glob("*/*.md")):
        content = file.read_text(encoding="utf-8")
        name = f"{file.parent.name}/{file.name}"
        try:
            topic = _topic(content, name)
        except KnowledgeError as problem:
            found += problem.problems
            continue
        if topic.id != f"{file.parent.name}.{file.stem}":
            found.append(f"{name}: its id is {topic.id}, which belongs in another file")
        topics[topic.id] = topic
    lists: dict[str, Any] = {}
    for name in ("sources.yml", "materials.yml", "out_of_scope.yml", "greeting.yml"):
        content = (folder / name).read_text(encoding="utf-8")
        lists[name] = read_yaml(content, name) or {}
    try:
        out_of_scope = tuple(both(pair) for pairs in lists["out_of_scope.yml"].values() for pair in pairs or ())
    except (TypeError, ValueError) as problem:
        raise KnowledgeError([*found, f"out_of_scope.yml: {problem}"]) from problem
    knowledge = Knowledge(
        topics=MappingProxyType(topics),
        documents=_entries("sources.yml", lists["sources.yml"], _document),
        materials=_entries("materials.yml", lists["materials.yml"], _material),
        out_of_scope=out_of_scope,
        greeting_topics=tuple(lists["greeting.yml"].get("topics") or ()),
    )
    found += problems(knowledge)
    if found:
        raise KnowledgeError(found)
    return knowledge


def problems(knowledge: Knowledge) -> list[str]:
    """Every broken rule, one line each; empty when all is well."""
    found: list[str] = []
    seen: dict[str, str] = {}
    titles: Counter[tuple[str, str]] = Counter()
    for topic in knowledge.topics.values():
        found += _topic_problems(topic, knowledge)
        for language in LANGUAGES:
            titles[language, topic.title[language]] += 1
        for number, pair in enumerate(topic.questions, start=1):
            for text in set(map(normal_form, pair.values())):
                place = f"{topic.id}, pair {number}"
                if text in seen:
                    found.append(f"{place}: “{text}” stands in {seen[text]} too")
                seen[text] = place
    found += [
        f"the title “{title}” ({language}) stands in {n} topics" for (language, title), n in titles.items() if n > 1
    ]
    for pair in knowledge.out_of_scope:
        found += [
            f"out_of_scope.yml: “{t}” is a question of {seen[normal_form(t)]}"
            for t in pair.values()
            if normal_form(t) in seen
        ]
    found += _material_problems(knowledge)
    found += [
        f"greeting.yml: there is no topic {topic}"
        for topic in knowledge.greeting_topics
        if topic not in knowledge.topics
    ]
    return found


def _material_problems(knowledge: Knowledge) -> Iterator[str]:
    linked = {material for topic in knowledge.topics.values() for material in topic.materials}
    for material in knowledge.materials.values():
        if material.kind not in KINDS:
            yield f"materials.yml, {material.id}: there is no kind {material.kind}"
        if material.status not in STATUSES:
            yield f"materials.yml, {material.id}: its status is {material.status}, not {' or '.join(STATUSES)}"
        if material.document not in knowledge.documents:
            yield f"materials.yml, {material.id}: sources.yml has no {material.document}"
        if material.id not in linked:
            yield f"materials.yml, {material.id}: no topic links it"


def _topic_problems(topic: Topic, knowledge: Knowledge) -> Iterator[str]:
    if topic.theme not in THEMES:
        yield f"{topic.id}: there is no theme {topic.theme}"
    if topic.desk not in DESKS:
        yield f"{topic.id}: there is no desk {topic.desk}"
    if not isinstance(topic.review_by, date):
        yield f"{topic.id}: review_by is not a date"
    if not topic.sources:
        yield f"{topic.id}: no source"
    for source in topic.sources:
        if source.document not in knowledge.documents:
            yield f"{topic.id}: sources.yml has no {source.document}"
    yield from _link_problems(topic, knowledge)
    if len(topic.questions) < FEWEST_QUESTIONS:
        yield f"{topic.id}: {len(topic.questions)} question pairs, fewer than {FEWEST_QUESTIONS}"
    fewest, most = WORDS_PER_ANSWER
    for language, text in topic.answer.items():
        words = len(text.split())
        if not fewest <= words <= most:
            yield f"{topic.id}: the answer in {language} has {words} words, not {fewest} to {most}"
        if re.search(r"^#|<[a-zA-Z/]|^\|", text, flags=re.MULTILINE):
            yield f"{topic.id}: the answer in {language} uses Markdown that the chat does not show"


def _link_problems(topic: Topic, knowledge: Knowledge) -> Iterator[str]:
    for material in topic.materials:
        if material not in knowledge.materials:
            yield f"{topic.id}: materials.yml has no {material}"
    for number, others in topic.also.items():
        for other in others:
            if other not in knowledge.topics or other == topic.id:
                yield f"{topic.id}, pair {number + 1}: also names {other}, which is not another topic"
    for other in topic.related:
        if other not in knowledge.topics or other == topic.id:
            yield f"{topic.id}: related names {other}, which is not another topic"
