"""Squashing, cropping and padding against what Pillow does when it is told each step."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tests.encoders.graphs import some_pictures
from yunmeng.encoders.description import PictureTower
from yunmeng.encoders.preparation import fit, squash
from yunmeng.errors import EncoderError
from yunmeng.types import Pixels

SIZES = st.tuples(st.integers(1, 150), st.integers(1, 150))


def a_picture(size: tuple[int, int]) -> Image.Image:
    coarse = np.random.default_rng(sum(size)).integers(0, 256, (4, 5, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC)


@given(SIZES, st.integers(32, 48), st.sampled_from(["bilinear", "bicubic", "lanczos"]))
def test_cropping_is_resizing_then_cutting_out_the_centre(size: tuple[int, int], shorter: int, kernel: str) -> None:
    """The order of torchvision's Resize and CenterCrop. Of a long strip only the centre is resized: there a value that
    lies between two levels may round the other way in each of two passes, and no more."""
    picture = a_picture(size)
    width, height = size
    new = (shorter, int(shorter * height / width)) if width <= height else (int(shorter * width / height), shorter)
    resized = picture.resize(new, Image.Resampling[kernel.upper()])
    left, upper = round((new[0] - 32) / 2), round((new[1] - 32) / 2)
    expected = np.asarray(resized.crop((left, upper, left + 32, upper + 32)), np.int16)
    tower = PictureTower(file="x", input_size=32, resize="crop", resize_side=shorter, interpolation=kernel)
    found = fit(picture, tower)
    if size != (32, 32):
        difference = np.abs(found - expected)
        assert difference.max() <= (0 if max(size) <= 4 * min(size) else 3)


@given(SIZES)
def test_padding_keeps_the_shape_and_fills_the_rest(size: tuple[int, int]) -> None:
    tower = PictureTower(file="x", input_size=32, resize="pad", fill=(1, 2, 3))
    found = fit(Image.new("RGB", size, (200, 100, 50)), tower)
    inside = (found == (200, 100, 50)).all(axis=2)
    rows, columns = int(inside.any(axis=1).sum()), int(inside.any(axis=0).sum())
    assert max(rows, columns) == 32
    expected = (max(1, round(size[0] * 32 / max(size))), max(1, round(size[1] * 32 / max(size))))
    assert (columns, rows) == expected
    assert inside.sum() == rows * columns
    assert (found[~inside] == (1, 2, 3)).all()
    assert (np.flatnonzero(inside.any(axis=1))[0], np.flatnonzero(inside.any(axis=0))[0]) == (
        (32 - rows) // 2,
        (32 - columns) // 2,
    )


def test_squashing_is_as_for_the_built_in_encoders() -> None:
    for picture in some_pictures():
        np.testing.assert_array_equal(fit(picture, PictureTower(file="x", input_size=20)), squash(picture, 20))


@pytest.mark.parametrize("resize", ["squash", "crop", "pad"])
def test_prepared_pictures_pass_and_arrays_and_images_agree(resize: str) -> None:
    tower = PictureTower(file="x", input_size=16, resize=resize)
    for picture in some_pictures(5):
        prepared = fit(picture, tower)
        assert prepared.shape == (16, 16, 3)
        assert prepared.dtype == np.uint8
        assert fit(prepared, tower) is prepared
        np.testing.assert_array_equal(fit(Image.fromarray(picture), tower), prepared)
        np.testing.assert_array_equal(fit(Image.fromarray(prepared), tower), prepared)


def test_a_long_strip_is_cropped_without_being_blown_up() -> None:
    """Resized whole, its 2 x 60,000 pixels would become 224 x 6,720,000: 4.5 GB."""
    tower = PictureTower(file="x", input_size=224, resize="crop")
    assert fit(np.full((60_000, 2, 3), 7, np.uint8), tower).max() == 7


@pytest.mark.parametrize("picture", [np.zeros((9, 9, 4), np.uint8), np.zeros((0, 9, 3), np.uint8), np.zeros((9, 9, 3))])
def test_what_is_no_picture_is_refused(picture: Pixels) -> None:
    with pytest.raises(EncoderError, match="must be uint8"):
        fit(picture, PictureTower(file="x", input_size=16))
