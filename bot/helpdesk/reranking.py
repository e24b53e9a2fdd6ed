"""Ranks suggestions by what became of earlier ones, where that has been shown to help; switched off elsewhere.

A topic that agents take more often than the engine's confidence says moves up, one that they pass over moves down:
log-odds of the confidence, plus a weight times the topic's offset. The offset compares how often the topic was used
with how often its confidences said that it would be, each smoothed by some looks at the average. Whoever reads from the
top and takes one has not judged those below it: these do not count (the cascade model of clicks, Craswell 2008).

What is kept is what agents saw, so the order that they saw is favoured a little: a new order has to earn its place.
"""

from __future__ import annotations

import json
import logging
import math
import os
import tempfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from types import MappingProxyType

from bot.helpdesk.fates import Batch, Seen

log = logging.getLogger(__name__)

SUGGESTIONS_NEEDED = 500
"""Settled batches; with fewer it stays off."""
LEARNED_FROM, CHOSEN_ON = 0.5, 0.75
"""The first half of the batches gives the offsets, the next quarter chooses the weight, the last one judges: by time,
and a week is never cut in two."""
WEIGHTS = (0.25, 0.5, 1.0, 1.5)
LOOKS = 20.0
"""At the average, added to what was seen of each topic."""
LEAST_GAIN = 0.01
"""Of precision at one, for which a change of order is worth it."""
CHANCE = 0.05
"""The most that a gain by chance may be likely (one-sided sign test over the batches that came out differently)."""


def _log_odds(share: float) -> float:
    share = min(max(share, 1e-4), 1 - 1e-4)
    return math.log(share / (1.0 - share))


@dataclass(frozen=True)
class Reranking:
    """How topics move."""

    weight: float
    offsets: Mapping[str, float]
    """Log-odds, by topic; 0 for one that is not there."""

    def confidence(self, topic: str, confidence: float) -> float:
        """The confidence by which a topic is ranked, and which is shown: 0 to 1."""
        return 1.0 / (1.0 + math.exp(-_log_odds(confidence) - self.weight * self.offsets.get(topic, 0.0)))

    def first(self, seen: Sequence[Seen]) -> Seen:
        """What would have stood first."""
        return max(seen, key=lambda each: self.confidence(each.topic, each.confidence))

    @classmethod
    def read(cls, file: Path) -> Reranking | None:
        """What `Verdict.save` wrote; None where it says that the re-ranking is off, or cannot be read."""
        try:
            kept = json.loads(file.read_text(encoding="utf-8"))
            if kept["is_on"] is not True:
                return None
            offsets = {str(topic): float(offset) for topic, offset in kept["offsets"].items()}
            return cls(float(kept["weight"]), MappingProxyType(offsets))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            log.warning("%s cannot be read: suggestions are ranked without it.", file.name)
            return None


@dataclass(frozen=True)
class Verdict:
    """Whether the re-ranking helps, and how that was found out."""

    is_on: bool
    reason: str
    """too_few, too_few_weeks, no_gain or helps."""
    batches: int
    judged_on: int = 0
    """Batches of the last weeks, from which nothing was learned."""
    since: date | None = None
    """The Monday from which on it was judged."""
    at_one_without: float | None = None
    at_one_with: float | None = None
    better: int = 0
    """Batches where the used one came first with it, and not without it."""
    worse: int = 0
    chance: float | None = None
    """How likely such a gain would be were it by chance."""
    weight: float = 0.0
    offsets: Mapping[str, float] = field(default_factory=dict)
    """Of all batches, for use from now on."""

    def in_words(self) -> str:
        """One or two sentences, with the counts."""
        state = "on" if self.is_on else "off"
        if self.reason == "too_few":
            return f"Re-ranking: {self.batches} settled batches, too few (of {SUGGESTIONS_NEEDED}): {state}."
        if self.reason == "too_few_weeks":
            return f"Re-ranking: {self.batches} settled batches, but of too few weeks to judge by later ones: {state}."
        return (
            f"Re-ranking, judged on the {self.judged_on} batches since {self.since} (of {self.batches}): precision at"
            f" one {self.at_one_without:.1%} without it, {self.at_one_with:.1%} with it (weight {self.weight});"
            f" {self.better} came out better, {self.worse} worse, by chance {self.chance:.3f}: {state}."
        )

    def save(self, file: Path) -> None:
        """Writes it whole, for `Reranking.read`."""
        about = asdict(self) | {"since": str(self.since) if self.since else None}
        file.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(prefix=f".{file.name}-", dir=file.parent)
        with os.fdopen(descriptor, "w", encoding="utf-8") as new:
            json.dump(about, new, indent=2)
        Path(name).chmod(0o644)
        Path(name).replace(file)


