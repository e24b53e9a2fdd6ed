"""`python -m bot.encoder.measure`: what trimming the vocabulary and quantising to int8 cost and saved.

Builds the encoder from the package with and without either, and compares them on the questions of the knowledge.
Times are ratios within one run: these machines are noisy.
"""

from __future__ import annotations

import logging
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from sentence_transformers import SentenceTransformer

from bot.answers import knowledge
from bot.encoder import build, package_weights
from bot.encoder.export import export
from bot.encoder.runtime import MODEL_FILE, Encoder
from bot.settings import settings
from bot.train import WORDS_PER_LANGUAGE

_MEMORY = """
import sys
from pathlib import Path
import psutil
from bot.encoder.runtime import Encoder
before = psutil.Process().memory_info().rss
encoder = Encoder(Path(sys.argv[1]))
encoder.encode(["Hoe meld ik ons bedrijf aan?"])
print((psutil.Process().memory_info().rss - before) // 1_000_000)
"""


def _memory_mb(folder: Path) -> int:
    """What loading and using the encoder adds to a process, in MB."""
    done = subprocess.run(
        [sys.executable, "-c", _MEMORY, str(folder)], capture_output=True, text=True, check=True, timeout=120
    )
    return int(done.stdout)


def _milliseconds(encoders: list[Encoder], texts: list[str]) -> list[float]:
    """Median milliseconds a text, the encoders taking turns so that a slow moment hits all of them."""
    spent: list[list[float]] = [[] for _ in encoders]
    for text in texts:
        for encoder, times in zip(encoders, spent, strict=True):
            started = time.perf_counter()
            encoder.encode([text])
            times.append((time.perf_counter() - started) * 1000)
    return [float(np.median(times)) for times in spent]


def main() -> None:
    """Prints one row for each variant."""
    logging.disable(logging.WARNING)
    packed = package_weights.read()
    texts = [text for _, _, _, text in knowledge.load(settings().knowledge_dir).questions()][::9]
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        variants: list[tuple[str, Path]] = []
        for trimmed in (False, True):
            folder = root / ("trimmed" if trimmed else "whole")
            rows = build.pieces_to_keep(packed, WORDS_PER_LANGUAGE) if trimmed else range(len(packed.pieces))
            build.build(packed, rows, folder)
            model = SentenceTransformer(str(folder / "model"), device="cpu", model_kwargs=build.MODEL_ARGUMENTS)
            for quantise in (False, True):
                target = folder / ("int8" if quantise else "fp32")
                export(model, target, "measure", quantise)
                variants.append((f"{folder.name} {target.name}", target))
        encoders = [Encoder(folder) for _, folder in variants]
        vectors = [encoder.encode(texts) for encoder in encoders]
        times = _milliseconds(encoders, texts[:200])
        print(f"{'variant':14} {'file MB':>8} {'memory MB':>10} {'ms':>6} {'ratio':>6} {'cosine mean':>12} {'min':>6}")
        for (name, folder), vector, spent in zip(variants, vectors, times, strict=True):
            cosines = (vector * vectors[0]).sum(axis=1)
            size = (folder / MODEL_FILE).stat().st_size / 1e6
            print(
                f"{name:14} {size:8.0f} {_memory_mb(folder):10d} {spent:6.1f} {spent / times[0]:6.2f}"
                f" {cosines.mean():12.4f} {cosines.min():6.3f}"
            )


if __name__ == "__main__":
    main()
