"""``yunmeng dedupe``, as users run it."""

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageOps

from tests.conftest import CommandLine, told_in_one_line
from tests.imaging.samples import photograph
from tests.needing import need
from yunmeng.apps.duplicates import Duplicates
from yunmeng.config import Settings
from yunmeng.encoders.fake import FakeEncoder
from yunmeng.library import Library

need("faiss", "cv2", extra="copies")


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Six pictures, and of three of them a twin, a small copy and a mirrored part."""
    folder = tmp_path / "pictures" / "summer"
    folder.mkdir(parents=True)
    for seed in range(6):
        photograph(seed, (480, 360)).save(folder / f"{seed}.jpg", quality=92)
    (folder / "0-twin.jpg").write_bytes((folder / "0.jpg").read_bytes())
    with Image.open(folder / "1.jpg") as one, Image.open(folder / "2.jpg") as two:
        one.resize((240, 180)).save(folder / "1-small.jpg", quality=80)
        ImageOps.mirror(two.crop((30, 20, 450, 330))).save(folder / "2-part.png")
    return folder.parent


@pytest.fixture
def db(tmp_path: Path, pictures: Path, settings: Settings) -> Path:
    with Library.create(tmp_path / "library", FakeEncoder(), {"category": "str"}, settings) as library:
        library.index([pictures])
        assert library.count() == 9
    return tmp_path / "library"


def kept(db: Path, settings: Settings) -> dict[str, Any]:
    """The attributes of the pictures that are in."""
    with Library.open(db, FakeEncoder(), settings) as library:
        return {record.id: dict(record.attributes) for record in library.iterate()}


def found(done: Any) -> Any:
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_without_more_nothing_is_changed(yunmeng: CommandLine, db: Path, pictures: Path, settings: Settings) -> None:
    before = sorted(pictures.rglob("*"))
    done = yunmeng("dedupe", "--db", db)
    assert done.returncode == 0, done.stderr
    lines = [line.split() for line in done.stdout.splitlines()]
    assert ["same-file", "summer/0-twin.jpg"] in [[line[0], line[-1]] for line in lines if line]
    assert ["keep", "summer/1.jpg"] in [[line[0], line[-1]] for line in lines if line]
    assert "--delete" in done.stdout
    answer = found(yunmeng("dedupe", "--db", db, "--json"))
    assert set(answer) == {"groups", "pictures", "duplicates", "seconds", "applied"}
    assert (answer["pictures"], answer["applied"]) == (9, None)
    told = {group["keep"]: [(one["id"], one["reason"]) for one in group["discard"]] for group in answer["groups"]}
    assert told["summer/0.jpg"] == [("summer/0-twin.jpg", "same-file")]
    assert told["summer/1.jpg"] == [("summer/1-small.jpg", "same-picture")]
    assert answer["duplicates"] == sum(len(group["discard"]) for group in answer["groups"])
    assert len(kept(db, settings)) == 9
    assert sorted(pictures.rglob("*")) == before


def test_deleted_ones_leave_the_library_and_their_files_stay(
    yunmeng: CommandLine, db: Path, pictures: Path, settings: Settings
) -> None:
    answer = found(yunmeng("dedupe", "--db", db, "--delete", "--keep", "smallest", "--json"))
    assert answer["applied"] == "delete"
    gone = {one["id"] for group in answer["groups"] for one in group["discard"]}
    assert "summer/1.jpg" in gone
    assert set(kept(db, settings)) == {f"summer/{file.name}" for file in pictures.rglob("*.*")} - gone
    again = found(yunmeng("dedupe", "--db", db, "--json"))
    assert (again["groups"], again["pictures"]) == ([], 9 - len(gone))
    with Library.open(db, FakeEncoder(), settings) as library:
        assert library.index([pictures]).indexed == len(gone)


def test_moved_ones_keep_their_paths_and_overwrite_nothing(
    yunmeng: CommandLine, db: Path, pictures: Path, tmp_path: Path, settings: Settings
) -> None:
    there = tmp_path / "out" / "summer" / "0-twin.jpg"
    there.parent.mkdir(parents=True)
    there.write_bytes(b"not to be lost")
    twin = (pictures / "summer" / "0-twin.jpg").read_bytes()
    done = yunmeng("dedupe", "--db", db, "--move", "out")
    assert done.returncode == 0, done.stderr
    assert there.read_bytes() == b"not to be lost"
    assert (there.parent / "0-twin (2).jpg").read_bytes() == twin
    assert not (pictures / "summer" / "0-twin.jpg").exists()
    assert (pictures / "summer" / "0.jpg").exists()
    assert "summer/0-twin.jpg" not in kept(db, settings)
    with Library.open(db, FakeEncoder(), settings) as library:
        for group in Duplicates(library).groups(open=False):
            Duplicates(library).undo(group.number)
        assert library.count() == 9
        assert library.original("summer/0-twin.jpg") == twin


def test_a_file_under_two_ids_is_not_moved_away_from_the_one_that_stays(
    yunmeng: CommandLine, tmp_path: Path, pictures: Path, settings: Settings
) -> None:
    file = pictures / "summer" / "5.jpg"
    with Library.create(tmp_path / "two", FakeEncoder(), settings=settings) as library:
        library.add(file, id="a")
        library.add(file, id="longer")
    answer = found(yunmeng("dedupe", "--db", tmp_path / "two", "--move", "out", "--json"))
    assert [group["keep"] for group in answer["groups"]] == ["a"]
    assert file.exists()
    assert set(kept(tmp_path / "two", settings)) == {"a"}


def test_a_file_that_has_changed_is_left_where_it_is(
    yunmeng: CommandLine, db: Path, pictures: Path, settings: Settings
) -> None:
    other = pictures / "summer" / "0-twin.jpg"
    other.write_bytes(b"something else by now")
    told_in_one_line(yunmeng("dedupe", "--db", db, "--move", ""), "the folder of --move is empty")
    done = yunmeng("dedupe", "--db", db, "--move", "out")
    assert done.returncode == 1
    assert f"{other}: not moved: the file of summer/0-twin.jpg has changed" in done.stderr
    assert "1 left where they are" in done.stdout
    assert other.read_bytes() == b"something else by now"
    assert "summer/0-twin.jpg" in kept(db, settings)


def test_tagged_ones_stay_and_say_of_what_they_are_copies(yunmeng: CommandLine, db: Path, settings: Settings) -> None:
    answer = found(yunmeng("dedupe", "--db", db, "--tag", "--json"))
    records = kept(db, settings)
    assert len(records) == 9
    expected = {one["id"]: group["keep"] for group in answer["groups"] for one in group["discard"]}
    assert {id: held["duplicate_of"] for id, held in records.items() if "duplicate_of" in held} == expected


def test_wrong_use_is_told(yunmeng: CommandLine, db: Path, tmp_path: Path) -> None:
    told_in_one_line(yunmeng("dedupe", "--db", db, "--tag", "--move", "out"), "one of")
    told_in_one_line(yunmeng("dedupe", "--db", tmp_path / "none"), "library")
    told_in_one_line(yunmeng("dedupe", "--db", db, "--keep", "nicest"), "nicest")
