"""Questions that partners bring, as a CSV: checked row by row, loaded all or nothing, the same file only once."""

from __future__ import annotations

import csv
import hashlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from sqlalchemy import Engine, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from bot.answers.knowledge import LANGUAGES, Knowledge
from bot.database.types import new_id, now
from bot.helpdesk.logging_questions import LONGEST_NAME, names_a_referral
from bot.helpdesk.models import REFERRED_TO
from bot.registry.report import BadFile, BadRows
from bot.registry.rows import Problem, tidy
from bot.trends.askers import new_asker
from bot.trends.log import Asked, take_sure_topic
from bot.trends.models import SIZES, TrendImport, TrendQuestion

if TYPE_CHECKING:
    from bot.answers.engine import AnswerEngine
    from bot.trends.log import QuestionLog

COLUMNS = (
    *("text", "asked_on", "language", "asker", "signatory", "size", "need", "topic"),
    *("referred_to", "referred_name"),
)
"""The first two are needed. asker: a number of the partner's own for who asked, the same in each row of theirs."""
NEEDED = COLUMNS[:2]
MOST_ROWS = 20_000
MOST_BYTES = 20_000_000
LONGEST_TEXT, LONGEST_NEED, LONGEST_ASKER = 2000, 300, 100
REFERRER = re.compile(r"[a-z0-9][a-z0-9._-]{0,39}")

_YES_NO = {"yes": True, "ja": True, "true": True, "no": False, "nee": False, "false": False}
_LONGEST_CELL = 10_000

Progress = Callable[[str, int], None]
Value = TypeVar("Value")


class BadReferrer(ValueError):
    """Not a name for a partner."""


@dataclass(frozen=True)
class Row:
    """A row that is right."""

    text: str
    asked_on: date
    language: str
    asker: str
    is_signatory: bool | None
    size: str | None
    need: str | None
    topic: str | None
    referred_to: str | None = None
    referred_name: str | None = None


@dataclass(frozen=True)
class Imported:
    """What became of a file."""

    rows: int
    before: datetime | None = None
    """When the same file was imported already; then nothing was changed."""


def file_hash(file: Path) -> str:
    """Of what the file holds. Raises BadFile."""
    try:
        if file.stat().st_size > MOST_BYTES:
            raise BadFile(f"The file is larger than {MOST_BYTES // 1_000_000} MB: split it.")
        return hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError as problem:
        raise BadFile(f"The file cannot be read: {problem.strerror}.") from None


def read(file: Path, knowledge: Knowledge, today: date, keep_days: int, code_pattern: str) -> list[Row]:
    """The rows of a file. Raises BadFile for the file as a whole, BadRows for rows.

    today: of Amsterdam. keep_days: a question that is older would be erased at once. code_pattern: what is not shown of
    a cell that is wrong.
    """
    rows: list[Row] = []
    problems: list[Problem] = []
    for number, cells in _records(file):
        checked = _Check(number, cells, knowledge, today, keep_days)
        row = checked.row()
        problems += checked.problems
        if not checked.problems:
            rows.append(row)
    if problems:
        raise BadRows(problems, {}, code_pattern)
    if not rows:
        raise BadFile("The file has no questions.")
    return rows


def _records(file: Path) -> Iterator[tuple[int, Mapping[str, str]]]:
    try:
        with file.open(encoding="utf-8-sig", newline="") as source:
            header = source.readline(_LONGEST_CELL)
            delimiter = ";" if header.count(";") > header.count(",") else ","
            names = [tidy(name).lower() for name in next(csv.reader([header], delimiter=delimiter, strict=True), [])]
            while names and not names[-1]:
                names.pop()
            _check_header(names)
            reader = csv.reader(source, delimiter=delimiter, strict=True)
            for count, cells in enumerate((cells for cells in reader if any(map(tidy, cells))), 1):
                if count > MOST_ROWS:
                    raise BadFile(f"The file has more than {MOST_ROWS:,} questions: split it.")
                if any(map(tidy, cells[len(names) :])):
                    raise BadFile(f"Row {count + 1} has more cells than the first row: is a text not in quotes?")
                yield count + 1, dict(zip(names, cells, strict=False))
    except UnicodeDecodeError:
        raise BadFile("The file is not UTF-8: save it as “CSV UTF-8”.") from None
    except csv.Error as problem:
        raise BadFile(f"The file is not CSV ({problem}).") from None
    except OSError as problem:
        raise BadFile(f"The file cannot be read: {problem.strerror}.") from None


def _check_header(names: Sequence[str]) -> None:
    wrong = {
        "missing": [column for column in NEEDED if column not in names],
        "there twice": sorted({name for name in names if names.count(name) > 1}),
        "unknown": [f"number {place}" for place, name in enumerate(names, 1) if name not in COLUMNS],
    }
    if any(wrong.values()):
        said = "; ".join(f"{what}: {', '.join(which)}" for what, which in wrong.items() if which)
        raise BadFile(f"The first row must name the columns. {said}. Possible are {', '.join(COLUMNS)}.")


