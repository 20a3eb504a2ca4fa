"""Two pictures laid over each other, and a measure of whether they then show the same."""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from yunmeng.copies.ncc import Plane, windowed_ncc
from yunmeng.copies.transform import Transform, frame, jacobian
from yunmeng.types import Alignment, Pixels

__all__ = [
    "Superposed",
    "blurred",
    "chroma",
    "covers",
    "fitting",
    "is_grey",
    "is_plain",
    "luma",
    "recoloured",
    "size_of",
    "superpose",
    "warped",
]

SIDE: Final = 400
"""Longer side in pixels of the frame that pictures are compared in: fine enough for blur and for a line of text."""

_FITTED: Final = 6000  # pixels that the colours are fitted to
_ROUNDS: Final = 4
_SIGMAS: Final = (0.0, 0.4, 0.6, 0.8, 1.0, 1.3, 1.7, 2.4, 3.4, 4.8, 6.8, 9.6)
_WINDOW: Final = 60  # parts of the longer side in the sigma of the window that pictures are correlated in
_LUMA: Final = np.array([0.299, 0.587, 0.114], dtype=np.float32)  # ITU-R BT.601
_GREYISH: Final = 8.0  # grey levels
_LEAST_SHOWN: Final = 48  # pixels
_ALIKE: Final = 10.0  # grey levels between two plain pictures that are the same
_FITS: Final = 0.7  # correlation of windows that show the same
_TEXTURE: Final = 3.0  # grey levels: the variation below which a window shows nothing to agree on


@dataclass(frozen=True, slots=True)
class Superposed:
    """The part of two pictures that both show, in one frame, float32 (h, w, 3), 0-255.

    ``a`` is the suspect, ``b`` the original, ``expected`` the original blurred by ``sigma`` pixels of the frame and in
    the colours of the suspect: what the suspect would look like without any other edit. ``covered`` marks the pixels,
    bool (h, w), that ``a`` fills. ``agreement`` in [-1, 1] is the correlation of ``a`` and ``expected`` in small
    windows, on average over those that show anything, and of plain pictures 1 where they are alike. ``pixels`` is how
    many of the suspect's lie along one of the frame; ``colours`` is what makes the original's colours those of the
    suspect, for `recoloured`.
    """

    a: Plane
    b: Plane
    expected: Plane
    covered: NDArray[np.bool_]
    sigma: float
    agreement: float
    pixels: float
    colours: NDArray[np.float64]


def superpose(a: Pixels, b: Pixels, alignment: Alignment, side: int = SIDE) -> Superposed:
    """Lay ``a`` over ``b`` by ``alignment``, in the part of b that a shows, and match the looks of b to a."""
    seen = frame(size_of(a), size_of(b), alignment, side)
    over, covered = warped(a, seen.onto_a, seen.size), covers(a, seen.onto_a, seen.size)
    under = warped(b, seen.onto_b, seen.size)
    density = math.sqrt(abs(np.linalg.det(jacobian(seen.onto_a, (seen.size[0] / 2, seen.size[1] / 2)))))
    return _matched(over, under, covered, density)


def warped(pixels: Pixels, transform: Transform, size: tuple[int, int]) -> Plane:
    """Return a picture seen through a frame of ``size`` (width, height), float32, and where it fills the frame.

    ``transform`` takes points of the frame to points of the picture.
    """
    smaller, data = _through(size_of(pixels), transform, size)
    image = Image.fromarray(pixels).resize(smaller, Image.Resampling.LANCZOS, reducing_gap=3.0)
    shown = image.transform(size, Image.Transform.PERSPECTIVE, data, Image.Resampling.BICUBIC)
    return np.asarray(shown, dtype=np.float32)


def covers(pixels: Pixels, transform: Transform, size: tuple[int, int]) -> NDArray[np.bool_]:
    """Return where a picture that is `warped` so fills the frame, bool (h, w)."""
    smaller, data = _through(size_of(pixels), transform, size)
    # Pillow leaves black what lies outside, and also a rim where the filter would look outside.
    full = Image.new("L", smaller, 255).transform(size, Image.Transform.PERSPECTIVE, data, Image.Resampling.BICUBIC)
    return np.asarray(full) > 254


