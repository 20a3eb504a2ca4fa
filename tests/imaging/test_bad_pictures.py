"""Whatever is wrong with a file, it is a PictureError with the right reason."""

import os
import random
import struct
import zlib

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFile

from tests.imaging.samples import KINDS, chunk, encoded, photograph, sample
from yunmeng.errors import PictureError, Reason
from yunmeng.imaging import Picture, decode

SMALL = 1_000_000  # pixels: a mutated header must not cost seconds


def outcome(data: bytes, *, at_least: int | None = None, max_pixels: int = SMALL) -> Picture | PictureError:
    try:
        return decode(data, at_least=at_least, max_pixels=max_pixels)
    except PictureError as exc:
        return exc


def reason(data: bytes, **options: int) -> Reason:
    with pytest.raises(PictureError) as caught:
        decode(data, **options)
    assert "\n" not in str(caught.value)
    return caught.value.reason


def test_nothing_is_empty() -> None:
    assert reason(b"") is Reason.EMPTY


@pytest.mark.parametrize(
    "data",
    [b"hello", b"BMW is a maker of cars, not of bitmaps", b"\0" * 100, b"<html><body>404</body></html>", b"\xff"],
)
def test_what_is_no_picture(data: bytes) -> None:
    assert reason(data) is Reason.NOT_A_PICTURE


@pytest.mark.parametrize(
    "data",
    [
        b"%PDF-1.7\n",
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
        b"8BPS\0\1",
        b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>',
        b"\xef\xbb\xbf  <svg/>",
        b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom",
        b"RIFF\x10\0\0\0AVI LIST",
        b"\x1aE\xdf\xa3",
        b"II*\0\x10\0\0\0CR\2\0",
        encoded(Image.new("RGB", (4, 4)), "JPEG2000"),
        encoded(Image.new("RGB", (16, 16)), "ICO"),
        encoded(Image.new("RGB", (4, 4)), "PPM"),
    ],
    ids=lambda data: repr(data[:12]),
)
def test_other_formats_are_named_and_not_tried(data: bytes) -> None:
    assert reason(data) is Reason.UNSUPPORTED


def test_formats_that_only_pillow_knows_are_never_opened() -> None:
    assert reason(encoded(Image.new("RGB", (4, 4)), "TGA")) is Reason.NOT_A_PICTURE
    assert reason(encoded(Image.new("RGB", (4, 4)), "PCX")) is Reason.NOT_A_PICTURE


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_cut_anywhere_is_truncated(kind: str) -> None:
    data = sample(kind)
    whole = decode(data).pixels
    cuts = {*range(18, len(data), max(1, len(data) // 60)), *range(len(data) - 12, len(data))}
    for cut in sorted(cuts):
        found = outcome(data[:cut])
        if isinstance(found, PictureError):
            assert found.reason is Reason.TRUNCATED, (cut, str(found))
        elif KINDS[kind][0] == "JPEG":  # a little of the last row of blocks may be missing
            assert len(data) - cut < 0.2 * len(data), cut
            assert np.abs(found.pixels.astype(int) - whole).mean() < 5, cut
        else:  # only where nothing but an end marker is missing
            assert len(data) - cut <= 12, cut
            assert np.array_equal(found.pixels, whole), cut


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"restart_marker_rows": 1}])
def test_a_jpeg_that_lacks_its_last_bytes_is_taken(options: dict[str, bool]) -> None:
    data = encoded(photograph(7), "JPEG", quality=90, **options)
    whole = decode(data).pixels.astype(int)
    for missing in (1, 2, 10, 50):
        found = decode(data[:-missing]).pixels
        assert np.array_equal(found[:280], whole[:280]) or options, missing
        assert np.abs(found - whole).mean() < 2, missing
    for share in (0.2, 0.5, 0.7):
        assert reason(data[: int(share * len(data))]) is Reason.TRUNCATED


def test_a_flat_picture_that_lacks_only_its_end_is_taken() -> None:
    image = Image.new("RGB", (400, 300), "white")
    image.paste(photograph(1, (200, 100)), (20, 20))
    for progressive in (False, True):
        data = encoded(image, "JPEG", progressive=progressive)
        assert np.array_equal(decode(data[:-2]).pixels, decode(data).pixels)


