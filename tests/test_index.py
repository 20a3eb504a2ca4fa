"""Filling a library, through its face."""

import json
import os
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pytest_httpserver import HTTPServer

from tests.conftest import paint
from yunmeng.config import Settings
from yunmeng.encoders.fake import FakeEncoder
from yunmeng.ingest import Tally
from yunmeng.library import Library

Make = Callable[..., Path]


def ids(library: Library) -> set[str]:
    return {record.id for record in library.iterate()}


def test_pictures_come_in_with_all_that_is_kept_of_them(library: Library, make_pictures: Make) -> None:
    folder = make_pictures(10)
    report = library.index([folder])
    assert (report.indexed, report.skipped, report.failed, report.interrupted) == (10, 0, [], False)
    record = library.get("003.jpg", vector=True)
    assert record.uri == str(folder / "003.jpg")
    assert (record.width, record.height) == (64, 48)
    assert (len(record.sha256), len(record.phash), len(record.pdq)) == (64, 16, 64)
    assert record.quality
    assert record.vector is not None
    assert record.vector.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(record.vector), 1.0, atol=1e-5)


def test_a_second_run_encodes_nothing(library: Library, encoder: FakeEncoder, make_pictures: Make) -> None:
    folder = make_pictures(9)
    library.index([folder])
    report = library.index([folder])
    assert (report.indexed, report.skipped, encoder.encoded) == (0, 9, 9)


def test_a_touched_file_is_skipped_and_a_changed_one_replaced(
    library: Library, encoder: FakeEncoder, make_pictures: Make
) -> None:
    folder = make_pictures(3)
    library.index([folder])
    os.utime(folder / "000.jpg")
    paint(77).save(folder / "001.jpg")
    before = library.get("001.jpg").sha256
    report = library.index([folder])
    assert (report.indexed, report.skipped, encoder.encoded) == (1, 2, 4)
    assert library.get("001.jpg").sha256 != before
    assert library.count() == 3


def test_a_moved_picture_keeps_its_vector_and_attributes_and_leaves_no_trace(
    library: Library, encoder: FakeEncoder, make_pictures: Make
) -> None:
    folder = make_pictures(3)
    manifest = folder.parent / "m.jsonl"
    manifest.write_text(json.dumps({"path": "001.jpg", "category": "shoes"}))
    library.index([folder], manifest=manifest)
    vector = library.get("001.jpg", vector=True).vector
    (folder / "new").mkdir()
    (folder / "001.jpg").rename(folder / "new" / "name.jpg")
    report = library.index([folder])
    assert (report.indexed, report.skipped, report.failed) == (1, 2, [])
    assert encoder.encoded == 3
    assert ids(library) == {"000.jpg", "002.jpg", "new/name.jpg"}
    moved = library.get("new/name.jpg", vector=True)
    assert moved.attributes == {"category": "shoes"}
    np.testing.assert_array_equal(moved.vector, vector)


def test_a_folder_that_moved_as_a_whole_is_not_encoded_again(
    library: Library, encoder: FakeEncoder, make_pictures: Make
) -> None:
    folder = make_pictures(5)
    library.index([folder])
    folder.rename(folder.with_name("elsewhere"))
    library.index([folder.with_name("elsewhere")])
    assert encoder.encoded == 5
    assert library.count() == 5
    assert library.get("004.jpg").uri == str(folder.with_name("elsewhere") / "004.jpg")


def test_a_copy_is_a_picture_of_its_own_but_is_not_encoded(
    library: Library, encoder: FakeEncoder, make_pictures: Make
) -> None:
    folder = make_pictures(2)
    library.index([folder])
    (folder / "copy.jpg").write_bytes((folder / "000.jpg").read_bytes())
    library.index([folder])
    assert encoder.encoded == 2
    assert ids(library) == {"000.jpg", "001.jpg", "copy.jpg"}
    hits = library.search(id="copy.jpg", k=2)
    assert {hit.id for hit in hits} == {"000.jpg", "copy.jpg"}
    assert all(hit.score == pytest.approx(1.0, abs=1e-5) for hit in hits)


def test_attributes_that_change_are_written_without_encoding(
    library: Library, encoder: FakeEncoder, make_pictures: Make
) -> None:
    folder = make_pictures(3)
    manifest = folder / "m.jsonl"
    rows = [{"path": f"{n:03}.jpg", "price": float(n), "tags": ["a"], "colour": "red"} for n in range(3)]
    manifest.write_text("\n".join(map(json.dumps, rows)))
    library.index([manifest])
    assert library.get("002.jpg").attributes == {"price": 2.0, "tags": ["a"], "colour": "red"}
    rows[1]["price"] = 99.0
    manifest.write_text("\n".join(map(json.dumps, rows)))
    report = library.index([manifest])
    assert (report.indexed, report.skipped, encoder.encoded) == (1, 2, 3)
    assert library.count("price > 50") == 1
    library.index([folder])  # a source that says nothing about attributes changes none
    assert library.get("001.jpg").attributes["price"] == 99.0


def test_files_that_never_claimed_to_be_pictures_are_passed_over_and_hidden_pictures_found(
    library: Library, make_pictures: Make
) -> None:
    folder = make_pictures(1)
    (folder / "notes.txt").write_text("BM is how this begins")
    (folder / "README").write_text("text")
    (folder / "movie.mp4").write_bytes(b"\0\0\0 ftypisom" + bytes(100))
    paint(5).save(folder / "download", format="PNG")
    report = library.index([folder])
    assert (report.indexed, report.failed) == (2, [])
    assert ids(library) == {"000.jpg", "download"}


