"""Files with companies, CSV and XLSX: reads their rows, and writes the empty template."""

from __future__ import annotations

import csv
import re
import warnings
import zipfile
import zlib
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import date, datetime, time
from itertools import chain
from pathlib import Path

from openpyxl import Workbook, load_workbook
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter
from openpyxl.utils.exceptions import InvalidFileException

from bot.registry.columns import COLUMNS, EXAMPLE
from bot.registry.report import BadFile, conceal
from bot.registry.rows import LONGEST_CELL, tidy

MOST_ROWS = 100_000
MOST_BYTES = 50_000_000
MOST_UNPACKED_BYTES = 400_000_000
"""Of an XLSX, which is a ZIP: a small one can hold a flood."""
MOST_COLUMNS = 100
_SHEET_ROWS = 1_048_576

Record = tuple[int, Mapping[str, str]]
"""The number of a row, and its cells by column."""


def read(file: Path, code_pattern: str) -> Iterator[Record]:
    """The rows of a file, each with a cell for every column of `COLUMNS`; empty rows are passed over.

    Raises BadFile, with a text that quotes no cell, at the first row or later on.
    """
    kinds = {".csv": _csv_rows, ".xlsx": _xlsx_rows}
    reader = kinds.get(file.suffix.lower())
    if reader is None:
        raise BadFile("Only .csv and .xlsx can be read.")
    try:
        size = file.stat().st_size
    except OSError as problem:
        raise BadFile(f"The file cannot be read: {problem.strerror}.") from None
    if size > MOST_BYTES:
        raise BadFile(f"The file is larger than {MOST_BYTES // 1_000_000} MB.")
    with closing(reader(file)) as rows:
        header = next(rows, [])
        places = _places(header, code_pattern)
        yield from _records(rows, places, len(header))


def _records(rows: Iterator[Sequence[str]], places: Mapping[str, int], width: int) -> Iterator[Record]:
    count = 0
    for number, row in enumerate(rows, 2):
        if not any(row):
            continue
        count += 1
        if count > MOST_ROWS:
            raise BadFile(f"The file has more than {MOST_ROWS:,} rows: split it.")
        if any(map(tidy, row[width:])):
            raise BadFile(f"Row {number} has more cells than the header has columns: is a cell not in quotes?")
        yield number, {column: row[place] if place < len(row) else "" for column, place in places.items()}


def _places(header: Sequence[str], code_pattern: str) -> dict[str, int]:
    """Where each column stands. Raises BadFile, which names all that is unknown, missing or there twice."""
    names = [tidy(name).lower() for name in header]
    while names and not names[-1]:
        names.pop()
    known = [name for name in names if name in COLUMNS]
    if len(known) < len(COLUMNS) // 4:
        raise BadFile("The first row does not hold the names of the columns: see docs/registry.md, or make a template.")
    unknown = [
        f"column {get_column_letter(place)}{_quoted(name, code_pattern)}"
        for place, name in enumerate(names, 1)
        if name not in COLUMNS
    ]
    wrong = {
        "unknown": unknown,
        "missing": [column for column in COLUMNS if column not in known],
        "there twice": sorted({name for name in known if known.count(name) > 1}),
    }
    if any(wrong.values()):
        raise BadFile("Columns " + "; ".join(f"{what}: {', '.join(which)}" for what, which in wrong.items() if which))
    return {name: place for place, name in enumerate(names) if name}


def _quoted(name: str, code_pattern: str) -> str:
    """The name of an unknown column, where it is no more than a name: a file without header has codes there."""
    plain = re.fullmatch(r"[a-z_ -]+[0-9]?[a-z_ -]*", name) and len(name) <= 40
    return f" “{conceal(name, code_pattern)}”" if plain else ""


