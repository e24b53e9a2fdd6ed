"""`bin/wegwijzer trends …` and `bin/wegwijzer import questions`: the log of questions, and what partners bring."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import TypeAlias

from sqlalchemy import Engine

from bot.answers.knowledge import load
from bot.database.engine import migrate
from bot.database.types import now
from bot.helpdesk.hours import AMSTERDAM
from bot.registry.report import BadRows, report_file
from bot.settings import Settings, settings
from bot.trends import erasing, importing
from bot.trends.weeks import NoPeriod

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


class TrendsError(Exception):
    """The command could not be done; the text says why."""


def add_commands(verbs: Commands, imports: Commands) -> None:
    """Adds `trends` with its commands, and `questions` to what can be imported."""
    does = "keep the log of questions"
    kinds = verbs.add_parser("trends", help=does, description="Keeps the log of questions.").add_subparsers(
        required=True, metavar="WHAT"
    )
    made = kinds.add_parser("log", help="put what was asked since the last time into the log, redacted")
    made.set_defaults(run=_log)
    made = kinds.add_parser("snapshot", help="count the weeks, months and half-years that are over, once and for good")
    made.add_argument("period", nargs="?", metavar="PERIOD", help="2026-W47, 2026-M11 or 2026-H2; without it, all")
    made.add_argument("--check", action="store_true", help="count nothing: see whether all are as they were made")
    made.set_defaults(run=_snapshot)
    made = kinds.add_parser("forget", help="erase questions at the end of their retention (QUESTION_RETENTION_DAYS)")
    made.set_defaults(run=_forget)

    does = "load questions that a partner brings, from a CSV"
    made = imports.add_parser("questions", help=does, description=f"{does[0].upper()}{does[1:]}.")
    made.add_argument("file", type=Path, metavar="FILE", help=f"UTF-8, with the columns {', '.join(importing.COLUMNS)}")
    made.add_argument("--referrer", required=True, metavar="PARTNER", help="who brings it: awvn, vno-ncw")
    made.add_argument("--dry-run", action="store_true", help="check everything and say what would be loaded, no more")
    made.set_defaults(run=_import)


class Progress:
    """Shows how far something is: on one line of a terminal, or a line for each stage elsewhere."""

    def __init__(self) -> None:
        self._live = sys.stderr.isatty()
        self._what, self._said = "", ""

    def __call__(self, what: str, count: int) -> None:
        """Told by whatever takes long."""
        if self._what and what != self._what:
            self.end()
        self._what, self._said = what, f"{count:,} {what}"
        if self._live:
            print(f"\r{self._said}", end="", file=sys.stderr, flush=True)

    def end(self) -> None:
        """Ends the line."""
        if self._said:
            print("" if self._live else self._said, file=sys.stderr)
        self._said = ""


@contextmanager
def _open() -> Iterator[tuple[Settings, Engine, Progress]]:
    # It brings the encoder along: not for the commands that do without.
    from bot.trends import filling

    config, progress = settings(), Progress()
    migrate(config.database_url)
    try:
        with filling.database(config) as engine:
            yield config, engine, progress
    except filling.CannotFill as problem:
        raise TrendsError(str(problem)) from None
    finally:
        progress.end()


def _log(_arguments: argparse.Namespace) -> None:
    from bot.trends import filling

    with _open() as (config, engine, progress):
        filled = filling.fill(config, engine, now(), progress)
        progress.end()
        print(f"Logged: {filled.chats:,} from chats, {filled.written_down:,} that agents wrote down.")


def _snapshot(arguments: argparse.Namespace) -> None:
    from bot.trends import snapshots

    with _open() as (config, engine, progress):
        if arguments.check:
            changed = [period for period, is_whole in snapshots.stored(engine) if not is_whole]
            if changed:
                raise TrendsError(f"Not as they were made: {', '.join(changed)}.")
            print("Every snapshot is as it was made.")
            return
        today = now().astimezone(AMSTERDAM).date()
        made = _freeze(config, engine, arguments.period, today, progress)
        progress.end()
        print(f"Counted: {', '.join(made)}." if made else "Nothing to count: all that is over was counted before.")


def _freeze(config: Settings, engine: Engine, period: str | None, today: date, progress: Progress) -> list[str]:
    """Makes one snapshot, or all that are due; gives the periods that were made."""
    from bot.trends import filling, snapshots

    knowledge = load(config.knowledge_dir)
    maker = snapshots.SnapshotMaker(
        engine, knowledge, snapshots.Rules(config.trends_min_askers), filling.open_answers(config, knowledge).encoder
    )
    try:
        if period is not None:
            return [period] if maker.make(period, today) else []
        counted = 0

        def tell(_period: str) -> None:
            nonlocal counted
            counted += 1
            progress("periods counted", counted)

        return maker.make_missing(today, tell)
    except snapshots.CannotCount as problem:
        raise TrendsError(str(problem)) from None
    except NoPeriod:
        examples = "2026-W47, 2026-M11 or 2026-H2"
        raise TrendsError(f"{period} is not a week, month or half-year such as {examples}.") from None


def demo_trends(_arguments: argparse.Namespace) -> None:
    """Fills the log with made-up questions, and counts every period that is over."""
    from bot.trends import demo, filling

    with _open() as (config, engine, progress):
        knowledge = load(config.knowledge_dir)
        today = now().astimezone(AMSTERDAM).date()
        try:
            demo.check(engine)
            encoder = filling.open_answers(config, knowledge).encoder
            count = demo.fill(engine, knowledge, encoder, today, progress=lambda what, done, _of: progress(what, done))
        except demo.NotForDemo as problem:
            raise TrendsError(str(problem)) from None
        made = _freeze(config, engine, None, today, progress)
        progress.end()
        print(f"Made up: {count:,} questions that nobody asked, counted in {len(made)} weeks, months and half-years.")


def _forget(_arguments: argparse.Namespace) -> None:
    with _open() as (config, engine, _):
        erased = erasing.forget(engine, now(), config.question_retention_days)
        print(f"Erased: {erased:,} questions of more than {config.question_retention_days} days ago.")


def _import(arguments: argparse.Namespace) -> None:
    from bot.trends import filling
    from bot.trends.log import QuestionLog
    from bot.trends.redaction import open_redactor

    file: Path = arguments.file
    if not importing.REFERRER.fullmatch(arguments.referrer):
        raise TrendsError("A partner is a short name in lower case, such as awvn or vno-ncw.")
    with _open() as (config, engine, progress):
        hash_ = importing.file_hash(file)
        if known := importing.imported_before(engine, arguments.referrer, hash_):
            print(_known(known))
            return
        rows = _read(file, config)
        if arguments.dry_run:
            print(f"Would be loaded: {len(rows):,} questions. A dry run: nothing was written.")
            return
        knowledge = load(config.knowledge_dir)
        answers = filling.open_answers(config, knowledge)
        questions = QuestionLog(engine, open_redactor(engine, knowledge, config), answers.encoder)
        importer = importing.Importer(engine, answers, questions)
        done = importer.add(rows, arguments.referrer, hash_, progress)
        progress.end()
        print(_known(done) if done.before else f"Loaded: {done.rows:,} questions, redacted.")


def _known(done: importing.Imported) -> str:
    when = f"{done.before.astimezone(AMSTERDAM):%Y-%m-%d}" if done.before else ""
    return f"This very file was loaded on {when}, with {done.rows:,} questions: nothing was changed."


def _read(file: Path, config: Settings) -> list[importing.Row]:
    today = datetime.now(AMSTERDAM).date()
    knowledge = load(config.knowledge_dir)
    try:
        return importing.read(file, knowledge, today, config.question_retention_days, config.activation_code_pattern)
    except BadRows as wrong:
        lines = [*wrong.lines(), f"Nothing was loaded: {len(wrong.problems):,} problems in {wrong.rows:,} rows."]
        try:
            wrong.save(report_file(file))
            lines.append(f"All of them: {report_file(file)}")
        except OSError as problem:
            lines.append(f"They could not be written beside the file: {problem.strerror}.")
        raise TrendsError("\n".join(lines)) from None
