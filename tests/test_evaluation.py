"""The measures, against plain Python, and evaluation on folders of classes."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as given_settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from tests.conftest import paint
from tests.needing import need
from yunmeng.config import Settings
from yunmeng.encoders.fake import FakeEncoder
from yunmeng.errors import SourceError
from yunmeng.evaluation import Labelled, class_scores, evaluate, reranked
from yunmeng.search import STEPS, steps_of
from yunmeng.types import Metric


def average_precision(relevant: list[bool]) -> float:
    precisions = [sum(relevant[: i + 1]) / (i + 1) for i, hit in enumerate(relevant) if hit]
    return sum(precisions) / len(precisions) if precisions else 0.0


@given(
    # Whole numbers, so that sums are exact in any order and ties are ties.
    gallery=arrays(np.float32, (13, 4), elements=st.integers(-9, 9)),
    queries=arrays(np.float32, (5, 4), elements=st.integers(-9, 9)),
    labels=arrays(np.int64, 18, elements=st.integers(0, 3)),
)
def test_scores_are_those_of_the_definition(
    gallery: "np.ndarray[tuple[int, int], np.dtype[np.float32]]",
    queries: "np.ndarray[tuple[int, int], np.dtype[np.float32]]",
    labels: "np.ndarray[tuple[int], np.dtype[np.int64]]",
) -> None:
    scores = class_scores(gallery, labels[:13], queries, labels[13:])
    rankings = []
    for query, label in zip(queries, labels[13:], strict=True):
        similarity = (query[None] @ gallery.T)[0]
        order = sorted(range(13), key=lambda i: -similarity[i])
        rankings.append([bool(labels[i] == label) for i in order])
    assert scores.map == pytest.approx(np.mean([average_precision(r) for r in rankings]), abs=1e-6)
    assert scores.precision_at_1 == pytest.approx(np.mean([r[0] for r in rankings]))
    assert scores.precision_at_10 == pytest.approx(np.mean([sum(r[:10]) / 10 for r in rankings]))


@given(
    st.integers(0, 10_000),
    st.lists(st.sampled_from(sorted({*STEPS} - {"geometry"})), min_size=1, max_size=3, unique=True),
)
@given_settings(max_examples=20, deadline=None)
def test_steps_rank_the_whole_gallery(seed: int, names: list[str]) -> None:
    random = np.random.default_rng(seed)
    vectors = random.normal(size=(40, 8)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    pictures = [Labelled(Path(str(row)), 0, vector) for row, vector in enumerate(vectors)]
    orders = list(reranked(pictures[:36], pictures[36:], steps_of(names), FakeEncoder(), Settings()))
    assert [order.shape for order in orders] == [(1, 36)] * 4
    assert all(np.array_equal(np.sort(order[0]), np.arange(36)) for order in orders)


def test_what_a_step_does_not_look_at_follows_in_its_order() -> None:
    random = np.random.default_rng(1)
    vectors = random.normal(size=(601, 16)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    pictures = [Labelled(Path(str(row)), 0, vector) for row, vector in enumerate(vectors)]
    (order,) = reranked(pictures[:600], pictures[600:], steps_of("reciprocal"), FakeEncoder(), Settings())
    plain = np.argsort(-(vectors[:600] @ vectors[600]), kind="stable")
    assert order[0, 400:].tolist() == plain[400:].tolist()
    assert order[0, :400].tolist() != plain[:400].tolist()
    (order,) = reranked(pictures[:600], pictures[600:], steps_of("", "manhattan"), FakeEncoder(), Settings())
    assert order[0].tolist() == np.argsort(np.abs(vectors[:600] - vectors[600]).sum(axis=1)).tolist()


@pytest.fixture
def classes(tmp_path: Path) -> Callable[..., Path]:
    def make(side: str, names: str, count: int) -> Path:
        for kind, name in enumerate(names):
            folder = tmp_path / side / name
            folder.mkdir(parents=True)
            for number in range(count):
                picture = np.asarray(paint(kind)).astype(int) + number  # one look for each class
                Image.fromarray(picture.clip(0, 255).astype(np.uint8)).save(folder / f"{number}.png")
        return tmp_path / side

    return make


def test_classes_that_look_alike_within_are_found(classes: Callable[..., Path], settings: Settings) -> None:
    seen: list[tuple[int, int]] = []
    gallery, queries = classes("gallery", "abc", 12), classes("query", "abc", 2)
    (gallery / "a" / "broken.jpg").write_bytes(b"no picture")
    result = evaluate(gallery, queries, FakeEncoder(), settings, lambda done, total: seen.append((done, total)))
    assert (result.scores.map, result.scores.precision_at_1, result.scores.precision_at_10) == (1.0, 1.0, 1.0)
    assert (result.queries, result.gallery, result.classes) == (6, 36, 3)
    assert [path for path, _ in result.failed] == [str(gallery / "a" / "broken.jpg")]
    assert seen[-1] == (43, 43)


@pytest.mark.parametrize("metric", ["hamming", "fingerprint"])
def test_rankings_are_put_in_order_by_metric_and_steps(
    classes: Callable[..., Path], settings: Settings, metric: Metric
) -> None:
    need("cv2", extra="copies")
    seen: list[tuple[int, int]] = []
    gallery, queries = classes("gallery", "abc", 4), classes("query", "abc", 2)
    (gallery / "a" / "broken.jpg").write_bytes(b"no picture")
    steps = steps_of("geometry,reciprocal", metric)
    result = evaluate(gallery, queries, FakeEncoder(), settings, lambda *done: seen.append(done), steps=steps)
    assert (result.scores.map, result.scores.precision_at_1) == (1.0, 1.0)
    assert (result.queries, result.gallery) == (6, 12)
    assert seen == [(done, 25) for done in range(1, 26)]


def test_folders_that_cannot_be_judged_say_why(
    classes: Callable[..., Path], settings: Settings, tmp_path: Path
) -> None:
    gallery = classes("gallery", "ab", 2)
    with pytest.raises(SourceError, match="no pictures of the class c"):
        evaluate(gallery, classes("query", "bc", 1), FakeEncoder(), settings)
    with pytest.raises(SourceError, match="folder of folders"):
        evaluate(gallery, tmp_path / "missing", FakeEncoder(), settings)
