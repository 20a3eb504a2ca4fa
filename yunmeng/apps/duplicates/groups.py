"""From pairs to groups. A group is a picture and what is the same as it, never a chain of look-alikes."""

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
    """Which rows hang together."""

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
    """Groups of rows, at least two in each; first the one that all others are the same as.

    Judges no more pairs than it takes to know what hangs together. Where ``stop`` is set, there are none.
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
    """What hangs together, as groups around a picture each: the others of a group are all the same as that one."""
    while len(rows) > 1:
        centre = max(sorted(rows), key=lambda row: len(same[row] & rows))
        group = same[centre] & rows
        beyond = sorted(rows - group - {centre})
        pairs = candidates.known(np.array([(centre, row) for row in beyond], np.int64).reshape(-1, 2))
        group |= {pair.b for pair in pairs if judge.same(pair)}
        if group:
            yield [centre, *sorted(group)]
        rows = rows - group - {centre}
