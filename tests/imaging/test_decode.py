"""Every format, every mode, upright and in sRGB."""

import struct
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from tests.imaging.samples import (
    KINDS,
    corners,
    encoded,
    photograph,
    png,
    quarters,
    sample,
    sampled,
    srgb_profile,
    swapped_profile,
    turned_heic,
)
from yunmeng.errors import PictureError, Reason
from yunmeng.imaging import decode, from_pillow

NAMES = {"HEIF": "HEIC"}
# The corners in reading order after the turn that each EXIF orientation asks for.
UPRIGHT = {1: "rgbw", 2: "grwb", 3: "wbgr", 4: "bwrg", 5: "rbgw", 6: "brwg", 7: "wgbr", 8: "gwrb"}


@pytest.mark.parametrize("kind", KINDS)
def test_each_format_comes_back_as_it_went_in(kind: str) -> None:
    picture = decode(sample(kind))
    assert picture.format == NAMES.get(KINDS[kind][0], KINDS[kind][0])
    assert (picture.width, picture.height) == (90, 60)
    assert picture.pixels.shape == (60, 90, 3)
    assert picture.pixels.dtype == np.uint8
    assert picture.pixels.flags.c_contiguous
    # Formats that halve colours or count them blur what lies close together, but not the whole.
    back, there = (np.asarray(image.reduce(6), dtype=int) for image in (Image.fromarray(picture.pixels), sampled()))
    assert np.abs(back - there).max() < (60 if kind == "gif" else 20)
    assert np.abs(back - there).mean() < 4.0


@pytest.mark.parametrize("orientation", UPRIGHT)
@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_exif_orientation_is_applied(format: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture = decode(encoded(quarters(), format, exif=exif))
    assert corners(picture.pixels) == UPRIGHT[orientation]
    assert picture.pixels.shape[:2] == (picture.height, picture.width)
    assert (picture.width, picture.height) == ((64, 32) if orientation < 5 else (32, 64))


@pytest.mark.parametrize(("quarter_turns", "expected"), [(0, "rgbw"), (1, "gwrb"), (2, "wbgr"), (3, "brwg")])
def test_a_heic_file_is_turned_as_its_container_says(quarter_turns: int, expected: str) -> None:
    picture = decode(turned_heic(quarters((128, 64)), quarter_turns))
    assert corners(picture.pixels) == expected
    assert picture.pixels.shape[:2] == (picture.height, picture.width)


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
@pytest.mark.parametrize("exif", [b"Exif\0\0garbage", b"", b"Exif\0\0II*\0\x08\0\0\0\xff\xff"])
def test_broken_exif_is_no_error(exif: bytes) -> None:
    assert corners(decode(encoded(quarters(), "JPEG", exif=exif)).pixels) == "rgbw"


def test_sixteen_bit_grey_is_scaled_not_clipped() -> None:
    values = np.array([[0, 1000], [32768, 65535]], dtype=">u2")
    expected = [[0, 4], [128, 255]]
    files = [png(values, 0), *(encoded(Image.fromarray(values.astype(t)), "TIFF") for t in ("<u2", ">u2", "i4"))]
    for data in files:
        assert decode(data).pixels[..., 0].tolist() == expected


def test_sixteen_bit_colour_keeps_its_high_bytes() -> None:
    values = np.array([[[0x1234, 0x5678, 0x9ABC]]], dtype=">u2")
    assert decode(png(values, 2)).pixels[0, 0].tolist() == [0x12, 0x56, 0x9A]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.0, 0.5, 1.0], [0, 128, 255]),
        ([0.0, 128.0, 255.0], [0, 128, 255]),
        ([0.0, 32768.0, 65535.0], [0, 128, 255]),
        ([-1e6, 1e4, 1e6], [0, 129, 255]),
        ([np.nan, -np.inf, 1.0], [0, 0, 255]),
        ([7e9, 7e9, 7e9], [0, 0, 0]),
        ([np.nan, np.nan, np.nan], [0, 0, 0]),
    ],
)
def test_floats_are_scaled_by_the_range_they_fill(values: list[float], expected: list[int]) -> None:
    data = encoded(Image.fromarray(np.array([values], dtype=np.float32)), "TIFF")
    assert decode(data).pixels[0, :, 0].tolist() == expected


