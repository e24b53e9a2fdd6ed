"""Reading a company takes the same few queries whatever there is of it, so that nobody can tell by waiting."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy import event

from tests.registry.conftest import Registry, row


@contextmanager
def counted(registry: Registry) -> Iterator[Callable[[], int]]:
    """How many SELECTs were done."""
    queries: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if statement.startswith("SELECT"):
            queries.append(statement)

    event.listen(registry.engine, "before_cursor_execute", note)
    yield lambda: len(queries)
    event.remove(registry.engine, "before_cursor_execute", note)


def test_as_many_queries_for_a_group_as_for_nobody(registry: Registry) -> None:
    members = [
        row(f"9000{n:04}", head_kvk_number="90001354", contact_1_name="Vera", contact_1_email="vera@example.nl",
            reports="2024-12-31=;2025-12-31=", charter_signed_on="2025-01-01", charter_surveys="2025=;2026=")
        for n in range(20)
    ]  # fmt: skip
    registry.load(row("90001354"), *members)
    counts = set()
    for number in ("90001354", "90000003", "12345678", "no number"):
        with counted(registry) as count:
            found = registry.store.by_kvk_number(number)
            counts.add(count())
        assert (found is not None) == number.startswith("9000")
    assert counts == {5}
    assert len(registry.company("90001354").members) == 20


def test_by_id_is_the_same_company(registry: Registry) -> None:
    registry.load(row("90001354"))
    found = registry.company("90001354")
    assert registry.store.by_id(found.id) == found
    assert registry.store.by_id("nobody") is None


def test_who_it_is_stays_out_of_what_is_printed(registry: Registry) -> None:
    registry.load(row("90001354", contact_1_name="Vera", contact_1_email="vera@example.nl"))
    printed = repr(registry.company("90001354"))
    assert "Vera" not in printed and "vera@" not in printed
