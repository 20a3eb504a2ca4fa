"""Fingerprints that tell copies of a picture from all others: a hash of its bytes and two of its looks."""

import hashlib
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from yunmeng.imaging.grey import luma
from yunmeng.types import Pixels

__all__ = [
    "ORIENTATIONS",
    "Fingerprints",
    "fingerprint",
    "fingerprint_of_grey",
    "hamming",
    "oriented_pdq",
    "sha256",
    "turned_codes",
]

_SIDE: Final = 128
"""Both hashes are taken from a grey copy of this size. PDQ smooths a picture with a tent as wide as 1/64 of it and
looks at 64 x 64 points: shrinking to 128 with Pillow's bilinear filter is that tent, and at this size the package
smooths no more. Hashing every pixel of a 500 px picture would take six times as long."""

ORIENTATIONS: Final = (None, *Image.Transpose)
"""What brings a picture into each of its eight orientations; None leaves it as it is."""


@dataclass(frozen=True, slots=True)
class Fingerprints:
    """Two perceptual hashes as lower-case hex, most significant bit first.

    - ``phash``: 16 digits, 64 bits. Copies lie within about 8 bits of each other.
    - ``pdq``: 64 digits, 256 bits. Copies lie within about 30 bits, strangers beyond 90.

    Both survive compression, scaling, blur and noise; neither survives cropping, turning or mirroring. For a picture of
    one colour they mean nothing: check the contrast in `QualityScores` before you believe a match.
    """

    phash: str
    pdq: str


def fingerprint(pixels: Pixels) -> Fingerprints:
    """Return both perceptual hashes of a picture, uint8 (h, w, 3).

    pHash (C. Zauner, "Implementation and Benchmarking of Perceptual Image Hash Functions", 2010) as the ImageHash
    package computes it, and PDQ (Davis and Rosen, "The TMK+PDQF Video-Hashing Algorithm and the PDQ Image-Hashing
    Algorithm", 2019) as Meta's code does, both from a copy of 128 x 128: of the bits that the whole picture would give,
    0.2 of 64 and 6 of 256 differ on average.
    """
    return fingerprint_of_grey(luma(Image.fromarray(pixels)))


def fingerprint_of_grey(grey: Image.Image) -> Fingerprints:
    """Return the same as `fingerprint`, for a caller who has the picture's `luma` already."""
    square = grey.resize((_SIDE, _SIDE), Image.Resampling.BILINEAR)
    return Fingerprints(_phash(square), _pdq(square))


def oriented_pdq(image: Image.Image) -> list[str]:
    """Return the PDQ hashes of an RGB picture in its eight ``ORIENTATIONS``: turned by quarters, mirrored, and both."""
    square = luma(image).resize((_SIDE, _SIDE), Image.Resampling.BILINEAR)
    return [_pdq(square if turn is None else square.transpose(turn)) for turn in ORIENTATIONS]


def turned_codes(codes: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return PDQ codes of the same pictures turned, mirrored and inverted, (8, n, 32); ``codes`` (n, 32) come first.

    A code holds the signs of 16 x 16 cosine waves about their median: mirroring flips the sign of every other wave,
    inverting flips all. Waves near the median are uncertain: turned codes differ from the true ones in some 30 bits.
    """
    bits = np.unpackbits(codes, axis=1).reshape(-1, 16, 16)
    odd = np.arange(16) % 2
    across, down = odd[None, :].astype(np.uint8), odd[:, None].astype(np.uint8)
    turned = bits.transpose(0, 2, 1)
    ways = (
        *(bits, bits ^ across, bits ^ down, bits ^ across ^ down),
        *(turned, turned ^ down, turned ^ across ^ down, 1 - bits),
    )
    return np.stack([np.packbits(way.reshape(-1, 256), axis=1) for way in ways])


def sha256(data: bytes) -> str:
    """Return the SHA-256 of a file's bytes, 64 hex digits."""
    return hashlib.sha256(data).hexdigest()


def hamming(a: str, b: str) -> int:
    """Return the number of bits that differ between two hashes of the same kind, given as hex.

    Raises ValueError where their lengths differ.
    """
    if len(a) != len(b):
        raise ValueError(f"hashes of {4 * len(a)} and {4 * len(b)} bits cannot be compared")
    return (int(a, 16) ^ int(b, 16)).bit_count()


def _phash(square: Image.Image) -> str:
    import imagehash  # with SciPy behind it, which a search does not need

    return str(imagehash.phash(square))


def _pdq(square: Image.Image) -> str:
    import pdqhash

    grey = np.asarray(square)[1::2, 1::2]  # of 128 x 128 pixels PDQ takes these, so the bits are the same
    bits, _quality = pdqhash.compute(np.broadcast_to(grey[..., None], (*grey.shape, 3)))
    digits: str = np.packbits(bits).tobytes().hex()
    return digits
