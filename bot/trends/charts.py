"""Charts as Vega-Lite: lines over time, bars beside names, and a grid of names by time. Calm, and safe in any colours.

What tells one thing from another is never the colour alone: every line and bar is named where it stands, and lines
differ in their dashes too.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from bot.texts.numbers import number

SCREEN_FONT = "Liberation Sans, Arial, Helvetica, sans-serif"
PAPER_FONT = "Libertinus Serif"
"""The one that Typst carries."""

COLOURS = ("#1b2f6b", "#c2500a", "#00776b", "#7a3a9c", "#5d6675", "#a81e58", "#3d6fb6", "#7a6400")
"""All of them stand out from white by more than 4.5 to 1."""
BAR_COLOURS = {1: ("#1b2f6b",), 2: ("#7a8bb8", "#1b2f6b"), 3: ("#1b2f6b", "#00776b", "#c2500a")}
DASHES: tuple[list[int], ...] = ([1, 0], [7, 3], [2, 2], [9, 3, 2, 3], [4, 4], [12, 3], [1, 3], [6, 2, 2, 2, 2, 2])
MOST_LINES = len(COLOURS)
INK, QUIET, RULE = "#1b2233", "#4a5367", "#d5dae6"
STEPS = ["#e4eaf7", "#b9c8e8", "#86a0d4", "#4d6db4", "#1b2f6b"]
"""From few to many, for the grid."""

_LONGEST_LABEL = 40
_MOST_LABEL_LINES = 4


@dataclass(frozen=True)
class Lines:
    """Numbers over weeks or months. A None is too small to show, and leaves a gap in its line."""

    periods: tuple[tuple[str, str], ...]
    """(week or month, year), as they stand under the chart; oldest first and without holes."""
    axis: str
    """What the periods are: week."""
    series: tuple[tuple[str, tuple[int | None, ...]], ...]
    """(name, a number for each period), at most MOST_LINES."""
    of: str
    """What is counted, for the axis."""


@dataclass(frozen=True)
class Bars:
    """A bar for each name; with more than one series, a group of bars."""

    series: tuple[str, ...]
    """The names of the bars in a group, at most three. One of them without a name is plain bars."""
    rows: tuple[tuple[str, tuple[int | None, ...]], ...]
    """(name, a number for each series), in the order in which they are drawn."""
    unit: str = ""
    """What stands behind each number: %."""


@dataclass(frozen=True)
class Grid:
    """Names by weeks or months: the darker, the more."""

    periods: tuple[tuple[str, str], ...]
    axis: str
    rows: tuple[tuple[str, tuple[int | None, ...]], ...]
    of: str


Chart = Lines | Bars | Grid


@dataclass(frozen=True)
class Look:
    """How a chart is drawn: widths in pixels, which are three quarters of a point on paper."""

    font: str = SCREEN_FONT
    width: int = 820
    size: int = 13
    """Of letters."""
    height: int = 240
    """Of lines."""
    thick: int = 19
    """Of bars."""
    letter: float = 0.56
    """How wide a letter is, on the whole, of its size."""

    @property
    def label(self) -> int:
        """How many letters a line of a label may have."""
        return min(_LONGEST_LABEL, round(self.width * 0.42 / (self.size * self.letter)))


SCREEN = Look()
NARROW = Look(width=344, size=12)
"""On a phone."""
PAPER = Look(font=PAPER_FONT, width=590, size=13, height=165, thick=15, letter=0.48)


def renamed(chart: Chart, words: Callable[[str], str]) -> Chart:
    """The same chart with other words: what `words` makes of each."""
    if isinstance(chart, Bars):
        rows = tuple((words(name), counts) for name, counts in chart.rows)
        return replace(chart, series=tuple(map(words, chart.series)), rows=rows)
    if isinstance(chart, Lines):
        return replace(chart, of=words(chart.of), series=tuple((words(name), counts) for name, counts in chart.series))
    return replace(chart, of=words(chart.of), rows=tuple((words(name), counts) for name, counts in chart.rows))


def wrapped(label: str, width: int) -> list[str]:
    """A label over a few lines; what does not fit ends in an ellipsis."""
    lines = textwrap.wrap(label, width, max_lines=_MOST_LABEL_LINES, placeholder="…") or [""]
    return [line if len(line) <= width else f"{line[: width - 1]}…" for line in lines]


def specification(chart: Chart, language: str, look: Look = SCREEN) -> dict[str, Any]:
    """A chart in Vega-Lite. Raises ValueError for one with nothing in it."""
    if isinstance(chart, Lines):
        drawn = _lines(chart, look)
    elif isinstance(chart, Bars):
        drawn = _bars(chart, language, look)
    else:
        drawn = _grid(chart, look)
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "background": "#ffffff",
        "padding": 4,
        "config": _config(look),
        **drawn,
    }


def _config(look: Look) -> dict[str, Any]:
    return {
        "font": look.font,
        "view": {"stroke": None},
        "axis": {
            "labelFontSize": look.size, "titleFontSize": look.size, "titleFontWeight": "normal", "labelColor": INK,
            "titleColor": QUIET, "gridColor": RULE, "domainColor": QUIET, "tickColor": QUIET, "labelLimit": 400,
        },
        "text": {"fontSize": look.size, "color": INK},
        "legend": {
            "orient": "top", "title": None, "labelFontSize": look.size, "labelColor": INK, "labelLimit": 400,
            "symbolType": "square", "symbolSize": 140,
        },
    }  # fmt: skip


def _number(count: int | None, unit: str, language: str) -> str:
    if count is None:
        return "–"
    return f"{number(count, language)}{unit}"


def _keys(periods: Sequence[tuple[str, str]]) -> list[str]:
    return [f"{place:03d}" for place in range(len(periods))]


def _period_axis(chart: Lines | Grid, look: Look) -> dict[str, Any]:
    """The periods under a chart: every one where there is room, and the year below the first one of it."""
    widest = max(len(tick) for tick, _ in chart.periods)
    step = max(1, -(-len(chart.periods) * (widest * look.size * 6 // 10 + 10) // look.width))
    labels, year = {}, ""
    for place in range(0, len(chart.periods), step):
        tick, of = chart.periods[place]
        labels[f"{place:03d}"] = [tick] + ([of] if of != year else [])
        year = of
    return {
        "labelExpr": f"({_as_expression(labels)})[datum.value]", "values": list(labels), "labelAngle": 0,
        "ticks": False, "title": chart.axis, "labelPadding": 6, "labelOverlap": False, "labelFlush": False,
    }  # fmt: skip


def _as_expression(labels: dict[str, list[str]]) -> str:
    def quoted(words: str) -> str:
        return "'" + words.replace("\\", "\\\\").replace("'", "\\'") + "'"

    inside = (f"{quoted(key)}: [{', '.join(map(quoted, lines))}]" for key, lines in labels.items())
    return "{" + ", ".join(inside) + "}"


def _lines(chart: Lines, look: Look) -> dict[str, Any]:
    series = chart.series[:MOST_LINES]
    values = [
        {"period": period, "name": name, "count": count}
        for name, counts in series
        for period, count in zip(_keys(chart.periods), counts, strict=True)
    ]
    highest = max((row["count"] for row in values if isinstance(row["count"], int)), default=None)
    if highest is None:
        raise ValueError("a chart shows something")
    height = look.height
    named = len(series) > 1
    names = [name for name, _ in series]
    x = {"field": "period", "type": "ordinal", "scale": {"domain": _keys(chart.periods), "paddingOuter": 0.3},
         "axis": _period_axis(chart, look)}  # fmt: skip
    top = max(highest * 1.08, 5)
    y = {"field": "count", "type": "quantitative", "scale": {"domain": [0, top], "nice": False, "zero": True},
         "axis": {"title": chart.of, "domain": False, "ticks": False, "tickCount": 5, "format": ",d",
                  "titleAngle": 0, "titleAlign": "left", "titleAnchor": "end", "titleY": -10, "titleX": 0,
                  "titleBaseline": "bottom", "labelPadding": 6}}  # fmt: skip
    colour = {"field": "name", "type": "nominal", "scale": {"domain": names, "range": list(COLOURS[: len(names)])},
              "legend": None}  # fmt: skip
    dash = {"field": "name", "type": "nominal", "scale": {"domain": names, "range": list(DASHES[: len(names)])},
            "legend": None}  # fmt: skip
    layers: list[dict[str, Any]] = [
        {
            "mark": {"type": "line", "strokeWidth": 2.25},
            "encoding": {"x": x, "y": y, "color": colour, "strokeDash": dash},
        },
        {
            "mark": {"type": "point", "filled": True, "size": 26, "opacity": 1},
            "encoding": {"x": x, "y": y, "color": colour},
        },
    ]
    room = 0
    if named:
        letters = min(max(len(name) for name in names), max(look.label * 2 // 3, 14))
        ends = _ends(series, top, height, look, letters)
        room = letters * look.size * 6 // 10 + 12
        layers.append({
            "data": {"values": [{"name": name, "words": words, "y": y_end} for name, words, y_end in ends]},
            "mark": {"type": "text", "align": "left", "dx": 4, "fontWeight": "bold"},
            "encoding": {
                "x": {"value": look.width - room + 2},
                "y": {"field": "y", "type": "quantitative"},
                "text": {"field": "words"}, "color": colour,
            },
        })  # fmt: skip
    return {"width": look.width - room, "height": height, "data": {"values": values}, "layer": layers,
            "resolve": {"scale": {"color": "shared", "y": "shared"}}}  # fmt: skip


def _ends(
    series: Sequence[tuple[str, Sequence[int | None]]], top: float, height: int, look: Look, room: int
) -> list[tuple[str, str, float]]:
    """Where the names of lines stand, at their ends, far enough from each other to be read."""
    apart = (look.size + 3) * top / height
    lasts = []
    for name, counts in series:
        known = [count for count in counts if count is not None]
        if known:
            lasts.append((float(known[-1]), name))
    lasts.sort(key=lambda end: (end[0], end[1]))
    placed: list[tuple[str, str, float]] = []
    lowest = 0.0
    for last, name in lasts:
        at = max(last, lowest)
        placed.append((name, name if len(name) <= room else f"{name[: room - 1]}…", at))
        lowest = at + apart
    over = lowest - apart - top
    if placed and over > 0:
        ceiling = top
        for place in range(len(placed) - 1, -1, -1):
            name, words, at = placed[place]
            at = min(at, ceiling)
            placed[place] = (name, words, at)
            ceiling = at - apart
    return placed


def _names(names: Sequence[str], look: Look) -> tuple[dict[str, Any], int, int]:
    """A layer with the names of rows, each in the middle of its row; its width, and the height of the tallest."""
    lines = [wrapped(name, look.label) for name in names]
    line_height = look.size + 3
    layer = {
        "data": {"values": [{"row": f"{place:03d}", "lines": words} for place, words in enumerate(lines)]},
        "mark": {
            "type": "text", "align": "right", "baseline": "middle", "lineHeight": line_height,
            "dy": {"expr": f"-(length(datum.lines) - 1) * {line_height / 2}"},
        },
        "encoding": {"x": {"value": -8}, "y": {"field": "row", "type": "ordinal"}, "text": {"field": "lines"}},
    }  # fmt: skip
    letters = max(len(line) for words in lines for line in words)
    width = min(round(letters * look.size * look.letter) + 16, 300)
    return layer, width, max(len(words) for words in lines) * line_height


def _bars(chart: Bars, language: str, look: Look) -> dict[str, Any]:
    if not any(count is not None for _, counts in chart.rows for count in counts):
        raise ValueError("a chart shows something")
    many = len(chart.series) > 1
    values = [
        {"row": f"{place:03d}", "series": series, "count": count or 0, "words": _number(count, chart.unit, language)}
        for place, (_, counts) in enumerate(chart.rows)
        for series, count in zip(chart.series, counts, strict=True)
    ]
    highest = max(1, *(count or 0 for _, counts in chart.rows for count in counts))
    names, room, tallest = _names([name for name, _ in chart.rows], look)
    thick = look.thick - 2 if many else look.thick
    wide = sum(len(series) + 4 for series in chart.series) * look.size * 6 // 10 > look.width
    step = max(tallest + 6, len(chart.series) * thick + 10)
    width = look.width - room - 60
    rows = [f"{place:03d}" for place in range(len(chart.rows))]
    y: dict[str, Any] = {
        "field": "row", "type": "ordinal", "axis": {"labels": False, "title": None, "ticks": False},
        "scale": {"domain": rows, "paddingInner": 1 - len(chart.series) * thick / step, "paddingOuter": 0.15},
    }  # fmt: skip
    x = {"field": "count", "type": "quantitative", "scale": {"domain": [0, highest]}, "axis": None}
    encoding: dict[str, Any] = {"x": x, "y": y}
    if many:
        encoding["yOffset"] = {"field": "series", "type": "nominal", "scale": {"domain": list(chart.series)}}
    colour = {"field": "series", "type": "nominal",
              "scale": {"domain": list(chart.series), "range": list(BAR_COLOURS[len(chart.series)])},
              "legend": {"columns": 1 if wide else 0} if many else None}  # fmt: skip
    return {
        "width": width, "height": step * len(chart.rows), "data": {"values": values},
        "layer": [
            {"mark": {"type": "bar", "cornerRadiusEnd": 2}, "encoding": {**encoding, "color": colour}},
            {"mark": {"type": "text", "align": "left", "dx": 5}, "encoding": {**encoding, "text": {"field": "words"}}},
            names,
        ],
    }  # fmt: skip


def _grid(chart: Grid, look: Look) -> dict[str, Any]:
    values = [
        {"row": f"{place:03d}", "period": period, "count": count}
        for place, (_, counts) in enumerate(chart.rows)
        for period, count in zip(_keys(chart.periods), counts, strict=True)
        if count is not None
    ]
    if not values:
        raise ValueError("a chart shows something")
    highest = max(row["count"] for row in values if isinstance(row["count"], int))
    names, room, tallest = _names([name for name, _ in chart.rows], look)
    width = look.width - room
    x = {"field": "period", "type": "ordinal", "scale": {"domain": _keys(chart.periods), "paddingInner": 0.08},
         "axis": {**_period_axis(chart, replace(look, width=width)), "domain": False}}  # fmt: skip
    rows = [f"{place:03d}" for place in range(len(chart.rows))]
    y = {"field": "row", "type": "ordinal", "scale": {"domain": rows, "paddingInner": 0.12},
         "axis": {"labels": False, "title": None, "ticks": False, "domain": False}}  # fmt: skip
    scale = {"type": "quantize", "domain": [0, max(highest, 5)], "range": STEPS}
    colour = {"field": "count", "type": "quantitative", "scale": scale, "legend": None}
    layers: list[dict[str, Any]] = [
        {"mark": {"type": "rect", "cornerRadius": 2}, "encoding": {"x": x, "y": y, "color": colour}}
    ]
    if width / len(chart.periods) >= 2 * look.size - 6:
        dark = f"datum.count >= {max(highest, 5) * 0.6}"
        layers.append({
            "mark": {"type": "text", "fontSize": look.size - 3},
            "encoding": {"x": x, "y": y, "text": {"field": "count", "format": ",d"},
                         "color": {"condition": {"test": dark, "value": "#ffffff"}, "value": INK}},
        })  # fmt: skip
    return {"width": width, "height": (max(tallest, 22) + 6) * len(chart.rows), "data": {"values": values},
            "layer": [*layers, names]}  # fmt: skip
