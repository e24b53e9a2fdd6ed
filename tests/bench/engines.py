"""The answer engine alone, over made-up knowledge of any size: what a question costs as topics are added."""

from __future__ import annotations

import json
import time
from datetime import date
from types import MappingProxyType

import numpy as np
from sqlalchemy import create_engine

from bot.answers.engine import AnswerEngine, open_engine
from bot.answers.index import Index
from bot.answers.knowledge import Knowledge, Topic, load
from bot.encoder.runtime import Encoder
from bot.helpdesk.suggesting import Suggester
from bot.settings import settings

SIZES = (100, 1_000, 10_000)
QUESTIONS_PER_TOPIC = 20
ASKED = 200
TYPED = 40
"""Questions that are typed word by word."""


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
        also=np.stack([np.arange(topics), np.roll(np.arange(topics), 1)], axis=1),
        also_shares=np.full(topics, 0.1, dtype=np.float32),
        calibration=like.index.calibration,
        encoder_hash=like.encoder.hash,
        questions_hash=knowledge.questions_hash,
    )
    return AnswerEngine(like.encoder, index, knowledge)


def _fresh_encoder() -> Encoder:
    """A new encoder: the served one remembers what it was asked, and every size here is asked the same."""
    models = settings().models_dir
    current = json.loads((models / "current.json").read_text(encoding="utf-8"))
    return Encoder(models / current["encoder"])


def suggestions_while_typing() -> dict[str, dict[str, float]]:
    """For each size: median and 95th percentile, in ms, of three suggestions at every word that is typed.

    With their texts, as the web process makes them; nothing is kept while somebody types. The way over HTTP is not
    in it.
    """
    config = settings()
    knowledge = load(config.knowledge_dir)
    real = open_engine(config.models_dir, knowledge)
    every = [text for _, _, language, text in knowledge.questions() if language == "nl"]
    typed = [
        " ".join(words[:count])
        for words in (text.split() for text in every[:: len(every) // TYPED])
        for count in range(1, len(words) + 1)
    ]
    found = {}
    for size in (SIZES[0], SIZES[-1]):
        engine = _made_up(size, real)
        engine.encoder = _fresh_encoder()
        database = create_engine("sqlite://")
        suggester = Suggester(lambda engine=engine: engine, engine.knowledge, database)
        suggester.suggest("warm", "nl", channel="phone", keep=False)
        spent = []
        for text in typed:
            began = time.perf_counter()
            suggester.suggest(text, "nl", channel="phone", keep=False)
            spent.append((time.perf_counter() - began) * 1000)
        suggester.close()
        database.dispose()
        found[str(size)] = {"median_ms": float(np.median(spent)), "p95_ms": float(np.percentile(spent, 95))}
    return found


def engine_alone() -> dict[str, dict[str, float]]:
    """For each size: median ms of a whole decision on a new question, and of its scoring alone."""
    config = settings()
    knowledge = load(config.knowledge_dir)
    real = open_engine(config.models_dir, knowledge)
    texts = [text for _, _, _, text in knowledge.questions()][:: max(1, len(list(knowledge.questions())) // ASKED)]
    found = {}
    for size in SIZES:
        engine = _made_up(size, real)
        engine.encoder = _fresh_encoder()
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
