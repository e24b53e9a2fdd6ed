"""`python -m bot.trends.filling`: puts what was asked since the last time into the log, makes snapshots, and ends.

A process of its own, started by the jobs when there is something to log: the lists of names and the encoder are large,
and nothing that a visitor waits for needs them.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from bot.answers.engine import AnswerEngine, open_engine
from bot.answers.index import IndexMissing
from bot.answers.knowledge import Knowledge, KnowledgeError, load
from bot.database.engine import open_engine as open_database
from bot.database.types import now
from bot.encoder.runtime import EncoderError
from bot.helpdesk.hours import AMSTERDAM
from bot.settings import Settings, settings
from bot.trends.keeping_up import encoder_hash
from bot.trends.log import QuestionLog
from bot.trends.popularity import AT_ONCE, PopularityLog, window_start
from bot.trends.redaction import open_redactor
from bot.trends.snapshots import CannotCount, Rules, SnapshotMaker

log = logging.getLogger("trends")

LOCK_SECONDS = 30.0
"""It may wait for the database longer than a visitor."""

Progress = Callable[[str, int], None]
"""Told what is being done, and how many were done."""


class CannotFill(RuntimeError):
    """The models are missing or do not fit the knowledge; the text says what to do."""


@dataclass(frozen=True)
class Filled:
    """How many were put into the log."""

    chats: int
    """Questions asked in chats."""
    written_down: int
    """Questions that agents and partners wrote down."""
    renewed: int
    """Vectors that another encoder had made."""


def quietly(_what: str, _count: int) -> None:
    """No progress."""


def open_answers(config: Settings, knowledge: Knowledge) -> AnswerEngine:
    """The engine with its encoder. Raises CannotFill."""
    try:
        return open_engine(config.models_dir, knowledge)
    except (IndexMissing, EncoderError) as problem:
        raise CannotFill(str(problem)) from None


def fill(config: Settings, engine: Engine, moment: datetime, progress: Progress = quietly) -> Filled:
    """Counts what was shown, and logs what was asked up to TRENDS_AFTER_MINUTES before a moment. Raises CannotFill.

    Where it is ended halfway, the next time goes on from there.
    """
    knowledge = load(config.knowledge_dir)
    popularity, since = PopularityLog(engine, knowledge), window_start(moment)
    _count_popularity(popularity, since, progress)
    filled = _log(config, engine, knowledge, moment - timedelta(minutes=config.trends_after_minutes), progress)
    # The asker of a referral is known from its question in the log.
    popularity.count_answered(since)
    return filled


def _log(config: Settings, engine: Engine, knowledge: Knowledge, before: datetime, progress: Progress) -> Filled:
    if not QuestionLog(engine).has_new(before) and not QuestionLog(engine).has_old_vectors(encoder_hash(config)):
        return Filled(0, 0, 0)
    answers = open_answers(config, knowledge)
    questions = QuestionLog(engine, open_redactor(engine, knowledge, config), answers.encoder)
    return Filled(
        _log_chats(questions, before, progress),
        _log_written_down(questions, answers, before, progress),
        _renew(questions, progress),
    )


def freeze(config: Settings, engine: Engine, moment: datetime) -> tuple[str, ...]:
    """Makes the snapshots of periods that are over; gives the periods. Raises CannotFill."""
    today = moment.astimezone(AMSTERDAM).date()
    knowledge = load(config.knowledge_dir)
    if not SnapshotMaker(engine, knowledge).due(today):
        return ()
    encoder = open_answers(config, knowledge).encoder
    maker = SnapshotMaker(engine, knowledge, Rules(config.trends_min_askers), encoder)
    try:
        return tuple(maker.make_missing(today))
    except CannotCount as problem:
        raise CannotFill(str(problem)) from None


def _count_popularity(popularity: PopularityLog, since: datetime, progress: Progress) -> None:
    active = popularity.active(since)
    for at in range(0, len(active), AT_ONCE):
        popularity.count(active[at : at + AT_ONCE], since)
        progress("conversations looked at for what was shown", min(at + AT_ONCE, len(active)))


def _log_chats(questions: QuestionLog, before: datetime, progress: Progress) -> int:
    added = 0
    while chats := questions.chats(before):
        # Each conversation is settled by this, so that it is not found again.
        for chat in chats:
            added += questions.add_chat(chat)
            progress("questions from chats", added)
    return added


def _log_written_down(questions: QuestionLog, answers: AnswerEngine, before: datetime, progress: Progress) -> int:
    added = 0
    while written := questions.written_down(before):
        for id_, asked in written:
            added += questions.add_written_down(id_, asked, answers)
            progress("questions that were written down", added)
    return added


def _renew(questions: QuestionLog, progress: Progress) -> int:
    renewed = 0
    while count := questions.renew_vectors():
        renewed += count
        progress("vectors renewed", renewed)
    return renewed


@contextmanager
def database(config: Settings) -> Iterator[Engine]:
    """The database, for as long as it is needed."""
    engine = open_database(config.database_url, LOCK_SECONDS)
    try:
        yield engine
    finally:
        engine.dispose()


def main() -> int:
    """Fills the log once; gives the exit status."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    config = settings()
    try:
        with database(config) as engine:
            filled = fill(config, engine, now())
            frozen = freeze(config, engine, now())
    except (CannotFill, KnowledgeError) as problem:
        print(problem, file=sys.stderr)
        return 1
    except SQLAlchemyError as problem:
        print(f"The database did not answer ({type(problem).__name__}).", file=sys.stderr)
        return 1
    if filled.chats or filled.written_down or filled.renewed:
        log.info(
            "Log of trends: %d questions from chats, %d written down, %d vectors renewed.",
            filled.chats, filled.written_down, filled.renewed,
        )  # fmt: skip
    if frozen:
        log.info("Snapshots of trends: %s.", ", ".join(frozen))
    return 0


if __name__ == "__main__":
    sys.exit(main())
