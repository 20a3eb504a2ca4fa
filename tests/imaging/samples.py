"""Pictures and picture files made on the spot, each from its number alone."""

import io
import struct
import zlib
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

from yunmeng.types import Pixels

QUARTERS = {"red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255), "white": (255, 255, 255)}

# What a Pillow writer is told, for each kind of file that must be read.
KINDS: dict[str, tuple[str, dict[str, Any]]] = {
    "jpeg": ("JPEG", {"quality": 95}),
    "jpeg-progressive": ("JPEG", {"quality": 95, "progressive": True}),
    "png": ("PNG", {}),
    "webp": ("WEBP", {"quality": 95}),
    "webp-lossless": ("WEBP", {"lossless": True}),
    "gif": ("GIF", {}),
    "bmp": ("BMP", {}),
    "tiff": ("TIFF", {}),
    "tiff-lzw": ("TIFF", {"compression": "tiff_lzw"}),
    "tiff-jpeg": ("TIFF", {"compression": "jpeg", "quality": 95}),
    "avif": ("AVIF", {"quality": 90}),
    "heic": ("HEIF", {"quality": 90}),
}


def photograph(seed: int, size: tuple[int, int] = (400, 300), octaves: int = 6) -> Image.Image:
    """Something like a photograph: noise in colour, the coarser the stronger."""
    random = np.random.default_rng(seed)
    total = np.zeros((size[1], size[0], 3))
    for octave in range(1, octaves + 1):
        cells = random.integers(0, 256, (3 * 2**octave, 4 * 2**octave, 3), dtype=np.uint8)
        layer = Image.fromarray(cells).resize(size, Image.Resampling.BICUBIC)
        total += (np.asarray(layer, dtype=np.float64) - 128) * 0.65**octave
    return Image.fromarray((total * 1.3 + 128).clip(0, 255).astype(np.uint8))


def quarters(size: tuple[int, int] = (64, 32)) -> Image.Image:
    """Red and green above, blue and white below: shows which way it was turned."""
    cells = np.array(list(QUARTERS.values()), dtype=np.uint8).reshape(2, 2, 3)
    return Image.fromarray(cells).resize(size, Image.Resampling.NEAREST)


def corners(pixels: Pixels) -> str:
    """The nearest colours of `quarters` in the four corners, by their first letters, in reading order."""
    height, width = pixels.shape[:2]
    found = pixels[[height // 4, height // 4, -height // 4, -height // 4], [width // 4, -width // 4] * 2].astype(int)
    names = list(QUARTERS)
    colours = np.array(list(QUARTERS.values()))
    return "".join(names[int(np.abs(colours - one).sum(axis=1).argmin())][0] for one in found)


def encoded(image: Image.Image, format: str, **options: object) -> bytes:
    if format == "HEIF":
        return heic(image, **options)
    target = io.BytesIO()
    image.save(target, format, **options)
    return target.getvalue()


def heic(image: Image.Image, **options: object) -> bytes:
    import pillow_heif

    target = io.BytesIO()
    pillow_heif.from_pillow(image).save(target, **options)
    return target.getvalue()


def sampled() -> Image.Image:
    """The picture in every `sample`."""
    return photograph(1, (90, 60), octaves=3)


@lru_cache
def sample(kind: str) -> bytes:
    """A small file of each kind, with the same picture in it."""
    format, options = KINDS[kind]
    return encoded(sampled(), format, **options)


def turned_heic(image: Image.Image, quarter_turns: int) -> bytes:
    """A HEIC file whose container says that it is to be turned anticlockwise: what telephones write.

    pillow_heif does not write that property (``irot``, ISO/IEC 23008-12), so it is put in by hand, and every size and
    offset that it moves is set right.
    """
    data = bytearray(heic(image, quality=90))
    rotation = struct.pack(">I4sB", 9, b"irot", quarter_turns)
    linked = data.index(b"ipma")
    count = linked + 4 + 4 + 4 + 2  # behind version, number of entries and item
    data[count] += 1
    data.insert(count + 1 + 4, 0x80 | 5)  # after the four properties there are comes the fifth, essential
    data[linked - 4 : linked - 4] = rotation
    grown = {b"meta": 10, b"iprp": 10, b"ipco": 9, b"ipma": 1}
    for name, by in grown.items():
        at = data.index(name) - 4
        data[at : at + 4] = struct.pack(">I", struct.unpack_from(">I", data, at)[0] + by)
    place = data.index(b"iloc") + 4 + 12
    data[place : place + 4] = struct.pack(">I", struct.unpack_from(">I", data, place)[0] + 10)
    return bytes(data)


def png(values: NDArray[Any], colour_type: int, *, transparent: bytes = b"") -> bytes:
    """A PNG file written by hand, for depths that Pillow does not write; big-endian values (h, w) or (h, w, c)."""
    height, width = values.shape[:2]
    rows = b"".join(b"\0" + row.tobytes() for row in values)
    head = struct.pack(">IIBBBBB", width, height, values.dtype.itemsize * 8, colour_type, 0, 0, 0)
    chunks = [(b"IHDR", head), (b"tRNS", transparent), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(name, body) for name, body in chunks if body or name != b"tRNS")


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def srgb_profile() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def swapped_profile() -> bytes:
    """An ICC profile in which red is blue and blue is red: nobody can take it for sRGB."""
    data = bytearray(srgb_profile())
    red, blue = (data.index(name) for name in (b"rXYZ", b"bXYZ"))
    data[red : red + 4], data[blue : blue + 4] = b"bXYZ", b"rXYZ"
    return bytes(data)
