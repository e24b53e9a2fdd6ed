"""`bin/wegwijzer report brief`: the brief for the impact meeting, as files."""

from __future__ import annotations

import argparse
import sys
from datetime import datetime
from pathlib import Path

from bot.answers.knowledge import load
from bot.database.engine import migrate, open_engine
from bot.helpdesk.hours import AMSTERDAM
from bot.settings import settings
from bot.texts import LANGUAGES
from bot.trends.brief import NoSuchBrief, half_years, read, write
from bot.trends.commands import TrendsError
from bot.trends.drawing import CannotDraw, Drawer
from bot.trends.papers import FORMATS, as_file, file_name
from bot.trends.reading import SnapshotStore

LOCK_SECONDS = 30.0


def add_brief(kinds: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds `brief` to the verb `report`."""
    does = "write the brief for the impact meeting: PDF, XLSX and CSV"
    made = kinds.add_parser("brief", help=does, description=f"{does[0].upper()}{does[1:]}.")
    made.add_argument("--period", metavar="HALF-YEAR", help="2026-H1; the latest one where it is left out")
    made.add_argument("--language", choices=LANGUAGES, action="append", help="both where it is left out")
    made.add_argument("--format", choices=tuple(FORMATS), action="append", help="all of them where it is left out")
    made.add_argument("--out", type=Path, default=Path(), metavar="FOLDER", help="here where it is left out")
    made.set_defaults(run=_brief)


def _brief(arguments: argparse.Namespace) -> None:
    config = settings()
    migrate(config.database_url)
    engine = open_engine(config.database_url, LOCK_SECONDS)
    drawer = Drawer()
    try:
        snapshots = SnapshotStore(engine)
        there = half_years(snapshots)
        if not there:
            raise TrendsError("No half-year is frozen yet: there is nothing to report.")
        frozen = read(snapshots, arguments.period or there[0])
        knowledge, today = load(config.knowledge_dir), datetime.now(AMSTERDAM).date()
        arguments.out.mkdir(parents=True, exist_ok=True)
        for language in arguments.language or LANGUAGES:
            written = write(
                frozen,
                knowledge,
                language,
                made_on=today,
                fte=config.helpdesk_fte,
                retention_days=config.question_retention_days,
            )
            for kind in arguments.format or FORMATS:
                file = arguments.out / file_name(written, kind)
                print(f"{file} …", file=sys.stderr)
                file.write_bytes(as_file(written, kind, drawer))
                print(file)
    except NoSuchBrief as problem:
        raise TrendsError(f"There is no frozen half-year {problem}; there are: {', '.join(there)}.") from None
    except CannotDraw as problem:
        raise TrendsError(f"It could not be drawn: {problem}.") from None
    finally:
        drawer.close()
        engine.dispose()
