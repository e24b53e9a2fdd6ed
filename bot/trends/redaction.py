"""Takes out of a question what points to one person or company, before it is stored for trends or embedded.

Four things look at the text, and what any of them finds goes: our own patterns (numbers, codes, addresses), the names
that the registry knows, `deduce` (Dutch names and places), and names by what stands around them, in both languages.
Where they are in doubt a word goes rather than stays; terms of the field always stay. docs/trends.md has the figures.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from sqlalchemy import Engine

from bot.answers.knowledge import Knowledge
from bot.conversations.masking import EMAIL, IBAN, MASK, NUMBER, ONE_TIME_CODE, PHONE
from bot.settings import Settings
from bot.trends.names import Names, known_names
from bot.trends.words import Words, load_words, open_deduce

KINDS = ("person", "place", "company", "phone", "email", "kvk", "bsn", "iban", "code", "url", "number", "masked")
"""number: long, and none of the others. masked: was masked before, when the question was stored."""
TAGS = {kind: f"[{kind.upper()}]" for kind in KINDS}
LONGEST = 4000
"""Signs of a text that are read; what is behind them is left out."""

_TAG = re.compile("|".join(map(re.escape, TAGS.values())))
_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_OPENS = re.compile(r"(?:^|[.!?:;\n•\"“(\[*])[\s\"'“”(*-]*$")
_MOST_NAME_WORDS = 6
_PIECE = re.compile(r"\S+(?:\s+\S+){0,59}")

_URL = re.compile(
    r"\b(?:https?://|www\.)[^\s<>\"”]+|\b(?:[a-z0-9-]+\.)+(?:nl|com|org|net|eu|be|de|info|biz)\b(?:/[^\s<>\"”]*)?",
    re.IGNORECASE,
)
_KVK_SAID = re.compile(
    r"\b(?:kvk|k\.v\.k\.|handelsregister)[\w -]{0,22}?[:#]?\s*((?:\d[ .-]?){5,11}\d)(?!\d)", re.IGNORECASE
)
_KVK_SPACED = re.compile(r"(?<![\d.,-])\d{2}([ .-])\d{2}\1\d{2}\1\d{2}(?![\d-])|(?<![\d.,])\d{4}[ .-]?\d{4}(?!\d)")
_BSN = re.compile(r"(?<![\d.,])(?:\d{9}|\d{3}([ .-])\d{3}\1\d{3}|\d{4}([ .-])\d{2}\2\d{3})(?![\d])")
_BSN_SAID = re.compile(
    r"\b(?:bsn|burgerservicenummer|citizen service number|sofinummer)\D{0,15}((?:\d[ .-]?){7,9})", re.IGNORECASE
)
_VAT = re.compile(r"\bNL\s?\d{9}\s?B\s?\d{2}\b", re.IGNORECASE)
_DAY = re.compile(r"\d{1,2}[-/. ]\d{1,2}[-/. ](?:19|20)\d\d|(?:19|20)\d\d[-/.]\d{1,2}[-/.]\d{1,2}")
_AMOUNT = re.compile(r"(?:€|\beuro?s?|\beur)\s*$", re.IGNORECASE)
_DIGITS_MASKED = re.compile(re.escape(MASK) + "+")

_STREET_ENDS = "straat|laan|weg|plein|gracht|kade|singel|dijk|hof|steeg|dreef|park|pad|markt|plantsoen|boulevard|wal"
_STREET_NUMBERED = re.compile(rf"\b[^\W\d_][\w'’-]*(?:{_STREET_ENDS})\s+\d{{1,5}}(?:\s?[a-z])?\b", re.IGNORECASE)
_STREET = re.compile(r"\b[A-Z][\w'’-]{2,}(?:straat|laan|gracht|plein|kade|singel|steeg|dreef|plantsoen)\b")
_STREET_ENGLISH = re.compile(r"\b\d{1,4}[a-z]?,?(?: [A-Z][a-z]+){1,3} (?:Street|Road|Avenue|Lane|Drive|Square|Court)\b")
_BEFORE_A_PLACE = re.compile(r"\b(?:in|uit|te|naar|from|near|vanuit|regio|gemeente|vestiging) $", re.IGNORECASE)
"""An ordinary word that is a place as well is one behind these, when it has a capital: in Houten."""
_POST_CODE = re.compile(
    r"(?<![\w-])[1-9]\d{3}((?:[A-Za-z]{2}| [A-Z]{2}))(?!\w)(?: [A-Z][a-z]+(?: (?:aan|den|de|op)(?= ))*){0,3}"
)
_NOT_A_POST_CODE = {
    "nv",
    "bv",
    "hr",
    "or",
    "eu",
    "nl",
    "en",
    "de",
    "is",
    "in",
    "of",
    "te",
    "op",
    "mw",
    "fte",
    "st",
    "nd",
    "rd",
    "th",
}
_PO_BOX = re.compile(r"\b(?:postbus|p\.?o\.? ?box)\s\d{1,5}\b", re.IGNORECASE)
_FORMED = re.compile(
    r"(?<=[\w)&]),?\s+(?:b\.?v\.?|n\.?v\.?|v\.?o\.?f\.?|ltd\.?|limited|plc|inc\.?|llc|gmbh)(?![\w-])", re.IGNORECASE
)
_FORMS = ("bv", "nv", "vof", "cv", "ltd", "plc", "inc", "llc", "gmbh")
_TITLES_WRITTEN_OUT = ("heer", "de heer", "mevrouw", "meneer", "mijnheer", "miss", "sir", "madam", "lady")
_LINKING = ("en", "and", "van", "of", "de", "the")


@dataclass(frozen=True)
class Span:
    """A stretch of a text, from `start` up to `end`, and what it is: one of `KINDS`."""

    start: int
    end: int
    kind: str


@dataclass(frozen=True)
class Redacted:
    """A text on one line with tags such as [PERSON], and the kinds that were found, in order."""

    text: str
    found: tuple[str, ...]

    @property
    def says_something(self) -> bool:
        """Whether there is a word left between the tags."""
        return any(len(word) > 1 for word in _WORD.findall(_TAG.sub(" ", self.text)))


@dataclass(frozen=True)
class _Word:
    text: str
    start: int
    end: int
    opens: bool
    """The first of a sentence, which has a capital whatever it is."""
    capital: bool

    @property
    def lower(self) -> str:
        """Without capitals, and without an 's of possession."""
        return re.sub(r"['’]s$", "", self.text.lower().replace("’", "'"))


