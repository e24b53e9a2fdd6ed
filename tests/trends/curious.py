"""What curious readers of trends share: thin logs in which there is somebody to single out, and ways to subtract."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable, Iterator

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from bot.trends import weeks
from bot.trends.models import Popularity, TrendQuestion
from tests.trends.made_up import knowledge, question

KNOWLEDGE = knowledge()
TOPICS = sorted(KNOWLEDGE.topics)[:5]
ALL = ("all", "")
LEAST = 5
"""So many askers are enough."""
Cells = dict[tuple[str, str, str, str, str], int]
"""Numbers by period, measure, name, partition and part."""


def sparse_world(seed: int, in_weeks: Iterable[str] = weeks.weeks_of("2026-H1")) -> list[TrendQuestion]:
    """Few questions over many weeks, unevenly: the thinner the log, the more there is to single out."""
    chance = random.Random(seed)
    found = []
    for week in in_weeks:
        for number in range(chance.choice((0, 2, 4, 6, 9, 14, 22))):
            about = chance.choice((1, 1, 2, 2, 3, 4, 5 + chance.randint(0, 30)))
            topic = TOPICS[about] if about in (2, 3, 4) else None
            found.append(
                question(
                    f"{week}-{number - (chance.random() < 0.2)}", week, about, chance.randint(1, 6),
                    topic=topic, decision=chance.choice(("answer", "choices")) if topic else "unknown",
                    language="en" if chance.random() < 0.15 else "nl",
                    channel=chance.choices(("chat", "phone", "email", "partner"), (8, 3, 1, 1))[0],
                    referrer=chance.choices((None, "awvn", "abu", "nbbu"), (8, 3, 1, 1))[0],
                    size=chance.choice((None, "sme", "large")), is_signatory=chance.choice((None, True, False)),
                    handed_over=chance.random() < 0.3, answered_by_agent=chance.random() < 0.2,
                    helpful=chance.choice((None, None, True, False)),
                    need=chance.choice((None, None, None, "voorbeelden", "training")),
                    referred_to=chance.choice((None, None, None, "network", "material")),
                )
            )  # fmt: skip
    return found


def with_events(engine: Engine, questions: list[TrendQuestion]) -> None:
    """The log, and to whom what was shown."""
    chance = random.Random(len(questions))
    events = {
        (one.week, name, one.referrer or "", one.asker_id)
        for one in questions
        for name in ("menu", "toolkits")
        if chance.random() < 0.4
    }
    with Session(engine) as session, session.begin():
        session.add_all(questions)
        session.add_all(
            Popularity(week=week, thing="material", name=name, event="shown", referrer=referrer, asker_id=asker)
            for week, name, referrer, asker in sorted(events)
        )


def subtractions(found: Cells) -> Iterator[tuple[str, int]]:
    """Every way to take numbers from a total that they are parts of: what is left over, and how it was found."""
    yield from _in_one_period(found)
    yield from _between_periods(found)


def _in_one_period(found: Cells) -> Iterator[tuple[str, int]]:
    parts: dict[tuple[object, ...], int] = defaultdict(int)
    for (period, measure, name, partition, part), count in found.items():
        if measure in ("askers", "referral-in", "gap", "helped") or (measure.startswith("material-") and part == ""):
            continue
        if measure in ("topic", "unanswered") and not (partition != "all" or (measure == "unanswered" and name)):
            parts[(period, "questions", "", *ALL), "topics, and what none answers"] += count
        if partition != "all":
            parts[(period, measure, name, *ALL), partition] += count
            if measure in ("topic", "recurring", "need", "referral-out"):
                parts[(period, "questions", "", partition, part), measure] += count
        elif measure in ("decision", "topic", "recurring", "need", "referral-out") or measure in (
            "handed-over",
            "by-agent",
            "helpful",
            "unhelpful",
        ):
            parts[(period, "questions", "", *ALL), measure] += count
        elif measure == "unanswered" and name:
            parts[(period, "unanswered", "", *ALL), "recurring"] += count
            parts[(period, "recurring", name, *ALL), "unanswered"] += count
        elif measure == "unanswered":
            parts[(period, "questions", "", *ALL), measure] += count
    for (total, how), count in parts.items():
        if total in found:
            yield f"{total} without its parts by {how}", found[total] - count  # type: ignore[index]


def _between_periods(found: Cells) -> Iterator[tuple[str, int]]:
    for (period, *key), count in found.items():
        measure = key[0]
        if weeks.kind(period) == weeks.WEEK or measure in ("askers", "referral-in", "helped", "gap"):
            continue
        inside = weeks.weeks_of(period)
        rest = count
        for week in inside:
            if (week, *key) in found and not _covered(found, week, key, period):
                rest -= found[week, *key]
        for month in sorted({weeks.month_of(week) for week in inside} - {period}):
            rest -= found.get((month, *key), 0)
        yield f"{period} {key} without the shorter periods", rest


def _covered(found: Cells, week: str, key: list[str], period: str) -> bool:
    """Whether a week stands in a month that is shown, and that is subtracted already."""
    month = weeks.month_of(week)
    return month != period and (month, *key) in found