def _csv_rows(file: Path) -> Generator[list[str], None, None]:
    """The rows of a CSV in UTF-8, with commas or semicolons, whichever the first line has more of."""
    try:
        with file.open(encoding="utf-8-sig", newline="") as source:
            first = source.readline(MOST_COLUMNS * LONGEST_CELL)
            delimiter = ";" if first.count(";") > first.count(",") else ","
            yield from csv.reader(chain([first], source), delimiter=delimiter, strict=True)
    except UnicodeDecodeError:
        raise BadFile("The file is not UTF-8: save it as “CSV UTF-8”.") from None
    except csv.Error as problem:
        raise BadFile(f"The file is not CSV ({problem}).") from None
    except OSError as problem:
        raise BadFile(f"The file cannot be read: {problem.strerror}.") from None


def _xlsx_rows(file: Path) -> Generator[list[str], None, None]:
    """The rows of the first sheet of an XLSX."""
    with _as_bad_file():
        with zipfile.ZipFile(file) as parts:
            if sum(part.file_size for part in parts.infolist()) > MOST_UNPACKED_BYTES:
                raise BadFile(f"The file holds more than {MOST_UNPACKED_BYTES // 1_000_000} MB when unpacked.")
        with file.open("rb") as source, closing(load_workbook(source, read_only=True, keep_links=False)) as workbook:
            if not workbook.worksheets:
                raise BadFile("The file has no sheet with cells.")
            sheet = workbook.worksheets[0]
            # Programs write sizes of sheets that are not true, and openpyxl would believe them.
            sheet.reset_dimensions()
            for row in sheet.iter_rows(max_col=MOST_COLUMNS, max_row=_SHEET_ROWS, values_only=True):
                yield [_text(value) for value in row]


@contextmanager
def _as_bad_file() -> Iterator[None]:
    """What the libraries raise for a damaged file is many things, and may quote a cell."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except (BadFile, GeneratorExit):
        raise
    except OSError as problem:
        raise BadFile(f"The file cannot be read: {problem.strerror or 'it is damaged'}.") from None
    except (
        zipfile.BadZipFile, zlib.error, InvalidFileException, ValueError, KeyError, TypeError, IndexError, EOFError,
        AttributeError, SyntaxError, ArithmeticError, RuntimeError,
    ):  # fmt: skip
        raise BadFile("The file is not an XLSX, or it is damaged or protected.") from None


def _text(value: object) -> str:
    """A cell as text: a day as 2026-05-04, yes or no, a whole number without a fraction."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time() else value.isoformat()
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, int | float):
        return str(value)
    return "="  # an array formula or a data table


def write_template(file: Path) -> None:
    """Writes a file with the columns and one fictional row. Raises BadFile, also where the file exists already."""
    writers = {".csv": _write_csv, ".xlsx": _write_xlsx}
    writer = writers.get(file.suffix.lower())
    if writer is None:
        raise BadFile("A template is a .csv or an .xlsx.")
    try:
        file.touch(exist_ok=False)
        writer(file)
    except FileExistsError:
        raise BadFile(f"{file} exists already.") from None
    except OSError as problem:
        raise BadFile(f"{file} cannot be written: {problem.strerror}.") from None


def _write_csv(file: Path) -> None:
    # With a mark and semicolons, a Dutch Excel opens it as it should.
    with file.open("w", encoding="utf-8-sig", newline="") as output:
        csv.writer(output, delimiter=";").writerows((COLUMNS, EXAMPLE.values()))


def _write_xlsx(file: Path) -> None:
    workbook = Workbook()
    sheet = workbook.active
    if sheet is None:
        sheet = workbook.create_sheet()
    sheet.title = "companies"
    sheet.append(list(COLUMNS))
    sheet.append(list(EXAMPLE.values()))
    sheet.freeze_panes = "C2"
    for number, (column, example) in enumerate(EXAMPLE.items(), 1):
        letter = get_column_letter(number)
        # As text: or else 01234567 loses its 0, and 31-03 becomes a day of this year.
        sheet.column_dimensions[letter].number_format = "@"
        sheet.column_dimensions[letter].width = max(len(column), len(example), 8) + 2
        sheet.cell(1, number).font = Font(bold=True)
        sheet.cell(2, number).number_format = "@"
    workbook.save(file)
