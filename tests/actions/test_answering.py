"""Which of the offered topics somebody means."""

from __future__ import annotations

import pytest

from bot.actions.answering import place_named


@pytest.mark.parametrize(
    ("said", "place"),
    [
        ("de eerste", 0),
        ("de tweede graag", 1),
        ("doe maar nummer 3", 2),
        ("2", 1),
        ("één", 0),
        ("the first one", 0),
        ("the second one please", 1),
        ("number one", 0),
        ("option two", 1),
        ("the last one", -1),
        ("de onderste", -1),
        ("that one", None),
        ("een andere", None),
        ("de eerste of de tweede", None),
        ("geen idee", None),
    ],
)
def test_place_named(said: str, place: int | None) -> None:
    assert place_named(said) == place
