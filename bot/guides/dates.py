"""Dates as people write them, in Dutch and English, for a step that asks for one.

Why not `dateparser`: it takes "may we", "1" and "next summer" for dates, fills in what was not said, and knows no
"eind juni". Here silence, or a question back, is better than a guess: a deadline is counted from what is read.

How a text is read: month names and spelled numbers are first replaced by signs of their own, of the same length, so
that the patterns stay small and the places in the text stay true. Each date that is found is blanked out, so that it
is read once; what surrounds it ("rond", "niet", another year) can still make it vague.
"""

from __future__ import annotations

import re
import unicodedata
from calendar import monthrange
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta

from dateutil.relativedelta import relativedelta

LONGEST_TEXT = 300
MOST_WORDS = 12
REPORT_MONTHS = 10
"""The report is due ten months after the end of the financial year. Source: `aanmelden`."""
YEARS_AROUND = 10
"""A bare number this near to the present year is taken for a year."""
FIRST_YEAR, LAST_YEAR = 1900, 2199
LEAP_YEAR = 2024


@dataclass(frozen=True)
class Written:
    """A date as it was written, not yet placed in a year.

    Without a day it is a month, or the end of one (`end_of_month`).
    """

    day: int | None
    month: int
    year: int | None
    end_of_month: bool


@dataclass(frozen=True)
class Vague:
    """Something like a date that needs a question back; `written` is the part of the text that is."""

    written: str


@dataclass(frozen=True)
class Impossible:
    """A date that no calendar has (31 June); `written` is how it stands in the text."""

    written: str


Value = Written | Vague | Impossible

_NAMES = {
    "januari": 1, "january": 1, "februari": 2, "february": 2, "maart": 3, "march": 3, "april": 4, "mei": 5, "may": 5,
    "juni": 6, "june": 6, "juli": 7, "july": 7, "augustus": 8, "august": 8, "september": 9, "oktober": 10,
    "october": 10, "november": 11, "december": 12,
}  # fmt: skip
_SHORT = {
    "jan": 1, "feb": 2, "febr": 2, "mrt": 3, "mar": 3, "apr": 4, "jun": 6, "jul": 7, "aug": 8, "sep": 9, "sept": 9,
    "okt": 10, "oct": 10, "nov": 11, "dec": 12,
}  # fmt: skip
_VERBS = {"may": 5, "march": 3, "mars": 3}
_DUTCH_ONLY = frozenset({"januari", "februari", "maart", "mei", "juni", "juli", "augustus", "mrt", "okt"})
_ENGLISH_ONLY = frozenset({"january", "february", "march", "may", "june", "july", "august", "october", "mar", "oct"})
_NO_TYPOS = frozenset({"maar", "maat", "maal", "mart", "marc", "marsh", "match", "mach", "merch"})
"""Words of their own, a letter away from the name of a month."""
_RELATIVE = {"dit jaar": 0, "this year": 0, "vorig jaar": -1, "last year": -1, "volgend jaar": 1, "next year": 1}


def _spelled() -> dict[str, tuple[int, bool]]:
    """Numbers up to 31 in words, and whether they are an English ordinal, which may follow the month."""
    dutch = "een twee drie vier vijf zes zeven acht negen tien elf twaalf dertien veertien vijftien zestien zeventien"
    english = (
        "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen"
    )
    ordinal = "first second third fourth fifth sixth seventh eighth ninth"
    place = "eerste tweede derde vierde vijfde zesde zevende achtste negende tiende elfde twaalfde"
    nl = [*dutch.split(), "achttien", "negentien", "twintig"]
    nl += [f"{one}entwintig" for one in nl[:9]] + ["dertig", "eenendertig"]
    nl_places = place.split() + [f"{n}{'ste' if n.endswith('tig') else 'de'}" for n in nl[12:]]
    en = [*english.split(), "eighteen", "nineteen", "twenty", *(f"twenty-{one}" for one in english.split()[:9])]
    en += ["thirty", "thirty-one"]
    en_places = [*ordinal.split(), "tenth", "eleventh", "twelfth", *(f"{n}th" for n in en[12:19]), "twentieth"]
    en_places += [*(f"twenty-{one}" for one in ordinal.split()), "thirtieth", "thirty-first"]
    found = {word: (n, False) for words in (nl, nl_places, en) for n, word in enumerate(words, 1)}
    found |= {word: (n, True) for n, word in enumerate(en_places, 1)}
    found |= {word.replace("entwintig", "-en-twintig"): value for word, value in found.items()}
    found |= {word.replace("eenendertig", "een-en-dertig"): value for word, value in found.items()}
    return found | {word.replace("-", " "): value for word, value in found.items() if "-" in word}


