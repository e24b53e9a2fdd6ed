"""`make eval`: how right the answers are, on blind questions and by cross-validation, beside three baselines.

Prints the figures; saves docs/measured/eval.json and docs/measured/eval.png.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import time
from typing import Any

from bot.answers.engine import open_engine
from bot.answers.knowledge import load
from bot.settings import ROOT, settings
from bot.train import Training
from tests.eval import fates, redaction, report
from tests.eval.baselines.bm25 import Bm25
from tests.eval.baselines.rasa_default import RasaDefault
from tests.eval.baselines.untuned import untuned
from tests.eval.cross_validation import cross_validate
from tests.eval.outcomes import (
    Decided,
    Decider,
    Outcomes,
    calibration_error,
    confusions,
    decide_all,
    facts_stated,
    grouped,
    reliability,
)
from tests.eval.questions import Questions, read, unseen
from tests.eval.running_chat import ask_everything

SAVED = ROOT / "docs" / "measured"


def _figures(decided: Decided, follow_ups: Decided, strays: Decided) -> dict[str, Any]:
    """Everything that is reported of one decider."""
    bins = reliability([*decided, *strays])
    return {
        "languages": {name: Outcomes.of(group).as_record() for name, group in grouped(decided, "language").items()},
        "themes": {name: Outcomes.of(group).as_record() for name, group in grouped(decided, "theme").items()},
        "follow_ups": Outcomes.of(follow_ups).as_record(),
        "facts_stated_out_of_scope": round(facts_stated(strays), 4),
        "facts_stated_by_kind": {k: round(facts_stated(group), 4) for k, group in grouped(strays, "kind").items()},
        "calibration": [[round(b.confidence, 4), round(b.right, 4), b.count] for b in bins],
        "calibration_error": round(calibration_error(bins), 4),
        "confusions": confusions([*decided, *strays, *follow_ups]),
    }


def _judge(name: str, decider: Decider, questions: Questions) -> tuple[dict[str, Any], Decided, Decided]:
    print(f"{name} …", flush=True)
    decided = decide_all(decider, questions.in_scope)
    strays = decide_all(decider, questions.out_of_scope)
    return _figures(decided, decide_all(decider, questions.follow_ups), strays), decided, strays


def main() -> None:
    """Runs everything; the trainings of the baselines and of the folds are kept in models/ for the next time."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
    for noisy in ("sentence_transformers", "transformers", "httpx", "bm25s", "matplotlib"):
        logging.getLogger(noisy).setLevel(logging.ERROR)
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    began = time.monotonic()
    config = settings()
    knowledge = load(config.knowledge_dir)
    questions = unseen(read(), knowledge)
    training = Training(config.models_dir, knowledge, config.encoder_model)
    engine = open_engine(config.models_dir, knowledge)
    print(
        f"{len(knowledge.topics)} topics; blind: {len(questions.in_scope)} questions in scope,"
        f" {len(questions.follow_ups)} follow-ups, {len(questions.out_of_scope)} out of scope,"
        f" {len(questions.unanswered)} that no topic answers (left out).",
        flush=True,
    )
    texts = [
        turn
        for part in (questions.in_scope, questions.follow_ups, questions.out_of_scope)
        for a in part
        for turn in a.turns
    ]
    makers = {
        "Wegwijzer": lambda: engine,
        "encoder untuned": lambda: untuned(training, knowledge, config.models_dir),
        Bm25.name: lambda: Bm25(knowledge, training.texts),
        RasaDefault.name: lambda: RasaDefault(knowledge, config.models_dir, texts),
    }
    found: dict[str, Any] = {"blind": {}, "curves": {}}
    for name, make in makers.items():
        try:
            decider = make()
        except (subprocess.TimeoutExpired, RuntimeError) as problem:
            print(f"{name} could not be measured: {problem}", file=sys.stderr)
            continue
        found["blind"][name], decided, strays = _judge(name, decider, questions)
        found["curves"][name] = report.curve(decided, strays)
    print("Cross-validation on the knowledge's own questions …", flush=True)
    found["cross_validation"] = cross_validate(training)
    print("Every fact and every blind question, asked in the running chat …", flush=True)
    found["running_chat"] = ask_everything(knowledge, questions)
    found["suggestions"] = fates.measure()
    print("Redaction …", flush=True)
    found["redaction"] = redaction.evaluate(knowledge)
    found["seconds"] = round(time.monotonic() - began)
    SAVED.mkdir(parents=True, exist_ok=True)
    report.show(found)
    fates.show(found["suggestions"])
    redaction.show(found["redaction"])
    report.draw(found, SAVED / "eval.png")
    (SAVED / "eval.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(f"\nSaved docs/measured/eval.json and eval.png; {found['seconds']} s.")


if __name__ == "__main__":
    main()
