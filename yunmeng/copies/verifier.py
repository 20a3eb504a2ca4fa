"""Whether one picture is a copy of another, by what both show once one lies over the other."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from typing import Final, NamedTuple, Self, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from yunmeng.config import cores
from yunmeng.copies.alignment import align, refine, within
from yunmeng.copies.content import difference
from yunmeng.copies.edits import Edit, find_edits
from yunmeng.copies.features import QUERY_SIDE, LocalFeatures, local_features
from yunmeng.copies.opencv import opencv
from yunmeng.copies.pasted_regions import find_insets
from yunmeng.copies.registration import Superposed, superpose
from yunmeng.copies.transform import placing
from yunmeng.errors import MissingExtra, YunmengError
from yunmeng.imaging import Picture, decode, from_pillow
from yunmeng.types import Alignment, Difference, Pixels, Region

__all__ = ["Judgement", "Verifier", "judge", "target_features", "verify", "verify_whole"]

_COPY: Final = 0.5
"""Agreement from which it is a copy. The most that strangers of one class of clothing reached is 0.37."""
_COPY_ASLANT: Final = 0.7
"""The same, where it seems to be seen from the side: so does another photograph of the same things, which reaches 0.56
where two lenses look at one scene."""
_SURE: Final = 0.85
"""Agreement of the whole frames that no other alignment betters."""
_LIKE: Final = 0.4  # correlation of thumbnails from which it pays to lay whole frames over each other
_NEGATIVE: Final = 0.8  # what the correlation with a negative counts
_THUMBNAIL: Final = 32  # pixels
_SIDES: Final = ((640, 600), (320, 600), (1280, 2000))
"""Longer side that local features are looked for at, and how many: blurred copies show them when small, what is set
inside something else when large."""
_SMALLEST_PART: Final = 24  # pixels
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
class Judgement:
    """What was found out about a suspect picture and an original.

    ``alignment`` and ``edits`` are of a copy only; ``agreement`` in [-1, 1] is how well their pixels correlate.
    ``difference`` tells of two that agree what makes them different all the same.
    """

    alignment: Alignment | None
    edits: tuple[Edit, ...]
    agreement: float
    difference: Difference | None = None

    @classmethod
    def of_itself(cls) -> Self:
        """A picture against the very same file."""
        return cls(_whole_frame(0, mirrored=False), (), 1.0)


def judge(a: Picture, b: Picture) -> Judgement:
    """Hold ``a``, the suspect, against ``b``, the original.

    First whole, in all eight ways to turn and mirror it; then as local features lie, which needs the extra ``copies``;
    then by parts that look as if they were pasted. Raises `MissingExtra` where the first does not tell.
    """
    suspect, original = a.pixels, b.pixels
    best = _whole(suspect, original)
    known = _FeaturesOf(original)
    for look in (_by_features, _by_parts):
        if best is not None and best.pair.agreement >= (_SURE if look is _by_features else _COPY):
            break
        try:
            best = _better(best, look(suspect, original, known))
        except MissingExtra:
            if best is None or best.pair.agreement < _COPY:
                raise
            break
    return Judgement(None, (), 0.0) if best is None else _verdict(a, b, best)


def verify(
    a: Picture, b: Picture, alignment: Alignment, features_a: LocalFeatures, features_b: LocalFeatures
) -> Judgement:
    """As `judge`, where ``alignment`` is known from features already. Raises `MissingExtra`."""
    alignment = refine(a.pixels, b.pixels, alignment, features_a, features_b)
    return _verdict(a, b, _Found(alignment, superpose(a.pixels, b.pixels, alignment)))


def verify_whole(a: Picture, b: Picture) -> Judgement | None:
    """As `judge`, by the whole frames only; None where they do not fit on each other."""
    found = _whole(a.pixels, b.pixels)
    return None if found is None else _verdict(a, b, found)


def _verdict(a: Picture, b: Picture, found: "_Found") -> Judgement:
    """What the pixels say, once one picture lies over the other."""
    agreement = found.pair.agreement
    if agreement < _COPY:
        return Judgement(None, (), agreement)
    place = placing(found.alignment, (a.width, a.height), (b.width, b.height))
    if place.aslant and agreement < _COPY_ASLANT:
        return Judgement(None, (), agreement)
    differs = difference(a.pixels, b.pixels, found.alignment, found.pair)
    if differs is not None:
        return Judgement(None, (), agreement, differs)
    return Judgement(found.alignment, tuple(find_edits(found.pair, place, a.pixels, found.alignment)), agreement)


class _Found(NamedTuple):
    alignment: Alignment
    pair: Superposed


def _better(one: _Found | None, other: _Found | None) -> _Found | None:
    if one is None or other is None:
        return one or other
    return other if other.pair.agreement > one.pair.agreement else one


def _whole(a: Pixels, b: Pixels) -> _Found | None:
    """The two as wholes, in the form that fits best, also as a negative; None where none does."""
    small = _thumbnail(a)
    goal = _normed(_thumbnail(b))
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
    alignment = _whole_frame(turns, mirrored=mirrored)
    return _Found(alignment, superpose(a, b, alignment))


def _either_way(correlation: float) -> float:
    """How well pictures fit, also one on the other's negative, which is rare."""
    return correlation if correlation > 0 else -_NEGATIVE * correlation


