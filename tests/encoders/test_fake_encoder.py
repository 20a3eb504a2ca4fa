"""The fake keeps the encoder's promises too: other rooms' tests lean on it."""

import numpy as np
import pytest

from yunmeng.encoders.fake import FakeEncoder
from yunmeng.encoders.protocol import Encoder
from yunmeng.errors import EncoderError


def picture(seed: int, height: int = 40, width: int = 60) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    blocks = np.random.default_rng(seed).integers(0, 256, (4, 6, 3), dtype=np.uint8)
    return blocks.repeat(height // 4, axis=0).repeat(width // 6, axis=1)


def test_it_is_an_encoder_with_unit_vectors() -> None:
    encoder: Encoder = FakeEncoder(dim=16)
    vectors = encoder.encode([picture(1), picture(2, 80, 120)])
    assert vectors.shape == (2, 16) == (2, encoder.spec.dim)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    assert encoder.encode([]).shape == (0, 16)


def test_it_is_the_same_everywhere() -> None:
    vector = FakeEncoder(dim=4).encode([np.full((5, 5, 3), 200, np.uint8)])[0]
    np.testing.assert_allclose(vector, [0.482101, 0.429637, 0.668347, 0.369191], atol=1e-5)


def test_alike_pictures_are_closer_than_others() -> None:
    encoder = FakeEncoder()
    original, other = picture(1), picture(2)
    lighter = (original // 2 + 60).astype(np.uint8)
    a, b, c = encoder.encode([original, original[2:-2, 2:-2], other])
    assert a @ b > 0.9 > a @ c
    assert a @ encoder.encode([lighter])[0] > a @ c


def test_plain_pictures_have_vectors_that_differ() -> None:
    greys = [np.full((8, 8, 3), value, np.uint8) for value in (0, 127, 128, 255)]
    vectors = FakeEncoder().encode(greys)
    assert np.isfinite(vectors).all()
    assert vectors[0] @ vectors[3] < 0.99


def test_it_counts_what_it_encoded_and_takes_prepared_pictures() -> None:
    encoder = FakeEncoder()
    prepared = encoder.prepare(picture(3))
    assert prepared.shape == (8, 8, 3)
    np.testing.assert_array_equal(encoder.encode([prepared]), encoder.encode([picture(3)]))
    encoder.encode([])
    encoder.encode([picture(1)] * 3)
    assert encoder.encoded == 5


def test_what_is_not_a_picture_is_refused() -> None:
    with pytest.raises(EncoderError):
        FakeEncoder().encode([np.zeros((4, 4), np.uint8)])
