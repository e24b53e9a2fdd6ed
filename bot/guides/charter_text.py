"""Looks at a Charter text: whether it fits on a page, and which dimensions of the Charter it names.

The rules come from the source `charter`: it fits on one page and is linked to one or more dimensions. It looks at
length and at words; what the text says is for a person to judge.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import typst

from bot.answers.knowledge import LANGUAGES, ByLanguage, both, read_yaml
from bot.guides.typesetting import options, settable
from bot.settings import settings
from bot.texts import text as said_text

TEMPLATE = Path(__file__).with_suffix(".typ")
LONGEST = 20_000
"""Characters."""


@dataclass(frozen=True)
class CharterText:
    """What was seen of a text; the text itself is not in it."""

    pages: int
    """Of A4, at 11 points, with margins of 2.5 cm."""
    fits_a_page: bool
    dimensions: tuple[str, ...]
    """Ids of knowledge/guides/dimensions.yml, in the order of that file."""


@dataclass(frozen=True)
class Dimension:
    """A dimension of the Charter, and the words that name it."""

    id: str
    title: ByLanguage
    words: re.Pattern[str]
    but_not: re.Pattern[str]

    def named_in(self, plain_text: str) -> bool:
        """Whether a text, made `plain`, names it."""
        return self.words.search(self.but_not.sub(" ", plain_text)) is not None


def plain(text: str) -> str:
    """A text without what does not count: capitals, accents, curly apostrophes, and signs that are not seen."""
    signs = unicodedata.normalize("NFKD", text.casefold())
    kept = "".join(sign for sign in signs if sign.isspace() or unicodedata.category(sign) not in ("Mn", "Cf", "Cc"))
    return re.sub("[\u2010-\u2015]", "-", kept.replace("\u2019", "'"))


def _pattern(phrases: Iterable[str]) -> re.Pattern[str]:
    free = {"*": r"\w*", " ": r"[\s-]+", "-": r"[\s-]?"}
    either = "|".join("".join(free.get(sign, re.escape(sign)) for sign in plain(phrase)) for phrase in phrases)
    return re.compile(rf"(?<!\w)(?:{either})(?!\w)" if either else r"(?!)")


def _of_both(entry: Mapping[str, Any]) -> list[str]:
    return [str(phrase) for language in LANGUAGES for phrase in entry.get(language) or ()]


@lru_cache
def load_dimensions(file: Path) -> tuple[Dimension, ...]:
    """The dimensions in a file.

    Raises KnowledgeError, or KeyError, TypeError or ValueError where one is no dimension.
    """
    content = read_yaml(file.read_text(encoding="utf-8"), file.name)
    return tuple(
        Dimension(
            id_, both(entry["title"]), _pattern(_of_both(entry["words"])), _pattern(_of_both(entry.get("but_not", {})))
        )
        for id_, entry in content.items()
    )


def dimensions() -> tuple[Dimension, ...]:
    """The dimensions of the Charter."""
    return load_dimensions(settings().knowledge_dir / "guides" / "dimensions.yml")


def _stand_in(sign: str) -> str:
    return "mm" if unicodedata.east_asian_width(sign) in "WF" else "n"


def pages(text: str) -> int:
    """How many pages a text takes; several empty lines count as one."""
    lines = [settable(line, _stand_in) for line in text.splitlines()]
    paragraphs: list[list[str]] = [[]]
    for line in lines:
        if line:
            paragraphs[-1].append(line)
        elif paragraphs[-1]:
            paragraphs.append([])
    return int(json.loads(typst.query(**options(TEMPLATE, paragraphs), selector="<pages>", field="value", one=True)))


def check(text: str) -> CharterText:
    """Looks at a text.

    Raises ValueError with a key of the text catalogue where it is empty (`charter_text.empty`), or longer than 20,000
    characters (`charter_text.too_long`).
    """
    if len(text) > LONGEST:
        raise ValueError("charter_text.too_long")
    if not text.strip():
        raise ValueError("charter_text.empty")
    needed = pages(text)
    words = plain(text)
    named = tuple(dimension.id for dimension in dimensions() if dimension.named_in(words))
    return CharterText(needed, needed <= 1, named)


def _listed(titles: list[str], language: str) -> str:
    *first, last = titles
    return f"{', '.join(first)} {said_text('charter_text.and', language)} {last}" if first else last


def said(result: CharterText, language: str) -> str:
    """What was seen, in words, as Markdown."""
    if result.fits_a_page:
        length = said_text("charter_text.fits", language)
    else:
        length = said_text("charter_text.too_many_pages", language, pages=result.pages)
    titles = [dimension.title[language] for dimension in dimensions() if dimension.id in result.dimensions]
    if not titles:
        every = _listed([dimension.title[language] for dimension in dimensions()], language)
        about = said_text("charter_text.no_dimension", language, all=every)
    elif len(titles) == 1:
        about = said_text("charter_text.one_dimension", language, dimensions=titles[0])
    else:
        about = said_text("charter_text.dimensions", language, dimensions=_listed(titles, language))
    rest = [said_text(f"charter_text.{key}", language) for key in ("feedback", "not_kept")]
    return "\n\n".join([f"{length} {said_text('charter_text.measured', language)}", about, *rest])