def _whole_frame(turns: int, *, mirrored: bool) -> Alignment:
    return Alignment(0, _FORMS[turns], mirrored, _FRAME, 1.0, 1.0)


def _thumbnail(pixels: Pixels) -> NDArray[np.float32]:
    size = (_THUMBNAIL, _THUMBNAIL)
    return np.asarray(Image.fromarray(pixels).convert("L").resize(size, Image.Resampling.BOX), dtype=np.float32)


def _normed(grey: NDArray[np.float32]) -> NDArray[np.float32]:
    centred = grey - grey.mean()
    normed: NDArray[np.float32] = centred / (grey.std() + np.float32(1e-3))
    return normed


class _FeaturesOf:
    """The local features of one picture, by the longer side that it is looked at."""

    def __init__(self, pixels: Pixels) -> None:
        self._pixels = pixels
        self._known: dict[int, LocalFeatures] = {}

    def at(self, side: int, most: int) -> LocalFeatures:
        if side not in self._known:
            self._known[side] = local_features(self._pixels, side, most)
        return self._known[side]


def _by_features(a: Pixels, b: Pixels, known: _FeaturesOf, sides: Sequence[tuple[int, int]] = _SIDES) -> _Found | None:
    best: _Found | None = None
    for side, most in sides:
        if side > _SIDES[0][0] and max(*a.shape, *b.shape) < _WORTH * _SIDES[0][0]:
            break
        features, others = local_features(a, side, most), known.at(side, most)
        found = align(features, others)
        if found is None:
            continue
        alignment = refine(a, b, found, features, others)
        best = _better(best, _Found(alignment, superpose(a, b, alignment)))
        if best is not None and best.pair.agreement >= _COPY:
            break
    return best


def _by_parts(a: Pixels, b: Pixels, known: _FeaturesOf) -> _Found | None:
    """The parts of the suspect that look as if they were pasted, each as a whole and by its features."""
    best: _Found | None = None
    height, width = a.shape[:2]
    for part in find_insets(Image.fromarray(a)):
        left, top = round(part.x * width), round(part.y * height)
        right, bottom = round((part.x + part.w) * width), round((part.y + part.h) * height)
        cut = a[top:bottom, left:right]
        if min(cut.shape[:2]) < _SMALLEST_PART:
            continue
        exact = Region(left / width, top / height, (right - left) / width, (bottom - top) / height)
        found = _better(_whole(cut, b), _by_features(cut, b, known, _SIDES[:1]))
        alignment = None if found is None else within(found.alignment, exact)
        if alignment is not None:
            best = _better(best, _Found(alignment, superpose(a, b, alignment)))
    return best


Source: TypeAlias = bytes | Image.Image | Pixels
R = TypeVar("R")

_TARGET_SIDE: Final = 400
"""Longer side in pixels at which the library's pictures are looked at. SIFT doubles a picture first, so that it sees
nearly what 640 pixels would show without, at a third of the time."""
_QUICK_SIDE: Final = 288
"""The same where many are verified at once, at half that time again; features that only the larger one shows are seldom
those that decide: of 960 edited copies it verifies 0.897, with 320 pixels 0.901, with 400 0.903."""
_DECODED_SIDE: Final = 300  # of the shorter side


class Verifier:
    """Tells how a query lies in pictures of a library. Threads may share it.

    ``original`` gives the file's bytes of the picture with an id.
    """

    def __init__(self, original: Callable[[str], bytes], *, max_pixels: int) -> None:
        self._original = original
        self._max_pixels = max_pixels

    def verify(self, query: Source, ids: Sequence[str]) -> dict[str, Alignment | None]:
        """How the query lies in each of these, None where they do not agree; those that cannot be read are left out.

        Raises `PictureError` where the query is no usable picture, and `MissingExtra`.
        """
        features = self.features(query)
        return self.each(ids, lambda _, image: align(features, target_features(image, _QUICK_SIDE)))

    def features(self, picture: Source) -> LocalFeatures:
        """The local features of a query. Raises as `verify` does."""
        if isinstance(picture, bytes):
            return local_features(decode(picture, at_least=QUERY_SIDE, max_pixels=self._max_pixels).image)
        return local_features(picture if isinstance(picture, np.ndarray) else from_pillow(picture))

    def each(
        self, ids: Sequence[str], look: Callable[[str, Image.Image], R], at_least: int = _DECODED_SIDE
    ) -> dict[str, R]:
        """Return what ``look`` makes of the id and the RGB picture of each, on several threads.

        A picture has ``at_least`` so many pixels on its shorter side, if its file has. Those that cannot be read are
        left out. Raises `MissingExtra`.
        """
        opencv()

        def looked(id: str) -> tuple[str, R] | None:
            try:
                data = self._original(id)
                image = decode(data, at_least=at_least, max_pixels=self._max_pixels).image
            except YunmengError:
                return None
            return id, look(id, image)

        with ThreadPoolExecutor(min(cores(), max(1, len(ids)))) as pool:
            contexts = [copy_context() for _ in ids]  # what bounds the fetches of a request holds on these threads too
            results = pool.map(lambda context, id: context.run(looked, id), contexts, ids)
            return dict(found for found in results if found is not None)


def target_features(image: Image.Image, side: int = _TARGET_SIDE) -> LocalFeatures:
    """The local features of one of the library's pictures, with its longer side at ``side`` pixels."""
    return local_features(image, side)
