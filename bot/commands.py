"""`bin/wegwijzer`: what staff do from a terminal. Every command has its own --help."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TypeAlias

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from bot.database.engine import migrate, open_engine
from bot.helpdesk.commands import add_commands as add_helpdesk_commands
from bot.helpdesk.hours import AMSTERDAM
from bot.helpdesk.partners import PartnerError
from bot.registry import demo
from bot.registry.codes import BadServerKey, server_key
from bot.registry.files import Record, read, write_template
from bot.registry.loading import Loaded, load
from bot.registry.report import BadFile, BadRows, report_file
from bot.settings import Settings, settings
from bot.staff.accounts import StaffError
from bot.staff.commands import add_commands as add_staff_commands
from bot.texts import text
from bot.trends.commands import TrendsError, demo_trends
from bot.trends.commands import add_commands as add_trends_commands
from bot.trends.reporting import add_brief

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"
LOCK_SECONDS = 30.0
"""A loading may wait for the database longer than a visitor."""


class Refused(Exception):
    """The command could not be done; the text says why."""


def parser() -> argparse.ArgumentParser:
    """All commands. Each leaf sets `run`, which takes the arguments."""
    root = argparse.ArgumentParser(prog="wegwijzer", description="What staff do from a terminal.")
    verbs = root.add_subparsers(required=True, metavar="COMMAND")
    imports = _things(verbs, "import", "load companies, or questions that partners bring")
    leaf = _leaf(imports, "companies", "load companies from a CSV or XLSX", import_companies)
    leaf.add_argument("file", type=Path, metavar="FILE", help=".csv (UTF-8) or .xlsx, with the columns of the template")
    leaf.add_argument("--dry-run", action="store_true", help="check everything and say what would change, no more")
    templates = _things(verbs, "template", "write an empty file with the columns and an example")
    leaf = _leaf(templates, "companies", "write an empty file with the columns and an example", template)
    leaf.add_argument("file", type=Path, metavar="FILE", help=".csv or .xlsx; it must not exist yet")
    demos = _things(verbs, "demo", "load something fictional to try it with")
    _leaf(demos, "companies", "load fictional companies, and print a code to try one", demo_companies)
    _leaf(demos, "trends", "fill the log with made-up questions, and count them", demo_trends)
    add_staff_commands(verbs)
    add_brief(add_helpdesk_commands(verbs))
    add_trends_commands(verbs, imports)
    return root


def _things(verbs: Commands, verb: str, does: str) -> Commands:
    """A verb that takes more words than one."""
    said = f"{does[0].upper()}{does[1:]}."
    return verbs.add_parser(verb, help=does, description=said).add_subparsers(required=True, metavar="WHAT")


def _leaf(
    things: Commands, thing: str, does: str, run: Callable[[argparse.Namespace], None]
) -> argparse.ArgumentParser:
    """A command of two words."""
    leaf = things.add_parser(thing, help=does, description=f"{does[0].upper()}{does[1:]}.")
    leaf.set_defaults(run=run)
    return leaf


def import_companies(arguments: argparse.Namespace) -> None:
    """Loads a file, all or nothing; problems go to the screen and to a file beside it."""
    config = settings()
    file: Path = arguments.file
    try:
        loaded = _load(config, read(file, config.activation_code_pattern), dry_run=arguments.dry_run)
    except BadRows as wrong:
        raise Refused("\n".join([*wrong.lines(), *_saved(wrong, file)])) from None
    would = "Would be " if arguments.dry_run else ""
    print(f"{would}created: {loaded.created:,}, updated: {loaded.updated:,}, unchanged: {loaded.unchanged:,}.")
    if arguments.dry_run:
        print("A dry run: nothing was written.")


def _saved(wrong: BadRows, file: Path) -> list[str]:
    said = f"Nothing was loaded: {len(wrong.problems):,} problems in {wrong.rows:,} rows."
    try:
        wrong.save(report_file(file))
    except OSError as problem:
        return [said, f"They could not be written beside the file: {problem.strerror}."]
    return [said, f"All of them: {report_file(file)}"]


def _load(config: Settings, records: Iterable[Record], *, dry_run: bool = False, quiet: bool = False) -> Loaded:
    key = server_key(config)
    migrate(config.database_url)
    engine = open_engine(config.database_url, LOCK_SECONDS)
    progress = Progress(quiet=quiet)
    try:
        return load(
            engine,
            records,
            key,
            today=datetime.now(AMSTERDAM).date(),
            code_pattern=config.activation_code_pattern,
            dry_run=dry_run,
            progress=progress,
        )
    finally:
        progress.end()
        engine.dispose()


class Progress:
    """Shows how far a loading is: on one line of a terminal, or a line for each stage elsewhere."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._quiet = quiet
        self._live = sys.stderr.isatty()
        self._stage, self._said = "", ""

    def __call__(self, stage: str, rows: int) -> None:
        """Told by `load`."""
        if self._quiet:
            return
        if self._stage and stage != self._stage:
            self.end()
        self._stage, self._said = stage, f"{rows:,} rows {stage}"
        if self._live:
            print(f"\r{self._said}", end="", file=sys.stderr, flush=True)

    def end(self) -> None:
        """Ends the line of a stage."""
        if self._said:
            print("" if self._live else self._said, file=sys.stderr)
        self._said = ""


