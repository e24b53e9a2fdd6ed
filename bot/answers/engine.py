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
NEIGHBOURS_COUNT = 8.0
"""How much likelier a follow-up is about the last topic or a related one. Chosen on tests/answers/follow_ups.yml."""
SAYS_SO_COUNTS = 0.7
"""A question that says that it leans on the one before is read so, unless that makes it much less sure."""

LEANS_ODDS = 3.0
"""How much likelier it is that the knowledge answers a question which says that it leans on an answer."""

# A question that leans on the one before it: it opens with a conjunction, or points back.
_LEANS = {
    "nl": re.compile(
        r"^(en|maar|of|ook|dan)\b|^(wat|hoe|geldt|kan|mag|moet)\b.{0,25}\b(dat|dit|die|daar|dan|daarvoor|daarbij)\b"
        r"|^(waarom|hoezo|wanneer|hoe lang|waar|wie|hoeveel|hoe dan)\W*$|^(hij|zij|ze|dat|dit|die)\b"
        r"|^(\w+\W+){1,4}(dat|dit|deze|ze|hem|daar|daarvan|daarna|ervan|erbij)\b",
        re.IGNORECASE,
    ),
    "en": re.compile(
        r"^(and|but|or|also|then|what about|how about)\b"
        r"|^(what|how|does|can|may|must|is)\b.{0,25}\b(that|this|it|those|then)\b"
        r"|^(why|when|how long|where|who|how many|how so)\W*$|^(it|that|this|they|those|these)\b"
        r"|^(\w+\W+){1,4}(that|this|it|they|them|those|these)\b",
        re.IGNORECASE,
    ),
}
_SHORT_WORDS = 8

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
        reading, follow_up_of = self._read(vector), None
        if last_topic is not None and last_topic in self._place:
            says_so = bool(_LEANS[language].search(question.strip()))
            if says_so or self._is_short_and_unsure(question, reading):
                leaning = self._read_as_follow_up(
                    question, vector, language, last_topic, odds=LEANS_ODDS if says_so else 1.0
                )
                if leaning.likelihood >= reading.likelihood * (SAYS_SO_COUNTS if says_so else 1.0):
                    reading, follow_up_of = leaning, last_topic
        return reading, follow_up_of

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

    def _is_short_and_unsure(self, question: str, reading: Reading) -> bool:
        sure = float(self._confidences(reading).max())
        return sure < self.index.calibration.answer_from and len(question.split()) <= _SHORT_WORDS


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
