"""Deciding, with the models that are served: an answer, a choice, or none."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest
import yaml

from bot.answers import engine as engine_module
from bot.answers import knowledge as knowledge_module
from bot.answers import rendering, training
from bot.answers.decision import Candidate, Decision
from bot.answers.engine import MOST_SENTENCES, AnswerEngine, open_engine, sentences
from bot.answers.index import Index, IndexMissing
from bot.settings import ROOT, settings
from tests.eval.outcomes import Outcomes, decide_all, facts_stated
from tests.eval.questions import Asked, read, unseen

KNOWLEDGE = knowledge_module.load(settings().knowledge_dir)
BLIND = unseen(read(), KNOWLEDGE)


@pytest.fixture(scope="module")
def engine() -> AnswerEngine:
    return open_engine(settings().models_dir, KNOWLEDGE)


@pytest.mark.parametrize("language", ["nl", "en"])
def test_blind_questions_get_the_right_topic(engine: AnswerEngine, language: str) -> None:
    """By authors who had not seen the knowledge. Floors, not targets; `make eval` measures against the targets."""
    asked = [question for question in BLIND.in_scope if question.language == language]
    outcomes = Outcomes.of(decide_all(engine, asked))
    given = outcomes.answered_right + outcomes.answered_wrong
    assert outcomes.count > 150
    assert given > 0.65, "too often asked back"
    assert outcomes.answered_right / given > 0.88, "answered with the wrong topic"
    assert outcomes.answered_right + outcomes.asked_back_right > 0.86, "the right topic was out of reach"


@pytest.mark.parametrize("language", ["nl", "en"])
def test_questions_about_registration_and_law_get_the_right_topic(engine: AnswerEngine, language: str) -> None:
    """What most companies come for; one question is two points."""
    file = "registration-and-law"
    asked = [question for question in BLIND.in_scope if question.language == language and question.file == file]
    outcomes = Outcomes.of(decide_all(engine, asked))
    given = outcomes.answered_right + outcomes.answered_wrong
    assert given > 0.55, "too often asked back"
    assert outcomes.answered_right / given > 0.93, "answered with the wrong topic"
    assert outcomes.answered_right + outcomes.asked_back_right > 0.88, "the right topic was out of reach"


def test_out_of_scope_questions_get_no_fact(engine: AnswerEngine) -> None:
    assert len(BLIND.out_of_scope) >= 200
    assert facts_stated(decide_all(engine, BLIND.out_of_scope)) < 0.03


def test_follow_ups_take_the_last_topic_into_account(engine: AnswerEngine) -> None:
    outcomes = Outcomes.of(decide_all(engine, BLIND.follow_ups))
    assert outcomes.answered_right + outcomes.asked_back_right > 0.7


def test_follow_ups_that_the_reading_was_chosen_on(engine: AnswerEngine) -> None:
    entries = yaml.safe_load((ROOT / "tests/answers/follow_ups.yml").read_text())
    decided = [(engine.decide(e["text"], e["language"], e["after"]), e["topics"]) for e in entries]
    asked = [
        (decision, Asked((e["text"],), e["language"], tuple(e["topics"]), "", ""))
        for (decision, _), e in zip(decided, entries, strict=True)
        if e["topics"]
    ]
    outcomes = Outcomes.of(asked)
    assert outcomes.answered_right + outcomes.asked_back_right > 0.9
    assert outcomes.answered_wrong < 0.07
    assert all(decision.outcome != "answer" for decision, topics in decided if not topics)


@pytest.mark.parametrize(
    ("language", "topic", "said"),
    [
        (
            "nl", "portal.activation-code-missing",
            "Wij zijn een bouwbedrijf met ruim zeshonderd mensen, verspreid over het land. Vorig jaar is de "
            "controller vertrokken en sindsdien doet iedereen er een stukje van. Wat moeten wij doen als wij "
            "geen activatiecode hebben ontvangen?",
        ),
        (
            "en", "portal.activation-code-missing",
            "We are a construction company with some six hundred people all over the country. Our controller left "
            "last year and everybody has done a bit of it since. What should we do if we have not received an "
            "activation code?",
        ),
    ],
)  # fmt: skip
def test_what_led_to_a_question_does_not_hide_it(engine: AnswerEngine, language: str, topic: str, said: str) -> None:
    """Read as a whole it is asked back about; one of its sentences says surely what the whole says likeliest."""
    decision = engine.decide(said, language)
    assert (decision.outcome, decision.topics[0]) == ("answer", topic)


def test_a_sentence_only_confirms(engine: AnswerEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Never another topic than the whole's best one; and of a long message few sentences are read."""
    read = []
    encode = engine.encoder.encode_one
    monkeypatch.setattr(engine.encoder, "encode_one", lambda text: (read.append(text), encode(text))[1])
    confirmed = 0
    for asked in (*BLIND.in_scope, *BLIND.out_of_scope):
        read.clear()
        decision = engine.decide(asked.text, asked.language)
        whole = engine.rank(asked.text, asked.language)
        assert len(read) <= 2 + MOST_SENTENCES
        if decision.outcome == "answer":
            assert decision.topics[0] == whole[0].topic
            confirmed += decision.candidates[0].confidence > whole[0].confidence
    assert confirmed >= 3


