"""Alignments of synthetic scenes whose transforms are known."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageOps

from tests.copies.scenes import mapped, scene, seen_through
from tests.needing import need
from yunmeng.copies import align, local_features, within
from yunmeng.copies.alignment import laid_out
from yunmeng.types import Alignment, Region

need("cv2", extra="copies")

Matrix = NDArray[np.float64]


def matrix_of(alignment: Alignment | None) -> Matrix:
    assert alignment is not None
    return np.array(alignment.transform).reshape(3, 3)


def turned(degrees: float, scale: float = 1.0) -> Matrix:
    """About the middle, in fractions of a square."""
    angle = np.deg2rad(degrees)
    linear = scale * np.array([(np.cos(angle), -np.sin(angle)), (np.sin(angle), np.cos(angle))])
    shift = np.array([0.5, 0.5]) - linear @ [0.5, 0.5]
    return np.vstack([np.column_stack([linear, shift]), [0, 0, 1]])


TRANSFORMS = {
    "as it is": np.eye(3),
    "cut": np.array([(0.6, 0, 0.25), (0, 0.7, 0.1), (0, 0, 1)]),
    "shrunk": np.array([(0.4, 0, 0.5), (0, 0.4, 0.05), (0, 0, 1)]),
    "turned": turned(33),
    "turned over": turned(180),
    "turned and enlarged": turned(-70, 1.4),
    "stretched": np.array([(0.6, 0, 0.2), (0, 1, 0), (0, 0, 1)]),
    "aslant": np.array([(1, 0.05, 0), (0.1, 0.9, 0.02), (0.25, 0.1, 1)]),
}


@pytest.mark.parametrize("name", TRANSFORMS)
@pytest.mark.parametrize("mirrored", [False, True], ids=["upright", "mirrored"])
def test_a_known_transform_is_recovered_within_pixels(name: str, mirrored: bool) -> None:
    """Points of the query that the target shows come out where they were put: within 1.5 pixels of 400."""
    truth = TRANSFORMS[name]
    original = scene(3, (400, 400))
    target = seen_through(original, truth, (400, 400))
    query = ImageOps.mirror(original) if mirrored else original
    found = align(local_features(query), local_features(target))
    assert found is not None
    assert found.mirrored == mirrored
    points = np.random.default_rng(0).uniform(0, 1, (200, 2))
    expected = mapped(truth, points)
    shown = ((expected > 0) & (expected < 1)).all(axis=1)
    assert np.abs(mapped(matrix_of(found), points) - expected)[shown].max() * 400 < 1.5


@pytest.mark.parametrize("name", TRANSFORMS)
def test_outline_and_overlaps_are_those_of_the_known_transform(name: str) -> None:
    """Against the share of sampled points that fall into the other picture."""
    truth = TRANSFORMS[name]
    original = scene(4, (400, 400))
    found = align(local_features(original), local_features(seen_through(original, truth, (400, 400))))
    assert found is not None
    points = (np.mgrid[0:200, 0:200].reshape(2, -1).T + 0.5) / 200
    there, back = mapped(truth, points), mapped(np.linalg.inv(truth), points)
    assert found.query_overlap == pytest.approx(((there > 0) & (there < 1)).all(axis=1).mean(), abs=0.02)
    assert found.target_overlap == pytest.approx(((back > 0) & (back < 1)).all(axis=1).mean(), abs=0.02)
    assert np.array(found.outline).min() >= 0
    assert np.array(found.outline).max() <= 1
    assert len(found.outline) >= 3


def test_pictures_of_different_shapes_meet_in_fractions() -> None:
    original = scene(5, (500, 250))
    stretched = original.resize((300, 400), Image.Resampling.LANCZOS)
    found = align(local_features(original), local_features(stretched))
    assert matrix_of(found) == pytest.approx(np.eye(3), abs=0.005)


@pytest.mark.parametrize("seed", range(8))
def test_strangers_do_not_align(seed: int) -> None:
    assert align(local_features(scene(seed)), local_features(scene(seed + 100))) is None


def test_a_picture_in_a_picture_is_found_either_way() -> None:
    small, ground = scene(6), scene(7)
    ground.paste(small.resize((160, 120), Image.Resampling.LANCZOS), (200, 100))
    truth = np.array([(0.4, 0, 0.5), (0, 0.4, 1 / 3), (0, 0, 1)])
    into = align(local_features(small), local_features(ground))
    assert matrix_of(into) == pytest.approx(truth, abs=0.006)
    out = align(local_features(ground), local_features(small))
    assert out is not None
    assert matrix_of(out) == pytest.approx(np.linalg.inv(truth), abs=0.02)
    assert out.query_overlap == pytest.approx(0.16, abs=0.01)
    assert out.target_overlap == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("mirrored", [False, True])
def test_an_alignment_of_a_part_is_one_of_the_whole(mirrored: bool) -> None:
    whole, part = scene(8), Region(0.25, 0.1, 0.5, 0.6)
    cut = whole.crop((100, 30, 300, 210))
    target = ImageOps.mirror(whole) if mirrored else whole
    of_part = align(local_features(cut), local_features(target))
    assert of_part is not None
    found = within(of_part, part)
    assert found is not None
    assert found.mirrored == mirrored
    assert matrix_of(found) == pytest.approx(np.eye(3), abs=0.01)
    assert found.query_overlap == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda: Image.new("RGB", (300, 200), "red"), "flat"),
        (lambda: Image.new("RGB", (1, 1)), "one pixel"),
        (lambda: Image.new("RGB", (900, 3), "blue"), "a line"),
        (lambda: scene(1, (5, 200)), "narrow"),
        (lambda: scene(1, (12, 9)), "tiny"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_odd_pictures_have_few_features_and_align_with_nothing(make: Callable[[], Image.Image], name: str) -> None:
    odd = local_features(make())
    assert odd.points.shape == (len(odd), 2)
    assert odd.descriptors.shape == (len(odd), 128)
    assert align(odd, local_features(scene(2))) is None
    assert align(local_features(scene(2)), odd) is None


def test_a_huge_picture_is_looked_at_small() -> None:
    small = scene(9)
    huge = local_features(small.resize((6000, 4500)))
    assert huge.size == (640, 480)
    assert matrix_of(align(huge, local_features(small))) == pytest.approx(np.eye(3), abs=0.005)


def test_what_lies_outside_is_no_alignment() -> None:
    assert laid_out(20, False, np.array([(0.5, 0, 2.0), (0, 0.5, 0), (0, 0, 1)])) is None
