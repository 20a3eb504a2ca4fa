"""The metrics, against SciPy's distances, FAISS's exact search and plain Python."""

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from tests.needing import need
from yunmeng.errors import QueryError
from yunmeng.imaging import hamming
from yunmeng.search.metrics import METRICS, codes_of_hex, equal_bits, sign_codes, similarities

need("faiss", extra="copies")

DIM = 12
Vectors = NDArray[np.float32]
numbers = st.floats(-10, 10, width=32).filter(lambda number: number == 0 or abs(number) > 1e-3)
some = st.integers(1, 7).flatmap(lambda count: arrays(np.float32, (count, DIM), elements=numbers))
hashes = st.lists(st.binary(min_size=32, max_size=32).map(bytes.hex), min_size=1, max_size=6)


@given(some, some)
def test_distances_are_those_of_scipy(one: Vectors, other: Vectors) -> None:
    for metric, name in (("euclidean", "euclidean"), ("manhattan", "cityblock")):
        found = similarities(one, other, metric)  # type: ignore[arg-type]
        assert found == pytest.approx(1 / (1 + cdist(one.astype(float), other.astype(float), name)), abs=1e-9)
        assert found.shape == (len(one), len(other))
        assert found.min() > 0
        assert found.max() <= 1
    assert similarities(one, other, "hamming") == pytest.approx(1 - cdist(one > 0, other > 0, "hamming"), abs=1e-9)


@given(some, some)
def test_the_cosine_is_that_of_scipy_and_0_to_nothing(one: Vectors, other: Vectors) -> None:
    found = similarities(one, other, "cosine")
    assert np.abs(found).max() <= 1
    with np.errstate(invalid="ignore"):
        expected = 1 - cdist(one.astype(float), other.astype(float), "cosine")
    assert found == pytest.approx(np.nan_to_num(expected), abs=1e-6)


@given(some)
def test_a_vector_is_closest_to_itself(vectors: Vectors) -> None:
    assume(np.abs(vectors).sum(axis=1).min() > 0)
    for metric in METRICS[:-1]:
        assert np.diag(similarities(vectors, vectors, metric)) == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize(("metric", "faiss"), [("cosine", "IP"), ("euclidean", "L2"), ("manhattan", "L1")])
def test_the_nearest_are_those_of_faiss(metric: Any, faiss: str) -> None:
    import faiss as engine

    random = np.random.default_rng(5)
    vectors, queries = (random.normal(size=(count, 64)).astype(np.float32) for count in (400, 20))
    for side in (vectors, queries):
        side /= np.linalg.norm(side, axis=1, keepdims=True)
    number = {"IP": engine.METRIC_INNER_PRODUCT, "L2": engine.METRIC_L2, "L1": engine.METRIC_L1}[faiss]
    values, rows = engine.knn(queries, vectors, 10, number)
    found = similarities(queries, vectors, metric)
    assert np.array_equal(np.argsort(-found, axis=1)[:, :10], rows)
    reached = np.take_along_axis(found, rows, axis=1)
    told = {"IP": values, "L2": 1 / (1 + np.sqrt(np.maximum(values, 0))), "L1": 1 / (1 + values)}[faiss]
    assert reached == pytest.approx(told, abs=1e-5)


def test_the_nearest_codes_are_those_of_faiss() -> None:
    import faiss as engine

    random = np.random.default_rng(6)
    vectors, queries = (random.normal(size=(count, 512)).astype(np.float32) for count in (400, 20))
    bits, rows = engine.knn_hamming(sign_codes(queries), sign_codes(vectors), 10)
    found = similarities(queries, vectors, "hamming")
    assert np.take_along_axis(found, rows.astype(np.int64), axis=1) == pytest.approx(1 - bits / 512)
    assert -np.sort(-found, axis=1)[:, :10] == pytest.approx(1 - bits / 512)


@given(hashes, hashes)
def test_fingerprints_share_the_bits_that_are_equal(one: list[str], other: list[str]) -> None:
    found = equal_bits(codes_of_hex(one), codes_of_hex(other))
    expected = np.array([[1 - hamming(a, b) / 256 for b in other] for a in one])
    assert found == pytest.approx(expected)


def test_many_are_compared_in_parts_with_the_same_result(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(7)
    one, other = random.normal(size=(9, 16)), random.normal(size=(11, 16))
    whole = {metric: similarities(one, other, metric) for metric in METRICS[:-1]}
    monkeypatch.setattr("yunmeng.search.metrics.BLOCK", 400)
    for metric, expected in whole.items():
        assert np.array_equal(similarities(one, other, metric), expected)


def test_vectors_have_no_fingerprints() -> None:
    with pytest.raises(QueryError, match="cosine, euclidean, manhattan, hamming"):
        similarities(np.ones((1, 2)), np.ones((1, 2)), "fingerprint")