def test_sentences() -> None:
    assert sentences("Wat is het ingroeiquotum?") == []
    assert sentences("Goedemiddag! Wat is het ingroeiquotum?") == []
    assert sentences("Wij zijn nieuw hier. Er kwam post. Wat is het ingroeiquotum?") == [
        "Wij zijn nieuw hier.", "Er kwam post.", "Wat is het ingroeiquotum?",
    ]  # fmt: skip
    assert len(sentences("Dit is er een. " * 200)) == MOST_SENTENCES


def test_a_follow_up_says_what_it_followed(engine: AnswerEngine) -> None:
    alone = engine.decide("en voor een gebroken boekjaar?", "nl")
    after = engine.decide("en voor een gebroken boekjaar?", "nl", "law.report-deadline")
    assert alone.follow_up_of is None
    assert "portal.broken-financial-year" in after.topics


def test_a_full_question_does_not_lean(engine: AnswerEngine) -> None:
    decision = engine.decide("Wat is de termijn voor het indienen van de rapportage bij de SER?", "nl", "portal.login")
    assert decision.follow_up_of is None


def test_the_same_question_gets_the_same_decision(engine: AnswerEngine) -> None:
    assert engine.decide("wie is contactpersoon", "nl") == engine.decide("wie is contactpersoon", "nl")


@pytest.mark.parametrize("text", ["", " ", "?", "🙂", "مرحبا كيف الحال", "x" * 2000, "\x00", "a" * 2000 + " boekjaar"])
def test_odd_texts_are_survived(engine: AnswerEngine, text: str) -> None:
    decision = engine.decide(text, "nl", "law.quota")
    assert decision.outcome in ("choices", "unknown")
    assert all(0 <= candidate.confidence <= 1 for candidate in decision.candidates)


@pytest.mark.parametrize(
    ("language", "question", "leans"),
    [
        ("nl", "kan het ook per mail", True),
        ("nl", "wat is het ingroeiquotum?", False),
        ("nl", "hoe regel ik het", True),
        ("nl", "tot wanneer kan dat", True),
        ("nl", "Waar staat de activatiecode?", False),
        ("en", "which ones are there", True),
        ("en", "is there just one?", True),
        ("en", "can one person manage several companies", False),
        ("en", "where is my activation code?", False),
    ],
)
def test_what_points_back_leans(language: str, question: str, leans: bool) -> None:
    assert engine_module._says_that_it_leans(question, language) is leans


def test_two_readings_that_differ_are_both_less_sure() -> None:
    def reading(*topics: float) -> engine_module.Reading:
        return engine_module.Reading(np.array(topics, dtype=np.float32), 0.9, np.zeros(5, dtype=np.float32))

    one, other = reading(0.9, 0.1, 0.0), reading(0.0, 0.1, 0.9)
    assert np.allclose(engine_module._either(one, one, 0.8).topics, one.topics)
    assert np.isclose(engine_module._either(one, one, 0.8).in_scope, 0.9)
    assert np.allclose(engine_module._either(one, other, 0.5).topics, [0.45, 0.1, 0.45])
    assert engine_module._either(one, other, 0.8).likelihood < one.likelihood


def test_confidences_are_honest(engine: AnswerEngine) -> None:
    """Of blind questions that it is 80% sure of or more, at least 80% must come out right."""
    decided = decide_all(engine, BLIND.in_scope)
    sure = [d.topics[0] in asked.topics for d, asked in decided if d.candidates[0].confidence >= 0.8]
    assert len(sure) > 20
    assert np.mean(sure) >= 0.8


def test_an_index_comes_back_as_it_was_saved(engine: AnswerEngine, tmp_path: Path) -> None:
    engine.index.save(tmp_path)
    again = Index.load(tmp_path)
    vector = engine.encoder.encode_one("Wat is het ingroeiquotum?")
    assert again.topics == engine.index.topics
    assert again.calibration == engine.index.calibration
    assert np.allclose(again.score(vector).choice, engine.index.score(vector).choice, atol=1e-3)
    assert np.allclose(
        again.confidence(again.score(vector)), engine.index.confidence(engine.index.score(vector)), atol=0.01
    )


