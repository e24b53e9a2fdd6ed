"""Cross-validation on the knowledge's own questions: every pair is once held out from encoder, heads and thresholds."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np

from bot.answers import training
from bot.answers.knowledge import LANGUAGES
from bot.train import Training


def cross_validate(run: Training) -> dict[str, Any]:
    """Held-out outcomes by language, parity of the two languages, and the confusions, over all parts.

    The thresholds of a part come from the part after it, so that no question sets its own.
    """
    parts = []
    for part in range(training.PARTS):
        texts = training.texts_of(run.knowledge, part)
        vectors = run.held_out(part)
        held = training.hold_out(texts, vectors)
        parts.append((texts, held, training.calibrate(held)))
    outcomes: dict[str, Counter[str]] = {language: Counter() for language in LANGUAGES}
    confused: Counter[tuple[str, str]] = Counter()
    same = pairs = false = strays = 0
    for part, (texts, held, _) in enumerate(parts):
        index = replace(held.index, calibration=parts[(part + 1) % len(parts)][2])
        sure = np.stack([index.confidence(index.score(vector)) for vector in held.vectors])
        best = sure.argmax(axis=1).tolist()
        given = (sure.max(axis=1) >= index.calibration.answer_from).tolist()
        inside = int(texts.held.sum())
        for row in range(inside):
            topics = held.answered_by[row]
            count = outcomes[LANGUAGES[row % len(LANGUAGES)]]
            count["count"] += 1
            count["first"] += best[row] in topics
            count["right"] += given[row] and best[row] in topics
            count["wrong"] += given[row] and best[row] not in topics
            if best[row] not in topics:
                place = int(texts.places[np.flatnonzero(texts.held)[row]])
                confused[texts.topics[place], texts.topics[best[row]]] += 1
        same += sum(best[row] == best[row + 1] for row in range(0, inside, 2))
        pairs += inside // 2
        false += sum(given[inside:])
        strays += len(given) - inside
    return {
        "languages": {
            language: {
                "count": count["count"],
                "answered_right": round(count["right"] / count["count"], 4),
                "answered_wrong": round(count["wrong"] / count["count"], 4),
                "first_is_right": round(count["first"] / count["count"], 4),
            }
            for language, count in outcomes.items()
        },
        "parity": round(same / pairs, 4),
        "facts_stated_out_of_scope": round(false / strays, 4),
        "confusions": [(right, best, count) for (right, best), count in confused.most_common(25)],
    }