def _either(words: str | list[str]) -> str:
    return "|".join(sorted(words.split() if isinstance(words, str) else words, key=len, reverse=True))


_NUMBERS = _spelled()
_NUMBER_WORDS = re.compile(rf"\b(?:{_either(list(_NUMBERS))})\b")

# Signs of our own, from the part of Unicode that no text uses: a first one that counts, and filling.
_MONTH, _WEAK_MONTH, _NUMBER, _ORDINAL, _FILL, _READ = 0xE000, 0xE020, 0xE100, 0xE140, "\ue1ff", "\ue1fe"
_M = f"(?P<month>[{chr(_MONTH + 1)}-{chr(_WEAK_MONTH + 12)}]{_FILL}*)\\.?"
_SUFFIX = "(?: ?(?:ste|de|e|st|nd|rd|th)(?![a-z]))?"
_D = (
    rf"(?:(?P<day>[0-9]{{1,2}}){_SUFFIX}(?![0-9a-z])"
    rf"|(?P<word>[{chr(_NUMBER + 1)}-{chr(_ORDINAL + 31)}]{_FILL}*))"
)
_LEFT = r"(?<![0-9a-z€$£#])(?<![0-9][.,:/-])(?<![0-9] [-/])(?<![0-9] [-/] )"
_RIGHT = r"(?![0-9a-z%])(?![.,:/-][0-9])(?! ?[-/] ?[0-9])"
_SEASONS = "voorjaar najaar zomer herfst winter lente summer autumn"
_WEEKDAYS = _either(
    "maandag dinsdag woensdag donderdag vrijdag zaterdag zondag"
    " monday tuesday wednesday thursday friday saturday sunday"
)
_UNITS = (
    r"[ -]?(?:%|€|(?:miljoen|million|mln|miljard|duizend|thousand|euros?|eur|medewerkers?|werknemers?|employees?|people"
    r"|mensen|personen|persons|fte|vrouwen|mannen|women|men|vrouw|man|bedrijven|companies|vennootschappen|dochters"
    r"|maand|maanden|months?|weken|weeks?|dagen|days?|jaar|jaren|years?|uur|uren|hours?|minuten|minutes|procent"
    r"|percent|keer|times|leden|members|zetels|seats)\b)"
)
_PARTS = re.compile(rf"{_UNITS}| +(?:deel|part|van|per|of the)\b| *[-/.,]? *[0-9]")
_ENDS = r" *(?:$|[;!?)]|[.,](?![0-9]))"
_LINK = r"(?: *[-/.,] *| +(?:(?:of|van|in|het jaar|the year) +){0,2}|)\(?"
_FULL_YEAR = (
    rf"{_LINK}(?P<year>[0-9]{{4}}(?!{_UNITS})|'[0-9]{{2}}){_RIGHT}"
    rf"| +(?:(?:of|van|in) +)?(?P<relative>{_either(list(_RELATIVE))})\b"
)
_Y = rf"(?:{_FULL_YEAR}| *(?:[-/.] *)?(?P<short>[0-9]{{2}})(?={_ENDS}| +(?:dus|denk|i think|is|was)\b))?"
_BEFORE = rf"(?:\b(?P<relative_before>{_either(list(_RELATIVE))}),? +(?:(?:op|per|on|in) +)?)?"
_OF = r"(?: *[-/.]? *(?:(?:dag +|day +)?(?:van|of) +(?:(?:de +maand|the +month)(?: +of)? +)?)?)"
_ALSO = r" ?(?:-|/|&|\bt/m\b|\btot en met\b|\b(?:tot|en|and|to|of|or)\b) ?"
_MAY_FOLLOW = re.compile(
    rf"(?:{_ENDS}| *[:-]| +(?:is|was|we|and|or|en|of|in|at|as|each|every|this|last|next|to|our|it|if|for|ieder|elk"
    r"|dit|vorig|volgend|wij|klopt|denk)\b)"
)
_PRONOUN = re.compile(r"\b(?:i|we|you|they|he|she|it|who|that|this|which|one) +$")