def test_white_is_zero_in_sixteen_bits_too() -> None:
    values = np.array([[0, 65535]], dtype="<u2")
    data = bytearray(encoded(Image.fromarray(values), "TIFF"))
    data[data.index(struct.pack("<HHII", 262, 3, 1, 1)) + 8] = 0  # PhotometricInterpretation: WhiteIsZero
    assert decode(bytes(data)).pixels[0, :, 0].tolist() == [255, 0]


def test_cmyk_is_converted_also_where_adobe_wrote_it_inverted() -> None:
    image = Image.new("RGB", (32, 32), (200, 30, 60)).convert("CMYK")
    for data in (encoded(image, "TIFF"), encoded(image, "JPEG", quality=95)):  # Pillow writes Adobe's way
        assert np.abs(decode(data).pixels[16, 16].astype(int) - [200, 30, 60]).max() <= 3


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "LAB"])
def test_every_mode_of_tiff_is_read(mode: str) -> None:
    if mode == "LAB":
        srgb, lab = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
        image = ImageCms.ImageCmsTransform(
            ImageCms.ImageCmsProfile(srgb), ImageCms.ImageCmsProfile(lab), "RGB", "LAB"
        ).apply(quarters())
    else:
        image = quarters().convert(mode)
    pixels = decode(encoded(image, "TIFF")).pixels
    if mode in ("1", "L", "LA"):
        assert pixels[8, 16].max() == pixels[8, 16].min()
        assert pixels[24, 48].tolist() == [255, 255, 255]
    else:
        assert corners(pixels) == "rgbw"


def test_what_is_transparent_lies_on_white() -> None:
    clear, half, full = (0, 0, 255, 0), (0, 0, 255, 128), (0, 0, 255, 255)
    rgba = Image.fromarray(np.array([[clear, half, full]] * 8, dtype=np.uint8).repeat(8, axis=1))
    for kind in ("png", "webp-lossless", "tiff", "avif"):
        format, options = KINDS[kind]
        row = decode(encoded(rgba, format, **options)).pixels[4, [4, 12, 20]].astype(int)
        assert np.abs(row - [[255, 255, 255], [127, 127, 255], [0, 0, 255]]).max() <= 4, format
    la = np.array([[[0, 0], [0, 128], [100, 255]]], dtype=np.uint8)
    assert decode(png(la, 4)).pixels[0, :, 0].tolist() == [255, 127, 100]


def test_a_transparent_colour_of_a_png_lies_on_white() -> None:
    grey = np.array([[0, 1000, 65535]], dtype=">u2")
    assert decode(png(grey, 0, transparent=b"\x03\xe8")).pixels[0, :, 0].tolist() == [0, 255, 255]
    for depth, scale in ((">u1", 1), (">u2", 257)):
        colour = np.array([[[1, 2, 3], [9, 8, 7]]], dtype=depth) * np.array(scale, dtype=depth)
        key = struct.pack(">HHH", *(int(value) for value in colour[0, 0]))
        assert decode(png(colour, 2, transparent=key)).pixels[0].tolist() == [[255, 255, 255], [9, 8, 7]]


def test_transparency_of_a_palette_lies_on_white() -> None:
    image = quarters().convert("P", palette=Image.Palette.ADAPTIVE, colors=4)
    blue = image.getpixel((8, 24))
    assert isinstance(blue, int)
    for data in (encoded(image, "PNG", transparency=blue), encoded(image, "GIF", transparency=blue)):
        assert corners(decode(data).pixels) == "rgww"
    alphas = bytes(128 if index == blue else 255 for index in range(4))
    assert decode(encoded(image, "PNG", transparency=alphas)).pixels[24, 8].tolist() == [127, 127, 255]


