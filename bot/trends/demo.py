"""Made-up questions for `make demo-trends`: two half-years and the weeks since, with trends planted in them.

Nobody asked them. They come as an import of their own, by which they are known as made up wherever they are counted.
"""

from __future__ import annotations

import hashlib
import math
import random
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import Engine, insert, select
from sqlalchemy.orm import Session

from bot.answers.knowledge import Knowledge, read_yaml
from bot.encoder.runtime import Encoder
from bot.trends import weeks
from bot.trends.models import Popularity, Snapshot, TrendImport, TrendQuestion
from bot.trends.snapshots import FICTIONAL

FILE = Path(__file__).with_name("demo_questions.yml")
PER_WEEK = 140
WORDINGS_PER_TOPIC = 6
"""Of the knowledge's own: so that the vectors of all questions are made in a minute or so."""
HALF_YEAR = 26
SEASONAL = "law.report-deadline"
RISING = "working-agenda.objective-selection"
FADING = "portal.invitation-letter"
ADDED = "working-agenda.measuring-guide"
ADDED_IN, NEW_IN, GONE_IN = 32, 30, 24
"""The weeks, counted from the first, from which a topic answers, a question is asked, another is not any more."""
_AT_ONCE = 1_000
_REFERRERS = ("awvn", "vno-ncw", "abu", "nbbu", "randstad")
_NETWORKS = ("awvn", "denktank-diversiteit", "normaalste-zaak")
_OPENERS = {"nl": ("", "", "", "Goedemiddag, ", "Vraagje: "), "en": ("", "", "", "Hello, ", "Quick question: ")}

Progress = Callable[[str, int, int], None]
"""Told the stage, how many are done, and of how many."""


class NotForDemo(RuntimeError):
    """The database holds real questions, or made-up ones already; the text says which."""


@dataclass(frozen=True)
class Planted:
    """A trend that is hidden in the made-up questions, for whoever looks whether it is found."""

    name: str
    """Of a gap in demo_questions.yml, or a topic."""
    topic: str | None
    """None for a gap."""
    moves: str | None
    """What it must be called in the second half-year, beside the first; None for the question that gets its topic late:
    its wordings are several gaps before, and one of them goes on under the topic."""


PLANTED = (
    Planted("subsidy", None, "steady"),
    Planted("menopause", None, "new"),
    Planted("prayer-room", None, "gone"),
    Planted(RISING, RISING, "rising"),
    Planted(FADING, FADING, "fading"),
    Planted(SEASONAL, SEASONAL, "fading"),
    Planted(ADDED, ADDED, None),
)


@dataclass(frozen=True)
class MadeUp:
    """One made-up question, before it has a vector."""

    week: int
    """Counted from the first."""
    text: str
    language: str
    topic: str | None
    source: str
    """What it is about: a topic, the name of a gap, or empty."""


def demo_weeks(today: date) -> tuple[str, ...]:
    """The weeks that are filled: the two half-years that ended last, and the weeks since that are over."""
    half_year = weeks.half_year_of(weeks.week_of(today))
    first = weeks.before(weeks.before(half_year))
    while not weeks.is_over(weeks.before(half_year), today):
        half_year, first = weeks.before(half_year), weeks.before(first)
    found = []
    monday = weeks.first_day(first)
    while weeks.is_over(weeks.week_of(monday), today):
        found.append(weeks.week_of(monday))
        monday += timedelta(weeks=1)
    return tuple(found)


