"""Rasa's own test stories: what kind of turn each message is, and which action follows, in both languages."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

from bot.settings import ROOT, settings


def test_stories(tmp_path: Path) -> None:
    models = settings().models_dir
    current = json.loads((models / "current.json").read_text())
    command = [
        str(settings().rasa_python), "-W", "ignore", "-m", "rasa", "test", "core", "--e2e",
        "--model", str(models / "rasa" / current["rasa"]), "--stories", "tests/stories", "--endpoints", "endpoints.yml",
        "--out", str(tmp_path), "--fail-on-prediction-errors",
    ]  # fmt: skip
    environment = {
        **os.environ,
        "RASA_TELEMETRY_ENABLED": "false",
        "PYTHONPATH": str(ROOT),
        "ENCODER_DIR": str(models / current["encoder"]),
        "ACTIONS_WEBHOOK": "http://127.0.0.1:9/webhook",
        "SQLALCHEMY_SILENCE_UBER_WARNING": "1",
    }
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=240, check=False)
    failed = tmp_path / "failed_test_stories.yml"
    assert done.returncode == 0, (
        f"{failed.read_text() if failed.exists() else ''}\n{done.stdout[-3000:]}{done.stderr[-3000:]}"
    )
    report = json.loads((tmp_path / "story_report.json").read_text())
    assert report["conversation_accuracy"]["correct"] >= 20
