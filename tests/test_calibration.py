"""What a score is worth: the fitted curve against samples whose true chance is known."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from yunmeng.errors import PictureError, Reason
from yunmeng.library import Library
from yunmeng.search import Calibration, Sample, fit, held_out, reliability, sample_scores
from yunmeng.search.calibration import COPIES
from yunmeng.types import Record


def drawn(seed: int, count: int) -> Sample:
    """Angles of strangers and of copies, log-normal: the odds of a match are then a power of the angle."""
    random = np.random.default_rng(seed)
    strangers = np.cos(np.clip(np.exp(random.normal(np.log(0.9), 0.3, count)), 0, np.pi))
    copies = np.cos(np.clip(np.exp(random.normal(np.log(0.45), 0.3, count)), 0, np.pi))
    return Sample(strangers, copies)


def test_the_curve_is_that_of_the_distributions() -> None:
    learnt = fit(drawn(1, 20_000), edition=3, pictures=500)
    slope = (np.log(0.9) - np.log(0.45)) / 0.3**2  # of the log odds of two normal distributions of one width
    assert learnt.slope == pytest.approx(slope, rel=0.05)
    assert learnt.chance(np.cos(np.sqrt(0.9 * 0.45))) == pytest.approx(0.5, abs=0.02)
    assert (learnt.edition, learnt.pictures) == (3, 500)


@pytest.mark.parametrize("count", [50, 400])
def test_what_is_told_of_others_of_the_same_kind_is_so(count: int) -> None:
    """The reliability table of 20,000 fresh scores: told and real differ by little, also when little was learnt."""
    learnt, fresh = fit(drawn(2, count), 0, 0), drawn(3, 10_000)
    scores = [*fresh.strangers, *fresh.copies]
    bins = reliability([learnt.chance(score) for score in scores], [False] * 10_000 + [True] * 10_000)
    error = sum(row.hits * abs(row.told - row.real) for row in bins) / 20_000
    assert error < (0.05 if count == 50 else 0.02)


@pytest.mark.parametrize("gone", [0, 40])
def test_so_many_copies_are_made_as_are_needed(gone: int, library: Library, make_pictures: Callable[..., Path]) -> None:
    library.index([make_pictures(180)])
    read: list[str] = []

    def original(record: Record) -> bytes:
        read.append(record.id)
        if len(read) <= gone:
            raise PictureError(Reason.UNREADABLE, "gone")
        return library.original(record)

    encoding = library.generation.encoding
    sample = sample_scores(library.generation.store, encoding.encoder, encoding.views, original)
    assert len(sample.copies) == COPIES
    assert len(read) == COPIES + gone


def test_held_out_halves_agree() -> None:
    bins = held_out(drawn(4, 2000))
    assert sum(row.hits for row in bins) == 2000
    assert sum(row.hits * abs(row.told - row.real) for row in bins) / 2000 < 0.03


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=60), st.integers(1, 12))
def test_reliability_against_plain_python(hits: list[tuple[float, bool]], bins: int) -> None:
    expected = []
    for number in range(bins):
        inside = [(told, real) for told, real in hits if min(int(told * bins), bins - 1) == number]
        if inside:
            n = len(inside)
            expected.append((n, sum(told for told, _ in inside) / n, sum(real for _, real in inside) / n))
    found = reliability([told for told, _ in hits], [real for _, real in hits], bins)
    assert [row.hits for row in found] == [row[0] for row in expected]
    np.testing.assert_allclose(found, expected, atol=1e-12)


@given(st.floats(0, 50), st.floats(-100, 100), st.lists(st.floats(-1, 1), min_size=2, max_size=10))
def test_a_better_score_is_never_less_likely(slope: float, offset: float, scores: list[float]) -> None:
    learnt = Calibration(edition=0, pictures=1, slope=slope, offset=offset)
    chances = [learnt.chance(score) for score in sorted(scores)]
    assert chances == sorted(chances)
    assert all(0 <= chance <= 1 for chance in chances)


def test_copies_that_score_no_better_than_strangers_tell_nothing() -> None:
    sample = drawn(5, 300)
    learnt = fit(Sample(sample.strangers, sample.strangers), 0, 0)
    assert learnt.chance(0.1) == pytest.approx(0.5, abs=0.01)
    assert learnt.chance(0.9) == pytest.approx(0.5, abs=0.01)
    backwards = fit(Sample(sample.copies, sample.strangers), 0, 0)
    assert backwards.chance(0.99) <= backwards.chance(1.0)


def test_a_curve_that_tells_nothing_says_so() -> None:
    sample = drawn(6, 300)
    assert fit(sample, 0, 0).tells
    assert not fit(Sample(sample.copies, sample.copies), 0, 0).tells
    assert not Calibration(edition=0, pictures=9, slope=0, offset=0).tells
