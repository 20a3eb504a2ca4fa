"""Verifying a query among pictures that are files."""

import io
import threading
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from tests.copies.scenes import scene
from tests.needing import need
from yunmeng.copies import Verifier, align, aligned_ncc, local_features, whole_ncc
from yunmeng.errors import OriginalGone, PictureError
from yunmeng.types import Alignment

need("cv2", extra="copies")


def as_file(image: Image.Image, quality: int = 90) -> bytes:
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=quality)
    return stream.getvalue()


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    return {str(seed): as_file(scene(seed)) for seed in range(6)}


def verifier(files: dict[str, bytes]) -> Verifier:
    def original(id: str) -> bytes:
        if id not in files:
            raise OriginalGone(f"the file of {id} cannot be read any more")
        return files[id]

    return Verifier(original, max_pixels=10_000_000)


@pytest.mark.parametrize(
    "form",
    [as_file, lambda image: image, np.asarray],
    ids=["bytes", "Pillow", "pixels"],
)
def test_only_the_picture_that_the_query_was_cut_from_aligns(
    files: dict[str, bytes], form: Callable[[Image.Image], bytes | Image.Image | np.ndarray]
) -> None:
    query = scene(3).crop((80, 60, 360, 260))
    found = verifier(files).align(form(query), list(files))
    assert {id for id, alignment in found.items() if alignment is not None} == {"3"}
    assert set(found) == set(files)
    assert found["3"] is not None
    assert found["3"].target_overlap == pytest.approx(280 * 200 / (400 * 300), abs=0.02)


def test_what_cannot_be_read_is_left_out(files: dict[str, bytes]) -> None:
    broken = {**files, "cut": files["1"][:500], "text": b"no picture", "empty": b""}
    found = verifier(broken).align(scene(2), ["2", "gone", "cut", "text", "empty", "4"])
    assert list(found) == ["2", "4"]
    assert found["2"] is not None
    assert found["4"] is None


def test_a_query_that_is_no_picture_is_refused(files: dict[str, bytes]) -> None:
    with pytest.raises(PictureError):
        verifier(files).align(b"no picture", ["1"])


def test_no_candidates_are_no_work(files: dict[str, bytes]) -> None:
    assert verifier(files).align(scene(1), []) == {}


def test_many_threads_get_the_same_answers(files: dict[str, bytes]) -> None:
    shared = verifier(files)
    expected = {seed: shared.align(scene(seed), list(files)) for seed in range(4)}
    answers: dict[int, dict[str, Alignment | None]] = {}

    def ask(seed: int) -> None:
        answers[seed] = shared.align(scene(seed), list(files))

    threads = [threading.Thread(target=ask, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == expected


@pytest.mark.parametrize("mirrored", [False, True])
def test_pixels_agree_where_features_do_and_nowhere_else(mirrored: bool) -> None:
    original = scene(5)
    query = original.rotate(20, Image.Resampling.BICUBIC).crop((60, 40, 340, 240))
    query = query.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if mirrored else query
    found = align(local_features(query), local_features(original))
    assert found is not None
    assert aligned_ncc(query, original, found) > 0.75
    assert abs(aligned_ncc(scene(11), original, found)) < 0.3


def test_laid_over_tells_copies_from_strangers_and_from_nothing() -> None:
    original = scene(5)
    assert whole_ncc(original.resize((80, 90)), original) > 0.9
    assert abs(whole_ncc(scene(6), original)) < 0.4
    assert whole_ncc(Image.new("RGB", (200, 100), "white"), Image.new("RGB", (99, 99), "white")) == 0.0
