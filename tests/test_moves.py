"""Files that have left their place, and files that are away with their drive."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from yunmeng.ingest import Moves, identify

SINCE = datetime.now(UTC) - timedelta(days=1)


@pytest.fixture
def new(tmp_path: Path) -> Path:
    (tmp_path / "new").mkdir()
    return tmp_path / "new"


@pytest.mark.parametrize(
    ("device", "inode", "mount", "left"),
    [
        (0, 0, "/", True),  # renamed
        (0, 1, "/", False),  # a copy on the same disk, and nobody knows what became of the original
        (1, 1, "/", True),  # carried to another disk, and the old one is there
        (1, 1, "old", False),  # a drive that was mounted there
        (0, 0, "old", False),
        (1, 1, "elsewhere", False),  # a folder on a drive that is not mounted
    ],
)
def test_a_folder_that_is_missing(tmp_path: Path, new: Path, device: int, inode: int, mount: str, left: bool) -> None:
    folders = identify([new])
    dev, ino, _ = folders[str(new)]
    earlier = {str(tmp_path / "old"): [dev + device, ino + inode, str(tmp_path / mount)]}
    assert Moves(SINCE, folders, [earlier]).left(str(tmp_path / "old" / "sub" / "1.jpg")) is left


def test_a_place_of_which_nothing_is_left_on_a_disk_that_is_there(tmp_path: Path, new: Path) -> None:
    folders = identify([new])
    earlier: dict[str, Any] = {str(tmp_path / "user" / "photos"): [folders[str(new)][0], 1, "/"]}
    assert Moves(SINCE, folders, [earlier]).left(str(tmp_path / "user" / "photos" / "1.jpg"))


@pytest.mark.parametrize("place", ["/media/someone/card", "/run/media/someone/card", "/Volumes/card", "/mnt/card"])
def test_what_lay_where_drives_are_mounted_is_away(place: str) -> None:
    assert not Moves(SINCE).left(f"{place}/DCIM/1.jpg")


def test_what_is_there_has_not_left(new: Path) -> None:
    (new / "1.jpg").touch()
    assert not Moves(SINCE).left(str(new / "1.jpg"))
    assert Moves(SINCE).left(str(new / "2.jpg"))
    assert not Moves(SINCE).left("http://example.com/1.jpg")
    (new / "link").symlink_to(new / "nowhere")
    assert not Moves(SINCE, identify([new])).left(str(new / "link" / "1.jpg"))
