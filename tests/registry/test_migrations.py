"""The tables that migrations make are those that the code has, on both databases, and they can be taken down again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, inspect, text

from bot.database.base import Base
from bot.database.engine import migrate, open_engine
from tests.databases import migrate_to


@contextmanager
def opened(url: str) -> Iterator[Engine]:
    engine = open_engine(url)
    try:
        yield engine
    finally:
        engine.dispose()


def shape(url: str) -> dict[str, tuple]:
    """What the database says of its tables: also what Alembic does not compare."""
    with opened(url) as engine:
        found = inspect(engine)
        return {
            table: (
                sorted((c["name"], str(c["type"]), c["nullable"]) for c in found.get_columns(table)),
                sorted((c["name"], c["sqltext"]) for c in found.get_check_constraints(table)),
                sorted((u["name"], u["column_names"]) for u in found.get_unique_constraints(table)),
                sorted(
                    (f["name"], f["constrained_columns"], f["referred_table"], f["options"])
                    for f in found.get_foreign_keys(table)
                ),
                sorted((i["name"], i["column_names"], i["unique"]) for i in found.get_indexes(table)),
                found.get_pk_constraint(table)["constrained_columns"],
            )
            for table in found.get_table_names()
            if table != "alembic_version"
        }


def test_migrations_and_models_agree(database_url: str) -> None:
    with opened(database_url) as engine, engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []


def test_migrations_and_models_agree_in_constraints_too(empty_database_url: str) -> None:
    migrate(empty_database_url)
    migrated = shape(empty_database_url)
    migrate_to(empty_database_url, "base")
    with opened(empty_database_url) as engine:
        Base.metadata.create_all(engine)
    made = shape(empty_database_url)
    assert set(migrated) == set(made)
    for table, parts in migrated.items():
        assert parts == made[table], table


def test_what_hangs_on_a_changed_table_stays(empty_database_url: str) -> None:
    """SQLite changes a table by making it anew."""
    migrate_to(empty_database_url, "0006")
    with opened(empty_database_url) as engine, engine.begin() as connection:
        asked = "INSERT INTO logged_questions (id, channel, desk, language, question, created_at) VALUES "
        connection.execute(text(asked + "('q', 'phone', 'portal', 'nl', 'Vraag?', '2026-11-16 09:00')"))
        draft = "INSERT INTO topic_drafts (id, desk, language, title, answer, origin, state, created_at) VALUES "
        connection.execute(text(draft + "('d', 'portal', 'nl', '', '', 'edited', 'open', '2026-11-16 09:00')"))
        linked = "INSERT INTO topic_draft_questions (id, draft_id, logged_question_id, language, text) VALUES "
        connection.execute(text(linked + "('t', 'd', 'q', 'nl', 'Vraag?')"))
    migrate(empty_database_url)
    with opened(empty_database_url) as engine, engine.connect() as connection:
        assert connection.execute(text("SELECT logged_question_id FROM topic_draft_questions")).all() == [("q",)]


def test_migrations_go_down_and_up_again(database_url: str) -> None:
    before = shape(database_url)
    assert {"companies", "verifications", "conversations"} <= set(before)
    migrate_to(database_url, "base")
    assert shape(database_url) == {}
    migrate(database_url)
    assert shape(database_url) == before
