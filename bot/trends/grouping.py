"""Groups questions that ask the same, by their vectors. The same input gives the same output, byte for byte.

Floating-point sums depend on their order, and with it on row order, block size and threads. So vectors are rounded to
whole numbers that are small enough for every product and every partial sum to be exact in float32 (below 2 to the
power of 24): whatever the machine, whatever the number of threads, the similarities are the same numbers.

The way of it: identical texts first; then each text joins the first text before it, in the order of their hashes, that
is nearly the same; then those small groups are joined, nearest first, as long as their centroids are near enough; at
last every text goes to the nearest centroid, or is left alone. Nothing compares all texts with all others, so that
time does not grow with the square of their number.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

Whole = npt.NDArray[np.float32]
"""Vectors of whole numbers, kept as float32 so that products are fast; shape (rows, dimensions)."""
Sums = npt.NDArray[np.int64]
Numbers = npt.NDArray[np.int64]
Progress = Callable[[str, int, int], None]
"""Told the stage, how many are done, and of how many."""

LENGTH = 4_000
"""Of a vector after rounding. Its square stays below 2 ** 24, also when rounding made the vector a little longer."""
NEARLY_THE_SAME = 0.75
"""Cosine from which two texts are wordings of one question: a typo, an order of words."""
SAME_QUESTION = 0.60
"""Cosine between a text and a centroid, or two centroids, from which they ask the same. Of questions that the encoder
never saw, four in five lie at least as near to the centre of their topic, and one in a hundred and twenty to another's;
much lower, and what is new comes out as more of something old (tests/trends/test_planted.py)."""
SAME_GROUP = 0.63
"""Cosine between two centroids from which they are one group, where both stand on several wordings. Much higher, and a
question that is asked in two languages or in very different words falls apart; much lower, and neighbours become one.
Of 10,000 demo questions, the planted trends have a mean F1 of 0.76 at 0.59 and 0.81 here; of 1,000, 0.84 here and 0.75
at 0.67."""
SEVERAL = 3
IN_VIEW = 8_000
"""So many small groups are compared with at most; of more, those of one text alone are let go first. They can still go
to a group in the end."""
_BLOCK = 2_048
_ROUNDS = 60
_REFINED = 3


@dataclass(frozen=True)
class Groups:
    """Which rows ask the same."""

    of_row: Numbers
    """The number of each row's group, or -1 for a row that is alone; shape (rows,)."""
    centroids: Whole
    """Shape (groups, dimensions), each of length `LENGTH`; the largest group first."""

    def __len__(self) -> int:
        return len(self.centroids)

    def members(self) -> list[Numbers]:
        """The rows of each group, ascending."""
        order = np.argsort(self.of_row, kind="stable")
        bounds = np.searchsorted(self.of_row[order], np.arange(len(self) + 1))
        return [order[start:end] for start, end in pairwise(bounds)]


def whole(vectors: npt.NDArray[np.floating]) -> Whole:
    """Vectors rounded to whole numbers and to length `LENGTH`; a vector of zeros stays one. Exact and repeatable."""
    found = np.empty(vectors.shape, dtype=np.float32)
    for start in range(0, len(vectors), _BLOCK):
        # To whole numbers first: a length summed in floating point may differ in its last bit between machines.
        fine = np.rint(vectors[start : start + _BLOCK].astype(np.float64) * 2.0**20).astype(np.int64)
        found[start : start + _BLOCK] = _to_length(fine)
    return found


def centroid(rows: Whole) -> Whole:
    """The centroid of rows of whole numbers, shape (dimensions,): the same in whatever order they come."""
    mean: Whole = _to_length(rows.astype(np.int64).sum(axis=0)[None])[0]
    return mean


def similarity(one: Whole, other: Whole) -> npt.NDArray[np.float32]:
    """Cosines between rows of whole numbers, shape (rows of one, rows of other): exact before the one division."""
    cosines: npt.NDArray[np.float32] = (one @ other.T) / np.float32(LENGTH * LENGTH)
    return cosines


def nearest(rows: Whole, centroids: Whole, at_least: float = SAME_QUESTION) -> Numbers:
    """The nearest centroid to each row, or -1 where none is near enough; the first of those that are equally near."""
    found = np.full(len(rows), -1, dtype=np.int64)
    if not len(centroids):
        return found
    least = _product(at_least)
    for start in range(0, len(rows), _BLOCK):
        products = rows[start : start + _BLOCK] @ centroids.T
        best = products.argmax(axis=1)
        near = products[np.arange(len(best)), best] >= least
        found[start : start + _BLOCK] = np.where(near, best, -1)
    return found


