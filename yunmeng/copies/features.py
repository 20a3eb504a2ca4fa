"""Local features: places of a picture that can be found again in a copy of it, with a description of each.

SIFT (Lowe, "Distinctive Image Features from Scale-Invariant Keypoints", IJCV 2004) as OpenCV computes it, with
descriptors compared as RootSIFT (Arandjelović and Zisserman, "Three things everyone should know to improve object
retrieval", CVPR 2012, section 3).
"""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from yunmeng.copies.opencv import opencv
from yunmeng.types import Pixels

__all__ = [
    "QUERY_SIDE",
    "TARGET_SIDE",
    "CompactFeatures",
    "Floats",
    "LocalFeatures",
    "Pairs",
    "compact_features",
    "local_features",
    "pair",
    "working_size",
]

Floats = NDArray[np.float32]

QUERY_SIDE: Final = 640
"""Longer side in pixels at which a query is looked at."""

TARGET_SIDE: Final = 400
"""Longer side in pixels at which the library's pictures are looked at. SIFT doubles a picture first, so that it sees
nearly what 640 pixels would show without, at a third of the time."""

_MOST: Final = 600
_ENLARGED: Final = 3.0
"""Times by which a small picture is enlarged at most: SIFT doubles it once more, and beyond that nothing is gained."""
_LEAST_SIDE: Final = 16  # pixels of the shorter side, below which SIFT's pyramid has no room

_CELLS: Final = np.arange(128).reshape(4, 4, 8)
_MIRRORED: Final = _CELLS[::-1, :, (8 - np.arange(8)) % 8].ravel()
"""Which entry of a descriptor stands in each place of that of the mirrored picture. Seen along the feature's own
direction, mirroring turns the sides round: of the 4 rows of cells, and of the 8 directions in each."""


@dataclass(frozen=True, slots=True)
class LocalFeatures:
    """The local features of one picture, n of them.

    ``points`` are where they lie, float32 (n, 2), x and y in pixels of the picture at ``size``, its width and height as
    it was looked at; ``scales`` their diameters in such pixels, float32 (n,); ``angles`` their directions in radians,
    float32 (n,); ``descriptors`` how they look, RootSIFT, float32 (n, 128), L2-normalised.
    """

    size: tuple[int, int]
    points: Floats
    scales: Floats
    angles: Floats
    descriptors: Floats

    def __len__(self) -> int:
        return len(self.points)

    def mirrored(self) -> "LocalFeatures":
        """Return the features of the picture mirrored left to right, without computing them again."""
        points = self.points.copy()
        points[:, 0] = self.size[0] - 1 - points[:, 0]
        angles = np.float32(np.pi) - self.angles
        return replace(self, points=points, angles=angles, descriptors=self.descriptors[:, _MIRRORED])


@dataclass(frozen=True, slots=True)
class CompactFeatures:
    """Local features in a quarter of the memory.

    ``places`` are x, y, diameter and degrees, float32 (n, 4), ``descriptors`` those of plain SIFT, uint8 or float32
    (n, 128).
    """

    size: tuple[int, int]
    places: Floats
    descriptors: NDArray[np.uint8] | Floats

    @property
    def nbytes(self) -> int:
        """The bytes that the numbers take."""
        return self.places.nbytes + self.descriptors.nbytes

    def expanded(self) -> LocalFeatures:
        """Return the features as they are compared."""
        plain = self.descriptors.astype(np.float32)
        root = np.sqrt(plain / np.maximum(plain.sum(axis=1, keepdims=True), 1e-12))
        places = self.places
        return LocalFeatures(self.size, places[:, :2], places[:, 2], np.deg2rad(places[:, 3]), root)


def local_features(image: Pixels | Image.Image, side: int = QUERY_SIDE, most: int = _MOST) -> LocalFeatures:
    """Return the ``most`` clearest features of an RGB picture, uint8 (height, width, 3), its longer side at ``side``.

    A picture that is flat, or only a few pixels wide, has none. Raises `MissingExtra`.
    """
    return compact_features(image, side, most).expanded()


def compact_features(image: Pixels | Image.Image, side: int, most: int = _MOST) -> CompactFeatures:
    """Return the same as `local_features`, in less memory. Raises `MissingExtra`."""
    cv2 = opencv()
    grey = np.asarray((Image.fromarray(image) if isinstance(image, np.ndarray) else image).convert("L"))
    size = working_size(grey.shape[1], grey.shape[0], side)
    if min(size) < _LEAST_SIDE:
        return CompactFeatures(size, np.empty((0, 4), np.float32), np.empty((0, 128), np.uint8))
    smaller = size[0] < grey.shape[1]
    grey = cv2.resize(grey, size, interpolation=cv2.INTER_AREA if smaller else cv2.INTER_LINEAR)
    keypoints, descriptors = cv2.SIFT_create(most, enable_precise_upscale=True).detectAndCompute(grey, None)
    places = np.array([(*point.pt, point.size, point.angle) for point in keypoints[:most]], np.float32)
    plain: Floats = np.empty((0, 128), np.float32) if descriptors is None else descriptors[:most]
    whole = plain.astype(np.uint8)  # which they are, as OpenCV makes them
    return CompactFeatures(size, places.reshape(-1, 4), whole if np.array_equal(whole, plain) else plain)


def working_size(width: int, height: int, side: int) -> tuple[int, int]:
    """Return the width and height at which a picture is examined."""
    scale = min(side / max(width, height), _ENLARGED)
    return max(1, round(width * scale)), max(1, round(height * scale))


RATIO: Final = 0.85
"""Distance to the nearest feature over that to the second nearest, above which a pair says nothing (Lowe 2004, section
7.1). He takes 0.8; here one pair is enough to guess a transform, so that more wrong ones can be borne."""
_MOST_PAIRS: Final = 400


@dataclass(frozen=True, slots=True)
class Pairs:
    """n pairs of features: their numbers in the query and in the target, intp (n,), the surest first."""

    query: NDArray[np.intp]
    target: NDArray[np.intp]

    def __len__(self) -> int:
        return len(self.query)


def pair(query: LocalFeatures, target: LocalFeatures, ratio: float = RATIO) -> Pairs:
    """Pair each feature of the query with its nearest in the target, if that is clearly the nearest; at most 400 pairs.

    Where several of the query have the same nearest one, the closest of them is taken.
    """
    if len(query) < 2 or len(target) < 2:
        return Pairs(np.empty(0, np.intp), np.empty(0, np.intp))
    # Not NumPy's product: its threads wait for each other where many pictures are looked at side by side.
    cv2 = opencv()
    alike: Floats = cv2.gemm(query.descriptors, target.descriptors, 1.0, None, 0.0, flags=cv2.GEMM_2_T)
    nearest = alike.argmax(axis=1)
    rows = np.arange(len(query))
    best = alike[rows, nearest]
    alike[rows, nearest] = -1
    ratios = np.sqrt(_squares(best) / _squares(alike.max(axis=1)))
    kept = np.flatnonzero(ratios < ratio)
    kept = kept[np.argsort(-best[kept], kind="stable")]
    kept = kept[np.unique(nearest[kept], return_index=True)[1]]
    kept = kept[np.argsort(ratios[kept], kind="stable")][:_MOST_PAIRS]
    return Pairs(kept, nearest[kept])


def _squares(cosines: Floats) -> Floats:
    """Squared distances of vectors of length 1."""
    return np.maximum(2 - 2 * cosines, 1e-9)
