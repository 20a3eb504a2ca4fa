"""Bands of scores against samples whose quantiles are known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from yunmeng.search import Calibration
from yunmeng.search.bands import Bands, learn

COSINES = st.lists(st.floats(-1, 1), min_size=1, max_size=40)
CALIBRATION = Calibration(edition=0, pictures=100, slope=5.0, offset=-2.0)


def learnt(nearest: list[float], pairs: list[float], calibration: Calibration | None = CALIBRATION) -> Bands:
    return learn(nearest, pairs, calibration, edition=2, pictures=100)


def test_bands_are_quantiles_of_neighbours_and_of_pairs() -> None:
    nearest, pairs = [0.5 + row / 1000 for row in range(200)], [row / 1000 for row in range(-200, 200)]
    found = learnt(nearest, pairs)
    assert found.alike == pytest.approx(0.5, abs=0.001)  # no pair is so near, and no neighbour farther
    assert found.very_alike == pytest.approx(np.quantile(nearest, 0.75))
    assert CALIBRATION.chance(found.same) == pytest.approx(0.9)
    assert (found.edition, found.pictures) == (2, 100)
    assert [found.band(score) for score in (1.0, 0.7, 0.6, 0.3)] == ["same", "very-alike", "alike", "distant"]


def test_both_samples_are_wrong_equally_often_at_the_boundary() -> None:
    random = np.random.default_rng(0)
    nearest, pairs = random.normal(0.6, 0.1, 5000), random.normal(0.3, 0.1, 5000)
    found = learnt(list(nearest), list(pairs))
    assert np.mean(nearest < found.alike) == pytest.approx(np.mean(pairs >= found.alike), abs=0.001)
    assert found.alike == pytest.approx(0.45, abs=0.01)


def test_same_is_out_of_reach_of_pictures_that_are_taken_in_series() -> None:
    assert learnt([0.97] * 50, [0.2] * 50).same >= 0.97


def test_without_a_calibration_only_what_is_nearly_equal_is_the_same() -> None:
    found = learnt([0.4] * 50, [0.1] * 50, None)
    assert [found.band(score) for score in (1.0, 0.96, 0.94)] == ["same", "same", "very-alike"]


@given(COSINES, COSINES, st.booleans(), st.lists(st.floats(-1, 1), min_size=2, max_size=10))
def test_a_better_score_is_never_in_a_farther_band(
    nearest: list[float], pairs: list[float], calibrated: bool, scores: list[float]
) -> None:
    found = learnt(nearest, pairs, CALIBRATION if calibrated else None)
    order = ["distant", "alike", "very-alike", "same"]
    places = [order.index(found.band(score)) for score in sorted(scores)]
    assert places == sorted(places)
    assert found.band(1.0) == "same"