def _judged(batch: Batch) -> list[tuple[Seen, float]]:
    """What the agent judged, from the top to the one that was used last, each with how likely its use was by then."""
    last = max((place for place, seen in enumerate(batch.seen) if seen.used), default=len(batch.seen) - 1)
    judged, passed = [], 0.0
    for seen in batch.seen[: last + 1]:
        judged.append((seen, min(0.99, seen.confidence / max(1.0 - passed, 0.01))))
        passed += seen.confidence
    return judged


def offsets(batches: Sequence[Batch]) -> dict[str, float]:
    """By topic, how much more often it was used than its confidences said, in log-odds; 0 is as often."""
    looks: dict[str, int] = defaultdict(int)
    used: dict[str, int] = defaultdict(int)
    expected: dict[str, float] = defaultdict(float)
    for batch in batches:
        for seen, likely in _judged(batch):
            looks[seen.topic] += 1
            used[seen.topic] += seen.used
            expected[seen.topic] += likely
    every = sum(looks.values())
    if not every:
        return {}
    mean_used, mean_expected = sum(used.values()) / every, sum(expected.values()) / every
    usual = _log_odds(mean_used) - _log_odds(mean_expected)
    return {
        topic: _log_odds((used[topic] + LOOKS * mean_used) / (count + LOOKS))
        - _log_odds((expected[topic] + LOOKS * mean_expected) / (count + LOOKS))
        - usual
        for topic, count in looks.items()
    }


def _parts(batches: Sequence[Batch]) -> tuple[list[Batch], list[Batch], list[Batch]] | None:
    """To learn from, to choose on, and to judge on: whole weeks, in time. None where there are too few weeks."""
    ordered = sorted(batches, key=lambda batch: batch.week)
    parts: tuple[list[Batch], list[Batch], list[Batch]] = ([], [], [])
    weeks = sorted({batch.week for batch in ordered})
    done = 0
    for week in weeks:
        of_week = [batch for batch in ordered if batch.week == week]
        share = (done + len(of_week) / 2) / len(ordered)
        part = 0 if share < LEARNED_FROM else 1 if share < CHOSEN_ON else 2
        parts[part].extend(of_week)
        done += len(of_week)
    return parts if all(parts) else None


def _right(batches: Sequence[Batch], reranking: Reranking) -> int:
    return sum(reranking.first(batch.seen).used for batch in batches)


def _chance(better: int, worse: int) -> float:
    """The probability of at least so many better ones, were both equally likely."""
    count = better + worse
    return sum(math.comb(count, more) for more in range(better, count + 1)) / (1 << count)


def judge(batches: Sequence[Batch]) -> Verdict:
    """Whether ranking by what became of suggestions helps, judged on the latest weeks.

    Without it means by the engine's confidence alone, also where the re-ranking was on when they were shown.
    """
    known = [batch for batch in batches if batch.seen]
    if len(known) < SUGGESTIONS_NEEDED:
        return Verdict(False, "too_few", len(known))
    parts = _parts(known)
    if parts is None:
        return Verdict(False, "too_few_weeks", len(known))
    learned, chosen, judged = parts
    first = offsets(learned)
    weight = max(WEIGHTS, key=lambda each: _right(chosen, Reranking(each, first)))
    without, with_it = Reranking(0.0, {}), Reranking(weight, offsets([*learned, *chosen]))
    pairs = [(without.first(batch.seen).used, with_it.first(batch.seen).used) for batch in judged]
    better, worse = sum(b > a for a, b in pairs), sum(b < a for a, b in pairs)
    chance = _chance(better, worse)
    helps = (better - worse) / len(judged) >= LEAST_GAIN and chance < CHANCE
    return Verdict(
        is_on=helps,
        reason="helps" if helps else "no_gain",
        batches=len(known),
        judged_on=len(judged),
        since=min(batch.week for batch in judged),
        at_one_without=sum(a for a, _ in pairs) / len(judged),
        at_one_with=sum(b for _, b in pairs) / len(judged),
        better=better,
        worse=worse,
        chance=chance,
        weight=weight,
        offsets=offsets(known),
    )