def _goes_on(text: str, word: _Word, after: _Word) -> bool:
    """Whether a name may go on from one word to the next: behind a full stop only where that ends an initial."""
    between = text[word.end : after.start]
    return bool(re.fullmatch(r"[ '’-]{1,3}" if len(word.text) > 2 else r"[ .'’-]{1,3}", between))


def tidy(text: str) -> str:
    """A text in the usual signs, without those that nobody sees; lines stay lines."""
    usual = unicodedata.normalize("NFKC", text[:LONGEST])
    return "".join(sign for sign in usual if sign in "\n\t" or unicodedata.category(sign)[0] != "C")


def is_bsn(digits: str) -> bool:
    """Whether nine digits pass the test that every citizen service number passes (the "elfproef")."""
    weighed = sum(int(digit) * weight for digit, weight in zip(digits, (9, 8, 7, 6, 5, 4, 3, 2, -1), strict=True))
    return weighed % 11 == 0 and int(digits) > 0


class Redactor:
    """Redacts texts. It holds some 100 MB and takes a second to make; not for more than one thread.

    words: the lists it goes by. code_pattern: what an activation code looks like. own: what we name ourselves, and may
    stay.
    """

    def __init__(self, names: Names, words: Words, code_pattern: str, own: Own | None = None) -> None:
        self._names, self._words = names, words
        self._own = own or Own()
        self._code = re.compile(code_pattern, re.IGNORECASE)
        self._one_time = re.compile(ONE_TIME_CODE, re.IGNORECASE)
        self._deduce = open_deduce()
        self._used = {name for name in self._deduce.processors.get_names(recursive=True) if name in _OF_DEDUCE}

    def redact(self, text: str, language: str) -> Redacted:
        """The text with a tag in the place of everything that points to one person or company."""
        text = tidy(text)
        parts, at, kinds = [], 0, []
        for span in self.spans(text, language):
            parts += [text[at : span.start], TAGS[span.kind]]
            at = span.end
            kinds.append(span.kind)
        return Redacted(" ".join("".join([*parts, text[at:]]).split()), tuple(kinds))

    def spans(self, text: str, language: str) -> list[Span]:
        """What there is to redact in a text that is tidy already, in order, none of it overlapping."""
        numbers = _Claimed(text)
        for find in (self._masked, self._addresses, self._numbers):
            for span in find(text):
                numbers.claim(span)
        # What is claimed is out of the way of the names: an address holds none that has to be found.
        rest = numbers.blanked()
        words = self._read(rest)
        terms = self._terms_in(rest)
        found = [Span(f.start, f.end, f.kind) for f in self._names.find(rest)]
        found += self._formed_companies(rest, words)
        found += self._companies_by_cue(rest, words, language)
        found += self._places(rest, words)
        found += self._people(rest, words, language)
        found += self._deduced(rest, words)
        kept = [span for span in found if not any(a <= span.start and span.end <= b for a, b in terms)]
        return _merged(text, [*numbers.spans, *kept])

    # Numbers and addresses

    def _masked(self, text: str) -> Iterator[Span]:
        for found in _DIGITS_MASKED.finditer(text):
            yield Span(*found.span(), "masked")

    def _addresses(self, text: str) -> Iterator[Span]:
        for found in EMAIL.finditer(text):
            host = found[0].rpartition("@")[2].lower()
            local = found[0].rpartition("@")[0].lower()
            if not (self._is_ours(host) and re.fullmatch(r"[a-z]{2,4}|info|helpdesk|charter|portaal|contact", local)):
                yield Span(*found.span(), "email")
        for found in _URL.finditer(text):
            address = re.split(r"[\])]", found[0])[0].rstrip(".,;:!?'")
            if address in self._own.addresses:
                continue
            parts = urlsplit(address if "//" in address else f"//{address}")
            if not self._is_ours((parts.hostname or "").lower()):
                yield Span(found.start(), found.start() + len(address), "url")
            elif parts.query or re.search(r"\d{4,}|[A-Za-z0-9_-]{24,}", parts.path):
                yield Span(found.start() + address.index(parts.path or "?"), found.start() + len(address), "url")

    def _is_ours(self, host: str) -> bool:
        return any(host == ours or host.endswith(f".{ours}") for ours in self._own.hosts)

    def _numbers(self, text: str) -> Iterator[Span]:
        for found in IBAN.finditer(text):
            yield Span(*found.span(), "iban")
        for found in _VAT.finditer(text):
            yield Span(*found.span(), "number")
        for pattern in (self._code, self._one_time):
            for found in pattern.finditer(text):
                yield Span(*found.span(), "code")
        days = [found.span() for found in _DAY.finditer(text)]
        for kind, patterns in (("bsn", (_BSN_SAID,)), ("kvk", (_KVK_SAID,)), ("phone", (PHONE,))):
            for pattern in patterns:
                for found in pattern.finditer(text):
                    start, end = found.span(pattern.groups)
                    end = start + len(text[start:end].rstrip(" .-"))
                    start += text[start] == "(" and ")" not in text[start:end]
                    ours = re.sub(r"\D", "", text[start:end]) in self._own.numbers
                    if not ours and not any(start < b and a < end for a, b in days):
                        yield Span(start, end, kind)
        for found in _BSN.finditer(text):
            digits = re.sub(r"\D", "", found[0])
            yield Span(*found.span(), "bsn" if is_bsn(digits) else "number")
        for pattern in (_KVK_SPACED, NUMBER):
            for found in pattern.finditer(text):
                digits = re.sub(r"\D", "", found[0])
                two_years = re.fullmatch(r"(?:19|20)\d\d[ ./-]?(?:19|20)\d\d", found[0])
                in_a_day = any(found.start() < b and a < found.end() for a, b in days)
                if (
                    digits not in self._own.numbers
                    and not two_years
                    and not in_a_day
                    and not _AMOUNT.search(text[: found.start()])
                ):
                    yield Span(*found.span(), "kvk" if len(digits) == 8 else "number")

    # Words

    def _read(self, text: str) -> list[_Word]:
        found = list(_WORD.finditer(text))
        letters = [sign for sign in text if sign.isalpha()]
        # In a text in capitals they say nothing.
        shouted = len(found) > 3 and sum(map(str.isupper, letters)) > 0.7 * len(letters)
        return [
            _Word(
                m[0], m.start(), m.end(), bool(_OPENS.search(text[: m.start()])), m[0][0].isupper() and not shouted
            )
            for m in found
        ]  # fmt: skip

    def _terms_in(self, text: str) -> list[tuple[int, int]]:
        """Where terms of the field stand."""
        pieces = [(m[0].lower().replace("’", "'"), m.start(), m.end()) for m in re.finditer(r"[\w'’&-]+", text)]
        found = []
        for at, (_, start, _) in enumerate(pieces):
            for length in range(min(self._words.longest_term, len(pieces) - at), 0, -1):
                said = " ".join(piece for piece, _, _ in pieces[at : at + length])
                if said in self._words.terms:
                    found.append((start, pieces[at + length - 1][2]))
                    break
        return found

    def _is_plain(self, word: _Word) -> bool:
        """Whether a word is a term or an ordinary word, and so no name by itself."""
        lower = word.lower
        return lower in self._words.ordinary or lower in self._words.terms or lower.split("-")[0] in self._words.terms

    def _looks_like_a_name(self, word: _Word) -> bool:
        """With a capital, and not in capitals altogether: an abbreviation is no name, nor is "HR-manager" or "I'm"."""
        first = re.split(r"['’-]", word.text)[0]
        return word.capital and (first[1:].islower() or len(word.text) == 1 or first in ("O", "D", "L"))

    # People

    def _people(self, text: str, words: list[_Word], language: str) -> Iterator[Span]:
        by_start = {word.start: at for at, word in enumerate(words)}
        cues = self._words.cues
        for pattern, sure in (
            (cues.any_name[language], True),
            (cues.titles[language], True),
            (cues.a_name[language], False),
        ):
            for cue in pattern.finditer(text):
                # Behind "dhr." a name goes on, behind "heer." a sentence begins.
                written_out = cue[0].lower() in _TITLES_WRITTEN_OUT
                behind = re.compile(r"[\s:,]*" if written_out else r"\.?[\s:,]*").match(text, cue.end())
                at = by_start.get(behind.end() if behind else cue.end())
                if at is None:
                    continue
                if pattern is cues.titles[language] and not words[at].capital and not self._is_listed(words[at]):
                    continue
                if not words[at].capital:
                    yield from self._small_names(text, words, at, cued=True)
                end = self._end_of_name(text, words, at, sure=sure)
                if end > at:
                    yield Span(words[at].start, words[end - 1].end, "person")
        for at, word in enumerate(words):
            if word.capital:
                yield from self._capital_names(text, words, at)
            else:
                yield from self._small_names(text, words, at)

    def _is_listed(self, word: _Word) -> bool:
        lower = word.lower
        parts = (lower, *lower.split("-"))
        return not self._is_plain(word) and any(
            part in self._words.given_names or part in self._words.surnames for part in parts
        )

    def _end_of_name(self, text: str, words: list[_Word], at: int, *, sure: bool) -> int:
        """Up to which word a name goes that may begin at `at`, behind a cue; `at` where there is none."""
        end, place = at, at
        while place < len(words) and place - at < _MOST_NAME_WORDS:
            word = words[place]
            if place > at and not _goes_on(text, words[place - 1], word):
                break
            initial = len(word.text) == 1 and word.capital and (text[word.end : word.end + 1] == "." or place > at)
            capital = self._looks_like_a_name(word) and word.lower not in self._words.terms
            named = (capital and (sure or not self._is_plain(word))) or self._is_listed(word) or initial
            # "Mijn naam is Pjotr": no list has it, and it may be in lower case.
            unknown = sure and place == at and not self._is_plain(word) and len(word.text) > 2
            if word.lower in self._words.interfixes and (place > at or (sure and place + 1 < len(words))):
                place += 1
                continue
            # Nor the surname behind it: "mijn naam is pjotr ivanenko".
            unknown = unknown or (sure and place == at + 1 and not word.capital and not self._is_plain(word))
            if not (named or unknown or (capital and place > at)):
                break
            place += 1
            end = place
        return end

    def _capital_names(self, text: str, words: list[_Word], at: int) -> Iterator[Span]:
        """A given name with what follows, or a surname in the middle of a sentence."""
        word = words[at]
        given = any(part in self._words.given_names for part in (word.lower, word.lower.split("-")[0]))
        given = given and self._looks_like_a_name(word)
        plain = self._is_plain(word)
        if given:
            end = self._end_of_surname(text, words, at)
            follows = any(not self._is_plain(w) for w in words[at + 1 : end])
            if follows or not plain:
                yield Span(word.start, words[end - 1].end, "person")
        elif not plain and word.lower in self._words.surnames and not word.opens and self._looks_like_a_name(word):
            yield Span(word.start, word.end, "person")

    def _end_of_surname(self, text: str, words: list[_Word], at: int) -> int:
        """Up to which word a name goes that begins with a given name."""
        end = place = at + 1
        while place < len(words) and place - at < _MOST_NAME_WORDS:
            word = words[place]
            if not _goes_on(text, words[place - 1], word):
                break
            if word.lower in self._words.interfixes and place + 1 < len(words):
                place += 1
                continue
            interfixed = words[place - 1].lower in self._words.interfixes and place - 1 >= at + 1
            listed = word.lower in self._words.surnames or word.lower in self._words.given_names
            known = self._looks_like_a_name(word) and (listed or not self._is_plain(word) or interfixed)
            if not known or word.lower in self._words.terms:
                break
            place += 1
            end = place
        return end

    def _small_names(self, text: str, words: list[_Word], at: int, *, cued: bool = False) -> Iterator[Span]:
        """A given name and a surname in lower case: one alone may be a word.

        cued: what stands before says that it is a name. Then "kim de jong" is one too, each of which is a word.
        """
        given = words[at].lower
        if given not in self._words.given_names or given in self._words.interfixes:
            return
        place = at + 1
        while place < len(words) and words[place].lower in self._words.interfixes:
            place += 1
        if place >= len(words) or not re.fullmatch(r"[\w '’.-]*", text[words[at].end : words[place].start]):
            return
        last = words[place]
        interfixed = place > at + 1
        plain = self._is_plain(words[at]) or (self._is_plain(last) and not interfixed)
        is_name = last.lower in self._words.surnames and last.lower not in self._words.terms
        if is_name and (not plain or (cued and interfixed)):
            yield Span(words[at].start, last.end, "person")

    # Companies

    def _formed_companies(self, text: str, words: list[_Word]) -> Iterator[Span]:
        """What stands before BV, NV, Ltd and the like."""
        for form in _FORMED.finditer(text):
            before = [word for word in words if word.end <= form.start()][-_MOST_NAME_WORDS:]
            start = edge = form.start()
            says_which = False
            for word in reversed(before):
                between = text[word.end : edge]
                linking = word.lower in _LINKING
                if (
                    not re.fullmatch(r"[\s&.'’()\d-]*", between)
                    or re.split("['’]", word.lower)[0] in _FORMS
                    or (self._is_plain(word) and not linking and (word.opens or not word.capital))
                ):
                    break
                edge = word.start
                if not linking or (word.capital and not word.opens):
                    start = word.start
                if not linking and (not self._is_plain(word) or word.lower not in self._words.terms):
                    says_which = True
            if says_which:
                yield Span(start, form.end(), "company")

    def _companies_by_cue(self, text: str, words: list[_Word], language: str) -> Iterator[Span]:
        by_start = {word.start: at for at, word in enumerate(words)}
        for cue in self._words.cues.a_company[language].finditer(text):
            behind = re.compile(r",?\s+(?:(?:het|de|the) )?[\"“'‘]?").match(text, cue.end())
            at = by_start.get(behind.end()) if behind else None
            if at is None:
                continue
            end = at
            while end < len(words) and end - at < _MOST_NAME_WORDS:
                word = words[end]
                joined = end == at or re.fullmatch(r" |-| & ", text[words[end - 1].end : word.start])
                if not joined or not word.capital or word.lower in self._words.terms or word.lower.startswith("i'"):
                    break
                end += 1
            said = words[at:end]
            if said and (len(said) > 1 or not self._is_plain(said[0])) and not self._is_listed_given(said[0]):
                yield Span(words[at].start, words[end - 1].end, "company")

    def _is_listed_given(self, word: _Word) -> bool:
        return word.lower in self._words.given_names

    # Places

    def _places(self, text: str, words: list[_Word]) -> Iterator[Span]:
        for pattern in (_STREET_NUMBERED, _STREET_ENGLISH, _PO_BOX):
            for found in pattern.finditer(text):
                yield Span(*found.span(), "place")
        for found in _STREET.finditer(text):
            if found[0].lower() not in self._words.ordinary:
                yield Span(*found.span(), "place")
        for found in _POST_CODE.finditer(text):
            if found[1].strip().lower() not in _NOT_A_POST_CODE:
                yield Span(*found.span(), "place")
        for at, word in enumerate(words):
            yield from self._street_at(text, words, at)
            for length in (3, 2, 1):
                if at + length <= len(words):
                    said = text[word.start : words[at + length - 1].end].lower().replace("’", "'")
                    if said in self._words.places or (length == 1 and word.lower in self._words.places):
                        yield Span(word.start, words[at + length - 1].end, "place")
                        break

    def _street_at(self, text: str, words: list[_Word], at: int) -> Iterator[Span]:
        """A street of the list with a number behind it, whatever it is called."""
        for length in (4, 3, 2, 1):
            if at + length > len(words) or not words[at].capital:
                continue
            end = words[at + length - 1].end
            number = re.compile(r",? (\d{1,4})(?:\s?-\s?\d{1,4})?(?:\s?[a-zA-Z])?\b(?![-/.,]\d)").match(text, end)
            if number is None or 1900 <= int(number[1]) <= 2100:
                continue
            said = text[words[at].start : end].lower()
            plain = length == 1 and self._is_plain(words[at])
            if said in self._words.streets and not plain and said not in self._words.terms:
                yield Span(words[at].start, number.end(), "place")
                return

    # Deduce

    def _deduced(self, text: str, words: list[_Word]) -> Iterator[Span]:
        """What deduce takes for a name or a place, without the ordinary words around it."""
        for start, end, tag in self._by_deduce(text):
            inside = [word for word in words if word.start < end and start < word.end]
            if tag == "locatie":
                plain = len(inside) == 1 and self._is_plain(inside[0])
                if not plain or (not inside[0].opens and _BEFORE_A_PLACE.search(text[: inside[0].start])):
                    yield Span(start, end, "place")
                continue
            while inside and self._is_plain(inside[0]):
                inside.pop(0)
            while inside and (self._is_plain(inside[-1]) or inside[-1].lower in self._words.interfixes):
                inside.pop()
            names = [word for word in inside if len(word.text) > 1 and word.lower not in self._words.interfixes]
            if any(self._looks_like_a_name(word) for word in names):
                only_opens = len(names) == 1 and names[0].opens and not self._is_listed(names[0])
                if not only_opens and any(word.lower not in self._words.terms for word in names):
                    yield Span(inside[0].start, inside[-1].end, "person")

    def _by_deduce(self, text: str) -> Iterator[tuple[int, int, str]]:
        """What deduce finds: from where, up to where, and its tag. It recurses word by word: in pieces, then."""
        for piece in _PIECE.finditer(text):
            document = self._deduce.deidentify(piece[0], enabled=self._used)
            for found in document.annotations:
                yield piece.start() + found.start_char, piece.start() + found.end_char, found.tag


