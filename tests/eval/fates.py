"""What agents did with suggestions, from the database that the settings name: precision, and whether re-ranking helps.

`make eval` runs it, and `python -m tests.eval.fates` does alone. It writes the verdict to models/reranking.json, which
the web process reads: suggestions are ranked anew only where it says that this helps.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import Engine, inspect, make_url

from bot.database.engine import open_engine
from bot.helpdesk import fates, reranking
from bot.helpdesk.models import Suggestion
from bot.helpdesk.suggesting import RERANKING_FILE
from bot.settings import settings


def _kept(engine: Engine) -> list[fates.Batch]:
    """What is kept; nothing where the helpdesk has not begun."""
    file = make_url(str(engine.url)).database if engine.dialect.name == "sqlite" else None
    if file is not None and not Path(file).is_file():
        return []
    return fates.settled(engine) if inspect(engine).has_table(Suggestion.__tablename__) else []


def measure() -> dict[str, Any]:
    """The figures for docs/measured/eval.json; the verdict is saved beside the models."""
    config = settings()
    engine = open_engine(config.database_url)
    try:
        batches = _kept(engine)
    finally:
        engine.dispose()
    verdict = reranking.judge(batches)
    verdict.save(config.models_dir / RERANKING_FILE)
    total = fates.report(batches).total
    return {
        "batches": total.shown,
        "at_one": total.at_one,
        "at_three": total.at_three,
        "reranking": {
            "is_on": verdict.is_on,
            "reason": verdict.reason,
            "judged_on": verdict.judged_on,
            "at_one_without": verdict.at_one_without,
            "at_one_with": verdict.at_one_with,
            "chance": verdict.chance,
        },
        "in_words": verdict.in_words(),
    }


def show(found: dict[str, Any]) -> None:
    """Prints them."""
    print("\nSuggestions to agents, by what became of them")
    for name, words in (("at_one", "the first was used"), ("at_three", "one of the three was used")):
        share = "–" if found[name] is None else f"{found[name]:.1%}"
        print(f"  {words:28} {share:>7} of {found['batches']}")
    print(f"  {found['in_words']}")


if __name__ == "__main__":
    show(measure())
