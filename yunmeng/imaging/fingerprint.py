"""What tells one picture's copies from all others: a hash of its bytes and two of its looks."""

import hashlib
from dataclasses import dataclass
from typing import Final

import numpy as np
from PIL import Image

from yunmeng.imaging.grey import luma, shrunk
from yunmeng.imaging.pdq import pdq
from yunmeng.types import Pixels

__all__ = ["Fingerprints", "fingerprint", "fingerprint_of_grey", "hamming", "sha256"]

_PHASH_SIDE: Final = 32
_PHASH_KEPT: Final = 8

_COSINES: Final = np.cos(np.pi / (2 * _PHASH_SIDE) * np.outer(np.arange(_PHASH_KEPT), 2 * np.arange(_PHASH_SIDE) + 1))


@dataclass(frozen=True, slots=True)
class Fingerprints:
    """Two perceptual hashes as lower-case hex, most significant bit first.

    - ``phash``: 16 digits, 64 bits. Copies lie within about 8 bits of each other.
    - ``pdq``: 64 digits, 256 bits. Copies lie within about 30 bits, strangers beyond 90.

    Both survive compression, scaling, blur and noise; neither survives cropping, turning or mirroring. Pictures of one
    colour all share one hash: look at the contrast in `QualityScores` before believing a match.
    """

    phash: str
    pdq: str


def fingerprint(pixels: Pixels) -> Fingerprints:
    """Both perceptual hashes of a picture, uint8 (h, w, 3).

    pHash after C. Zauner, "Implementation and Benchmarking of Perceptual Image Hash Functions" (2010), its bits laid
    out as in the ImageHash package, but taken from a copy of at most 256 px: half a bit of 64 differs on average.
    For PDQ see `yunmeng.imaging.pdq`.
    """
    grey = luma(pixels)
    return fingerprint_of_grey(grey, shrunk(grey))


def fingerprint_of_grey(grey: Image.Image, small: Image.Image) -> Fingerprints:
    """As `fingerprint`, for a caller who has the picture's `luma` and its `shrunk` copy at hand."""
    return Fingerprints(_phash(small), pdq(grey))


def sha256(data: bytes) -> str:
    """SHA-256 of a file's bytes, 64 hex digits."""
    return hashlib.sha256(data).hexdigest()


def hamming(a: str, b: str) -> int:
    """How many bits differ between two hashes of the same kind, given as hex.

    Raises ValueError where their lengths differ.
    """
    if len(a) != len(b):
        raise ValueError(f"hashes of {4 * len(a)} and {4 * len(b)} bits cannot be compared")
    return (int(a, 16) ^ int(b, 16)).bit_count()


def _phash(small: Image.Image) -> str:
    square = small.resize((_PHASH_SIDE, _PHASH_SIDE), Image.Resampling.LANCZOS, reducing_gap=2.0)
    # Rounded for the same reason as in PDQ. Of the cosines, the constant one stays: ImageHash keeps it too.
    coefficients = (_COSINES @ np.asarray(square, dtype=np.float64) @ _COSINES.T).round(6)
    return np.packbits(coefficients > np.median(coefficients)).tobytes().hex()
