"""What tells one picture's copies from all others: a hash of its bytes and two of its looks."""

import hashlib
from dataclasses import dataclass
from typing import Final

import numpy as np
from PIL import Image

from yunmeng.imaging.grey import luma, shrunk
from yunmeng.types import Pixels

__all__ = ["Fingerprints", "fingerprint", "fingerprint_of_grey", "hamming", "sha256"]

_PDQ_SIDE: Final = 128
"""PDQ smooths a picture with a tent as wide as 1/64 of it and looks at 64 x 64 points. Shrinking to 128 with Pillow's
bilinear filter is that tent; at this size the package smooths no more. 6 of 256 bits differ from hashing every
pixel, which takes as long as encoding a sixth of the picture."""


@dataclass(frozen=True, slots=True)
class Fingerprints:
    """Two perceptual hashes as lower-case hex, most significant bit first.

    - ``phash``: 16 digits, 64 bits. Copies lie within about 8 bits of each other.
    - ``pdq``: 64 digits, 256 bits. Copies lie within about 30 bits, strangers beyond 90.

    Both survive compression, scaling, blur and noise; neither survives cropping, turning or mirroring. Of a
    picture of one colour they say nothing: look at the contrast in `QualityScores` before believing a match.
    """

    phash: str
    pdq: str


def fingerprint(pixels: Pixels) -> Fingerprints:
    """Both perceptual hashes of a picture, uint8 (h, w, 3).

    pHash (C. Zauner, "Implementation and Benchmarking of Perceptual Image Hash Functions", 2010) as the ImageHash
    package computes it, from a copy of at most 256 px: half a bit of 64 differs. PDQ (Davis and Rosen, "The TMK+PDQF
    Video-Hashing Algorithm and the PDQ Image-Hashing Algorithm", 2019) as Meta's code computes it, from a copy of
    128 x 128: 6 bits of 256 differ on average.
    """
    grey = luma(pixels)
    return fingerprint_of_grey(grey, shrunk(grey))


def fingerprint_of_grey(grey: Image.Image, small: Image.Image) -> Fingerprints:
    """As `fingerprint`, for a caller who has the picture's `luma` and its `shrunk` copy at hand."""
    return Fingerprints(_phash(small), _pdq(grey))


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
    import imagehash  # with SciPy behind it, which a search does not need

    return str(imagehash.phash(small))


def _pdq(grey: Image.Image) -> str:
    import pdqhash

    square = grey.resize((_PDQ_SIDE, _PDQ_SIDE), Image.Resampling.BILINEAR)
    bits, _quality = pdqhash.compute(np.asarray(square.convert("RGB")))
    digits: str = np.packbits(bits).tobytes().hex()
    return digits
