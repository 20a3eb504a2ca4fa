"""The sheet: everything is on it, nothing runs over, and it can be saved."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from yunmeng.imaging import Tile, draw_sheet, fonts, save_sheet
from yunmeng.types import Pixels

COLOURS = [(230, 40, 40), (40, 200, 60), (50, 80, 230), (240, 200, 40), (200, 60, 220), (40, 210, 210), (120, 80, 40)]


def plain(colour: tuple[int, int, int], size: tuple[int, int] = (240, 180)) -> Pixels:
    return np.asarray(Image.new("RGB", size, colour))


def hits(count: int) -> list[Tile]:
    return [Tile(plain(COLOURS[index % len(COLOURS)]), f"id/{index}.jpg", f"{0.9:.3f}") for index in range(count)]


def box(sheet: Image.Image, colour: tuple[int, int, int]) -> tuple[int, int, int, int] | None:
    """Where a colour is on the sheet: left, top, right, bottom."""
    return Image.fromarray((np.asarray(sheet) == colour).all(axis=2)).getbbox()


def area(place: tuple[int, int, int, int] | None) -> int:
    assert place is not None
    return (place[2] - place[0]) * (place[3] - place[1])


@pytest.fixture
def no_system_fonts(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(fonts, "_REGULAR", ())
    monkeypatch.setattr(fonts, "_BOLD", ())
    fonts.font.cache_clear()
    yield
    fonts.font.cache_clear()


def test_the_query_is_there_larger_and_left_and_the_hits_follow_in_order() -> None:
    query = (10, 90, 160)
    sheet = draw_sheet(Tile(plain(query), "query.jpg", "query"), hits(7), title="Seven")
    places = [box(sheet, colour) for colour in COLOURS]
    asked = box(sheet, query)
    assert all(area(asked) > 2 * area(place) for place in places), (asked, places)
    assert all(asked and place and asked[2] < place[0] for place in places)
    order = [(place[1], place[0]) for place in places if place]
    assert order == sorted(order)
    assert len({top for top, _ in order}) == 2


@pytest.mark.parametrize("size", [(120, 90), (90, 120), (1000, 50), (40, 400)])
def test_a_thumbnail_keeps_its_aspect(size: tuple[int, int]) -> None:
    place = box(draw_sheet(None, [Tile(plain(COLOURS[0], size), "a", "1.000")]), COLOURS[0])
    assert place is not None
    width, height = place[2] - place[0], place[3] - place[1]
    assert max(width, height) >= min(300, 3 * max(size))
    assert width / height == pytest.approx(size[0] / size[1], rel=0.08)


def test_a_missing_file_is_shown_as_missing() -> None:
    there, gone = draw_sheet(None, hits(1)), draw_sheet(None, [Tile(None, "id/0.jpg", "0.900")])
    assert there.size == gone.size
    assert box(gone, COLOURS[0]) is None
    square = np.asarray(gone)[80:400, 80:400].reshape(-1, 3)
    assert len(np.unique(square, axis=0)) > 5  # a sign and words, not an empty square


@pytest.mark.parametrize("count", [0, 1, 4, 5, 6, 15, 16, 40])
def test_any_number_of_hits_fits(count: int) -> None:
    for query in (None, Tile(None, "gone.jpg", "query")):
        sheet = draw_sheet(query, hits(count))
        edges = np.asarray(sheet.crop((0, 0, 20, sheet.height))), np.asarray(sheet.crop((0, 0, sheet.width, 20)))
        assert all((edge == 255).all() for edge in edges)
        right = np.asarray(sheet)[:, -20:], np.asarray(sheet)[-10:]
        assert all((edge == 255).all() for edge in right)


@pytest.mark.parametrize("caption", ["x" * 500, "图" * 500, "line\nbreak\ttab", "\udcff broken name", "", "🙂" * 90])
def test_captions_stay_inside_their_place(caption: str) -> None:
    sheet = draw_sheet(Tile(None, caption, caption), [Tile(plain(COLOURS[0]), caption, caption)], title=caption)
    assert (np.asarray(sheet)[:, -40:] == 255).all()


@pytest.mark.usefixtures("no_system_fonts")
def test_without_a_chinese_font_the_sheet_is_drawn_all_the_same() -> None:
    sheet = draw_sheet(Tile(plain(COLOURS[0]), "查询.jpg", "query"), hits(3), title="Title")
    assert (np.asarray(sheet.crop((60, 60, 400, 130))) < 100).any()


def test_a_caption_loses_its_middle_not_its_ends() -> None:
    face = fonts.font(24)
    text = "dresses/2024/summer/" + "0" * 60 + "-red.jpg"
    short = fonts.elided(text, face, 300)
    head, tail = short.split("…")
    assert text.startswith(head)
    assert text.endswith(tail)
    assert len(head) in (len(tail), len(tail) + 1)
    assert face.getlength(short) <= 300
    assert face.getlength(fonts.elided(text, face, 310)) > 280
    assert fonts.elided("short.jpg", face, 300) == "short.jpg"
    assert fonts.elided(text, face, 1) == "…"


@pytest.mark.parametrize(
    ("name", "format"), [("a.png", "PNG"), ("b.JPG", "JPEG"), ("c.jpeg", "JPEG"), ("d.webp", "WEBP")]
)
def test_the_ending_decides_the_format(tmp_path: Path, name: str, format: str) -> None:
    sheet = draw_sheet(None, hits(2))
    save_sheet(sheet, tmp_path / name)
    with Image.open(tmp_path / name) as saved:
        assert (saved.format, saved.size) == (format, sheet.size)


def test_another_ending_is_refused(tmp_path: Path) -> None:
    for name in ("sheet.gif", "sheet"):
        with pytest.raises(ValueError, match=r"\.png, \.jpg"):
            save_sheet(draw_sheet(None, []), tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_the_polygon_that_matches_is_outlined_on_the_hit() -> None:
    corners = ((0.5, 0.25), (1.0, 0.25), (0.75, 0.75))
    sheet = draw_sheet(None, [Tile(plain(COLOURS[0]), "a", "1.000", outline=corners)])
    accent, place = box(sheet, (14, 124, 134)), box(sheet, COLOURS[0])
    assert accent is not None
    assert place is not None
    width, height = place[2] - place[0], place[3] - place[1]
    drawn = [(accent[0] - place[0]) / width, (accent[1] - place[1]) / height, (accent[3] - place[1]) / height]
    assert drawn == pytest.approx([0.5, 0.25, 0.75], abs=0.04)
    edge = np.asarray(sheet)[place[1] + round(0.5 * height), place[0] + round(0.625 * width)]
    assert edge.tolist() == [14, 124, 134]  # the side from the last corner to the first
