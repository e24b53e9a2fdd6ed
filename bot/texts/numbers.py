"""Numbers as people write them."""

from __future__ import annotations


def number(value: int, language: str) -> str:
    """A whole number: 1.250 in Dutch, 1,250 in English."""
    grouped = f"{value:,}"
    return grouped.replace(",", ".") if language == "nl" else grouped


def share(part: float, language: str) -> str:
    """A part of one in whole percents: 12%."""
    return f"{number(round(part * 100), language)}%"
