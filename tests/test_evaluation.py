"""The measures, against plain Python, and evaluation on folders of classes."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from tests.conftest import paint
from yunmeng.config import Settings
from yunmeng.encoders.fake import FakeEncoder
from yunmeng.errors import SourceError
from yunmeng.evaluation import class_scores, evaluate


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


def test_folders_that_cannot_be_judged_say_why(
    classes: Callable[..., Path], settings: Settings, tmp_path: Path
) -> None:
    gallery = classes("gallery", "ab", 2)
    with pytest.raises(SourceError, match="no pictures of the class c"):
        evaluate(gallery, classes("query", "bc", 1), FakeEncoder(), settings)
    with pytest.raises(SourceError, match="folder of folders"):
        evaluate(gallery, tmp_path / "missing", FakeEncoder(), settings)
