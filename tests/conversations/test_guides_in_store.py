"""Where a visitor is in a guide is kept with the conversation, goes on elsewhere with a code, and goes with it."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from functools import cache
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from bot.answers.knowledge import load
from bot.conversations.store import ConversationStore, NoSuchConversation, Turn
from bot.database.engine import migrate, open_engine
from bot.database.types import now
from bot.guides.resuming import GOOD_FOR, code_in
from bot.helpdesk.forms import Form, load_forms
from bot.helpdesk.requests import PutIn, RequestStore
from bot.jobs import end_request_retention, end_retention
from bot.messages import RESUME_CODE, Draft, GuideState, Memory
from bot.settings import Settings

LAW = GuideState(guide="law", step="assets", answers={"legal-form": "bv"}, trail=["legal-form", "listed"])
LEFT = LAW.model_copy(update={"waiting": False})
CHARTER = GuideState(guide="charter", step="where")
PAST = "2020-01-01 00:00:00"


@cache
def form() -> Form:
    folder = Settings.model_fields["knowledge_dir"].default
    return load_forms(folder, load(folder))["orientation-talk"]


class Kept:
    """Both stores on one database, and the rows behind them."""

    def __init__(self, file: Path) -> None:
        self.file, url = file, f"sqlite:///{file}"
        migrate(url)
        self.engine = open_engine(url)
        self.store = ConversationStore(self.engine)
        self.requests = RequestStore(self.engine, str(Settings.model_fields["activation_code_pattern"].default))

    def opened(self) -> tuple[str, str]:
        id_, token, _ = self.store.open("nl", "website", None, [])
        return id_, token

    def turn(self, id_: str, token: str) -> Turn:
        return self.store.begin_turn(id_, token, text="verder", button_id=None, language=None, key=None)

    def step(self, opened: tuple[str, str], state: GuideState | None) -> None:
        """The visitor says something, and the reply leaves the guide there."""
        draft = Draft(kind="guide", text="Stap.", language="nl", memory=Memory(guide=state))
        assert self.store.end_turn(self.turn(*opened), [draft])

    def code(self, opened: tuple[str, str], state: GuideState = LAW) -> str:
        """The code that the visitor reads who leaves the guide there."""
        memory = Memory(guide=state.model_copy(update={"waiting": False}), resume_code=True)
        draft = Draft(kind="guide", text=f"Uw code: {RESUME_CODE}.", language="nl", memory=memory)
        [shown] = self.store.end_turn(self.turn(*opened), [draft])
        code = code_in(shown.text)
        assert code and RESUME_CODE not in shown.text
        return code

    def request(self, id_: str) -> str:
        """A request for a desk; gives its reference."""
        with Session(self.engine) as session, session.begin():
            return self.requests.add(session, PutIn(id_, form(), {"consent": True}, "nl"))[0]

    def rows(self, query: str, *values: object) -> list[tuple]:
        with closing(sqlite3.connect(self.file, timeout=20)) as database:
            found = database.execute(query, values).fetchall()
            database.commit()
        return found

    def count(self, table: str) -> int:
        return int(self.rows(f"SELECT count(*) FROM {table}")[0][0])


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Kept]:
    kept = Kept(tmp_path / "store.db")
    yield kept
    kept.engine.dispose()


# Where the visitor is


def test_the_state_is_given_back(kept: Kept) -> None:
    """To the turn that follows, and to the actions; the check at the door does without."""
    opened = kept.opened()
    assert kept.turn(*opened).context.guides == ()
    kept.step(opened, LAW)
    turn = kept.turn(*opened)
    assert (turn.context.guide, turn.context.guides) == (LAW, (LAW,))
    assert kept.store.context(opened[0], turn.message.id).guide == LAW


def test_the_newest_state_counts(kept: Kept) -> None:
    """One row for a guide: the next step takes the place of the one before, with its answers."""
    opened = kept.opened()
    kept.step(opened, LAW)
    further = LAW.model_copy(update={"step": "turnover", "answers": {**LAW.answers, "assets": "both"}})
    kept.step(opened, further)
    assert kept.store.context(opened[0], None).guides == (further,)


def test_a_reply_about_something_else_leaves_it_as_it_is(kept: Kept) -> None:
    opened = kept.opened()
    kept.step(opened, LAW)
    kept.step(opened, None)
    assert kept.store.context(opened[0], None).guide == LAW


def test_at_most_one_guide_waits(kept: Kept) -> None:
    """The other one is remembered, behind the one that the visitor was in last."""
    opened = kept.opened()
    kept.step(opened, LAW)
    kept.step(opened, CHARTER)
    assert kept.store.context(opened[0], None).guides == (CHARTER, LEFT)
    assert kept.store.context(opened[0], None).guide == CHARTER
    kept.step(opened, LAW)
    assert kept.store.context(opened[0], None).guides == (LAW, CHARTER.model_copy(update={"waiting": False}))


def test_a_guide_that_was_left_does_not_wait_and_wakes_no_other(kept: Kept) -> None:
    opened = kept.opened()
    kept.step(opened, LAW)
    kept.step(opened, CHARTER)
    kept.step(opened, CHARTER.model_copy(update={"waiting": False}))
    assert kept.store.context(opened[0], None).guide is None
    assert [state.guide for state in kept.store.context(opened[0], None).guides] == ["charter", "law"]


def test_a_guide_belongs_to_its_conversation(kept: Kept) -> None:
    one, other = kept.opened(), kept.opened()
    kept.step(one, LAW)
    kept.step(other, CHARTER)
    assert kept.store.context(one[0], None).guides == (LAW,)
    assert kept.store.context(other[0], None).guides == (CHARTER,)


def test_a_reply_that_is_dropped_moves_no_guide(kept: Kept) -> None:
    """A person took over while the assistant was still working."""
    opened = kept.opened()
    kept.step(opened, LAW)
    turn = kept.turn(*opened)
    kept.store.set_mode(opened[0], "agent")
    draft = Draft(kind="guide", text="Stap.", language="nl", memory=Memory(guide=CHARTER, resume_code=True))
    assert kept.store.end_turn(turn, [draft]) == []
    assert kept.store.context(opened[0], None).guides == (LAW,)
    assert kept.count("resume_codes") == 0


def test_a_message_that_answers_nothing_moves_the_guide_too(kept: Kept) -> None:
    """A confirmation, and the next step with it."""
    opened = kept.opened()
    kept.step(opened, LAW)
    draft = Draft(kind="guide", text="Stap.", language="nl", memory=Memory(guide=CHARTER))
    assert len(kept.store.tell(opened[0], lambda *_: [draft])) == 1
    assert kept.store.context(opened[0], None).guide == CHARTER
    kept.store.erase(*opened)
    with pytest.raises(NoSuchConversation):
        kept.store.tell(opened[0], lambda *_: [draft])
    assert kept.count("guide_progress") == 0


# The code


def test_a_code_gives_where_its_guide_is_now(kept: Kept) -> None:
    """As often as one likes, and as it stands when the code is used; whatever else was begun since."""
    opened = kept.opened()
    code = kept.code(opened)
    assert [kept.store.resumed(code), kept.store.resumed(code)] == [LEFT, LEFT]
    further = LAW.model_copy(update={"step": "turnover"})
    kept.step(opened, further)
    assert kept.store.resumed(code) == further
    kept.step(opened, CHARTER)
    assert kept.store.resumed(code) == further.model_copy(update={"waiting": False})


def test_only_the_hash_of_a_code_is_kept(kept: Kept) -> None:
    """With the message that shows it; nothing else in the database holds it."""
    code = kept.code(kept.opened())
    assert re.fullmatch(r"\d{4}-\d{4}-\d{4}", code)
    [(hashed,)] = kept.rows("SELECT code_hash FROM resume_codes")
    assert re.fullmatch(r"[0-9a-f]{64}", hashed)
    assert kept.rows("SELECT sender FROM messages WHERE instr(text, ?)", code) == [("assistant",)]


def test_a_code_that_nobody_has(kept: Kept) -> None:
    code = kept.code(kept.opened())
    assert kept.store.resumed(code) == LEFT
    for other in ("0000-0000-0000", code.replace("-", ""), "", "'; DROP TABLE resume_codes"):
        assert kept.store.resumed(other) is None


def test_a_new_code_replaces_the_old_one(kept: Kept) -> None:
    """Also for another guide: there is one code for a conversation."""
    opened = kept.opened()
    old, newer, newest = kept.code(opened), kept.code(opened), kept.code(opened, CHARTER)
    assert [kept.store.resumed(code) for code in (old, newer)] == [None, None]
    assert kept.store.resumed(newest) == CHARTER.model_copy(update={"waiting": False})
    assert kept.count("resume_codes") == 1


def test_codes_of_two_conversations_live_side_by_side(kept: Kept) -> None:
    further = LAW.model_copy(update={"step": "turnover", "waiting": False})
    codes = kept.code(kept.opened()), kept.code(kept.opened(), further)
    assert [kept.store.resumed(code) for code in codes] == [LEFT, further]


def test_a_code_expires(kept: Kept) -> None:
    """After fourteen days; then it is forgotten, and the others are not."""
    one, other = kept.opened(), kept.opened()
    expired, good = kept.code(one), kept.code(other)
    for (until,) in kept.rows("SELECT expires_at FROM resume_codes"):
        assert abs(kept_time(until) - GOOD_FOR.total_seconds()) < 60
    kept.rows("UPDATE resume_codes SET expires_at = ? WHERE conversation_id = ?", PAST, one[0])
    assert (kept.store.resumed(expired), kept.store.resumed(good)) == (None, LEFT)
    assert (kept.store.forget_codes(), kept.store.forget_codes()) == (1, 0)
    assert kept.store.resumed(good) == LEFT
    assert kept.store.resumed(kept.code(one)) == LEFT, "a new one may be asked for"


def kept_time(written: str) -> float:
    """How many seconds from now a moment in the database lies."""
    return (now().fromisoformat(written + "+00:00") - now()).total_seconds()


# What goes, and what stays


@pytest.mark.parametrize("table", ["guide_progress", "resume_codes", "requests", "messages"])
def test_erasing_reaches(kept: Kept, table: str) -> None:
    """All that hangs on this conversation, and nothing of another one."""
    mine, other = kept.opened(), kept.opened()
    for opened in (mine, other):
        kept.code(opened)
        kept.request(opened[0])
    code = kept.code(mine)
    kept.store.erase(*mine)
    assert kept.rows(f"SELECT 1 FROM {table} WHERE conversation_id = ?", mine[0]) == []
    assert kept.rows(f"SELECT 1 FROM {table} WHERE conversation_id = ?", other[0]) != []
    assert kept.rows(f"SELECT 1 FROM {table} WHERE conversation_id IS NULL") == []
    assert kept.store.resumed(code) is None


def test_the_end_of_retention_leaves_the_requests(kept: Kept) -> None:
    """They have a retention of their own; nothing tells any more in which conversation they were put in."""
    opened = kept.opened()
    code, reference = kept.code(opened), kept.request(opened[0])
    kept.rows("UPDATE conversations SET last_active_at = ?", PAST)
    assert end_retention(kept.store, 30) == 1
    assert kept.rows("SELECT reference, conversation_id FROM requests") == [(reference, None)]
    for table in ("conversations", "messages", "guide_progress", "resume_codes"):
        assert kept.count(table) == 0, table
    assert kept.store.resumed(code) is None
    assert end_request_retention(kept.requests, 180) == 0
    kept.rows("UPDATE requests SET created_at = ?", PAST)
    assert end_request_retention(kept.requests, 180) == 1


def test_retention_takes_more_than_a_batch(kept: Kept) -> None:
    """All that are old, in as many transactions as it takes; the young ones stay."""
    old, young = [kept.opened() for _ in range(5)], kept.opened()
    kept.rows("UPDATE conversations SET last_active_at = ? WHERE id <> ?", PAST, young[0])
    assert kept.store.erase_inactive(now() - timedelta(days=30), at_most=2) == 2
    assert end_retention(kept.store, 30) == len(old) - 2
    assert kept.store.check(*young).id == young[0]


def test_going_on_keeps_the_conversation(kept: Kept) -> None:
    """Whoever was told something, such as a confirmation, is not inactive."""
    opened = kept.opened()
    kept.rows("UPDATE conversations SET last_active_at = ?", PAST)
    kept.store.tell(opened[0], lambda *_: [Draft(sender="system", kind="text", text="Ontvangen.", language="nl")])
    assert end_retention(kept.store, 30) == 0
