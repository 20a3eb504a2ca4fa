"""From pairs to groups.

All pictures of a group are the same as one of them, so chains of look-alikes are no groups; and no two of a group
may be told apart, although a third is like both: two colours of a garment and a grey picture of it.
"""

import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
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
_WITNESSES: Final = 8
"""Members of a group that a further one is held against, so that large groups do not take the square of their size."""


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
            for pair, judged in zip(asked, bounded_map(pool, judge.judge, asked, 2 * workers), strict=True):
                if judged == "same":
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

        def split(rows: set[int]) -> list[list[int]]:
            return [] if stop.is_set() else list(_split(rows, same, candidates, judge))

        groups = [group for some in bounded_map(pool, split, members.values(), 2 * workers) for group in some]
    return [] if stop.is_set() else groups


def _split(rows: set[int], same: Mapping[int, set[int]], candidates: Candidates, judge: "Judge") -> Iterator[list[int]]:
    """Split connected rows into groups around one picture each: all others of a group are the same as that one."""
    while len(rows) > 1:
        centre = max(sorted(rows), key=lambda row: len(same[row] & rows))
        alike = same[centre] & rows
        beyond = sorted(rows - alike - {centre})
        alike |= {pair.b for pair in _pairs(centre, beyond, candidates) if judge.judge(pair) == "same"}
        group: list[int] = []
        for row in sorted(alike):
            if all(judge.judge(pair) != "apart" for pair in _pairs(row, group[:_WITNESSES], candidates)):
                group.append(row)
        if group:
            yield [centre, *group]
        rows = rows - set(group) - {centre}


def _pairs(row: int, others: Sequence[int], candidates: Candidates) -> list[Pair]:
    return candidates.known(np.array([(row, other) for other in others], np.int64).reshape(-1, 2))
