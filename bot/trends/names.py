"""The names that the registry knows, companies and their contacts, found again in a text."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from bot.registry.models import Company, Contact

LEGAL_FORM = (
    r"(?:b\.?\s?v\.?|n\.?\s?v\.?|v\.?o\.?f\.?|c\.?v\.?|u\.?a\.?|b\.a\.|ltd\.?|limited|plc|inc\.?|llc|gmbh|ag|s\.?a\.?|"
    r"s\.?r\.?l\.?|se)"
)
"""As it is written behind a name: BV, B.V., Ltd."""
_AT_END = re.compile(rf"[\s,]+(?:{LEGAL_FORM}|i\.?o\.?)$", re.IGNORECASE)
_LOOSE = ("holding", "holdings", "groep", "group", "nederland", "netherlands", "international", "beheer")
"""Left out when people name their company."""
_WORD = re.compile(r"[^\W_]+")
_SHORTEST = 3


@dataclass(frozen=True)
class Found:
    """Where a known name stands, and what it is of: `company` or `person`."""

    start: int
    end: int
    kind: str


def _plain(word: str) -> str:
    """A word without capitals and accents."""
    taken_apart = unicodedata.normalize("NFD", word.casefold())
    return "".join(sign for sign in taken_apart if not unicodedata.combining(sign))


def _words(text: str) -> tuple[str, ...]:
    return tuple(_plain(word) for word in _WORD.findall(text))


def _without_form(name: str) -> str:
    """The name of a company without its legal form, also where it has two."""
    while (shorter := _AT_END.sub("", name)) != name:
        name = shorter
    return name


class Names:
    """Finds names of companies and people, however they use capitals and accents, with and without a legal form.

    companies, people: as the registry writes them. ordinary: words in lower case that are a word before they are a
    name: a company that is called one of these is found with its legal form, or written as it writes itself.
    terms: what stays readable even where a company is called so.
    """

    def __init__(
        self,
        companies: Iterable[str] = (),
        people: Iterable[str] = (),
        *,
        ordinary: Collection[str] = (),
        terms: Collection[str] = (),
    ) -> None:
        self._ordinary, self._terms = ordinary, terms
        self._by_first: dict[str, dict[tuple[str, ...], str]] = {}
        self._as_written: dict[str, set[str]] = {}
        """How companies write themselves whose whole name is an ordinary word."""
        for name in companies:
            bare = _without_form(name)
            if len("".join(_words(bare))) < _SHORTEST:
                self._learn(name, "company")
            else:
                self._learn_company(bare)
        for name in people:
            if len(_words(name)) > 1:
                self._learn(name, "person")
        self._longest = max((len(key) for keys in self._by_first.values() for key in keys), default=0)

    def __len__(self) -> int:
        return sum(map(len, self._by_first.values()))

    def _learn(self, name: str, kind: str) -> None:
        words = _words(name)
        if words and len("".join(words)) >= _SHORTEST and name.lower() not in self._terms:
            self._by_first.setdefault(words[0], {}).setdefault(words, kind)

    def _learn_company(self, name: str) -> None:
        words = name.split()
        while True:
            bare = " ".join(words)
            if len(words) == 1 and bare.lower() in self._ordinary:
                self._as_written.setdefault(_plain(bare), set()).add(bare)
            elif words:
                self._learn(bare, "company")
            if len(words) < 2 or words[-1].lower() not in _LOOSE:
                return
            words.pop()

    def find(self, text: str) -> Iterator[Found]:
        """Where known names stand in a text, the longest first at each place; a legal form behind one goes with it."""
        words = [(_plain(found[0]), found.start(), found.end()) for found in _WORD.finditer(text)]
        at = 0
        while at < len(words):
            length, kind = self._longest_at(words, at)
            start, end = words[at][1], words[at + max(length, 1) - 1][2]
            behind = re.compile(rf",?\s+{LEGAL_FORM}(?!\w)", re.IGNORECASE).match(text, end)
            if not length and self._is_as_written(text, words[at], formed=behind is not None):
                length, kind = 1, "company"
            if not length:
                at += 1
                continue
            if kind == "company" and behind is not None:
                end = behind.end()
            yield Found(start, end, kind)
            at += length
            while at < len(words) and words[at][1] < end:
                at += 1

    def _longest_at(self, words: Sequence[tuple[str, int, int]], at: int) -> tuple[int, str]:
        known = self._by_first.get(words[at][0])
        if known:
            for length in range(min(self._longest, len(words) - at), 0, -1):
                kind = known.get(tuple(word for word, _, _ in words[at : at + length]))
                if kind:
                    return length, kind
        return 0, ""

    def _is_as_written(self, text: str, word: tuple[str, int, int], *, formed: bool) -> bool:
        plain, start, end = word
        if plain not in self._as_written:
            return False
        if formed:
            return True
        opens = not re.search(r"[^\W_][\s,;]*$", text[:start])
        return not opens and text[start:end] in self._as_written[plain] and text[start:end] != text[start:end].lower()


def known_names(engine: Engine, *, ordinary: Collection[str] = (), terms: Collection[str] = ()) -> Names:
    """The names that the registry holds now."""
    with Session(engine.execution_options(writes=False)) as session:
        companies = session.scalars(select(Company.name).order_by(Company.kvk_number)).all()
        people = session.scalars(select(Contact.name).order_by(Contact.email)).all()
    return Names(companies, people, ordinary=ordinary, terms=terms)