def group(
    vectors: npt.NDArray[np.floating],
    texts: Sequence[str],
    *,
    at_least: float = SAME_QUESTION,
    progress: Progress | None = None,
) -> Groups:
    """Groups of two rows or more. Which rows stand together does not depend on the order that they come in.

    vectors: shape (rows, dimensions), one for each text; identical texts count as the same row, whatever their vectors.
    """
    if len(vectors) != len(texts):
        raise ValueError(f"{len(texts)} texts, but {len(vectors)} vectors")
    if not len(texts):
        return Groups(np.empty(0, dtype=np.int64), np.empty((0, 0), dtype=np.float32))
    tell = progress or _in_silence
    text_of_row, first_rows, count = _distinct(texts)
    rows = whole(np.asarray(vectors)[first_rows])
    small = _small_groups(rows, tell)
    # Each wording counts once: a button that everybody presses must not drag the centroid to itself.
    sums = _sums(rows, small)
    seeds = _largest(small, count)
    joined = np.full(len(sums), -1, dtype=np.int64)
    joined[seeds] = _joined(sums[seeds], np.bincount(small)[seeds], at_least, tell)
    of_text = _refined(rows, joined[small], count, at_least)
    return _in_order(of_text, rows, count, text_of_row)


def _in_silence(_stage: str, _done: int, _of: int) -> None:
    pass


def _product(cosine: float) -> np.float32:
    """The product of two rows of whole numbers that stands for a cosine."""
    return np.float32(round(cosine * LENGTH * LENGTH))


def _to_length(sums: Sums) -> Whole:
    """Rows of whole numbers, brought to length `LENGTH`. Their squares are summed as integers, so exactly."""
    # 384 squares of 2 ** 26 stay well inside 64 bits.
    bits = np.frexp(np.abs(sums).max(axis=1, initial=0).astype(np.float64))[1]
    sums = sums >> np.maximum(bits - 26, 0)[:, None]
    lengths = np.sqrt((sums * sums).sum(axis=1).astype(np.float64))
    lengths[lengths == 0.0] = 1.0
    rows: Whole = np.rint(sums * (LENGTH / lengths)[:, None]).astype(np.float32)
    return rows


def _sums(rows: Whole, name: Numbers) -> Sums:
    """The sum of the rows of each name, shape (names, dimensions): float64 adds whole numbers of this size exactly."""
    columns = [np.bincount(name, weights=rows[:, column]) for column in range(rows.shape[1])]
    return np.stack(columns, axis=1).astype(np.int64)


def _distinct(texts: Sequence[str]) -> tuple[Numbers, Numbers, Numbers]:
    """For each row the number of its text; for each text, in the order of their hashes, its first row and its count."""
    hashes = np.array([hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=16).digest() for text in texts])
    _, first, inverse, count = np.unique(hashes, return_index=True, return_inverse=True, return_counts=True)
    return inverse.astype(np.int64), first.astype(np.int64), count.astype(np.int64)


def _small_groups(rows: Whole, tell: Progress) -> Numbers:
    """For each row the number of the first row before it that is nearly the same, renumbered from 0.

    A row joins the first such leader, not the nearest: with as little as a typo between them it does not matter.
    """
    least = _product(NEARLY_THE_SAME)
    total = len(rows)
    led_by = np.full(total, -1, dtype=np.int64)
    leaders = np.empty(0, dtype=np.int64)
    followers = np.zeros(total, dtype=np.int64)
    for start in range(0, total, _BLOCK):
        block = rows[start : start + _BLOCK]
        if len(leaders):
            _follow(block, rows[leaders], leaders, led_by[start : start + len(block)], least)
        alone = start + np.flatnonzero(led_by[start : start + len(block)] < 0)
        near = (rows[alone] @ rows[alone].T) >= least
        for number, row in enumerate(alone):
            if led_by[row] < 0:
                mine = alone[near[number] & (led_by[alone] < 0)]
                led_by[mine] = row
        fresh = alone[led_by[alone] == alone]
        np.add.at(followers, led_by[start : start + len(block)], 1)
        leaders = _in_view(np.concatenate([leaders, fresh]), followers)
        tell("looking for wordings", min(start + _BLOCK, total), total)
    return np.unique(led_by, return_inverse=True)[1].astype(np.int64)


def _follow(block: Whole, shown: Whole, leaders: Numbers, led_by: Numbers, least: np.float32) -> None:
    """Lets each row of a block follow its nearest leader, where one is nearly the same."""
    best = np.full(len(block), -1.0, dtype=np.float32)
    whose = np.zeros(len(block), dtype=np.int64)
    for at in range(0, len(leaders), 2 * _BLOCK):
        products = block @ shown[at : at + 2 * _BLOCK].T
        here = products.argmax(axis=1)
        value = products[np.arange(len(block)), here]
        better = value > best
        best[better], whose[better] = value[better], leaders[at + here[better]]
    follows = best >= least
    led_by[follows] = whose[follows]


def _in_view(leaders: Numbers, followers: Numbers) -> Numbers:
    """The leaders that are kept in view: all, or so many that those with one text alone, the oldest first, go."""
    over = len(leaders) - IN_VIEW
    if over <= 0:
        return leaders
    lonely = np.flatnonzero(followers[leaders] == 1)[:over]
    return np.delete(leaders, lonely)


