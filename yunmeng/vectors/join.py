"""The close pairs of one large set of vectors, in time that grows about as their number does.

Vectors are shared out among lists, one for each of a sample of them, as an inverted file does (Jégou, Douze and Schmid,
"Product Quantization for Nearest Neighbor Search", PAMI 2011, section 4), but each is put into the lists of several of
its nearest samples: a pair is found where it shares a list. The length of lists does not grow with the set, their
number does, and the nearest samples are found by a graph (HNSW; Malkov and Yashunin, PAMI 2020). All of that is done on
a random projection of the vectors; what it finds is then looked at with all they have.
"""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from yunmeng.vectors.engine import faiss

__all__ = ["Closeness", "close_pairs", "cosines"]

Floats = NDArray[np.float32]
Rows = NDArray[np.int64]

MEMBERS: Final = 64
"""Vectors for each list; a list is ten times as long, as each vector is in ten."""
LISTS: Final = 10
"""Lists that a vector is in. Of pairs with cosine 0.9, without any order among a million vectors, 0.99 share one."""
LONGEST: Final = 4096
"""Members of a list that are held against each other at once; a longer list is cut."""
SMALL: Final = 4096
"""Vectors that are all held against each other."""
_SHARES: Final = 32
"""Parts of a list's similarities whose maxima say how crowded the place is."""
_CROWD: Final = 16
"""Which of those maxima, from the top, is taken: a group of twenty duplicates does not reach so far down."""
_MOST: Final = 32
"""Pairs for each member of a list, on average; where there are more, each keeps its nearest so many."""
_STEP: Final = 16_384
"""Vectors, or pairs, that are read at a time."""
_DIM: Final = 256
"""Numbers that are left of a longer vector."""
_SLACK: Final = 0.045
"""What the cosine of a pair at 0.85 or more may lose by that: three standard deviations of it."""


@dataclass(frozen=True, slots=True)
class Closeness:
    """The close pairs and the nearest neighbours of n vectors.

    ``pairs`` are the rows of all pairs found at or above the threshold, int64 (m, 2), the smaller first, in order, and
    ``cosines`` theirs, float32 (m,). ``nearest`` is the nearest other row of each, int64 (n,), -1 where there is none,
    and ``reach`` its cosine. ``crowd`` says how near the twentieth or so of a row's neighbours is, a cosine, float32
    (n,), -1 among fewer than 32: a duplicate stands out above it.
    """

    pairs: Rows
    cosines: Floats
    nearest: Rows
    reach: Floats
    crowd: Floats


