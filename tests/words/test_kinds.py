"""Kinds of many classes: where to look for their members, and what a library shows of them."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from yunmeng.encoders.text.kinds import Kind

DIM, GROUPS, EACH, OTHERS = 64, 8, 3, 200


def unit(rows: NDArray[np.floating]) -> NDArray[np.float32]:
    return np.asarray(rows / np.linalg.norm(rows, axis=-1, keepdims=True), np.float32)


@pytest.fixture(scope="module")
def kind() -> Kind:
    """24 classes in 8 groups, in a space of 224 classes."""
    rng = np.random.default_rng(0)
    centres = np.eye(GROUPS, DIM)
    members = unit(np.repeat(centres, EACH, axis=0) + 0.02 * rng.normal(size=(GROUPS * EACH, DIM)))
    others = unit(rng.normal(size=(OTHERS, DIM)))
    return Kind(np.repeat([1.0, 0.0], [GROUPS * EACH, OTHERS]).astype(np.float32), np.concatenate([members, others]))


def test_the_directions_lie_near_all_members(kind: Kind) -> None:
    directions = kind.directions()
    assert directions.shape == (GROUPS, DIM)
    np.testing.assert_allclose(np.linalg.norm(directions, axis=1), 1, atol=1e-5)
    members = kind.classes[: GROUPS * EACH]
    assert (members @ directions.T).max(axis=1).min() > 0.95
    assert (members @ unit(members.sum(axis=0))).max() < 0.5  # which one direction does not


def test_a_few_classes_are_no_wide_kind(kind: Kind) -> None:
    few = kind.members * (np.arange(len(kind.members)) < 4)
    assert kind.wide
    assert not Kind(few, kind.classes).wide


def test_a_kind_is_narrowed_to_the_classes_that_pictures_show(kind: Kind) -> None:
    rng = np.random.default_rng(1)
    pictures = unit(kind.classes[[4, 100, 150]] + 0.05 * rng.normal(size=(3, DIM)))
    found = kind.narrowed(pictures)
    assert found is not None
    chances = []
    for picture in pictures.astype(float):
        each = [math.exp(25 * sum(picture * row)) for row in kind.classes.astype(float)]
        chances.append([member * one / sum(each) for member, one in zip(kind.members, each, strict=True)])
    summed = np.sum(chances, axis=0)
    weights = summed / math.sqrt(sum(summed**2))
    classes, drawn = weights @ kind.classes, np.sum(chances, axis=1) @ pictures
    expected = classes / np.linalg.norm(classes) + 0.7 * drawn / np.linalg.norm(drawn)
    np.testing.assert_allclose(found[0], expected / np.linalg.norm(expected), atol=1e-5)
    np.testing.assert_allclose(found[1], weights, atol=1e-5)
    assert int(found[1].argmax()) == 4


@pytest.mark.parametrize("shown", [[], [100], [100, 150, 223]])
def test_pictures_of_other_things_show_nothing_of_a_kind(kind: Kind, shown: list[int]) -> None:
    assert kind.narrowed(kind.classes[shown]) is None
