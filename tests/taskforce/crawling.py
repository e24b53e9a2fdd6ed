"""Somebody who reads all that the task force's pages give: pages, links, charts, tables, files, and what is in them."""

from __future__ import annotations

import csv
import html
import io
import re
import unicodedata
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import Any
from urllib.parse import urlencode

import openpyxl
from pypdf import PdfReader
from pypdf.generic import ArrayObject, DictionaryObject, StreamObject, TextStringObject

from bot.texts import LANGUAGES, text
from bot.trends.views import DIVIDED, OF_A_PERIOD, OVER_TIME, PAGES
from bot.trends.weeks import HALF_YEAR, KINDS, MONTH, WEEK, kind
from tests.console.conftest import SignedIn

SHARES = {text(f"trends.added.{when}", language) for when in ("before", "after") for language in LANGUAGES}
"""The heads of columns that hold percents."""
VALUES = {text("trends.brief.value", language) for language in LANGUAGES}
_LINK = re.compile(r'(?:href|src|srcset|action)="(/[^"#]*)"')
_PAGE, _TABLE, _CHART = "/taskforce/", "/taskforce/tables/", "/taskforce/charts/"
_NUMBER = re.compile(r'<td class="(\w+)">([^<]*)</td>')
_PUNCTUATION = re.compile(r"[\s\u00ad-]+")


@dataclass(frozen=True)
class Document:
    """What one address gave."""

    address: str
    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def type(self) -> str:
        """Its media type."""
        return self.headers.get("content-type", "").partition(";")[0]

    @property
    def text(self) -> str:
        """Its text as it came."""
        return self.content.decode("utf-8-sig")

    @cached_property
    def links(self) -> frozenset[str]:
        """The addresses on it, where it is a page."""
        if self.type != "text/html":
            return frozenset()
        return frozenset(html.unescape(address) for address in _LINK.findall(self.text))

    def says(self) -> str:
        """All that can be read in it, in lower case: headers, attributes and metadata too."""
        headers = "\n".join(f"{name}: {value}" for name, value in self.headers.items())
        # Typesetting joins letters: fl is one sign then.
        return unicodedata.normalize("NFKC", f"{headers}\n{html.unescape(self._body())}").casefold()

    def _body(self) -> str:
        if self.type == "application/pdf":
            return _all_of_pdf(self.content)
        if self.type.endswith("spreadsheetml.sheet"):
            with zipfile.ZipFile(io.BytesIO(self.content)) as parts:
                return "\n".join([*parts.namelist(), *(parts.read(name).decode() for name in parts.namelist())])
        return self.content.decode("utf-8-sig", "replace")

    def numbers(self) -> Iterator[int]:
        """Every count in its tables; shares apart."""
        if self.type == "text/csv":
            yield from _in_csv(list(csv.reader(io.StringIO(self.text))))
        elif self.type == "text/html":
            for kind_, shown in _NUMBER.findall(self.text):
                if kind_ == "count" and shown != "–":
                    yield int(re.sub(r"[.,\s]", "", html.unescape(shown)))
        elif self.type.endswith("spreadsheetml.sheet"):
            for sheet in openpyxl.load_workbook(io.BytesIO(self.content)):
                for row in sheet.iter_rows():
                    yield from (
                        cell.value for cell in row if isinstance(cell.value, int) and "%" not in cell.number_format
                    )


def _in_csv(rows: Sequence[Sequence[str]]) -> Iterator[int]:
    """The counts of a CSV; of one of a line for each value the last column alone, with the head that it is under."""
    heads = rows[0]
    each_value = len(heads) == 5 and heads[-1] in VALUES
    for row in rows[1:]:
        for head, value in [(row[3], row[4])] if each_value else zip(heads, row, strict=True):
            if value.isdigit() and head not in SHARES:
                yield int(value)


def _all_of_pdf(content: bytes) -> str:
    """The text of a PDF as it is drawn, without its line ends too; its metadata, and every string in its objects."""
    reader = PdfReader(io.BytesIO(content))
    drawn = "\n".join(page.extract_text() for page in reader.pages)
    said = [drawn, _PUNCTUATION.sub("", drawn), repr(reader.metadata), repr(reader.trailer)]
    found = [reader.get_object(number) for number in range(1, int(reader.trailer["/Size"]))]  # type: ignore[call-overload]
    said += [words for one in found for words in _strings(one)]
    streams = [one for one in found if isinstance(one, StreamObject) and one.get("/Type") == "/Metadata"]
    said += [one.get_data().decode("utf-8", "replace") for one in streams]
    return "\n".join(said)


