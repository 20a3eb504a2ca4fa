"""From heat to box: on maps whose answer is known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from yunmeng.encoders.subject.boxes import WHOLE, subject_box, threshold
from yunmeng.types import Region


def heat(*spots: tuple[int, int, int, int, float], ground: float = 0.1) -> NDArray[np.float32]:
    """100 x 100, with rectangles (left, top, width, height, heat)."""
    made = np.full((100, 100), ground, np.float32)
    for left, top, width, height, value in spots:
        made[top : top + height, left : left + width] = value
    return made


def with_margin(left: float, top: float, width: float, height: float) -> Region:
    return Region(left - 0.05 * width, top - 0.05 * height, 1.1 * width, 1.1 * height)


def test_the_box_holds_the_hot_area_and_a_margin() -> None:
    region, confidence = subject_box(heat((20, 30, 40, 50, 0.9)))
    assert region == pytest.approx(with_margin(0.2, 0.3, 0.4, 0.5))
    assert confidence == pytest.approx(0.8)


def test_a_speck_beside_the_subject_is_left_out() -> None:
    region, _ = subject_box(heat((20, 30, 40, 50, 0.9), (90, 5, 4, 4, 0.9)))
    assert region == pytest.approx(with_margin(0.2, 0.3, 0.4, 0.5))


def test_two_things_of_nearly_the_same_heat_are_one_subject() -> None:
    region, _ = subject_box(heat((10, 40, 25, 30, 0.9), (60, 40, 25, 25, 0.9)))
    assert region == pytest.approx(with_margin(0.1, 0.4, 0.75, 0.3))


def test_the_margin_ends_at_the_edge() -> None:
    region, _ = subject_box(heat((0, 50, 30, 50, 0.9)))
    assert region == pytest.approx(Region(0, 0.475, 0.315, 0.525))


@pytest.mark.parametrize("value", [0.0, 0.5, 1.0, float("nan")])
def test_a_flat_or_broken_map_gives_the_whole(value: float) -> None:
    assert subject_box(np.full((100, 100), value, np.float32)) == (WHOLE, 0.0)


def test_the_threshold_parts_two_groups_where_their_variance_between_is_greatest() -> None:
    """Against the definition: every cut between bins, tried one by one."""
    random = np.random.default_rng(0)
    values = np.concatenate([random.normal(0.3, 0.05, 600), random.normal(0.7, 0.1, 300)]).astype(np.float32)
    cuts = np.histogram_bin_edges(values, 64)[1:-1]
    binned = np.digitize(values, cuts)

    def between(cut: int) -> float:
        low, high = binned[binned <= cut], binned[binned > cut]
        return len(low) * len(high) * float(low.mean() - high.mean()) ** 2

    best = max(range(63), key=between)
    assert threshold(values.reshape(30, 30)) == pytest.approx(cuts[best])


@given(st.integers(0, 2**32 - 1), st.integers(1, 40), st.integers(1, 40))
def test_any_map_gives_a_region_inside_the_picture(seed: int, height: int, width: int) -> None:
    region, confidence = subject_box(np.random.default_rng(seed).random((height, width), np.float32))
    assert min(region.x, region.y) >= 0
    assert min(region.w, region.h) > 0
    assert max(region.x + region.w, region.y + region.h) <= 1 + 1e-9
    assert 0 <= confidence <= 1
