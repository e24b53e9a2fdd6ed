"""How well redaction finds what points to one person or company, and how much it leaves as it is.

`python -m tests.eval.redaction` measures this section alone; `make eval` measures it with the rest.
"""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from bot.answers.knowledge import LANGUAGES, Knowledge, load
from bot.settings import ROOT, Settings, settings
from bot.trends.names import Names
from bot.trends.redaction import KINDS, Own, Redactor, Span, tidy
from bot.trends.words import load_words

FILE = Path(__file__).parent / "redaction.yml"
PARTS = ("seen", "unseen")
_MARKED = re.compile(r"\{(\w+):([^{}]+)\}")


@dataclass(frozen=True)
class Sentence:
    """A labelled sentence: its text, and what in it must go."""

    part: str
    language: str
    text: str
    spans: tuple[Span, ...]


@dataclass(frozen=True)
class Labelled:
    """The test set, and the names that the registry is taken to hold."""

    companies: tuple[str, ...]
    people: tuple[str, ...]
    sentences: tuple[Sentence, ...]


def read(file: Path = FILE) -> Labelled:
    """Reads the test set. Raises ValueError for a kind that does not exist."""
    content = yaml.safe_load(file.read_text(encoding="utf-8"))
    sentences = [
        _sentence(part, language, marked)
        for part in PARTS
        for language in LANGUAGES
        for marked in content[part][language]
    ]
    registry = content["registry"]
    return Labelled(tuple(registry["companies"]), tuple(registry["people"]), tuple(sentences))


def _sentence(part: str, language: str, marked: str) -> Sentence:
    text, spans, at = "", [], 0
    for found in _MARKED.finditer(marked):
        text += marked[at : found.start()]
        kind = found[1]
        if kind not in KINDS:
            raise ValueError(f"there is no kind {kind}: {marked}")
        spans.append(Span(len(text), len(text) + len(found[2]), kind))
        text += found[2]
        at = found.end()
    text += marked[at:]
    if tidy(text) != text:
        raise ValueError(f"written with signs that are not the usual ones: {marked}")
    return Sentence(part, language, text, tuple(spans))


def redactor_for(labelled: Labelled, knowledge: Knowledge) -> Redactor:
    """A redactor that knows the names of the test set."""
    words = load_words(knowledge)
    names = Names(labelled.companies, labelled.people, ordinary=words.ordinary, terms=words.terms)
    code_pattern = str(Settings.model_fields["activation_code_pattern"].default)
    return Redactor(names, words, code_pattern, Own.of(knowledge))


def _covered(text: str, wanted: Span, found: Iterable[Span]) -> bool:
    """Whether every letter and digit of what must go has gone."""
    gone = {place for span in found for place in range(span.start, span.end)}
    return all(place in gone for place in range(wanted.start, wanted.end) if text[place].isalnum())


def _touches(one: Span, other: Span) -> bool:
    return one.start < other.end and other.start < one.end


@dataclass
class _Tally:
    wanted: int = 0
    covered: int = 0
    named_right: int = 0
    found: int = 0
    right: int = 0

    def as_record(self) -> dict[str, float | int | None]:
        return {
            "wanted": self.wanted,
            "recall": round(self.covered / self.wanted, 4) if self.wanted else None,
            "named_right": round(self.named_right / self.wanted, 4) if self.wanted else None,
            "found": self.found,
            "precision": round(self.right / self.found, 4) if self.found else None,
        }


def measure(redactor: Redactor, sentences: Sequence[Sentence]) -> dict[str, Any]:
    """Recall (gone altogether, whatever it was taken for) and precision by language and kind, and what went wrong."""
    tallies: dict[tuple[str, str], _Tally] = defaultdict(_Tally)
    clean: Counter[str] = Counter()
    untouched: Counter[str] = Counter()
    wrong: list[tuple[str, str, str]] = []
    for sentence in sentences:
        found = redactor.spans(sentence.text, sentence.language)
        for span in sentence.spans:
            is_gone = _covered(sentence.text, span, found)
            for kind in (span.kind, "all"):
                tally = tallies[sentence.language, kind]
                tally.wanted += 1
                tally.covered += is_gone
                tally.named_right += is_gone and any(f.kind == span.kind and _touches(f, span) for f in found)
            if not is_gone:
                wrong.append(("stayed", sentence.text[span.start : span.end], sentence.text))
        for span in found:
            is_right = any(_touches(span, wanted) for wanted in sentence.spans)
            for kind in (span.kind, "all"):
                tally = tallies[sentence.language, kind]
                tally.found += 1
                tally.right += is_right
            if not is_right:
                wrong.append(("gone", sentence.text[span.start : span.end], sentence.text))
        if not sentence.spans:
            clean[sentence.language] += 1
            untouched[sentence.language] += not found
    return {
        "sentences": len(sentences),
        "languages": {
            language: {
                "kinds": {
                    kind: tallies[language, kind].as_record() for kind in ("all", *KINDS) if (language, kind) in tallies
                },
                "without_personal_data": clean[language],
                "left_as_they_are": round(untouched[language] / clean[language], 4) if clean[language] else None,
            }
            for language in LANGUAGES
        },
        "wrong": wrong,
    }


def left_alone(redactor: Redactor, knowledge: Knowledge) -> dict[str, Any]:
    """How many of the knowledge's own questions, which name nobody but a known few, come out as they went in."""
    asked = [(text, language) for _, _, language, text in knowledge.questions()]
    touched = [text for text, language in asked if redactor.spans(tidy(text), language)]
    return {"questions": len(asked), "left_as_they_are": round(1 - len(touched) / len(asked), 4)}


def evaluate(knowledge: Knowledge) -> dict[str, Any]:
    """The section "redaction" of docs/measured/eval.json."""
    labelled = read()
    redactor = redactor_for(labelled, knowledge)
    measured: dict[str, Any] = {
        part: measure(redactor, [s for s in labelled.sentences if s.part == part]) for part in PARTS
    }
    return {**measured, "knowledge": left_alone(redactor, knowledge)}


def show(found: dict[str, Any]) -> None:
    """Prints the section."""
    print("\nredaction: recall (all of it gone) and precision (something personal in what went)")
    for part in PARTS:
        measured = found[part]
        print(f"  {part}: {measured['sentences']} sentences")
        for language, figures in measured["languages"].items():
            for kind, tally in figures["kinds"].items():
                recall, precision = (
                    "   none" if tally[name] is None else f"{tally[name]:7.1%}" for name in ("recall", "precision")
                )
                print(f"    {language} {kind:8} {tally['wanted']:4} wanted, recall {recall}", end="")
                print(f"; {tally['found']:4} found, precision {precision}")
            print(f"    {language} without personal data, left as they are: {figures['left_as_they_are']:.1%}")
        for what, words, text in measured["wrong"]:
            print(f"      {what}: {words!r} in {text!r}")
    known = found["knowledge"]
    print(f"  the knowledge's own {known['questions']} questions, left as they are: {known['left_as_they_are']:.2%}")


def main() -> None:
    """Measures this section alone and puts it into docs/measured/eval.json beside the others."""
    found = evaluate(load(settings().knowledge_dir))
    show(found)
    saved = ROOT / "docs" / "measured" / "eval.json"
    figures = json.loads(saved.read_text(encoding="utf-8")) if saved.is_file() else {}
    figures["redaction"] = found
    saved.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
