"""Decide whether two rows are one picture: by what is known of both, and by verifying them where they can be read."""

from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from yunmeng.copies.alignment import FEWEST_INLIERS, align
from yunmeng.copies.features import LocalFeatures
from yunmeng.copies.prepared import FIRST_LOOK, READ_SIDE, PreparedPicture
from yunmeng.copies.verification import verify
from yunmeng.errors import YunmengError
from yunmeng.imaging.decode import decode

if TYPE_CHECKING:
    from yunmeng.apps.duplicates.pairs import Pair

__all__ = ["Judge", "Judgement"]

Judgement: TypeAlias = Literal["same", "unlike", "apart"]
"""Two rows are one picture; or they are not; or they agree and are told apart all the same: other text on one layout,
another moment of one scene, another colour of one garment. Those are never of one group."""

SURE: Final = 0.95
"""Cosine from which on vectors alone will do, where a picture cannot be read. Photographs of alike clothes, by one
person in one place, come to 0.93."""

LIKELY: Final = 0.895
"""The same, for a pair that is at most half as far apart as either is from the neighbours around it."""

CLEARLY: Final = 0.5

KNOWN: Final = 0.8
"""Cosine from which on pictures with close fingerprints are verified whatever their local features say."""

FEW_BITS: Final = 20
"""Bits by which fingerprints may differ to be believed where a picture cannot be read, whatever the vectors say."""

_BITS: Final = 256  # of a fingerprint; nearly all of them differ from that of the negative
_FEATURES_KEPT: Final = 256
"""Pictures whose local features are kept for the pairs to come, at some 300 kB each."""
_PICTURES_KEPT: Final = 32
"""Pictures that are kept as they were read, at some 5 MB each."""


class Judge:
    """Judges pairs of rows; ``original`` gives the bytes of a row's picture, or raises. Threads may share it."""

    def __init__(self, original: Callable[[int], bytes], radius: int, max_pixels: int) -> None:
        self._original = original
        self._radius = radius
        self._max_pixels = max_pixels
        self._picture = lru_cache(_PICTURES_KEPT)(self._read)
        self._features = lru_cache(_FEATURES_KEPT)(self._looked_at)

    def judge(self, pair: "Pair") -> Judgement:
        """Return whether the two are one picture, perhaps edited. Raises `MissingExtra`.

        `verify` decides, as it does for match and compare. A copy in other colours is no duplicate: shops show the
        colours of a garment so. Pairs whose fingerprints differ, also as negatives, are verified only if their local
        features agree, which is quicker to see, or if one of them has too few features.
        """
        if pair.flat:  # all that can be said of a picture without contrast is said by its bytes
            return "unlike"
        close = pair.bits <= self._radius and pair.cosine >= KNOWN
        one, other = self._features(pair.a), self._features(pair.b)
        if one is None or other is None:
            return "same" if close or self._without_looking(pair) else "unlike"
        few = min(len(one), len(other)) < FEWEST_INLIERS
        if not close and not few and pair.bits < _BITS - self._radius and align(one, other) is None:
            return "unlike"
        pictures = self._picture(pair.a), self._picture(pair.b)
        if pictures[0] is None or pictures[1] is None:  # gone since it was looked at
            return "unlike"
        found = verify(pictures[0], pictures[1])
        if found.difference is not None or found.recoloured:
            return "apart"
        return "same" if found.is_copy else "unlike"

    @staticmethod
    def _without_looking(pair: "Pair") -> bool:
        if pair.bits <= FEW_BITS or pair.cosine >= SURE:
            return True
        return pair.cosine >= LIKELY and pair.crowd > -1 and 1 - pair.cosine <= CLEARLY * (1 - pair.crowd)

    def _looked_at(self, row: int) -> LocalFeatures | None:
        picture = self._picture(row)
        return None if picture is None else picture.features(*FIRST_LOOK)

    def _read(self, row: int) -> PreparedPicture | None:
        """The picture of a row; None where it cannot be read."""
        try:
            data = self._original(row)
            return PreparedPicture(decode(data, at_least=READ_SIDE, max_pixels=self._max_pixels))
        except YunmengError:
            return None
