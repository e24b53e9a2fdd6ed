"""Sets a template as an accessible PDF (PDF/UA-1). In the process that draws: see bot/trends/drawing.py."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import typst

from bot.guides.typesetting import options


def typeset(template: Path, data: Any, day: str) -> bytes:
    """The PDF of a template with its data. day: the date that it carries, 2026-11-21, so that it is always the same."""
    made = typst.compile(
        **options(template, data),
        format="pdf",
        pdf_standards=["ua-1"],
        timestamp=datetime.fromisoformat(day).replace(tzinfo=UTC),
    )
    return cast("bytes", made)