def close_pairs(
    vectors: NDArray[np.floating],
    threshold: float,
    rows: Rows | None = None,
    *,
    on_done: Callable[[int], None] = lambda _: None,
    stop: threading.Event | None = None,
) -> Closeness:
    """Return the pairs of ``vectors``, (n, dim) L2-normalised, whose cosine is at least ``threshold``.

    All of them up to some 4,000 vectors, and nearly all beyond.

    ``vectors`` may be a memory map, and float16: beside it, a million takes some 800 MB. With ``rows``, only these rows
    count, and the answer has positions among them. ``on_done`` is called with how many vectors are done. Where ``stop``
    is set, the pairs found until then are given. Raises `MissingExtra`.
    """
    chosen = np.arange(len(vectors)) if rows is None else rows
    whole = vectors.shape[1] <= _DIM
    short = _shortened(vectors, chosen, whole=whole)
    found = _Found(len(chosen), threshold if whole else threshold - _SLACK)
    done = 0
    for members, share in _lists(short):
        if stop is not None and stop.is_set():
            break
        found.look(members, np.asarray(short[members], np.float32))
        done += share
        on_done(min(done // LISTS, len(chosen)))
    return found.judged(vectors, chosen, threshold)


def _shortened(vectors: NDArray[np.floating], rows: Rows, *, whole: bool) -> NDArray[np.float16]:
    """The vectors of ``rows``; unless ``whole``, in a random space of `_DIM` dimensions, L2-normalised."""
    dim = vectors.shape[1]
    random = np.random.default_rng(0)
    space = None if whole else np.linalg.qr(random.normal(size=(dim, _DIM)))[0].astype(np.float32)
    short = np.empty((len(rows), dim if space is None else _DIM), np.float16)
    for begin in range(0, len(rows), _STEP):
        part = np.asarray(vectors[rows[begin : begin + _STEP]], np.float32)
        if space is not None:
            part = part @ space
            part /= np.linalg.norm(part, axis=1, keepdims=True).clip(1e-9)
        short[begin : begin + len(part)] = part
    return short


def cosines(vectors: NDArray[np.floating], a: Rows, b: Rows) -> Floats:
    """Return the cosines of the rows ``a`` of ``vectors``, (n, dim) L2-normalised, to the rows ``b``: float32 (m,)."""
    found = np.empty(len(a), np.float32)
    for begin in range(0, len(a), _STEP):
        sides = (np.asarray(vectors[rows[begin : begin + _STEP]], np.float32) for rows in (a, b))
        found[begin : begin + _STEP] = np.einsum("nd,nd->n", *sides)
    return found.clip(-1, 1)


def _lists(vectors: NDArray[np.floating]) -> Iterator[tuple[Rows, int]]:
    """The members of each list, in order, and how many of the n * `LISTS` places are done with it."""
    n = len(vectors)
    if n <= SMALL:
        yield np.arange(n), n * LISTS
        return
    random = np.random.default_rng(0)
    lists = _assigned(vectors, np.sort(random.choice(n, n // MEMBERS, replace=False))).ravel()
    order = np.argsort(lists, kind="stable")
    for places in np.split(order, np.flatnonzero(np.diff(lists[order])) + 1):
        members = places // LISTS
        for begin in range(0, len(members), LONGEST):
            part = members[begin : begin + LONGEST]
            yield part, len(part)


def _assigned(vectors: NDArray[np.floating], sample: Rows) -> NDArray[np.int32]:
    """The `LISTS` nearest of the sampled rows to each vector, as positions in ``sample``: int32 (n, LISTS)."""
    engine = faiss()
    index = engine.IndexHNSWFlat(vectors.shape[1], 16, engine.METRIC_INNER_PRODUCT)
    index.hnsw.efSearch = 3 * LISTS
    index.add(np.asarray(vectors[sample], np.float32))
    assigned = np.empty((len(vectors), LISTS), np.int32)
    for begin in range(0, len(vectors), _STEP):
        part = np.asarray(vectors[begin : begin + _STEP], np.float32)
        assigned[begin : begin + len(part)] = index.search(part, LISTS)[1]
    return assigned


class _Found:
    """The pairs and neighbours that the lists have shown so far."""

    def __init__(self, n: int, threshold: float) -> None:
        self._n = n
        self._threshold = threshold
        self._keys: list[Rows] = []
        self._nearest = np.full(n, -1, np.int64)
        self._reach = np.full(n, -1, np.float32)
        self._crowd = np.full(n, -1, np.float32)

    def look(self, members: Rows, vectors: Floats) -> None:
        """Hold the members of a list against each other. ``members`` are in order, ``vectors`` theirs."""
        if len(members) < 2:
            return
        likeness = np.matmul(vectors, vectors.copy().T)  # of two arrays: NumPy is far slower for one with itself
        np.fill_diagonal(likeness, -1)
        self._look_around(members, likeness)
        rows, columns = np.divmod(np.flatnonzero(likeness.ravel() >= self._threshold), len(members))
        if len(rows) > 2 * _MOST * len(members):
            columns = np.argpartition(-likeness, _MOST, axis=1)[:, :_MOST].ravel()
            rows = np.repeat(np.arange(len(members)), _MOST)
            close = likeness[rows, columns] >= self._threshold
            rows, columns = rows[close], columns[close]
        low, high = np.minimum(rows, columns), np.maximum(rows, columns)
        self._keys.append(np.unique(members[low] * self._n + members[high]))

    def judged(self, vectors: NDArray[np.floating], chosen: Rows, threshold: float) -> Closeness:
        """Return what was found, measured with the full vectors: each pair once, in order."""
        keys = np.unique(np.concatenate([np.empty(0, np.int64), *self._keys]))
        pairs = np.stack(np.divmod(keys, max(self._n, 1)), axis=1)
        exact = cosines(vectors, chosen[pairs[:, 0]], chosen[pairs[:, 1]])
        some = np.flatnonzero(self._nearest >= 0)
        self._reach[some] = cosines(vectors, chosen[some], chosen[self._nearest[some]])
        keep = exact >= threshold
        return Closeness(pairs[keep], exact[keep], self._nearest, self._reach, self._crowd)

    def _look_around(self, members: Rows, likeness: Floats) -> None:
        m = len(members)
        best = likeness.argmax(axis=1)
        reach = likeness[np.arange(m), best]
        nearer = reach > self._reach[members]
        self._nearest[members[nearer]] = members[best[nearer]]
        self._reach[members[nearer]] = reach[nearer]
        share = m // _SHARES
        if share:
            maxima = likeness[:, : share * _SHARES].reshape(m, _SHARES, share).max(axis=2)
            crowd = np.partition(maxima, -_CROWD, axis=1)[:, -_CROWD]
            self._crowd[members] = np.maximum(self._crowd[members], crowd)
