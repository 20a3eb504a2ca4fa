"""A search drawn as one picture: the query and the hits, with rank and score."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from PIL import Image, ImageDraw

from yunmeng.imaging.fonts import elided, font
from yunmeng.types import Pixels, Region

__all__ = ["Tile", "draw_sheet", "save_sheet"]

_SCALE: Final = 2  # drawn at twice the size that it is looked at, so that text is sharp on any screen

# Sizes in pixels of the finished picture.
_MARGIN: Final = 36 * _SCALE
_GAP: Final = 20 * _SCALE
_QUERY: Final = 300 * _SCALE
_HIT: Final = 168 * _SCALE
_RADIUS: Final = 10 * _SCALE
_TITLE: Final = 22 * _SCALE
_SCORE: Final = 17 * _SCALE
_SMALL: Final = 12 * _SCALE
_CAPTION: Final = 56 * _SCALE  # below a square: a line with rank and score, a line with the caption
_FRAME: Final = 3 * _SCALE
_MAT: Final = 8 * _SCALE  # neutral border between a picture and its square
_ROWS_BEFORE_WIDENING: Final = 3
_COLUMNS: Final = (5, 8)
_MOST_ENLARGED: Final = 3.0

_PAGE: Final = "#ffffff"
_GROUND: Final = "#f0f1f3"
_INK: Final = "#15181e"
_QUIET: Final = "#767d89"
_FAINT: Final = "#c3c8d0"
_ACCENT: Final = "#0e7c86"

_QUALITY: Final[dict[str, dict[str, Any]]] = {
    ".png": {"optimize": False},
    ".jpg": {"quality": 92, "subsampling": 0},  # coloured text smears when colours are halved
    ".jpeg": {"quality": 92, "subsampling": 0},
    ".webp": {"quality": 92},
}


@dataclass(frozen=True, slots=True)
class Tile:
    """One picture on a sheet.

    ``pixels`` is None where the file is gone. ``detail`` is what to read first (a score), ``caption`` what the picture
    is called; a caption too long for its place loses its middle. ``region`` is outlined, and so is ``outline``, which
    is a polygon in fractions of the picture.
    """

    pixels: Pixels | None
    caption: str
    detail: str
    region: Region | None = None
    outline: tuple[tuple[float, float], ...] = ()


def draw_sheet(query: Tile | None, hits: Sequence[Tile], *, title: str = "") -> Image.Image:
    """Draw the query, framed and large, and the hits in a grid from best to last, as one RGB picture.

    Chinese prints where the system has a Chinese font: Noto Sans CJK, WenQuanYi, Droid, PingFang, Hiragino, STHeiti.
    """
    few, many = _COLUMNS
    columns = min(max(len(hits), 1), few if len(hits) <= few * _ROWS_BEFORE_WIDENING else many)
    rows = max(1, -(-len(hits) // columns))
    top = _MARGIN + (round(_TITLE * 1.9) if title else 0)
    left = _MARGIN + (_QUERY + 2 * _GAP if query else 0)
    width = left + columns * (_HIT + _GAP) - _GAP + _MARGIN
    grid_height = rows * (_HIT + _CAPTION) + (rows - 1) * _GAP
    height = top + max(grid_height, _QUERY + _CAPTION if query else 0) + _MARGIN - _GAP
    sheet = Image.new("RGB", (width, height), _PAGE)
    draw = ImageDraw.Draw(sheet)
    if title:
        face = font(_TITLE, bold=True)
        draw.text((_MARGIN, _MARGIN), elided(title, face, width - 2 * _MARGIN), _INK, face, anchor="lt")
    if query is not None:
        _draw_query(sheet, draw, query, (_MARGIN, top))
    for rank, hit in enumerate(hits):
        row, column = divmod(rank, columns)
        _draw_hit(sheet, draw, hit, rank + 1, (left + column * (_HIT + _GAP), top + row * (_HIT + _CAPTION + _GAP)))
    if not hits:
        _draw_nothing(draw, (left, top))
    return sheet


def save_sheet(sheet: Image.Image, path: Path) -> None:
    """Write a sheet as PNG, JPEG or WebP, by the ending of ``path``.

    Raises ValueError for another ending, OSError where the file cannot be written.
    """
    try:
        options = _QUALITY[path.suffix.lower()]
    except KeyError:
        raise ValueError(f"a sheet is written as {', '.join(_QUALITY)}, not as {path.suffix or path.name!r}") from None
    sheet.save(path, **options)


def _draw_query(sheet: Image.Image, draw: ImageDraw.ImageDraw, tile: Tile, at: tuple[int, int]) -> None:
    left, top = at
    frame = (left, top, left + _QUERY, top + _QUERY)
    sheet.paste(_ACCENT, frame, _rounded(_QUERY, _QUERY, _RADIUS + _FRAME))
    inner = _QUERY - 2 * _FRAME
    sheet.paste(_thumbnail(tile.pixels, inner), (left + _FRAME, top + _FRAME), _rounded(inner, inner, _RADIUS))
    below = top + _QUERY + 10 * _SCALE
    strong, small = font(_SCORE, bold=True), font(_SMALL)
    draw.text((left, below), elided(tile.detail, strong, _QUERY), _ACCENT, strong, anchor="la")
    draw.text((left, below + 24 * _SCALE), elided(tile.caption, small, _QUERY), _QUIET, small, anchor="la")


def _draw_hit(sheet: Image.Image, draw: ImageDraw.ImageDraw, tile: Tile, rank: int, at: tuple[int, int]) -> None:
    left, top = at
    sheet.paste(_thumbnail(tile.pixels, _HIT, tile.region, tile.outline), at, _rounded(_HIT, _HIT, _RADIUS))
    below = top + _HIT + 10 * _SCALE
    strong, small = font(_SCORE, bold=True), font(_SMALL)
    number = str(rank)
    room = _HIT - small.getlength(number) - _GAP // 2
    draw.text((left, below), elided(tile.detail, strong, room), _INK, strong, anchor="la")
    draw.text((left + _HIT, below + 4 * _SCALE), number, _QUIET, font(_SMALL, bold=True), anchor="ra")
    draw.text((left, below + 24 * _SCALE), elided(tile.caption, small, _HIT), _QUIET, small, anchor="la")


def _draw_nothing(draw: ImageDraw.ImageDraw, at: tuple[int, int]) -> None:
    left, top = at
    draw.rounded_rectangle((left, top, left + _HIT, top + _HIT), _RADIUS, outline=_FAINT, width=_SCALE)
    middle = (left + _HIT // 2, top + _HIT // 2)
    draw.text(middle, "no hits", _QUIET, font(_SMALL), anchor="mm")


def _thumbnail(
    pixels: Pixels | None,
    side: int,
    region: Region | None = None,
    outline: Sequence[tuple[float, float]] = (),
) -> Image.Image:
    """The whole picture in the middle of a neutral square."""
    square = Image.new("RGB", (side, side), _GROUND)
    if pixels is None:
        _draw_missing(square)
        return square
    image = Image.fromarray(pixels)
    scale = min((side - 2 * _MAT) / max(image.size), _MOST_ENLARGED)
    width, height = (max(1, round(length * scale)) for length in image.size)
    small = image.resize((width, height), Image.Resampling.LANCZOS, reducing_gap=3.0)
    left, top = (side - width) // 2, (side - height) // 2
    square.paste(small, (left, top), _rounded(width, height, _RADIUS // 2))
    if region is not None:
        x, y = left + region.x * width, top + region.y * height
        box = (x, y, x + region.w * width - 1, y + region.h * height - 1)
        ImageDraw.Draw(square).rectangle(box, outline=_ACCENT, width=_FRAME)
    if outline:
        corners = [(left + x * (width - 1), top + y * (height - 1)) for x, y in (*outline, *outline[:2])]
        ImageDraw.Draw(square).line(corners, _ACCENT, _FRAME, joint="curve")  # one edge twice, to join the last corner
    return square


def _draw_missing(square: Image.Image) -> None:
    draw = ImageDraw.Draw(square)
    middle, high = square.width // 2, round(square.height * 0.42)
    half, rise = 24 * _SCALE, 18 * _SCALE
    box = (middle - half, high - rise, middle + half, high + rise)
    draw.rounded_rectangle(box, 4 * _SCALE, outline=_FAINT, width=2 * _SCALE)
    draw.line((box[0] - 6 * _SCALE, box[3] + 6 * _SCALE, box[2] + 6 * _SCALE, box[1] - 6 * _SCALE), _GROUND, 7 * _SCALE)
    draw.line((box[0] - 2 * _SCALE, box[3] + 4 * _SCALE, box[2] + 2 * _SCALE, box[1] - 4 * _SCALE), _FAINT, 2 * _SCALE)
    draw.text((middle, high + rise + 16 * _SCALE), "file not found", _QUIET, font(_SMALL), anchor="ma")


@lru_cache(maxsize=32)
def _rounded(width: int, height: int, radius: int) -> Image.Image:
    """A mask of a rectangle with round corners, drawn large and scaled down for smooth edges."""
    times = 4
    mask = Image.new("L", (width * times, height * times))
    ImageDraw.Draw(mask).rounded_rectangle((0, 0, width * times - 1, height * times - 1), radius * times, fill=255)
    return mask.resize((width, height), Image.Resampling.BOX)
