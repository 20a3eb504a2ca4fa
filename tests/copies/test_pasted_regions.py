"""Finding pictures that were pasted into others."""

import io

import numpy as np
import pytest
from PIL import Image, ImageOps

from tests.conftest import paint
from tests.copies.scenes import scene
from yunmeng.copies import find_insets
from yunmeng.types import Region


def overlap(a: Region, b: Region) -> float:
    wide = max(0.0, min(a.x + a.w, b.x + b.w) - max(a.x, b.x))
    high = max(0.0, min(a.y + a.h, b.y + b.h) - max(a.y, b.y))
    return wide * high / (a.w * a.h + b.w * b.h - wide * high)


def compressed(image: Image.Image) -> Image.Image:
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=80)
    return Image.open(stream).convert("RGB")


@pytest.mark.parametrize("seed", range(6))
def test_a_pasted_picture_is_found(seed: int) -> None:
    random = np.random.default_rng(seed)
    ground, small = paint(seed, (500, 400)), scene(seed, (180, 130))
    x, y = int(random.integers(0, 320)), int(random.integers(0, 270))
    ground.paste(small, (x, y))
    truth = Region(x / 500, y / 400, 180 / 500, 130 / 400)
    assert max(overlap(truth, found) for found in find_insets(compressed(ground))) > 0.9


def test_a_frame_is_seen_through() -> None:
    framed = ImageOps.expand(paint(1, (400, 300)), 50, "black")
    truth = Region(50 / 500, 50 / 400, 0.8, 0.75)
    assert max(overlap(truth, found) for found in find_insets(compressed(framed))) > 0.9


def test_halves_of_a_collage_are_found() -> None:
    both = Image.new("RGB", (600, 300))
    both.paste(scene(1, (300, 300)), (0, 0))
    both.paste(paint(2, (300, 300)), (300, 0))
    found = find_insets(compressed(both), most=8)
    assert max((overlap(Region(0.5, 0, 0.5, 1), one) for one in found), default=0) < 0.99  # three sides on the edge
    assert all(0 <= one.x < one.x + one.w <= 1 + 1e-9 and 0 <= one.y < one.y + one.h <= 1 + 1e-9 for one in found)


@pytest.mark.parametrize("size", [(1, 1), (3, 500), (16, 16), (4000, 20)])
def test_odd_and_smooth_pictures_have_none(size: tuple[int, int]) -> None:
    assert find_insets(paint(4, size)) == []
    assert find_insets(Image.new("RGB", size, "white")) == []
