"""Questions that keep being asked: one identity over time, how they move, and what they are called.

A question that a topic answered belongs to that topic's recurring question; one that nothing answered, to the nearest
recurring question that there is; the rest is grouped freely, and what enough askers asked becomes a new one: a gap.
When a gap's questions are answered by a topic from some week on, the gap keeps its identity and gets the topic.

What is kept between periods, the register, is made of groups that were shown: never of what fewer askers asked.
"""

from __future__ import annotations

import hashlib
import math
import re
import uuid
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from bot.answers.knowledge import LANGUAGES, Knowledge, normal_form
from bot.trends import weeks
from bot.trends.grouping import SAME_GROUP, Whole, centroid, group, nearest, similarity
from bot.trends.rounding import Askers, Rows

LOOKS_BACK = {weeks.WEEK: (4, 8), weeks.MONTH: (2, 4), weeks.HALF_YEAR: (1, 2)}
"""Over how many periods before it a count is compared with their mean, and after how many silent ones it is
new again."""
SURE = 3.3
"""Standard deviations. People who ask by themselves arrive by chance, so a count of m varies by the root of m. Chance
takes fewer than one count in a hundred further than this, also of those that are small and rounded."""
OLD_COUNTS = 3
"""How much heavier the centroid that was weighs than that of a period's own questions: it drifts, but slowly."""
LONGEST_LABEL = 200
NAMELESS = "–"
"""The label where every word would tell what fewer askers than enough used."""
KEYWORDS = 5
_GREETING = re.compile(
    r"^(?:(?:goede(?:n ?dag|morgen|middag|navond)|hallo|hoi|dag|beste|vraagje|korte vraag|hello|hi|hey|good"
    r" (?:morning|afternoon|evening|day)|dear|quick question|question)\b[^\w?]{0,3}\s*)+",
    re.IGNORECASE,
)
_NAMES = uuid.UUID("5f0b64a4-0f3c-5a7b-9a52-6d9f5d2b8f11")


@dataclass(frozen=True)
class Recurring:
    """A recurring question, as the register keeps it."""

    id: str
    topic: str | None
    """The topic that answers it; None is a gap."""
    label: str
    language: str
    first: str
    """The period in which it was first shown."""
    last: str
    centroid: Whole
    """Shape (dimensions,)."""


@dataclass(frozen=True)
class Question:
    """What of a logged question tells which one it is."""

    text: str
    language: str
    topic: str | None


# ---- identity


class Assigning:
    """Finds the recurring question of each question that has none yet.

    vectors: whole numbers, one row for each question.
    may_join: whether a question, by its row, may still go to a recurring question that was there before.
    """

    def __init__(
        self,
        questions: Sequence[Question],
        vectors: Whole,
        askers: Askers,
        register: Iterable[Recurring],
        *,
        period: str,
        may_join: Callable[[int, str], bool] = lambda _row, _id: True,
    ) -> None:
        self._questions, self._vectors, self._askers = questions, vectors, askers
        self._period, self._may_join = period, may_join
        self._known = {one.id: one for one in sorted(register, key=lambda one: one.id)}
        self._found: dict[int, str] = {}

    @property
    def register(self) -> list[Recurring]:
        """Those that were there before, and the new ones; in the order of their ids."""
        return [self._known[id_] for id_ in sorted(self._known)]

    def assign(self, rows: Iterable[int]) -> dict[int, str]:
        """The id of each row's recurring question, for those that have one."""
        rows = sorted(rows, key=lambda row: (_hash(self._questions[row].text), row))
        answered: dict[str, list[int]] = defaultdict(list)
        unanswered = []
        for row in rows:
            topic = self._questions[row].topic
            if topic is None:
                unanswered.append(row)
            else:
                answered[topic].append(row)
        self._known_topics(answered)
        self._nearest(unanswered)
        for topic in sorted(answered):
            self._new_topic(topic, [row for row in answered[topic] if row not in self._found])
        self._new_gaps([row for row in unanswered if row not in self._found])
        return self._found

    def _join(self, rows: Iterable[int], id_: str) -> None:
        self._found.update((row, id_) for row in rows if self._may_join(row, id_))

    def _known_topics(self, answered: Mapping[str, Sequence[int]]) -> None:
        for one in self._known.values():
            if one.topic is not None:
                self._join(answered.get(one.topic, ()), one.id)

    def _nearest(self, rows: Sequence[int]) -> None:
        known = list(self._known.values())
        if known and rows:
            near = nearest(self._vectors[list(rows)], np.stack([one.centroid for one in known]))
            for row, place in zip(rows, near, strict=True):
                if place >= 0:
                    self._join([row], known[place].id)

    def _new_topic(self, topic: str, rows: Sequence[int]) -> None:
        """A topic that was not there before: it answers a gap that was, or is a recurring question of its own."""
        if any(one.topic == topic for one in self._known.values()) or not self._askers.enough(set(rows)):
            return
        mean = centroid(self._vectors[list(rows)])
        gap = _like(mean, [one for one in self._known.values() if one.topic is None])
        one = _named(topic, self._period, mean) if gap is None else replace(gap, topic=topic)
        self._known[one.id] = one
        self._join(rows, one.id)

    def _new_gaps(self, rows: Sequence[int]) -> None:
        if not rows:
            return
        groups = group(self._vectors[list(rows)], [self._questions[row].text for row in rows])
        for members, mean in zip(groups.members(), groups.centroids, strict=True):
            mine = {rows[member] for member in members}
            if not self._askers.enough(mine):
                continue
            one = _like(mean, list(self._known.values()))
            if one is None or not self._askers.enough({row for row in mine if self._may_join(row, one.id)}):
                one = _named(None, self._period, mean)
                self._known[one.id] = one
            self._join(mine, one.id)


