"""Exact search gives what SciPy gives, whatever the sizes."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from tests.needing import need
from yunmeng.vectors import ExactMetric, nearest, nearest_codes

need("faiss", extra="copies")

SCIPY = {"cosine": "cosine", "euclidean": "euclidean", "manhattan": "cityblock"}


@pytest.mark.parametrize("metric", ["cosine", "euclidean", "manhattan"])
@settings(deadline=None, max_examples=40)
@given(st.integers(0, 5), st.integers(0, 40), st.integers(1, 33), st.integers(0, 50), st.integers(0, 2**32))
def test_vectors_come_in_the_order_that_scipy_has_them_in(
    metric: ExactMetric, m: int, n: int, dim: int, k: int, seed: int
) -> None:
    random = np.random.default_rng(seed)
    queries, vectors = (random.normal(size=(count, dim)).astype(np.float32) for count in (m, n))
    found = nearest(queries, vectors, k, metric)
    distances = cdist(queries, vectors, SCIPY[metric]) if m and n else np.empty((m, n))
    expected = np.sort(distances, axis=1)[:, :k]
    assert found.rows.shape == found.values.shape == (m, min(k, n))
    measured = 1 - found.values if metric == "cosine" else found.values
    np.testing.assert_allclose(measured, expected, atol=2e-3)
    np.testing.assert_allclose(np.take_along_axis(distances, found.rows, axis=1), expected, atol=2e-3)


@settings(deadline=None, max_examples=60)
@given(
    st.integers(0, 5), st.integers(0, 40), st.sampled_from([1, 8, 9, 32, 64]), st.integers(0, 50), st.integers(0, 2**32)
)
def test_codes_come_in_the_order_of_differing_bits(m: int, n: int, width: int, k: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    queries, codes = (random.integers(0, 256, (count, width), dtype=np.uint8) for count in (m, n))
    found = nearest_codes(queries, codes, k)
    bits = np.unpackbits(queries[:, None] ^ codes[None], axis=2).sum(axis=2, dtype=np.int32)
    assert np.array_equal(found.bits, np.sort(bits, axis=1)[:, :k])
    assert np.array_equal(np.take_along_axis(bits, found.rows, axis=1), found.bits)


def test_a_vector_of_length_nothing_is_like_no_other() -> None:
    vectors = np.array([[0, 0], [3, 0], [-2, 0]], np.float32)
    found = nearest(vectors[1:2], vectors, 3)
    assert found.rows.tolist() == [[1, 0, 2]]
    assert found.values.tolist() == [[1, 0, -1]]


def test_what_does_not_go_together_is_refused() -> None:
    with pytest.raises(ValueError, match="do not go together"):
        nearest(np.ones((1, 3), np.float32), np.ones((2, 4), np.float32), 1)
    with pytest.raises(ValueError, match="do not go together"):
        nearest_codes(np.ones(4, np.uint8), np.ones((2, 4), np.uint8), 1)


TOGETHER = """
import threading
import numpy as np
import zvec, onnxruntime, faiss
from yunmeng.encoders import load
from yunmeng.config import Settings
from yunmeng.vectors import nearest

encoder = load("efficientnet-lite0", Settings.load())
picture = np.zeros((224, 224, 3), np.uint8)
vectors = np.random.default_rng(0).normal(size=(2000, 64)).astype(np.float32)
expected = nearest(vectors[:50], vectors, 5).rows
wrong = []

def ask():
    for _ in range(20):
        if not np.array_equal(nearest(vectors[:50], vectors, 5).rows, expected):
            wrong.append(1)

threads = [threading.Thread(target=ask) for _ in range(4)]
for thread in threads:
    thread.start()
prepared = encoder.prepare(picture)
for _ in range(5):
    encoder.encode([prepared])
for thread in threads:
    thread.join()
print("right" if not wrong else "wrong")
"""


def test_it_lives_in_one_process_with_the_encoder_and_the_store(cache_dir: object) -> None:
    """All three bring native threads of their own."""
    done = subprocess.run([sys.executable, "-c", TOGETHER], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.split()[-1:]) == (0, ["right"]), done.stderr
