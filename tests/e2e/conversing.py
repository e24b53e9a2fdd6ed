"""Over the API: a question and its topic, and what every refusal looks like."""

from __future__ import annotations

from functools import cache

import httpx
import pytest

from bot.answers.engine import open_engine
from bot.answers.knowledge import load
from bot.settings import settings
from bot.texts import text
from tests.eval.questions import read

QUESTION = "Wat moet ik doen als wij geen activatiecode hebben ontvangen?"
TOPIC = "portal.activation-code-missing"


def check_problem(reply: httpx.Response, status: int, name: str, language: str = "nl") -> None:
    """The reply is this problem, as RFC 9457 has it, with nothing more in it."""
    assert (reply.status_code, reply.headers["Content-Type"]) == (status, "application/problem+json"), reply.text
    said = reply.json()
    assert set(said) == {"type", "title", "status", "detail"}
    assert (said["type"], said["status"]) == (f"urn:wegwijzer:problem:{name}", status)
    assert said["title"] == text(f"problem.{name.replace('-', '_')}.title", language)


@cache
def asked_back_about(language: str) -> str:
    """A question that could mean several topics: which ones are asked back about is up to the calibration."""
    engine = open_engine(settings().models_dir, load(settings().knowledge_dir))
    for asked in read().in_scope:
        if asked.language == language and engine.decide(asked.text, language).outcome == "choices":
            return asked.text
    return pytest.fail("no blind question is asked back about")
