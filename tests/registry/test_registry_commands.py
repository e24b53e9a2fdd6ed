"""`bin/wegwijzer`, run as staff run it. No code of a file shows up in what it prints, writes or keeps."""

from __future__ import annotations

import os
import re
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy.exc import IntegrityError

from bot.commands import _of_database, parser
from bot.registry.columns import COLUMNS
from tests.registry.conftest import Registry, row, write_csv
from tests.running import ROOT

CODE = "QWER-12TY-34UI"
PAGE = (ROOT / "docs" / "registry.md").read_text()


@dataclass
class Staff:
    """Somebody at a terminal."""

    url: str
    folder: Path

    def run(self, *words: str | Path) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "DATABASE_URL": self.url, "SERVER_KEY_FILE": str(self.folder / "server.key")}
        return subprocess.run(
            [ROOT / "bin" / "wegwijzer", *words],
            cwd=self.folder, env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip


@pytest.fixture
def staff(empty_database_url: str, tmp_path: Path) -> Staff:
    return Staff(empty_database_url, tmp_path)


def test_a_template_can_be_loaded_twice(staff: Staff) -> None:
    assert staff.run("template", "companies", "t.xlsx").returncode == 0
    dry = staff.run("import", "companies", "t.xlsx", "--dry-run")
    assert "Would be created: 1, updated: 0, unchanged: 0.\nA dry run: nothing was written." in dry.stdout
    first, second = (staff.run("import", "companies", "t.xlsx") for _ in range(2))
    assert first.stdout == "created: 1, updated: 0, unchanged: 0.\n"
    assert second.stdout == "created: 0, updated: 0, unchanged: 1.\n"
    assert "1 rows written" in first.stderr
    assert (first.returncode, second.returncode) == (0, 0)


BAD = [
    row("90001354", activation_code=CODE, name="=cmd", legal_form="cv", sector=f"code {CODE} of the letter\n"),
    row("9000476", activation_code=CODE.lower(), listed=CODE, legal_form="qwer12ty34ui"),
    row("90004760", activation_code="+49 70", year_end="+49 70", listed="@here"),
    *(row(f"9000{n:04}", listed="?") for n in range(20)),
]


def test_bad_rows_are_reported_and_codes_are_not(staff: Staff) -> None:
    file = write_csv(staff.folder / "companies.csv", *BAD)
    done = staff.run("import", "companies", file)
    assert done.returncode == 1
    assert done.stdout == ""
    said = done.stderr.splitlines()
    assert "row 2, legal_form: “cv” not one of: nv, bv, other" in said
    assert "row 3, activation_code: (not shown) the same" not in done.stderr, "the row has no number to compare by"
    assert any(re.fullmatch(r"… and \d+ more", line) for line in said)
    report = staff.folder / "companies.problems.csv"
    assert said[-1] == f"All of them: {report}"
    assert stat.S_IMODE(report.stat().st_mode) == 0o600
    written = report.read_text(encoding="utf-8-sig")
    assert written.startswith("row;column;value;reason\n")
    assert "2;name;'=cmd;a formula" in written
    assert len(written.splitlines()) == 1 + int(re.search(r"(\d+) problems in 23 rows", done.stderr)[1])  # type: ignore[index]
    for text in (done.stderr, written):
        for secret in (CODE, CODE.lower(), "qwer12ty34ui", "12TY", "+49 70"):
            assert secret not in text
    for kept in staff.folder.iterdir():
        if kept != file:
            assert CODE.encode() not in kept.read_bytes(), kept.name


def test_a_report_that_cannot_be_written(staff: Staff) -> None:
    file = write_csv(staff.folder / "c.csv", *BAD)
    (staff.folder / "c.problems.csv").mkdir()
    done = staff.run("import", "companies", file)
    assert done.returncode == 1
    assert "They could not be written beside the file: Is a directory." in done.stderr


def test_a_good_file_leaves_its_codes_nowhere(staff: Staff) -> None:
    file = write_csv(staff.folder / "c.csv", row("90001354", activation_code=CODE))
    done = staff.run("import", "companies", file)
    assert done.returncode == 0, done.stderr
    assert CODE not in done.stdout + done.stderr
    for kept in staff.folder.iterdir():
        content = kept.read_bytes().upper()
        assert kept == file or not (CODE.encode() in content or CODE.replace("-", "").encode() in content), kept.name


def test_wrong_words_and_wrong_settings(staff: Staff) -> None:
    assert staff.run().returncode == 2
    assert staff.run("import", "staff").returncode == 2
    gone = staff.run("import", "companies", "none.csv")
    assert (gone.returncode, gone.stderr) == (1, "The file cannot be read: No such file or directory.\n")
    staff.url = "sqlite:////proc/none/x.db"
    nowhere = staff.run("demo", "companies")
    assert nowhere.returncode == 1
    assert "Traceback" not in nowhere.stderr


def test_demo_companies_come_with_a_code_to_try(staff: Staff) -> None:
    first, second = staff.run("demo", "companies"), staff.run("demo", "companies")
    assert first.stdout.startswith("Demo companies: 13 created, 0 updated.\nTo try it: KVK number 68750110, ")
    assert second.stdout == first.stdout.splitlines(keepends=True)[1]
    staff.run("import", "companies", write_csv(staff.folder / "c.csv", row("12345678")))
    assert staff.run("demo", "companies").stdout.startswith("The registry holds other companies")


def test_errors_of_the_database_quote_nothing(registry: Registry) -> None:
    registry.load(row("90001354", contact_1_name="V", contact_1_email="vera@example.nl"))
    with pytest.raises(IntegrityError) as wrong:
        registry.rows("INSERT INTO contacts VALUES ('x', 'vera@example.nl', 'V', 'none')")
    said = _of_database(wrong.value)
    assert said.startswith("Nothing was changed: the database did not do it (IntegrityError")
    assert "vera" not in said


def test_every_column_is_in_the_docs() -> None:
    assert re.findall(r"^\| `(\w+)` \|", PAGE, flags=re.MULTILINE) == list(COLUMNS)


def leaves() -> list[str]:
    """Every command, as its words."""
    [verbs] = [action.choices for action in parser()._subparsers._group_actions]  # type: ignore[union-attr]
    return [
        f"{verb} {thing}"
        for verb, sub in verbs.items()
        for action in sub._subparsers._group_actions
        for thing in action.choices
    ]


def test_every_command_is_in_the_docs() -> None:
    assert len(leaves()) >= 3
    everything = PAGE + "".join(page.read_text() for page in (ROOT / "docs").glob("*.md"))
    assert [words for words in leaves() if f"`bin/wegwijzer {words}" not in everything] == []
