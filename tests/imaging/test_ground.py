"""Transparent pictures: the ground that `decode` lays under them shows what is drawn."""

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from tests.imaging.samples import encoded, png
from yunmeng.imaging import decode, from_pillow, thumbnail

SIZE = (120, 80)


def drawing(*colours: str, part: float = 0.3, shift: int = 0) -> Image.Image:
    """Bars of these colours side by side, on nothing."""
    image = Image.new("RGBA", SIZE)
    draw = ImageDraw.Draw(image)
    width = int(SIZE[0] * part / len(colours))
    for at, colour in enumerate(colours):
        draw.rectangle((10 + shift + at * width, 10, 9 + shift + (at + 1) * width, 69), fill=colour)
    return image


def ground(data: bytes) -> list[int]:
    return [int(level) for level in decode(data).pixels[2, 2]]


BLACK, WHITE = [0, 0, 0], [255, 255, 255]


@pytest.mark.parametrize(
    ("colours", "expected"),
    [
        (["white"], BLACK),
        (["#fafafa"], BLACK),
        (["white", "white", "white", "red"], BLACK),
        (["black"], WHITE),
        (["#101010"], WHITE),
        (["red"], WHITE),
        (["yellow"], WHITE),
        (["white", "black"], WHITE),
        (["grey"], WHITE),
    ],
)
def test_the_ground_is_white_unless_that_hides_the_drawing(colours: list[str], expected: list[int]) -> None:
    image = drawing(*colours)
    files = [
        encoded(image, "PNG"),
        encoded(image, "WEBP", lossless=True),
        encoded(image, "TIFF"),
        encoded(image, "AVIF", quality=95),
        encoded(image.quantize(8), "PNG"),
    ]
    assert [np.abs(np.subtract(ground(data), expected)).max() <= 3 for data in files] == [True] * len(files)
    assert from_pillow(image)[2, 2].tolist() == expected


def test_different_light_drawings_look_different() -> None:
    one, other = (decode(encoded(drawing("white", shift=shift), "PNG")).pixels for shift in (0, 60))
    assert np.abs(one.astype(int) - other).mean() > 30


def test_what_is_all_transparent_or_all_there_stays_as_it_is() -> None:
    assert ground(encoded(Image.new("RGBA", SIZE, (255, 255, 255, 0)), "PNG")) == WHITE
    assert ground(encoded(Image.new("RGBA", SIZE, "white"), "PNG")) == WHITE
    assert ground(encoded(Image.new("LA", SIZE, (0, 0)), "PNG")) == WHITE


def test_a_window_with_round_corners_keeps_its_white_ground() -> None:
    window = Image.new("RGBA", SIZE)
    draw = ImageDraw.Draw(window)
    draw.rounded_rectangle((0, 0, SIZE[0] - 1, SIZE[1] - 1), 12, fill="white")
    draw.rectangle((30, 30, 60, 40), fill="black")
    assert decode(encoded(window, "PNG")).pixels[0, 0].tolist() == WHITE


def test_letters_cut_out_of_a_white_plate_show() -> None:
    plate = Image.new("RGBA", SIZE, "white")
    ImageDraw.Draw(plate).rectangle((30, 30, 50, 50), fill=(255, 255, 255, 0))
    assert decode(encoded(plate, "PNG")).pixels[40, 40].tolist() == BLACK


def test_light_grey_of_any_depth_shows() -> None:
    la: NDArray[np.uint8] = np.zeros((40, 40, 2), dtype=np.uint8)
    la[10:20, 10:30] = 255
    assert ground(png(la, 4)) == BLACK
    keyed = np.full((40, 40), 1000, dtype=">u2")
    keyed[10:20, 10:30] = 65535
    assert ground(png(keyed, 0, transparent=b"\x03\xe8")) == BLACK


@pytest.mark.parametrize("at_least", [None, 20, 40, 79])
def test_a_picture_has_one_ground_however_it_is_read(at_least: int | None) -> None:
    data = encoded(drawing("white"), "PNG")
    assert decode(data, at_least=at_least).pixels[1, 1].tolist() == BLACK


def test_thumbnails_show_it_too() -> None:
    small = decode(thumbnail(encoded(drawing("white"), "PNG"), 128, max_pixels=10**6)).pixels
    assert small[2, 2].max() < 16
    assert small[40, 30].min() > 200
