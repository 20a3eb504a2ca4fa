"""The correlation of two grey pictures around each place: blind to light and contrast, which differ from place to place
where a picture was edited."""

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["Correlations", "Plane", "correlations"]

Plane: TypeAlias = NDArray[np.float32]


class Correlations(NamedTuple):
    """The correlation in [-1, 1] around each pixel, and the variance of either picture there, (h, w) each."""

    values: Plane
    variance_a: Plane
    variance_b: Plane


def correlations(a: Plane, b: Plane, mask: Plane, blur: Callable[[Plane], Plane], noise: float) -> Correlations:
    """Normalised cross-correlation of ``a`` and ``b``, (h, w), over the pixels around each where ``mask`` is 1, not 0.

    ``blur`` averages a plane over the window around each pixel. ``noise``, a standard deviation in grey levels, is
    added to that of either, so that places where nothing is shown do not correlate by chance.
    """
    weight = blur(mask) + np.float32(1e-6)

    def mean(plane: Plane) -> Plane:
        average: Plane = blur(plane * mask) / weight
        return average

    mean_a, mean_b = mean(a), mean(b)
    variance_a = np.maximum(mean(a * a) - mean_a**2, 0)
    variance_b = np.maximum(mean(b * b) - mean_b**2, 0)
    floor = np.float32(noise**2)
    values = (mean(a * b) - mean_a * mean_b) / np.sqrt((variance_a + floor) * (variance_b + floor))
    return Correlations(values, variance_a, variance_b)