_OF_DEDUCE = frozenset(
    (
        "names", "prefix_with_initial", "prefix_with_interfix", "prefix_with_name", "interfix_with_name",
        "initial_with_name", "initial_interfix", "first_name_lookup", "surname_lookup", "name_context",
        "person_annotation_converter", "locations", "placename", "street_pattern", "housenumber", "postal_code",
        "postbus", "remove_street_tags", "clean_street_tags", "post_processing", "overlap_resolver",
        "merge_adjacent_annotations",
    )
)  # fmt: skip
"""What runs of deduce. Dates, ages and diseases point to nobody here; numbers and addresses are ours."""


class _Claimed:
    """Spans of a text of which the first that claims a place has it."""

    def __init__(self, text: str) -> None:
        self._text = text
        self.spans: list[Span] = []

    def claim(self, span: Span) -> None:
        if span.end > span.start and not any(span.start < s.end and s.start < span.end for s in self.spans):
            self.spans.append(span)

    def blanked(self) -> str:
        """The text with a sign that is no word in each place that was claimed, as long as before."""
        signs = list(self._text)
        for span in self.spans:
            signs[span.start : span.end] = "¤" * (span.end - span.start)
        return "".join(signs)


_RANK = {"company": 0, "place": 1, "person": 2}


def _merged(text: str, spans: list[Span]) -> list[Span]:
    """Spans in order; those that overlap as one, of the longest one's kind, and neighbours of a kind as one too."""
    merged: list[Span] = []
    for span in sorted(spans, key=lambda s: (s.start, -s.end, _RANK.get(s.kind, 3))):
        last = merged[-1] if merged else None
        if last is not None and span.start < last.end:
            kind = last.kind if last.end - last.start >= span.end - span.start else span.kind
            merged[-1] = Span(last.start, max(last.end, span.end), kind)
        elif last is not None and span.kind == last.kind and re.fullmatch(r"[\s,-]{1,2}", text[last.end : span.start]):
            merged[-1] = Span(last.start, span.end, last.kind)
        else:
            merged.append(span)
    return merged


