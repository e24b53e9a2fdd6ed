"""The brief on paper and in files: an accessible PDF, a spreadsheet with every table, and the same as CSV."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bot.guides.typesetting import by_name, settable
from bot.texts import text
from bot.trends.brief import Brief, Part, Points, Shown
from bot.trends.charts import PAPER, renamed, specification
from bot.trends.drawing import Drawer
from bot.trends.figures import Figure, Value, shown

TEMPLATE = Path(__file__).with_name("brief.typ")
FORMATS = {
    "pdf": "application/pdf",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "csv": "text/csv; charset=utf-8",
}
POINTS_PER_PIXEL = 0.75
WIDEST_POINTS = 460

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def file_name(brief: Brief, kind: str) -> str:
    """What the file is called: wegwijzer-brief-2026-h1-nl.pdf."""
    name = text("trends.brief.file", brief.language, period=brief.period.lower())
    return f"{name}-{brief.language}.{kind}"


def as_file(brief: Brief, kind: str, drawer: Drawer) -> bytes:
    """The brief as one of FORMATS. Raises CannotDraw."""
    if kind == "pdf":
        return pdf(brief, drawer)
    if kind == "xlsx":
        # What makes spreadsheets takes 20 MB: only who asks for one loads it.
        from bot.trends.workbook import workbook

        return workbook(brief)
    return tables_as_csv(brief)


# ---- PDF


def pdf(brief: Brief, drawer: Drawer) -> bytes:
    """The brief as a PDF on A4, tagged for screen readers (PDF/UA-1). Raises CannotDraw."""
    day = brief.made_on.isoformat()
    return drawer.draw({"kind": "pdf", "template": str(TEMPLATE), "data": contents(brief, drawer), "day": day})


def contents(brief: Brief, drawer: Drawer) -> dict[str, Any]:
    """All that is on the paper, as the template reads it. Raises CannotDraw."""

    def t(key: str) -> str:
        return text(f"trends.brief.{key}", brief.language)

    sections = []
    for place, section in enumerate(brief.sections, 1):
        said = (*section.parts, brief.note) if place == len(brief.sections) else section.parts
        parts = [one for part in said for one in _on_paper(part, brief, drawer)]
        sections.append({"heading": section.heading, "parts": parts})
    return {
        "language": brief.language, "title": _set(brief.title), "lead": _set(brief.lead), "made": _set(brief.made),
        "warning": _set(brief.warning),
        "foreign": [{"words": _set(f"“{words}”"), "language": language} for words, language in brief.foreign],
        "page": t("page"), "summary_heading": t("summary"), "summary": [_set(point) for point in brief.summary],
        "sections": sections, "sources_heading": t("sources"), "sources": [_set(source) for source in brief.sources],
    }  # fmt: skip


def _set(words: str) -> str:
    return settable(words, by_name)


def _on_paper(part: Part, brief: Brief, drawer: Drawer) -> Iterator[dict[str, Any]]:
    if isinstance(part, str):
        yield {"kind": "text", "text": _set(part)}
    elif isinstance(part, Points):
        yield {"kind": "points", "points": [_set(point) for point in part.points]}
    else:
        yield from _figure_on_paper(part, brief, drawer)


def _figure_on_paper(part: Shown, brief: Brief, drawer: Drawer) -> Iterator[dict[str, Any]]:
    figure = part.figure
    if part.chart and figure.chart is not None:
        drawn = specification(renamed(figure.chart, _set), brief.language, PAPER)
        svg = drawer.draw({"kind": "svg", "specification": drawn, "language": brief.language}).decode()
        yield {
            "kind": "chart", "title": _set(figure.title), "alt": _set(figure.alt), "svg": svg,
            "width": min(width_of(svg) * POINTS_PER_PIXEL, WIDEST_POINTS),
        }  # fmt: skip
    if part.table and figure.rows:
        yield {
            "kind": "table", "title": _set(figure.title), "columns": [_set(c.title) for c in figure.columns],
            "widths": [column.kind for column in figure.columns],
            "languages": [figure.language_of(str(row[0])) or brief.language for row in figure.rows[: part.rows]],
            "rows": [
                [_set(shown(value, column.kind, brief.language))
                 for value, column in zip(row, figure.columns, strict=True)]
                for row in figure.rows[: part.rows]
            ],
        }  # fmt: skip


def width_of(svg: str) -> float:
    """How wide a drawing is, in pixels. Raises ValueError for what is none."""
    found = re.search(r'<svg[^>]* width="([\d.]+)"', svg[:2000])
    if found is None:
        raise ValueError("not a drawing")
    return float(found[1])


# ---- CSV


def plain(words: str) -> str:
    """A text without signs that no file takes."""
    return _CONTROL.sub("", words)


def safe(words: str) -> str:
    """A text for a file that a spreadsheet may open: never a formula."""
    said = plain(words)
    return f"'{said}" if said.startswith(_FORMULA) else said


def table_as_csv(figure: Figure) -> bytes:
    """One table as CSV (UTF-8 with a mark, commas). What is too small to show is empty."""
    return _csv([[column.title for column in figure.columns], *figure.rows])


def tables_as_csv(brief: Brief) -> bytes:
    """Every table of the brief in one CSV, a line for each value: section, table, row, column, value."""
    heads = [text(f"trends.brief.{key}", brief.language) for key in ("section", "table", "row", "column", "value")]
    lines: list[list[Value]] = [list(heads)]
    for heading, figure in brief.figures:
        for row in figure.rows:
            for column, value in zip(figure.columns[1:], row[1:], strict=True):
                lines.append([heading, figure.title, row[0], column.title, value])
    return _csv(lines)


def _csv(lines: Any) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out)
    for line in lines:
        writer.writerow(["" if value is None else safe(value) if isinstance(value, str) else value for value in line])
    return out.getvalue().encode("utf-8-sig")
