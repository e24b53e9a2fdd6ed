"""The queue of a desk, inside a transaction of somebody else's: asking for a person, and going on without one."""

from __future__ import annotations

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session

from bot.conversations.models import Conversation
from bot.database.types import new_id, now
from bot.helpdesk.models import HandOver


def still_open(session: Session, conversation_id: str) -> HandOver | None:
    """The hand-over that waits or is held; a conversation has at most one."""
    query = select(HandOver).where(HandOver.conversation_id == conversation_id, HandOver.ended_at.is_(None))
    return session.scalar(query)


def change_mode(conversation: Conversation, mode: str) -> None:
    """Keeps who talks in the conversation. Replies that the assistant is making are dropped when an agent takes it.

    In the queue the assistant goes on answering, so that nothing is dropped on the way in or out.
    """
    if "agent" in (conversation.mode, mode):
        conversation.version += 1
    conversation.mode = mode


def place(session: Session, row: HandOver) -> int:
    """Which one it is in the queue of its desk: 1 is the next. 0 for one that does not wait (any more)."""
    if row.state != "waiting":
        return 0
    before = or_(HandOver.asked_at < row.asked_at, and_(HandOver.asked_at == row.asked_at, HandOver.id < row.id))
    query = select(func.count()).select_from(HandOver)
    return (session.scalar(query.where(HandOver.desk == row.desk, HandOver.state == "waiting", before)) or 0) + 1


def ask(session: Session, conversation: Conversation, desk: str, reason: str) -> int:
    """Puts a conversation into the queue of a desk; gives its place there. One that waits already keeps its place.

    Gives 0 where an agent holds it. The caller has locked the conversation.
    """
    row = still_open(session, conversation.id)
    if row is None:
        row = HandOver(
            id=new_id(), conversation_id=conversation.id, desk=desk, reason=reason, state="waiting", asked_at=now()
        )  # fmt: skip
        session.add(row)
        change_mode(conversation, "queue")
        session.flush()
    return place(session, row)


def leave(session: Session, conversation: Conversation, state: str = "left") -> bool:
    """Takes a conversation out of the queue and gives it back to the assistant; gives whether it waited.

    state: `left`, or `missed` where nobody came. The caller has locked the conversation.
    """
    row = still_open(session, conversation.id)
    if row is None or row.state != "waiting":
        return False
    row.state, row.ended_at = state, now()
    change_mode(conversation, "assistant")
    session.flush()
    return True
