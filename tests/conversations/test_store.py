"""What is stored is whole, belongs to one conversation, and goes when it is erased."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import inspect, update
from sqlalchemy.exc import StatementError

from bot.conversations.models import Conversation
from bot.conversations.store import (
    ConversationStore,
    KeyUsedForAnother,
    NoSuchButton,
    NoSuchConversation,
    NoSuchMessage,
)
from bot.database.base import Base
from bot.database.engine import migrate, open_engine
from bot.database.types import UtcDateTime, now
from bot.messages import ButtonDraft, Draft, Memory

ANSWER = Draft(
    kind="answer", text="Antwoord.", language="nl", topic="law.quota", memory=Memory(last_topic="law.quota", misses=0)
)


@pytest.fixture
def url(empty_database_url: str) -> str:
    return empty_database_url


sqlite_alone = pytest.mark.parametrize("empty_database_url", ["sqlite"], indirect=True)
"""For what is about the file."""


@pytest.fixture
def store(url: str) -> Iterator[ConversationStore]:
    migrate(url)
    engine = open_engine(url)
    yield ConversationStore(engine)
    engine.dispose()


def opened(store: ConversationStore, *drafts: Draft) -> tuple[str, str]:
    id_, token, _ = store.open("nl", "website", None, drafts)
    return id_, token


def begin(store: ConversationStore, id_: str, token: str, text: str = "hallo", key: str | None = None):
    return store.begin_turn(id_, token, text=text, button_id=None, language=None, key=key)


def test_migrations_make_the_tables_that_the_code_has(url: str) -> None:
    migrate(url)
    migrate(url)
    engine = open_engine(url)
    found = inspect(engine)
    for table in Base.metadata.sorted_tables:
        columns = {column["name"]: column["nullable"] for column in found.get_columns(table.name)}
        assert columns == {column.name: column.nullable for column in table.columns}, table.name
        assert {index["name"] for index in found.get_indexes(table.name) if not index.get("duplicates_constraint")} == {
            index.name for index in table.indexes
        }
    engine.dispose()


def test_times_without_a_zone_are_refused() -> None:
    with pytest.raises((ValueError, StatementError)):
        UtcDateTime().process_bind_param(datetime(2026, 1, 1), None)  # noqa: DTZ001


def test_a_turn_is_remembered(store: ConversationStore) -> None:
    id_, token = opened(store)
    turn = begin(store, id_, token)
    store.end_turn(turn, [ANSWER])
    context = store.check(id_, token)
    assert (context.last_topic, context.misses, context.language) == ("law.quota", 0, "nl")
    assert [m.sender for m in store.messages(id_, token)] == ["visitor", "assistant"]


def test_the_same_key_stores_once_and_answers_the_same(store: ConversationStore) -> None:
    id_, token = opened(store)
    first = begin(store, id_, token, key="k")
    replies = store.end_turn(first, [ANSWER])
    again = begin(store, id_, token, key="k")
    assert list(again.replies) == replies
    assert len(store.messages(id_, token)) == 2
    with pytest.raises(KeyUsedForAnother):
        begin(store, id_, token, text="iets anders", key="k")


def test_a_key_belongs_to_its_conversation(store: ConversationStore) -> None:
    one, other = opened(store), opened(store)
    store.end_turn(begin(store, *one, key="k"), [ANSWER])
    assert begin(store, *other, text="iets anders", key="k").replies == ()


def test_a_reply_is_dropped_when_somebody_else_took_over(store: ConversationStore) -> None:
    """An agent may claim the conversation while the assistant is still working."""
    id_, token = opened(store)
    turn = begin(store, id_, token)
    store.set_mode(id_, "agent")
    assert store.end_turn(turn, [ANSWER]) == []
    assert store.check(id_, token).last_topic is None
    assert len(store.messages(id_, token)) == 1


def test_a_reply_to_an_erased_conversation_is_dropped(store: ConversationStore) -> None:
    id_, token = opened(store)
    turn = begin(store, id_, token)
    store.erase(id_, token)
    assert store.end_turn(turn, [ANSWER]) == []
    assert store.count() == 0


def test_the_token_of_another_opens_nothing(store: ConversationStore) -> None:
    (one, _), (_, other) = opened(store), opened(store)
    for call in (
        lambda: store.check(one, other),
        lambda: store.messages(one, other),
        lambda: begin(store, one, other),
        lambda: store.erase(one, other),
        lambda: store.give_feedback(one, other, "x", True),
        lambda: store.check("no such id", other),
    ):
        with pytest.raises(NoSuchConversation):
            call()


def test_a_button_works_in_its_own_conversation_alone(store: ConversationStore) -> None:
    draft = Draft(
        kind="choices",
        text="Welke?",
        language="nl",
        buttons=[ButtonDraft(title="Quotum", payload={"topic": "law.quota"})],
    )
    id_, token, messages = store.open("nl", "website", None, [draft])
    button = messages[0].buttons[0]
    turn = store.begin_turn(id_, token, text=None, button_id=button.id, language=None, key=None)
    assert turn.message.text == "Quotum"
    assert turn.context.payload == {"topic": "law.quota"}
    other = opened(store)
    with pytest.raises(NoSuchButton):
        store.begin_turn(*other, text=None, button_id=button.id, language=None, key=None)


def test_trying_again_asks_the_same(store: ConversationStore) -> None:
    id_, token = opened(store)
    failed = begin(store, id_, token, text="wanneer rapporteren?")
    draft = Draft(
        kind="error",
        text="Mis.",
        language="nl",
        buttons=[ButtonDraft(title="Opnieuw", payload={"retry": failed.message.id})],
    )
    [error] = store.end_turn(failed, [draft])
    turn = store.begin_turn(id_, token, text=None, button_id=error.buttons[0].id, language=None, key=None)
    assert turn.context.payload == {"again": "wanneer rapporteren?"}


def test_a_message_is_answered_once(store: ConversationStore) -> None:
    """Two turns of one message, one of them left behind by a visitor who hung up: the first replies stay."""
    id_, token = opened(store)
    turn = begin(store, id_, token)
    first = store.end_turn(turn, [ANSWER])
    assert store.end_turn(turn, [ANSWER]) == first
    assert len(store.messages(id_, token)) == 2


def test_errors_do_not_quote_what_was_stored(store: ConversationStore) -> None:
    id_, token = opened(store)
    with pytest.raises(StatementError) as failure:
        store.begin_turn(id_, token, text=object(), button_id=None, language=None, key=None)  # type: ignore[arg-type]
    assert "parameters hidden" in str(failure.value)


def test_what_the_actions_see(store: ConversationStore) -> None:
    draft = Draft(
        kind="choices",
        text="Welke?",
        language="nl",
        buttons=[ButtonDraft(title=t, payload={"topic": t}) for t in "abc"],
    )
    id_, token, _ = store.open("nl", "website", None, [draft])
    turn = begin(store, id_, token, text="de tweede")
    assert [c["topic"] for c in store.context(id_, turn.message.id).choices] == ["a", "b", "c"]


def test_feedback_is_for_the_assistants_messages(store: ConversationStore) -> None:
    id_, token = opened(store)
    turn = begin(store, id_, token)
    [reply] = store.end_turn(turn, [ANSWER])
    store.give_feedback(id_, token, reply.id, True)
    store.give_feedback(id_, token, reply.id, False)
    for message in (turn.message.id, "nonsense"):
        with pytest.raises(NoSuchMessage):
            store.give_feedback(id_, token, message, True)


def test_an_unanswered_message_is_found(store: ConversationStore) -> None:
    id_, token = opened(store)
    turn = begin(store, id_, token)
    assert store.unanswered(id_, older_than_seconds=60) is None
    assert store.unanswered(id_, older_than_seconds=-1).message.id == turn.message.id
    store.end_turn(turn, [ANSWER])
    assert store.unanswered(id_, older_than_seconds=-1) is None


@sqlite_alone
def test_erasing_leaves_no_byte(store: ConversationStore, tmp_path: Path) -> None:
    id_, token = opened(store)
    store.end_turn(begin(store, id_, token, text="een zeer herkenbare zin 4711"), [ANSWER])
    store.erase(id_, token)
    assert store.forget_in_log()
    for file in tmp_path.iterdir():
        assert b"zeer herkenbare zin" not in file.read_bytes(), file.name


@sqlite_alone
def test_forgetting_does_not_wait_for_a_reader(store: ConversationStore, tmp_path: Path) -> None:
    """Whoever waits for a reader keeps all writers waiting: better to say so and be asked again."""
    id_, token = opened(store)
    with closing(sqlite3.connect(tmp_path / "test.db")) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM messages").fetchone()
        begin(store, id_, token)
        assert not store.forget_in_log()
    assert store.forget_in_log()


def test_retention_erases_the_inactive(store: ConversationStore, url: str) -> None:
    old, fresh = opened(store), opened(store)
    engine = open_engine(url)
    with engine.begin() as raw:
        long_ago = {"last_active_at": now().replace(year=2020)}
        raw.execute(update(Conversation).where(Conversation.id == old[0]).values(long_ago))
    engine.dispose()
    assert store.erase_inactive(now() - timedelta(days=30)) == 1
    assert store.check(*fresh).id == fresh[0]
    with pytest.raises(NoSuchConversation):
        store.check(*old)


def test_many_at_once_lose_nothing(store: ConversationStore) -> None:
    """Writers wait for each other instead of failing."""
    id_, token = opened(store)
    failures: list[BaseException] = []

    def talk() -> None:
        try:
            for _ in range(10):
                store.end_turn(begin(store, id_, token), [ANSWER])
        except BaseException as problem:
            failures.append(problem)

    threads = [threading.Thread(target=talk) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(store.messages(id_, token, limit=200)) == 120


def test_paging_follows_the_ids(store: ConversationStore) -> None:
    id_, token = opened(store)
    for number in range(5):
        begin(store, id_, token, text=str(number))
    first = store.messages(id_, token, limit=2)
    rest = store.messages(id_, token, after=first[-1].id)
    assert [m.text for m in [*first, *rest]] == ["0", "1", "2", "3", "4"]
