"""What of a count may be shown. The only place that knows; everything that is shown of trends has come through here.

Four rules, all of them about askers, not about questions:

1. A number is shown only where at least so many different askers make it up.
2. What is left over when everything that is shown is taken from its total is nobody, or at least so many askers too:
   where it is fewer, the smallest numbers are held back as well, until there are enough to hide among. A total is that
   of a partition's parts, of all topics, or of all recurring questions.
3. The same over time: a longer period counts what its shorter ones showed, and of the rest nothing, or at least so many
   askers together.
4. Every number is rounded to five, on its own, so that numbers do not add up to the unit.

Rules 1 to 3 hold for the numbers as they were before they were rounded; rounding only takes away more.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

BASE = 5

Rows = Set[int]
"""Numbers of questions."""


def rounded(count: int) -> int:
    """To the nearest multiple of five."""
    return (count + BASE // 2) // BASE * BASE


@dataclass(frozen=True)
class Line:
    """A total and numbers that are parts of it: whoever has both can subtract."""

    total: Hashable
    parts: tuple[Hashable, ...]
    beside: Rows = frozenset()
    """What the parts hold that never was in the total: then it is askers that are subtracted, too."""


class Askers:
    """Counts the different askers behind questions, and knows how many are enough."""

    def __init__(self, asker_of: Sequence[Hashable], least: int) -> None:
        self._asker_of, self.least = asker_of, least

    def count(self, rows: Iterable[int]) -> int:
        """How many different askers."""
        return len({self._asker_of[row] for row in rows})

    def without(self, rows: Rows, others: Rows) -> Rows:
        """Those of `rows` whose asker stands in none of the others."""
        known = {self._asker_of[row] for row in others}
        return {row for row in rows if self._asker_of[row] not in known}

    def enough(self, rows: Rows) -> bool:
        """Whether there are so many different askers that they may be shown."""
        if len(rows) < self.least:
            return False
        found = set()
        for row in rows:
            found.add(self._asker_of[row])
            if len(found) >= self.least:
                return True
        return False

    def too_few(self, rows: Rows) -> bool:
        """Whether somebody stands in them, but not so many that they may be shown."""
        return bool(rows) and not self.enough(rows)


def shown(
    cells: Mapping[Any, Rows], lines: Sequence[Line], askers: Askers, tied: Sequence[tuple[Hashable, Hashable]] = ()
) -> set[Hashable]:
    """Which cells may be shown: those with enough askers, without those that would give away another by subtraction.

    lines: in a fixed order, for the outcome depends on it.
    tied: cells that hold the same, under two names: none is shown without the other.
    """
    visible: set[Hashable] = {key for key, rows in cells.items() if askers.enough(rows)}
    changed = True
    while changed:
        changed = False
        for line in lines:
            changed |= _hide(line, cells, visible, askers)
        for pair in tied:
            if len(visible.intersection(pair)) == 1:
                visible.difference_update(pair)
                changed = True
    return visible


def _hide(line: Line, cells: Mapping[Any, Rows], visible: set[Hashable], askers: Askers) -> bool:
    """Hides so many parts of one line as it takes; tells whether any."""
    if line.total not in visible:
        return False
    total = cells[line.total]
    parts = sorted(
        (part for part in line.parts if part in visible),
        key=lambda part: (askers.count(cells[part]), len(cells[part]), repr(part)),
    )
    hidden = False
    while parts:
        together = set[int]().union(*(cells[part] for part in parts))
        # The second is seldom: a part may count what its total left out, see rule 3.
        left = [total - together, together - total - line.beside]
        if line.beside:
            left.append(askers.without(total, together))
        if not any(map(askers.too_few, left)):
            break
        visible.discard(parts.pop(0))
        hidden = True
    return hidden


def over_time(rows: Rows, showed: Rows, askers: Askers) -> Rows:
    """Those of a period's questions that its number counts, by rule 3.

    showed: those that a number of a shorter period inside it counts already.
    """
    rest = rows - showed
    return rows if askers.enough(rest) or not rest else showed & rows
