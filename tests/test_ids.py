"""Every file has an id of its own, and keeps it: folders with the same names, drives that come and go, moves."""

import json
import os
import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from tests.conftest import paint
from yunmeng.config import Settings
from yunmeng.encoders.fake import FakeEncoder
from yunmeng.ingest import Names, Tally
from yunmeng.ingest.entries import Entry
from yunmeng.library import Library

Make = Callable[..., Path]


def uris(library: Library) -> dict[str, str]:
    return {record.id: record.uri for record in library.iterate()}


def picture(path: Path, seed: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    paint(seed).save(path)
    return path


def nothing_is_left_to_do(library: Library, encoder: FakeEncoder, *runs: list[Path]) -> None:
    """Check that further runs skip everything and change nothing."""
    before, encoded = uris(library), encoder.encoded
    for paths in runs:
        report = library.index(paths)
        assert (report.indexed, report.failed) == (0, [])
    assert (uris(library), encoder.encoded) == (before, encoded)


@pytest.fixture
def years(tmp_path: Path) -> list[Path]:
    """Three folders, each with two pictures of the same names."""
    folders = [tmp_path / "photos" / year for year in "123"]
    for seed, folder in enumerate(folders):
        for n in (0, 1):
            picture(folder / f"IMG_{n}.jpg", 10 * seed + n)
    return folders


def test_folders_with_the_same_names_come_in_together_and_in_any_order_again(
    library: Library, encoder: FakeEncoder, years: list[Path]
) -> None:
    report = library.index(years)
    assert (report.indexed, report.failed) == (6, [])
    assert set(uris(library)) == {f"{folder}IMG_{n}.jpg" for folder in ("", "2/", "3/") for n in (0, 1)}
    nothing_is_left_to_do(library, encoder, years, years[::-1], [years[1]], [years[2], years[0]], [years[0].parent])


def test_files_with_the_same_names_come_in_together_and_again(
    library: Library, encoder: FakeEncoder, years: list[Path]
) -> None:
    files = [file for folder in years for file in sorted(folder.iterdir())]
    assert library.index(files).indexed == 6
    nothing_is_left_to_do(library, encoder, files, files[::-1], files[3:], years)


def test_folders_that_come_one_after_the_other(library: Library, encoder: FakeEncoder, years: list[Path]) -> None:
    for folder in (years[2], years[0], years[1]):
        assert library.index([folder]).indexed == 2
    assert uris(library)["IMG_0.jpg"] == str(years[2] / "IMG_0.jpg")
    nothing_is_left_to_do(library, encoder, years, [years[1]])


def test_a_changed_file_keeps_its_longer_id(library: Library, encoder: FakeEncoder, years: list[Path]) -> None:
    library.index(years)
    picture(years[1] / "IMG_0.jpg", 99)
    report = library.index([years[1]])
    assert (report.indexed, report.skipped, library.count()) == (1, 1, 6)
    assert uris(library)["2/IMG_0.jpg"] == str(years[1] / "IMG_0.jpg")
    nothing_is_left_to_do(library, encoder, years)


def test_a_stopped_run_goes_on_in_another_order(library: Library, encoder: FakeEncoder, years: list[Path]) -> None:
    stop = threading.Event()

    def on_tally(tally: Tally) -> None:
        if tally.indexed:
            stop.set()

    report = library.index(years, on_tally=on_tally, stop=stop)
    assert report.interrupted
    before = uris(library)
    library.index(years[::-1])
    assert uris(library).items() >= before.items()
    assert (library.count(), encoder.encoded) == (6, 6)
    nothing_is_left_to_do(library, encoder, years)


def test_the_same_bytes_under_the_same_name_elsewhere_are_a_picture_of_their_own(
    library: Library, encoder: FakeEncoder, years: list[Path]
) -> None:
    shutil.copy(years[0] / "IMG_0.jpg", years[1] / "IMG_0.jpg")
    assert library.index(years[:2]).indexed == 4
    nothing_is_left_to_do(library, encoder, years[:2], years[1::-1])
    assert library.count() == 4


def test_a_file_behind_a_link_is_the_same_file(library: Library, encoder: FakeEncoder, years: list[Path]) -> None:
    link = years[0].parent / "link"
    link.symlink_to(years[0])
    library.index([years[0]])
    assert library.index([link]).skipped == 2
    nothing_is_left_to_do(library, encoder, [link, years[0]])


@pytest.mark.parametrize("gone", ["renamed", "removed", "empty"])
def test_a_picture_whose_drive_is_away_keeps_its_record(
    library: Library, encoder: FakeEncoder, tmp_path: Path, gone: str
) -> None:
    ours, other = tmp_path / "drive-a", tmp_path / "drive-b"
    picture(ours / "DCIM" / "1.jpg", 1)
    picture(other / "DCIM" / "1.jpg", 2)
    (ours / "m.csv").write_text("path,category\nDCIM/1.jpg,sun\n")
    library.index([ours / "m.csv"])
    if gone == "removed":
        shutil.copytree(ours, tmp_path / "unplugged")
        shutil.rmtree(ours)
    else:
        ours.rename(tmp_path / "unplugged")
    if gone == "empty":
        ours.mkdir()
    assert library.index([other]).indexed == 1
    assert uris(library) == {
        "DCIM/1.jpg": str(ours / "DCIM" / "1.jpg"),
        "drive-b/DCIM/1.jpg": str(other / "DCIM" / "1.jpg"),
    }
    assert library.get("DCIM/1.jpg").attributes == {"category": "sun"}
    assert library.get("drive-b/DCIM/1.jpg").attributes == {}
    if gone == "empty":
        ours.rmdir()
    shutil.move(tmp_path / "unplugged", ours)
    nothing_is_left_to_do(library, encoder, [ours / "m.csv"], [other], [ours], [other, ours])


def test_a_copy_of_a_drive_that_is_away_takes_nothing_from_it_and_shares_what_was_said(
    library: Library, encoder: FakeEncoder, tmp_path: Path
) -> None:
    ours, copy = tmp_path / "drive-a", tmp_path / "drive-b"
    picture(ours / "DCIM" / "1.jpg", 1)
    (ours / "m.csv").write_text("path,category\nDCIM/1.jpg,sun\n")
    library.index([ours / "m.csv"])
    shutil.copytree(ours, copy)
    ours.rename(tmp_path / "unplugged")
    assert library.index([copy]).indexed == 1
    assert set(uris(library)) == {"DCIM/1.jpg", "drive-b/DCIM/1.jpg"}
    assert all(record.attributes == {"category": "sun"} for record in library.iterate())
    assert encoder.encoded == 1
    (tmp_path / "unplugged").rename(ours)
    nothing_is_left_to_do(library, encoder, [ours], [copy], [copy, ours])


def test_a_share_that_is_not_mounted_leaves_an_empty_folder(
    tmp_path: Path, settings: Settings, encoder: FakeEncoder
) -> None:
    share, copy = tmp_path / "share", tmp_path / "copy"
    for folder in (share, copy):
        picture(folder / "1.jpg", 1)
    with Library.create(tmp_path / "library", encoder, settings=settings) as library:
        library.index([share])
        (share / "1.jpg").unlink()
        os.utime(share, (0, 0))  # as it was when the share was first mounted on it
        library.index([copy])
        assert uris(library) == {"1.jpg": str(share / "1.jpg"), "copy/1.jpg": str(copy / "1.jpg")}


def test_a_file_that_leaves_its_folder_takes_its_record_along(
    library: Library, encoder: FakeEncoder, tmp_path: Path
) -> None:
    inbox, sorted_ = tmp_path / "inbox", tmp_path / "sorted"
    picture(inbox / "1.jpg", 1)
    (inbox / "m.jsonl").write_text(json.dumps({"path": "1.jpg", "category": "shoes"}))
    library.index([inbox / "m.jsonl"])
    sorted_.mkdir()
    (inbox / "1.jpg").rename(sorted_ / "shoe.jpg")
    library.index([sorted_])
    assert uris(library) == {"shoe.jpg": str(sorted_ / "shoe.jpg")}
    assert library.get("shoe.jpg").attributes == {"category": "shoes"}
    assert encoder.encoded == 1


def test_folders_that_are_renamed_within_an_indexed_one_take_their_records_along(
    library: Library, encoder: FakeEncoder, years: list[Path]
) -> None:
    library.index([years[0].parent])
    years[0].rename(years[0].with_name("summer"))
    assert library.index([years[0].parent]).indexed == 2
    assert library.count() == 6
    assert encoder.encoded == 6
    assert "summer/IMG_0.jpg" in uris(library)


def test_the_manifest_of_a_folder_that_was_renamed_names_the_same_pictures(
    library: Library, encoder: FakeEncoder, tmp_path: Path
) -> None:
    picture(tmp_path / "shop" / "img" / "1.jpg", 1)
    (tmp_path / "shop" / "m.csv").write_text("path,category\nimg/1.jpg,hats\n")
    library.index([tmp_path / "shop" / "m.csv"])
    (tmp_path / "shop").rename(tmp_path / "store")
    assert library.index([tmp_path / "store" / "m.csv"]).failed == []
    assert uris(library) == {"img/1.jpg": str(tmp_path / "store" / "img" / "1.jpg")}
    assert encoder.encoded == 1


def test_what_was_said_of_a_picture_goes_with_it_onto_another_name(
    library: Library, encoder: FakeEncoder, make_pictures: Make
) -> None:
    folder = make_pictures(2)
    rows = [{"path": f"{n:03}.jpg", "price": float(n)} for n in (0, 1)]
    (folder / "m.jsonl").write_text("\n".join(map(json.dumps, rows)))
    library.index([folder / "m.jsonl"])
    (folder / "001.jpg").replace(folder / "000.jpg")
    library.index([folder])
    assert set(uris(library)) == {"000.jpg"}
    assert library.get("000.jpg").attributes == {"price": 1.0}
    assert encoder.encoded == 2


def test_a_key_stays_when_its_picture_is_met_by_its_path(
    library: Library, encoder: FakeEncoder, tmp_path: Path
) -> None:
    picture(tmp_path / "img" / "1.jpg", 1)
    manifest = tmp_path / "m.csv"
    manifest.write_text("path,id,category\nimg/1.jpg,sku-1,hats\n")
    library.index([manifest])
    nothing_is_left_to_do(library, encoder, [tmp_path / "img"], [tmp_path / "img" / "1.jpg"])
    (tmp_path / "img" / "1.jpg").rename(tmp_path / "img" / "2.jpg")
    library.index([tmp_path / "img"])
    assert uris(library) == {"sku-1": str(tmp_path / "img" / "2.jpg")}
    assert library.get("sku-1").attributes == {"category": "hats"}


def test_one_of_two_copies_takes_over_the_record_of_a_file_that_has_left(
    library: Library, encoder: FakeEncoder, make_pictures: Make
) -> None:
    folder = make_pictures(1)
    library.index([folder])
    for name in ("one", "two"):
        (folder / name).mkdir()
        shutil.copy(folder / "000.jpg", folder / name / "000.jpg")
    (folder / "000.jpg").unlink()
    library.index([folder])
    assert set(uris(library)) == {"one/000.jpg", "two/000.jpg"}
    nothing_is_left_to_do(library, encoder, [folder], [folder / "two", folder / "one"])


def test_a_key_that_has_another_picture_is_refused_with_its_line_whether_that_is_there_or_away(
    library: Library, tmp_path: Path
) -> None:
    for name, seed in (("a", 1), ("b", 2)):
        picture(tmp_path / name / "1.jpg", seed)
        (tmp_path / name / f"{name}.csv").write_text(f"path,id,category\n1.jpg,sku-1,{name}\n")
    library.index([tmp_path / "a" / "a.csv"])
    for _ in ("there", "away"):
        (failure,) = library.index([tmp_path / "b" / "b.csv"]).failed
        assert failure.reason.startswith("bad-id: b.csv line 2: the id sku-1 belongs to ")
        if (tmp_path / "a").exists():
            (tmp_path / "a").rename(tmp_path / "unplugged")
    assert library.get("sku-1").attributes == {"category": "a"}


def test_a_key_whose_file_gave_way_to_another_one_gets_the_new_picture(library: Library, tmp_path: Path) -> None:
    picture(tmp_path / "old.jpg", 1)
    manifest = tmp_path / "m.csv"
    manifest.write_text("path,id\nold.jpg,sku-1\n")
    library.index([manifest])
    (tmp_path / "old.jpg").unlink()
    picture(tmp_path / "new.jpg", 2)
    manifest.write_text("path,id\nnew.jpg,sku-1\n")
    assert library.index([manifest]).indexed == 1
    assert uris(library) == {"sku-1": str(tmp_path / "new.jpg")}


def test_keys_go_before_paths_in_one_run(library: Library, encoder: FakeEncoder, make_pictures: Make) -> None:
    folder = make_pictures(2)
    manifest = folder.parent / "m.csv"
    manifest.write_text("path,id\n000.jpg,001.jpg\n")
    for _ in range(2):
        assert library.index([folder], manifest=manifest).failed == []
        assert uris(library) == {"001.jpg": str(folder / "000.jpg"), "pictures/001.jpg": str(folder / "001.jpg")}


@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.lists(st.sampled_from("ab"), min_size=1, max_size=4), max_size=12, unique_by=tuple))
def test_no_two_files_of_a_run_have_the_same_id(paths: list[list[str]]) -> None:
    entries = [Entry(id=p[-1], uri="/" + "/".join(p), path=p[-1]) for p in paths]
    named = list(Names().apart(entries))
    ids = [entry.id for entry in named if entry.problem is None]
    assert len(ids) == len(set(ids)) == len(paths)
    assert all(entry.uri.endswith(f"/{entry.id}") or entry.uri == entry.id for entry in named)
