"""A disk that fills up, for real: a small tmpfs."""

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import CommandLine
from yunmeng.stores.disk import ROOM

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
    first, all_of_them = make_pictures(40, "first"), make_pictures(100, "all")
    index = ("index", "--db", small_disk / "library", "--json")
    done = yunmeng(*index, first, "--encoder", "efficientnet-lite0")
    assert json.loads(done.stdout)["indexed"] == 40, done.stderr

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
