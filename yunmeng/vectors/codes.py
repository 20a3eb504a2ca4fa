"""The close pairs of one large set of binary codes, by their bands: codes that differ in a few bits agree in some band.

That is multi-index hashing (Norouzi, Punjani and Fleet, "Fast Search in Hamming Space with Multi-Index Hashing", CVPR
2012, section 3) on sorted columns in place of hash tables, so that no crowd of codes takes more than its share of time.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["CloseCodes", "close_codes"]

_BAND: Final = 16
"""Bits of a band, at least. There is one from each byte on; they overlap."""
_WORD: Final = 8  # bytes
_WINDOW: Final = 64
"""Codes after each, in the order of a band, that it is held against. Of random codes it takes millions to have more
than this in one band; codes of pictures that are all alike have, and the order brings the most alike together."""


class CloseCodes(NamedTuple):
    """``pairs`` of rows, int64 (m, 2), the smaller first, in order; how many ``bits`` of each differ, int32 (m,)."""

    pairs: NDArray[np.int64]
    bits: NDArray[np.int32]


def close_codes(codes: NDArray[np.uint8], radius: int) -> CloseCodes:
    """Return pairs of ``codes``, uint8 (n, bytes), that differ in at most ``radius`` bits.

    Nearly all of them: of a million random codes of 256 bits, all of the pairs at 10 bits, 99.9 % at 20 and 93 % at 31;
    more among fewer codes. Where very many are close to each other, each is paired with some of them. Give equal codes
    only once.
    """
    n, width = codes.shape
    words = np.zeros((n, -(-width // _WORD) * _WORD), np.uint8)
    words[:, :width] = codes
    found = [np.empty(0, np.int64)]
    band = max(_BAND, n.bit_length())  # as many as keep strangers from sharing one
    for begin in range(width):
        head = np.ascontiguousarray(words[:, np.arange(begin, begin + _WORD) % width])
        heads = head.view(">u8")[:, 0].astype(np.uint64)
        found += _in_band(heads, 8 * _WORD - band, words.view(np.uint64), radius)
    pairs = np.stack(np.divmod(np.unique(np.concatenate(found)), max(n, 1)), axis=1)
    return CloseCodes(pairs, _bits(words.view(np.uint64), pairs[:, 0], pairs[:, 1]))


def _in_band(
    heads: NDArray[np.uint64], shift: int, words: NDArray[np.uint64], radius: int
) -> Iterator[NDArray[np.int64]]:
    """Pairs that agree in ``heads`` but for the last ``shift`` bits, as numbers: one row times n, plus the other."""
    order = np.argsort(heads)
    bands = heads[order] >> np.uint64(shift)
    for ahead in range(1, _WINDOW + 1):
        places = np.flatnonzero(bands[ahead:] == bands[:-ahead])
        if not len(places):
            return
        a, b = order[places], order[places + ahead]
        near = _bits(words, a, b) <= radius
        yield np.minimum(a, b)[near] * len(words) + np.maximum(a, b)[near]


def _bits(words: NDArray[np.uint64], a: NDArray[np.int64], b: NDArray[np.int64]) -> NDArray[np.int32]:
    differing: NDArray[np.int32] = np.bitwise_count(words[a] ^ words[b]).sum(axis=1, dtype=np.int32)
    return differing