class Inventor:
    """Makes questions up: the same ones for the same seed, weeks and knowledge.

    wordings: how many of a topic's own questions are used.
    """

    def __init__(
        self,
        knowledge: Knowledge,
        in_weeks: Sequence[str],
        *,
        seed: int,
        per_week: int = PER_WEEK,
        wordings: int = WORDINGS_PER_TOPIC,
    ) -> None:
        self._knowledge, self._weeks, self._per_week, self._wordings = knowledge, in_weeks, per_week, wordings
        self._chance = random.Random(seed)
        made_up = read_yaml(FILE.read_text(encoding="utf-8"), FILE.name)
        self._gaps: Mapping[str, Mapping[str, Sequence[str]]] = made_up["gaps"]
        self._once: Mapping[str, Sequence[str]] = made_up["once"]
        self._needs: Sequence[Mapping[str, str]] = made_up["needs"]
        topics = [topic for topic in sorted(knowledge.topics) if topic not in {each.topic for each in PLANTED}]
        self._chance.shuffle(topics)
        self._topics = topics
        # As in most logs: a few topics are asked often, most of them seldom.
        self._weights = [1.0 / (place + 4) for place in range(len(topics))]

    def questions(self) -> Iterator[MadeUp]:
        """All questions, week by week."""
        for number, week in enumerate(self._weeks):
            planted = list(self._planted(number, week))
            yield from planted
            for _ in range(max(0, self._arrivals(self._per_week * _season(week)) - len(planted))):
                yield self._background(number)

    def _planted(self, number: int, week: str) -> Iterator[MadeUp]:
        """The planted questions of a week; how many on average, at the usual size of a log."""
        share = self._per_week / PER_WEEK
        ramp = min(1.0, max(0.0, (number - HALF_YEAR) / HALF_YEAR))
        rates = {
            "subsidy": 8.0,
            "menopause": 9.0 if number >= NEW_IN else 0.0,
            "prayer-room": 9.0 if number < GONE_IN else 0.0,
            "payroll-link": 2.5,
            "mentor-programme": 2.0,
            RISING: 2.0 + 14.0 * ramp,
            FADING: max(0.3, 14.0 * (1.0 - 2.0 * ramp)),
            SEASONAL: 24.0 if _is_near_deadline(week) else 1.0,
            ADDED: 7.0,
        }
        for name, rate in rates.items():
            for _ in range(self._arrivals(rate * share)):
                language = self._language()
                if name in self._gaps:
                    text = self._chance.choice(_OPENERS[language]) + self._chance.choice(self._gaps[name][language])
                    yield MadeUp(number, text, language, None, name)
                else:
                    answered = name != ADDED or number >= ADDED_IN
                    yield MadeUp(number, self._wording(name, language), language, name if answered else None, name)

    def _background(self, number: int) -> MadeUp:
        language = self._language()
        if self._chance.random() < 0.08:
            stray = self._chance.choice(self._knowledge.out_of_scope)[language]
            text = stray if self._chance.random() < 0.9 else self._chance.choice(self._once[language])
            return MadeUp(number, text, language, None, "")
        topic = self._chance.choices(self._topics, self._weights)[0]
        answered = self._chance.random() < 0.97
        return MadeUp(number, self._wording(topic, language), language, topic if answered else None, topic)

    def _wording(self, topic: str, language: str) -> str:
        pairs = self._knowledge.topics[topic].questions[: self._wordings]
        return self._chance.choice(pairs)[language]

    def _language(self) -> str:
        return "en" if self._chance.random() < 0.18 else "nl"

    def _arrivals(self, mean: float) -> int:
        """How many come in a week: by chance, as people do who ask by themselves."""
        if mean > 30:
            return max(0, round(self._chance.gauss(mean, math.sqrt(mean))))
        limit, product, count = math.exp(-mean), self._chance.random(), 0
        while product > limit:
            product *= self._chance.random()
            count += 1
        return count

    # ---- who asked, and what came of it

    def rows(self, questions: Sequence[MadeUp], import_id: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """The rows of the log, without vectors, and those of popularity."""
        log: list[dict[str, Any]] = []
        events: dict[tuple[str, ...], dict[str, Any]] = {}
        asker: dict[str, Any] = {}
        for one in questions:
            # One in four asks something else in the same conversation.
            if not asker or asker["number"] != one.week or self._chance.random() >= 0.25:
                asker = self._asker(one)
            row = self._row(one, asker) | {"import_id": import_id}
            log.append(row)
            if row["decision"] == "answer":
                for event in self._events(row):
                    events[tuple(event.values())] = event
        return log, list(events.values())

    def _asker(self, one: MadeUp) -> dict[str, Any]:
        channel = self._chance.choices(("chat", "phone", "email", "partner"), (70, 15, 8, 7))[0]
        sent = channel == "partner" or self._chance.random() < 0.22
        return {
            "number": one.week,
            "asker_id": self._id(),
            "channel": channel,
            "referrer": self._chance.choices(_REFERRERS, (40, 25, 15, 8, 12))[0] if sent else None,
            "is_signatory": self._chance.random() < 0.4 if self._chance.random() < 0.35 else None,
            "size": self._chance.choices(("large", "sme"), (55, 45))[0] if self._chance.random() < 0.4 else None,
        }

    def _row(self, one: MadeUp, asker: Mapping[str, Any]) -> dict[str, Any]:
        chance, by_chat = self._chance, asker["channel"] == "chat"
        decision: str | None = None
        if by_chat:
            decision = "unknown" if one.topic is None else chance.choices(("answer", "choices"), (88, 12))[0]
        handed_over = by_chat and chance.random() < (0.35 if one.topic is None else 0.04)
        by_person = asker["channel"] in ("phone", "email")
        refers = by_person and chance.random() < 0.2
        to = chance.choices(("network", "material", "advice_talk", "other"), (50, 25, 15, 10))[0] if refers else None
        known = decision == "answer" and chance.random() < 0.25
        return {
            "id": self._id(),
            "asked_on": weeks.first_day(self._weeks[one.week]) + timedelta(days=chance.choice((0, 1, 2, 3, 4, 4, 6))),
            "week": self._weeks[one.week],
            "asker_id": asker["asker_id"],
            "text": one.text,
            "language": one.language,
            "channel": asker["channel"],
            "referrer": asker["referrer"],
            "is_signatory": asker["is_signatory"],
            "size": asker["size"],
            "decision": decision,
            "topic": one.topic,
            "confidence": None if decision is None else round(chance.uniform(0.75, 0.99) if one.topic else 0.2, 3),
            "helpful": chance.random() < 0.85 if known else None,
            "handed_over": handed_over,
            "answered_by_agent": handed_over and chance.random() < 0.8,
            "need": chance.choice(self._needs)[one.language] if by_person and chance.random() < 0.3 else None,
            "referred_to": to,
            "referred_name": chance.choice(_NETWORKS) if to == "network" else None,
        }

    def _events(self, row: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        topic = self._knowledge.topics[row["topic"]]
        things = [("topic", topic.id, 0.0)]
        things += [("source", name, 0.25) for name in sorted({source.document for source in topic.sources})]
        things += [("material", name, 0.3) for name in topic.materials]
        for thing, name, opens in things:
            happened = ["shown"]
            if self._chance.random() < opens:
                happened.append("opened")
            if row["helpful"] is not None:
                happened.append("helpful" if row["helpful"] else "unhelpful")
            for event in happened:
                yield {
                    "week": row["week"],
                    "thing": thing,
                    "name": name,
                    "event": event,
                    "referrer": row["referrer"] or "",
                    "asker_id": row["asker_id"],
                }

    def _id(self) -> str:
        return str(uuid.UUID(int=self._chance.getrandbits(128), version=4))


def _season(week: str) -> float:
    """How busy a week is: quiet in summer and at the end of the year, busy before the report is due."""
    month = int(weeks.month_of(week)[-2:])
    if weeks.week_of(date(weeks.first_day(week).year, 12, 28)) == week:
        return 0.3
    return {7: 0.75, 8: 0.6, 10: 1.35, 12: 0.8}.get(month, 1.0)


def _is_near_deadline(week: str) -> bool:
    """Whether 31 October is at most three weeks away, or has just been."""
    monday = weeks.first_day(week)
    deadline = date(monday.year, 10, 31)
    return timedelta(days=-7) <= deadline - monday <= timedelta(days=24)


def fill(
    engine: Engine,
    knowledge: Knowledge,
    encoder: Encoder,
    today: date,
    *,
    seed: int = 1,
    per_week: int = PER_WEEK,
    progress: Progress | None = None,
) -> int:
    """Writes made-up questions, in one transaction; gives how many.

    today: in Amsterdam.
    progress: told how many texts have a vector.

    Raises NotForDemo, having written nothing.
    """
    check(engine)
    inventor = Inventor(knowledge, demo_weeks(today), seed=seed, per_week=per_week)
    import_id = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{FICTIONAL} {seed}"))
    log, events = inventor.rows(list(inventor.questions()), import_id)
    add_vectors(log, encoder, progress)
    with Session(engine) as session, session.begin():
        _refuse(session)
        mark = hashlib.sha256(f"{seed} {len(log)}".encode()).hexdigest()
        session.execute(
            insert(TrendImport), [{"id": import_id, "referrer": FICTIONAL, "file_hash": mark, "rows": len(log)}]
        )
        for table, rows in ((TrendQuestion, log), (Popularity, events)):
            for start in range(0, len(rows), _AT_ONCE):
                session.execute(insert(table), rows[start : start + _AT_ONCE])
    return len(log)


def add_vectors(log: Sequence[dict[str, Any]], encoder: Encoder, progress: Progress | None = None) -> None:
    """Gives every row its vector; the same text is encoded once."""
    texts = sorted({row["text"] for row in log})
    vectors: dict[str, bytes] = {}
    for start in range(0, len(texts), 100):
        some = texts[start : start + 100]
        for text, vector in zip(some, encoder.encode(some, workers=2), strict=True):
            vectors[text] = np.asarray(vector, dtype="<f2").tobytes()
        if progress:
            progress("texts encoded", len(vectors), len(texts))
    for row in log:
        row["vector"], row["vector_of"] = vectors[row["text"]], encoder.hash


def check(engine: Engine) -> None:
    """Raises NotForDemo where made-up questions have no place."""
    with Session(engine.execution_options(writes=False)) as session:
        _refuse(session)


def _refuse(session: Session) -> None:
    made_up = set(session.scalars(select(TrendImport.id).where(TrendImport.referrer == FICTIONAL)))
    if made_up:
        raise NotForDemo("The made-up questions are there already.")
    if session.scalar(select(TrendQuestion.id).limit(1)) is not None:
        raise NotForDemo("The log holds real questions: made-up ones must not be mixed with them.")
    if session.scalar(select(Snapshot.week).limit(1)) is not None:
        raise NotForDemo("There are snapshots of real questions: made-up ones must not stand beside them.")
