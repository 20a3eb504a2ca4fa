"""A folder of broken things, as users have them, through the command line."""

import json
import os
import struct
import zlib
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.conftest import CommandLine, paint
from yunmeng.imaging import hamming
from yunmeng.library import Library


def encoded(image: Image.Image, format: str, **options: object) -> bytes:
    stream = BytesIO()
    image.save(stream, format, **options)
    return stream.getvalue()


def png_header(width: int, height: int) -> bytes:
    """A PNG that claims a size and holds next to nothing: the classic decompression bomb."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")


TURNED = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def good(folder: Path) -> set[str]:
    picture = paint(3, (90, 60))
    folder.mkdir()
    (folder / "plain.jpg").write_bytes(encoded(picture, "JPEG", quality=95))
    (folder / "really-a-png.jpg").write_bytes(encoded(picture, "PNG"))
    (folder / "no-ending").write_bytes(encoded(picture, "WEBP"))
    (folder / "cmyk.jpg").write_bytes(encoded(picture.convert("CMYK"), "JPEG", quality=95))
    sixteen = np.asarray(picture.convert("L")).astype(np.uint16) * 257
    (folder / "16bit.png").write_bytes(encoded(Image.fromarray(sixteen), "PNG"))
    (folder / "8bit.png").write_bytes(encoded(picture.convert("L"), "PNG"))
    frames = [paint(seed, (90, 60)).quantize(64).convert("RGB") for seed in (3, 4, 5)]  # a GIF keeps so few colours
    (folder / "animated.gif").write_bytes(encoded(frames[0], "GIF", save_all=True, append_images=frames[1:]))
    (folder / "first-frame.png").write_bytes(encoded(frames[0], "PNG"))
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        lying = picture if orientation == 1 else picture.transpose(TURNED[orientation])
        (folder / f"exif{orientation}.jpg").write_bytes(encoded(lying, "JPEG", quality=95, exif=exif))
    for number, turn in TURNED.items():
        (folder / f"untagged{number}.jpg").write_bytes(encoded(picture.transpose(turn), "JPEG", quality=95))
    return {path.name for path in folder.iterdir()}


def bad(folder: Path) -> dict[str, str]:
    """Broken files and the reason that each should be given."""
    whole = encoded(paint(6, (300, 200)), "JPEG")
    (folder / "empty.jpg").write_bytes(b"")
    (folder / "truncated.jpg").write_bytes(whole[: len(whole) // 2])
    (folder / "truncated.png").write_bytes(encoded(paint(6, (300, 200)), "PNG")[:500])
    (folder / "text.jpg").write_text("This is no picture, whatever its name says.\n")
    (folder / "bomb.png").write_bytes(png_header(60_000, 60_000))
    (folder / "zero.png").write_bytes(png_header(0, 10))
    (folder / "gone.jpg").symlink_to(folder / "nowhere.jpg")
    os.mkfifo(folder / "pipe.jpg")
    with (folder / "huge.jpg").open("wb") as file:
        file.truncate(2_000_000)  # sparse; YUNMENG_MAX_FILE_BYTES below is less
    return {
        "empty.jpg": "empty",
        "truncated.jpg": "truncated",
        "truncated.png": "truncated",
        "text.jpg": "not-a-picture",
        "bomb.png": "too-many-pixels",
        "zero.png": "zero-size",
        "gone.jpg": "unreadable",
        "pipe.jpg": "unreadable",
        "huge.jpg": "too-large",
    }


@pytest.fixture
def mixed(tmp_path: Path) -> tuple[Path, set[str], dict[str, str]]:
    folder = tmp_path / "mixed"
    return folder, good(folder), bad(folder)


def test_good_ones_are_indexed_upright_and_bad_ones_named_with_a_reason(
    mixed: tuple[Path, set[str], dict[str, str]], yunmeng: CommandLine
) -> None:
    folder, names, broken = mixed
    environment = {"YUNMENG_MAX_FILE_BYTES": "1000000"}
    done = yunmeng("index", folder, "--db", "library", "--encoder", "efficientnet-lite0", "--json", **environment)
    assert done.returncode == 1, done.stderr
    report = json.loads(done.stdout)
    assert (report["indexed"], report["skipped"]) == (len(names), 0)
    assert {Path(f["path"]).name: f["reason"].split(":")[0] for f in report["failed"]} == broken
    assert all("\n" not in f["reason"] and len(f["reason"]) > len(f["reason"].split(":")[0]) for f in report["failed"])

    assert_all_alike(yunmeng, "plain.jpg", ["really-a-png.jpg", "no-ending", "cmyk.jpg"], 0.93)
    assert_all_alike(yunmeng, "first-frame.png", ["animated.gif"], 0.99)
    assert_all_alike(yunmeng, "8bit.png", ["16bit.png"], 0.99)
    with Library.open(folder.parent / "library") as library:
        upright = library.get("exif1.jpg")
        assert (upright.width, upright.height) == (90, 60)
        for number in TURNED:
            tagged, ignored = library.get(f"exif{number}.jpg"), library.get(f"untagged{number}.jpg")
            assert (tagged.width, tagged.height) == (90, 60)
            assert hamming(tagged.phash, upright.phash) <= 8
            assert hamming(ignored.phash, upright.phash) >= 16  # what it would be if the orientation were ignored

    again = json.loads(yunmeng("index", folder, "--db", "library", "--json", **environment).stdout)
    assert (again["indexed"], again["skipped"], len(again["failed"])) == (0, len(names), len(broken))


def assert_all_alike(yunmeng: CommandLine, query: str, others: list[str], least: float) -> None:
    """Upright and in the right colours, the same picture has the same embedding whatever its file is like."""
    hits = json.loads(yunmeng("search", f"id:{query}", "--db", "library", "-k", "30", "--json").stdout)["hits"]
    scores = {hit["id"]: hit["score"] for hit in hits}
    assert min(scores[name] for name in others) > least, scores


def test_quality_names_the_unreadable_too(mixed: tuple[Path, set[str], dict[str, str]], yunmeng: CommandLine) -> None:
    folder, names, broken = mixed
    done = yunmeng("quality", folder, "--json", YUNMENG_MAX_FILE_BYTES="1000000")
    assert done.returncode == 1, done.stderr
    report = json.loads(done.stdout)
    assert {Path(f["path"]).name for f in report["failed"]} == set(broken)
    assert report["inspected"] == len(names) + len(broken)
