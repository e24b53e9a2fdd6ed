"""Files as they come: with a mark or without, from Excel, damaged, far too large, or no such file at all."""

from __future__ import annotations

import zipfile
from datetime import date, datetime
from pathlib import Path

import pytest
from openpyxl import Workbook
from openpyxl.worksheet.formula import ArrayFormula

from bot.registry import files
from bot.registry.columns import COLUMNS, EXAMPLE
from bot.registry.files import read, write_template
from bot.registry.report import BadFile
from tests.registry.conftest import PATTERN, row, write_csv

ROWS = [row("90001354", name='Müller & Zn., de "beste"; BV'), row("90004760", reports="2025-12-31=;2026-12-31=")]


def rows_of(file: Path) -> list[tuple[int, dict[str, str]]]:
    return [(number, dict(cells)) for number, cells in read(file, PATTERN)]


def why(file: Path) -> str:
    with pytest.raises(BadFile) as wrong:
        list(read(file, PATTERN))
    return str(wrong.value)


def write_xlsx(file: Path, *rows: list[object], header: list[str] | None = None) -> Path:
    workbook = Workbook()
    for cells in [header or list(COLUMNS), *rows]:
        workbook.active.append(cells)
    workbook.save(file)
    return file


@pytest.mark.parametrize("delimiter", [",", ";"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_csv(tmp_path: Path, delimiter: str, encoding: str) -> None:
    file = write_csv(tmp_path / "c.csv", *ROWS, delimiter=delimiter, encoding=encoding)
    assert rows_of(file) == [(2, ROWS[0]), (3, ROWS[1])]


def test_columns_in_any_order_and_any_case_and_empty_rows(tmp_path: Path) -> None:
    names = [name.upper() for name in reversed(COLUMNS)]
    line = ",".join(reversed(["90001354", "Voorbeeld BV", *[""] * (len(COLUMNS) - 2)]))
    file = tmp_path / "c.csv"
    file.write_text(f"{', '.join(names)}\n\n{',' * 24}\n{line}\n")
    assert [(n, c["kvk_number"], c["name"]) for n, c in rows_of(file)] == [(4, "90001354", "Voorbeeld BV")]


def test_what_excel_makes_of_cells(tmp_path: Path) -> None:
    given: dict[str, object] = dict.fromkeys(COLUMNS) | {
        "kvk_number": 68750110, "name": "Voorbeeld", "listed": False, "invited_on": datetime(2026, 5, 4),  # noqa: DTZ001
        "activated_on": date(2026, 5, 5), "sector": "=A1", "year_end": 31.5, "who_reports": ArrayFormula("A1", "=B1"),
    }  # fmt: skip
    [(number, cells)] = rows_of(write_xlsx(tmp_path / "c.XLSX", list(given.values())))
    assert number == 2
    assert {name: cell for name, cell in cells.items() if cell} == {
        "kvk_number": "68750110", "name": "Voorbeeld", "listed": "no", "invited_on": "2026-05-04",
        "activated_on": "2026-05-05", "sector": "=A1", "year_end": "31.5", "who_reports": "=",
    }  # fmt: skip


def test_columns_that_are_not_right_are_named_at_once(tmp_path: Path) -> None:
    header = ["kvk", "ABCD12EF34GH", *[name for name in COLUMNS[1:] if name != "sector"], "listed"]
    file = tmp_path / "c.csv"
    file.write_text(",".join(header) + "\n")
    said = "Columns unknown: column A “kvk”, column B; missing: kvk_number, sector; there twice: listed"
    assert why(file) == said
    assert why(write_xlsx(tmp_path / "c.xlsx", header=header)) == said


NO_HEADER = "The first row does not hold the names of the columns: see docs/registry.md, or make a template."


def test_a_file_without_header_is_not_quoted(tmp_path: Path) -> None:
    file = tmp_path / "c.csv"
    file.write_text("68750110,Voorbeeld,ABCD-12EF-34GH\n")
    assert why(file) == NO_HEADER
    file.write_text("")
    assert why(file) == NO_HEADER
    assert why(write_xlsx(tmp_path / "c.xlsx", header=["68750110"])) == NO_HEADER


def test_a_row_with_too_many_cells(tmp_path: Path) -> None:
    file = tmp_path / "c.csv"
    file.write_text(",".join(COLUMNS) + "\n90001354" + "," * len(COLUMNS) + "SECRET-1234\n")
    assert why(file) == "Row 2 has more cells than the header has columns: is a cell not in quotes?"


DAMAGED = "The file is not an XLSX, or it is damaged or protected."


def test_damaged_files(tmp_path: Path) -> None:
    latin = write_csv(tmp_path / "latin.csv", *ROWS, encoding="latin-1")
    assert why(latin) == "The file is not UTF-8: save it as “CSV UTF-8”."
    quoted = tmp_path / "quoted.csv"
    quoted.write_text(",".join(COLUMNS) + '\n"90001354')
    assert why(quoted).startswith("The file is not CSV (")
    for name, content in {
        "a": b"",
        "b": b"PK\x03\x04 no zip",
        "c": b"\xd0\xcf\x11\xe0 an old or protected one",
    }.items():
        file = tmp_path / f"{name}.xlsx"
        file.write_bytes(content)
        assert why(file) == DAMAGED
    with zipfile.ZipFile(tmp_path / "d.xlsx", "w") as empty:
        empty.writestr("hello", "no workbook")
    assert why(tmp_path / "d.xlsx") == DAMAGED
    whole = write_xlsx(tmp_path / "e.xlsx", ["90001354"]).read_bytes()
    (tmp_path / "f.xlsx").write_bytes(whole[: len(whole) // 2])
    assert why(tmp_path / "f.xlsx") == DAMAGED


def test_files_that_are_not_there_or_something_else(tmp_path: Path) -> None:
    assert why(tmp_path / "none.csv") == "The file cannot be read: No such file or directory."
    assert why(tmp_path / "c.xls") == "Only .csv and .xlsx can be read."
    (tmp_path / "folder.csv").mkdir()
    assert why(tmp_path / "folder.csv") == "The file cannot be read: Is a directory."


def with_sheet(file: Path, sheet: str) -> Path:
    """An XLSX whose first sheet is this XML."""
    whole = write_xlsx(file.with_suffix(".made.xlsx"))
    with zipfile.ZipFile(whole) as old, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, sheet if name == "xl/worksheets/sheet1.xml" else old.read(name))
    return file


SHEET = (
    '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>{}</sheetData></worksheet>'
)


def test_a_small_file_that_unpacks_to_a_flood(tmp_path: Path) -> None:
    flood = with_sheet(tmp_path / "c.xlsx", SHEET.format(" " * (files.MOST_UNPACKED_BYTES + 1)))
    assert flood.stat().st_size < 1_000_000
    assert why(flood) == "The file holds more than 400 MB when unpacked."


def test_entities_that_multiply(tmp_path: Path) -> None:
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    bomb = f'<!DOCTYPE x [<!ENTITY l0 "lol">{laughs}]>' + SHEET.format(
        '<row r="1"><c r="A1" t="inlineStr"><is><t>&l9;</t></is></c></row>'
    )
    assert why(with_sheet(tmp_path / "c.xlsx", bomb)) == DAMAGED


def test_a_sheet_that_lies_about_its_size(tmp_path: Path) -> None:
    cells = "".join(
        f'<c r="{files.get_column_letter(n)}1" t="inlineStr"><is><t>{name}</t></is></c>'
        for n, name in enumerate(COLUMNS, 1)
    )
    far = '<row r="99999999"><c r="XFD99999999" t="inlineStr"><is><t>x</t></is></c></row>'
    sheet = SHEET.format(f'<row r="1">{cells}</row><row r="3"><c r="A3"><v>90001354</v></c></row>{far}')
    file = with_sheet(tmp_path / "c.xlsx", sheet.replace("<sheetData>", '<dimension ref="A1:A1"/><sheetData>'))
    assert [(number, cells["kvk_number"]) for number, cells in rows_of(file)] == [(3, "90001354")]


def test_bounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = write_csv(tmp_path / "c.csv", *ROWS)
    monkeypatch.setattr(files, "MOST_ROWS", 1)
    assert why(file) == "The file has more than 1 rows: split it."
    monkeypatch.setattr(files, "MOST_BYTES", 10)
    assert why(file) == "The file is larger than 0 MB."


@pytest.mark.parametrize("name", ["t.csv", "t.xlsx"])
def test_the_template_can_be_read(tmp_path: Path, name: str) -> None:
    write_template(tmp_path / name)
    assert rows_of(tmp_path / name) == [(2, EXAMPLE)]
    with pytest.raises(BadFile, match="exists already"):
        write_template(tmp_path / name)


def test_a_template_where_none_can_be(tmp_path: Path) -> None:
    with pytest.raises(BadFile, match=r"\.csv or an \.xlsx"):
        write_template(tmp_path / "t.txt")
    with pytest.raises(BadFile, match="cannot be written"):
        write_template(tmp_path / "none" / "t.csv")
