"""What is counted of a period: each question in the cells it belongs to, and which cells are parts of which.

A cell is (measure, name, partition, part), as in the table of cells. Measures:

questions, askers     all, and by channel, language, referrer, signatory or size
decision              by what the assistant did: answer, choices, unknown
unanswered            questions that no topic answered: all, and by recurring question
handed-over, by-agent questions that went to a person, or that a person answered
helpful, unhelpful    answers that the asker said so of
helped                employers that a person helped: askers by phone, by mail, whom an agent answered in the chat,
                      or whose request was answered
referral-in           askers that each referrer sent
referral-out          where askers were referred to
need                  needs that were written down
topic, recurring      questions by topic, and by recurring question
gap                   questions by recurring question, of those that no topic answers
topic-shown …         askers, once a week each, to whom a topic, source or material was shown, or who opened it …
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace

from bot.answers.knowledge import normal_form
from bot.trends import weeks
from bot.trends.rounding import Askers, Line, Rows, over_time, rounded, shown

Key = tuple[str, str, str, str]
"""Measure, name, partition, part."""
Cells = Mapping[Key, Rows]

ALL = ("all", "")
QUESTIONS: Key = ("questions", "", *ALL)
UNANSWERED: Key = ("unanswered", "", *ALL)
HELPED: Key = ("helped", "", *ALL)
FLAGS = ("unanswered", "handed-over", "by-agent", "helpful", "unhelpful", "helped")
NAMED = ("decision", "topic", "recurring", "need", "referral-out")
CROSSED = ("topic", "recurring", "need", "referral-out")
"""Named measures that half-years also count by each partition; in less time there is too little to divide."""
PARTITIONS = ("channel", "language", "referrer", "signatory", "size")
UNKNOWN = "unknown"
LONGEST_NAME = 120
_OF_ASKERS = frozenset({"helped"})


@dataclass(frozen=True)
class Logged:
    """One question of the log, or one event of the popularity of something: where and when it counts."""

    week: str
    asker: str
    included: tuple[str, ...]
    """The periods whose snapshots have counted it already."""
    parts: Mapping[str, str]
    """Of each partition its part."""
    names: Mapping[str, str]
    """Of each named measure its name, where it has one."""
    flags: frozenset[str] = frozenset()
    is_question: bool = True
    """False for an asker whose request was answered, who counts as helped, and asked nothing by that."""


@dataclass(frozen=True)
class Number:
    """A cell as it is shown."""

    key: Key
    count: int
    """Rounded."""


def referred(kind: str | None, name: str | None) -> str | None:
    """What a referral is counted under: a network or material by its own name, all else by its kind."""
    if kind is None:
        return None
    return name if name and re.fullmatch(r"[a-z0-9-]{1,60}", name) else kind


def need_name(need: str | None) -> str | None:
    """What a need is counted under: the same words are the same need."""
    return normal_form(need)[:LONGEST_NAME] or None if need else None


def signatory(value: bool | None) -> str:
    """The part of the partition of signatories."""
    return UNKNOWN if value is None else "yes" if value else "no"


def of_questions(rows: Mapping[int, Logged], period: str) -> tuple[Cells, list[Line]]:
    """The cells of a period's questions, and what can be subtracted from what.

    A recurring question that no topic answers has the same rows as its unanswered ones: see `ties`.
    """
    cells: dict[Key, set[int]] = defaultdict(set)
    crossed = weeks.kind(period) == weeks.HALF_YEAR
    for row, one in rows.items():
        for key in _keys(one, crossed=crossed):
            cells[key].add(row)
    found: dict[Key, Rows] = {key: cells[key] for key in sorted(cells)}
    beside = frozenset(row for row, one in rows.items() if not one.is_question)
    return found, list(_lines(found, beside, crossed=crossed))


def _keys(one: Logged, *, crossed: bool) -> Iterator[Key]:
    if one.is_question:
        yield QUESTIONS
        for partition, part in one.parts.items():
            yield "questions", "", partition, part
    for flag in one.flags:
        yield flag, "", *ALL
    if "helped" in one.flags:
        yield "helped", "", "signatory", one.parts["signatory"]
    for measure, name in one.names.items():
        yield measure, name, *ALL
        if crossed and measure in CROSSED:
            for partition, part in one.parts.items():
                yield measure, name, partition, part
    if "unanswered" in one.flags and "recurring" in one.names:
        yield "unanswered", one.names["recurring"], *ALL


def _lines(cells: Cells, beside: frozenset[int], *, crossed: bool) -> Iterator[Line]:
    by_measure: dict[str, list[Key]] = defaultdict(list)
    for key in cells:
        by_measure[key[0]].append(key)
    for partition in PARTITIONS:
        yield Line(QUESTIONS, tuple(key for key in by_measure["questions"] if key[2] == partition))
    for flag in FLAGS:
        yield Line(QUESTIONS, ((flag, "", *ALL),), beside if flag == "helped" else frozenset())
    helped = tuple(key for key in by_measure["helped"] if key[2] == "signatory")
    yield Line(HELPED, helped)
    for key in helped:
        yield Line(("questions", *key[1:]), (key,), beside)
    for measure in NAMED:
        yield Line(QUESTIONS, tuple(key for key in by_measure[measure] if key[2:] == ALL))
    # Every question has a topic or is unanswered: who has all of these can subtract them together.
    if UNANSWERED in cells:
        yield Line(QUESTIONS, (*(key for key in by_measure["topic"] if key[2:] == ALL), UNANSWERED))
    unanswered = tuple(key for key in by_measure["unanswered"] if key[1])
    yield Line(UNANSWERED, unanswered)
    for key in unanswered:
        yield Line(("recurring", *key[1:]), (key,))
    if crossed:
        for measure in CROSSED:
            yield from _crossed(by_measure[measure])


def _crossed(keys: Sequence[Key]) -> Iterator[Line]:
    """A named measure divided by partitions: what can be subtracted along its names, and along its parts."""
    across: dict[tuple[Key, str], list[Key]] = defaultdict(list)
    down: dict[Key, list[Key]] = defaultdict(list)
    for measure, name, partition, part in keys:
        if (partition, part) != ALL:
            across[(measure, name, *ALL), partition].append((measure, name, partition, part))
            down["questions", "", partition, part].append((measure, name, partition, part))
    for (total, _), parts in across.items():
        yield Line(total, tuple(parts))
    for total, parts in down.items():
        yield Line(total, tuple(parts))


def of_popularity(rows: Mapping[int, Logged]) -> tuple[Cells, list[Line]]:
    """The cells of a period's events: for each thing all, and by referrer."""
    cells: dict[Key, set[int]] = defaultdict(set)
    for row, one in rows.items():
        for measure, name in one.names.items():
            cells[measure, name, *ALL].add(row)
            cells[measure, name, "referrer", one.parts["referrer"]].add(row)
    found: dict[Key, Rows] = {key: cells[key] for key in sorted(cells)}
    parts: dict[Key, list[Key]] = defaultdict(list)
    for key in found:
        if key[2:] != ALL:
            parts[key[0], key[1], *ALL].append(key)
    return found, [Line(total, tuple(each)) for total, each in sorted(parts.items())]


