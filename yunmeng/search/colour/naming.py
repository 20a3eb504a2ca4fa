"""The twelve basic names of colours, and how well each fits a colour.

They are the eleven basic terms of Berlin and Kay ("Basic Color Terms", 1969) and beige, which shops use as often. Each
name has examples; a colour's nearest examples decide. Distances are taken in OKLab with its chroma on a logarithmic
scale: in photographs a navy coat or olive trousers are nearly grey, and people still name their hue.
"""

from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["BASIC", "EXAMPLE", "fits", "spread"]

_EXAMPLES: Final = {  # lightness, chroma, hue in degrees
    "black": ((0.13, 0, 0), (0.30, 0, 0)),
    "white": ((0.84, 0, 0), (0.98, 0, 0), (0.90, 0.012, 80)),
    "grey": ((0.48, 0, 0), (0.60, 0, 0), (0.70, 0, 0)),
    "red": ((0.30, 0.10, 20), (0.40, 0.12, 22), (0.58, 0.20, 25), (0.63, 0.24, 28)),
    "orange": ((0.65, 0.20, 42), (0.75, 0.16, 60)),
    "yellow": ((0.95, 0.20, 110), (0.85, 0.17, 90), (0.90, 0.10, 100), (0.70, 0.13, 90)),
    "green": (
        (0.42, 0.035, 130), (0.35, 0.06, 145), (0.50, 0.10, 140), (0.70, 0.15, 140), (0.85, 0.20, 130),
        (0.78, 0.07, 175), (0.55, 0.07, 118), (0.80, 0.04, 150),
    ),
    "blue": (
        (0.22, 0.05, 275), (0.35, 0.06, 262), (0.50, 0.10, 262), (0.65, 0.09, 255), (0.80, 0.08, 235),
        (0.45, 0.28, 264), (0.90, 0.05, 215), (0.50, 0.05, 250), (0.65, 0.04, 260),
    ),
    "purple": (
        (0.27, 0.06, 310), (0.45, 0.12, 320), (0.40, 0.08, 335), (0.60, 0.10, 310), (0.75, 0.07, 305),
        (0.55, 0.05, 340),
    ),
    "pink": (
        (0.65, 0.15, 0), (0.80, 0.08, 0), (0.77, 0.035, 5), (0.65, 0.20, 350), (0.70, 0.13, 18), (0.55, 0.10, 355),
    ),
    "brown": ((0.25, 0.035, 50), (0.35, 0.05, 45), (0.45, 0.035, 50), (0.50, 0.08, 50), (0.57, 0.07, 60)),
    "beige": ((0.68, 0.05, 68), (0.78, 0.04, 80), (0.90, 0.035, 90)),
}  # fmt: skip

BASIC: Final = tuple(_EXAMPLES)
"""The names, in the order of the columns of `fits`."""

EXAMPLE: Final = {
    "black": "#1c1c1e", "white": "#ffffff", "grey": "#8a8a8c", "red": "#c8202c", "orange": "#f08a24",
    "yellow": "#f4d03f", "green": "#3c8f4d", "blue": "#2c5fb3", "purple": "#7d3c98", "pink": "#ec7fa9",
    "brown": "#7a4b2a", "beige": "#dcc9a8",
}  # fmt: skip
"""One colour for each name, to show it."""

_LIGHTNESS: Final = 3.0  # weight of lightness against chroma and hue
_CHROMA: Final = 0.02  # below it chroma counts in proportion, above it by its logarithm
_SHARPNESS: Final = 0.08
"""Difference of two distances at which the nearer name fits e times as well."""


def spread(lab: NDArray[np.floating]) -> NDArray[np.float32]:
    """Return OKLab colours (..., 3) in the space where names are compared, float32 (..., 3)."""
    chroma = np.hypot(lab[..., 1], lab[..., 2])
    scale = np.log1p(chroma / _CHROMA) / np.maximum(chroma, 1e-6)
    return np.stack([_LIGHTNESS * lab[..., 0], lab[..., 1] * scale, lab[..., 2] * scale], axis=-1).astype(np.float32)


def fits(lab: NDArray[np.floating]) -> NDArray[np.float32]:
    """Return how well each of `BASIC` fits OKLab colours (n, 3): float32 (n, 12), which sum to 1."""
    examples, starts = _examples()
    places = spread(lab)
    squares = (places**2).sum(axis=1)[:, None] + (examples**2).sum(axis=1) - 2 * places @ examples.T
    distances = np.sqrt(np.maximum(np.minimum.reduceat(squares, starts, axis=1), 0))
    odds = np.exp((distances.min(axis=1, keepdims=True) - distances) / _SHARPNESS)
    shares: NDArray[np.float32] = odds / odds.sum(axis=1, keepdims=True)
    return shares


@cache
def _examples() -> tuple[NDArray[np.float32], list[int]]:
    """Return the examples of all names one after the other, (n, 3) as `spread`, and where each name's begin."""
    values = np.array([example for examples in _EXAMPLES.values() for example in examples])
    lightness, chroma, hue = values[:, 0], values[:, 1], np.radians(values[:, 2])
    lab = np.stack([lightness, chroma * np.cos(hue), chroma * np.sin(hue)], axis=1)
    ends = np.cumsum([len(examples) for examples in _EXAMPLES.values()])
    return spread(lab), [0, *ends[:-1].tolist()]