def _like(mean: Whole, among: Sequence[Recurring]) -> Recurring | None:
    """The one whose centroid is nearest, where it is near enough to be the same; of equally near ones the first."""
    if not among:
        return None
    near = similarity(mean[None], np.stack([one.centroid for one in among]))[0]
    best = int(near.argmax())
    return among[best] if near[best] >= SAME_GROUP else None


def _named(topic: str | None, period: str, mean: Whole) -> Recurring:
    """A new one; its id follows from what it is made of, so that the same input gives the same id."""
    mark = hashlib.sha256(mean.astype("<f4").tobytes()).hexdigest()
    id_ = str(uuid.uuid5(_NAMES, f"{topic or ''} {period} {mark}"))
    return Recurring(id_, topic, "", LANGUAGES[0], period, period, mean)


def moved_on(one: Recurring, vectors: Whole, rows: Rows, period: str) -> Recurring:
    """A recurring question after a period in which it was shown: its centroid drifts to what was asked."""
    fresh = centroid(vectors[sorted(rows)])
    both = np.stack([fresh, *[one.centroid] * OLD_COUNTS])
    return replace(one, centroid=centroid(both), last=max(one.last, period, key=weeks.order))


def _hash(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=16).digest()


# ---- movement


@dataclass(frozen=True)
class Heard:
    """What is shown of a recurring question in a period, and of all questions together. None where it is not shown."""

    count: int | None
    of: int | None


def movement(now: Heard, before: Sequence[Heard], kind: str, least: int, *, unheard: bool) -> str | None:
    """new, rising, steady, fading or gone; None where nothing can be said.

    Judged by what is shown alone, so that it tells nothing more than the numbers beside it; and against the log as a
    whole, so that not everything rises in a busy month or when a partner brings a thousand questions.

    before: the periods before it that were frozen, the last one last, as far back as it looks.
    least: from how many askers a number is shown. What is not shown is taken as the middle of what it may be.
    unheard: whether it is a gap that was never shown before, in a period of any length. A topic that was never shown
        was there all the same, with few questions: then it is new only when it has clearly more.
    """
    compared, remembered = LOOKS_BACK[kind]
    if len(before) < compared:
        return None
    hidden = (least - 1) / 2
    if now.count is None:
        return _silence(now, before, compared, hidden)
    expected = _expected(before[-compared:], [now], hidden)
    lead = _deviations(now.count, expected, 1, compared)
    if all(one.count is None for one in before[-remembered:]):
        return "new" if unheard or lead >= SURE else None
    return "rising" if lead >= SURE else "fading" if lead <= -SURE else "steady"


def _silence(now: Heard, before: Sequence[Heard], compared: int, hidden: float) -> str | None:
    """gone, in the period that makes the silence as long as is looked back; fading, in the first silent one."""
    silent = [now]
    while len(silent) <= len(before) and before[-len(silent)].count is None:
        silent.append(before[-len(silent)])
    heard = before[: len(before) - len(silent) + 1][-compared:]
    if len(silent) not in (1, compared) or not heard:
        return None
    expected = _expected(heard, silent, hidden)
    if _deviations(hidden * len(silent), expected, len(silent), len(heard)) > -SURE:
        return None
    return "gone" if len(silent) == compared else "fading"


def _expected(heard: Sequence[Heard], now: Sequence[Heard], hidden: float) -> float:
    """What periods would count if the question kept its share of all; where those are not shown, its number."""
    mean = sum(hidden if one.count is None else one.count for one in heard) / len(heard)
    totals = [one.of for one in heard if one.of]
    usual = sum(totals) / len(totals) if totals else 0
    return sum(mean * (one.of / usual if one.of and usual else 1.0) for one in now)


