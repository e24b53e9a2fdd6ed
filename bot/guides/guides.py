"""Reads the guides: knowledge/guides/*.yml, as docs/guides.md describes them, checked when loaded."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, cast

from bot.answers.knowledge import DESKS, LANGUAGES, ByLanguage, Knowledge, KnowledgeError, Source, both, read_yaml
from bot.guides.conditions import GIVEN, SKIPPED, asked_for
from bot.guides.deadlines import Rule, load_rules

Kind = Literal["tell", "choice", "date", "end"]
Meaning = Literal["affirm", "deny", "unknown"]
KINDS = ("tell", "choice", "date", "end")
MEANINGS = ("affirm", "deny", "unknown")
READS = ("financial-year-end", "past-day")
ANY_DATE = "any"
NO_GUIDES = {"deadlines.yml", "dimensions.yml"}
FEWEST_ASKS = 8
FEWEST_OPTIONS = 2
MOST_WORDS_PER_STEP = 140
LONGEST_TITLE = 90

_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


@dataclass(frozen=True, eq=False)
class Option:
    """One answer to a choice."""

    id: str
    title: ByLanguage
    means: Meaning | None
    words: tuple[str, ...]
    """Whole phrases, of both languages, that mean it."""
    dated: str | None
    """A date on its own means it, ANY_DATE or a day and month such as 31-12; the next step takes the date."""


@dataclass(frozen=True)
class Step:
    """One step: something to read, to choose, to date, or an end."""

    id: str
    kind: Kind
    title: ByLanguage
    text: ByLanguage
    when: Mapping[str, Any] | None
    sources: tuple[Source, ...]
    topic: str | None
    form: str | None
    options: tuple[Option, ...]
    reads: str | None
    optional: bool
    deadlines: tuple[str, ...]
    checklist: bool

    def option(self, id_: str) -> Option | None:
        """The option with an id."""
        return next((option for option in self.options if option.id == id_), None)


@dataclass(frozen=True, eq=False)
class Guide:
    """A guide, in both languages."""

    id: str
    desk: str
    review_by: date
    title: ByLanguage
    asks: tuple[ByLanguage, ...]
    topics: tuple[str, ...]
    steps: tuple[Step, ...]

    def step(self, id_: str) -> Step | None:
        """The step with an id."""
        return next((step for step in self.steps if step.id == id_), None)

    def place(self, id_: str) -> int:
        """Where the step stands in the guide, from 0. Raises StopIteration where there is none."""
        return next(at for at, step in enumerate(self.steps) if step.id == id_)


@dataclass(frozen=True)
class Guides:
    """All guides, with the rules for their deadlines."""

    guides: Mapping[str, Guide]
    rules: Mapping[str, Rule]

    def under(self, topic: str) -> Guide | None:
        """The guide that is offered under the answer of a topic."""
        return next((guide for guide in self.guides.values() if topic in guide.topics), None)


def _option(entry: Mapping[str, Any]) -> Option:
    words = entry.get("words") or {}
    return Option(
        id=str(entry["id"]),
        title=both(entry["title"]),
        means=entry.get("means"),
        words=tuple(str(phrase) for language in LANGUAGES for phrase in words.get(language) or ()),
        dated=str(entry["dated"]) if entry.get("dated") else None,
    )


def _step(entry: Mapping[str, Any]) -> Step:
    known = {"id", "kind", "title", "text", "when", "sources", "topic", "form", "options", "reads", "optional",
             "deadlines", "checklist"}  # fmt: skip
    if strange := set(entry) - known:
        raise ValueError(f"there is no key {', '.join(sorted(strange))}")
    if entry["kind"] not in KINDS:
        raise ValueError(f"there is no kind {entry['kind']}")
    list(asked_for(entry.get("when")))
    return Step(
        id=str(entry["id"]),
        kind=cast("Kind", entry["kind"]),
        title=both(entry["title"]),
        text=both(entry["text"]),
        when=entry.get("when"),
        sources=tuple(Source(str(s["document"]), both(s["where"])) for s in entry.get("sources") or ()),
        topic=entry.get("topic"),
        form=entry.get("form"),
        options=tuple(_option(option) for option in entry.get("options") or ()),
        reads=entry.get("reads"),
        optional=bool(entry.get("optional", False)),
        deadlines=tuple(entry.get("deadlines") or ()),
        checklist=bool(entry.get("checklist", True)),
    )


def _guide(id_: str, content: Mapping[str, Any]) -> Guide:
    steps = []
    for number, entry in enumerate(content["steps"], start=1):
        try:
            steps.append(_step(entry))
        except (KeyError, TypeError, ValueError) as problem:
            reason = f"{problem.args[0]} is missing" if isinstance(problem, KeyError) else str(problem)
            raise ValueError(f"step {entry.get('id', number)}: {reason}") from problem
    return Guide(
        id=id_,
        desk=str(content["desk"]),
        review_by=content["review_by"],
        title=both(content["title"]),
        asks=tuple(both(pair) for pair in content["asks"]),
        topics=tuple(content.get("topics") or ()),
        steps=tuple(steps),
    )


def load_guides(folder: Path, knowledge: Knowledge, forms: Collection[str]) -> Guides:
    """Reads `guides/` of the knowledge's folder.

    forms: the ids of the forms that a step may offer.

    Raises KnowledgeError naming every guide that cannot be read or breaks a rule.
    """
    found: list[str] = []
    guides: dict[str, Guide] = {}
    rules = load_rules(folder / "guides" / "deadlines.yml", knowledge)
    checker = _Checker(knowledge, rules, forms)
    for file in sorted((folder / "guides").glob("*.yml")):
        if file.name in NO_GUIDES:
            continue
        name = f"guides/{file.name}"
        try:
            guide = _guide(file.stem, read_yaml(file.read_text(encoding="utf-8"), name))
        except KnowledgeError as problem:
            found += problem.problems
            continue
        except (AttributeError, KeyError, TypeError, ValueError) as problem:
            reason = f"{problem.args[0]} is missing" if isinstance(problem, KeyError) else str(problem)
            found.append(f"{name}: {reason}")
            continue
        guides[guide.id] = guide
        found += [f"{name}: {problem}" for problem in checker.problems(guide)]
    for topic in {topic for guide in guides.values() for topic in guide.topics}:
        offered = [guide.id for guide in guides.values() if topic in guide.topics]
        if len(offered) > 1:
            found.append(f"guides: {topic} offers {' and '.join(offered)}")
    if found:
        raise KnowledgeError(found)
    return Guides(MappingProxyType(guides), rules)


@dataclass(frozen=True)
class _Checker:
    """What guides are checked against."""

    knowledge: Knowledge
    rules: Mapping[str, Rule]
    forms: Collection[str]

    def problems(self, guide: Guide) -> Iterator[str]:
        """Every rule that a guide breaks."""
        if guide.desk not in DESKS:
            yield f"there is no desk {guide.desk}"
        if not isinstance(guide.review_by, date):
            yield "review_by is not a date"
        if len(guide.asks) < FEWEST_ASKS:
            yield f"{len(guide.asks)} ways to ask for it, fewer than {FEWEST_ASKS}"
        if not guide.steps or guide.steps[0].when is not None:
            yield "the first step may have no condition"
        yield from (f"there is no topic {topic}" for topic in guide.topics if topic not in self.knowledge.topics)
        earlier: dict[str, set[str]] = {}
        dates: set[str] = set()
        for step in guide.steps:
            if step.id in earlier or not _ID.fullmatch(step.id):
                yield f"step {step.id}: its id is not one of its own, in lower case"
            found = [*_choice_problems(step, earlier), *self._references(step, earlier), *_text_problems(step, dates)]
            yield from (f"step {step.id}: {problem}" for problem in found)
            earlier[step.id] = {option.id for option in step.options} | {SKIPPED}
            if step.kind == "date":
                earlier[step.id].add(GIVEN)
                dates.add(step.id)

    def _references(self, step: Step, earlier: Collection[str]) -> Iterator[str]:
        known = self.knowledge
        if step.form is not None and step.form not in self.forms:
            yield f"forms.yml has no {step.form}"
        if step.topic is not None and step.topic not in known.topics:
            yield f"there is no topic {step.topic}"
        yield from (f"sources.yml has no {s.document}" for s in step.sources if s.document not in known.documents)
        for rule in step.deadlines:
            if rule not in self.rules:
                yield f"deadlines.yml has no {rule}"
            elif not self.rules[rule].counts_from & {*earlier, step.id}:
                yield f"its deadline {rule} counts from {self.rules[rule].after}, no earlier date of this guide"


def _choice_problems(step: Step, earlier: Mapping[str, set[str]]) -> Iterator[str]:
    for asked, answer in asked_for(step.when):
        if answer not in earlier.get(asked, ()):
            yield f"its condition looks at {asked}: {answer}, which no earlier step gives"
    if not (len(step.options) >= FEWEST_OPTIONS if step.kind == "choice" else not step.options):
        yield "a choice has two options or more, another step has none"
    if len({option.id for option in step.options}) != len(step.options):
        yield "two options have the same id"
    yield from (f"{id_} is no id for an option" for id_ in (SKIPPED, GIVEN) if step.option(id_))
    meanings = [option.means for option in step.options if option.means]
    yield from (f"there is no meaning {meaning}" for meaning in meanings if meaning not in MEANINGS)
    if len(set(meanings)) != len(meanings):
        yield "two options mean the same"
    if not (step.reads in READS if step.kind == "date" else step.reads is None):
        yield f"a date reads {' or '.join(READS)}, another step reads nothing"


def _text_problems(step: Step, dates: Collection[str]) -> Iterator[str]:
    for language in LANGUAGES:
        text = step.text[language]
        if len(text.split()) > MOST_WORDS_PER_STEP:
            yield f"its text in {language} has {len(text.split())} words, more than {MOST_WORDS_PER_STEP}"
        if len(step.title[language]) > LONGEST_TITLE:
            yield f"its title in {language} is longer than {LONGEST_TITLE} characters"
        if re.search(r"^#|<[a-zA-Z/]|^\|", text, flags=re.MULTILINE):
            yield f"its text in {language} uses Markdown that the chat does not show"
        for place in re.findall(r"\{(.*?)\}", text):
            if place not in dates:
                yield f"its text in {language} names {{{place}}}, which is no earlier date"
