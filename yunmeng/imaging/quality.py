"""Judges whether a picture is good enough to search with: seven faults, each a score and a threshold, and `damaged`.

The thresholds were set on 1,100 hand-held photographs (the clothing dataset of Alexey Grigorev, 400 px wide) and on
spoilt copies of them. None of the photographs is flagged. All of these are: Gaussian blur of radius 8, brightness
scaled to a tenth, faded to near white, contrast squashed to 8 %, one colour, 20 x 20 pixels, 1:6 panorama; of blur of
radius 4, more than nine in ten. A blurred picture with strong noise on it passes as sharp.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from yunmeng.imaging.grey import luma, shrunk
from yunmeng.types import Pixels

__all__ = ["EXPLANATIONS", "QualityScores", "assess", "damaged", "problems", "scores_of_grey"]

BLURRY_BELOW: Final = 80.0
"""Sharpness; the photographs lie between 150 and 43,000, those blurred by radius 8 at 40 or less."""

DARK_BELOW: Final = 0.25
"""Highlights: not even the brightest hundredth of the picture reaches a quarter of white."""

BRIGHT_ABOVE: Final = 0.80
"""Shadows: not even the darkest hundredth falls below four fifths of white."""

FLAT_BELOW: Final = 0.12
"""Contrast; the photographs begin at 0.19."""

LOW_INFORMATION_BELOW: Final = 1.0
"""Entropy in bits; the photographs begin at 5.2. Line drawings on white come near this."""

TINY_BELOW: Final = 64.0
"""Shorter side in pixels: PDQ looks at 64 x 64, encoders at more."""

ODD_ASPECT_ABOVE: Final = 4.0
"""Longer over shorter side: squashed into a square, little is recognisable."""

EXPLANATIONS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "blurry": "No part of the picture is in focus.",
        "dark": "The picture is almost black.",
        "bright": "The picture is almost white.",
        "flat": "The picture has hardly any contrast.",
        "low-information": "The picture is little more than one colour.",
        "tiny": "The picture is too small: its shorter side is below 64 pixels.",
        "odd-aspect": "The picture is a strip: one side is more than four times the other.",
        "damaged": "Part of the file's data is broken: some of the picture is grey, shifted or in wrong colours.",
    }
)
"""Every problem that `problems` can name, in its order, and ``damaged``, in a sentence for people."""

_CORRUPT: Final = "Corrupt JPEG data"  # libjpeg's words, where it is not only the end marker that is missing
_PADDED: Final = re.compile(r"(\d+) extraneous bytes before marker 0xd9")

_TILES: Final = 4  # a side: sixteen in all


QualityScores: TypeAlias = Mapping[str, float]
"""What was measured, by name, as `yunmeng.types.Record.quality` keeps it. All but the last two on a grey copy of at
most 256 pixels.

- ``sharpness``: variance of the Laplacian (Pech-Pacheco et al., ICPR 2000), of the sharpest of 4 x 4 tiles, so that a
  subject in focus before a soft background counts as sharp; 0 and up, in squared grey levels;
- ``brightness``: mean, ``shadows`` and ``highlights``: 1st and 99th percentile, ``contrast``: highlights minus shadows;
  0 (black) to 1 (white);
- ``entropy``: of the histogram (Shannon), 0-8 bits;
- ``shorter_side`` of the original in pixels, ``aspect``: its longer over its shorter side, 1 and up.
"""


def assess(pixels: Pixels, *, width: int, height: int) -> QualityScores:
    """Measure a picture; ``width`` and ``height`` are the original's where ``pixels`` is a reduced copy."""
    return scores_of_grey(shrunk(luma(Image.fromarray(pixels))), width=width, height=height)


def scores_of_grey(grey: Image.Image, *, width: int, height: int) -> QualityScores:
    """Return the same as `assess`, for a caller who has the picture's `shrunk` grey copy already."""
    counts = np.asarray(grey.histogram())
    total = counts.sum()
    below = counts.cumsum()
    shadows, highlights = (int(np.searchsorted(below, share * total)) / 255 for share in (0.01, 0.99))
    shares = counts[counts > 0] / total
    return {
        "sharpness": _sharpness(np.asarray(grey)),
        "brightness": float(counts @ np.arange(256) / total) / 255,
        "shadows": shadows,
        "highlights": highlights,
        "contrast": highlights - shadows,
        "entropy": abs(float(shares @ np.log2(shares))),
        "shorter_side": float(min(width, height)),
        "aspect": max(width, height) / min(width, height),
    }


def problems(scores: QualityScores) -> list[str]:
    """Return the faults of a picture, as keys of `EXPLANATIONS` and in its order; empty for a good one.

    Without contrast sharpness cannot be measured, so a flat picture is not called blurry as well.
    """
    flat = scores["contrast"] < FLAT_BELOW
    found = {
        "blurry": scores["sharpness"] < BLURRY_BELOW and not flat,
        "dark": scores["highlights"] < DARK_BELOW,
        "bright": scores["shadows"] > BRIGHT_ABOVE,
        "flat": flat,
        "low-information": scores["entropy"] < LOW_INFORMATION_BELOW,
        "tiny": scores["shorter_side"] < TINY_BELOW,
        "odd-aspect": scores["aspect"] > ODD_ASPECT_ABOVE,
    }
    return [name for name in EXPLANATIONS if found.get(name)]


def damaged(data: bytes) -> bool:
    """Return whether the data of a JPEG file that `decode` takes is broken inside; False for other formats.

    libjpeg decodes such a file with a warning, which Pillow does not pass on and simplejpeg does. Of 1,870 sound files
    none is called damaged; of those that were cut and given an end marker, or that lack 500 bytes inside, all are, of
    those with five changed bytes three in four.
    """
    if not data.startswith(b"\xff\xd8"):
        return False
    import simplejpeg

    try:
        simplejpeg.decode_jpeg(data, colorspace="GRAY", min_height=1, min_width=1, strict=True)
    except ValueError as exc:
        return _CORRUPT in str(exc) and not _padded(data, str(exc))
    return False


def _padded(data: bytes, warning: str) -> bool:
    """Some cameras fill a file up with zeros before its end marker, which harms nothing."""
    found = _PADDED.search(warning)
    end = data.rfind(b"\xff\xd9")
    return found is not None and not data[end - int(found[1]) : end].strip(b"\0")


def _sharpness(grey: NDArray[np.uint8]) -> float:
    if min(grey.shape) < 3:
        return 0.0
    levels = grey.astype(np.int16)
    ring = levels[:-2, 1:-1] + levels[2:, 1:-1] + levels[1:-1, :-2] + levels[1:-1, 2:]
    laplacian = (ring - 4 * levels[1:-1, 1:-1]).astype(np.float32)
    rows, columns = (max(1, side // _TILES) for side in laplacian.shape)
    down, across = laplacian.shape[0] // rows, laplacian.shape[1] // columns
    tiles = laplacian[: down * rows, : across * columns].reshape(down, rows, across, columns)
    means = tiles.mean(axis=(1, 3))
    squares = np.einsum("drac,drac->da", tiles, tiles) / (rows * columns)
    return float((squares - means**2).max())
