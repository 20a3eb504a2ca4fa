"""A sheet of one search: the query and its hits as one picture."""

import os
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from yunmeng.config import Settings
from yunmeng.errors import PictureError
from yunmeng.fetch import Fetcher, is_url
from yunmeng.imaging import Tile, decode, draw_sheet, read
from yunmeng.types import Hit, Pixels

__all__ = ["draw_hits"]

THUMBNAIL = 512  # pixels that a tile has at the most


def draw_hits(query: str | Path, hits: Sequence[Hit], settings: Settings) -> Image.Image:
    """Query and hits with their scores. ``query`` is a path or a URL; what cannot be read any more is left blank."""
    with Fetcher(settings) as fetcher:
        tiles = [Tile(_pixels(hit.uri, settings, fetcher), hit.id, f"{hit.score:.3f}") for hit in hits]
        asked = Tile(_pixels(str(query), settings, fetcher), os.path.basename(str(query)), "query")  # noqa: PTH119  URL
    return draw_sheet(asked, tiles)


def _pixels(uri: str, settings: Settings, fetcher: Fetcher) -> Pixels | None:
    try:
        data = fetcher.fetch(uri) if is_url(uri) else read(Path(uri), max_bytes=settings.max_file_bytes)
        return decode(data, at_least=THUMBNAIL, max_pixels=settings.max_pixels).pixels
    except PictureError:
        return None