def _strings(one: Any) -> Iterator[str]:
    if isinstance(one, TextStringObject):
        yield str(one)
    elif isinstance(one, DictionaryObject):
        for value in one.values():
            yield from _strings(value)
    elif isinstance(one, ArrayObject):
        for value in one:
            yield from _strings(value)


def every_choice(frozen: Sequence[str]) -> Iterator[tuple[str, dict[str, str]]]:
    """Every page with every choice that can be followed: each period, each pair of months, of weeks that follow each
    other, all of them, and each partition.
    """
    of_kind = {length: [period for period in frozen if kind(period) == length] for length in KINDS}
    for page in OVER_TIME:
        for step in (WEEK, MONTH):
            known = of_kind[step]
            pairs = pairwise(known) if step == WEEK else ((one, two) for one in known for two in known if one < two)
            ranges = [(one, one) for one in known] + list(pairs)
            for first, last in dict.fromkeys(ranges):
                yield page, {"step": step, "from": first, "to": last}
            for by in ("", *DIVIDED.get(page, ())):
                yield page, {"step": step, "by": by}
                yield page, {"step": step, "from": known[0], "to": known[-1], "by": by}
    for page in OF_A_PERIOD:
        for period in frozen:
            for by in ("", *DIVIDED.get(page, ())):
                yield page, {"period": period, "by": by}
    yield "added", {}


def at(page: str, choice: Mapping[str, str]) -> str:
    """The address of a page with a choice."""
    query = urlencode({name: value for name, value in choice.items() if value})
    return f"{_PAGE}{'' if page == 'overview' else page}{'?' if query else ''}{query}"


@dataclass
class Reader:
    """Reads as somebody who is signed in, and keeps what was read."""

    somebody: SignedIn
    found: dict[str, Document] = field(default_factory=dict)

    def read(self, address: str) -> Document:
        """What an address gives; asked once."""
        if address not in self.found:
            reply = self.somebody.get(address)
            # A moment, and a connection: nothing of trends.
            headers = {name: value for name, value in reply.headers.items() if name not in ("date", "keep-alive")}
            self.found[address] = Document(address, reply.status_code, headers, reply.content)
        return self.found[address]

    def read_pages(self, frozen: Sequence[str]) -> None:
        """Every page, with every choice."""
        for page in (*PAGES, "brief", "method"):
            self.read(at(page, {}))
        for page, choice in every_choice(frozen):
            self.read(at(page, choice))

    def links(self, *starts: str) -> list[str]:
        """The addresses on all pages that begin in one of these ways."""
        found = {link for one in self.found.values() for link in one.links}
        return sorted(address for address in found if address.startswith(starts))

    def read_tables(self) -> None:
        """Every table that a page offers to take along."""
        for address in self.links(_TABLE):
            self.read(address)

    def read_charts(self, frozen: Iterable[str]) -> None:
        """The charts as SVG of pages as they open, of each partition, and of half-years; in both languages."""
        known = list(frozen)
        choices = [at(page, {}) for page in PAGES]
        for page in OVER_TIME:
            choices += [at(page, {"step": MONTH, "by": by}) for by in DIVIDED.get(page, ())]
        for page in OF_A_PERIOD:
            for period in (period for period in known if kind(period) == HALF_YEAR):
                choices += [at(page, {"period": period, "by": by}) for by in ("", *DIVIDED.get(page, ()))]
        links = {link for address in choices for link in self.read(address).links}
        for address in sorted(links):
            if address.startswith(_CHART) and "/svg?" in address and not re.search("narrow|download", address):
                for language in LANGUAGES:
                    self.read(re.sub(r"language=\w+", f"language={language}", address))

    def read_briefs(self, frozen: Iterable[str]) -> None:
        """The brief of each half-year, in each language, as each kind of file."""
        for period in (period for period in frozen if kind(period) == HALF_YEAR):
            for language in LANGUAGES:
                for format_ in ("csv", "xlsx", "pdf"):
                    self.read(f"/taskforce/brief/file?period={period}&language={language}&format={format_}")
