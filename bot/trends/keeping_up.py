"""Keeps the log of trends up to date: starts the filling when there is something to log. Runs among the jobs."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import threading
import time
from datetime import date, datetime, timedelta

from sqlalchemy import Engine, exists, or_, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from bot.conversations.models import Feedback, Message
from bot.database.types import now
from bot.helpdesk.hours import AMSTERDAM
from bot.settings import ROOT, Settings
from bot.trends import erasing
from bot.trends.log import QuestionLog
from bot.trends.popularity import answered_since, window_start

log = logging.getLogger(__name__)

FIRST_AFTER_SECONDS = 60.0
"""The tables may still be on their way, and starting is busy enough."""
TIME_LIMIT_SECONDS = 1800.0
"""Of one filling. What it has put into the log by then stays there."""
_STEP_SECONDS = 1.0


def encoder_hash(config: Settings) -> str:
    """Of the encoder that is served; empty where none was built."""
    try:
        current = json.loads((config.models_dir / "current.json").read_text(encoding="utf-8"))
        described = json.loads((config.models_dir / current["encoder"] / "encoder.json").read_text(encoding="utf-8"))
        return str(described["hash"])
    except (OSError, KeyError, ValueError):
        return ""


def something_to_do(engine: Engine, config: Settings, since: datetime) -> bool:
    """Whether anything was asked that is not in the log, shown or answered since a moment, or the encoder changed."""
    questions = QuestionLog(engine)
    if questions.has_new(now() - timedelta(minutes=config.trends_after_minutes)):
        return True
    shown = exists().where(Message.topic.is_not(None), Message.created_at >= since)
    judged = exists().where(Feedback.created_at >= since)
    with Session(engine.execution_options(writes=False)) as session:
        if session.scalar(select(or_(shown, judged, exists().where(answered_since(since))))):
            return True
    return questions.has_old_vectors(encoder_hash(config))


def fill(stopping: threading.Event, command: tuple[str, ...] = (sys.executable, "-m", "bot.trends.filling")) -> bool:
    """Runs the filling in a process of its own; gives whether it did what it should.

    Ends it at the time limit, and when told to stop.
    """
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(command, cwd=ROOT, env=environment)
    until = time.monotonic() + TIME_LIMIT_SECONDS
    try:
        while process.poll() is None and time.monotonic() < until and not stopping.is_set():
            stopping.wait(_STEP_SECONDS)
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
    return process.returncode == 0


def run(config: Settings, engine: Engine, stopping: threading.Event) -> None:
    """Keeps up until told to stop. What went wrong once is tried again at the next time."""
    pause, since = FIRST_AFTER_SECONDS, window_start(now())
    filled_on: date | None = None
    while not stopping.wait(pause):
        pause, began = config.trends_every_minutes * 60, now()
        try:
            erased = erasing.forget(engine, began, config.question_retention_days)
            if erased:
                log.info("Erased %d questions from the log of trends at the end of their retention.", erased)
            today = began.astimezone(AMSTERDAM).date()
            # Once a day at any rate: a period may be over, of which a snapshot is to be made.
            if today == filled_on and not something_to_do(engine, config, since):
                continue
            if fill(stopping):
                since, filled_on = began, today
            elif not stopping.is_set():
                log.warning("The log of trends could not be filled; trying again later.")
        except (SQLAlchemyError, OSError) as problem:
            log.warning("The log of trends could not be filled (%s); trying again later.", type(problem).__name__)
