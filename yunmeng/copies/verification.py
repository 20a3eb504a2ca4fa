"""The one decision whether a picture is a copy of another, shared by match, compare and duplicates.

It does not matter which of the two is the suspect. One is laid over the other in each way that may fit, and their
pixels are compared both ways: as if either had been made from the other.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from yunmeng.copies.alignment import align, inverted, refine, within
from yunmeng.copies.content import equal_at_sight, other_content, other_moment
from yunmeng.copies.edits import Edit, find_edits
from yunmeng.copies.ncc import aligned_ncc
from yunmeng.copies.photometric import is_recoloured
from yunmeng.copies.prepared import FIRST_LOOK, PreparedPicture
from yunmeng.copies.registration import Superposed, superpose
from yunmeng.copies.transform import placing
from yunmeng.errors import MissingExtra
from yunmeng.types import Alignment, Difference

__all__ = ["Verification", "edits_between", "verify"]

_COPY: Final = 0.57
"""Agreement, the better way, from which it is a copy. Of photographs from the same rooms, each with the one of nearest
vector, strangers reach 0.54; copies seldom less than 0.63."""
_AS_WELL: Final = 0.05
"""Agreement by which one way of laying one over the other is better than the other way."""
_COPY_ASLANT: Final = 0.7
"""The same, where it seems to be seen from the side: so does another photograph of the same things, which reaches 0.56
where two lenses look at one scene."""
_SURE: Final = 0.85
"""Agreement of the whole frames that no other alignment betters."""
_HOPELESS: Final = 0.2
"""Agreement one way below which the other way makes no copy of it."""
_LAID_BY_CHANCE: Final = 0.2
"""Correlation of small pictures, laid as features say, below which it is chance. Of copies the least is 0.5."""
_LIKE: Final = 0.4  # correlation of thumbnails from which it pays to lay whole frames over each other
_NEGATIVE: Final = 0.8  # what the correlation with a negative counts
_SIDES: Final = (FIRST_LOOK, (320, 600), (1280, 2000))
"""Longer side that local features are looked for at, and how many: blurred copies show them when small, what is set
inside something else when large."""
_WORTH: Final = 1.4  # times as many pixels as the side before, for a larger side to show more

_FORMS: Final = (
    (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0),
    (0.0, 1.0, 0.0, -1.0, 0.0, 1.0, 0.0, 0.0, 1.0),
    (-1.0, 0.0, 1.0, 0.0, -1.0, 1.0, 0.0, 0.0, 1.0),
    (0.0, -1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0),
)
"""The transforms from a picture that was turned by 0, 90, 180 and 270 degrees clockwise to the upright one."""

_FRAME: Final = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))


@dataclass(frozen=True, slots=True)
class Verification:
    """The result of verifying two pictures, a and b.

    ``alignment`` is how a lies in b, None where neither is a copy of the other; ``agreement`` in [-1, 1] is how well
    their pixels correlate. ``difference`` says why two pictures that agree are no copies all the same. ``recoloured``
    says of copies that they show the same in other colours.
    """

    alignment: Alignment | None
    agreement: float
    difference: Difference | None = None
    recoloured: bool = False

    @classmethod
    def of_itself(cls) -> Self:
        """Return the result for a picture and the very same file."""
        return cls(_whole_frame(0, mirrored=False), 1.0)

    @property
    def is_copy(self) -> bool:
        """True where one was made from the other, or both from the same picture."""
        return self.alignment is not None


def verify(a: PreparedPicture, b: PreparedPicture) -> Verification:
    """Decide whether one of ``a`` and ``b`` is a copy of the other; ``verify(b, a)`` decides the same.

    Pictures that are equal at sight are copies. Otherwise they are compared as wholes, in all eight ways to turn and
    mirror them; then as their local features lie, which needs the extra ``copies``; then by parts that look as if they
    were pasted. Raises `MissingExtra` where the first two steps do not decide.
    """
    one, other = sorted((a, b), key=lambda picture: picture.order)
    if equal_at_sight(one.image, other.image):
        return Verification(_whole_frame(0, mirrored=False), 1.0)
    laid = _best(one, other)
    if laid is None:
        return Verification(None, 0.0)
    if laid.agreement < _COPY:
        return Verification(None, laid.agreement)
    if laid.agreement < _COPY_ASLANT and placing(laid.alignment, one.size, other.size).aslant:
        return Verification(None, laid.agreement)
    differs = laid.difference
    if differs is not None:
        return Verification(None, laid.agreement, differs)
    alignment = laid.alignment if a is one else laid.inverse
    return Verification(alignment, laid.agreement, recoloured=is_recoloured(laid.better))


def edits_between(a: PreparedPicture, b: PreparedPicture, found: Verification) -> tuple[Edit, ...]:
    """Return all edits to ``b`` if ``a`` was made from it, as ``found`` by `verify`; none where it is no copy."""
    if found.alignment is None:
        return ()
    pair, place = superpose(a.pixels, b.pixels, found.alignment), placing(found.alignment, a.size, b.size)
    return tuple(find_edits(pair, place, a.pixels, found.alignment, recoloured=found.recoloured))


class _Laid:
    """Two pictures laid one over the other by an alignment, both ways."""

    def __init__(self, one: PreparedPicture, other: PreparedPicture, alignment: Alignment, inverse: Alignment) -> None:
        self._one, self._other, self.alignment, self.inverse = one, other, alignment, inverse

    @cached_property
    def forth(self) -> Superposed:
        return superpose(self._one.pixels, self._other.pixels, self.alignment)

    @cached_property
    def back(self) -> Superposed:
        return superpose(self._other.pixels, self._one.pixels, self.inverse)

    @cached_property
    def agreement(self) -> float:
        """The better one: a blurred copy agrees with its original made blurred, but no original with a blurred copy."""
        forth = self.forth.agreement
        return max(forth, self.back.agreement) if _HOPELESS <= forth < _SURE else forth

    @property
    def better(self) -> Superposed:
        """The way in which they agree better."""
        return self.forth if self.agreement == self.forth.agreement else self.back

    @property
    def difference(self) -> Difference | None:
        """The difference between the two, None where they are copies.

        It must be seen the way they agree better, and the other way too if they agree that way. Another moment must be
        seen both ways in any case.
        """
        ahead = self.forth.agreement - self.back.agreement
        ways = [(self._one, self._other, self.alignment, self.forth)] if ahead > -_AS_WELL else []
        ways += [(self._other, self._one, self.inverse, self.back)] if ahead < _AS_WELL else []
        if all(other_content(a.pixels, b.pixels, alignment, pair) for a, b, alignment, pair in ways):
            return "other-content"
        return "other-moment" if other_moment(self.forth) and other_moment(self.back) else None


def _laid(one: PreparedPicture, other: PreparedPicture, alignment: Alignment | None) -> _Laid | None:
    """Lay the two over each other; None where that cannot be done, in either direction."""
    inverse = None if alignment is None else inverted(alignment)
    return None if alignment is None or inverse is None else _Laid(one, other, alignment, inverse)


def _best(one: PreparedPicture, other: PreparedPicture) -> _Laid | None:
    """Lay the two over each other in the way that fits best."""
    best = _whole(one, other)
    for look, enough in ((_by_features, _SURE), (_by_parts, _COPY)):
        if best is not None and best.agreement >= enough:
            break
        try:
            best = _better(best, look(one, other))
        except MissingExtra:
            if best is None or best.agreement < _COPY:
                raise
            break
    return best


def _better(one: _Laid | None, other: _Laid | None) -> _Laid | None:
    if one is None or other is None:
        return one or other
    return other if other.agreement > one.agreement else one


def _whole(one: PreparedPicture, other: PreparedPicture) -> _Laid | None:
    """Lay the two over each other as wholes, in the form that fits best, also as a negative; None where none fits."""
    small = one.thumbnail
    goal = _normed(other.thumbnail)
    fits = {
        (mirrored, turns): _either_way(
            float((_normed(np.rot90(small[:, ::-1] if mirrored else small, turns)) * goal).mean())
        )
        for mirrored in (False, True)
        for turns in range(4)
    }
    (mirrored, turns), best = max(fits.items(), key=lambda one: one[1])
    if np.ptp(small) > 8 and best < _LIKE:
        return None
    return _laid(one, other, _whole_frame(turns, mirrored=mirrored))


def _by_features(
    one: PreparedPicture, other: PreparedPicture, sides: tuple[tuple[int, int], ...] = _SIDES
) -> _Laid | None:
    best: _Laid | None = None
    for side, most in sides:
        if side > FIRST_LOOK[0] and max(*one.image.size, *other.image.size) < _WORTH * FIRST_LOOK[0]:
            break
        features, others = one.features(side, most), other.features(side, most)
        found = align(features, others)
        if found is None or abs(aligned_ncc(one.image, other.image, found)) < _LAID_BY_CHANCE:
            continue
        best = _better(best, _laid(one, other, refine(one.pixels, other.pixels, found, features, others)))
        if best is not None and best.agreement >= _COPY:
            break
    return best


def _by_parts(one: PreparedPicture, other: PreparedPicture) -> _Laid | None:
    """Lay parts of either that look pasted over the other, each as a whole and by its features."""
    best: _Laid | None = None
    for holder, held in ((one, other), (other, one)):
        for region, part in holder.parts:
            found = _better(_whole(part, held), _by_features(part, held, _SIDES[:1]))
            alignment = None if found is None else within(found.alignment, region)
            if alignment is not None and holder is other:
                alignment = inverted(alignment)
            best = _better(best, _laid(one, other, alignment))
    return best


def _either_way(correlation: float) -> float:
    """Return how well pictures correlate, also with one as a negative, which is rare and therefore counts less."""
    return correlation if correlation > 0 else -_NEGATIVE * correlation


def _whole_frame(turns: int, *, mirrored: bool) -> Alignment:
    return Alignment(0, _FORMS[turns], mirrored, _FRAME, 1.0, 1.0)


def _normed(grey: NDArray[np.float32]) -> NDArray[np.float32]:
    centred = grey - grey.mean()
    normed: NDArray[np.float32] = centred / (grey.std() + np.float32(1e-3))
    return normed