_SOME_DAY = rf"(?:[0-9]{{1,2}}{_SUFFIX}|[{chr(_NUMBER + 1)}-{chr(_ORDINAL + 31)}]{_FILL}*)"
_RANGE = re.compile(
    rf"{_LEFT}{_SOME_DAY}{_ALSO}(?:de |the )?{_D}{_OF}{_M}"
    rf"|{_M.replace('month', 'month_first')} *[0-9]{{1,2}}{_SUFFIX}{_ALSO}[0-9]{{1,2}}{_SUFFIX}(?![0-9])"
    rf"|{_LEFT}[0-3]?[0-9][-/.][01]?[0-9]{_ALSO}[0-3]?[0-9][-/.][01]?[0-9]{_RIGHT}"
)
_MONTHS = re.compile(f"{_M}{_ALSO}{_M.replace('month', 'other')}")
_DAY_MONTH = re.compile(rf"{_BEFORE}{_LEFT}{_D}{_OF}{_M}{_Y}")
_MONTH_DAY = re.compile(rf"{_BEFORE}{_M}[ -]*(?:the +)?{_D}(?![.:/-][0-9])(?!{_UNITS}){_Y}")
_MONTH_END = re.compile(
    rf"{_BEFORE}\b(?:(?:het |the )?(?:eind|einde|ultimo|ult\.?|end)|(?:de |the )?(?:laatste|last)(?: dag| day)?)"
    rf"(?:[ -]+(?:van|v/d|of|in|de|the|maand|month)){{0,5}}[ -]+{_M}{_Y}"
)
_MONTH_ONLY = re.compile(rf"{_BEFORE}(?:{_LEFT}(?P<year_first>(?:19|20|21)[0-9]{{2}})[ -])?{_M}(?:{_FULL_YEAR})?")
_YEAR_FIRST = re.compile(
    rf"{_LEFT}(?P<year>[0-9]{{4}})(?P<s>[-/.])(?P<m>[0-9]{{1,2}})(?P=s)(?P<d>[0-9]{{1,2}})(?:(?=t[0-9])|{_RIGHT})"
)
_THREE = re.compile(
    rf"{_LEFT}(?P<d>[0-9]{{1,2}})(?P<s> ?[-/.] ?)(?P<m>[0-9]{{1,2}})(?P=s)(?P<year>[0-9]{{4}}|'?[0-9]{{2}}){_RIGHT}"
)
_SPACED = re.compile(
    rf"{_LEFT}(?<![0-9] )(?P<d>[0-9]{{1,2}}) (?P<m>[0-9]{{1,2}}) (?P<year>(?:19|20|21)[0-9]{{2}})(?! ?[0-9]){_RIGHT}"
)
_TWO = re.compile(rf"{_LEFT}(?P<d>[0-9]{{1,2}})(?P<s> ?[-/.] ?)(?P<m>[0-9]{{1,2}})(?P<dot>\.(?![0-9]))?{_RIGHT}{_Y}")
_MONTH_YEAR = re.compile(
    rf"{_LEFT}(?:(?P<m>[0-9]{{1,2}})[-/](?P<year>20[0-9]{{2}})|(?P<year_2>20[0-9]{{2}})-(?P<m_2>[0-9]{{2}}))"
    rf"(?! [0-9]){_RIGHT}"
)
_INTRODUCED = re.compile(
    rf"(?:^|[:=(]|\b(?:per|op|ultimo|tot|t/m|eindigt|eind|einde|ends?|on|by|until|from|vanaf|sinds|since|datum"
    rf"|date|d\.?d\.?|is|was|boekjaar|jaareinde|boekjaareinde|year|sluit|sluiten|af|getekend|signed"
    rf"|{_WEEKDAYS}))[ :=]*$"
)
_FIRMLY = re.compile(r"\b(?:per|op|on|ultimo) $")
_NOTHING_BEFORE = re.compile(
    r"(?:[ .,;:!()\"'-]|\b(?:in|op|per|on|at|de|het|the|maand|month|of|van|ja|yes|is|dat|it|that|s|ultimo|ons|our"
    r"|boekjaar|financial|year|eindigt|ends|denk|ik|think|i)\b)*"
)
_NOTHING_AFTER = re.compile(r"(?:[ .,;:!()\"'-]|\b(?:denk ik|i think|dus|is het|it is|dank u|thanks|thank you)\b)*")
_OTHER_NUMBER = re.compile(r"\b(?:kvk|kvk-?nummer|nummer|number|tel|telefoon|phone|bel|call)\b")
_INTRODUCES_MONTH = re.compile(r"\b(?:in|per|sinds|since|until|vanaf|during|t/m|tot en met) $")
_RELATIVE_DAY = re.compile(
    r"(?<!\bday before )(?<!\bdag voor )\b(?:(?P<today>vandaag|today)|gisteren|gister|yesterday)\b"
)

