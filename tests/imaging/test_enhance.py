"""Each step of enhancement does its job by a number, and only its own."""

import sys

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.imaging.samples import photograph
from tests.needing import need
from yunmeng.errors import MissingExtra
from yunmeng.imaging import enhance
from yunmeng.types import Pixels

PICTURE = np.asarray(photograph(1, (200, 150), octaves=4))


def noise_ratio(a: Pixels, b: Pixels) -> float:
    """Peak signal to noise, in decibels."""
    return float(10 * np.log10(255**2 / ((a.astype(float) - b) ** 2).mean()))


def cast(pixels: Pixels) -> float:
    """How far the means of the channels lie apart, in levels."""
    return float(np.ptp(pixels.reshape(-1, 3).mean(axis=0)))


def tinted(gains: NDArray[np.float64]) -> Pixels:
    return (PICTURE * gains).clip(0, 255).astype(np.uint8)


def test_nothing_asked_nothing_done() -> None:
    assert np.array_equal(enhance(PICTURE), PICTURE)


def test_denoising_brings_a_noisy_picture_nearer_to_the_clean_one() -> None:
    need("cv2", extra="enhance")
    noise = np.random.default_rng(0).normal(0, 12, PICTURE.shape)
    noisy = (PICTURE + noise).clip(0, 255).astype(np.uint8)
    assert noise_ratio(enhance(noisy, denoise=True), PICTURE) > noise_ratio(noisy, PICTURE) + 2.0


def test_contrast_is_raised_and_hues_stay() -> None:
    need("cv2", extra="enhance")
    faded = (PICTURE * 0.25 + 90).astype(np.uint8)
    clear = enhance(faded, contrast=True)
    assert clear.mean(axis=2).std() > 1.5 * faded.mean(axis=2).std()
    grey = np.repeat(faded[..., :1], 3, axis=2)
    assert np.ptp(enhance(grey, contrast=True).astype(int), axis=2).max() <= 2


@pytest.mark.parametrize("gains", [(1.0, 0.8, 0.6), (0.7, 1.0, 0.9)])
def test_a_colour_cast_is_taken_off(gains: tuple[float, float, float]) -> None:
    yellowed = tinted(np.array(gains))
    assert cast(yellowed) > 15
    balanced = enhance(yellowed, colour=True)
    assert cast(balanced) < 0.2 * cast(yellowed)
    assert abs(float(balanced.mean()) - float(yellowed.mean())) < 4


def test_a_picture_of_one_colour_keeps_some_of_it() -> None:
    red = np.zeros((20, 20, 3), dtype=np.uint8)
    red[...] = (200, 10, 10)
    balanced = enhance(red, colour=True)
    assert balanced[0, 0, 0] > 3 * balanced[0, 0, 1]
    assert np.array_equal(enhance(np.zeros_like(red), colour=True), np.zeros_like(red))


def test_the_input_stays_as_it_is_and_the_shape_too() -> None:
    need("cv2", extra="enhance")
    before = PICTURE.copy()
    after = enhance(PICTURE, denoise=True, contrast=True, colour=True)
    assert np.array_equal(PICTURE, before)
    assert after.shape == PICTURE.shape
    assert after.dtype == np.uint8
    assert after.flags.c_contiguous


def test_without_opencv_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cv2", None)
    for step in ({"denoise": True}, {"contrast": True}):
        with pytest.raises(MissingExtra, match=r"yunmeng\[enhance\]"):
            enhance(PICTURE, **step)
    assert cast(enhance(tinted(np.array([1.0, 0.8, 0.6])), colour=True)) < 5
