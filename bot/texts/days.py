"""A day in words."""

from __future__ import annotations

from datetime import date

from bot.texts import text


def in_words(day: date, language: str) -> str:
    """A day as people write it: 30 juli 2027, 30 July 2027."""
    return f"{day.day} {text(f'month.{day.month}', language)} {day.year}"
