"""The brief as a spreadsheet: what it says, and a sheet for each table."""

from __future__ import annotations

import io
import re
from datetime import UTC, date, datetime, time
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from openpyxl import Workbook
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet
from openpyxl.writer.excel import ExcelWriter

from bot.texts import text
from bot.trends.brief import Brief
from bot.trends.figures import Figure, Value
from bot.trends.papers import plain

LONGEST_SHEET_NAME = 31

_NOT_IN_SHEET_NAMES = re.compile(r"[\[\]:*?/\\']")


def workbook(brief: Brief) -> bytes:
    """The brief as a spreadsheet: what it says, and a sheet for each table. The same brief gives the same bytes."""
    book = Workbook()
    book.properties.title = plain(brief.title)
    book.properties.creator = "Wegwijzer"
    book.properties.language = brief.language
    book.properties.created = book.properties.modified = datetime.combine(brief.made_on, time(), UTC).replace(
        tzinfo=None
    )
    first = book.active
    if not isinstance(first, Worksheet):
        raise RuntimeError("a new workbook has a sheet")
    _explain(first, brief)
    names = {first.title.casefold()}
    for heading, figure in brief.figures:
        sheet = book.create_sheet(_sheet_name(figure.title, names))
        _fill(sheet, heading, figure, brief)
    return _saved(book, brief.made_on)


def _saved(book: Workbook, day: date) -> bytes:
    """A spreadsheet's bytes. What it is packed of bears a day: `save` would write the moment into each part."""
    made, out = io.BytesIO(), io.BytesIO()
    ExcelWriter(book, ZipFile(made, "w")).save()
    with ZipFile(made) as parts, ZipFile(out, "w", ZIP_DEFLATED) as packed:
        for name in parts.namelist():
            packed.writestr(ZipInfo(name, (day.year, day.month, day.day, 0, 0, 0)), parts.read(name), ZIP_DEFLATED)
    return out.getvalue()


def _sheet_name(title: str, taken: set[str]) -> str:
    whole = _NOT_IN_SHEET_NAMES.sub("", plain(title)).partition(",")[0].strip() or "-"
    name, number = whole[:LONGEST_SHEET_NAME].strip(), 1
    while name.casefold() in taken:
        number += 1
        end = f" {number}"
        name = whole[: LONGEST_SHEET_NAME - len(end)].strip() + end
    taken.add(name.casefold())
    return name


def _put(sheet: Worksheet, row: int, column: int, value: Value, *, font: Font | None = None) -> None:
    cell = sheet.cell(row, column)
    if isinstance(value, str):
        cell.value = plain(value)
        # A question that begins with = is a question, not a formula.
        cell.data_type = "s"
    elif value is not None:
        cell.value = value
        cell.number_format = "#,##0"
    cell.alignment = Alignment(wrap_text=isinstance(value, str), vertical="top")
    if font is not None:
        cell.font = font


_HEAD = Font(bold=True)
_TITLE = Font(bold=True, size=14, color="1B2F6B")


def _explain(sheet: Worksheet, brief: Brief) -> None:
    def t(key: str) -> str:
        return text(f"trends.brief.{key}", brief.language)

    sheet.title = t("explanation")
    sheet.column_dimensions["A"].width = 110
    row = 1
    for words, font in (
        (brief.title, _TITLE), (brief.lead, None), (brief.made, None), (brief.warning, _HEAD), ("", None),
        (t("summary"), _HEAD),
        *((point, None) for point in brief.summary), ("", None), (brief.sections[-1].heading, _HEAD),
        *((part, None) for part in brief.sections[-1].parts if isinstance(part, str)), (brief.note, None), ("", None),
        (t("sources"), _HEAD), *((source, None) for source in brief.sources),
    ):  # fmt: skip
        if words:
            _put(sheet, row, 1, words, font=font)
        row += 1


def _fill(sheet: Worksheet, heading: str, figure: Figure, brief: Brief) -> None:
    _put(sheet, 1, 1, figure.title, font=_TITLE)
    _put(sheet, 2, 1, heading)
    top = 4
    for place, column in enumerate(figure.columns, 1):
        _put(sheet, top, place, column.title, font=_HEAD)
        sheet.cell(top, place).fill = PatternFill("solid", fgColor="E9EDF8")
        sheet.column_dimensions[get_column_letter(place)].width = 48 if column.kind == "text" else 16
    for down, row in enumerate(figure.rows, top + 1):
        for place, (value, column) in enumerate(zip(row, figure.columns, strict=True), 1):
            _put(sheet, down, place, "–" if value is None else value)
            if column.kind == "share" and isinstance(value, int):
                sheet.cell(down, place).number_format = '0"%"'
    sheet.freeze_panes = f"A{top + 1}"
    # Screen readers find the heads of a table by this name.
    last = f"${get_column_letter(len(figure.columns))}${top}"
    sheet.print_title_rows = f"{top}:{top}"
    sheet.page_setup.orientation = "landscape"
    sheet.page_setup.fitToHeight = 0
    sheet.sheet_properties.pageSetUpPr.fitToPage = True  # type: ignore[union-attr]
    sheet.auto_filter.ref = f"$A${top}:{last}".replace("$", "")[: -len(str(top))] + str(top + len(figure.rows))
    below = top + len(figure.rows) + 2
    for note in (*figure.notes, brief.note):
        _put(sheet, below, 1, note)
        below += 1