def test_urls_are_fetched_once(library: Library, httpserver: HTTPServer, tmp_path: Path, make_pictures: Make) -> None:
    data = (make_pictures(1) / "000.jpg").read_bytes()
    httpserver.expect_request("/good.jpg").respond_with_data(data, content_type="image/jpeg")
    httpserver.expect_request("/page").respond_with_data(b"<html></html>", content_type="text/html")
    httpserver.expect_request("/gone").respond_with_data(b"", status=404)
    urls = [httpserver.url_for(path) for path in ("/good.jpg", "/page", "/gone")]
    (tmp_path / "urls.txt").write_text("\n".join(urls))
    report = library.index([tmp_path / "urls.txt"])
    assert report.indexed == 1
    assert [(f.path, f.reason.split(":")[0]) for f in report.failed] == [
        (urls[1], "not-a-picture"),
        (urls[2], "unfetchable"),
    ]
    assert library.get(urls[0]).uri == urls[0]
    asked = len(httpserver.log)
    report = library.index([urls[0]])
    assert (report.skipped, len(httpserver.log)) == (1, asked)


def test_a_stop_keeps_what_is_done_and_the_next_run_does_the_rest(
    library: Library, encoder: FakeEncoder, make_pictures: Make
) -> None:
    folder = make_pictures(40)
    stop = threading.Event()

    def on_tally(tally: Tally) -> None:
        if tally.indexed >= 8:
            stop.set()

    report = library.index([folder], on_tally=on_tally, stop=stop)
    assert report.interrupted
    assert 8 <= report.indexed < 40
    assert library.count() == report.indexed
    assert library.info().last_job.status == "interrupted"  # type: ignore[union-attr]
    rest = library.index([folder])
    assert (rest.indexed, rest.skipped, rest.interrupted) == (40 - report.indexed, report.indexed, False)
    assert encoder.encoded == 40


def test_a_record_that_a_killed_run_left_under_its_old_name_is_tidied_up(
    tmp_path: Path, encoder: FakeEncoder, settings: Settings, make_pictures: Make
) -> None:
    folder = make_pictures(2)
    with Library.create(tmp_path / "library", encoder, settings=settings) as library:
        library.index([folder])
        (folder / "copy.jpg").write_bytes((folder / "000.jpg").read_bytes())
        library.index([folder])  # both names are in, as after a kill between writing the new and removing the old
        (folder / "000.jpg").unlink()
        stop = threading.Event()
        stop.set()
        assert library.index([folder], stop=stop).interrupted
        library.index([folder])
        assert ids(library) == {"001.jpg", "copy.jpg"}
    assert encoder.encoded == 2


def test_the_tally_counts_everything_and_learns_the_total(library: Library, make_pictures: Make) -> None:
    folder = make_pictures(10)
    (folder / "empty.jpg").write_bytes(b"")
    seen: list[tuple[int, int]] = []
    library.index([folder], on_tally=lambda tally: seen.append((tally.indexed, tally.failed)))
    assert seen[-1] == (10, 1)
    assert seen == sorted(seen)


def test_ids_of_any_name_are_found_again(library: Library, tmp_path: Path) -> None:
    folder = tmp_path / "odd"
    folder.mkdir()
    names = [
        "红色 连衣裙.jpg",
        'it\'s "quoted" 100%.jpg',
        "new\nline.jpg",
        "back\\slash.jpg",
        "e\u0301.jpg",
        "😀.jpg",
        "%41.jpg",
    ]
    raw = [os.fsencode(name) for name in names] + [b"\xff\xfe.jpg"]
    for seed, name in enumerate(raw):
        with open(os.fsencode(folder) + b"/" + name, "wb") as file:  # noqa: PTH123  a name that is no text
            paint(seed).save(file, format="JPEG")
    report = library.index([folder])
    assert (report.indexed, report.failed) == (len(raw), [])
    for name in raw:
        key = os.fsdecode(name)
        assert library.search(id=key, k=1)[0].id == key
        assert Path(library.get(key).uri).exists()
    assert library.index([folder]).skipped == len(raw)


def test_an_id_that_the_store_cannot_take_is_a_failure_of_its_picture_alone(library: Library, tmp_path: Path) -> None:
    deep = tmp_path / "deep" / "/".join(["d" * 200] * 7)
    deep.mkdir(parents=True)
    paint(1).save(deep / "a.jpg")
    paint(2).save(tmp_path / "deep" / "b.jpg")
    report = library.index([tmp_path / "deep"])
    assert report.indexed == 1
    assert [f.reason.split(":")[0] for f in report.failed] == ["bad-id"]


def test_a_whole_number_fits_a_float_attribute_and_comes_back_unchanged(
    library: Library, encoder: FakeEncoder, make_pictures: Make
) -> None:
    folder = make_pictures(1)
    (folder / "m.jsonl").write_text(json.dumps({"path": "000.jpg", "price": 5}))
    library.index([folder / "m.jsonl"])
    assert library.index([folder / "m.jsonl"]).skipped == 1
    assert library.count("price = 5") == library.count("price = 5.0") == 1


def test_large_pictures_are_described_at_their_full_size(library: Library, tmp_path: Path) -> None:
    folder = tmp_path / "large"
    folder.mkdir()
    Image.effect_noise((3000, 2000), 50).convert("RGB").save(folder / "a.jpg")
    library.index([folder])
    assert (library.get("a.jpg").width, library.get("a.jpg").height) == (3000, 2000)