def _through(
    whole: tuple[int, int], transform: Transform, size: tuple[int, int]
) -> tuple[tuple[int, int], tuple[float, ...]]:
    """The size that a picture is made smaller to, and Pillow's numbers for the transform from there.

    What the frame shows smaller is made smaller first, or it would be sampled and not averaged.
    """
    steps = np.linalg.norm(jacobian(transform, (size[0] / 2, size[1] / 2)), axis=1)
    width, height = (max(1, round(length / max(step, 1.0))) for length, step in zip(whole, steps, strict=True))
    through = np.diag([width / whole[0], height / whole[1], 1.0]) @ transform
    through /= through[2, 2]
    return (width, height), tuple(through.ravel()[:8])


def chroma(colours: Plane) -> Plane:
    """Return how far colours, (..., 3), are from grey, in grey levels."""
    spread: Plane = np.ptp(colours, axis=-1)
    return spread


def is_grey(colours: Plane) -> bool:
    """Return whether colours, (n, 3), are all grey, apart from compression noise and edges."""
    return len(colours) > 0 and bool(np.quantile(chroma(colours), 0.95) < _GREYISH)


def luma(plane: Plane) -> Plane:
    """Return the grey values of a picture, float32 (h, w)."""
    grey: Plane = plane @ _LUMA
    return grey


def size_of(pixels: Pixels) -> tuple[int, int]:
    """Return the width and height of a picture in pixels."""
    return pixels.shape[1], pixels.shape[0]


def _matched(a: Plane, b: Plane, covered: NDArray[np.bool_], density: float) -> Superposed:
    from scipy.ndimage import binary_erosion

    covered = binary_erosion(covered, iterations=1, border_value=1)
    sigma = _blur_between(a, b, covered)
    softened = blurred(b, sigma)
    colours = _colours_between(a, softened, covered)
    expected = recoloured(softened, colours)
    if is_plain(luma(a), covered) or is_plain(luma(b), covered):
        alike = covered.any() and float(np.abs(blurred(a, 1.0) - blurred(b, 1.0))[covered].max()) < _ALIKE
        return Superposed(a, b, expected, covered, sigma, float(alike), density, colours)
    agreement = _agreement(luma(a), luma(expected), covered)
    return Superposed(a, b, expected, covered, sigma, agreement, density, colours)


