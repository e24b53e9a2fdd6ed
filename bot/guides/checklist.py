"""A guide's checklist with the visitor's own dates, to print: an accessible PDF (PDF/UA-1), made with Typst."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

import typst

from bot.guides.deadlines import Deadline
from bot.guides.typesetting import by_name, options, settable
from bot.texts import text
from bot.texts.days import in_words

TEMPLATE = Path(__file__).with_suffix(".typ")


@dataclass(frozen=True)
class Line:
    """A line with a box."""

    title: str
    done: bool


def _with_weekday(day: date, language: str) -> str:
    return f"{text(f'weekday.{day.weekday()}', language).capitalize()} {in_words(day, language)}"


def contents(
    title: str, lines: Sequence[Line], deadlines: Sequence[Deadline], *, desk: str, language: str, today: date
) -> dict[str, Any]:
    """All that is on the paper, as the template reads it."""
    said = {
        "title": title,
        "made": text("checklist.made", language, date=in_words(today, language)),
        "to_do": text("checklist.to_do", language),
        "lines": [line.title for line in lines],
        "done": text("checklist.done", language),
        "dates": text("checklist.dates", language),
        "deadlines": [
            {
                "date": _with_weekday(deadline.due, language),
                "past": text("checklist.past", language) if deadline.past else "",
                "title": deadline.title[language],
                "source": text(
                    "checklist.source", language, document=deadline.document, where=deadline.where[language]
                ),
            }
            for deadline in deadlines
        ],
        "questions": text("checklist.questions", language),
        "desk": text(f"checklist.desk.{desk}", language),
        "no_advice": text("checklist.no_advice", language),
        "page": text("checklist.page", language),
    }
    return {**_settable(said), "ticked": [line.done for line in lines], "language": language}


def _settable(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _settable(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_settable(part) for part in value]
    return settable(value, by_name)


def checklist(
    title: str, lines: Sequence[Line], deadlines: Sequence[Deadline], *, desk: str, language: str, today: date
) -> bytes:
    """The checklist as a PDF on A4.

    title: of the guide. desk: `portal` or `charter`. today: the day on which it is made.
    deadlines: `document` is the title of the source in this language, not its key.

    Raises ValueError where the title is empty: an accessible document has one.
    """
    data = contents(title, lines, deadlines, desk=desk, language=language, today=today)
    if not data["title"]:
        raise ValueError("a checklist has a title")
    pdf: bytes = typst.compile(
        **options(TEMPLATE, data),
        format="pdf",
        pdf_standards=["ua-1"],
        timestamp=datetime.combine(today, time(), UTC),
    )
    return pdf
