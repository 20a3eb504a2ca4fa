"""A sheet of one search: the query and its hits as one picture."""

from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from yunmeng.config import Settings
from yunmeng.errors import PictureError
from yunmeng.imaging.decode import decode
from yunmeng.imaging.sheet import Tile, draw_sheet
from yunmeng.search.query import read_bytes
from yunmeng.types import Hit, Pixels

__all__ = ["draw_hits"]

THUMBNAIL = 512  # pixels that a tile has at the most


def draw_hits(query: str | Path, hits: Sequence[Hit], settings: Settings, *, words: bool = False) -> Image.Image:
    """Draw query and hits with their scores, and the outline of the part that matches.

    ``query`` is a path or a URL, or text if ``words``; pictures that cannot be read any more are left blank.
    """
    tiles = [_tile(hit, settings) for hit in hits]
    if words:
        return draw_sheet(None, tiles, title=str(query))
    name = str(query).rstrip("/").rpartition("/")[2]
    return draw_sheet(Tile(_pixels(query, settings), name, "query"), tiles)


def _tile(hit: Hit, settings: Settings) -> Tile:
    outline = () if hit.alignment is None else hit.alignment.outline
    return Tile(_pixels(hit.uri, settings), hit.id, _detail(hit), hit.region, outline)


def _detail(hit: Hit) -> str:
    return f"{hit.score:.3f}" if hit.band is None else f"{hit.score:.3f}  {hit.band.replace('-', ' ')}"


def _pixels(place: str | Path, settings: Settings) -> Pixels | None:
    try:
        data = read_bytes(place, settings)
        return decode(data, at_least=THUMBNAIL, max_pixels=settings.max_pixels).pixels
    except PictureError:
        return None
