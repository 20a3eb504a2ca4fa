"""From pairs to groups. All pictures of a group are the same as one of them, so chains of look-alikes are no groups."""

import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TYPE_CHECKING, Final

import numpy as np

from yunmeng.apps.duplicates.pairs import RADIUS, Candidates, Pair
from yunmeng.concurrency import bounded_map

if TYPE_CHECKING:
    from yunmeng.apps.duplicates.judging import Judge

__all__ = ["grouped"]

_ROUND: Final = 64
"""Pairs that are judged before it is looked which of the others are settled by them."""
_REFUSALS: Final = 8
"""Pairs of a picture that turn out to be two, after which its other pairs are let be."""


class _Components:
    """Connected components: sets of rows that are linked by pairs."""

    def __init__(self) -> None:
        self._above: dict[int, int] = {}

    def root(self, row: int) -> int:
        while (above := self._above.get(row, row)) != row:
            self._above[row] = self._above.get(above, above)
            row = above
        return row

    def join(self, a: int, b: int) -> None:
        self._above[self.root(a)] = self.root(b)


def grouped(
    candidates: Candidates,
    judge: "Judge",
    workers: int,
    on_done: Callable[[int], None],
    stop: threading.Event,
) -> list[list[int]]:
    """Return groups of rows, at least two in each, first the row that all others are the same as.

    Judges only as many pairs as are needed to know which rows are connected. Returns no groups once ``stop`` is set.
    """
    same: dict[int, set[int]] = defaultdict(set)
    together = _Components()
    refused: dict[int, int] = defaultdict(int)

    def undecided(pair: Pair) -> bool:
        hopeless = pair.bits > RADIUS and max(refused[pair.a], refused[pair.b]) >= _REFUSALS
        return together.root(pair.a) != together.root(pair.b) and not hopeless

    done = 0
    waiting = candidates.in_order()
    with ThreadPoolExecutor(workers, "duplicates") as pool:
        while (batch := list(islice(waiting, _ROUND))) and not stop.is_set():
            asked = [pair for pair in batch if undecided(pair)]
            for pair, is_same in zip(asked, bounded_map(pool, judge.same, asked, 2 * workers), strict=True):
                if is_same:
                    together.join(pair.a, pair.b)
                    same[pair.a].add(pair.b)
                    same[pair.b].add(pair.a)
                else:
                    refused[pair.a] += 1
                    refused[pair.b] += 1
            done += len(batch)
            on_done(done)
    members: dict[int, set[int]] = defaultdict(set)
    for row in same:
        members[together.root(row)].add(row)
    return (
        [] if stop.is_set() else [group for rows in members.values() for group in _split(rows, same, candidates, judge)]
    )


def _split(rows: set[int], same: dict[int, set[int]], candidates: Candidates, judge: "Judge") -> Iterator[list[int]]:
    """Split connected rows into groups around one picture each: all others of a group are the same as that one."""
    while len(rows) > 1:
        centre = max(sorted(rows), key=lambda row: len(same[row] & rows))
        group = same[centre] & rows
        beyond = sorted(rows - group - {centre})
        pairs = candidates.known(np.array([(centre, row) for row in beyond], np.int64).reshape(-1, 2))
        group |= {pair.b for pair in pairs if judge.same(pair)}
        if group:
            yield [centre, *sorted(group)]
        rows = rows - group - {centre}
