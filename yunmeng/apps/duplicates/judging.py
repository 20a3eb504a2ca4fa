"""Whether a pair of pictures is one picture: by what is known of both, and where that does not settle it, by a look."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Final

from PIL import Image

from yunmeng.apps.duplicates.agreement import agreement
from yunmeng.copies import LocalFeatures, align, equal_at_sight, judge, local_features
from yunmeng.errors import YunmengError
from yunmeng.imaging import Picture, decode

__all__ = ["Judge", "Pair"]

SURE: Final = 0.95
"""Cosine from which on vectors alone will do, where a picture cannot be read. Photographs of alike clothes, by one
person in one place, come to 0.93."""

LIKELY: Final = 0.895
"""The same, for a pair that is at most half as far apart as either is from the neighbours around it."""

CLEARLY: Final = 0.5

KNOWN: Final = 0.8
"""Cosine from which on close fingerprints are believed without a look."""

FEW_BITS: Final = 20
"""Bits by which fingerprints may differ to be believed where a picture cannot be read, whatever the vectors say."""

AGREES: Final = 0.7
"""Agreement of the pixels of two pictures that can be laid over each other. Of edited copies of photographs of clothes
that can be, 97 % reach it, and of other photographs from the same rooms none but what shows the same thing lying the
same way."""

_SIDE: Final = 480  # pixels, at which features are looked for
_CLOSER: Final = 800  # of the shorter side, at which two are verified, as when they are compared
_BITS: Final = 256  # of a fingerprint; nearly all of them differ from that of the negative
_MOST: Final = 500
_KEPT: Final = 256
"""Pictures whose features are kept for the pairs to come, at some 300 kB each."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two rows and what is known of both.

    ``cosine`` of their vectors; ``bits`` by which their PDQ codes differ, 256 where a code says nothing; ``crowd`` how
    near the neighbours are that surround either, a cosine, -1 where that is not known; whether one of them is ``flat``.
    """

    a: int
    b: int
    cosine: float
    bits: int
    crowd: float
    flat: bool


class _Look:
    """A small picture, and its features when they are asked for."""

    def __init__(self, image: Image.Image) -> None:
        self.image = image

    @cached_property
    def features(self) -> LocalFeatures:
        return local_features(self.image, _SIDE, _MOST)


class Judge:
    """Judges pairs of rows; ``original`` gives the bytes of a row's picture, or raises. Threads may share it.

    A row's file is read when it is first looked at, and again to be verified at its resolution.
    """

    def __init__(self, original: Callable[[int], bytes], radius: int, max_pixels: int) -> None:
        self._original = original
        self._radius = radius
        self._max_pixels = max_pixels
        self._look = lru_cache(_KEPT)(self._looked)

    def same(self, pair: Pair) -> bool:
        """Whether the two are one picture, perhaps edited. Raises `MissingExtra`."""
        if pair.flat:  # all that can be said of a picture without contrast is said by its bytes
            return False
        close = pair.bits <= self._radius and pair.cosine >= KNOWN
        one, other = (self._look(row) for row in (pair.a, pair.b))
        if one is None or other is None:
            return close or self._without_looking(pair)
        if close and equal_at_sight(one.image, other.image):
            return True
        if close or pair.bits >= _BITS - self._radius:
            return self._compared(pair)
        alignment = align(one.features, other.features)
        if alignment is None or agreement(one.image, other.image, alignment) < AGREES:
            return False
        return self._compared(pair)

    def _compared(self, pair: Pair) -> bool:
        """Return whether `judge`, which compare asks too, calls them copies at the size that it looks at."""
        try:
            one, other = (self._decoded(row, _CLOSER) for row in (pair.a, pair.b))
        except YunmengError:  # gone since it was looked at
            return False
        return judge(one, other).alignment is not None

    @staticmethod
    def _without_looking(pair: Pair) -> bool:
        if pair.bits <= FEW_BITS or pair.cosine >= SURE:
            return True
        return pair.cosine >= LIKELY and pair.crowd > -1 and 1 - pair.cosine <= CLEARLY * (1 - pair.crowd)

    def _looked(self, row: int) -> _Look | None:
        try:
            image = self._decoded(row, _SIDE).image
        except YunmengError:
            return None
        image.thumbnail((_SIDE, _SIDE), Image.Resampling.BILINEAR, reducing_gap=2.0)
        return _Look(image)

    def _decoded(self, row: int, side: int) -> Picture:
        return decode(self._original(row), at_least=side, max_pixels=self._max_pixels)
