"""Making a poor picture easier to read: less noise, more contrast, truer colour. Needs the extra ``enhance``."""

from typing import Any, Final

import numpy as np

from yunmeng.errors import MissingExtra
from yunmeng.types import Pixels

__all__ = ["enhance"]

_NOISE: Final = 7.0  # grey levels that are taken for noise; weaker texture is lost with it
_PATCH: Final = 5  # pixels compared, and
_WINDOW: Final = 11  # pixels searched around each: time grows with its square
_CLIP: Final = 2.0  # times the mean height of a histogram's bins: above it, noise would be amplified
_GRID: Final = 8
_LARGEST_GAIN: Final = 2.0  # a picture that is all one colour must not be turned grey altogether


def enhance(pixels: Pixels, *, denoise: bool = False, contrast: bool = False, colour: bool = False) -> Pixels:
    """Return an improved copy of a picture, uint8 (h, w, 3), by the chosen steps, in the order they are named here.

    - ``denoise``: non-local means (Buades, Coll and Morel, CVPR 2005), about a second a megapixel;
    - ``contrast``: histogram equalisation in an 8 x 8 grid with limited contrast (CLAHE; Zuiderveld, Graphics Gems IV,
      1994) on the lightness of CIE Lab, so that hues stay;
    - ``colour``: grey-world balance (Buchsbaum, 1980): each channel is scaled to the mean of all three, by a factor
      of 2 at most. Only this one needs no OpenCV.

    Raises MissingExtra where OpenCV is not installed.
    """
    if denoise:
        pixels = _denoised(pixels)
    if contrast:
        pixels = _contrasted(pixels)
    if colour:
        pixels = _balanced(pixels)
    return pixels


def _opencv() -> Any:
    try:
        import cv2
    except ImportError as exc:
        raise MissingExtra("enhancement", "enhance") from exc
    return cv2


def _denoised(pixels: Pixels) -> Pixels:
    calm: Pixels = _opencv().fastNlMeansDenoisingColored(
        np.ascontiguousarray(pixels), None, _NOISE, _NOISE, _PATCH, _WINDOW
    )
    return calm


def _contrasted(pixels: Pixels) -> Pixels:
    cv2 = _opencv()
    lab = cv2.cvtColor(pixels, cv2.COLOR_RGB2LAB)
    equaliser = cv2.createCLAHE(clipLimit=_CLIP, tileGridSize=(_GRID, _GRID))
    lab[..., 0] = equaliser.apply(lab[..., 0])
    clear: Pixels = cv2.cvtColor(lab, cv2.COLOR_LAB2RGB)
    return clear


def _balanced(pixels: Pixels) -> Pixels:
    means = pixels.reshape(-1, 3).mean(axis=0)
    gains = np.clip(means.mean() / np.maximum(means, 1.0), 1 / _LARGEST_GAIN, _LARGEST_GAIN)
    # A channel has 256 values, so three small tables do the work of a multiplication for every pixel.
    tables = np.rint(np.arange(256)[:, None] * gains).clip(0, 255).astype(np.uint8)
    return np.stack([tables[pixels[..., channel], channel] for channel in range(3)], axis=-1)
