"""The one place that decides. The chat, the helpdesk and the trends all ask here."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from bot.answers.decision import LEAST_SHARE, Candidate, Decision
from bot.answers.index import Array, Index, IndexMissing
from bot.answers.knowledge import Knowledge
from bot.encoder.runtime import Encoder

CHOICES = 3
# How follow-ups are read was chosen on tests/answers/follow_ups.yml.
NEIGHBOURS_COUNT = 4.0
"""How much likelier a follow-up is about the last topic or a related one."""
SAYS_SO = 0.8
"""How likely it is that a question leans on the one before which opens like that, or points back."""
SHORT = 0.5
"""How likely it is of another short question, unless it is clear by itself."""
CLEAR = 0.95
"""From this confidence a short question is clear by itself."""
LEANS_ODDS = 5.0
"""How much likelier it is that the knowledge answers a question which says that it leans on an answer."""
_SHORT_WORDS = 8
_POINTING_WORDS = 10
"""With more words, what a pronoun points to is mostly in the question itself."""

# A question that leans on the one before it opens with a conjunction, is a bare question word, or points back.
_OPENS = {
    "nl": re.compile(
        r"^(en|maar|of|ook|dan|dus)\b|^(waarom|hoezo|wanneer|hoe lang|waar|wie|hoeveel|hoe dan)\W*$", re.IGNORECASE
    ),
    "en": re.compile(
        r"^(and|but|or|also|then|so|what about|how about)\b|^(why|when|how long|where|who|how many|how so)\W*$",
        re.IGNORECASE,
    ),
}
_POINTS_BACK = {
    "nl": re.compile(
        r"\b(ie|die|dat|dit|deze|ze|zij|hem|hen|hun|er|erop|eraan|ervan|erbij|daar\w*|dan)\b"
        # "het" points back where no noun follows.
        r"|\bhet(?=\W*$|\s+(ook|niet|dan|wel|nog|al|zo|per|in|op|via|met|voor|geen|zonder|later|eerder)\b)",
        re.IGNORECASE,
    ),
    "en": re.compile(
        r"\b(it|its|they|them|their|that|this|those|these|there|then|ones)\b|\bone(?=\W*$)", re.IGNORECASE
    ),
}

_SENTENCE_ENDS = re.compile(r"(?<=[?!.;])\s+")
MOST_SENTENCES = 3
FEWEST_WORDS = 3
"""With fewer words it is no question: a greeting, an abbreviation."""


@dataclass(frozen=True)
class Reading:
    """One way to read a question: the probability of each topic, and of there being an answer at all."""

    topics: Array
    in_scope: float
    signals: Array
    """What `Index.score` saw of the question."""

    @property
    def likelihood(self) -> float:
        """How likely it is that the best topic is what the question is about."""
        return float(self.topics.max()) * self.in_scope


class AnswerEngine:
    """Finds the topic that answers a question, asks back, or declines.

    Raises IndexMissing when the index was made with another encoder than the one given.
    """

    def __init__(self, encoder: Encoder, index: Index, knowledge: Knowledge) -> None:
        if index.encoder_hash != encoder.hash:
            raise IndexMissing("The index was made with another encoder: run `make train`.")
        if index.questions_hash != knowledge.questions_hash:
            raise IndexMissing("The questions have changed since the index was made: run `make train`.")
        self.encoder = encoder
        self.index = index
        self.knowledge = knowledge
        self._place = {topic: place for place, topic in enumerate(index.topics)}
        self._neighbours = self._neighbourhoods()

    def _neighbourhoods(self) -> dict[str, npt.NDArray[np.int64]]:
        """For each topic, where in the index a follow-up to it may well be: itself and those related to it."""
        near = {topic: {place} for topic, place in self._place.items()}
        for topic in self.index.topics:
            for other in self.knowledge.topics[topic].related:
                near[topic].add(self._place[other])
                near[other].add(self._place[topic])
        return {topic: np.array(sorted(places)) for topic, places in near.items()}

    def _read(self, vector: Array) -> Reading:
        scores = self.index.score(vector)
        return Reading(np.exp(scores.choice), self.index.in_scope(scores.signals), scores.signals)

    def _read_as_follow_up(self, question: str, alone: Array, language: str, last_topic: str, odds: float) -> Reading:
        """The question half on its own, half behind what was talked about, whose neighbourhood is likelier.

        odds: how much likelier than of another question it is that there is an answer.
        """
        behind = f"{self.knowledge.topics[last_topic].title[language]}: {question}"
        vector = alone + self.encoder.encode_one(behind)
        reading = self._read(vector / np.linalg.norm(vector))
        topics = reading.topics.copy()
        topics[self._neighbours[last_topic]] *= 1.0 + NEIGHBOURS_COUNT
        in_scope = odds * reading.in_scope / (odds * reading.in_scope + 1.0 - reading.in_scope)
        return replace(reading, topics=topics / topics.sum(), in_scope=in_scope)

    def decide(
        self, question: str, language: str, last_topic: str | None = None, vector: Array | None = None
    ) -> Decision:
        """Decides on one question.

        last_topic: what the last answer in this conversation was about, for questions that lean on it.
        vector: of the question, where this encoder made it already.
        """
        reading, follow_up_of = self._best_reading(question, language, last_topic, vector)
        candidates = self._candidates(reading, CHOICES)
        calibration = self.index.calibration
        if candidates[0].confidence >= calibration.answer_from:
            return Decision("answer", candidates, follow_up_of)
        if sum(candidate.confidence for candidate in candidates) >= calibration.choices_from:
            offered = _worth_offering(candidates)
            if sure := self._confirmed(question, offered[0]):
                return Decision("answer", (sure, *offered[1:]), follow_up_of)
            behind = self._candidates(reading, len(offered) + CHOICES)[len(offered) :]
            return Decision("choices", offered, follow_up_of, tuple(candidate.topic for candidate in behind))
        return Decision("unknown", candidates, follow_up_of)

    def rank(
        self, question: str, language: str, last_topic: str | None = None, vector: Array | None = None
    ) -> tuple[Candidate, ...]:
        """The three likeliest topics, best first, however unsure: for somebody who chooses among them.

        last_topic, vector: as for `decide`.
        """
        return self._candidates(self._best_reading(question, language, last_topic, vector)[0], CHOICES)

    def _best_reading(
        self, question: str, language: str, last_topic: str | None, vector: Array | None
    ) -> tuple[Reading, str | None]:
        """How the question is read best, and the topic that it was then read as a follow-up to."""
        if vector is None:
            vector = self.encoder.encode_one(question)
        alone = self._read(vector)
        if last_topic is None or last_topic not in self._place:
            return alone, None
        says_so = _says_that_it_leans(question, language)
        if not (says_so or self._is_short_and_unclear(question, alone)):
            return alone, None
        leaning = self._read_as_follow_up(question, vector, language, last_topic, odds=LEANS_ODDS if says_so else 1.0)
        chance = SAYS_SO if says_so else SHORT
        if chance * leaning.likelihood >= (1.0 - chance) * alone.likelihood:
            return _either(leaning, alone, chance), last_topic
        return _either(alone, leaning, 1.0 - chance), None

    def _confirmed(self, question: str, best: Candidate) -> Candidate | None:
        """The best candidate, where one of several sentences is surely about it by itself; how sure, goes along."""
        alone = [
            self._candidates(self._read(self.encoder.encode_one(sentence)), 1)[0] for sentence in sentences(question)
        ]
        sure = max((one.confidence for one in alone if one.topic == best.topic), default=0.0)
        return replace(best, confidence=sure) if sure >= self.index.calibration.answer_from else None

    def _candidates(self, reading: Reading, count: int) -> tuple[Candidate, ...]:
        order = np.argsort(-reading.topics)[:count]
        sure = self._confidences(reading)
        return tuple(Candidate(self.index.topics[at], float(sure[at])) for at in order)

    def _confidences(self, reading: Reading) -> Array:
        return self.index.confidences(reading.topics, reading.in_scope, reading.signals)

    def _is_short_and_unclear(self, question: str, reading: Reading) -> bool:
        return len(question.split()) <= _SHORT_WORDS and float(self._confidences(reading).max()) < CLEAR


def _says_that_it_leans(question: str, language: str) -> bool:
    """Whether a question opens as one does that leans on the one before, or is short and points back."""
    if _OPENS[language].search(question.strip()):
        return True
    return len(question.split()) <= _POINTING_WORDS and bool(_POINTS_BACK[language].search(question))


def _either(likelier: Reading, other: Reading, chance: float) -> Reading:
    """Two readings of a question in one: each topic as likely as in both together.

    Where they find the same topic it stays as sure; where they differ, neither is told as if it were sure.
    likelier: the one whose signals stand for both; chance: how likely it is that it is the right reading.
    """
    topics = chance * likelier.in_scope * likelier.topics + (1.0 - chance) * other.in_scope * other.topics
    in_scope = float(topics.sum())
    return replace(likelier, topics=(topics / in_scope).astype(np.float32), in_scope=in_scope)


def sentences(question: str) -> list[str]:
    """The last few sentences of what was asked; none where it is one. What is asked stands behind what led to it."""
    found = [sentence for sentence in _SENTENCE_ENDS.split(question.strip()) if len(sentence.split()) >= FEWEST_WORDS]
    return found[-MOST_SENTENCES:] if len(found) > 1 else []


def _worth_offering(candidates: tuple[Candidate, ...]) -> tuple[Candidate, ...]:
    """The best two, and a third that is not far behind: an odd one out makes the other two look odd as well."""
    least = candidates[0].confidence * LEAST_SHARE
    return candidates[:2] + tuple(candidate for candidate in candidates[2:] if candidate.confidence >= least)


def open_engine(models: Path, knowledge: Knowledge, threads: int = 1) -> AnswerEngine:
    """The engine over what `models/current.json` names.

    Raises IndexMissing or EncoderError when training has not been done for this knowledge.
    """
    try:
        current = json.loads((models / "current.json").read_text(encoding="utf-8"))
        encoder, index = models / current["encoder"], models / current["index"]
    except (OSError, KeyError, ValueError) as problem:
        raise IndexMissing(f"{models} holds no built models: run `make train`.") from problem
    return AnswerEngine(Encoder(encoder, threads), Index.load(index), knowledge)
