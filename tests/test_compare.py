"""Comparing two pictures: the verdict, the figures beside it, and every way to name a side."""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageOps
from pytest_httpserver import HTTPServer

from tests.conftest import paint
from tests.copies.scenes import scene
from tests.needing import need
from yunmeng.config import Settings
from yunmeng.encoders.fake import FakeEncoder
from yunmeng.errors import OriginalGone, PictureError
from yunmeng.imaging import decode, fingerprint, hamming
from yunmeng.library import Library

need("cv2", extra="copies")


def file_of(image: Image.Image, kind: str = "PNG", quality: int = 90) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, quality=quality)
    return stream.getvalue()


def written_on(image: Image.Image) -> Image.Image:
    marked = image.copy()
    ImageDraw.Draw(marked).text((40, 40), "SAMPLE", "white", font_size=60)
    return marked


@pytest.fixture
def original() -> bytes:
    return file_of(scene(1, (480, 360)))


@pytest.mark.parametrize(
    ("make", "verdict", "edits"),
    [
        (lambda image: file_of(image), "same-file", []),
        (lambda image: file_of(image, "JPEG", 50), "same-picture", []),
        (lambda image: file_of(image.resize((200, 150)), "JPEG"), "same-picture", ["scale"]),
        (lambda image: file_of(ImageOps.mirror(image)), "edited-copy", ["flip"]),
        (lambda image: file_of(written_on(image)), "edited-copy", ["overlay"]),
        (lambda image: file_of(image.crop((80, 60, 400, 300))), "edited-copy", ["crop"]),
        (lambda image: file_of(image.convert("L").convert("RGB")), "edited-copy", ["grey"]),
        (lambda image: file_of(scene(2, (480, 360))), "different", []),
    ],
)
def test_the_verdict(
    library: Library, original: bytes, make: Callable[[Image.Image], bytes], verdict: str, edits: list[str]
) -> None:
    suspect = make(scene(1, (480, 360)))
    found = library.compare(suspect, original)
    assert (found.verdict, [edit.name for edit in found.edits]) == (verdict, edits)
    assert found.same_file is (verdict == "same-file")
    assert (found.alignment is None) is (verdict == "different")
    if "crop" in edits:
        assert found.alignment is not None
        assert found.alignment.target_overlap == pytest.approx(320 * 240 / (480 * 360), rel=0.01)
        assert np.array(found.alignment.outline).mean(axis=0) == pytest.approx([0.5, 0.5], abs=0.01)
        assert found.alignment.inliers > 20
    one, other = (fingerprint(decode(data).pixels) for data in (suspect, original))
    assert found.phash_distance == hamming(one.phash, other.phash)
    assert found.pdq_distance == hamming(one.pdq, other.pdq)
    assert found.score == pytest.approx(float(library.embed(suspect) @ library.embed(original)), abs=1e-4)
    assert set(found.timings) == {"read", "encode", "align"}


def test_hashes_alone_do_not_make_plain_pictures_the_same(library: Library) -> None:
    white, grey = (file_of(Image.new("RGB", (200, 150), colour)) for colour in ("white", "gray"))
    found = library.compare(white, grey)
    assert found.phash_distance <= 10  # which would be a copy, did they show anything
    assert found.verdict == "different"
    spots = []
    for place in ((20, 20), (150, 110)):
        image = Image.new("RGB", (200, 150), "white")
        image.paste("black", (*place, place[0] + 8, place[1] + 8))
        spots.append(file_of(image))
    assert library.compare(spots[0], spots[1]).verdict == "different"
    assert library.compare(spots[0], file_of(Image.open(io.BytesIO(spots[0])), "JPEG", 95)).verdict == "same-picture"


def test_each_way_to_name_a_side(tmp_path: Path, cache_dir: Path, original: bytes, httpserver: HTTPServer) -> None:
    path = tmp_path / "mine.png"
    path.write_bytes(original)
    httpserver.expect_request("/mine.png").respond_with_data(original)
    with Library.create(
        tmp_path / "lib", FakeEncoder(), {}, Settings(cache_dir=cache_dir, private_urls=True)
    ) as library:
        library.add(path, id="mine")
        cut = file_of(scene(1, (480, 360)).crop((80, 60, 400, 300)))
        record = library.get("mine", vector=True)
        found = [library.compare(cut, side) for side in (original, path, str(path), record)]
        found.append(library.compare(cut, httpserver.url_for("/mine.png")))
        for one in found:
            assert (one.verdict, one.edits, one.alignment) == (found[0].verdict, found[0].edits, found[0].alignment)
            assert one.score == pytest.approx(found[0].score, abs=1e-4)
        with pytest.raises(PictureError):
            library.compare(b"no picture", record)
        path.unlink()
        for file in (tmp_path / "lib").rglob("*.png"):
            file.unlink()
        with pytest.raises(OriginalGone):
            library.compare(cut, record)


def test_evidence_goes_with_the_comparison(library: Library, original: bytes) -> None:
    cut = file_of(scene(1, (480, 360)).crop((80, 60, 400, 300)))
    found = library.evidence(cut, original, ("suspect", "mine"))
    plain = library.compare(cut, original)
    assert (found.comparison.verdict, found.comparison.edits) == (plain.verdict, plain.edits)
    assert found.picture.width == 1600
    assert library.evidence(original, original).comparison.verdict == "same-file"
    assert library.evidence(file_of(paint(1)), original).comparison.verdict == "different"