class _Check:
    """Reads the cells of a row, and collects what is wrong with them."""

    def __init__(
        self, number: int, cells: Mapping[str, str], knowledge: Knowledge, today: date, keep_days: int
    ) -> None:
        self._number, self._cells = number, cells
        self._knowledge, self._today, self._keep_days = knowledge, today, keep_days
        self.problems: list[Problem] = []

    def _wrong(self, column: str, reason: str) -> None:
        # A question may name somebody: what it says is not repeated in a report.
        value = "" if column in ("text", "need", "asker", "referred_name") else self._cells.get(column, "")
        self.problems.append(Problem(self._number, column, value, reason))

    def _cell(self, column: str, longest: int = 100) -> str:
        value = " ".join(tidy(self._cells.get(column, "")).split())
        if len(value) > longest:
            self._wrong(column, f"is longer than {longest} signs")
        return value

    def row(self) -> Row:
        """What the row says; worth something only where there are no problems."""
        text = self._cell("text", LONGEST_TEXT)
        if not text:
            self._wrong("text", "is empty")
        return Row(
            text=text, asked_on=self._day(), language=self._language(text), asker=self._cell("asker", LONGEST_ASKER),
            is_signatory=self._one_of("signatory", _YES_NO, "yes or no"),
            size=self._one_of("size", {size: size for size in SIZES}, " or ".join(SIZES)),
            need=self._cell("need", LONGEST_NEED) or None,
            topic=self._topic(),
            referred_to=self._one_of("referred_to", {to: to for to in REFERRED_TO}, " or ".join(REFERRED_TO)),
            referred_name=self._referred_name(),
        )  # fmt: skip

    def _day(self) -> date:
        said = self._cell("asked_on")
        parts = re.fullmatch(r"(\d{4})-(\d{1,2})-(\d{1,2})", said) or re.fullmatch(
            r"(?P<d>\d{1,2})-(?P<m>\d{1,2})-(?P<y>\d{4})", said
        )
        try:
            if parts is None:
                raise ValueError
            named = parts.groupdict() or {"y": parts[1], "m": parts[2], "d": parts[3]}
            day = date(int(named["y"]), int(named["m"]), int(named["d"]))
        except ValueError:
            self._wrong("asked_on", "is not a day such as 2026-05-04")
            return self._today
        if day > self._today:
            self._wrong("asked_on", "is in the future")
        elif day <= self._today - timedelta(days=self._keep_days):
            self._wrong("asked_on", f"is longer ago than the {self._keep_days} days that questions are kept")
        return day

    def _language(self, text: str) -> str:
        said = self._cell("language").lower()
        if said and said not in LANGUAGES:
            self._wrong("language", f"is not {' or '.join(LANGUAGES)}")
        # Its detector is large, and the other commands do without.
        from bot.conversations.language import certain_language

        return said or certain_language(text) or "nl"

    def _one_of(self, column: str, values: Mapping[str, Value], expected: str) -> Value | None:
        said = self._cell(column).lower()
        if said and said not in values:
            self._wrong(column, f"is not {expected}")
        return values.get(said)

    def _topic(self) -> str | None:
        said = self._cell("topic", 120)
        if said and said not in self._knowledge.topics:
            self._wrong("topic", "is not a topic of the knowledge")
        return said or None

    def _referred_name(self) -> str | None:
        name, to = self._cell("referred_name", LONGEST_NAME), self._cell("referred_to").lower()
        if not names_a_referral(to or None, name, self._knowledge.materials):
            self._wrong("referred_name", "is not a material of the knowledge" if to else "stands without referred_to")
        return name or None


class Importer:
    """Puts rows into the log under a partner's name."""

    def __init__(self, engine: Engine, answers: AnswerEngine, log: QuestionLog) -> None:
        self._engine, self._answers, self._log = engine, answers, log

    def add(self, rows: Sequence[Row], referrer: str, hash_: str, progress: Progress) -> Imported:
        """Redacts, encodes and keeps the rows, all or none. The same file again changes nothing.

        Where the partner names no topic, the one is taken that would answer the question for sure.
        Raises BadReferrer.
        """
        if not REFERRER.fullmatch(referrer):
            raise BadReferrer("A referrer is a short name in lower case, such as awvn or vno-ncw.")
        if before := imported_before(self._engine, referrer, hash_):
            return before
        import_id = new_id()
        askers: dict[str, str] = {}
        questions: list[TrendQuestion] = []
        for count, row in enumerate(rows, 1):
            asker_id = askers.setdefault(row.asker, new_asker()) if row.asker else new_asker()
            questions.append(self._question(row, referrer, asker_id, import_id))
            progress("read", count)
        try:
            with Session(self._engine) as session, session.begin():
                session.add(
                    TrendImport(id=import_id, referrer=referrer, file_hash=hash_, rows=len(rows), imported_at=now())
                )
                session.flush()
                session.add_all(questions)
        except IntegrityError:
            # Somebody imported the same file at the same time.
            if before := imported_before(self._engine, referrer, hash_):
                return before
            raise
        progress("kept", len(rows))
        return Imported(len(rows))

    def _question(self, row: Row, referrer: str, asker_id: str, import_id: str) -> TrendQuestion:
        question = self._log.prepared(
            Asked(
                text=row.text, language=row.language, asked_on=row.asked_on, channel="partner", asker_id=asker_id,
                referrer=referrer, is_signatory=row.is_signatory, size=row.size, topic=row.topic, need=row.need,
                referred_to=row.referred_to, referred_name=row.referred_name, import_id=import_id,
            )
        )  # fmt: skip
        take_sure_topic(question, self._answers)
        return question


def imported_before(engine: Engine, referrer: str, hash_: str) -> Imported | None:
    """When this file was imported for this partner already."""
    with Session(engine.execution_options(writes=False)) as session:
        query = select(TrendImport).where(TrendImport.referrer == referrer, TrendImport.file_hash == hash_)
        known = session.scalar(query)
        return Imported(known.rows, known.imported_at) if known else None