def test_a_stale_index_is_refused(engine: AnswerEngine, tmp_path: Path) -> None:
    for stale in (replace(engine.index, encoder_hash="other"), replace(engine.index, questions_hash="other")):
        with pytest.raises(IndexMissing, match="make train"):
            AnswerEngine(engine.encoder, stale, engine.knowledge)
    with pytest.raises(IndexMissing, match="make train"):
        Index.load(tmp_path)


def test_an_answer_past_its_review_date_says_so(engine: AnswerEngine) -> None:
    topic = engine.knowledge.topics["law.report-deadline"]
    fresh = rendering.answer(topic, engine.knowledge, "nl", date(2026, 11, 21))
    stale = rendering.answer(topic, engine.knowledge, "nl", date(2029, 1, 1))
    assert "controle" not in fresh.text and not fresh.buttons
    assert "toe aan een controle" in stale.text
    assert stale.buttons[0].payload == {"intent": "talk_to_person"}


def test_an_unsure_answer_offers_what_else_may_have_been_meant(engine: AnswerEngine) -> None:
    topic, known = engine.knowledge.topics["law.quota"], engine.knowledge

    def shown(*candidates: tuple[str, float]) -> list[dict[str, object]]:
        decision = Decision("answer", tuple(Candidate(*each) for each in candidates))
        return [button.payload for button in rendering.answer(topic, known, "nl", date(2026, 11, 21), decision).buttons]

    assert shown(("law.quota", 0.97), ("law.targets", 0.02)) == []
    unsure = shown(("law.quota", 0.6), ("law.targets", 0.2), ("portal.login", 0.01))
    assert unsure == [{"topic": "law.targets", "instead": True}]


def test_materials_with_an_address_stand_under_the_answer_once(engine: AnswerEngine) -> None:
    for topic in engine.knowledge.topics.values():
        for language in ("nl", "en"):
            text = rendering.answer(topic, engine.knowledge, language, date(2026, 11, 21)).text
            for material in topic.materials:
                url = engine.knowledge.materials[material].url
                assert url is None or text.count(f"({url})") >= 1, (topic.id, material)
    signing = rendering.answer(
        engine.knowledge.topics["charter.who-can-sign"], engine.knowledge, "nl", date(2026, 11, 21)
    )
    assert "Ondertekenaars van het Charter](https://www.ser.nl/" in signing.text


def test_every_answer_shows_its_sources_in_both_languages(engine: AnswerEngine) -> None:
    for topic in engine.knowledge.topics.values():
        for language in ("nl", "en"):
            shown = rendering.shown_sources(topic.sources, engine.knowledge, language)
            assert shown and all(source.title and source.where for source in shown), topic.id


def _clusters(topics: int, each: int, strays: int) -> tuple[training.Texts, training.Vectors]:
    """Made-up texts whose vectors are clear clusters, and strays that point elsewhere."""
    chance = np.random.default_rng(1)
    centres = np.eye(16, dtype=np.float32)[:topics]
    places = np.repeat(np.arange(topics), each)

    def unit(vectors: np.ndarray) -> np.ndarray:
        return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)

    known = unit(centres[places] + 0.15 * chance.normal(size=(len(places), 16)))
    lost = unit(np.eye(16)[topics:].sum(0) + 0.3 * chance.normal(size=(strays, 16)))
    texts = training.Texts(
        topics=tuple(f"law.t{n}" for n in range(topics)),
        texts=tuple(map(str, range(len(places)))),
        places=places,
        also={},
        held=np.arange(len(places)) % training.PARTS == 0,
        strays=tuple(map(str, range(strays))),
        stray_held=np.arange(strays) % training.PARTS == 0,
    )
    return texts, training.Vectors(known, lost)


def test_calibration_learns_to_answer_and_to_decline() -> None:
    texts, vectors = _clusters(topics=5, each=20, strays=160)
    calibration = training.calibrate(training.hold_out(texts, vectors))
    index = training.make_index(texts, vectors, calibration=calibration, encoder_hash="e", questions_hash="q")

    def confidence(vector: np.ndarray) -> float:
        return float(index.confidence(index.score(vector)).max())

    assert np.mean([confidence(v) >= calibration.answer_from for v in vectors.texts]) > 0.95
    assert np.mean([confidence(v) >= calibration.answer_from for v in vectors.strays]) < 0.05


def test_an_index_without_out_of_scope_texts_still_chooses() -> None:
    """Other people's logs have none: `make eval-logs` builds such an index."""
    texts, vectors = _clusters(topics=5, each=20, strays=0)
    calibration = replace(training.UNCALIBRATED, weights=(0.0,) * 5, bias=0.0)
    index = training.make_index(texts, vectors, calibration=calibration, encoder_hash="e", questions_hash="q")
    best = [int(index.score(vector).choice.argmax()) for vector in vectors.texts]
    assert best == texts.places.tolist()