def is_plain(grey: Plane, covered: NDArray[np.bool_]) -> bool:
    """Return whether a picture shows nothing to recognise: one colour, or one that shades off into another."""
    rows, columns = np.nonzero(covered)
    if len(rows) < _LEAST_SHOWN:
        return True
    step = max(1, len(rows) // _FITTED)
    y, x = rows[::step] / grey.shape[0], columns[::step] / grey.shape[1]
    surface = np.column_stack([np.ones(len(x)), x, y, x * x, x * y, y * y])
    values = grey[rows[::step], columns[::step]]
    # By the normal equations: six numbers need no factorisation of thousands of rows.
    fitted = surface @ np.linalg.solve(surface.T @ surface + 1e-9 * np.eye(6), surface.T @ values)
    return bool(np.std(values - fitted) < _TEXTURE)


def blurred(plane: Plane, sigma: float) -> Plane:
    """Return a picture under a Gaussian blur of ``sigma`` pixels."""
    from scipy.ndimage import gaussian_filter

    axes = (sigma, sigma, 0) if plane.ndim == 3 else (sigma, sigma)
    blurred: Plane = gaussian_filter(plane, axes) if sigma else plane
    return blurred


def _blur_between(a: Plane, b: Plane, covered: NDArray[np.bool_]) -> float:
    """The Gaussian blur that makes b most like a, its sigma in pixels."""
    one, other = luma(a), luma(b)
    best, least = 0.0, math.inf
    for sigma in _SIGMAS:
        if sigma > max(one.shape) / 12:
            break
        rest = _residual(one[covered], blurred(other, sigma)[covered])
        if rest < least:
            best, least = sigma, rest
        elif rest > 1.5 * least:
            break
    return best


def _residual(values: NDArray[np.float32], by: NDArray[np.float32]) -> float:
    """Return the error of a straight line through the grey values, without the worst tenth, which are overlays."""
    if values.size < 16:
        return math.inf
    step = max(1, values.size // 40_000)
    x, y = by[::step].astype(np.float64), values[::step].astype(np.float64)
    kept = np.ones(x.size, dtype=bool)
    rest = y
    for _ in range(2):
        gain, offset = _line(x[kept], y[kept])
        rest = np.abs(y - gain * x - offset)
        kept = rest <= np.quantile(rest, 0.9)
    return float(np.sqrt(np.mean(rest[kept] ** 2)))


def _line(x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[float, float]:
    # einsum, as a product of long vectors wakes all threads of the linear algebra library, which takes longer.
    spread = x - x.mean()
    power = float(np.einsum("i,i", spread, spread))
    gain = float(np.einsum("i,i", spread, y)) / power if power > 1e-6 else 0.0
    return gain, float(y.mean() - gain * x.mean())


def recoloured(plane: Plane, colours: NDArray[np.float64]) -> Plane:
    """Return a picture, (h, w, 3), in other colours: each channel a polynomial of its three."""
    whole = _features(plane.reshape(-1, 3)) @ colours
    fitted: Plane = (whole * 255).clip(0, 255).astype(np.float32).reshape(plane.shape)
    return fitted


def _colours_between(a: Plane, b: Plane, covered: NDArray[np.bool_]) -> NDArray[np.float64]:
    """The colours of a from those of b, fitted without what does not fit: (7, 3)."""
    chosen = np.flatnonzero(covered.ravel())
    if chosen.size < 32:
        return _start(7, grey=False)
    chosen = chosen[:: max(1, chosen.size // _FITTED)]
    x = _features(b.reshape(-1, 3)[chosen])
    y = a.reshape(-1, 3)[chosen].astype(np.float64) / 255
    weight = np.ones(len(x))
    ridge = 1e-5 * len(x) * np.diag([1.0] * (x.shape[1] - 1) + [0.0])
    start = _start(x.shape[1], grey=is_grey(a.reshape(-1, 3)[chosen]))
    solution = start
    for _ in range(_ROUNDS):
        weighed = x * weight[:, None]
        solution = start + np.linalg.solve(x.T @ weighed + ridge, weighed.T @ (y - x @ start))
        rest = np.abs(y - x @ solution).max(axis=1)
        scale = max(float(np.quantile(rest, 0.6)), 4 / 255)
        weight = 1 / (1 + (rest / (2 * scale)) ** 2) ** 2
    return solution


def _start(features: int, *, grey: bool) -> NDArray[np.float64]:
    """The colours as they are, or all grey: what the fit is drawn to where too little of the picture tells."""
    start = np.zeros((features, 3))
    start[:3] = np.repeat(_LUMA[:, None], 3, axis=1) if grey else np.eye(3)
    return start


def _features(colours: NDArray[np.float32]) -> NDArray[np.float64]:
    scaled = colours.astype(np.float64) / 255
    return np.hstack([scaled, scaled**2, np.ones((len(scaled), 1))])


def fitting(pair: Superposed) -> NDArray[np.bool_]:
    """Return the pixels around which both pictures of ``pair`` show the same, or both show nothing, bool (h, w)."""
    values, variance = _windows(luma(blurred(pair.a, 1.5)), luma(blurred(pair.expected, 1.5)), pair.covered)
    return pair.covered & ((values >= _FITS) | (variance <= _TEXTURE**2))


def _agreement(a: Plane, b: Plane, covered: NDArray[np.bool_]) -> float:
    """The correlation in windows, each weighed by how much either picture shows in it."""
    values, variance = _windows(a, b, covered)
    shown = np.sqrt(variance) * (covered & (variance > _TEXTURE**2))
    total = float(shown.sum())
    return float((values * shown).sum()) / total if total else 0.0


def _windows(a: Plane, b: Plane, covered: NDArray[np.bool_]) -> tuple[Plane, Plane]:
    """The correlation around each pixel, and the greater variance of the two there, (h, w) each."""
    sigma = max(max(a.shape) / _WINDOW, 1.5)
    found = windowed_ncc(a, b, covered.astype(np.float32), lambda plane: blurred(plane, sigma), _TEXTURE)
    return found.values, np.maximum(found.variance_a, found.variance_b)
