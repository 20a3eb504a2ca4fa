"""Two pictures in one frame: the transforms of an `Alignment` in pixels, and the window around what both show."""

from typing import Final, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from yunmeng.types import Alignment

__all__ = ["Frame", "Transform", "between_centres", "frame", "inverse", "jacobian", "to_fractions", "to_pixels"]

Transform: TypeAlias = NDArray[np.float64]
"""A homography, (3, 3), that takes points in pixels to points in pixels: (x, y, 1), continuous, the corner at 0."""

_MIRROR: Final = np.array([[-1.0, 0, 1], [0, 1, 0], [0, 0, 1]])
_CENTRED: Final = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])
_LEAST_SIDE: Final = 8


class Frame(NamedTuple):
    """A window of ``size``, width and height in pixels, and what takes its points to those of either picture."""

    size: tuple[int, int]
    onto_a: Transform
    onto_b: Transform


def frame(a: tuple[int, int], b: tuple[int, int], alignment: Alignment, side: int) -> Frame:
    """The frame around what both pictures show, as fine as the coarser one of them, at most ``side`` pixels long.

    ``a`` and ``b`` are their sizes, width and height in pixels.
    """
    onto = inverse(to_pixels(alignment, a, b))  # points of b to points of a
    xs, ys = np.array(alignment.outline).T
    low = np.clip([xs.min(), ys.min()], 0, 1) * b
    high = np.clip([xs.max(), ys.max()], 0, 1) * b
    extent = np.maximum(high - low, 1.0)
    middle = (low + high) / 2
    density = np.linalg.svd(jacobian(onto, (middle[0], middle[1])), compute_uv=False)[1]
    scale = min(1.0, float(density), side / float(extent.max()))
    width, height = (max(_LEAST_SIDE, round(length * scale)) for length in extent)
    place = np.array([[extent[0] / width, 0, low[0]], [0, extent[1] / height, low[1]], [0, 0, 1]])
    return Frame((width, height), onto @ place, place)


def to_pixels(alignment: Alignment, a: tuple[int, int], b: tuple[int, int]) -> Transform:
    """The transform of an alignment in pixels of pictures that are ``a`` and ``b`` (width, height) large."""
    fractions = np.array(alignment.transform, dtype=np.float64).reshape(3, 3)
    whole: Transform = np.diag([*b, 1.0]) @ fractions @ _mirror(alignment) @ np.diag([1 / a[0], 1 / a[1], 1.0])
    return whole


def to_fractions(transform: Transform, alignment: Alignment, a: tuple[int, int], b: tuple[int, int]) -> Transform:
    """A transform in pixels as one of fractions, mirrored as ``alignment`` is: the way back from `to_pixels`."""
    whole: Transform = np.diag([1 / b[0], 1 / b[1], 1.0]) @ transform @ np.diag([*a, 1.0]) @ _mirror(alignment)
    return whole


def jacobian(transform: Transform, point: tuple[float, float]) -> NDArray[np.float64]:
    """How the image of ``point`` moves with it, (2, 2)."""
    x, y, w = transform @ [point[0], point[1], 1.0]
    rows: NDArray[np.float64] = (transform[:2, :2] - np.outer([x / w, y / w], transform[2, :2])) / w
    return rows


def between_centres(transform: Transform) -> Transform:
    """The same for points that count from the centre of the first pixel, as OpenCV's do."""
    counted: Transform = inverse(_CENTRED) @ transform @ _CENTRED
    return counted


def inverse(transform: Transform) -> Transform:
    """The way back."""
    return np.asarray(np.linalg.inv(transform), dtype=np.float64)


def _mirror(alignment: Alignment) -> Transform:
    return _MIRROR if alignment.mirrored else np.eye(3)
