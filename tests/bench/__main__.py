"""`make bench`: whole chat turns against Rasa's own starter project in the same run, as ratios.

The machines are noisy, so the two take turns: a round of one, a round of the other. Saves docs/measured/bench.json.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from bot.answers.knowledge import load
from bot.settings import ROOT, settings
from tests.bench.engines import engine_alone, suggestions_while_typing
from tests.bench.grouping import grouping
from tests.bench.grouping import show as show_grouping
from tests.bench.live_chats import live_chats
from tests.bench.systems import Compared, Starter, Talks, Wegwijzer

SAVED = ROOT / "docs" / "measured" / "bench.json"
VISITORS = (1, 8, 32)
ROUNDS = 4
TURNS_PER_ROUND = {1: 100, 8: 25, 32: 8}
"""Of each visitor."""
TURNS_PER_CONVERSATION = 10
"""Then somebody new comes: Rasa's turns grow dearer as a conversation grows, and real ones are short."""
SUGGESTED_WITHIN_MS = 100.0
TARGETS = {"turn": 0.75, "turns_per_second": 1.5, "memory": 1.5, "start": 1.0}


async def _round(system: Compared, url: str, visitors: int, turns: int) -> tuple[list[float], float]:
    """All visitors talk at once; gives the milliseconds of every turn, and the seconds of the round."""
    limits = httpx.Limits(max_connections=visitors, max_keepalive_connections=visitors)
    async with httpx.AsyncClient(base_url=url, timeout=120, limits=limits) as client:
        conversations = -(-turns // TURNS_PER_CONVERSATION)
        waiting = [[system.visitor(client) for _ in range(conversations)] for _ in range(visitors)]
        for one in (one for row in waiting for one in row):
            await one.open()
        spent: list[float] = []

        async def talk(row: list[Talks]) -> None:
            for number in range(turns):
                began = time.perf_counter()
                await row[number // TURNS_PER_CONVERSATION].say(number)
                spent.append((time.perf_counter() - began) * 1000)

        began = time.perf_counter()
        await asyncio.gather(*map(talk, waiting))
        return spent, time.perf_counter() - began


def _talking(systems: list[Any], visitors: int) -> dict[str, dict[str, float]]:
    """Median and 95th percentile of a turn (ms), and turns a second, of each system."""
    spent: dict[str, list[float]] = {system.name: [] for system in systems}
    seconds: dict[str, float] = {system.name: 0.0 for system in systems}
    turns = TURNS_PER_ROUND[visitors]
    for system in systems:
        asyncio.run(_round(system, system.url, visitors, 3))  # warm
    for _ in range(ROUNDS):
        for system in systems:
            times, took = asyncio.run(_round(system, system.url, visitors, turns))
            spent[system.name] += times
            seconds[system.name] += took
    return {
        name: {
            "median_ms": float(np.median(times)),
            "p95_ms": float(np.percentile(times, 95)),
            "turns_per_second": len(times) / seconds[name],
        }
        for name, times in spent.items()
    }


def _turns() -> dict[str, Any]:
    """Start, turns and memory of both, in one run."""
    knowledge = load(settings().knowledge_dir)
    questions = [(language, text) for _, _, language, text in list(knowledge.questions())[::7]]
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as scratch:
        starter, ours = Starter(), Wegwijzer(Path(scratch), questions)
        starter.make()
        systems: list[Any] = [starter, ours]
        try:
            print("Starting both, one after the other, twice …", flush=True)
            starts: dict[str, list[float]] = {"starter": [], "wegwijzer": []}
            for attempt in range(2):
                for system in systems:
                    if attempt:
                        system.stop()
                    starts[system.name].append(system.start())
            found["start_s"] = {name: min(times) for name, times in starts.items()}
            found["visitors"] = {}
            for visitors in VISITORS:
                print(f"{visitors} visitor{'s' if visitors > 1 else ''} …", flush=True)
                found["visitors"][str(visitors)] = _talking(systems, visitors)
            found["memory_mb"] = {system.name: system.memory_mb() for system in systems}
        finally:
            for system in systems:
                system.stop()
    return {**found, "ratios": _ratios(found)}


PARTS: dict[str, Callable[[], dict[str, Any]]] = {
    "turns": _turns,
    "engine": lambda: {"engine": engine_alone()},
    "suggestions": lambda: {"suggestions": suggestions_while_typing()},
    "live-chats": lambda: {"live_chats": live_chats()},
    "grouping": lambda: {"grouping": grouping()},
}


def main(wanted: Sequence[str]) -> None:
    """Prints the ratios beside their targets, and saves the figures.

    wanted: names of parts; what the others gave stays as it was saved. None means all of them.
    """
    unknown = sorted(set(wanted) - set(PARTS))
    if unknown:
        sys.exit(f"There is no part {', '.join(unknown)}. The parts are {', '.join(PARTS)}.")
    found: dict[str, Any] = json.loads(SAVED.read_text(encoding="utf-8")) if wanted and SAVED.is_file() else {}
    for name, measure in PARTS.items():
        if not wanted or name in wanted:
            print(f"{name} …", flush=True)
            found |= measure()
    SAVED.parent.mkdir(parents=True, exist_ok=True)
    SAVED.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    _show(found)


def _ratios(found: dict[str, Any]) -> dict[str, float]:
    one, many = found["visitors"]["1"], found["visitors"]["8"]
    memory = {name: sum(parts.values()) for name, parts in found["memory_mb"].items()}
    return {
        "turn": one["wegwijzer"]["median_ms"] / one["starter"]["median_ms"],
        "turns_per_second": many["wegwijzer"]["turns_per_second"] / many["starter"]["turns_per_second"],
        "memory": memory["wegwijzer"] / memory["starter"],
        "start": found["start_s"]["wegwijzer"] / found["start_s"]["starter"],
    }


def _show_turns(found: dict[str, Any]) -> None:
    print(f"\n{'':26}{'starter':>12}{'wegwijzer':>12}{'ratio':>8}")

    def row(name: str, values: dict[str, float], form: str) -> None:
        ratio = values["wegwijzer"] / values["starter"]
        print(f"{name:26}{values['starter']:12{form}}{values['wegwijzer']:12{form}}{ratio:8.2f}")

    for visitors, both in found["visitors"].items():
        for figure in ("median_ms", "p95_ms", "turns_per_second"):
            row(f"{visitors:>2} visitors, {figure}", {name: both[name][figure] for name in both}, ".1f")
    row("memory, MB", {name: sum(parts.values()) for name, parts in found["memory_mb"].items()}, ".0f")
    print(f"{'':26}of which {', '.join(f'{n} {mb:.0f}' for n, mb in found['memory_mb']['wegwijzer'].items())}")
    row("start to first answer, s", found["start_s"], ".1f")


def _show_engine(engine: dict[str, dict[str, float]]) -> None:
    print("\nThe answer engine alone, median ms a question:")
    for topics, figures in engine.items():
        print(f"{topics:>8} topics: {figures['whole_ms']:.2f}, of which scoring {figures['scoring_ms']:.2f}")


def _show_suggestions(suggestions: dict[str, dict[str, float]]) -> None:
    print(f"\nThree suggestions at every word that is typed, ms (target: under {SUGGESTED_WITHIN_MS:.0f}):")
    for topics, figures in suggestions.items():
        met = "met" if figures["p95_ms"] < SUGGESTED_WITHIN_MS else "MISSED"
        print(f"{topics:>8} topics: median {figures['median_ms']:.1f}, 95th percentile {figures['p95_ms']:.1f}: {met}")


def _show_live(live: dict[str, float]) -> None:
    print(
        f"\n{live['visitors']} live chats with {live['agents']} agents, all at once, ms on the way:"
        f" to the agent {live['to_agent_median_ms']:.0f} (95th percentile {live['to_agent_p95_ms']:.0f}),"
        f" to the visitor {live['to_visitor_median_ms']:.0f} ({live['to_visitor_p95_ms']:.0f});"
        f" {live['messages_per_second']:.0f} messages a second."
    )


def _show_targets(ratios: dict[str, float]) -> None:
    print()
    for name, target in TARGETS.items():
        ratio = ratios[name]
        fine = ratio >= target if name == "turns_per_second" else ratio <= target
        bound = "at least" if name == "turns_per_second" else "at most"
        print(f"{name:18} {ratio:5.2f} × the starter; target {bound} {target}: {'met' if fine else 'MISSED'}")


def _show(found: dict[str, Any]) -> None:
    """What was measured, as far as it was."""
    if "visitors" in found:
        _show_turns(found)
    for name, show in (
        ("engine", _show_engine), ("suggestions", _show_suggestions), ("live_chats", _show_live),
        ("grouping", show_grouping), ("ratios", _show_targets),
    ):  # fmt: skip
        if name in found:
            show(found[name])
    print(f"Saved in {SAVED.relative_to(ROOT)}.")


if __name__ == "__main__":
    main(sys.argv[1:])