_LOOSELY = r"(?:[ -]+(?:in|van|v/d|of|de|het|the|op|on|per|maand|month|at|datum))*[ -]*$"
_HEDGED = re.compile(
    r"\b(?:rond|rondom|omstreeks|ongeveer|circa|ca\.?|around|about|approximately|roughly|ergens|somewhere|sometime"
    r"|voor|na|tegen|towards?|before|after|tussen|between|or|week|zo'n)" + _LOOSELY
)
_PART_OF_MONTH = re.compile(
    r"\b(?:begin|beginning|start|medio|midden|middle|mid|half|halverwege|early|late|vroeg|laat|loop|course"
    rf"|helft|weekend|werkdag|weekday|working day|{_WEEKDAYS})" + _LOOSELY
)
_DUTCH_OR_BEFORE = re.compile(r"\bof (?:(?:op|per|in|eind|de) )*$")
_HEDGED_AFTER = re.compile(
    r" *,? *(?:or|of zo|of daaromtrent|ongeveer|approximately|geleden|ago|(?:en|and|to|tot|t/m) 20[0-9]{2})\b"
)
_DUTCH_OR_AFTER = re.compile(r" *,? *of\b(?! +(?:each|every|the|this|last|next|that|[0-9]{4}))")
_UNREAD_NUMBER = re.compile(rf" ?'?[0-9][0-9o]*(?![0-9o]|[.:][0-9]|{_UNITS})")
_DENIED = re.compile(r"\b(?:niet|geen|nooit|not|never|cannot|[a-z]{2,8}n't|dont|doesnt|isnt)\b")
_CLAUSE = re.compile(r"[,;:!?()]|\. |\b(?:maar|but|en|and)\b")
_YEAR = re.compile(
    rf"{_LEFT}(?<![0-9] )(?P<year>20[0-9]{{2}})(?: ?[-/] ?(?:20)?[0-9]{{2}})?(?! ?[0-9])(?!{_UNITS}){_RIGHT}"
)
_OTHER_YEAR = re.compile(
    rf"\b(?:{_either(list(_RELATIVE))}|(?:afgelopen|komend|past|coming|following|previous) (?:jaar|year)"
    r"|tweeduizend\w*|two thousand)\b"
)
_SHIFTED = re.compile(r"\b(?:geleden|ago|from (?:today|yesterday)|(?:over|binnen|within) (?:[0-9]+|een|a|twee|two))\b")
_VAGUE = re.compile(
    r"(?<!goede )\bmorgen\b|\b(?:overmorgen|eergisteren|tomorrow|yesterday|binnenkort|spoedig|onlangs|recent"
    r"|recentelijk|recently|soon|shortly|geleden|ago|kalenderjaar|calendar year|q[1-4]|jaareinde|year-end"
    r"|fy ?'?(?:20)?[0-9]{2}|(?:kwartaal|quarter) [1-4])\b"
    rf"|\b(?:{_either(_SEASONS)}|{_WEEKDAYS})\b"
    r"|\b(?:vorige?|afgelopen|volgende?|komende?|deze|dit|last|past|next|coming|this|previous|in|early|late|after"
    r"|before) (?:the )?(?:week|weekend|maand|jaar|kwartaal|month|year|quarter|spring|fall)\b"
    r"|\b(?:eerste|tweede|derde|vierde|laatste|[1-4](?:e|de|ste|st|nd|rd|th)?|first|second|third|fourth) (?:kwartaal"
    r"|quarter)\b"
    r"|\b(?:begin|eind|einde|end|start|beginning|midden|middle) (?:(?:van|of) )?(?:het|the|dit|this|volgend|next|vorig"
    r"|last|elk) (?:jaar|year)\b"
    r"|\b(?:over|binnen|within|in) (?:[0-9]{1,3}|een|een paar|a|a few|twee|drie|two|three) (?:dag|dagen|weken|week"
    r"|maand|maanden|jaar|days?|weeks?|months?|years?)\b"
)
_QUESTION_WORDS = re.compile(
    r"(?:(?:en|and|dus|so|maar|but|ok|oke|ja|yes|nee|no) +)*(?:"
    r"(?:wat|wanneer|hoe|hoeveel|waar|waarom|waarvoor|wie|welke?|moet|moeten|kan|kun|kunt|kunnen|mag|mogen|is|zijn|heb"
    r"|hebt|heeft|hebben|geldt|wordt|worden|zal|zou|zouden|wil|wilt|klopt|doe|doet|what|when|how|where|why|who|which"
    r"|whose|do|does|did|can|could|must|should|shall|will|would|are|was|were|has|have|had|am)\b"
    r"|may +(?:i|we|you|they|it|he|she|a|an|the|our|my|this|that)\b(?! +[0-9]))"
)


