"""What was wrong with a file, for the screen and in a file beside it. What may be an activation code is not shown."""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from bot.conversations.masking import MASK, mask_codes
from bot.registry.codes import normal_code
from bot.registry.columns import COLUMNS
from bot.registry.rows import Problem, tidy

ON_SCREEN = 20
LONGEST_SHOWN = 80
LONGEST_READ = 1000
NOT_SHOWN = "(not shown)"

_LIKE_A_CODE = re.compile(r"\b(?=[\w-]*\d)(?=[\w-]*[^\W\d_])\w[\w-]{6,}")
"""Letters and digits together. Codes that were put in another column must not be shown there either."""


class BadFile(Exception):
    """The file as a whole cannot be read; the text says why, without what it holds."""


class BadRows(Exception):
    """Rows that cannot be loaded; nothing was."""

    def __init__(self, problems: Iterable[Problem], codes: Mapping[int, str], code_pattern: str) -> None:
        """codes: the normal form of the code in each row, so that none of them is shown."""
        order = {column: place for place, column in enumerate(COLUMNS)}
        known = frozenset(codes.values())
        ordered = sorted(problems, key=lambda problem: (problem.row, order.get(problem.column, len(order))))
        self.problems = tuple(
            replace(problem, value=_shown(problem, codes.get(problem.row), known, code_pattern)) for problem in ordered
        )
        """In the order of the file, with values that may be shown."""
        super().__init__(f"{self.rows} rows are not right, with {len(self.problems)} problems")

    @property
    def rows(self) -> int:
        """How many rows have a problem."""
        return len({problem.row for problem in self.problems})

    def lines(self) -> list[str]:
        """The first problems, each in a line, and how many there are."""
        lines = [
            f"row {problem.row}, {problem.column}: {f'“{problem.value}” ' if problem.value else ''}{problem.reason}"
            for problem in self.problems[:ON_SCREEN]
        ]
        if len(self.problems) > ON_SCREEN:
            lines.append(f"… and {len(self.problems) - ON_SCREEN:,} more")
        return lines

    def save(self, file: Path) -> None:
        """Writes all problems as CSV, for the owner alone: they hold names and addresses. Raises OSError."""
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8-sig", newline="") as output:
            file.chmod(0o600)
            writer = csv.writer(output, delimiter=";")
            writer.writerow(("row", "column", "value", "reason"))
            writer.writerows((p.row, p.column, _as_text(p.value), p.reason) for p in self.problems)


def report_file(file: Path) -> Path:
    """Where the problems of a file are written: beside it."""
    return file.with_name(f"{file.stem}.problems.csv")


def conceal(text: str, code_pattern: str) -> str:
    """A text without what looks like a code."""
    return _LIKE_A_CODE.sub(MASK, mask_codes(text, code_pattern)[0])


def _shown(problem: Problem, code: str | None, codes: Collection[str], code_pattern: str) -> str:
    """The value of a cell as it may be shown."""
    text = " ".join(tidy(problem.value[:LONGEST_READ]).split())
    if not text:
        return ""
    normal = normal_code(text)
    if problem.column == "activation_code" or normal in codes or (code and code in normal):
        return NOT_SHOWN
    words = (normal_code(word) for word in re.split(r"[\s;,:=]+", text))
    if any(word in codes for word in words):
        return NOT_SHOWN
    shown = conceal(text, code_pattern)
    return shown if len(shown) <= LONGEST_SHOWN else f"{shown[:LONGEST_SHOWN]}…"


def _as_text(value: str) -> str:
    """A value that a spreadsheet takes for text, not for a formula."""
    return f"'{value}" if value.startswith(("=", "+", "-", "@")) else value