def _deviations(now: float, expected: float, periods: int, compared: int) -> float:
    """How many standard deviations the count of some periods is from what was expected of it.

    Both vary by chance, as arrivals do, and each period's by rounding: up to two each way, so with a variance of two.
    """
    return (now - expected) / math.sqrt((expected + 2.0 * periods) * (1 + periods / compared))


# ---- labels


class Labels:
    """What recurring questions of a period are called, so that no label tells what one asker alone wrote.

    A gap is called by its most central question, if every word of it is a word of the knowledge, or was used by enough
    askers; a wording that several used comes before one of a single asker. Where there is none, by the words that
    enough askers used. A question with a topic is called by the knowledge's own nearest question.

    public: the words of the knowledge, see `public_words`.
    """

    def __init__(
        self,
        questions: Sequence[Question],
        vectors: Whole,
        askers: Askers,
        knowledge: Knowledge,
        public: frozenset[str],
    ) -> None:
        self._questions, self._vectors, self._askers, self._knowledge = questions, vectors, askers, knowledge
        self._public = public
        self._used: dict[str, set[int]] = defaultdict(set)
        for row, question in enumerate(questions):
            for word in normal_form(question.text).split():
                self._used[word].add(row)

    def label(self, one: Recurring, rows: Rows) -> tuple[str, str]:
        """The label and its language. rows: the questions that are shown under it."""
        spoken = Counter(self._questions[row].language for row in rows)
        language = max(LANGUAGES, key=lambda each: (spoken[each], -LANGUAGES.index(each)))
        if one.topic is not None and one.topic in self._knowledge.topics:
            return self._of_topic(one.topic, language, rows), language
        spoken_in = [row for row in rows if self._questions[row].language == language]
        label = self._central(one, spoken_in) or self._central(one, sorted(rows)) or self._keywords(rows)
        return label or one.label or NAMELESS, language

    def _of_topic(self, topic: str, language: str, rows: Rows) -> str:
        """The question of the knowledge that shares most words with what was asked."""
        said = Counter(word for row in sorted(rows) for word in set(normal_form(self._questions[row].text).split()))
        known = self._knowledge.topics[topic]

        def fits(question: str) -> float:
            words = set(normal_form(question).split())
            return sum(said[word] for word in words) / math.sqrt(len(words) or 1)

        return max((pair[language] for pair in known.questions), key=lambda each: (fits(each), each), default=topic)

    def _central(self, one: Recurring, rows: Sequence[int]) -> str:
        wordings: dict[str, list[int]] = defaultdict(list)
        for row in rows:
            if self._tells_nobody(self._questions[row].text):
                wordings[normal_form(_bare(self._questions[row].text))].append(row)
        best: tuple[int, float, str] | None = None
        for same in wordings.values():
            row = min(same, key=lambda each: self._questions[each].text)
            near = float(similarity(self._vectors[row][None], one.centroid[None])[0, 0])
            this = (min(self._askers.count(same), 2), near, _bare(self._questions[row].text))
            best = max(best, this) if best else this
        return best[2] if best else ""

    def _tells_nobody(self, text: str) -> bool:
        words = normal_form(text).split()
        # What redaction took out stands in brackets: nobody is told, but nobody can read it either.
        return bool(words) and len(text) <= LONGEST_LABEL and "[" not in text and all(map(self._is_common, words))

    def _is_common(self, word: str) -> bool:
        return word in self._public or self._askers.enough(self._used[word])

    def _keywords(self, rows: Rows) -> str:
        used: dict[str, set[int]] = defaultdict(set)
        for row in sorted(rows):
            for word in normal_form(self._questions[row].text).split():
                if len(word) > 3:
                    used[word].add(row)
        common = [word for word in used if self._askers.enough(used[word])]
        common.sort(key=lambda word: (-self._askers.count(used[word]), word))
        return " · ".join(common[:KEYWORDS])


def _bare(text: str) -> str:
    """A question without the greeting before it, and with a capital."""
    bare = _GREETING.sub("", " ".join(text.split())) or text
    return bare[:1].upper() + bare[1:]


def public_words(knowledge: Knowledge) -> frozenset[str]:
    """Every word of the knowledge, in either language. It takes a tenth of a second."""
    found: set[str] = set()
    for topic in knowledge.topics.values():
        for language in LANGUAGES:
            texts = [topic.title[language], topic.answer[language], *(pair[language] for pair in topic.questions)]
            for text in texts:
                found.update(normal_form(text).split())
    return frozenset(found)
