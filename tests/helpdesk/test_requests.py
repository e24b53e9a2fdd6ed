"""Requests in a real database: a reference that can be read out, one for each key, and gone when they should be."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from bot.answers.knowledge import load
from bot.conversations.masking import MASK
from bot.conversations.store import Context, ConversationStore, KeyUsedForAnother, NoSuchConversation
from bot.database.engine import migrate, open_engine
from bot.database.types import now
from bot.guides.resuming import code_in
from bot.helpdesk.forms import Form, load_forms
from bot.helpdesk.requests import PutIn, RequestStore
from bot.jobs import end_request_retention
from bot.messages import Draft, MessageShown
from bot.settings import Settings

PATTERN = str(Settings.model_fields["activation_code_pattern"].default)
FIELDS = {"organisation": "Voorbeeld BV", "name": "Vera Voorbeeld", "email": "vera@example.nl", "consent": True}
CODE = "AB12-CD34-EF56"


@cache
def form(id_: str = "orientation-talk") -> Form:
    folder = Settings.model_fields["knowledge_dir"].default
    return load_forms(folder, load(folder))[id_]


class Desk:
    """Both stores on one database, and the rows behind them."""

    def __init__(self, file: Path) -> None:
        self.file, url = file, f"sqlite:///{file}"
        migrate(url)
        self.engine = open_engine(url)
        self.conversations, self.requests = ConversationStore(self.engine), RequestStore(self.engine, PATTERN)

    def opened(self) -> tuple[str, str]:
        id_, token, _ = self.conversations.open("nl", "website", None, [])
        return id_, token

    def add(self, id_: str, key: str | None = None, **fields: Any) -> tuple[str, bool]:
        return self.put_in(PutIn(id_, form(), FIELDS | fields, "nl", key=key))

    def put_in(self, request: PutIn) -> tuple[str, bool]:
        with Session(self.engine) as session, session.begin():
            return self.requests.add(session, request)

    def confirmed(self, id_: str, key: str | None = None) -> list[MessageShown]:
        """As the API does it: the request and its confirmation in one transaction."""

        def make(session: Session, context: Context) -> list[Draft]:
            reference, is_new = self.requests.add(session, PutIn(id_, form(), FIELDS, context.language, key=key))
            return [Draft(sender="system", kind="text", text=reference, language="nl")] if is_new else []

        return self.conversations.tell(id_, make)

    def rows(self, query: str, *values: object) -> list[tuple]:
        with closing(sqlite3.connect(self.file, timeout=20)) as database:
            found = database.execute(query, values).fetchall()
            database.commit()
        return found


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path / "desk.db")
    yield desk
    desk.engine.dispose()


def test_a_request_is_kept_whole(desk: Desk) -> None:
    id_, _ = desk.opened()
    reference, is_new = desk.add(id_)
    assert is_new
    query = "SELECT kind, desk, language, state, conversation_id, json_extract(fields, '$.email') FROM requests"
    assert desk.rows(query) == [("orientation-talk", "charter", "nl", "open", id_, "vera@example.nl")]
    assert desk.rows("SELECT reference FROM requests") == [(reference,)]


def test_references_are_unique_and_are_neither_code(desk: Desk) -> None:
    """A visitor quotes the reference in the chat: it must not be masked, nor be read as a code to resume."""
    id_, _ = desk.opened()
    found = [desk.add(id_)[0] for _ in range(200)]
    assert len(set(found)) == 200
    for reference in found:
        assert re.fullmatch(r"C-[1-9]\d{6}", reference)
        assert not re.search(PATTERN, reference, re.IGNORECASE)
        assert code_in(f"mijn kenmerk is {reference}") is None


@pytest.mark.parametrize(("chosen", "letter"), [("portal", "P"), ("charter", "C")])
def test_the_desk_that_the_visitor_chose(desk: Desk, chosen: str, letter: str) -> None:
    id_, _ = desk.opened()
    reference, _ = desk.put_in(PutIn(id_, form("call-back"), {"desk": chosen, "subject": "Plan"}, "en"))
    assert reference[0] == letter
    assert desk.rows("SELECT desk, language FROM requests") == [(chosen, "en")]


def test_a_reference_that_is_taken_is_not_given_twice(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The draw gives the same number three times, then another one."""
    drawn = iter([7, 7, 7, 8])
    monkeypatch.setattr("bot.helpdesk.requests.secrets.randbelow", lambda _: next(drawn))
    id_, _ = desk.opened()
    assert [desk.add(id_)[0], desk.add(id_)[0]] == ["C-1000007", "C-1000008"]


def test_the_same_key_stores_once(desk: Desk) -> None:
    id_, _ = desk.opened()
    reference, is_new = desk.add(id_, "k")
    assert (is_new, desk.add(id_, "k")) == (True, (reference, False))
    assert desk.rows("SELECT count(*) FROM requests") == [(1,)]


def test_without_a_key_the_same_is_another(desk: Desk) -> None:
    id_, _ = desk.opened()
    assert desk.add(id_)[0] != desk.add(id_)[0]


def test_a_key_stands_for_one_request(desk: Desk) -> None:
    """Other content, or the same content of another form, is not that request."""
    id_, _ = desk.opened()
    desk.add(id_, "k")
    with pytest.raises(KeyUsedForAnother):
        desk.add(id_, "k", name="Wim Voorbeeld")
    with pytest.raises(KeyUsedForAnother):
        desk.put_in(PutIn(id_, form("introduction-talk"), FIELDS, "nl", key="k"))
    assert desk.rows("SELECT count(*) FROM requests") == [(1,)]


