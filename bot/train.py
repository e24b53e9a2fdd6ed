"""`python -m bot.train`: from the knowledge to everything that serving reads.

Each stage is kept in models/ under a hash of what goes into it, so that nothing is made twice. At the end
models/current.json names what belongs together; it is replaced in one move.
"""

from __future__ import annotations

import ast
import hashlib
import json
import logging
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bot.answers import knowledge as knowledge_module
from bot.answers import training
from bot.answers.knowledge import Knowledge, KnowledgeError
from bot.encoder.package_weights import WeightsError
from bot.settings import ROOT, settings

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

log = logging.getLogger("train")

WORDS_PER_LANGUAGE = 40_000


class TrainingFailed(RuntimeError):
    """A stage failed; the text says what to do."""


def _code(module: str) -> str:
    """What a module does, whatever its comments say and however it is laid out; read without importing it."""
    tree = ast.parse((ROOT / f"{module.replace('.', '/')}.py").read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            node.body = [  # type: ignore[attr-defined]
                part for part in body if not (isinstance(part, ast.Expr) and isinstance(part.value, ast.Constant))
            ]
    return ast.dump(tree)


def _hash(*parts: object, code: tuple[str, ...] = ()) -> str:
    """A name for what is made of these parts by the code of these modules."""
    digest = hashlib.sha256()
    for content in [*map(_code, code), *map(repr, parts)]:
        digest.update(content.encode() + b"\0")
    return digest.hexdigest()[:16]


def _state(model: str) -> list[tuple[str, int, int]]:
    """Names, sizes and times of the files of a model in a folder; nothing for one with a hub's name."""
    files = sorted(Path(model).rglob("*")) if Path(model).is_dir() else []
    return [(file.name, file.stat().st_size, file.stat().st_mtime_ns) for file in files if file.is_file()]


def _made(folder: Path, make: Callable[[Path], None], what: str) -> Path:
    """The folder, made by `make` unless it is there; a half-made one never gets its name."""
    if folder.is_dir():
        log.info("%s: there already (%s).", what, folder.name)
        return folder
    log.info("%s …", what)
    started = time.monotonic()
    scratch = folder.with_name(f".{folder.name}.{os.getpid()}")
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    try:
        make(scratch)
        scratch.replace(folder)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    log.info("%s: done in %.0f s.", what, time.monotonic() - started)
    return folder


def _progress(what: str) -> Callable[[int, int], None]:
    started = time.monotonic()
    told = [started]

    def tell(done: int, of: int) -> None:
        if done < of and time.monotonic() - told[0] < 10:
            return
        told[0] = time.monotonic()
        left = (told[0] - started) / done * (of - done)
        log.info("  %s: %d of %d steps, about %.0f s left.", what, done, of, left)

    return tell


def base_hash(encoder_model: str | None) -> str:
    """Names the encoder that everything starts from: the package's, or the one that ENCODER_MODEL names."""
    if encoder_model:
        return _hash(encoder_model, _state(encoder_model))
    made_by = ("bot.encoder.package_weights", "bot.encoder.vocabulary", "bot.encoder.build")
    return _hash(WORDS_PER_LANGUAGE, code=made_by)


def base_encoder(models: Path, encoder_model: str | None) -> SentenceTransformer:
    """The encoder as the package (or ENCODER_MODEL) brings it; built on disk the first time.

    Raises TrainingFailed for a model that is not built of layers which can stay as they are.
    """
    # Torch and sentence-transformers take seconds to import: only where something is built.
    from sentence_transformers import SentenceTransformer

    from bot.encoder import build, package_weights

    def make(folder: Path) -> None:
        if encoder_model:
            SentenceTransformer(encoder_model, device="cpu").save(str(folder / "model"))
        else:
            packed = package_weights.read()
            build.build(packed, build.pieces_to_keep(packed, WORDS_PER_LANGUAGE), folder)

    folder = _made(models / f"base-{base_hash(encoder_model)}", make, "Encoder from the package")
    arguments = None if encoder_model else build.MODEL_ARGUMENTS
    model = SentenceTransformer(str(folder / "model"), device="cpu", model_kwargs=arguments)
    if not hasattr(getattr(model[0].auto_model, "encoder", None), "layer"):
        raise TrainingFailed(f"{encoder_model} cannot be tuned: choose a BERT, RoBERTa or XLM-R model.")
    return model


def export_quietly(model: SentenceTransformer, folder: Path, hash_: str) -> None:
    """Exports for serving; the quantiser would log a line for every node that it leaves alone."""
    from bot.encoder import export

    logging.disable(logging.WARNING)
    try:
        export.export(model, folder, hash_)
    finally:
        logging.disable(logging.NOTSET)


class Training:
    """The stages, each of which makes one folder in `models`."""

    def __init__(self, models: Path, knowledge: Knowledge, encoder_model: str | None) -> None:
        self.models, self.knowledge = models, knowledge
        self.texts = training.texts_of(knowledge)
        self.encoder_model = encoder_model
        self.base_hash = base_hash(encoder_model)
        also = sorted((at, sorted(others)) for at, others in self.texts.also.items())
        read = (self.texts.texts, self.texts.places.tolist(), also, self.texts.strays)
        self.tuned_hash = _hash(self.base_hash, *read, code=("bot.encoder.tuning",))
        self.encoder_hash = _hash(self.tuned_hash, code=("bot.encoder.export",))
        scored_by = ("bot.encoder.runtime", "bot.answers.training", "bot.answers.index")
        self.index_hash = _hash(self.encoder_hash, training.PARTS, code=scored_by)

    @cached_property
    def _states(self) -> dict[str, Any]:
        """What the layers that stay as they are make of every text; every tuning starts from it."""
        from bot.encoder import tuning

        known = [*self.texts.texts, *self.texts.strays]
        model = base_encoder(self.models, self.encoder_model)
        return dict(zip(known, tuning.read(model, known, tuning.Recipe()), strict=True))

    def _tune(self, without: int | None, what: str) -> SentenceTransformer:
        """The encoder, tuned on all of the knowledge or without one part of it."""
        from bot.encoder import tuning

        model = base_encoder(self.models, self.encoder_model)
        known = self.texts if without is None else training.texts_of(self.knowledge, without)
        chosen = [at for at, held in enumerate(known.held) if without is None or not held]
        strays = [at for at, held in enumerate(known.stray_held) if without is None or not held]
        texts = [*(known.texts[at] for at in chosen), *(known.strays[at] for at in strays)]
        # What is out of scope is one more class, so that it moves away from every topic.
        places = [*known.places[chosen].tolist(), *[len(known.topics)] * len(strays)]
        also = {row: known.also[at] for row, at in enumerate(chosen) if at in known.also}
        states = [self._states[text] for text in texts]
        tuning.tune(model, texts, places, tuning.Recipe(), _progress(what), also=also, states=states, pairs=True)
        return model

    @cached_property
    def encoder(self) -> Path:
        """The encoder tuned on all of the knowledge, for serving."""

        def make(folder: Path) -> None:
            export_quietly(self._tune(None, "tuning"), folder, self.encoder_hash)

        return _made(self.models / f"encoder-{self.encoder_hash}", make, "Encoder tuned on the knowledge")

    def held_out_folder(self, part: int = 0) -> Path:
        """Where the vectors stand of an encoder that was tuned without one part of the knowledge."""
        return self.models / f"held-out-{_hash(self.tuned_hash, training.PARTS, part)}"

    def held_out(self, part: int = 0) -> training.Vectors:
        """The knowledge as an encoder sees it that was tuned without one part of it."""

        def make(folder: Path) -> None:
            from bot.encoder import tuning

            model = self._tune(part, f"held out {part + 1} of {training.PARTS}")
            texts, strays = (tuning.encode(model, each, "query") for each in (self.texts.texts, self.texts.strays))
            np.savez(folder / "vectors.npz", texts=texts, strays=strays)

        folder = _made(self.held_out_folder(part), make, "Held-out vectors for calibrating")
        with np.load(folder / "vectors.npz") as arrays:
            return training.Vectors(arrays["texts"], arrays["strays"])

    @cached_property
    def index(self) -> Path:
        """The index that serving reads, calibrated on questions that were held out from the encoder too."""
        held_out, served = self.held_out(), self.encoder

        def make(folder: Path) -> None:
            from bot.encoder.runtime import Encoder

            encoder = Encoder(served)
            index = training.make_index(
                self.texts,
                training.Vectors(
                    encoder.encode(self.texts.texts, workers=2), encoder.encode(self.texts.strays, workers=2)
                ),
                calibration=training.calibrate(training.hold_out(self.texts, held_out)),
                encoder_hash=self.encoder_hash,
                questions_hash=self.knowledge.questions_hash,
            )
            index.save(folder)

        return _made(self.models / f"index-{self.index_hash}", make, "Index of the knowledge")


def _point(models: Path, encoder: Path, index: Path, rasa: Path) -> None:
    fresh = models / ".current.json"
    fresh.write_text(json.dumps({"encoder": encoder.name, "index": index.name, "rasa": rasa.name}, indent=2))
    fresh.replace(models / "current.json")


def _train_rasa(models: Path, python: Path, encoder: Path, knowledge_dir: Path, questions_hash: str) -> Path:
    """Trains Rasa in its own environment; its file is named after everything that went into it."""
    sources = [ROOT / "config.yml", *sorted((ROOT / "domain").glob("*")), *sorted((ROOT / "data").rglob("*.yml"))]
    sources += [*sorted((ROOT / "bot" / "nlu").glob("*.py")), ROOT / "bot" / "encoder" / "runtime.py"]
    asks = [knowledge_dir / "forms.yml", *sorted((knowledge_dir / "guides").glob("*.yml"))]
    asked = [repr([*map(dict, knowledge_module.asks_in(f)), *knowledge_module.leading_on(f)]) for f in asks]
    name = f"rasa-{_hash(encoder.name, questions_hash, *asked, *[file.read_text() for file in sources])}"
    made = models / "rasa" / f"{name}.tar.gz"
    if made.is_file():
        log.info("Rasa: trained already (%s).", made.name)
        return made
    log.info("Rasa …")
    started = time.monotonic()
    command = [str(python), "-m", "rasa", "train", "--domain", "domain", "--out", str(models / "rasa")]
    command += ["--fixed-model-name", name, "--quiet"]
    environment = {
        **os.environ,
        "RASA_TELEMETRY_ENABLED": "false",
        "ENCODER_DIR": str(encoder),
        "KNOWLEDGE_DIR": str(knowledge_dir),
        "PYTHONPATH": str(ROOT),
    }
    done = subprocess.run(command, cwd=ROOT, env=environment, timeout=900, check=False, capture_output=True, text=True)
    if done.returncode or not made.is_file():
        print(done.stdout[-4000:], done.stderr[-4000:], sep="\n", file=sys.stderr)
        raise TrainingFailed("Rasa could not be trained: the lines above say why. Mend it and run `make train` again.")
    log.info("Rasa: done in %.0f s.", time.monotonic() - started)
    return made


def _tidy(models: Path, keep: set[Path]) -> None:
    """Removes what earlier trainings left, so that models/ does not grow for ever."""
    for entry in [*models.glob("*-*"), *(models / "rasa").glob("rasa-*.tar.gz")]:
        if entry not in keep:
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()


def main() -> int:
    """Trains everything that is not there yet; gives the exit status."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
    for noisy in ("sentence_transformers", "transformers", "httpx"):
        logging.getLogger(noisy).setLevel(logging.ERROR)
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    config = settings()
    config.models_dir.mkdir(parents=True, exist_ok=True)
    try:
        run = Training(config.models_dir, knowledge_module.load(config.knowledge_dir), config.encoder_model)
        encoder, index = run.encoder, run.index
        rasa = _train_rasa(
            config.models_dir, config.rasa_python, encoder, config.knowledge_dir, run.knowledge.questions_hash
        )
        _point(config.models_dir, encoder, index, rasa)
        _tidy(
            config.models_dir,
            {
                *(config.models_dir / f"base-{run.base_hash}", encoder, index, rasa),
                # The first calibrates; `make eval` makes the others.
                *map(run.held_out_folder, range(training.PARTS)),
            },
        )
    except KnowledgeError as problem:
        print("The knowledge cannot be used; mend this and run `make train` again:", *problem.problems, sep="\n- ")
        return 1
    except (TrainingFailed, WeightsError) as problem:
        print(problem, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
