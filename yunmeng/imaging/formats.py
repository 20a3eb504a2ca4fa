"""Recognises the format of a file's bytes, and whether the file was cut.

Only the first bytes count, never a file's name. A plugin is opened because its signature is there, so that no decoder
guesses and none that runs other programs (EPS, for one) is ever reached.
"""

import struct
from collections.abc import Callable
from itertools import chain
from typing import Final, Literal, TypeAlias

from yunmeng.errors import PictureError, Reason

__all__ = ["Format", "ends_early", "recognise"]

Format: TypeAlias = Literal["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "HEIC"]
"""The formats that are decoded."""

_SIGNATURES: Final[tuple[tuple[bytes, Format], ...]] = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0", "TIFF"),
    (b"MM\0+", "TIFF"),
)

# Kinds of the size field that follows a BMP file header: with it, a text that begins with "BM" is no bitmap.
_BMP_HEADERS: Final = frozenset({12, 16, 40, 52, 56, 64, 108, 124})

_AVIF_BRANDS: Final = frozenset({b"avif", b"avis"})
_HEIC_BRANDS: Final = frozenset(
    {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"}
)

_OTHERS: Final[tuple[tuple[bytes, str], ...]] = (
    (b"%PDF", "PDF"),
    (b"FUJIFILMCCD-RAW", "Fujifilm camera raw (RAF)"),
    (b"IIRO", "Olympus camera raw (ORF)"),
    (b"IIRS", "Olympus camera raw (ORF)"),
    (b"MMOR", "Olympus camera raw (ORF)"),
    (b"IIU\0", "Panasonic camera raw (RW2)"),
    (b"FOVb", "Sigma camera raw (X3F)"),
    (b"\0MRM", "Minolta camera raw (MRW)"),
    (b"II\x1a\0\0\0HEAPCCDR", "Canon camera raw (CRW)"),
    (b"8BPS", "Photoshop (PSD)"),
    (b"%!PS", "PostScript"),
    (b"\xc5\xd0\xd3\xc6", "PostScript (EPS)"),
    (b"\0\0\x01\0", "icon (ICO)"),
    (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"),
    (b"\xff\x0a", "JPEG XL"),
    (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"),
    (b"\xff\x4f\xff\x51", "JPEG 2000"),
    (b"gimp xcf", "GIMP (XCF)"),
    (b"DDS ", "DirectDraw surface (DDS)"),
    (b"v/1\x01", "OpenEXR"),
    (b"#?RADIANCE", "Radiance HDR"),
    (b"qoif", "QOI"),
    (b"icns", "Apple icon (ICNS)"),
    (b"\x1aE\xdf\xa3", "Matroska or WebM video"),
    (b"FLV\x01", "Flash video"),
    (b"\0\0\x01\xba", "MPEG video"),
    (b"P4\n", "portable bitmap (PBM)"),
    (b"P5\n", "portable greymap (PGM)"),
    (b"P6\n", "portable pixmap (PPM)"),
)


def recognise(data: bytes) -> Format:
    """Return the format of an encoded picture, by its first bytes.

    Raises PictureError: EMPTY, UNSUPPORTED (a picture, document or video of a kind that is not decoded; the detail
    names it) or NOT_A_PICTURE.
    """
    if not data:
        raise PictureError(Reason.EMPTY, "no bytes")
    for signature, known in _SIGNATURES:
        if data.startswith(signature):
            if data[8:10] == b"CR" and known == "TIFF":
                raise PictureError(Reason.UNSUPPORTED, "Canon camera raw (CR2) is not decoded")
            return known
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    if data[:2] == b"BM" and len(data) >= 18 and struct.unpack_from("<I", data, 14)[0] in _BMP_HEADERS:
        return "BMP"
    if data[4:8] == b"ftyp":
        return _of_brands(data)
    if other := _other(data):
        raise PictureError(Reason.UNSUPPORTED, f"{other} is not decoded")
    raise PictureError(Reason.NOT_A_PICTURE, "these bytes begin like no picture format")


def _of_brands(data: bytes) -> Format:
    """AVIF and HEIC share a container with MP4 (ISO/IEC 14496-12): the brands in its first box tell them apart."""
    if len(data) < 16:
        raise PictureError(Reason.TRUNCATED, "the data ends within its first box")
    size = min(struct.unpack_from(">I", data)[0], 256)
    brands = {data[8:12]} | {data[at : at + 4] for at in range(16, size, 4)}
    if brands & _AVIF_BRANDS:
        return "AVIF"
    if brands & _HEIC_BRANDS:
        return "HEIC"
    if b"crx " in brands:
        raise PictureError(Reason.UNSUPPORTED, "Canon camera raw (CR3) is not decoded")
    raise PictureError(Reason.UNSUPPORTED, f"video or other media ({data[8:12].decode('latin-1')!r}) is not decoded")


def _other(data: bytes) -> str | None:
    for signature, name in _OTHERS:
        if data.startswith(signature):
            return name
    if data[:4] == b"RIFF" and data[8:12] == b"AVI ":
        return "AVI video"
    head = data[:1024].removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if head.startswith(b"<svg") or (head.startswith((b"<?xml", b"<!doctype svg", b"<!--")) and b"<svg" in head):
        return "SVG"
    return None


def ends_early(format: Format, data: bytes) -> bool:
    """Return whether the container says that it goes on after the last byte: the file was cut.

    It is used to name the reason after a decoder has failed, so it may be wrong about a file that is broken in another
    way.
    """
    try:
        return _ENDS_EARLY[format](data)
    except (struct.error, IndexError):
        return True  # a header field lies behind the end


def _jpeg_ends_early(data: bytes) -> bool:
    at = 2
    while data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xDA:  # picture data from here on: only the end marker can tell
            return data.rfind(b"\xff\xd9", at) < 0
        alone = marker in (0x01, 0xFF) or 0xD0 <= marker <= 0xD8
        at += 1 if marker == 0xFF else 2 if alone else 2 + struct.unpack_from(">H", data, at + 2)[0]
    return False


def _png_ends_early(data: bytes) -> bool:
    at = 8
    while data[at + 4 : at + 8] != b"IEND":
        at += 12 + struct.unpack_from(">I", data, at)[0]
    return at + 12 > len(data)


def _gif_ends_early(data: bytes) -> bool:
    return not data.rstrip(b"\0").endswith(b";")


def _bmp_ends_early(data: bytes) -> bool:
    size, offset, header = struct.unpack_from("<I4xII", data, 2)
    return len(data) < int(max(size, offset, 14 + header))


def _webp_ends_early(data: bytes) -> bool:
    return len(data) < 8 + int(struct.unpack_from("<I", data, 4)[0])


def _boxes_end_early(data: bytes) -> bool:
    at = 0
    while at < len(data):
        size = struct.unpack_from(">I", data, at)[0]
        if size == 1:
            size = struct.unpack_from(">Q", data, at + 8)[0]
        if size < 8:  # 0 is "to the end of the file"; the rest is nonsense
            return False
        at += size
    return at > len(data)


_TIFF_WIDTHS: Final = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8}
_TIFF_DATA: Final = ((273, 279), (324, 325))  # offsets and byte counts, of strips and of tiles


def _tiff_ends_early(data: bytes) -> bool:
    if data[2] == 43 or data[3] == 43:
        return False  # BigTIFF: rare, and its decoder's own message has to do
    order = "<" if data[:2] == b"II" else ">"
    start = struct.unpack_from(order + "I", data, 4)[0]
    lists: dict[int, tuple[int, ...]] = {}
    for index in range(struct.unpack_from(order + "H", data, start)[0]):
        entry = start + 2 + 12 * index
        tag, kind, count = struct.unpack_from(order + "HHI", data, entry)
        size = _TIFF_WIDTHS.get(kind, 1) * count
        at = entry + 8 if size <= 4 else struct.unpack_from(order + "I", data, entry + 8)[0]
        if at + size > len(data):
            return True
        if kind in (3, 4):
            lists[tag] = struct.unpack_from(f"{order}{count}{'H' if kind == 3 else 'I'}", data, at)
    pairs = (zip(lists.get(offsets, ()), lists.get(lengths, ()), strict=False) for offsets, lengths in _TIFF_DATA)
    return any(offset + length > len(data) for offset, length in chain.from_iterable(pairs))


_ENDS_EARLY: Final[dict[Format, Callable[[bytes], bool]]] = {
    "JPEG": _jpeg_ends_early,
    "PNG": _png_ends_early,
    "GIF": _gif_ends_early,
    "BMP": _bmp_ends_early,
    "TIFF": _tiff_ends_early,
    "WEBP": _webp_ends_early,
    "AVIF": _boxes_end_early,
    "HEIC": _boxes_end_early,
}