def test_a_large_jpeg_cut_in_half_is_truncated_when_reduced_too() -> None:
    data = encoded(photograph(5, (800, 600)), "JPEG", progressive=True)
    assert reason(data[: len(data) // 2], at_least=100) is Reason.TRUNCATED


def test_an_animation_cut_behind_its_first_frame_still_has_that() -> None:
    frames = [photograph(seed, (40, 40)) for seed in range(4)]
    data = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert np.array_equal(decode(data[: len(data) * 3 // 4]).pixels, decode(data).pixels)


def test_data_that_contradicts_itself_is_corrupt() -> None:
    for kind in ("png", "gif", "tiff-lzw"):
        data = bytearray(sample(kind))
        middle = len(data) // 2
        data[middle : middle + 40] = random.Random(0).randbytes(40)
        assert reason(bytes(data)) is Reason.CORRUPT, kind
    pixels = chunk(b"IDAT", zlib.compress(b"\0" * 10)[:-4] + b"oops")
    assert reason(sample("png")[:33] + pixels + chunk(b"IEND", b"")) is Reason.CORRUPT


def test_a_picture_without_width_or_height() -> None:
    png = sample("png")
    assert reason(png[:8] + chunk(b"IHDR", struct.pack(">II5B", 0, 9, 8, 2, 0, 0, 0)) + png[33:]) is Reason.ZERO_SIZE
    bmp = bytearray(sample("bmp"))
    bmp[18:22] = bytes(4)
    assert reason(bytes(bmp)) is Reason.ZERO_SIZE
    gif = bytearray(sample("gif"))
    frame = gif.index(b"\x2c\0\0\0\0\x5a\0\x3c\0")
    gif[6:10] = bytes(4)
    gif[frame + 5 : frame + 9] = bytes(4)
    assert reason(bytes(gif)) is Reason.ZERO_SIZE


@pytest.mark.parametrize("kind", KINDS)
def test_the_pixel_limit_holds_for_the_size_in_the_header(kind: str) -> None:
    assert decode(sample(kind), max_pixels=5400).width == 90
    with pytest.raises(PictureError, match=r"90 x 60 = 5,400 .* 5,399 \(YUNMENG_MAX_PIXELS\)") as caught:
        decode(sample(kind), max_pixels=5399, at_least=8)
    assert caught.value.reason is Reason.TOO_MANY_PIXELS


def test_a_decompression_bomb_is_refused_by_its_header() -> None:
    head = chunk(b"IHDR", struct.pack(">II5B", 60_000, 60_000, 8, 2, 0, 0, 0))
    bomb = sample("png")[:8] + head + chunk(b"IDAT", zlib.compress(bytes(1_000_000)))
    assert reason(bomb) is Reason.TOO_MANY_PIXELS


def test_the_limit_is_ours_not_pillows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    for kind in KINDS.keys() - {"webp", "webp-lossless", "tiff", "tiff-lzw", "tiff-jpeg"}:  # there Pillow has both
        assert decode(sample(kind)).width == 90
    assert Image.MAX_IMAGE_PIXELS == 100
    assert ImageFile.LOAD_TRUNCATED_IMAGES is False


def survives(data: bytes, at_least: int | None = None) -> None:
    """Decoding gives a picture or a PictureError; anything else fails the test by itself."""
    found = outcome(data, at_least=at_least, max_pixels=SMALL)
    if isinstance(found, PictureError):
        assert found.detail
    else:
        assert found.pixels.dtype == np.uint8
        assert found.pixels.ndim == 3
        assert found.pixels.shape[2] == 3


HEADS = [sample(kind)[:32] for kind in KINDS]


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.just(b""), st.sampled_from(HEADS)), st.binary(max_size=400))
@example(b"", b"\xff\xd8\xff")
@example(b"", b"\0\0\0\1ftyp")
@example(b"", b"II*\0\xff\xff\xff\xff")
def test_random_bytes_never_surprise(head: bytes, body: bytes) -> None:
    survives(head + body)


edits = st.lists(
    st.tuples(st.floats(0, 1), st.sampled_from(["set", "cut", "put"]), st.binary(min_size=1, max_size=6)),
    min_size=1,
    max_size=8,
)


@settings(max_examples=600, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(sorted(KINDS)), edits, st.booleans(), st.sampled_from([None, 20]))
def test_mutated_files_never_surprise(
    kind: str, changes: list[tuple[float, str, bytes]], early: bool, at_least: int | None
) -> None:
    data = bytearray(sample(kind))
    for place, how, extra in changes:
        # Headers are a small part of a file and the best part to break.
        at = int(place * min(len(data), 300 if early else len(data)))
        data[at : at + (0 if how == "put" else len(extra))] = b"" if how == "cut" else extra
    survives(bytes(data), at_least)


@pytest.mark.skipif("YUNMENG_FUZZ" not in os.environ, reason="set YUNMENG_FUZZ to a number of files for a long run")
def test_long_fuzzing() -> None:
    source = random.Random()
    for _ in range(int(os.environ["YUNMENG_FUZZ"])):
        data = bytearray(sample(source.choice(sorted(KINDS))))
        for _ in range(source.choice([1, 2, 5, 20])):
            at = source.randrange(min(len(data), source.choice([40, 400, len(data)])))
            data[at : at + source.choice([0, 1, 4])] = source.randbytes(source.choice([0, 1, 4]))
        survives(bytes(data))