class Counting:
    """Counts a period: which cells are shown, and with which number."""

    def __init__(self, rows: Mapping[int, Logged], seen: Mapping[str, frozenset[Key]], askers: Askers) -> None:
        self._rows, self._seen, self._askers = rows, seen, askers

    def count(
        self, period: str, cells: Cells, lines: Sequence[Line], tied: Sequence[tuple[Key, Key]] = ()
    ) -> dict[Key, Rows]:
        """The cells that are shown, each with the questions that its number counts."""
        counted = {key: self._counted(period, key, rows) for key, rows in cells.items()}
        whole = {key for key in counted if self._may_be_divided(key, counted)}
        counted = {key: rows for key, rows in counted.items() if key in whole}
        visible = shown(
            counted,
            [replace(line, parts=tuple(p for p in line.parts if p in whole)) for line in lines],
            self._askers,
            tied,
        )
        return {key: rows for key, rows in counted.items() if key in visible}

    def _may_be_divided(self, key: Key, counted: Cells) -> bool:
        """Whether a cell is no part of a named one that has too few askers to divide, those of two numbers.

        Of five askers, the one part with all five, or its absence, would tell what the fifth is.
        """
        measure, name, *part = key
        if measure not in CROSSED or tuple(part) == ALL:
            return True
        return self._askers.count(counted[measure, name, *ALL]) >= 2 * self._askers.least

    def _counted(self, period: str, key: Key, rows: Rows) -> Rows:
        if weeks.kind(period) == weeks.WEEK:
            return rows
        showed: set[int] = set()
        for shorter, mine in self._inside(period, rows).items():
            showed |= self._showed(shorter, key, mine)
        return over_time(rows, showed, self._askers)

    def _showed(self, period: str, key: Key, rows: Rows) -> Rows:
        """Those of a cell's questions that the snapshot of a period, or of one inside it, counted."""
        if key in self._seen.get(period, ()):
            return self._counted(period, key, rows)
        showed: set[int] = set()
        for shorter, mine in self._inside(period, rows).items():
            showed |= self._showed(shorter, key, mine)
        return showed

    def _inside(self, period: str, rows: Rows) -> dict[str, set[int]]:
        """The questions that were there when the periods just inside this one were frozen, by period."""
        inside: dict[str, set[int]] = defaultdict(set)
        if weeks.kind(period) == weeks.WEEK:
            return inside
        for row in rows:
            one = self._rows[row]
            shorter = one.week if weeks.kind(period) == weeks.MONTH else weeks.month_of(one.week)
            if shorter in one.included:
                inside[shorter].add(row)
        return inside