def test_a_topic_that_answers_as_well_counts_as_right() -> None:
    texts, vectors = _clusters(topics=5, each=20, strays=40)
    wrong = replace(texts, places=np.sort((texts.places + 1) % 5))
    shuffled = training.Vectors(vectors.texts[np.argsort((texts.places + 1) % 5, kind="stable")], vectors.strays)
    held = training.hold_out(wrong, shuffled)
    alone = training.judge([held], training.calibrate(held))
    both = replace(wrong, also={at: frozenset({0}) for at in range(len(wrong.texts))})
    also = training.hold_out(both, shuffled)
    assert all(0 in topics for topics in also.answered_by if topics)
    assert training.judge([also], training.calibrate(also)).right.sum() >= alone.right.sum()


def test_the_head_learns_which_topics_answer_a_question_as_well() -> None:
    texts, vectors = _clusters(topics=5, each=20, strays=40)
    first_also = replace(texts, also={at: frozenset({4}) for at in range(20)})

    def share_of_last(known: training.Texts) -> float:
        index = training.hold_out(known, vectors).index
        return float(np.mean([np.exp(index.score(vector).choice)[4] for vector in vectors.texts[:20]]))

    assert share_of_last(first_also) > 1.5 * share_of_last(texts)


def test_between_two_topics_that_both_answer_it_is_sure() -> None:
    """Each takes half of the probability; whoever asks is helped by either, and need not be asked back."""
    texts, vectors = _clusters(topics=5, each=40, strays=80)
    halves = np.concatenate([vectors.texts[:40], vectors.texts[:40]]) + np.repeat(vectors.texts[40:41], 80, axis=0)
    halves /= np.linalg.norm(halves, axis=1, keepdims=True)
    mixed = training.Vectors(np.concatenate([halves[:80], vectors.texts[80:]]).astype(np.float32), vectors.strays)
    both = {at: frozenset({1 - int(texts.places[at])}) for at in range(80)}

    def sure(also: dict[int, frozenset[int]]) -> tuple[float, float]:
        known = replace(texts, also=also)
        index = training.make_index(
            known,
            mixed,
            calibration=training.calibrate(training.hold_out(known, mixed)),
            encoder_hash="e",
            questions_hash="q",
        )
        scores = [index.score(vector) for vector in mixed.texts[:80]]
        shares = np.mean([float(np.exp(each.choice).max()) for each in scores])
        return float(np.mean([float(index.confidence(each).max()) for each in scores])), float(shares)

    confidence, share = sure(both)
    assert share < 0.8
    assert confidence > 0.9
    assert sure({})[0] < 0.8


def test_uncalibrated_confidence_is_the_share_of_a_topic() -> None:
    texts, vectors = _clusters(topics=5, each=20, strays=20)
    index = training.hold_out(texts, vectors).index
    for vector in vectors.texts[:10]:
        scores = index.score(vector)
        shares = np.exp(scores.choice) * index.in_scope(scores.signals)
        assert np.allclose(index.confidence(scores), shares, atol=1e-4)


def test_no_topic_is_surer_than_the_best(engine: AnswerEngine) -> None:
    for question in BLIND.in_scope[:100]:
        scores = engine.index.score(engine.encoder.encode_one(question.text))
        confidences = engine.index.confidence(scores)
        assert confidences.argmax() == scores.choice.argmax()


def test_a_false_fact_costs_more_than_a_wrong_answer() -> None:
    """Ten right below ten that are not: where these are out of scope, the threshold is as high or higher."""
    confidence = np.array([0.9] * 10 + [0.6] * 10 + [0.5] * 40 + [0.95] * 40, dtype=np.float32)
    right = np.array([True] * 10 + [False] * 10 + [True] * 80)
    everything = np.ones(100, dtype=bool)
    outside = ~(np.arange(100) // 10 == 1)
    wrong_ones = training.answer_threshold(confidence, right, everything)
    false_facts = training.answer_threshold(confidence, right & outside, outside)
    assert wrong_ones <= 0.5
    assert 0.6 < false_facts < 0.9


def test_what_is_held_out_was_not_learned_from() -> None:
    """Labels are shuffled: held-out questions then come out no better than by chance, seen ones would."""
    texts, vectors = _clusters(topics=5, each=20, strays=10)
    chance = np.random.default_rng(2)
    shuffled = texts.places[chance.permutation(len(texts.places))]
    order = np.argsort(shuffled, kind="stable")
    mixed = replace(texts, places=shuffled[order])
    held = training.hold_out(mixed, training.Vectors(vectors.texts[order], vectors.strays))
    judged = training.judge([held], training.UNCALIBRATED)
    assert judged.right[judged.inside].mean() < 0.45
