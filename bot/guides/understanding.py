"""What a visitor's words mean to the step that waits: a move, an answer, or nothing that it should take.

The step takes whole messages that say one thing. Whatever else is said goes on to Rasa as if there were no guide, so
that a question asked in the middle is never swallowed as an answer.
"""

from __future__ import annotations

import re
import unicodedata
from calendar import monthrange
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path

import yaml

from bot.answers.choosing import only_a_place
from bot.answers.knowledge import normal_form
from bot.guides import dates
from bot.guides.guides import ANY_DATE, Option, Step

LONGEST_TEXT = 300
MOST_WORDS_AFTER_A_YES = 6
YEARS_BACK = 12
"""The Charter is from 2015."""
YEARS_AHEAD = {"financial-year-end": 2, "past-day": 1}
AGAINST_ITSELF = "-"
"""In place of the id of an option: what was said is both a yes and a no."""
MOVES = ("next", "back", "skip", "where", "restart", "stop", "later")


@dataclass(frozen=True)
class Move:
    """A way through the guide: one of MOVES."""

    to: str


@dataclass(frozen=True)
class Given:
    """An answer to the step: the id of an option, or a date (ISO 8601)."""

    value: str


@dataclass(frozen=True)
class Unclear:
    """The step was meant, but it needs a question back; `key` is one of the text catalogue."""

    key: str
    written: str = ""


Reading = Move | Given | Unclear
Fits = Callable[[list[str], list[str]], bool]
"""Whether words mean a phrase."""


@lru_cache
def _words() -> Mapping[str, frozenset[str]]:
    content = Path(__file__).with_name("words.yml").read_text(encoding="utf-8")
    phrases = yaml.safe_load(content)
    return {name: frozenset(normal_form(str(phrase)) for phrase in listed) for name, listed in phrases.items()}


def _of(kind: str, words: Iterable[str]) -> bool:
    """Whether one of the words is of a kind that words.yml lists."""
    return not _words()[kind].isdisjoint(words)


def meaning(text: str) -> str | None:
    """Whether a text says yes, no or "I don't know" and hardly more: affirm, deny or unknown."""
    plain = normal_form(text)
    if "?" in text:
        return None
    for name in ("affirm", "deny", "unknown"):
        if plain in _words()[name]:
            return name
    first, *rest = plain.split() or [""]
    if not 0 < len(rest) <= MOST_WORDS_AFTER_A_YES or not _words()["with-a-yes-or-no"].issuperset(rest):
        return None
    if first in _words()["yes"]:
        return None if denies(text) else "affirm"
    return "deny" if first in _words()["no"] else None


def denies(text: str) -> bool:
    """Whether a text has a word such as "not" in it."""
    return _of("negations", normal_form(text).split())


def move_said(text: str) -> str | None:
    """The way through a guide that a whole message names: one of MOVES."""
    plain = normal_form(text)
    return next((move for move in MOVES if plain in _words()[move]), None)


def _plain(text: str) -> list[str]:
    """Its words without case, punctuation and accents: what `dates.without` leaves has no accents either."""
    decomposed = unicodedata.normalize("NFKD", normal_form(text))
    return "".join(sign for sign in decomposed if not unicodedata.combining(sign)).split()


def _core(words: Iterable[str]) -> list[str]:
    """The words that carry what is said."""
    return [word for word in words if not _of("light", [word])]


@lru_cache(maxsize=1024)
def _phrases(option: Option) -> tuple[list[str], ...]:
    return tuple(_plain(phrase) for phrase in option.words)


def _wraps(words: list[str], phrase: list[str]) -> bool:
    """Whether the words are the phrase with light words around it: "nou, die heb ik hoor"."""
    places = range(len(words) - len(phrase) + 1)
    return any(
        words[at : at + len(phrase)] == phrase and not _core(words[:at] + words[at + len(phrase) :]) for at in places
    )


def _carries(words: list[str], phrase: list[str]) -> bool:
    """Whether the words are the phrase, light words aside: "getekend" is said by "wij hebben het getekend"."""
    return bool(_core(phrase)) and _core(words) == _core(phrase)


def _meant(step: Step, words: list[str], ways: Sequence[Fits] = (_wraps, _carries)) -> Option | None:
    """The one option that the words mean. Whole phrases go first: of "een van beiden" only the last word carries."""
    for fits in ways:
        found = [option for option in step.options if any(fits(words, phrase) for phrase in _phrases(option))]
        if found:
            return found[0] if len(found) == 1 else None
    return None


def _option_said(step: Step, text: str, language: str, today: date) -> str | None:
    """The option that a statement means and says nothing else: "wij hebben op 3 maart getekend"; None for more.

    A yes or a no in front does not matter ("nee, wij zijn niet beursgenoteerd"), unless it says the opposite:
    "ja ik heb hem niet". That is AGAINST_ITSELF.
    """
    whole, undated = _plain(text), _plain(dates.without(text, language, today))
    first, behind = whole[:1], whole[1:]
    yes = _of("yes", first)
    if not yes and not _of("no", first):
        option = _meant(step, whole) or _meant(step, undated)
        return option.id if option else None
    # "No listing" is a phrase of its own; "no, we have a listing" has its words but for the light ones.
    if option := _meant(step, whole, (_wraps,)):
        return option.id
    option = _meant(step, behind) or _meant(step, undated[1:])
    if option is None:
        return None
    opposite = "deny" if yes else "affirm"
    return AGAINST_ITSELF if option.means == opposite and _of("negations", behind) == yes else option.id