def template(arguments: argparse.Namespace) -> None:
    """Writes the template."""
    write_template(arguments.file)
    print(f"{arguments.file}: fill in a row for each company, and take out the example. See docs/registry.md.")


def demo_companies(_arguments: argparse.Namespace) -> None:
    """Loads the demo companies, unless real ones are kept already, and says which can be tried."""
    config = settings()
    key, pattern = server_key(config), config.activation_code_pattern
    migrate(config.database_url)
    engine = open_engine(config.database_url, LOCK_SECONDS)
    try:
        _load_demo(config, engine, key)
        if demo.can_be_tried(engine, key, pattern):
            code = demo.activation_code(demo.TO_TRY, key, pattern)
            print(f"To try it: KVK number {demo.TO_TRY}, activation code {code} (a fictional company).")
    finally:
        engine.dispose()


def _load_demo(config: Settings, engine: Engine, key: bytes) -> None:
    if demo.others_are_kept(engine):
        print("The registry holds other companies: the demo companies are left as they are.")
        return
    records = demo.records(datetime.now(AMSTERDAM).date(), key, config.activation_code_pattern)
    try:
        loaded = _load(config, records, quiet=True)
    except BadRows as wrong:
        raise Refused("\n".join(wrong.lines())) from None
    if loaded.created or loaded.updated:
        print(f"Demo companies: {loaded.created} created, {loaded.updated} updated.")


def main(words: Sequence[str] | None = None) -> int:
    """Runs a command; gives its exit status: 0 done, 1 could not be done, 2 wrong words or settings."""
    arguments = parser().parse_args(words)
    try:
        arguments.run(arguments)
    except (Refused, BadFile, BadServerKey, demo.NoCodeFits, PartnerError, TrendsError) as problem:
        print(problem, file=sys.stderr)
        return 1
    except StaffError as problem:
        print(text(problem.key, "en"), file=sys.stderr)
        return 1
    except SQLAlchemyError as problem:
        print(_of_database(problem), file=sys.stderr)
        return 1
    except OSError as problem:
        print(f"{problem.filename or 'A file'}: {problem.strerror}.", file=sys.stderr)
        return 1
    return 0


def _of_database(problem: SQLAlchemyError) -> str:
    """What went wrong in the database, without its own text: that may quote what was being stored."""
    constraint = ""
    if isinstance(problem, DBAPIError):
        name = getattr(getattr(problem.orig, "diag", None), "constraint_name", None)
        constraint = f", {name}" if name else ""
    return f"Nothing was changed: the database did not do it ({type(problem).__name__}{constraint})."


if __name__ == "__main__":
    sys.exit(main())