@dataclass(frozen=True)
class Own:
    """What the knowledge itself names: of that, nothing needs to go."""

    hosts: frozenset[str] = frozenset()
    """Of websites, without www."""
    addresses: frozenset[str] = frozenset()
    numbers: frozenset[str] = frozenset()
    """The digits of phone numbers: the helpdesks'."""

    @classmethod
    def of(cls, knowledge: Knowledge) -> Own:
        """Reads it out of the answers, documents and materials."""
        urls = [document.url for document in knowledge.documents.values()]
        urls += [material.url for material in knowledge.materials.values()]
        answers = [answer for topic in knowledge.topics.values() for answer in topic.answer.values()]
        addresses = {url for url in urls if url}
        addresses |= {url for answer in answers for url in re.findall(r"https?://[^\s)\]]+", answer)}
        hosts = {urlsplit(address).hostname or "" for address in addresses}
        hosts |= {host for answer in answers for host in re.findall(r"\b[\w.-]+\.nl\b", answer)}
        numbers = {re.sub(r"\D", "", found[0]) for answer in answers for found in PHONE.finditer(answer)}
        hosts_only = {address.partition("://")[2].rstrip("/") for address in addresses}
        return cls(
            frozenset(host.lower().removeprefix("www.") for host in hosts if host),
            frozenset({*addresses, *hosts_only}),
            frozenset(numbers),
        )


def open_redactor(engine: Engine, knowledge: Knowledge, config: Settings) -> Redactor:
    """A redactor that knows the names in the registry as they are now."""
    words = load_words(knowledge)
    names = known_names(engine, ordinary=words.ordinary, terms=words.terms)
    return Redactor(names, words, config.activation_code_pattern, Own.of(knowledge))
