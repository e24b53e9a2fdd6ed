"""Alembic's entry point; `bot.database.engine.migrate` names the database."""

from __future__ import annotations

from typing import Any, Literal

from alembic import context

import bot.conversations.models
import bot.guides.models
import bot.helpdesk.models
import bot.registry.models
import bot.staff.models
import bot.trends.models  # noqa: F401
from bot.database.base import Base
from bot.database.engine import open_engine
from bot.database.types import UtcDateTime
from bot.settings import settings


def _render(kind: str, item: Any, _autogen: Any) -> str | Literal[False]:
    """Migrations outlive our classes: our own column types stand in them as what they are in the database."""
    return "sa.DateTime(timezone=True)" if kind == "type" and isinstance(item, UtcDateTime) else False


url = context.config.attributes.get("url") or settings().database_url
engine = open_engine(url)
with engine.connect() as connection:
    if connection.dialect.name == "sqlite" and connection.connection.driver_connection is not None:
        # SQLite changes a table by making it anew: dropping the old one would erase all rows that hang on it.
        connection.connection.driver_connection.execute("PRAGMA foreign_keys=OFF")
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_as_batch=True,
        render_item=_render,
    )
    with context.begin_transaction():
        context.run_migrations()
    if connection.in_transaction():
        connection.commit()
engine.dispose()