def ties(gaps: Iterable[str]) -> list[tuple[Key, Key]]:
    """Cells of which none is shown without the other: all questions of a gap are unanswered ones."""
    return [(("recurring", id_, *ALL), ("unanswered", id_, *ALL)) for id_ in sorted(gaps)]


def numbers_of_questions(counted: Mapping[Key, Rows], askers: Askers, gaps: Set[str]) -> list[Number]:
    """The numbers of cells of questions, as they are shown.

    gaps: the recurring questions that no topic answers.
    """
    found = []
    for key, rows in counted.items():
        of_askers = rounded(askers.count(rows))
        found.append(Number(key, of_askers if key[0] in _OF_ASKERS else rounded(len(rows))))
        if key[0] == "questions":
            found.append(Number(("askers", *key[1:]), of_askers))
            if key[2] == "referrer" and key[3]:
                found.append(Number(("referral-in", key[3], *ALL), of_askers))
        if key[0] == "recurring" and key[2:] == ALL and key[1] in gaps:
            found.append(Number(("gap", *key[1:]), rounded(len(rows))))
    return found


def numbers_of_popularity(counted: Mapping[Key, Rows]) -> list[Number]:
    """The numbers of cells of events: askers, each of them once a week."""
    return [Number(key, rounded(len(rows))) for key, rows in counted.items()]


def spelling(name: str, written: Iterable[tuple[int, str]], askers: Askers) -> str:
    """How a need is written by most askers; in its plain form where no spelling has enough of them.

    written: the row of each question with the need, and the need as it stands there.
    """
    rows: dict[str, set[int]] = defaultdict(set)
    for row, need in written:
        rows[" ".join(need.split())].add(row)
    common = [need for need in sorted(rows) if askers.enough(rows[need])]
    return max(common, key=lambda need: askers.count(rows[need]), default=name[:1].upper() + name[1:])
