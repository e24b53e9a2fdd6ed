"""Over the API: a question and its topic, and what every refusal looks like."""

from __future__ import annotations

import httpx

from bot.texts import text

QUESTION = "Wat moet ik doen als wij geen activatiecode hebben ontvangen?"
TOPIC = "portal.activation-code-missing"


def check_problem(reply: httpx.Response, status: int, name: str, language: str = "nl") -> None:
    """The reply is this problem, as RFC 9457 has it, with nothing more in it."""
    assert (reply.status_code, reply.headers["Content-Type"]) == (status, "application/problem+json"), reply.text
    said = reply.json()
    assert set(said) == {"type", "title", "status", "detail"}
    assert (said["type"], said["status"]) == (f"urn:wegwijzer:problem:{name}", status)
    assert said["title"] == text(f"problem.{name.replace('-', '_')}.title", language)
