"""Palettes: colours as they were painted, without a plain background, and OKLab against its author's figures."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from yunmeng.imaging import palette
from yunmeng.imaging.oklab import oklab, oklab_of_linear
from yunmeng.types import Palette, Swatch

FROM_XYZ = np.array(
    [(3.2404542, -1.5371385, -0.4985314), (-0.9692660, 1.8760108, 0.0415560), (0.0556434, -0.2040259, 1.0572252)]
)
"""XYZ (D65) to linear sRGB."""

REFERENCE = [
    ((0.950, 1.000, 1.089), (1.000, 0.000, 0.000)),
    ((1.000, 0.000, 0.000), (0.450, 1.236, -0.019)),
    ((0.000, 1.000, 0.000), (0.922, -0.671, 0.263)),
    ((0.000, 0.000, 1.000), (0.153, -1.415, -0.449)),
]
"""XYZ and OKLab as https://bottosson.github.io/posts/oklab/ tells them."""


@pytest.mark.parametrize(("xyz", "lab"), REFERENCE)
def test_oklab_is_as_its_author_says(xyz: tuple[float, ...], lab: tuple[float, ...]) -> None:
    linear = np.asarray(FROM_XYZ @ xyz, np.float32)
    assert oklab_of_linear(linear) == pytest.approx(lab, abs=0.002)


def test_srgb_is_made_linear_first() -> None:
    assert oklab(np.array((255, 255, 255))) == pytest.approx((1, 0, 0), abs=1e-3)
    assert oklab(np.array((255, 0, 0))) == pytest.approx((0.628, 0.225, 0.126), abs=1e-3)  # CSS Color 4
    assert oklab(np.array((0, 0, 0))) == pytest.approx((0, 0, 0), abs=1e-6)


def shares(swatches: tuple[Swatch, ...]) -> dict[str, float]:
    return {one.hex: one.share for one in swatches}


def test_a_plain_background_is_no_part_of_the_subject() -> None:
    picture = Image.new("RGB", (300, 200), "#f4f4f0")
    draw = ImageDraw.Draw(picture)
    draw.rectangle((60, 40, 240, 160), fill="#c0392b")
    draw.rectangle((60, 40, 105, 160), fill="#1f3a93")
    found = Palette.read(palette(picture))
    assert shares(found.subject) == pytest.approx({"#c0392b": 0.75, "#1f3a93": 0.25}, abs=0.03)
    assert shares(found.whole) == pytest.approx({"#f4f4f0": 0.64, "#c0392b": 0.27, "#1f3a93": 0.09}, abs=0.03)


def test_a_picture_of_one_colour_is_its_own_subject() -> None:
    found = Palette.read(palette(Image.new("RGB", (5, 700), "#0ac81e")))
    assert shares(found.subject) == shares(found.whole) == {"#0ac81e": 1.0}


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.tuples(st.integers(1, 90), st.integers(1, 90)))
def test_every_picture_has_a_palette_that_reads_as_it_was_written(seed: int, size: tuple[int, int]) -> None:
    pixels = np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8)
    text = palette(Image.fromarray(pixels))
    found = Palette.read(text)
    assert found.text() == text
    for each in found:
        assert 1 <= len(each) <= 5
        assert sum(one.share for one in each) == pytest.approx(1, abs=0.02)
        assert [one.share for one in each] == sorted((one.share for one in each), reverse=True)


def test_a_record_without_a_palette_has_no_colours() -> None:
    assert Palette.read("") == Palette((), ())
