"""A library that moves to another encoder."""

import io
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.conftest import paint
from yunmeng.config import Settings
from yunmeng.encoders.fake import FakeEncoder
from yunmeng.errors import EncoderMismatch, LibraryError
from yunmeng.library import Library
from yunmeng.types import Pixels

Make = Callable[..., Path]
OTHER = "other"


def other() -> FakeEncoder:
    return FakeEncoder(dim=48, name=OTHER)


@pytest.fixture
def filled(library: Library, make_pictures: Make) -> Library:
    library.index([make_pictures(20)])
    library.set_attributes("003.jpg", {"category": "shoes"})
    stream = io.BytesIO()
    paint(900).save(stream, "PNG")
    library.add(stream.getvalue(), id="sent")
    return library


def test_all_pictures_are_found_by_the_new_encoder(filled: Library, tmp_path: Path, settings: Settings) -> None:
    before = {record.id: record for record in filled.iterate()}
    encoder = other()
    report = filled.reencode(encoder)
    assert (report.indexed, report.failed) == (21, [])
    assert encoder.encoded == 21
    assert filled.config.encoder.name == OTHER
    assert {record.id: record for record in filled.iterate()} == before
    assert filled.search(id="003.jpg", k=1, filter="category = 'shoes'")[0].id == "003.jpg"
    assert filled.search(Path(before["007.jpg"].uri), k=1)[0].score == pytest.approx(1, abs=1e-5)
    vector = filled.get("007.jpg", vector=True).vector
    assert vector is not None
    np.testing.assert_allclose(vector, other().encode([np.asarray(paint_of(before["007.jpg"].uri))])[0], atol=1e-5)
    filled.close()
    assert sorted(path.name for path in (tmp_path / "library").glob("store*")) == ["store-1"]
    with pytest.raises(EncoderMismatch, match="yunmeng reencode"):
        Library.open(tmp_path / "library", FakeEncoder(), settings)
    with Library.open(tmp_path / "library", other(), settings) as again:
        assert again.count() == 21


def paint_of(uri: str) -> Pixels:
    from yunmeng.imaging import decode

    return decode(Path(uri).read_bytes()).pixels


class Stopping(FakeEncoder):
    """Sets ``stop`` after so many pictures, and lets the test look on meanwhile."""

    def __init__(self, after: int, act: Callable[[], None]) -> None:
        super().__init__(dim=48, name=OTHER)
        self._after, self._act = after, act

    def encode(self, batch: Sequence[Pixels]) -> NDArray[np.float32]:
        vectors = super().encode(batch)
        if self._after <= self.encoded < self._after + len(batch):
            self._act()
        return vectors


def test_stopped_it_answers_as_before_and_goes_on_where_it_was(filled: Library, settings: Settings) -> None:
    stop = threading.Event()
    encoder = Stopping(8, stop.set)
    report = filled.reencode(encoder, stop=stop)
    assert report.interrupted
    assert filled.config.encoder.name == "fake"
    assert filled.search(id="003.jpg", k=1)[0].id == "003.jpg"
    done = encoder.encoded
    assert 0 < done < 21
    path = filled.path
    filled.close()
    with Library.open(path, FakeEncoder(), settings) as library:
        again = other()
        report = library.reencode(again)
        assert not report.interrupted
        assert again.encoded == 21 - done, "nothing is encoded twice"
        assert library.config.encoder.name == OTHER
        assert library.count() == 21


def test_it_answers_and_changes_meanwhile(filled: Library, make_pictures: Make) -> None:
    """What is added, changed and deleted while it moves is so afterwards too."""
    more = make_pictures(1, "more", start=500)

    def meanwhile() -> None:
        assert filled.search(id="003.jpg", k=1)[0].id == "003.jpg"
        filled.add(more / "500.jpg", id="new")
        filled.set_attributes("000.jpg", {"category": "hats"})
        filled.delete(["001.jpg"])

    filled.reencode(Stopping(16, meanwhile))
    assert filled.config.encoder.name == OTHER
    assert {record.id for record in filled.iterate()} == {f"{n:03}.jpg" for n in range(20) if n != 1} | {"new", "sent"}
    assert filled.get("000.jpg").attributes == {"category": "hats"}
    assert filled.search(more / "500.jpg", k=1)[0].id == "new"


def test_a_picture_whose_file_is_gone_stops_the_move_unless_it_is_left_out(filled: Library) -> None:
    Path(filled.get("005.jpg").uri).unlink()
    report = filled.reencode(other())
    assert [failure.path for failure in report.failed] == ["005.jpg"]
    assert filled.config.encoder.name == "fake"
    assert filled.get("005.jpg").id == "005.jpg"
    report = filled.reencode(other(), drop_missing=True)
    assert filled.config.encoder.name == OTHER
    assert filled.count() == 20


def test_another_target_starts_anew(filled: Library) -> None:
    stop = threading.Event()
    filled.reencode(Stopping(8, stop.set), stop=stop)
    third = FakeEncoder(dim=16, name="third")
    filled.reencode(third)
    assert third.encoded == 21
    assert filled.config.encoder.name == "third"
    vector = filled.get("000.jpg", vector=True).vector
    assert vector is not None
    assert vector.shape == (16,)


def test_what_is_so_already(filled: Library) -> None:
    with pytest.raises(LibraryError, match="so already"):
        filled.reencode(FakeEncoder())
    with pytest.raises(LibraryError, match="so already"):
        filled.reencode(regions=False)


def test_regions_are_added_and_dropped(library: Library, tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    for seed in range(4):
        paint(seed, (200, 200)).save(tmp_path / "pictures" / f"{seed}.png")
    library.index([tmp_path / "pictures"])
    library.reencode(FakeEncoder(), regions=True)
    assert library.info().regions
    part = paint(2, (200, 200)).crop((0, 0, 80, 80))
    hit = library.search(part, regions=True, k=1)[0]
    assert hit.id == "2.png"
    assert hit.region is not None
    assert (hit.region.x, hit.region.y) == (0, 0)
    library.reencode(FakeEncoder(), regions=False)
    assert not library.info().regions
    assert library.count() == 4
