"""What goes out of the log: with a conversation that is erased, with a question that is taken back, and in time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import ColumnElement, CursorResult, Delete, Engine, delete, exists, select
from sqlalchemy.orm import Session

from bot.conversations.models import Conversation, Message
from bot.helpdesk.hours import AMSTERDAM
from bot.helpdesk.models import LoggedQuestion, Request
from bot.trends.models import Popularity, TrendImport, TrendQuestion
from bot.trends.weeks import week_of

NO_QUESTION = "none"
"""In `messages.trend_id`: looked at, and no question of its own. It chose an answer, or declined what was offered."""

_AT_ONCE = 500


def erase_with(session: Session, conversation: Conversation) -> None:
    """Erases what the log holds of a conversation that is about to be erased, in the same transaction.

    What was shown and opened is kept by asker: where several conversations of a company share one, all of that goes,
    and what the others had of this week and the last is counted again. The question of a referral that opened the
    conversation goes too; that it was written down goes with its request. The caller has locked the conversation.
    """
    take_back(
        session,
        LoggedQuestion.request_id.in_(select(Request.id).where(Request.conversation_id == conversation.id)),
    )
    pointed = select(Message.trend_id).where(
        Message.conversation_id == conversation.id, Message.trend_id.is_not(None), Message.trend_id != NO_QUESTION
    )
    session.execute(
        delete(TrendQuestion).where(TrendQuestion.id.in_(pointed)), execution_options={"synchronize_session": False}
    )
    session.execute(delete(Popularity).where(Popularity.asker_id == conversation.asker_id))


def take_back(session: Session, *which: ColumnElement[bool]) -> None:
    """Erases what the log holds of questions that were written down and are taken back, in the same transaction.

    which: conditions on `LoggedQuestion`.
    """
    pointed = select(LoggedQuestion.trend_id).where(LoggedQuestion.trend_id.is_not(None), *which)
    session.execute(
        delete(TrendQuestion).where(TrendQuestion.id.in_(pointed)), execution_options={"synchronize_session": False}
    )


def forget(engine: Engine, moment: datetime, days: int) -> int:
    """Removes what is older than `days` days at a moment; gives how many questions.

    With the questions go what was shown in those weeks, and what is kept of a file of which no question is left.
    """
    today = moment.astimezone(AMSTERDAM).date()
    first = today - timedelta(days=days)
    old = select(TrendQuestion.id).where(TrendQuestion.asked_on < first).limit(_AT_ONCE)
    erased = 0
    while count := _delete(engine, lambda: delete(TrendQuestion).where(TrendQuestion.id.in_(old))):
        erased += count
    # Written as 2026-W47, weeks sort by time.
    _delete(engine, lambda: delete(Popularity).where(Popularity.week < week_of(first)))
    left = exists().where(TrendQuestion.import_id == TrendImport.id)
    before = moment - timedelta(days=days)
    _delete(engine, lambda: delete(TrendImport).where(TrendImport.imported_at < before, ~left))
    return erased


def _delete(engine: Engine, statement: Callable[[], Delete]) -> int:
    with Session(engine) as session, session.begin():
        done = session.execute(statement(), execution_options={"synchronize_session": False})
        return int(cast("CursorResult[Any]", done).rowcount)
