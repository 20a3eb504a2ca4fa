"""All close pairs of a set: those that brute force finds, whatever lies around them."""

import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.needing import need
from yunmeng.vectors import close_codes, close_pairs

need("faiss", extra="copies")

Floats = NDArray[np.float32]


def unit(vectors: NDArray[np.floating]) -> Floats:
    lengths: Floats = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / lengths, np.float32)


def clusters(random: np.random.Generator, n: int, dim: int, count: int) -> Floats:
    """Vectors around ``count`` centres; two of one centre have a cosine of 0.5 to 0.8."""
    centres = unit(random.normal(size=(count, dim)))
    share = np.sqrt(random.uniform(0.5, 0.8, (n, 1)))
    own = unit(random.normal(size=(n, dim)))
    return unit(share * centres[random.integers(count, size=n)] + np.sqrt(1 - share**2) * own)


def near(random: np.random.Generator, vectors: Floats, cosines: NDArray[np.floating]) -> Floats:
    """For each of ``vectors`` one at this cosine."""
    drawn = random.normal(size=vectors.shape)
    other = unit(drawn - (drawn * vectors).sum(axis=1, keepdims=True) * vectors)
    return unit(cosines[:, None] * vectors + np.sqrt(1 - cosines[:, None] ** 2) * other)


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 60), st.sampled_from([2, 16, 300]), st.floats(0.5, 0.99), st.integers(0, 2**32))
def test_few_vectors_are_paired_as_brute_force_does(n: int, dim: int, threshold: float, seed: int) -> None:
    vectors = unit(np.random.default_rng(seed).normal(size=(n, dim)) + 0.7)
    found = close_pairs(vectors, threshold)
    likeness = vectors @ vectors.T
    pairs = {(int(a), int(b)) for a, b in found.pairs}
    assert all(a < b for a, b in pairs)
    assert len(pairs) == len(found.pairs)
    sure = {(int(a), int(b)) for a, b in np.argwhere(np.triu(likeness, 1) >= threshold + 1e-3)}
    possible = {(int(a), int(b)) for a, b in np.argwhere(np.triu(likeness, 1) >= threshold - 1e-3)}
    assert pairs <= possible
    assert len(sure - pairs) <= 0.02 * len(sure)
    np.testing.assert_allclose(found.cosines, likeness[found.pairs[:, 0], found.pairs[:, 1]], atol=1e-3)
    if n > 1 and dim < 300:
        np.fill_diagonal(likeness, -2)
        np.testing.assert_allclose(found.reach, likeness.max(axis=1), atol=2e-3)


@pytest.mark.parametrize("spread", [30, 12_000])
def test_planted_pairs_are_found_among_many(spread: int) -> None:
    random = np.random.default_rng(0)
    background = clusters(random, 12_000, 320, spread)
    originals = np.sort(random.choice(12_000, 1_000, replace=False))
    copies = near(random, background[originals], random.uniform(0.9, 0.999, 1_000))
    found = close_pairs(np.concatenate([background, copies]).astype(np.float16), 0.88)
    pairs = {(int(a), int(b)) for a, b in found.pairs}
    planted = {(int(a), 12_000 + number) for number, a in enumerate(originals)}
    assert len(planted & pairs) >= 0.99 * len(planted)
    assert len(pairs - planted) <= 0.01 * len(pairs)
    stands_out = found.reach[12_000:] - found.crowd[12_000:]
    assert (stands_out > 0.05).mean() > 0.99


def test_only_the_rows_that_count_are_paired() -> None:
    vectors = unit(np.array([[1, 0], [1, 0.01], [0, 1], [1, 0.02]]))
    found = close_pairs(vectors, 0.9, np.array([1, 2, 3]))
    assert found.pairs.tolist() == [[0, 2]]
    assert found.nearest.tolist()[0] == 2


def test_a_crowd_of_look_alikes_takes_no_more_pairs_than_its_share() -> None:
    random = np.random.default_rng(1)
    crowd = unit(np.ones((9_000, 32)) + 0.05 * random.normal(size=(9_000, 32)))
    found = close_pairs(crowd, 0.9)
    assert len(found.pairs) < 9_000 * 2_000  # all pairs are forty million
    assert len(np.unique(found.pairs)) == 9_000


def test_it_tells_how_far_it_is_and_can_be_stopped() -> None:
    vectors = clusters(np.random.default_rng(2), 6_000, 16, 50)
    told: list[int] = []
    stop = threading.Event()

    def listen(done: int) -> None:
        told.append(done)
        if done > 1_000:
            stop.set()

    found = close_pairs(vectors, 0.5, on_done=listen, stop=stop)
    assert told == sorted(told)
    assert 1_000 < told[-1] < 6_000
    assert (found.nearest < 0).any()


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 60), st.sampled_from([1, 8, 9, 32]), st.integers(0, 2**32))
def test_close_codes_are_what_they_are_said_to_be(n: int, width: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    codes = random.integers(0, 256, (n, width), dtype=np.uint8)
    if n:
        codes[n // 2 :] = codes[random.integers(0, n // 2 + 1, n - n // 2)]
    found = close_codes(codes, 6)
    bits = np.unpackbits(codes[found.pairs[:, 0]] ^ codes[found.pairs[:, 1]], axis=1).sum(axis=1)
    assert np.array_equal(found.bits, bits)
    assert (found.bits <= 6).all()
    assert (found.pairs[:, 0] < found.pairs[:, 1]).all()
    assert len(np.unique(found.pairs, axis=0)) == len(found.pairs)


@pytest.mark.parametrize(("flipped", "least"), [(1, 1.0), (10, 1.0), (20, 0.99), (31, 0.9)])
def test_codes_with_some_bits_flipped_are_found(flipped: int, least: float) -> None:
    random = np.random.default_rng(flipped)
    codes = random.integers(0, 256, (20_000, 32), dtype=np.uint8)
    bits = np.unpackbits(codes[:1_000], axis=1)
    for row in bits:
        row[random.choice(256, flipped, replace=False)] ^= 1
    found = close_codes(np.concatenate([codes, np.packbits(bits, axis=1)]), 31)
    planted = {(number, 20_000 + number) for number in range(1_000)}
    pairs = {(int(a), int(b)) for a, b in found.pairs}
    assert len(pairs & planted) >= least * 1_000
    assert pairs <= planted