def _largest(small: Numbers, count: Numbers) -> Numbers:
    """The small groups that are joined: all, or where there are more than can be compared, the most asked ones."""
    asked = np.zeros(small.max() + 1, dtype=np.int64)
    np.add.at(asked, small, count)
    return np.sort(np.argsort(-asked, kind="stable")[:IN_VIEW])


def _joined(sums: Sums, wordings: Numbers, at_least: float, tell: Progress) -> Numbers:
    """For each small group the number of the group that it ends up in.

    In rounds: every two that are each other's nearest are joined, if near enough. Afterwards only what changed is
    compared again.
    """
    count = len(sums)
    into = np.arange(count)
    sums, wordings = sums.copy(), wordings.copy()
    centroids = _to_length(sums)
    alive = np.ones(count, dtype=bool)
    best = np.full(count, -np.inf, dtype=np.float32)
    whose = np.full(count, -1, dtype=np.int64)
    changed = np.arange(count)
    for number in range(_ROUNDS):
        _look(centroids, alive, changed, best, whose)
        pairs = _each_others(best, whose, alive, wordings, at_least)
        if not len(pairs):
            break
        kept, gone = pairs.T
        sums[kept] += sums[gone]
        wordings[kept] += wordings[gone]
        into[gone], alive[gone] = kept, False
        centroids[kept] = _to_length(sums[kept])
        touched = np.zeros(count, dtype=bool)
        touched[pairs.ravel()] = True
        lost = alive & (whose >= 0) & touched[np.maximum(whose, 0)]
        changed = np.flatnonzero(alive & (touched | lost))
        tell("joining", number + 1, _ROUNDS)
    while not np.array_equal(into, into[into]):
        into = into[into]
    return into


def _look(
    centroids: Whole, alive: npt.NDArray[np.bool_], changed: Numbers, best: npt.NDArray[np.float32], whose: Numbers
) -> None:
    """Finds the nearest of each that changed, and lets the others see whether one that changed is nearer now."""
    others = np.flatnonzero(alive)
    shown = centroids[others]
    place = np.full(len(alive), -1, dtype=np.int64)
    place[others] = np.arange(len(others))
    for start in range(0, len(changed), _BLOCK):
        mine = changed[start : start + _BLOCK]
        products = centroids[mine] @ shown.T
        products[np.arange(len(mine)), place[mine]] = -np.inf
        here = products.argmax(axis=1)
        best[mine], whose[mine] = products[np.arange(len(mine)), here], others[here]
        theirs = products.argmax(axis=0)
        value = products[theirs, np.arange(len(others))]
        # Of two that are equally near, the one with the lower number, as argmax does in a row.
        nearer = (value > best[others]) | ((value == best[others]) & (mine[theirs] < whose[others]))
        best[others[nearer]], whose[others[nearer]] = value[nearer], mine[theirs[nearer]]


def _each_others(
    best: npt.NDArray[np.float32], whose: Numbers, alive: npt.NDArray[np.bool_], wordings: Numbers, at_least: float
) -> Numbers:
    """Pairs that are each other's nearest and near enough, the lower number first; shape (pairs, 2)."""
    ones = np.flatnonzero(alive & (best >= _product(at_least)))
    ones = ones[(whose[whose[ones]] == ones) & (ones < whose[ones])]
    fewest = np.minimum(wordings[ones], wordings[whose[ones]])
    ones = ones[(fewest < SEVERAL) | (best[ones] >= _product(max(at_least, SAME_GROUP)))]
    return np.stack([ones, whose[ones]], axis=1)


def _refined(rows: Whole, of_text: Numbers, count: Numbers, at_least: float) -> Numbers:
    """Every text with the nearest centroid of a group, or -1; a few times over, as centroids move a little."""
    for _ in range(_REFINED):
        names, inverse = np.unique(of_text, return_inverse=True)
        asked = np.zeros(len(names), dtype=np.int64)
        np.add.at(asked, inverse, count)
        keeps = (asked >= 2) & (names >= 0)
        of_text = nearest(rows, _to_length(_sums(rows, inverse)[keeps]), at_least)
    return of_text


def _in_order(of_text: Numbers, rows: Whole, count: Numbers, text_of_row: Numbers) -> Groups:
    """Numbers the groups: the most asked first, then in the order of their first text."""
    found = []
    for name in np.unique(of_text[of_text >= 0]):
        texts = np.flatnonzero(of_text == name)
        asked = int(count[texts].sum())
        if asked >= 2:
            found.append((-asked, int(texts[0]), texts))
    found.sort(key=lambda one: one[:2])
    numbered = np.full(len(rows), -1, dtype=np.int64)
    centroids = np.empty((len(found), rows.shape[1]), dtype=np.float32)
    for number, (_, _, texts) in enumerate(found):
        numbered[texts] = number
        centroids[number] = centroid(rows[texts])
    return Groups(numbered[text_of_row], centroids)
