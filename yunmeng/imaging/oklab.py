"""Colours in OKLab, where equal distances look about equally far apart.

After Björn Ottosson, "A perceptual color space for image processing" (2020, https://bottosson.github.io/posts/oklab/),
whose matrices these are.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["oklab", "oklab_of_linear"]

_TO_CONES: Final = np.array(
    [
        (0.4122214708, 0.5363325363, 0.0514459929),
        (0.2119034982, 0.6806995451, 0.1073969566),
        (0.0883024619, 0.2817188376, 0.6299787005),
    ],
    np.float32,
).T
_TO_LAB: Final = np.array(
    [
        (0.2104542553, 0.7936177850, -0.0040720468),
        (1.9779984951, -2.4285922050, 0.4505937099),
        (0.0259040371, 0.7827717662, -0.8086757660),
    ],
    np.float32,
).T
_LEVELS: Final = np.arange(256) / 255
_LINEAR: Final = np.where(_LEVELS <= 0.04045, _LEVELS / 12.92, ((_LEVELS + 0.055) / 1.055) ** 2.4).astype(np.float32)


def oklab(rgb: NDArray[np.integer]) -> NDArray[np.float32]:
    """Return sRGB colours, integers (..., 3) in 0-255, as L in [0, 1], a and b: float32 (..., 3)."""
    return oklab_of_linear(_LINEAR[rgb])


def oklab_of_linear(rgb: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return linear sRGB colours, (..., 3) in [0, 1], as L, a and b: float32 (..., 3)."""
    lab: NDArray[np.float32] = np.cbrt(rgb @ _TO_CONES) @ _TO_LAB
    return lab
