"""Files on disk: read whole, or refused with a reason, and never waited for."""

import os
import socket
from pathlib import Path
from threading import Thread

import pytest

from tests.imaging.samples import sample
from yunmeng.errors import PictureError, Reason
from yunmeng.imaging import PICTURE_ENDINGS, is_picture, read

OPEN_FILES = Path("/proc/self/fd")


def reason(path: Path, max_bytes: int = 1000) -> Reason:
    with pytest.raises(PictureError) as caught:
        read(path, max_bytes=max_bytes)
    return caught.value.reason


def test_a_file_is_read_whole(tmp_path: Path) -> None:
    file = tmp_path / "图片.bin"
    file.write_bytes(bytes(range(200)))
    assert read(file, max_bytes=200) == bytes(range(200))


def test_a_link_to_a_file_is_followed(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"123")
    (tmp_path / "link").symlink_to("file")
    assert read(tmp_path / "link", max_bytes=3) == b"123"


def test_too_large_names_the_numbers_and_the_setting(tmp_path: Path) -> None:
    file = tmp_path / "large"
    file.write_bytes(bytes(5000))
    with pytest.raises(PictureError, match=r"5,000 bytes.* 4,999 \(YUNMENG_MAX_FILE_BYTES\)") as caught:
        read(file, max_bytes=4999)
    assert caught.value.reason is Reason.TOO_LARGE


def test_an_empty_file(tmp_path: Path) -> None:
    (tmp_path / "empty.jpg").touch()
    assert reason(tmp_path / "empty.jpg") is Reason.EMPTY


def test_what_is_no_file_is_unreadable(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    paths = [tmp_path, tmp_path / "gone", tmp_path / "loop", Path("/dev/zero"), Path("a\0b")]
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "socket"))
        for path in [*paths, tmp_path / "socket"]:
            assert reason(path) is Reason.UNREADABLE, path
            assert not is_picture(path)


def test_a_pipe_that_nobody_writes_to_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    found: list[Reason] = []
    waiting = Thread(target=lambda: found.append(reason(tmp_path / "pipe")), daemon=True)
    waiting.start()
    waiting.join(60)
    assert found == [Reason.UNREADABLE]
    assert not is_picture(tmp_path / "pipe")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_forbidden_file_is_unreadable(tmp_path: Path) -> None:
    file = tmp_path / "secret.jpg"
    file.write_bytes(b"123")
    file.chmod(0)
    assert reason(file) is Reason.UNREADABLE


@pytest.mark.skipif(not OPEN_FILES.exists(), reason="this system does not list open files")
def test_no_file_stays_open(tmp_path: Path) -> None:
    before = len(list(OPEN_FILES.iterdir()))
    for path in (tmp_path, Path("/dev/null")):
        assert not is_picture(path)
    assert len(list(OPEN_FILES.iterdir())) == before


def test_a_picture_is_known_by_its_content_not_by_its_name(tmp_path: Path) -> None:
    contents = {
        "photo": sample("jpeg"),
        "photo.txt": sample("heic"),
        "text.jpg": b"text",
        "scan": b"%PDF-1.4",
        "no": b"",
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    assert [name for name in contents if is_picture(tmp_path / name)] == ["photo", "photo.txt"]


def test_endings_are_compared_in_lower_case() -> None:
    assert {".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif", ".heic"} <= PICTURE_ENDINGS
    assert all(ending == ending.lower() and ending.startswith(".") for ending in PICTURE_ENDINGS)
