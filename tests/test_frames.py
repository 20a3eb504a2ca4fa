"""Files that hold several pictures: pages of a TIFF, frames of an animation, each a record of its own."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, TiffImagePlugin

from tests.conftest import CommandLine, paint
from yunmeng.errors import PictureError, SourceError
from yunmeng.imaging import decode
from yunmeng.library import Library
from yunmeng.media import claims, identity, is_media, only_part, reader_of
from yunmeng.types import MOST_PARTS, Record

LIMIT = 200_000_000
ANIMATED = ["gif", "png", "webp", "avif"]


def pictures(count: int) -> list[Image.Image]:
    return [paint(seed, (96, 64)) for seed in range(count)]


def several(kind: str, count: int) -> bytes:
    stream = io.BytesIO()
    first, *others = pictures(count)
    options = {"lossless": True} if kind == "webp" else {"quality": 95} if kind == "avif" else {}
    first.save(stream, kind.upper(), save_all=True, append_images=others, **options)
    return stream.getvalue()


def near(one: bytes, other: Image.Image) -> bool:
    """Whether two pictures are the same but for what a palette or a codec changes."""
    difference = np.abs(decode(one).pixels.astype(int) - np.asarray(other.convert("RGB")).astype(int))
    return decode(one).pixels.shape == (64, 96, 3) and float(difference.mean()) < 12


@pytest.mark.parametrize("kind", ANIMATED)
def test_frames_are_the_frames(kind: str) -> None:
    data = several(kind, 5)
    reader = reader_of(data)
    parts = reader.parts(data, 9, max_pixels=LIMIT)
    assert parts == ["", "frame:2", "frame:3", "frame:4", "frame:5"]
    assert all(map(near, reader.pictures(data, parts, max_pixels=LIMIT), pictures(5)))
    assert near(only_part(data, "frame:4", max_pixels=LIMIT), pictures(5)[3])


def test_few_frames_of_many_are_spread() -> None:
    data = several("gif", 12)
    assert reader_of(data).parts(data, 4, max_pixels=LIMIT) == ["", "frame:4", "frame:7", "frame:10"]


def test_pages_are_the_pages_in_their_order() -> None:
    data = several("tiff", 4)
    reader = reader_of(data)
    assert reader.parts(data, 3, max_pixels=LIMIT) == ["", "page:2", "page:3"]
    read = reader.pictures(data, ["", "page:2", "page:3", "page:4"], max_pixels=LIMIT)
    for one, page in zip(read, pictures(4), strict=True):
        assert np.array_equal(decode(one).pixels, np.asarray(page))


def test_a_reduced_copy_is_no_page() -> None:
    first, second = pictures(2)
    stream = io.BytesIO()
    with TiffImagePlugin.AppendingTiffWriter(stream) as file:
        for image, kind in ((first.resize((24, 16)), 1), (first, 0), (second, 0)):
            image.save(file, "TIFF", tiffinfo={254: kind})
            file.newFrame()
    data = stream.getvalue()
    assert reader_of(data).parts(data, 9, max_pixels=LIMIT) == ["", "page:2"]
    assert np.array_equal(decode(only_part(data, "page:2", max_pixels=LIMIT)).pixels, np.asarray(second))


@pytest.mark.parametrize("part", ["page:9", "frame:2", "page:0", "page:x", "page", "#", "page:2:3", "page:٣"])
def test_a_part_that_is_not_there_is_an_error(part: str) -> None:
    with pytest.raises(PictureError, match="the file has no"):
        only_part(several("tiff", 2), part, max_pixels=LIMIT)


@pytest.mark.parametrize("kind", [*ANIMATED, "tiff"])
def test_a_still_picture_is_one(kind: str) -> None:
    data = several(kind, 1)
    reader = reader_of(data)
    assert reader.parts(data, MOST_PARTS, max_pixels=LIMIT) == [""]
    assert [*reader.pictures(data, [""], max_pixels=LIMIT)] == [data]


@pytest.mark.parametrize("kind", ["gif", "png", "webp", "tiff"])
def test_broken_files_give_what_they_can_or_an_error(kind: str) -> None:
    data = several(kind, 4)
    for length in range(0, len(data), max(1, len(data) // 23)):
        cut = data[:length]
        try:
            reader = reader_of(cut)
            for one in reader.pictures(cut, reader.parts(cut, 4, max_pixels=LIMIT), max_pixels=LIMIT):
                decode(one)
        except PictureError:
            pass  # nothing else comes out


def test_identity_is_the_bytes_and_the_part() -> None:
    digest = "ab" * 32
    assert identity(digest, "") == digest
    assert len({identity(digest, part) for part in ("", "page:2", "page:3", "frame:2")}) == 4


def test_files_are_told_by_their_bytes(tmp_path: Path) -> None:
    (tmp_path / "scan").write_bytes(several("tiff", 2))
    (tmp_path / "notes.txt").write_text("II, the second")
    assert is_media(tmp_path / "scan")
    assert not is_media(tmp_path / "notes.txt")
    assert all(map(claims, ("scan.TIF", "clip.gif", "photo.jpg")))
    assert not claims("notes.txt")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "scan.tif").write_bytes(several("tiff", 3))
    (folder / "clip.gif").write_bytes(several("gif", 6))
    return folder


def test_each_page_is_a_record_of_its_own(folder: Path, library: Library) -> None:
    report = library.index([folder], frames=3)
    assert (report.indexed, report.skipped, report.failed) == (6, 0, [])
    found = {record.id: record for record in library.iterate()}
    assert sorted(found) == [
        "clip.gif", "clip.gif#frame:3", "clip.gif#frame:5", "scan.tif", "scan.tif#page:2", "scan.tif#page:3",
    ]  # fmt: skip
    page = found["scan.tif#page:3"]
    assert (page.part, page.uri, page.width) == ("page:3", str(folder / "scan.tif"), 96)
    assert np.array_equal(decode(library.original(page)).pixels, np.asarray(pictures(3)[2]))
    assert library.thumbnail(page, 256) != library.thumbnail("scan.tif", 256)
    hit = library.search(image=pictures(3)[2], k=1)[0]
    assert (hit.id, hit.score > 0.999) == ("scan.tif#page:3", True)
    again = library.index([folder], frames=3)
    assert (again.indexed, again.skipped) == (0, 6)
    assert library.index([folder]).skipped == 2  # the others stay


def test_pages_move_with_their_file(folder: Path, library: Library) -> None:
    library.index([folder], frames=3)
    before = {record.part: _bytes(record) for record in library.iterate(vectors=True) if "scan" in record.id}
    (folder / "old").mkdir()
    (folder / "scan.tif").rename(folder / "old" / "scan.tif")
    report = library.index([folder], frames=3)
    assert report.failed == []
    after = {record.id: record for record in library.iterate(vectors=True) if "scan" in record.id}
    assert sorted(after) == ["old/scan.tif", "old/scan.tif#page:2", "old/scan.tif#page:3"]
    assert before == {record.part: _bytes(record) for record in after.values()}


def _bytes(record: Record) -> bytes:
    assert record.vector is not None
    return record.vector.tobytes()


def test_files_of_one_name_keep_their_pages_apart(folder: Path, library: Library) -> None:
    other = folder.parent / "other"
    other.mkdir()
    (other / "scan.tif").write_bytes(several("tiff", 2) + b"\0")
    (other / "scan.tif#page:2").write_bytes(several("png", 1))
    library.index([folder], frames=2)
    assert library.index([other], frames=2).failed == []
    found = {record.id: (Path(record.uri).parent.name, record.part) for record in library.iterate()}
    assert found["scan.tif#page:2"] == ("in", "page:2")
    assert found["other/scan.tif#page:2"] in {("other", "page:2"), ("other", "")}
    assert sorted(found.values()).count(("other", "page:2")) == 1
    assert len(found) == 4 + 3


def test_a_changed_page_is_known_as_changed(folder: Path, library: Library) -> None:
    library.index([folder], frames=3)
    (folder / "scan.tif").write_bytes(several("tiff", 4))
    assert library.index([folder], frames=4).failed == []
    assert {"scan.tif#page:4"} <= {record.id for record in library.iterate()}


def test_a_number_of_frames_must_be_one(folder: Path, library: Library) -> None:
    for frames in (0, MOST_PARTS + 1):
        with pytest.raises(SourceError, match="frames must be 1 to 256"):
            library.index([folder], frames=frames)


def test_the_command_takes_frames(folder: Path, tmp_path: Path, yunmeng: CommandLine) -> None:
    done = yunmeng("index", folder, "--db", "db", "--frames", "2", "--json")
    assert json.loads(done.stdout)["indexed"] == 4
