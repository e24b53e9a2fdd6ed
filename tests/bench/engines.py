"""The answer engine alone, over made-up knowledge of any size: what a question costs as topics are added."""

from __future__ import annotations

import json
import time
from datetime import date
from types import MappingProxyType

import numpy as np

from bot.answers.engine import AnswerEngine, open_engine
from bot.answers.index import Index
from bot.answers.knowledge import Knowledge, Topic, load
from bot.encoder.runtime import Encoder
from bot.settings import settings

SIZES = (100, 1_000, 10_000)
QUESTIONS_PER_TOPIC = 20
ASKED = 200


def _made_up(topics: int, like: AnswerEngine) -> AnswerEngine:
    """An engine over topics whose vectors point anywhere; it decides as the real one does."""
    chance = np.random.default_rng(0)
    ids = tuple(f"law.made-up-{number:05d}" for number in range(topics))
    both = MappingProxyType({"nl": "verzonnen", "en": "made up"})
    known = {
        id_: Topic(
            id=id_,
            title=both,
            questions=(),
            also=MappingProxyType({}),
            answer=both,
            sources=(),
            materials=(),
            review_by=date(2030, 1, 1),
            related=(ids[number - 1],),
            desk="portal",
        )
        for number, id_ in enumerate(ids)
    }

    def unit(count: int) -> np.ndarray:
        vectors = chance.normal(size=(count, like.encoder.dimensions)).astype(np.float32)
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    knowledge = Knowledge(
        topics=MappingProxyType(known),
        documents=MappingProxyType({}),
        materials=MappingProxyType({}),
        out_of_scope=(),
        greeting_topics=(),
    )
    index = Index(
        topics=ids,
        questions=unit(topics * QUESTIONS_PER_TOPIC),
        question_topics=np.repeat(np.arange(topics), QUESTIONS_PER_TOPIC),
        strays=unit(400),
        weights=unit(topics + 1) * 5,
        bias=np.zeros(topics + 1, dtype=np.float32),
        calibration=like.index.calibration,
        encoder_hash=like.encoder.hash,
        questions_hash=knowledge.questions_hash,
    )
    return AnswerEngine(like.encoder, index, knowledge)


def engine_alone() -> dict[str, dict[str, float]]:
    """For each size: median ms of a whole decision on a new question, and of its scoring alone."""
    config = settings()
    knowledge = load(config.knowledge_dir)
    real = open_engine(config.models_dir, knowledge)
    texts = [text for _, _, _, text in knowledge.questions()][:: max(1, len(list(knowledge.questions())) // ASKED)]
    found = {}
    for size in SIZES:
        engine = _made_up(size, real)
        # A new encoder: the served one remembers what it was asked, and everything here is asked three times.
        current = json.loads((config.models_dir / "current.json").read_text(encoding="utf-8"))
        engine.encoder = Encoder(config.models_dir / current["encoder"])
        whole, scoring = [], []
        for text in texts:
            began = time.perf_counter()
            engine.decide(text, "nl")
            whole.append(time.perf_counter() - began)
            vector = engine.encoder.encode_one(text)
            began = time.perf_counter()
            engine.index.score(vector)
            scoring.append(time.perf_counter() - began)
        found[str(size)] = {
            "whole_ms": float(np.median(whole)) * 1000,
            "scoring_ms": float(np.median(scoring)) * 1000,
        }
    return found
