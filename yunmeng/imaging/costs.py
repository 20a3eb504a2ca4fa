"""The memory that decoding a picture takes, estimated from its header.

Bytes a pixel were measured as the peak of the whole process over flat and noisy pictures of 25 to 170 million pixels,
and rounded up.
"""

import struct
from typing import Final

from PIL import Image

from yunmeng.imaging.formats import Format

__all__ = ["memory", "webp_memory"]

_STORED: Final = {"1": 1, "L": 1, "P": 1, "I;16": 2, "I;16B": 2, "I;16L": 2, "I;16N": 2}  # else 4: Pillow pads to it
_WHOLE: Final = {"AVIF": 12, "HEIC": 11}  # planes, colours, the codec's own and Pillow's copy, all of the whole picture
_WEBP: Final = 17
_BANDS: Final = 32_000_000
"""What works on bands of a large picture takes beside it."""

_ROWS_PER_STRIP, _TILE_WIDTH, _TILE_LENGTH, _ORIENTATION = 278, 322, 323, 274  # tags of TIFF


def memory(image: Image.Image, kind: Format, factor: int) -> int:
    """Return the bytes needed to decode an opened picture, of any kind but WebP, and reduce it by ``factor``."""
    pixels = image.width * image.height
    reduced = 8 * pixels // factor**2  # a picture and its turned or converted copy
    banded = min(_BANDS, 32 * pixels)
    return pixels * _WHOLE.get(kind, _STORED.get(image.mode, 4)) + _of_tiff(image) + reduced + banded


def _of_tiff(image: Image.Image) -> int:
    """Strips and tiles are unpacked whole; a picture that lies on its side is turned at its full size."""
    tags = getattr(image, "tag_v2", None)
    if tags is None:
        return 0
    pixel = 8
    rows, width = tags.get(_ROWS_PER_STRIP, image.height), tags.get(_TILE_WIDTH, image.width)
    rows = tags.get(_TILE_LENGTH, min(rows, image.height))
    turned = 4 * image.width * image.height if tags.get(_ORIENTATION, 1) != 1 else 0
    return int(pixel * rows * width) + turned


def webp_memory(data: bytes) -> int:
    """Return the same for a WebP file, whose decoder takes memory for the whole canvas as soon as it is opened."""
    width, height = _webp_size(data)
    return _WEBP * width * height


def _webp_size(data: bytes) -> tuple[int, int]:
    """The canvas (RFC 9649); 0 x 0 where the header is none, for the decoder to say what is wrong."""
    kind = data[12:16]
    if kind == b"VP8X" and len(data) >= 30:
        width, height = (int.from_bytes(data[at : at + 3], "little") + 1 for at in (24, 27))
        return width, height
    if kind == b"VP8L" and len(data) >= 25:
        bits = struct.unpack_from("<I", data, 21)[0]
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8 " and len(data) >= 30:
        width, height = struct.unpack_from("<HH", data, 26)
        return width & 0x3FFF, height & 0x3FFF
    return 0, 0
