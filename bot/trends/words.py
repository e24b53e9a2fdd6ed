"""The words that redaction goes by: lists of names and places, terms of the field, and ordinary words.

Names, places and streets are those that the package `deduce` ships; the rest stands in words.yml and in the knowledge.
"""

from __future__ import annotations

import logging
import re
import shutil
import tempfile
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml

from bot.answers.knowledge import LANGUAGES, Knowledge

WORDS_FILE = Path(__file__).parent / "words.yml"

# Hospitals, diseases and streets: as search trees of deduce they take a minute to build and a gigabyte to keep, and
# what there is of a hospital in a question to us is the name of a company. Streets are looked up in a set instead.
_LEFT_OUT = (
    "institutions/lst_healthcare_institution", "institutions/lst_hospital", "institutions/lst_hospital_abbr",
    "locations/lst_street", "whitelist/lst_medical_term", "whitelist/lst_eponymous_disease",
    "whitelist/lst_eponymous_disease/lst_eponymous_single",
)  # fmt: skip
_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")


@dataclass(frozen=True)
class Cues:
    """Patterns, by language, of what stands before a name."""

    any_name: Mapping[str, re.Pattern[str]]
    titles: Mapping[str, re.Pattern[str]]
    a_name: Mapping[str, re.Pattern[str]]
    a_company: Mapping[str, re.Pattern[str]]


@dataclass(frozen=True)
class Words:
    """Everything in lower case."""

    given_names: frozenset[str]
    surnames: frozenset[str]
    interfixes: frozenset[str]
    """What stands between a given name and a surname: van der."""
    places: frozenset[str]
    """Municipalities, provinces, and those of words.yml: the ones that are recognised without a capital too."""
    streets: frozenset[str]
    terms: frozenset[str]
    ordinary: frozenset[str]
    """Words that are no name when they stand alone."""
    longest_term: int
    """In words."""
    cues: Cues


def _patterns(cues: Mapping[str, list[str]]) -> Mapping[str, re.Pattern[str]]:
    made = {}
    for language in LANGUAGES:
        # Whoever writes in one language may well sign in the other.
        both = [*cues[language], *(cue for other in LANGUAGES if other != language for cue in cues[other])]
        made[language] = re.compile(rf"(?<![\w'’-])(?:{'|'.join(both)})(?![\w'’-])", re.IGNORECASE)
    return MappingProxyType(made)


def _lines(lists: Path, *names: str) -> set[str]:
    found: set[str] = set()
    for name in names:
        folder = lists / name
        found |= set((folder / "items.txt").read_text(encoding="utf-8").splitlines())
        if (folder / "exceptions.txt").is_file():
            found -= set((folder / "exceptions.txt").read_text(encoding="utf-8").splitlines())
    return {line.strip().lower() for line in found if line.strip()}


@contextmanager
def _logging_as_it_was() -> Iterator[None]:
    """Deduce sets up logging to the screen, at the level of debugging, and tells what it builds: not here."""
    root = logging.getLogger()
    handlers, level, disabled = list(root.handlers), root.level, root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
        logging.disable(disabled)


@lru_cache(maxsize=1)
def _deduce() -> Any:
    with _logging_as_it_was():
        import deduce
    return deduce


def _lists() -> Path:
    return Path(str(_deduce().__file__)).parent / "data" / "lookup" / "src"


def open_deduce() -> Any:
    """Deduce with the lists that are needed here: takes a second and some 70 MB."""
    with tempfile.TemporaryDirectory(prefix="wegwijzer-names-") as folder:
        copy = Path(folder) / "src"
        shutil.copytree(_lists(), copy, ignore=shutil.ignore_patterns("*.py", "__pycache__", "streets_bag.txt"))
        for name in _LEFT_OUT:
            for file in (copy / name).glob("*.*"):
                file.unlink()
            (copy / name / "items.txt").touch()
        (Path(folder) / "cache").mkdir()
        with _logging_as_it_was():
            return _deduce().Deduce(lookup_data_path=Path(folder), cache_path=Path(folder))


def _said_in_lower_case(knowledge: Knowledge) -> set[str]:
    """The words that the knowledge writes without a capital: none of them is a name there.

    A question without any capital says nothing: whoever types so writes names like that too.
    """
    texts: list[str] = []
    for topic in knowledge.topics.values():
        texts += [
            *topic.title.values(),
            *topic.answer.values(),
            *(q for pair in topic.questions for q in pair.values()),
        ]
    texts += [text for pair in knowledge.out_of_scope for text in pair.values()]
    return {word for text in texts if not text.islower() for word in _WORD.findall(text) if word.islower()}


def load_words(knowledge: Knowledge) -> Words:
    """Reads the lists. Raises OSError or KeyError where one is missing."""
    own = yaml.safe_load(WORDS_FILE.read_text(encoding="utf-8"))
    lists = _lists()
    common = _lines(lists, "whitelist/lst_common_word", "whitelist/lst_stop_word")
    given = _lines(lists, "names/lst_first_name") | set(own["given_names"])
    surnames = _lines(lists, "names/lst_surname", "names/lst_interfix_surname")
    terms = {str(term).lower() for term in own["terms"]}
    places = _lines(lists, "locations/lst_placename/lst_municipality", "locations/lst_placename/lst_province")
    # The commonest words hold names such as Jan too.
    ordinary = set(map(str, own["ordinary"])) | _without(common, given | surnames) | _said_in_lower_case(knowledge)
    return Words(
        given_names=frozenset(name for name in given if len(name) > 1),
        surnames=frozenset(name for name in surnames if len(name) > 1),
        interfixes=frozenset(_lines(lists, "names/lst_interfix")),
        places=frozenset((places | set(own["places"])) - ordinary),
        streets=frozenset(_lines(lists, "locations/lst_street")),
        terms=frozenset(terms),
        ordinary=frozenset(ordinary),
        longest_term=max(len(_WORD.findall(term)) for term in terms) + 2,
        cues=Cues(
            any_name=_patterns(own["before_any_name"]),
            titles=_patterns(own["titles"]),
            a_name=_patterns(own["before_a_name"]),
            a_company=_patterns(own["before_a_company"]),
        ),
    )


def _without(words: Iterable[str], names: set[str]) -> set[str]:
    return {word for word in words if word not in names}
