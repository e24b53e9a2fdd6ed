"""When a step of a guide applies: conditions over the answers that were given at earlier steps. See docs/guides.md."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

SKIPPED = "skipped"
GIVEN = "given"
Answers = Mapping[str, str]


def holds(condition: Mapping[str, Any] | None, answers: Answers) -> bool:
    """Whether a condition holds; no condition always does. A step that was never asked has no answer."""
    for key, wanted in (condition or {}).items():
        if key == "any":
            met = any(holds(part, answers) for part in wanted)
        elif key == "all":
            met = all(holds(part, answers) for part in wanted)
        elif key == "not":
            met = not holds(wanted, answers)
        elif key == "at_least":
            met = sum(holds(part, answers) for part in (condition or {})["of"]) >= wanted
        elif key == "of":
            continue
        else:
            met = _answered(answers.get(key), wanted)
        if not met:
            return False
    return True


def _answered(answer: str | None, wanted: Any) -> bool:
    if answer is None:
        return False
    values = wanted if isinstance(wanted, list) else [wanted]
    return answer in values or (GIVEN in values and answer != SKIPPED)


def asked_for(condition: Mapping[str, Any] | None) -> Iterator[tuple[str, str]]:
    """Every (step, answer) that a condition looks at. Raises TypeError or ValueError where it is not well-formed."""
    if condition is None:
        return
    if not isinstance(condition, Mapping) or not condition:
        raise TypeError("a condition maps steps to answers")
    if ("of" in condition) != ("at_least" in condition):
        raise ValueError("at_least and of go together")
    for key, wanted in condition.items():
        if key in ("any", "all", "of"):
            for part in wanted:
                yield from asked_for(part)
        elif key == "not":
            yield from asked_for(wanted)
        elif key == "at_least":
            if not isinstance(wanted, int):
                raise TypeError("at_least wants a number")
        else:
            for value in wanted if isinstance(wanted, list) else [wanted]:
                if not isinstance(value, str):
                    raise TypeError(f"{key}: {value!r} is no id of an answer (yes and no need quotes)")
                yield key, value
