"""Rasa's default pipeline, DIET with ResponseSelector, as `rasa init` sets it up, trained on the same knowledge."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

import yaml

from bot.answers.decision import Candidate, Decision
from bot.answers.knowledge import LANGUAGES, Knowledge
from bot.settings import ROOT
from tests.eval.outcomes import Decider

EPOCHS = 5
"""Rasa's default is 100, for projects of some hundred examples; these are 22,000. Five rounds take nineteen minutes."""
PIPELINE = [
    {"name": "WhitespaceTokenizer"},
    {"name": "RegexFeaturizer"},
    {"name": "LexicalSyntacticFeaturizer"},
    {"name": "CountVectorsFeaturizer"},
    {"name": "CountVectorsFeaturizer", "analyzer": "char_wb", "min_ngram": 1, "max_ngram": 4},
    {"name": "DIETClassifier", "epochs": EPOCHS, "constrain_similarities": True},
    {"name": "EntitySynonymMapper"},
    {"name": "ResponseSelector", "epochs": EPOCHS, "constrain_similarities": True},
    {"name": "FallbackClassifier", "threshold": 0.3, "ambiguity_threshold": 0.1},
]
"""What `rasa init` of 3.6 writes into config.yml as its defaults, but for the epochs."""
TRAIN_WITHIN_SECONDS = 2400
_PYTHON = ROOT / ".venv-rasa" / "bin" / "python"


class RasaDefault(Decider):
    """Decides by Rasa's own rules: the fallback's thresholds are its defaults, and it never asks back."""

    name = "DIET, ResponseSelector"

    def __init__(self, knowledge: Knowledge, models: Path, texts: Sequence[str]) -> None:
        """Trains unless that was done for these questions, and parses all `texts` in one go: it takes a process."""
        names = {f"t{at:03d}": topic for at, topic in enumerate(sorted(knowledge.topics))}
        made_of = hashlib.sha256(f"{PIPELINE}{knowledge.questions_hash}".encode()).hexdigest()[:16]
        folder = models / "baselines" / f"rasa-{made_of}"
        if not list(folder.glob("models/*.tar.gz")):
            self._train(knowledge, names, folder)
        parsed = self._run("parse", folder, json.dumps(list(texts)))
        self._decisions = {
            text: self._decision(entry, names) for text, entry in zip(texts, json.loads(parsed), strict=True)
        }

    @staticmethod
    def _train(knowledge: Knowledge, names: dict[str, str], folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)

        def listed(texts: Sequence[str]) -> str:
            # Rasa reads brackets as entities; slashes and line ends have a meaning of their own too.
            clean = (" ".join(text.replace("[", "(").replace("]", ")").split()) for text in texts)
            return "".join(f"- {text}\n" for text in clean)

        nlu = [
            {
                "intent": f"topic/{name}",
                "examples": listed([p[x] for p in knowledge.topics[t].questions for x in LANGUAGES]),
            }
            for name, t in names.items()
        ]
        strays = [pair[language] for pair in knowledge.out_of_scope for language in LANGUAGES]
        nlu.append({"intent": "out_of_scope", "examples": listed(strays)})
        responses = {f"utter_topic/{name}": [{"text": knowledge.topics[t].answer["nl"]}] for name, t in names.items()}
        files = {
            "config.yml": {"recipe": "default.v1", "language": "nl", "pipeline": PIPELINE, "assistant_id": "baseline"},
            "nlu.yml": {"version": "3.1", "nlu": nlu},
            "domain.yml": {"version": "3.1", "intents": ["topic", "out_of_scope"], "responses": responses},
        }
        for name, content in files.items():
            (folder / name).write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
        RasaDefault._run("train", folder)

    @staticmethod
    def _run(verb: str, folder: Path, said: str = "") -> str:
        environment = {**os.environ, "RASA_TELEMETRY_ENABLED": "false", "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONPATH": ""}
        script = Path(__file__).with_name("in_rasa.py")
        done = subprocess.run(
            [str(_PYTHON), str(script), verb, str(folder)],
            input=said, env=environment, timeout=TRAIN_WITHIN_SECONDS, check=False, capture_output=True, text=True,
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"Rasa's default pipeline, {verb}: {done.stderr[-2000:]}")
        return done.stdout.rpartition("RESULT ")[2]

    @staticmethod
    def _decision(entry: dict[str, object], names: dict[str, str]) -> Decision:
        candidates = tuple(Candidate(names[name], sure) for name, sure in entry["ranking"])  # type: ignore[attr-defined]
        return Decision("answer" if entry["intent"] == "topic" else "unknown", candidates)

    def decide(self, question: str, language: str, last_topic: str | None = None) -> Decision:
        """What Rasa made of it; it knows no last topic."""
        return self._decisions[question]
