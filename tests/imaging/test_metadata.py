"""Broken or unusual metadata: the picture is read all the same, and the usable parts of its metadata are applied."""

import struct

import numpy as np
import pytest

from tests.imaging.samples import chunk, corners, encoded, png, quarters, sample, srgb_profile, swapped_profile
from yunmeng.imaging import decode

HEAD, REST = sample("png")[:33], sample("png")[33:]


def broken(name: bytes, body: bytes) -> bytes:
    return chunk(name, body)[:-1] + b"?"


@pytest.mark.parametrize(
    "extra",
    [
        broken(b"tEXt", b"a\0b"),
        broken(b"iCCP", b"a\0\0x"),
        broken(b"eXIf", b"II*\0"),
        chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0nonsense"),
        chunk(b"zTXt", b"no end"),
        chunk(b"pHYs", b""),
        chunk(b"tIME", b"1"),
        chunk(b"acTL", b"\xff"),
        chunk(b"fcTL", bytes(26)),
        chunk(b"eXIf", b"II*\0\xff\xff\xff\xff"),
        chunk(b"sBIT", b""),
    ],
    ids=lambda extra: str(extra[4:8]),
)
def test_a_png_is_read_whatever_stands_between_its_pixels(extra: bytes) -> None:
    expected = decode(sample("png")).pixels
    assert np.array_equal(decode(HEAD + extra + REST).pixels, expected)
    assert np.array_equal(decode(HEAD + REST[:-12] + extra + REST[-12:]).pixels, expected)


def test_a_large_profile_of_a_png_is_applied() -> None:
    profile = swapped_profile()
    padded = struct.pack(">I", len(profile) + 2_000_000) + profile[4:] + bytes(2_000_000)
    assert corners(decode(encoded(quarters(), "PNG", icc_profile=padded)).pixels) == "bgrw"


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "HEIF"])
@pytest.mark.parametrize(
    "exif",
    [
        b"Exif\0\0II*\0\x08\0\0\0" + struct.pack("<HHHII", 1, 0x0112, 3, 1, 77) + bytes(4),
        b"Exif\0\0II*\0\x08\0\0\0" + struct.pack("<HHHII", 1, 0x0112, 12, 1, 0xFFFFFF) + bytes(4),
        b"Exif\0\0II*\0\xff\xff\xff\xff",
        b"Exif\0\0garbage",
    ],
)
def test_an_orientation_that_is_none_turns_nothing(format: str, exif: bytes) -> None:
    assert corners(decode(encoded(quarters(), format, exif=exif)).pixels) == "rgbw"


@pytest.mark.parametrize("xmp", [b"<x:xmpmeta", b"\xff\xfe\0<", b'<x tiff:Orientation="zz"/>', b"<a>" * 10_000])
@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF", "HEIF"])
def test_broken_xmp_is_passed_over(format: str, xmp: bytes) -> None:
    assert corners(decode(encoded(quarters(), format, xmp=xmp)).pixels) == "rgbw"


@pytest.mark.parametrize("format", ["JPEG", "WEBP", "TIFF", "AVIF", "HEIF"])
@pytest.mark.parametrize("profile", [b"nonsense", srgb_profile()[:200], bytes(3_000_000)])
def test_a_broken_profile_is_passed_over(format: str, profile: bytes) -> None:
    assert corners(decode(encoded(quarters(), format, icc_profile=profile)).pixels) == "rgbw"


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("marker", [0xE0, 0xE1, 0xE2, 0xED, 0xEE, 0xFE])
@pytest.mark.parametrize(
    "body", [b"", b"JFIF\0", b"Exif\0\0", b"ICC_PROFILE\0", b"Photoshop 3.0\x008BIM\3", b"Adobe", b"MPF\0II*\0\xff\xff"]
)
def test_a_segment_of_a_jpeg_that_is_too_short_is_passed_over(marker: int, body: bytes) -> None:
    data = encoded(quarters(), "JPEG", quality=95)
    segment = struct.pack(">BBH", 0xFF, marker, 2 + len(body)) + body
    assert corners(decode(data[:2] + segment + data[2:]).pixels) == "rgbw"


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("tag", [270, 274, 282, 700, 33723, 34377, 34665, 34853, 37500])
@pytest.mark.parametrize(("kind", "count", "value"), [(5, 1, 20), (12, 1, 20), (7, 2**31, 0), (1, 1000, 2**31 - 1)])
def test_a_tag_of_a_tiff_that_is_nonsense_is_passed_over(tag: int, kind: int, count: int, value: int) -> None:
    data = bytearray(encoded(quarters(), "TIFF"))
    start = struct.unpack_from("<I", data, 4)[0]
    number = struct.unpack_from("<H", data, start)[0]
    entries = {
        struct.unpack_from("<H", data, at)[0]: bytes(data[at : at + 12])
        for at in range(start + 2, start + 2 + 12 * number, 12)
    }
    entries[tag] = struct.pack("<HHII", tag, kind, count, value)
    data[4:8] = struct.pack("<I", len(data))
    data += struct.pack("<H", len(entries)) + b"".join(entries[key] for key in sorted(entries)) + bytes(4)
    assert corners(decode(bytes(data)).pixels) == "rgbw"


def test_a_png_of_sixteen_bits_keeps_its_transparent_value_without_the_text() -> None:
    values = np.array([[0, 1000, 65535]], dtype=">u2")
    data = png(values, 0, transparent=b"\x03\xe8")
    with_text = data[:33] + broken(b"tEXt", b"a\0b") + data[33:]
    assert np.array_equal(decode(with_text).pixels, decode(data).pixels)
