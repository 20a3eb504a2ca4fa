"""Fingerprints against the packages that define them, and against what happens to pictures."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from statistics import median

import imagehash
import numpy as np
import pdqhash
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageFilter

from tests.imaging.samples import encoded, photograph
from yunmeng.imaging import Picture, assess, decode, describe, fingerprint, hamming, palette, sha256
from yunmeng.types import Pixels

DATA = Path(__file__).parents[1] / "encoders" / "data"
PICTURES = [photograph(seed) for seed in range(16)] + [
    Image.open(DATA / f"{name}.webp").convert("RGB") for name in ("astronaut", "chelsea", "coffee", "rocket")
]


def reference_pdq(image: Image.Image) -> str:
    if max(image.size) > 512:  # done by the reference tool, but not by its function
        image = image.resize((512, 512), Image.Resampling.BILINEAR)
    pixels = np.asarray(image)
    bits, _ = pdqhash.compute(pixels)
    return f"{int(''.join(map(str, bits)), 2):064x}"


def test_pdq_is_near_that_of_the_reference_code() -> None:
    distances = sorted(hamming(fingerprint(np.asarray(i)).pdq, reference_pdq(i)) for i in PICTURES)
    assert median(distances) <= 10
    assert distances[int(0.95 * len(distances))] <= 20


@pytest.mark.parametrize("size", [(64, 64), (128, 300), (129, 257), (400, 300), (512, 512), (1100, 900)])
def test_pdq_is_near_that_of_the_reference_code_at_every_size(size: tuple[int, int]) -> None:
    for seed in range(3):
        image = photograph(seed, size)
        assert hamming(fingerprint(np.asarray(image)).pdq, reference_pdq(image)) <= 20


def test_phash_is_that_of_imagehash_but_for_a_bit() -> None:
    distances = [hamming(fingerprint(np.asarray(i)).phash, str(imagehash.phash(i))) for i in PICTURES]
    assert max(distances) <= 6
    assert sum(distances) <= len(distances)


def test_hashes_of_the_small_copy_are_those_of_the_packages_bit_for_bit() -> None:
    for image in [*PICTURES, *(Image.new("RGB", (400, 300), colour) for colour in ("black", "white", "#0d4dc9"))]:
        small = image.convert("L").resize((128, 128), Image.Resampling.BILINEAR)
        found = fingerprint(np.asarray(image))
        assert found.phash == str(imagehash.phash(small))
        assert found.pdq == reference_pdq(small.convert("RGB"))


EDITS: dict[str, Callable[[Image.Image], Pixels]] = {
    "compressed": lambda image: decode(encoded(image, "JPEG", quality=60)).pixels,
    "smaller": lambda image: np.asarray(image.resize((image.width * 3 // 4, image.height * 3 // 4))),
    "larger": lambda image: np.asarray(image.resize((image.width * 2, image.height * 2))),
    "blurred": lambda image: np.asarray(image.filter(ImageFilter.GaussianBlur(1))),
    "brighter": lambda image: np.asarray(image.point(lambda value: min(255, value * 1.1))),
}


@pytest.mark.parametrize("edit", EDITS)
def test_copies_lie_near(edit: str) -> None:
    pairs = [(fingerprint(np.asarray(image)), fingerprint(EDITS[edit](image))) for image in PICTURES]
    assert median(hamming(a.pdq, b.pdq) for a, b in pairs) <= 30
    assert median(hamming(a.phash, b.phash) for a, b in pairs) <= 4
    assert sorted(hamming(a.phash, b.phash) for a, b in pairs)[int(0.95 * len(pairs))] <= 8


def test_strangers_lie_far() -> None:
    prints = [fingerprint(np.asarray(image)) for image in PICTURES]
    pairs = [(a, b) for index, a in enumerate(prints) for b in prints[index + 1 :]]
    assert min(hamming(a.pdq, b.pdq) for a, b in pairs) >= 70
    assert median(hamming(a.pdq, b.pdq) for a, b in pairs) >= 120
    assert median(hamming(a.phash, b.phash) for a, b in pairs) >= 28


def test_hashes_are_hex_of_fixed_length() -> None:
    for size in [(1, 1), (2, 900), (900, 2), (400, 300)]:
        prints = fingerprint(np.asarray(photograph(0, size)))
        assert (len(prints.phash), len(prints.pdq)) == (16, 64)
        assert int(prints.phash, 16) >= 0
        assert int(prints.pdq, 16) >= 0


@pytest.mark.parametrize("colour", ["black", "white", (13, 77, 201)])
def test_one_colour_has_one_hash_at_every_size(colour: str) -> None:
    sizes = [(3, 5), (64, 64), (400, 300), (700, 600)]
    assert len({fingerprint(np.asarray(Image.new("RGB", size, colour))) for size in sizes}) == 1


def test_a_description_says_what_its_parts_say() -> None:
    for image in PICTURES[:5]:
        pixels = np.asarray(image)
        prints, scores, colours = describe(Picture(image, 1234, 777, "JPEG"))
        assert prints == fingerprint(pixels)
        assert scores == assess(pixels, width=1234, height=777)
        assert colours == palette(image)


@given(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1))
def test_hamming_counts_bits(a: int, b: int) -> None:
    assert hamming(f"{a:016x}", f"{b:016x}") == f"{a ^ b:b}".count("1")


def test_hashes_of_different_lengths_cannot_be_compared() -> None:
    with pytest.raises(ValueError, match="64 and 256 bits"):
        hamming("0" * 16, "0" * 64)


def test_sha256_is_of_the_bytes() -> None:
    assert sha256(b"abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert sha256(b"") == hashlib.sha256().hexdigest()