def test_a_key_belongs_to_its_conversation(desk: Desk) -> None:
    (one, _), (other, _) = desk.opened(), desk.opened()
    assert desk.add(one, "k")[0] != desk.add(other, "k", name="Wim Voorbeeld")[0]


@pytest.mark.parametrize("code", [CODE, CODE.lower()])
def test_codes_are_masked_wherever_they_stand(desk: Desk, code: str, tmp_path: Path) -> None:
    id_, _ = desk.opened()
    desk.add(id_, "k", about=f"Onze code is {code}, klopt dat?", companies=[{"name": code, "kvk_number": "68750110"}])
    [(kept,)] = desk.rows("SELECT fields FROM requests")
    assert code not in kept
    query = "SELECT json_extract(fields, '$.about'), json_extract(fields, '$.companies[0].name') FROM requests"
    assert desk.rows(query) == [(f"Onze code is {MASK}, klopt dat?", MASK)]
    for file in tmp_path.iterdir():
        assert code.encode() not in file.read_bytes()


def test_no_request_without_a_conversation(desk: Desk) -> None:
    with pytest.raises(NoSuchConversation):
        desk.confirmed("no such id", "k")
    id_, token = desk.opened()
    desk.conversations.erase(id_, token)
    with pytest.raises(NoSuchConversation):
        desk.confirmed(id_)
    assert desk.rows("SELECT count(*) FROM requests") == [(0,)]


def test_a_request_and_its_confirmation_are_kept_together_or_not_at_all(desk: Desk) -> None:
    """The same key again finds both, and stores neither once more."""
    id_, _ = desk.opened()
    desk.rows("CREATE TRIGGER full BEFORE INSERT ON messages BEGIN SELECT RAISE(ABORT, 'full'); END")
    with pytest.raises(IntegrityError):
        desk.confirmed(id_, "k")
    assert desk.rows("SELECT count(*) FROM requests") == [(0,)]
    desk.rows("DROP TRIGGER full")
    [said] = desk.confirmed(id_, "k")
    assert desk.confirmed(id_, "k") == []
    assert desk.rows("SELECT reference FROM requests") == [(said.text,)]
    assert desk.rows("SELECT text FROM messages WHERE sender = 'system'") == [(said.text,)]


def test_erasing_the_conversation_erases_its_requests(desk: Desk, tmp_path: Path) -> None:
    (mine, token), (other, _) = desk.opened(), desk.opened()
    desk.add(mine, about="een zeer herkenbare zin 4711")
    kept, _ = desk.add(other)
    desk.conversations.erase(mine, token)
    assert desk.rows("SELECT reference FROM requests") == [(kept,)]
    assert desk.conversations.forget_in_log()
    for file in tmp_path.iterdir():
        assert b"zeer herkenbare zin" not in file.read_bytes(), file.name


def test_requests_go_when_their_own_retention_ends(desk: Desk) -> None:
    """More than a batch of them; the younger ones stay."""
    id_, _ = desk.opened()
    old = [desk.add(id_)[0] for _ in range(7)]
    fresh, _ = desk.add(id_)
    marks = ", ".join("?" * len(old))
    desk.rows(f"UPDATE requests SET created_at = '2020-01-01 00:00:00' WHERE reference IN ({marks})", *old)
    assert desk.requests.erase_before(now() - timedelta(days=180), at_most=2) == 2
    assert end_request_retention(desk.requests, 180) == 5
    assert desk.rows("SELECT reference FROM requests") == [(fresh,)]
    assert end_request_retention(desk.requests, 180) == 0


def test_a_request_outlives_the_retention_of_its_conversation(desk: Desk) -> None:
    """The desk still has to handle it. The key is free again: there is no conversation left to use it."""
    id_, _ = desk.opened()
    reference, _ = desk.add(id_, "k")
    desk.rows("UPDATE conversations SET last_active_at = '2020-01-01 00:00:00'")
    assert desk.conversations.erase_inactive(now() - timedelta(days=30)) == 1
    assert desk.rows("SELECT reference, conversation_id FROM requests") == [(reference, None)]


def test_two_orphans_with_the_same_key(desk: Desk) -> None:
    """Keys of conversations that are gone do not collide."""
    for _ in range(2):
        desk.add(desk.opened()[0], "k")
    desk.rows("UPDATE conversations SET last_active_at = '2020-01-01 00:00:00'")
    assert desk.conversations.erase_inactive(now() - timedelta(days=30)) == 2
    assert desk.rows("SELECT count(*) FROM requests WHERE conversation_id IS NULL") == [(2,)]


def test_many_at_once(desk: Desk) -> None:
    """Writers wait for each other; each gets a reference of its own."""
    ids = [desk.opened()[0] for _ in range(6)]
    with ThreadPoolExecutor(6) as threads:
        found = list(threads.map(lambda id_: [desk.add(id_)[0] for _ in range(10)], ids))
    assert len({reference for references in found for reference in references}) == 60
    assert desk.rows("SELECT count(*) FROM requests") == [(60,)]


def test_the_same_key_at_once(desk: Desk) -> None:
    """A double click, six times over: one request, and everybody gets its reference."""
    id_, _ = desk.opened()
    with ThreadPoolExecutor(6) as threads:
        found = list(threads.map(lambda _: desk.add(id_, "k"), range(12)))
    assert len({reference for reference, _ in found}) == 1
    assert [is_new for _, is_new in found].count(True) == 1
    assert desk.rows("SELECT count(*) FROM requests") == [(1,)]
