"""A disk that fills up, for real: a small tmpfs."""

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import CommandLine, told_in_one_line
from yunmeng.config import Settings
from yunmeng.encoders.fake import FakeEncoder
from yunmeng.library import Library
from yunmeng.stores.zvec.disk import ROOM, ROOM_TO_DELETE

Make = Callable[..., Path]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system with 30 MB beyond what the store wants to be left."""
    place = tmp_path / "small"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={ROOM + 30_000_000}", "tmpfs", str(place)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("a file system can be mounted by root only")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_a_full_disk_is_told_and_nothing_that_was_acknowledged_is_lost(
    small_disk: Path, make_pictures: Make, yunmeng: CommandLine
) -> None:
    first = make_pictures(40)
    index = ("index", "--db", small_disk / "library", "--json")
    done = yunmeng(*index, first, "--encoder", "efficientnet-lite0")
    assert json.loads(done.stdout)["indexed"] == 40, done.stderr

    all_of_them = make_pictures(60, start=40)  # in the same folder
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(30_000_000))
    done = yunmeng(*index, all_of_them)
    assert (done.returncode, done.stdout) == (2, "")
    assert "nearly full" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    found = json.loads(yunmeng("search", "id:003.jpg", "--db", small_disk / "library", "-k", "99", "--json").stdout)
    assert len(found["hits"]) == 40  # reading goes on

    ballast.unlink()
    report = json.loads(yunmeng(*index, all_of_them).stdout)
    assert (report["indexed"], report["skipped"]) == (60, 40)


def test_deleting_works_where_writing_does_not(
    small_disk: Path, make_pictures: Make, yunmeng: CommandLine, settings: Settings
) -> None:
    pictures, place = make_pictures(16), small_disk / "library"
    rows = ["path,number", *(f"{number:03}.jpg,{number}" for number in range(16))]
    (pictures / "m.csv").write_text("\n".join(rows))
    sources: dict[str, Any] = {"paths": [pictures], "manifest": pictures / "m.csv"}
    options: dict[str, Any] = {"augmented": True, "regions": True}
    with Library.create(place, FakeEncoder(), {"number": "int"}, settings, **options) as library:
        assert library.index(**sources).indexed == 16

    def leave(free: int) -> None:
        size = shutil.disk_usage(small_disk).free - free
        (small_disk / f"ballast {free}").write_bytes(bytes(size))

    leave(ROOM_TO_DELETE + 20_000_000)  # opening a library takes some too
    for order, said in ((("000.jpg", "001.jpg"), "2 deleted\n"), (("--filter", "number < 6"), "4 deleted\n")):
        done = yunmeng("delete", *order, "--db", place)
        assert (done.returncode, done.stdout, done.stderr) == (0, said, "")
    assert json.loads(yunmeng("info", "--db", place, "--json").stdout)["pictures"] == 10
    leave(ROOM_TO_DELETE - 1_000_000)
    told_in_one_line(yunmeng("delete", "010.jpg", "--db", place), "the disk is nearly full")
    for ballast in small_disk.glob("ballast *"):
        ballast.unlink()
    with Library.open(place, FakeEncoder(), settings) as library:
        assert {record.id for record in library.iterate()} == {f"{number:03}.jpg" for number in range(6, 16)}
        assert len(library.search(id="010.jpg", regions=True, k=99)) == 10
        assert library.delete(all=True) == 10
        assert library.index(**sources).indexed == 16
