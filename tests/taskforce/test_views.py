"""What somebody chose to see, from whatever an address says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.answers.knowledge import load
from bot.database.engine import open_engine
from bot.settings import ROOT
from bot.trends.reading import Cell, SnapshotStore, between
from bot.trends.views import DIVIDED, MOST_PERIODS, OF_A_PERIOD, OVER_TIME, PAGES, Selection, Views, select
from bot.trends.weeks import kind
from tests.trends.frozen import everything, freeze

WEEKS = between("2025-W40", "2026-W13")
FROZEN = [*WEEKS, "2026-M01", "2026-M02", "2025-H1", "2025-H2"]


def test_at_first_the_last_half_year_of_weeks() -> None:
    chosen = select("overview", {}, FROZEN)
    assert chosen.periods == WEEKS[-26:]
    assert (chosen.step, chosen.by, chosen.wrong) == ("week", None, None)


def test_at_first_the_latest_half_year() -> None:
    assert select("needs", {}, FROZEN).period == "2025-H2"
    assert select("needs", {}, [*WEEKS, "2026-M01"]).period == "2026-M01"
    assert select("needs", {}, WEEKS).period == "2026-W13"


def test_recurring_questions_are_shown_by_month_where_there_are_months() -> None:
    assert select("questions", {}, FROZEN).step == "month"
    assert select("questions", {}, WEEKS).step == "week"


def test_a_range_of_weeks() -> None:
    chosen = select("overview", {"from": "2025-W50", "to": "2026-W02"}, FROZEN)
    assert chosen.periods == ("2025-W50", "2025-W51", "2025-W52", "2026-W01", "2026-W02")
    assert chosen.address == {"step": "week", "from": "2025-W50", "to": "2026-W02"}


def test_another_step_takes_the_range_along() -> None:
    chosen = select("overview", {"step": "month", "from": "2026-W02", "to": "2026-W08"}, FROZEN)
    assert chosen.periods == ("2026-M01", "2026-M02")
    back = select("overview", {"step": "week", "from": "2026-M02", "to": "2026-M02"}, FROZEN)
    assert back.periods == ("2026-W06", "2026-W07", "2026-W08", "2026-W09")


@pytest.mark.parametrize(
    ("page", "asked", "wrong"),
    [
        ("overview", {"from": "2026-W05", "to": "2026-W01"}, "range"),
        ("overview", {"from": "2030-W01", "to": "2030-W05"}, "range"),
        ("needs", {"period": "2019-H1"}, "period"),
        ("needs", {"period": "'; DROP TABLE"}, "period"),
    ],
)
def test_what_cannot_be_shown_is_said(page: str, asked: dict[str, str], wrong: str) -> None:
    chosen = select(page, asked, FROZEN)
    assert chosen.wrong == wrong
    assert chosen.periods or chosen.period


def test_a_page_is_divided_by_what_it_can_be() -> None:
    assert select("overview", {"by": "size"}, FROZEN).by == "size"
    assert select("materials", {"by": "size"}, FROZEN).by is None
    assert select("gaps", {"by": "channel"}, FROZEN).by is None


def test_never_two_partitions() -> None:
    """The address has one place for a partition, and nothing finer than the snapshot's own cells."""
    for page in PAGES:
        assert all(isinstance(by, str) for by in DIVIDED.get(page, ()))


@given(
    st.sampled_from(PAGES),
    st.dictionaries(
        st.sampled_from(["step", "from", "to", "period", "by"]),
        st.one_of(
            st.sampled_from([*FROZEN, "week", "month", "channel", "2024-W01", "2026-M13", "2026-W60"]),
            st.text(max_size=12),
        ),
    ),
    st.lists(st.sampled_from(FROZEN), unique=True),
)
def test_any_address_can_be_shown(page: str, asked: dict[str, str], frozen: list[str]) -> None:
    chosen = select(page, asked, frozen)
    assert len(chosen.periods) <= MOST_PERIODS
    assert {kind(period) for period in chosen.periods} <= {chosen.step}
    assert chosen.period is None or chosen.period in frozen
    again = select(page, chosen.address, frozen)
    if page in OVER_TIME and chosen.wrong is None:
        assert (again.periods, again.by) == (chosen.periods, chosen.by)
    if page in OF_A_PERIOD:
        assert (again.period, again.by) == (chosen.period, chosen.by)


def test_figures_show_cells_and_nothing_else(database_url: str) -> None:
    """Whatever is chosen, each number on a page is a cell of a snapshot, a sum that the page names, or a share."""
    engine = open_engine(database_url, 20)
    freeze(engine, everything())
    snapshots = SnapshotStore(engine)
    frozen = snapshots.periods()
    counts = {cell.count for cell in everything()} | {150}
    views = Views(snapshots, load(ROOT / "knowledge"), 2)
    for page in PAGES:
        for by in (None, *DIVIDED.get(page, ())):
            for language in ("nl", "en"):
                asked = {"by": by} if by else {}
                found = views.figures(select(page, asked, frozen), language)
                assert len({figure.id for figure in found}) == len(found), "each has an address of its own"
                for figure in found:
                    if figure.id != "added":
                        assert {v for row in figure.rows for v in row if isinstance(v, int)} <= counts, figure.id
                    assert all(len(row) == len(figure.columns) for row in figure.rows), figure.id
                    assert bool(figure.alt) == bool(figure.chart), figure.id
    engine.dispose()


@pytest.mark.parametrize(("parts", "said"), [({"en": 30, "nl": 15}, "en"), ({"nl": 45}, None), ({}, None)])
@pytest.mark.parametrize("period", ["2026-H1", "2026-M05"])
def test_a_need_says_in_which_language_it_was_written(
    database_url: str, parts: dict[str, int], said: str | None, period: str
) -> None:
    """As far as its half-year shows that, also where a month is looked at."""
    need = "Voorbeelden van andere bedrijven"
    engine = open_engine(database_url)
    freeze(engine, [*everything(), *(Cell("2026-H1", "need", need, "language", p, n) for p, n in parts.items())])
    views = Views(SnapshotStore(engine), load(ROOT / "knowledge"))
    frozen = SnapshotStore(engine).periods()
    [figure] = views.figures(select("needs", {"period": period}, frozen), "nl")
    assert need in {row[0] for row in figure.rows} and figure.language_of(need) == said
    [figure] = views.figures(select("needs", {"period": period}, frozen), "en")
    assert figure.language_of(need) == ("nl" if parts == {"nl": 45} else None)
    engine.dispose()


def test_nothing_frozen_nothing_shown(database_url: str) -> None:
    engine = open_engine(database_url, 20)
    views = Views(SnapshotStore(engine), load(ROOT / "knowledge"))
    for page in PAGES:
        assert all(not figure.rows for figure in views.figures(select(page, {}, []), "nl"))
    engine.dispose()


def test_a_selection_without_anything_is_an_address_too() -> None:
    assert Selection("overview", "week", (), None, None).address == {}
