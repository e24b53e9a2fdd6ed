"""Over the API: a question and its topic, and what every refusal looks like."""

from __future__ import annotations

import time
from functools import cache

import httpx
import pytest

from bot.answers.engine import open_engine
from bot.answers.knowledge import load
from bot.settings import settings
from bot.texts import text
from tests.eval.questions import read
from tests.running import System

QUESTION = "Wat moet ik doen als wij geen activatiecode hebben ontvangen?"
TOPIC = "portal.activation-code-missing"


def check_problem(reply: httpx.Response, status: int, name: str, language: str = "nl") -> None:
    """The reply is this problem, as RFC 9457 has it, with nothing more in it."""
    assert (reply.status_code, reply.headers["Content-Type"]) == (status, "application/problem+json"), reply.text
    said = reply.json()
    assert set(said) == {"type", "title", "status", "detail"}
    assert (said["type"], said["status"]) == (f"urn:wegwijzer:problem:{name}", status)
    assert said["title"] == text(f"problem.{name.replace('-', '_')}.title", language)


def in_database(system: System, said: str) -> list[str]:
    """Which of the database's files hold the text."""
    files = [system.database.with_name(f"test.db{end}") for end in ("", "-wal", "-shm")]
    return [file.name for file in files if file.exists() and said.encode() in file.read_bytes()]


def gone_from_database(system: System, said: str) -> None:
    """Waits until no file of the database holds the text: while somebody reads, its log is folded in a little later."""
    end = time.monotonic() + 90
    while left := in_database(system, said):
        assert time.monotonic() < end, f"the text is still in {left}"
        time.sleep(0.1)


def within_the_hour() -> None:
    """Waits where an hour of the clock is about to end: limits are counted by it, and a new hour lets more in."""
    left = 3600 - time.time() % 3600
    if left < 60:
        time.sleep(left + 1)


@cache
def asked_back_about(language: str) -> str:
    """A question that could mean several topics: which ones are asked back about is up to the calibration."""
    engine = open_engine(settings().models_dir, load(settings().knowledge_dir))
    # Far from sure, so that it is asked back about whatever was talked about before.
    far_from_sure = 0.8 * engine.index.calibration.answer_from
    for asked in read().in_scope:
        decision = engine.decide(asked.text, language)
        unsure = decision.outcome == "choices" and decision.candidates[0].confidence < far_from_sure
        if asked.language == language and unsure:
            return asked.text
    return pytest.fail("no blind question is asked back about")
