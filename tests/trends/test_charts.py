"""Charts: what is drawn is what was given, in words that can be read, and by a process that can be ended."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from itertools import pairwise
from xml.etree import ElementTree

import altair
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.trends.charts import (
    BAR_COLOURS,
    COLOURS,
    DASHES,
    INK,
    MOST_LINES,
    NARROW,
    PAPER,
    QUIET,
    SCREEN,
    Bars,
    Chart,
    Grid,
    Lines,
    Look,
    _ends,
    renamed,
    specification,
    wrapped,
)
from bot.trends.drawing import CannotDraw, Drawer, draw

WEEKS = tuple((str(week), "2026") for week in range(1, 14))
MANY = tuple((str(place % 52 + 1), str(2024 + place // 52)) for place in range(104))
LINES = Lines(WEEKS, "week", (("Chat", (1200, 15, None, *[20] * 10)), ("Telefoon", (None, 5, *[10] * 11))), "vragen")
BARS = Bars(("",), (("Geen activatiecode", (1240,)), ("Streefcijfers", (45,))))
GROUPED = Bars(("Eerder", "Nu"), (("Geen activatiecode", (None, 120)), ("Streefcijfers", (45, 60))))
GRID = Grid(
    WEEKS, "week", (("Hoe krijg ik een code?", (None, *[15] * 12)), ("Wat is het Charter?", tuple([5] * 13))), "vragen"
)
CHARTS = {"lines": LINES, "bars": BARS, "grouped": GROUPED, "grid": GRID}


def svg(chart: Chart, language: str = "nl", look: Look = SCREEN) -> str:
    return draw({"kind": "svg", "specification": specification(chart, language, look), "language": language}).decode()


def words(drawing: str) -> list[str]:
    """Every text in a drawing, line by line."""
    return [
        (text.text or "").strip()
        for text in ElementTree.fromstring(drawing).iter()
        if text.tag.endswith(("}text", "}tspan"))
    ]


@pytest.mark.parametrize("look", [SCREEN, NARROW, PAPER], ids=["screen", "narrow", "paper"])
@pytest.mark.parametrize("kind", CHARTS)
def test_it_is_vega_lite(kind: str, look: Look) -> None:
    altair.Chart.from_dict(specification(CHARTS[kind], "nl", look))


@pytest.mark.parametrize("kind", CHARTS)
def test_it_fits(kind: str) -> None:
    """A picture is not wider than the place that it is made for, within some pixels."""
    for look in (SCREEN, NARROW):
        width = float(re.search(r'width="([\d.]+)"', svg(CHARTS[kind], "nl", look))[1])  # type: ignore[index]
        assert width <= look.width + 40, look


def test_every_name_and_number_stands_in_it() -> None:
    found = words(svg(BARS))
    assert {"1.240", "45", "Geen activatiecode", "Streefcijfers"} <= set(found)
    assert "1,240" in words(svg(BARS, "en"))
    assert words(svg(GROUPED)).count("–") == 1, "what is too small to show is a dash"
    assert {"Eerder", "Nu"} <= set(words(svg(GROUPED)))


def test_lines_are_named_where_they_end() -> None:
    assert {"Chat", "Telefoon", "vragen", "week", "2026"} <= set(words(svg(LINES)))
    assert "1.200" in words(svg(LINES)), "the axis in Dutch"


def test_what_is_missing_is_a_gap() -> None:
    """A line does not lead through a week whose number is not shown."""
    drawn = [shape for shape in svg(LINES).split("<path") if 'stroke-width="2.25"' in shape]
    chat = next(shape for shape in drawn if COLOURS[0] in shape)
    assert chat.split(' d="')[1].split('"')[0].count("M") == 2


@pytest.mark.parametrize(
    "chart", [Lines(WEEKS, "week", (("A", (None,) * 13),), "x"), Bars(("",), ()), Grid(WEEKS, "week", (), "x")]
)
def test_nothing_makes_no_chart(chart: Chart) -> None:
    with pytest.raises(ValueError, match="shows something"):
        specification(chart, "nl")


def luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(colour: str) -> float:
    return 1.05 / (luminance(colour) + 0.05)


def test_everything_stands_out_from_white() -> None:
    """WCAG 1.4.3 for words, 1.4.11 for bars."""
    assert {colour for colour in (*COLOURS, INK, QUIET) if contrast(colour) < 4.5} == set()
    assert {colour for bars in BAR_COLOURS.values() for colour in bars if contrast(colour) < 3} == set()


def test_lines_differ_in_more_than_colour() -> None:
    assert len({tuple(dash) for dash in DASHES}) == len(DASHES) == MOST_LINES


@given(st.lists(st.integers(0, 500).map(lambda n: 5 * n), min_size=1, max_size=MOST_LINES))
@settings(deadline=None)
def test_names_of_lines_do_not_overlap(lasts: list[int]) -> None:
    top, height = max(*lasts, 5) * 1.08, 240
    ends = _ends([(str(n), (last,)) for n, last in enumerate(lasts)], top, height, SCREEN, 20)
    places = sorted(place * height / top for _, _, place in ends)
    assert len(ends) == len(lasts)
    assert all(after - before >= SCREEN.size for before, after in pairwise(places))
    assert places[-1] <= height + 1


def test_two_years_of_weeks_can_be_read() -> None:
    chart = Lines(MANY, "week", (("A", tuple([5] * 104)),), "vragen")
    found = svg(chart)
    ticks = [word for word in words(found) if word.isdigit() and len(word) <= 2]
    assert 10 < len(ticks) < 40
    assert {"2024", "2025"} <= set(words(found))


HOSTILE = ["<script>alert(1)</script>", "'); data('x", "\\' + datum + '", "{{ x }}", "%s %d", "a" * 300, "&amp;", '"']


@pytest.mark.parametrize("name", HOSTILE)
def test_names_are_words_and_nothing_else(name: str) -> None:
    for chart in (replace_name(BARS, name), replace_name(GRID, name), replace_name(LINES, name)):
        drawing = svg(chart)
        assert "<script" not in drawing
        assert words(drawing)


def replace_name(chart: Chart, name: str) -> Chart:
    return renamed(
        chart, lambda word: name if word in ("Geen activatiecode", "Hoe krijg ik een code?", "Chat") else word
    )


def test_a_label_is_broken_over_lines_and_ends() -> None:
    lines = wrapped("Een heel lange vraag over streefcijfers " * 9, 20)
    assert len(lines) == 4
    assert all(len(line) <= 20 for line in lines)
    assert lines[-1].endswith("…")
    assert wrapped("", 20) == [""]


def test_the_same_is_drawn_the_same() -> None:
    for chart in CHARTS.values():
        assert svg(chart) == svg(chart)


# ---- the process that draws


@pytest.fixture
def drawer() -> Iterator[Drawer]:
    drawer = Drawer()
    yield drawer
    drawer.close()


def job(kind: str = "svg", chart: Chart = BARS) -> dict[str, object]:
    return {"kind": kind, "specification": specification(chart, "nl"), "language": "nl"}


def test_it_draws_what_is_asked(drawer: Drawer) -> None:
    assert drawer.draw(job()) == draw(job())
    assert drawer.draw(job("png")).startswith(b"\x89PNG")


def test_what_was_drawn_is_kept(drawer: Drawer) -> None:
    first = drawer.draw(job())
    drawer.close()
    assert drawer.draw(job()) == first
    assert drawer._process is None, "nothing was started for it"


def test_a_job_that_fails_costs_only_itself(drawer: Drawer) -> None:
    with pytest.raises(CannotDraw):
        drawer.draw({"kind": "svg", "specification": {"mark": 1}, "language": "nl"})
    assert drawer.draw(job()).startswith(b"<svg")


def test_what_takes_too_long_is_ended() -> None:
    drawer = Drawer(seconds=0.01)
    with pytest.raises(CannotDraw):
        drawer.draw(job())
    assert drawer._process is None
    drawer.close()


def test_a_process_that_was_killed_is_started_again(drawer: Drawer) -> None:
    drawer.draw(job())
    assert drawer._process is not None
    drawer._process.kill()
    drawer._process.wait()
    assert drawer.draw(job("png")).startswith(b"\x89PNG")


def test_it_ends_when_nobody_draws() -> None:
    drawer = Drawer(idle_seconds=0.05)
    drawer.draw(job())
    for _ in range(600):
        if drawer._process is None:
            break
        time.sleep(0.05)
    assert drawer._process is None
    drawer.close()


def test_a_chart_can_load_nothing() -> None:
    """Neither from the network nor from the disk."""
    for address in ("https://example.org/data.json", "file:///etc/hostname", "/etc/hostname"):
        wanted = {**specification(BARS, "nl"), "data": {"url": address}}
        try:
            found = draw({"kind": "svg", "specification": wanted, "language": "nl"}).decode()
        except ValueError:
            continue
        assert "Geen activatiecode" in found and "hostname" not in found
