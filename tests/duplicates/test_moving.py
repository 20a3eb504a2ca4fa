"""Files of discarded pictures are moved, and none is ever lost."""

import errno
import os
from pathlib import Path

import pytest

from yunmeng.apps.duplicates.move import move_out


def made(file: Path, content: str = "picture") -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content)
    return file


@pytest.mark.parametrize(
    ("id", "place"),
    [
        ("summer/beach.jpg", "summer/beach.jpg"),
        ("/etc/beach.jpg", "etc/beach.jpg"),
        ("../../beach.jpg", "beach.jpg"),
        ("..", "file.jpg"),
        ("4711", "4711.jpg"),
        ("http://web/a.png", "http:/web/a.png"),
    ],
)
def test_a_file_goes_where_its_id_says_and_never_elsewhere(id: str, place: str, tmp_path: Path) -> None:
    file = made(tmp_path / "pictures" / "file.jpg")
    moved = move_out(file, id, tmp_path / "out")
    assert moved == tmp_path / "out" / place
    assert moved.read_text() == "picture"
    assert not file.exists()


def test_no_file_is_written_over(tmp_path: Path) -> None:
    out = tmp_path / "out"
    places = [move_out(made(tmp_path / "a.jpg", str(number)), "a.jpg", out) for number in range(3)]
    assert [place.name for place in places] == ["a.jpg", "a (2).jpg", "a (3).jpg"]
    assert [place.read_text() for place in places] == ["0", "1", "2"]


def test_it_goes_to_another_file_system_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    monkeypatch.setattr(os, "replace", refuse)
    file = made(tmp_path / "a.jpg")
    os.utime(file, (1_000_000, 1_000_000))
    moved = move_out(file, "a.jpg", tmp_path / "out")
    assert (moved.read_text(), moved.stat().st_mtime, file.exists()) == ("picture", 1_000_000, False)


def test_what_cannot_be_moved_stays_and_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "replace", refuse)
    monkeypatch.setattr("shutil.copy2", refuse)
    file = made(tmp_path / "a.jpg")
    with pytest.raises(OSError, match="No space"):
        move_out(file, "a.jpg", tmp_path / "out")
    assert file.read_text() == "picture"
    assert list((tmp_path / "out").iterdir()) == []


def test_a_file_that_is_gone_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        move_out(tmp_path / "none.jpg", "none.jpg", tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []
