"""The grid of regions: inside the picture, all over it, with overlap, and of an even size."""

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yunmeng.encoders.crops import grid
from yunmeng.stores.regional import MAX_REGIONS

sides = st.integers(1, 100_000)


@given(sides, sides)
def test_regions_lie_inside_cover_the_picture_and_overlap(width: int, height: int) -> None:
    regions = grid(width, height)
    assert len(set(regions)) == len(regions) <= MAX_REGIONS
    for start, length in ((0, 2), (1, 3)):
        spans = sorted({(region[start], region[length]) for region in regions})
        assert spans[0][0] == 0
        assert sum(spans[-1]) == pytest.approx(1)
        for (left, size), (right, _) in itertools.pairwise(spans):
            assert left + size - right >= 0.3 * size - 1e-9
    assert all(0 < region.w <= 1 and 0 < region.h <= 1 for region in regions)


@given(st.integers(200, 2000), st.integers(200, 2000))
def test_regions_are_squares_of_a_share_of_the_area(width: int, height: int) -> None:
    side = 0.4 * math.sqrt(width * height)
    if side <= min(width, height) and max(width, height) <= 2 * min(width, height):
        for region in grid(width, height):
            assert region.w * width == pytest.approx(side)
            assert region.h * height == pytest.approx(side)


def test_a_picture_on_its_side_has_the_same_regions_on_their_side() -> None:
    turned = {(y, x, h, w) for x, y, w, h in grid(600, 800)}
    assert turned == {tuple(region) for region in grid(800, 600)}
