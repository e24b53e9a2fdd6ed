"""Which of the things that were offered is meant: "de tweede", "number 3", "the last one"."""

from __future__ import annotations

import re

_PLACES = {
    0: {"eerste", "1e", "1ste", "first", "1st", "één", "een", "one", "bovenste", "top", "1"},
    1: {"tweede", "2e", "2de", "second", "2nd", "twee", "two", "middelste", "middle", "2"},
    2: {"derde", "3e", "3de", "third", "3rd", "drie", "three", "3"},
    3: {"vierde", "4e", "4de", "fourth", "4th", "vier", "four", "4"},
    4: {"vijfde", "5e", "5de", "fifth", "5th", "vijf", "five", "5"},
    5: {"zesde", "6e", "6de", "sixth", "6th", "zes", "six", "6"},
    -1: {"laatste", "onderste", "last", "bottom"},
}
_AROUND = {
    "de", "het", "die", "dat", "nummer", "optie", "keuze", "antwoord", "onderwerp", "ik", "bedoel", "doe", "neem",
    "kies", "graag", "maar", "is", "voor", "the", "that", "number", "option", "choice", "topic", "one", "i", "mean",
    "take", "choose", "please", "let", "s", "go", "for", "it",
}  # fmt: skip
"""Words that may stand around a place where nothing else is said."""


def place_named(said: str) -> int | None:
    """Which place a text names: 0 to 5 from the top, -1 for the last; None for no place, or more than one.

    "One" on its own is a number, behind another word ("the last one", "that one") it is not.
    """
    words = re.findall(r"\w+", said.lower())
    if len(words) > 1 and words[-2] not in ("number", "option", "choice"):
        words = [word for word in words if word != "one"]
    if len(words) > 1:
        words = [word for word in words if word != "een"]  # An article, in a sentence.
    found = {place for place, names in _PLACES.items() if names & set(words)}
    return found.pop() if len(found) == 1 else None


def only_a_place(said: str) -> int | None:
    """The place that a text names where it says nothing else: "doe de tweede maar", and not "wat is de tweede stap"."""
    words = set(re.findall(r"\w+", said.lower()))
    place = place_named(said)
    if place is None or "?" in said or words - _AROUND - _PLACES[place]:
        return None
    return place
