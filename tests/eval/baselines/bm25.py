"""BM25 over questions and answers: what a search box would find."""

from __future__ import annotations

from collections.abc import Sequence

import bm25s
import numpy as np
from sklearn.linear_model import LogisticRegression

from bot.answers.decision import Candidate, Decision
from bot.answers.knowledge import LANGUAGES, Knowledge
from bot.answers.training import Texts, answer_threshold, choices_threshold
from tests.eval.outcomes import Decider


def _words(texts: Sequence[str]) -> bm25s.tokenization.Tokenized:
    return bm25s.tokenize(list(texts), stopwords=None, show_progress=False)


class Bm25(Decider):
    """The topic of the best document; its score and its lead become a confidence, calibrated by the engine's rules."""

    name = "BM25"

    def __init__(self, knowledge: Knowledge, texts: Texts) -> None:
        """Fits its thresholds on the questions that the engine's were fitted on, and then reads all of them."""
        self._topics = texts.topics
        answers = [knowledge.topics[topic].answer[language] for topic in texts.topics for language in LANGUAGES]
        answer_places = np.repeat(np.arange(len(texts.topics)), len(LANGUAGES))
        rows = np.flatnonzero(~texts.held)
        self._read([texts.texts[at] for at in rows] + answers, np.concatenate([texts.places[rows], answer_places]))
        held = np.flatnonzero(texts.held)
        strays = [text for text, is_held in zip(texts.strays, texts.stray_held, strict=True) if is_held]
        found = [self._score(text) for text in [*(texts.texts[at] for at in held), *strays]]
        inside = np.arange(len(found)) < len(held)
        best = np.array([scores.argmax() for scores in found])
        right = np.array(
            [best[at] in texts.answered_by(int(held[at])) if inside[at] else False for at in range(len(found))]
        )
        signals = np.stack([self._signals(scores) for scores in found])
        self._sure = LogisticRegression(class_weight="balanced").fit(signals, right)
        confidence = self._sure.predict_proba(signals)[:, 1]
        self._answer_from = answer_threshold(confidence, right, inside)
        self._choices_from = choices_threshold(confidence, inside)
        self._read([*texts.texts, *answers], np.concatenate([texts.places, answer_places]))

    def _read(self, documents: Sequence[str], places: np.ndarray) -> None:
        self._places = places
        self._bm25 = bm25s.BM25()
        self._bm25.index(_words(documents), show_progress=False)

    def _score(self, text: str) -> np.ndarray:
        """The best document's score of each topic, shape (topics,)."""
        words = bm25s.tokenize([text], stopwords=None, show_progress=False, return_ids=False)[0]
        of_documents = self._bm25.get_scores(words) if words else np.zeros(len(self._places), dtype=np.float32)
        scores = np.zeros(len(self._topics), dtype=np.float32)
        np.maximum.at(scores, self._places, of_documents)
        return scores

    @staticmethod
    def _signals(scores: np.ndarray) -> np.ndarray:
        first, second = np.sort(scores)[::-1][:2]
        return np.array([first, first - second])

    def decide(self, question: str, language: str, last_topic: str | None = None) -> Decision:
        """By score alone; it knows no last topic."""
        scores = self._score(question)
        sure = float(self._sure.predict_proba(self._signals(scores)[None])[0, 1])
        order = np.argsort(-scores)[:3]
        share = scores[order] / max(1e-9, float(scores[order[0]]))
        candidates = tuple(
            Candidate(self._topics[at], sure * float(part)) for at, part in zip(order, share, strict=True)
        )
        if sure >= self._answer_from:
            return Decision("answer", candidates)
        return Decision("choices" if sure >= self._choices_from else "unknown", candidates)