def test_an_icc_profile_is_applied() -> None:
    for format in ("JPEG", "PNG", "TIFF", "WEBP", "AVIF", "HEIF"):
        pixels = decode(encoded(quarters(), format, icc_profile=swapped_profile())).pixels
        assert corners(pixels) == "bgrw", format


def test_a_profile_that_is_srgb_changes_nothing() -> None:
    plain = photograph(2, (64, 48))
    with_profile = decode(encoded(plain, "PNG", icc_profile=srgb_profile())).pixels
    assert np.array_equal(with_profile, np.asarray(plain))


@pytest.mark.parametrize("profile", [b"nonsense", srgb_profile()[:200], b"\0" * 128])
def test_a_broken_profile_is_ignored(profile: bytes) -> None:
    assert corners(decode(encoded(quarters(), "PNG", icc_profile=profile)).pixels) == "rgbw"


def test_a_profile_for_other_channels_is_ignored() -> None:
    data = encoded(quarters().convert("L"), "PNG", icc_profile=srgb_profile())
    assert decode(data).pixels[24, 48].tolist() == [255, 255, 255]


@pytest.mark.parametrize("format", ["GIF", "PNG", "WEBP", "TIFF", "AVIF"])
def test_of_an_animation_the_first_frame_counts(format: str) -> None:
    frames = [Image.new("RGB", (40, 40), colour) for colour in ("red", "blue", "lime")]
    picture = decode(encoded(frames[0], format, save_all=True, append_images=frames[1:]))
    assert np.abs(picture.pixels[20, 20].astype(int) - [255, 0, 0]).max() <= 4


@pytest.mark.parametrize("format", ["JPEG", "PNG", "TIFF"])
@pytest.mark.parametrize("at_least", [1, 20, 75, 76, 150, 151, 299, 300, 301, 5000])
def test_a_reduced_copy_keeps_enough_pixels_and_the_original_size(format: str, at_least: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    picture = decode(encoded(photograph(3), format, exif=exif), at_least=at_least)
    assert (picture.width, picture.height) == (300, 400)
    shorter = min(picture.pixels.shape[:2])
    assert min(at_least, 300) <= shorter <= 300
    assert shorter < 2 * at_least + 1


def test_a_reduced_copy_shows_the_same_picture() -> None:
    image = photograph(4, (1200, 900))
    for format in ("JPEG", "PNG"):
        reduced = decode(encoded(image, format), at_least=225).pixels
        expected = np.asarray(image.reduce(4), dtype=int)
        assert reduced.shape == expected.shape
        assert np.abs(reduced - expected).mean() < 4.0


def test_many_threads_get_what_one_gets() -> None:
    files = [sample(kind) for kind in KINDS]
    files.append(encoded(quarters(), "PNG", icc_profile=swapped_profile()))
    alone = [decode(data).pixels for data in files]
    with ThreadPoolExecutor(8) as pool:
        for repeat in pool.map(lambda _: [decode(data).pixels for data in files], range(16)):
            assert all(np.array_equal(a, b) for a, b in zip(alone, repeat, strict=True))


def test_a_pillow_image_is_taken_as_its_file_would_be() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    image = quarters().convert("RGBA")
    image.putpixel((0, 0), (0, 0, 0, 0))
    image.getexif().update(exif)
    before = image.tobytes()
    assert np.array_equal(from_pillow(image), decode(encoded(image, "PNG", exif=exif)).pixels)
    assert image.tobytes() == before
    assert image.mode == "RGBA"


def test_a_pillow_image_that_cannot_be_loaded_says_so(tmp_path: Path) -> None:
    cut = tmp_path / "cut.png"
    cut.write_bytes(sample("png")[:2000])
    with Image.open(cut) as image, pytest.raises(PictureError) as caught:
        from_pillow(image)
    assert caught.value.reason is Reason.CORRUPT
    with pytest.raises(PictureError) as caught:
        from_pillow(Image.new("RGB", (0, 5)))
    assert caught.value.reason is Reason.ZERO_SIZE