def option_told(step: Step, text: str, language: str, today: date) -> str | None:
    """The option that one clause of a text means: "we have signed on 3 March, what now?"."""
    clauses = re.split(r"[,;:.!?]+(?:\s|$)", text[:LONGEST_TEXT])
    told = {option for clause in clauses if (option := _option_said(step, clause, language, today))}
    return told.pop() if len(told) == 1 and AGAINST_ITSELF not in told else None


def _dated(step: Step, text: str, language: str, today: date) -> Reading | None:
    """What a date on its own says to a choice; a vague one, or one that does not exist, is asked back."""
    if not any(option.dated for option in step.options):
        return None
    if _vague(text, language, today):
        return Unclear("guide.unclear.which")
    written = dates.find(text, language, today)
    if written is None or isinstance(written, dates.Vague) or not _only_a_date(text, language, today):
        return None
    if isinstance(written, dates.Impossible):
        return Unclear("guide.unclear.impossible", written=written.written)
    last = written.end_of_month or written.day is None
    day = f"{monthrange(today.year, written.month)[1] if last else written.day}-{written.month}"
    meant = next((option for option in step.options if option.dated == day), None)
    meant = meant or next((option for option in step.options if option.dated == ANY_DATE), None)
    return Given(meant.id) if meant else None


def _only_a_date(text: str, language: str, today: date) -> bool:
    """Whether hardly more than a date is said, whatever date it is."""
    rest = normal_form(dates.without(text, language, today)).split()
    return dates.is_answer(text, language) and _words()["with-a-date"].issuperset(rest)


def _vague(text: str, language: str, today: date) -> bool:
    """Whether hardly more than a vague date is said: "next summer", "1 April to 31 March"."""
    found = dates.find(text, language, today)
    if not isinstance(found, dates.Vague) or not dates.is_answer(text, language):
        return False
    # The vague part is what is said, so its words count as the date's.
    around = normal_form(dates.without(text, language, today).replace(found.written.lower(), " ")).split()
    return _words()["with-a-date"].issuperset(around)


def _choice(step: Step, text: str, language: str, today: date) -> Reading | None:
    plain = normal_form(text)
    for option in step.options:
        if plain in {option.id, *map(normal_form, option.title.values()), *map(normal_form, option.words)}:
            return Given(option.id)
    if "?" not in text and (said := _option_said(step, text, language, today)):
        return None if said == AGAINST_ITSELF else Given(said)
    if means := meaning(text):
        meant = next((option.id for option in step.options if option.means == means), None)
        if meant:
            return Given(meant)
        if means == "unknown":
            return Unclear("guide.unclear.unknown")
        return Unclear("guide.unclear.which")
    if dated := _dated(step, text, language, today):
        return dated
    if re.fullmatch(r"\d{1,2}", plain) and int(plain) > len(step.options):
        return Unclear("guide.unclear.place")
    place = only_a_place(text)
    if place is None:
        return None
    if place >= len(step.options):
        return Unclear("guide.unclear.place")
    return Given(step.options[place].id)


def day_given(step: Step, written: dates.Written, today: date) -> Reading:
    """A written date as the step reads it."""
    if step.reads == "financial-year-end":
        day: date | None = dates.end_of_financial_year(written, today)
    else:
        day = dates.past_day(written, today)
    if day is None:
        return Unclear("guide.unclear.day")
    if not today.year - YEARS_BACK <= day.year <= today.year + YEARS_AHEAD[str(step.reads)]:
        return Unclear("guide.unclear.year", written=str(day.year))
    return Given(day.isoformat())


def _date(step: Step, text: str, language: str, today: date) -> Reading | None:
    if meaning(text) == "unknown":
        return Unclear("guide.unclear.unknown")
    if meaning(text):
        return Unclear(f"guide.unclear.{step.reads}")
    found = dates.find(text, language, today)
    if step.reads == "financial-year-end" and _core(_plain(text)) in (["kalenderjaar"], ["calendar", "year"]):
        return day_given(step, dates.Written(day=31, month=12, year=None, end_of_month=False), today)
    if _vague(text, language, today):
        return Unclear(f"guide.unclear.{step.reads}")
    if found is None or isinstance(found, dates.Vague) or not _only_a_date(text, language, today):
        return None
    if isinstance(found, dates.Impossible):
        return Unclear("guide.unclear.impossible", written=found.written)
    return day_given(step, found, today)


def read(step: Step, text: str, language: str, today: date) -> Reading | None:
    """What a text means to a step that waits; None where it is none of the step's business."""
    text = text.strip()
    if not text or len(text) > LONGEST_TEXT:
        return None
    if move := move_said(text):
        return Move(move)
    if step.kind == "choice":
        return _choice(step, text, language, today)
    if step.kind == "date":
        return _date(step, text, language, today)
    means = meaning(text)
    if means == "affirm":
        return Move("next")
    if means == "deny":
        return Unclear("guide.unclear.not_now")
    return Unclear("guide.unclear.unknown") if means else None
