"""The same engine over the encoder as its package brings it: what tuning is worth."""

from __future__ import annotations

from pathlib import Path

from bot.answers.engine import AnswerEngine
from bot.answers.knowledge import Knowledge
from bot.answers.training import Vectors, calibrate, hold_out, make_index
from bot.encoder.runtime import Encoder
from bot.train import Training, base_encoder, export_quietly


def untuned(training: Training, knowledge: Knowledge, models: Path) -> AnswerEngine:
    """An engine whose heads and thresholds are made by the same rules; the export is kept in `models`/baselines."""
    folder = models / "baselines" / f"untuned-{training.base_hash}"
    if not (folder / "encoder.json").is_file():
        export_quietly(base_encoder(models, training.encoder_model), folder, "untuned")
    encoder = Encoder(folder)
    texts = training.texts
    vectors = Vectors(encoder.encode(texts.texts), encoder.encode(texts.strays))
    index = make_index(
        texts,
        vectors,
        calibration=calibrate(hold_out(texts, vectors)),
        encoder_hash=encoder.hash,
        questions_hash=knowledge.questions_hash,
    )
    return AnswerEngine(encoder, index, knowledge)
