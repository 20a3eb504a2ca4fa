"""Find pairs of pictures that may be the same: those whose fingerprints or vectors are close."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from yunmeng.apps.duplicates.reading import Gathered
from yunmeng.imaging.fingerprint import turned_codes
from yunmeng.vectors.codes import close_codes
from yunmeng.vectors.join import close_pairs, cosines

__all__ = ["RADIUS", "Candidates", "Pair", "candidates"]

RADIUS: Final = 31
"""Bits of a PDQ code by which light edits of a picture differ at most; strangers differ in 50 and more."""

TURNED: Final = 48
"""The same where a code is that of a turned or mirrored picture, as worked out from that of the upright one."""

CLOSE: Final = 0.85
"""Cosine from which on all pairs are looked at."""

NEAREST: Final = 0.6
"""Cosine from which on a picture's nearest is looked at, if it stands out: of strongly edited copies of photographs of
clothes, 94 % are above and are the nearest."""

STANDS_OUT: Final = 0.65
"""Times the distance (1 - cosine) of the neighbours around it, within which the nearest stands out."""

_POPULAR: Final = 50
"""Pictures with one code, from which on it is asked whether they are alike at all."""
_ALIKE: Final = 0.8
_STEP: Final = 4096  # pairs that are worked out at a time

_MIX: Final = np.random.default_rng(0).integers(1, 2**64, 4, dtype=np.uint64, endpoint=False) | np.uint64(1)
"""Turns a code of four words into one number, another one for nearly every code."""

Rows = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Pair:
    """Two rows and what is known of both.

    ``cosine`` of their vectors; ``bits`` by which their PDQ codes differ, 256 where a code says nothing; ``crowd`` how
    near the neighbours around either are, a cosine, -1 where that is not known; ``flat`` whether one of the two has
    next to no contrast.
    """

    a: int
    b: int
    cosine: float
    bits: int
    crowd: float
    flat: bool


@dataclass(frozen=True, slots=True)
class Candidates:
    """Pairs of rows that may be the same, int64 (m, 2), each once, and what is known of any two rows.

    ``crowd`` is how near the neighbours around each of the n rows are, a cosine, float32 (n,); ``telling`` says whether
    a row's code means anything.
    """

    pairs: Rows
    gathered: Gathered
    crowd: NDArray[np.float32]
    telling: NDArray[np.bool_]

    def known(self, pairs: Rows) -> list[Pair]:
        """Return what is known of pairs of rows, int64 (m, 2)."""
        if not len(pairs):
            return []
        a, b = pairs[:, 0], pairs[:, 1]
        codes = self.gathered.codes
        bits = np.bitwise_count(codes[a] ^ codes[b]).sum(axis=1, dtype=np.int64)
        bits[~(self.telling[a] & self.telling[b])] = 8 * codes.shape[1]
        columns = (
            a,
            b,
            cosines(self.gathered.vectors, a, b),
            bits,
            np.maximum(self.crowd[a], self.crowd[b]),
            self.gathered.flat[a] | self.gathered.flat[b],
        )
        return [Pair(*row) for row in zip(*(column.tolist() for column in columns), strict=True)]

    def in_order(self) -> Iterator[Pair]:
        """Yield the pairs, those of connected rows one after the other, the closest of these first."""
        from scipy.sparse import coo_matrix
        from scipy.sparse.csgraph import connected_components

        n, (a, b) = len(self.gathered.ids), self.pairs.T
        _, labels = connected_components(coo_matrix((np.ones(len(a), np.int8), (a, b)), (n, n)), directed=False)
        near = cosines(self.gathered.vectors, a, b)
        order = np.lexsort((-near, labels[a]))
        for begin in range(0, len(order), _STEP):
            yield from self.known(self.pairs[order[begin : begin + _STEP]])


def candidates(gathered: Gathered, on_done: Callable[[int], None], stop: threading.Event) -> Candidates:
    """Return all pairs that are worth a look; once ``stop`` is set, those found until then. Raises `MissingExtra`."""
    first, equal = _stars(gathered.looks)
    close = close_pairs(gathered.vectors, CLOSE, first, on_done=on_done, stop=stop)
    near = np.flatnonzero((close.reach >= NEAREST) & (1 - close.reach <= STANDS_OUT * (1 - close.crowd)))
    by_vector = first[np.concatenate([close.pairs, np.stack([near, close.nearest[near]], axis=1)])]
    by_code, telling = _by_code(gathered)
    pairs = np.unique(np.sort(np.concatenate([by_vector, equal, by_code]), axis=1), axis=0)
    crowd = np.full(len(gathered.ids), -1, np.float32)
    crowd[first] = close.crowd
    return Candidates(pairs, gathered, crowd, telling)


def _by_code(gathered: Gathered) -> tuple[Rows, NDArray[np.bool_]]:
    """Pairs that are close by their PDQ codes, and which codes say anything."""
    telling = gathered.telling.copy()
    some = np.flatnonzero(telling)
    keys = gathered.codes[some].view(np.uint64) @ _MIX
    first, equal = _stars(keys)
    first, equal = some[first], some[equal]
    hubs, counts = np.unique(equal[:, 0], return_counts=True)
    for hub in hubs[counts >= _POPULAR]:
        alike = equal[equal[:, 0] == hub][:, 1]
        if np.median(cosines(gathered.vectors, np.full(len(alike), hub), alike)) < _ALIKE:
            telling[alike] = telling[hub] = False
    first, equal = first[telling[first]], equal[telling[equal[:, 0]]]
    return np.concatenate([equal, first[_close(gathered.codes[first])]]), telling


def _close(codes: NDArray[np.uint8]) -> Rows:
    """Pairs of different ``codes``, uint8 (n, 32), that are close as they are, turned, mirrored or as a negative."""
    n = len(codes)
    ways = turned_codes(codes)
    near = close_codes(ways.reshape(-1, codes.shape[1]), TURNED)
    (ways_a, a), (ways_b, b) = (np.divmod(near.pairs[:, side], max(n, 1)) for side in (0, 1))
    upright = (ways_b == 0) | (ways_b == len(ways) - 1)  # also a negative's code is exact
    chosen: Rows = near.pairs[(ways_a == 0) & (a != b) & ((near.bits <= RADIUS) | ~upright)]
    return chosen % max(n, 1)


def _stars(keys: NDArray[np.generic]) -> tuple[Rows, Rows]:
    """The first row of each key, in order, and a pair of it with each other row of that key."""
    _, first, which = np.unique(keys, return_index=True, return_inverse=True)
    hubs = first[which]
    others = np.flatnonzero(hubs != np.arange(len(keys)))
    return np.sort(first), np.stack([hubs[others], others], axis=1)
