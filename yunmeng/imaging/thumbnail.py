"""Small copies of pictures, for lists and grids."""

from io import BytesIO
from typing import Final

from PIL import Image

from yunmeng.imaging.decode import decode

__all__ = ["THUMBNAIL_SIDES", "thumbnail"]

THUMBNAIL_SIDES: Final = (128, 256, 512, 1024)
"""The sizes that there are: few, so that each is made once and found again."""

_QUALITY: Final = 78  # of WebP; artefacts begin to show at 256 px below about 70


def thumbnail(data: bytes, side: int, *, max_pixels: int) -> bytes:
    """Return an upright copy of a picture file, at most ``side`` pixels long, as WebP without metadata.

    A picture that is smaller keeps its size. Raises `PictureError` as `decode` does.
    """
    image = decode(data, at_least=side, max_pixels=max_pixels).image
    if max(image.size) > side:
        image = image.copy()
        image.thumbnail((side, side), Image.Resampling.LANCZOS, reducing_gap=2.0)
    stream = BytesIO()
    image.save(stream, "WEBP", quality=_QUALITY, method=2)
    return stream.getvalue()