@dataclass(frozen=True)
class _Found:
    start: int
    end: int
    value: Value


@dataclass
class _Text:
    """A text under way: `plain` is in lower case without accents, `coded` has signs for months and numbers."""

    given: str
    plain: str
    coded: str
    language: str
    today: date
    found: list[_Found] = field(default_factory=list)

    def said(self, start: int, end: int) -> str:
        """That part, as it was written."""
        return self.given[start:end].strip(" ,;:(")

    def alone(self, match: re.Match[str]) -> bool:
        """Whether nothing else of weight is said."""
        before, after = self.plain[: match.start()], self.plain[match.end() :]
        return bool(_NOTHING_BEFORE.fullmatch(before) and _NOTHING_AFTER.fullmatch(after))

    def take(self, match: re.Match[str], value: Value) -> None:
        """Keeps what was found, and blanks it out so that it is read once."""
        start, end = match.span()
        self.found.append(_Found(start, end, value))
        self.coded = self.coded[:start] + _READ * (end - start) + self.coded[end:]

    def elsewhere(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """The first match outside the dates that were found."""
        for match in pattern.finditer(self.plain):
            if all(match.end() <= one.start or one.end <= match.start() for one in self.found):
                return match
        return None


def _letter(sign: str) -> str:
    """One sign for each sign, so that places in the text stay the same."""
    if sign in "’‘`´":
        return "'"
    if sign in "–—‑−":
        return "-"
    base = unicodedata.normalize("NFD", sign)[0].lower()
    if sign.isspace() or "\ue000" <= base <= "\uf8ff":
        return " "
    return base if len(base) == 1 else sign


def _one_letter_off(word: str, name: str) -> bool:
    """Whether one letter is wrong, missing, too many, or two have changed places; the first one is right."""
    if word[0] != name[0] or abs(len(word) - len(name)) > 1:
        return False
    same = next((n for n, (a, b) in enumerate(zip(word, name, strict=False)) if a != b), min(len(word), len(name)))
    rest, other = word[same:], name[same:]
    return rest[1:] == other[1:] or rest[1:] == other or rest == other[1:] or rest == other[1::-1] + other[2:]


def _month(word: str) -> tuple[int, bool] | None:
    """The month that a word names, and whether it needs a number beside it, or to stand alone."""
    if word in _VERBS:
        return _VERBS[word], True
    if word in _NAMES:
        return _NAMES[word], False
    if word in _SHORT:
        return _SHORT[word], True
    if len(word) < 4 or word in _NO_TYPOS:
        return None
    near = {month for name, month in _NAMES.items() if len(name) >= 5 and _one_letter_off(word, name)}
    return (near.pop(), len(word) < 7) if len(near) == 1 else None


def _coded(plain: str) -> str:
    def number(match: re.Match[str]) -> str:
        day, ordinal = _NUMBERS[match[0]]
        return chr((_ORDINAL if ordinal else _NUMBER) + day) + _FILL * (len(match[0]) - 1)

    def month(match: re.Match[str]) -> str:
        if (named := _month(match[0])) is None:
            return match[0]
        month, weak = named
        return chr((_WEAK_MONTH if weak else _MONTH) + month) + _FILL * (len(match[0]) - 1)

    return re.sub(r"[a-z]+", month, _NUMBER_WORDS.sub(number, plain))


def _text(text: str, language: str, today: date) -> _Text | None:
    """The text as it is read; None where it is too long. Addresses of pages and mail are left out."""
    given = unicodedata.normalize("NFC", text[: 4 * LONGEST_TEXT].strip())
    if len(given) > LONGEST_TEXT or len(text.strip()) > LONGEST_TEXT:
        return None
    plain = "".join(map(_letter, given))
    plain = re.sub(r"\S+", lambda m: "_" * len(m[0]) if re.search(r"://|www\.|@", m[0]) else m[0], plain)
    return _Text(given, plain, _coded(plain), language, today)


def _year(text: _Text, match: re.Match[str]) -> int | None:
    """The year that is written with a date; two digits are one of the last eighty years or the next twenty."""
    parts = match.groupdict()
    if relative := parts.get("relative") or parts.get("relative_before"):
        return text.today.year + _RELATIVE[relative]
    written = parts.get("year") or parts.get("year_first") or parts.get("year_2") or parts.get("short")
    if not written:
        return None
    year = int(written.strip("'"))
    if len(written.strip("'")) > 2:
        return year
    return 2000 + year if 2000 + year <= text.today.year + 20 else 1900 + year


def _placed(text: _Text, match: re.Match[str], day: int, month: int, year: int | None) -> Value:
    """A day of a month, or Impossible where no calendar has it."""
    if (
        (year is None or FIRST_YEAR <= year <= LAST_YEAR)
        and 1 <= month <= 12
        and 1 <= day <= monthrange(year or LEAP_YEAR, month)[1]
    ):
        return Written(day, month, year, end_of_month=False)
    return Impossible(text.said(*match.span()))


def _of_month(text: _Text, match: re.Match[str], *, end: bool) -> Value:
    """A month, or its end."""
    year = _year(text, match)
    if year is not None and not FIRST_YEAR <= year <= LAST_YEAR:
        return Impossible(text.said(*match.span()))
    return Written(None, _number(match, "month"), year, end_of_month=end)


def _number(match: re.Match[str], group: str) -> int:
    """What one of our own signs stands for."""
    return ord(match[group][0]) & 0x1F


def _day(match: re.Match[str]) -> int:
    return int(match["day"]) if match["day"] else _number(match, "word")


def _word(text: _Text, match: re.Match[str]) -> str:
    """The month as it stands in the text."""
    return text.plain[match.start("month") : match.end("month")]


def _day_month(text: _Text, match: re.Match[str]) -> Value | None:
    """31 maart 2026; the first of March."""
    year = _year(text, match)
    if _word(text, match) in _VERBS and year is None:
        follows = _ends(text, match) if match["word"] else _may_follow(text, match)
        if not follows and not re.search(r"\b(?:of|van)\b", match[0]):
            return None
    return _placed(text, match, _day(match), _number(match, "month"), year)


def _may_follow(text: _Text, match: re.Match[str]) -> bool:
    return _MAY_FOLLOW.match(text.plain[match.end() :]) is not None


def _ends(text: _Text, match: re.Match[str]) -> bool:
    return re.match(_ENDS, text.plain[match.end() :]) is not None


def _month_day(text: _Text, match: re.Match[str]) -> Value | None:
    """March 31st, 2026. A Dutch month and a number ("juni 26") may as well be a month of a year."""
    month, year, word = _number(match, "month"), _year(text, match), _word(text, match)
    if match["word"] and not year:
        follows = _may_follow(text, match) if ord(match["word"][0]) > _ORDINAL else _ends(text, match)
        if not follows:
            return None
    if word in _VERBS and (_PRONOUN.search(text.plain[: match.start()]) or not (year or _may_follow(text, match))):
        return None
    day = _day(match)
    bare = match["day"] == text.plain[match.start("day") : match.end()] and year is None
    dutch = word in _DUTCH_ONLY or (text.language == "nl" and word not in _ENGLISH_ONLY)
    if bare and dutch and day <= 31 and -5 <= 2000 + day - text.today.year <= 3:
        return Vague(text.said(*match.span()))
    return _placed(text, match, day, month, year)


def _numeric(text: _Text, match: re.Match[str]) -> Value:
    """Days come first, as the Dutch write; in English the month does where no other reading is possible."""
    day, month = int(match["d"]), int(match["m"])
    if text.language == "en" and day <= 12 < month and match.re is not _YEAR_FIRST and "." not in match[0]:
        day, month = month, day
    return _placed(text, match, day, month, _year(text, match))


def _spaced(text: _Text, match: re.Match[str]) -> Value | None:
    """30 09 2026: only where it cannot be another number."""
    value = _numeric(text, match)
    return value if isinstance(value, Written) and not _OTHER_NUMBER.search(text.plain) else None


def _two(text: _Text, match: re.Match[str]) -> Value | None:
    """30-9: a date where it is introduced as one or stands alone; else a range, a share or an amount."""
    day, month, sign = match["d"], match["m"], match["s"].strip()
    before, after = text.plain[: match.start()], text.plain[match.end() :]
    firmly, alone = _FIRMLY.search(before), text.alone(match)
    if _PARTS.match(after) or int(day) + int(month) == 100:
        return None
    value = _numeric(text, match)
    if sign == ".":
        sure = firmly or (alone and (match["dot"] or len(day) == len(month) == 2))
        return value if sure and isinstance(value, Written) else None
    share = sign == "/" and len(day) == len(month) == 1 and int(day) < int(month) and int(day) <= 3
    if (share or (day, month) == ("24", "7")) and not (firmly or (share and alone)):
        return None
    introduced = _INTRODUCED.search(before) and (before.strip() or _may_follow(text, match))
    return value if alone or introduced else None


def _month_year(text: _Text, match: re.Match[str]) -> Value | None:
    """9/2026 or 2026-09."""
    month = int(match["m"] or match["m_2"])
    return Written(None, month, _year(text, match), end_of_month=False) if 1 <= month <= 12 else None


def _month_end(text: _Text, match: re.Match[str]) -> Value | None:
    """Eind juni; the last day of June 2026."""
    said = match[0]
    if _word(text, match) in _VERBS and not re.search(r" (?:of|van) ", said) and not text.alone(match):
        return None
    return _of_month(text, match, end=True)


def _month_only(text: _Text, match: re.Match[str]) -> Value | None:
    """Juni; June 2027. A number beside it that is none of its days or years makes it something else."""
    before, after = text.plain[: match.start()], text.plain[match.end() :]
    weak = ord(match["month"][0]) > _WEAK_MONTH
    year = _year(text, match)
    hedged = (_HEDGED.search(before) or _PART_OF_MONTH.search(before)) and re.match(_ENDS, after)
    if weak and not (year or hedged or text.alone(match) or _INTRODUCES_MONTH.search(before)):
        beside = re.search(r"(?<![0-9])[0-9]{1,2}[ -]*$", before)
        if not (beside and re.match(_ENDS, after) and _word(text, match) not in _VERBS):
            return None
    number = re.match(rf" *[-/.,]? *([0-9]+)(?![0-9])(?!{_UNITS})(?P<plain>{_ENDS})?", after)
    if number and len(number[1]) <= 2 and number["plain"] is not None and "," not in number[0] and not year:
        return Impossible(text.said(match.start(), match.end() + number.end(1)))
    if number or re.search(r"[0-9][ ,-]*$", before):
        return Vague(text.said(*match.span()))
    return _of_month(text, match, end=False)


def _range(text: _Text, match: re.Match[str]) -> Value:
    """1-3 maart; 1 or 2 March."""
    return Vague(text.said(*match.span()))


def _months(text: _Text, match: re.Match[str]) -> Value | None:
    """Maart/april; not "may or may"."""
    return _range(text, match) if _number(match, "month") != _number(match, "other") else None


def _relative_day(text: _Text, match: re.Match[str]) -> Value:
    """Today and yesterday; what else is relative needs a question back."""
    day = text.today if match["today"] else text.today - timedelta(days=1)
    return Written(day.day, day.month, day.year, end_of_month=False)


_READERS: tuple[tuple[re.Pattern[str], Callable[[_Text, re.Match[str]], Value | None]], ...] = (
    (_RANGE, _range),
    (_MONTHS, _months),
    (_DAY_MONTH, _day_month),
    (_MONTH_DAY, _month_day),
    (_YEAR_FIRST, _numeric),
    (_THREE, _numeric),
    (_SPACED, _spaced),
    (_TWO, _two),
    (_MONTH_YEAR, _month_year),
    (_MONTH_END, _month_end),
    (_MONTH_ONLY, _month_only),
    (_RELATIVE_DAY, _relative_day),
)


def _same(one: Written, other: Written) -> Written | None:
    """Two ways of writing one date as the fuller of the two; None where they are different dates."""
    if one.month != other.month or (one.year and other.year and one.year != other.year):
        return None
    year = one.year or other.year
    days = {written.day for written in (one, other) if written.day}
    end = one.end_of_month or other.end_of_month
    if len(days) > 1:
        return None
    day = days.pop() if days else None
    if day and end and day not in {monthrange(year or leap, one.month)[1] for leap in (LEAP_YEAR, LEAP_YEAR + 1)}:
        return None
    return Written(day, one.month, year, end_of_month=end and not day)


def _unsure(text: _Text, found: _Found, written: Written) -> bool:
    """Whether what surrounds a date takes its certainty away."""
    before, after = text.plain[: found.start], text.plain[found.end :]
    if _HEDGED.search(before) or _HEDGED_AFTER.match(after):
        return True
    if written.year is None and _UNREAD_NUMBER.match(after):
        return True
    if text.language == "nl" and (_DUTCH_OR_BEFORE.search(before) or _DUTCH_OR_AFTER.match(after)):
        return True
    if written.day is None and not written.end_of_month and _PART_OF_MONTH.search(before):
        return True
    start = max((match.end() for match in _CLAUSE.finditer(before)), default=0)
    stop = _CLAUSE.search(after)
    clause = before[start:] + " " + (after[: stop.start()] if stop else after)
    return _DENIED.search(clause) is not None


def _vague(text: _Text) -> Vague | None:
    match = _VAGUE.search(text.plain) or next(
        (m for m in _YEAR.finditer(text.plain) if abs(int(m["year"]) - text.today.year) <= YEARS_AROUND), None
    )
    return Vague(text.said(*match.span())) if match else None


def _read(text: str, language: str, today: date) -> _Text | None:
    read = _text(text, language, today)
    if read is None:
        return None
    for pattern, reader in _READERS:
        for match in list(pattern.finditer(read.coded)):
            if (value := reader(read, match)) is not None:
                read.take(match, value)
    return read


def without(text: str, language: str, today: date) -> str:
    """The text without the dates in it, in lower case; as it stands where it is too long."""
    read = _read(text, language, today)
    if read is None:
        return text
    rest = list(read.plain)
    for one in read.found:
        rest[one.start : one.end] = " " * (one.end - one.start)
    return "".join(rest)


def find(text: str, language: str, today: date) -> Value | None:
    """The one date in a text; None where there is none, or where the text is too long to be an answer.

    language: "nl" or "en", of the conversation. Names of both are always understood; it settles what "of" means, and
    that 3/31 can be read. Two dates, or one that is doubtful, are Vague. Never raises.
    """
    read = _read(text, language, today)
    if read is None:
        return None
    if not read.found:
        return _vague(read)
    values = [one.value for one in read.found]
    whole = Vague(read.said(min(one.start for one in read.found), max(one.end for one in read.found)))
    if all(isinstance(value, Impossible) for value in values):
        return values[0]
    written: Written | None = None
    for one in read.found:
        if not isinstance(one.value, Written) or _unsure(read, one, one.value):
            return whole
        written = one.value if written is None else _same(written, one.value)
        if written is None:
            return whole
    if written is None or read.elsewhere(_SHIFTED):
        return whole
    if written.year is None and (read.elsewhere(_YEAR) or read.elsewhere(_OTHER_YEAR)):
        return whole
    return written


def is_answer(text: str, language: str) -> bool:  # noqa: ARG001
    """Whether a text is hardly more than a date: a short statement, no question. It need not hold a date.

    A question word counts at the start of every clause: "31 maart, wanneer moeten wij rapporteren".
    """
    words = text.split()
    if not 0 < len(words) <= MOST_WORDS or len(text.strip()) > LONGEST_TEXT or "?" in text:
        return False
    clauses = re.split(r"[,;:!()\n]|\. ", "".join(map(_letter, unicodedata.normalize("NFC", text))))
    return not any(_QUESTION_WORDS.match(clause.strip()) for clause in clauses)


def add_months(day: date, months: int) -> date:
    """The same day so many months on, or the last day of that month where it is shorter.

    Raises ValueError or OverflowError outside the years 1 to 9999.
    """
    return day + relativedelta(months=months)


def _last(year: int, month: int) -> date:
    return date(year, month, monthrange(year, month)[1])


def end_of_financial_year(written: Written, today: date) -> date:
    """The day on which a financial year ends.

    Without a year: of the financial year whose report is due next (today counts). A month stands for its last day,
    and so does 29 February in other years. Raises ValueError for a day that does not exist.
    """

    def in_year(year: int) -> date:
        if written.day is None or written.end_of_month or (written.month, written.day) == (2, 29):
            return _last(year, written.month)
        return date(year, written.month, written.day)

    if written.year is not None:
        return in_year(written.year)
    ends = (in_year(today.year + years) for years in (-1, 0, 1))
    return next(end for end in ends if add_months(end, REPORT_MONTHS) >= today)


def past_day(written: Written, today: date) -> date | None:
    """The day; without a year the most recent one, today included. With a year it may lie ahead.

    None where the day is missing or does not exist.
    """
    if written.day is None:
        return None
    years = [written.year] if written.year is not None else range(today.year, today.year - 9, -1)
    for year in years:
        if written.day <= monthrange(year, written.month)[1]:
            day = date(year, written.month, written.day)
            if day <= today or written.year is not None:
                return day
    return None
