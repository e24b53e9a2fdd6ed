"""The deadlines that follow from a visitor's own dates. The one module that everything asks.

The rules, each with its source, stand in knowledge/guides/deadlines.yml.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import Any

from bot.answers.knowledge import ByLanguage, Knowledge, KnowledgeError, Source, both, read_yaml
from bot.guides.dates import Written, add_months, end_of_financial_year

LONGEST_MONTHS = 120


@dataclass(frozen=True)
class Usual:
    """The end of the financial year that goes without asking: a choice that was answered so stands for it."""

    step: str
    answer: str
    day: int
    month: int


@dataclass(frozen=True)
class Rule:
    """So many months after the date that was given at a step."""

    id: str
    title: ByLanguage
    after: str
    """The id of the step."""
    months: int
    every_year: bool
    """It comes back each year: what is due next counts."""
    usual: Usual | None
    remind_days_before: tuple[int, ...]
    source: Source

    @property
    def counts_from(self) -> set[str]:
        """The steps whose answers give its date."""
        return {self.after, self.usual.step} if self.usual else {self.after}


@dataclass(frozen=True)
class Deadline:
    """A rule with the visitor's own date filled in."""

    rule: str
    title: ByLanguage
    due: date
    past: bool
    remind_days_before: tuple[int, ...]
    document: str
    where: ByLanguage


def _rule(id_: str, entry: Mapping[str, Any]) -> Rule:
    months = int(entry["months"])
    if not 0 < months <= LONGEST_MONTHS:
        raise ValueError(f"months is not 1 to {LONGEST_MONTHS}")
    return Rule(
        id=id_,
        title=both(entry["title"]),
        after=str(entry["after"]),
        months=months,
        every_year=bool(entry["every_year"]),
        usual=Usual(**entry["usual"]) if entry.get("usual") else None,
        remind_days_before=tuple(int(days) for days in entry["remind_days_before"]),
        source=Source(str(entry["source"]["document"]), both(entry["source"]["where"])),
    )


def load_rules(file: Path, knowledge: Knowledge) -> Mapping[str, Rule]:
    """Reads the rules. Raises KnowledgeError naming every one that cannot be read."""
    found, rules = [], {}
    content = read_yaml(file.read_text(encoding="utf-8"), file.name) or {}
    if not isinstance(content, dict):
        raise KnowledgeError([f"{file.name}: not a list of rules by name"])
    for id_, entry in content.items():
        try:
            rules[id_] = _rule(id_, entry)
        except (KeyError, TypeError, ValueError) as problem:
            found.append(f"{file.name}, {id_}: {problem!r}")
            continue
        if rules[id_].source.document not in knowledge.documents:
            found.append(f"{file.name}, {id_}: sources.yml has no {rules[id_].source.document}")
    if found:
        raise KnowledgeError(found)
    return MappingProxyType(rules)


def due(rule: Rule, day: date, today: date) -> list[date]:
    """When a rule falls due, counted from `day`; one that comes back each year: also the first time from today on.

    Months are counted by the number of the day (30 September and ten months is 30 July), which is never later than
    any other way of counting them. Raises OverflowError beyond the year 9999.
    """
    try:
        found = [add_months(day, rule.months)]
        years = 0
        while rule.every_year and found[-1] < today:
            years += 1
            # Year by year first: a year that ended on 29 February ends on the 28th in most years.
            found[1:] = [add_months(add_months(day, 12 * years), rule.months)]
    except (OverflowError, ValueError) as problem:
        raise OverflowError(f"{day} is too far ahead") from problem
    return found


def _counted_from(rule: Rule, answers: Mapping[str, str], today: date) -> date | None:
    """The day that was given; the usual one where an answer says so; None where neither is known."""
    try:
        return date.fromisoformat(answers[rule.after])
    except (KeyError, ValueError):
        usual = rule.usual
    if usual is None or answers.get(usual.step) != usual.answer:
        return None
    return end_of_financial_year(Written(usual.day, usual.month, year=None, end_of_month=False), today)


def deadlines(rules: Iterable[Rule], answers: Mapping[str, str], today: date) -> list[Deadline]:
    """The deadlines of those rules whose date is known, the earliest first; some may be past.

    answers: by step; a date as ISO 8601.
    """
    found = []
    for rule in rules:
        day = _counted_from(rule, answers, today)
        if day is None:
            continue
        found += [
            Deadline(
                rule=rule.id,
                title=rule.title,
                due=when,
                past=when < today,
                remind_days_before=rule.remind_days_before,
                document=rule.source.document,
                where=rule.source.where,
            )
            for when in due(rule, day, today)
        ]
    return sorted(found, key=lambda deadline: (deadline.due, deadline.rule))
