"""A registry in a real database, SQLite and PostgreSQL, and files to load into it."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from bot.database.engine import open_engine
from bot.registry.columns import COLUMNS
from bot.registry.companies import CompanyRecord, CompanyStore
from bot.registry.loading import Loaded, load
from bot.settings import Settings

TODAY = date(2026, 11, 21)
KEY = b"a key of thirty-two bytes or so."
PATTERN = str(Settings.model_fields["activation_code_pattern"].default)
BASE = {"legal_form": "bv", "listed": "no", "size_class": "large"}


def row(number: str, **cells: str) -> dict[str, str]:
    """The cells of a company; what is not given is as usual, or empty."""
    return dict.fromkeys(COLUMNS, "") | BASE | {"kvk_number": number, "name": f"Voorbeeld {number} BV"} | cells


@dataclass
class Registry:
    """A database with companies."""

    url: str
    engine: Engine = field(init=False)

    def __post_init__(self) -> None:
        self.engine = open_engine(self.url)
        self.store = CompanyStore(self.engine)

    def load(self, *rows: Mapping[str, str], **options: Any) -> Loaded:
        """Loads rows as if they stood in a file, from its second row on."""
        options = {"today": TODAY, "code_pattern": PATTERN} | options
        return load(self.engine, enumerate(rows, 2), KEY, **options)

    def company(self, number: str) -> CompanyRecord:
        """A company that must be there."""
        found = self.store.by_kvk_number(number)
        assert found is not None, number
        return found

    def rows(self, query: str, **values: object) -> list[tuple]:
        """What a query gives; it may write too."""
        with self.engine.begin() as connection:
            result = connection.execute(text(query), values)
            return [tuple(found) for found in result] if result.returns_rows else []

    def everything(self) -> dict[str, list[tuple]]:
        """All rows of all tables of the registry."""
        tables = (
            "companies",
            "contacts",
            "company_contacts",
            "intakes",
            "reports",
            "charter_tracks",
            "charter_surveys",
        )
        return {table: sorted(self.rows(f"SELECT * FROM {table}"), key=repr) for table in tables}


@pytest.fixture
def registry(database_url: str) -> Iterator[Registry]:
    """An empty registry; each test runs on SQLite and on PostgreSQL."""
    registry = Registry(database_url)
    yield registry
    registry.engine.dispose()


def write_csv(file: Path, *rows: Mapping[str, str], delimiter: str = ",", encoding: str = "utf-8") -> Path:
    """A CSV with these rows."""
    with file.open("w", encoding=encoding, newline="") as output:
        writer = csv.DictWriter(output, COLUMNS, delimiter=delimiter)
        writer.writeheader()
        writer.writerows(rows)
    return file
