"""TIFF files before decoding: which page is the picture, is it camera raw, and does the decoder read it right.

Pillow takes the first page, which in camera raw and in many scans is a small preview, and it reads some rare layouts
with wrong pixels and no warning. The layouts that are accepted here were compared with tifffile's reading; all others
are refused.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from yunmeng.errors import PictureError, Reason

__all__ = ["page_offsets", "picture_page", "pixels_only", "with_first_page"]

_MOST_PAGES: Final = 64  # looked at for the picture; a file may claim any number of them, or lead round in a circle
_MOST_LISTED: Final = 1_000  # of a document
_MOST_VALUES: Final = 16  # of a tag: none that is looked at has more

# Tags (TIFF 6.0; TIFF/EP and DNG for the last)
_NEW_SUBFILE_TYPE, _SUBFILE_TYPE, _BITS, _COMPRESSION, _PHOTOMETRIC = 254, 255, 258, 259, 262
_FILL_ORDER, _ORIENTATION, _SAMPLES, _PLANAR, _SUB_IFDS, _INK_SET, _SAMPLE_FORMAT = 266, 274, 277, 284, 330, 332, 339
_SUBSAMPLING, _DNG_VERSION = 530, 50706
_TAGS: Final = frozenset(
    {
        _NEW_SUBFILE_TYPE, _SUBFILE_TYPE, _BITS, _COMPRESSION, _PHOTOMETRIC, _FILL_ORDER, _SAMPLES, _PLANAR, _SUB_IFDS,
        _INK_SET, _SAMPLE_FORMAT, _SUBSAMPLING, _DNG_VERSION,
    }
)  # fmt: skip
_KINDS: Final = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}  # of integers, by their code

_RAW_PHOTOMETRIC: Final = frozenset({32803, 34892})  # colour filter array, linear raw
_RAW_COMPRESSION: Final = frozenset({32767, 32769, 32770, 34713, 65000, 65535})  # of six makers
_UNCOMPRESSED: Final = 1
_UNSIGNED, _SIGNED, _FLOAT = 1, 2, 3
_SEPARATE: Final = 2
_RGB, _CMYK, _YCBCR = 2, 5, 6


@dataclass(frozen=True, slots=True)
class _Page:
    offset: int
    tags: dict[int, tuple[int, ...]]

    def first(self, tag: int, otherwise: int) -> int:
        values = self.tags.get(tag)
        return values[0] if values else otherwise

    @property
    def reduced(self) -> bool:
        return bool(self.first(_NEW_SUBFILE_TYPE, 0) & 1) or self.first(_SUBFILE_TYPE, 1) == 2

    @property
    def mask(self) -> bool:
        return bool(self.first(_NEW_SUBFILE_TYPE, 0) & 4)

    @property
    def raw(self) -> bool:
        photometric, compression = self.first(_PHOTOMETRIC, 0), self.first(_COMPRESSION, _UNCOMPRESSED)
        return photometric in _RAW_PHOTOMETRIC or compression in _RAW_COMPRESSION or _DNG_VERSION in self.tags


_PIXEL_TAGS: Final = frozenset(
    {
        *range(254, 260),
        262,
        266,
        273,
        274,
        *range(277, 280),
        284,
        292,
        293,
        317,
        *range(320, 326),
        332,
        *range(338, 343),
    }
    | {347, *range(512, 522), *range(529, 533), 34675}
)
"""What the pixels depend on, orientation and ICC profile among it."""


class _File:
    """Offsets and tags of a TIFF or BigTIFF file. Whatever lies beyond its end counts as not there."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.order = "<" if data[:2] == b"II" else ">"
        self.big = 43 in (data[2], data[3])

    @property
    def first_at(self) -> int:
        """Place where the offset of the first page is written."""
        return 8 if self.big else 4

    @property
    def offset_code(self) -> str:
        return self.order + ("Q" if self.big else "I")

    def pages(self, most: int = _MOST_PAGES) -> Iterator[_Page]:
        """The pages in their order, each followed by those below it."""
        seen: set[int] = set()
        waiting = [*self._unpack(self.offset_code, self.first_at)]
        while waiting and len(seen) < most:
            offset = waiting.pop(0)
            if offset in seen or not 0 < offset < len(self._data):
                continue
            seen.add(offset)
            page, following = self._page(offset)
            yield page
            waiting = [*page.tags.get(_SUB_IFDS, ()), *following, *waiting]

    def rows(self, offset: int) -> tuple[int, int, int]:
        """Return the offset of a page's first entry, and the size and number of its entries."""
        head, entry = ("Q", 20) if self.big else ("H", 12)
        return offset + struct.calcsize(self.order + head), entry, sum(self._unpack(self.order + head, offset))

    def counts(self, entry: bytes) -> bool:
        """Return whether the pixels depend on an entry. An orientation that is not a single number is ignored."""
        tag, kind, count = struct.unpack_from(self.order + ("HHQ" if self.big else "HHI"), entry)
        return tag in _PIXEL_TAGS and (tag != _ORIENTATION or (kind == 3 and count == 1))

    def _page(self, offset: int) -> tuple[_Page, tuple[int, ...]]:
        start, entry, count = self.rows(offset)
        # None that is looked at lies behind the first thousand: a count may be anything.
        entries = range(start, start + entry * min(count, 1000), entry)
        found = {tag: values for at in entries if (values := self._values(at)) for tag in self._tag(at)}
        return _Page(offset, found), self._unpack(self.offset_code, start + entry * count)

    def _tag(self, at: int) -> tuple[int, ...]:
        return self._unpack(self.order + "H", at)

    def _values(self, at: int) -> tuple[int, ...]:
        named = self._unpack(self.order + ("HHQ" if self.big else "HHI"), at)
        if not named or named[0] not in _TAGS or named[1] not in _KINDS:
            return ()
        code = f"{self.order}{min(named[2], _MOST_VALUES)}{_KINDS[named[1]]}"
        place, inline = (at + 12, 8) if self.big else (at + 8, 4)
        whole = struct.calcsize(self.order + _KINDS[named[1]]) * named[2]
        if whole > inline:
            place = next(iter(self._unpack(self.offset_code, place)), len(self._data))
        return self._unpack(code, place)

    def _unpack(self, code: str, at: int) -> tuple[int, ...]:
        if at + struct.calcsize(code) > len(self._data):
            return ()
        return struct.unpack_from(code, self._data, at)


def picture_page(data: bytes) -> bytes:
    """Return the file so that its first page is the picture: unchanged in most cases.

    Where the first page says that it is a reduced copy, the first full one is taken. Raises PictureError (UNSUPPORTED)
    for camera raw and for layouts that the decoder would read wrong.
    """
    if len(data) < 16:
        return data  # the decoder says what is wrong
    if data.startswith(b"MM\0+"):  # Pillow takes it for a plain TIFF, and finds nothing
        raise PictureError(Reason.UNSUPPORTED, "big-endian BigTIFF is not decoded: save it as TIFF or PNG")
    file = _File(data)
    pages = list(file.pages())
    if not pages:
        return data
    if any(page.raw for page in pages) or data[8:12] == b"IIII":  # the latter is Phase One's IIQ
        raise PictureError(Reason.UNSUPPORTED, "camera raw is not decoded: export it as JPEG or TIFF")
    chosen = _chosen(pages)
    _check_layout(chosen, file.order)
    return data if chosen is pages[0] else with_first_page(data, chosen.offset)


def page_offsets(data: bytes) -> list[int]:
    """Return where the pages of a document begin, that of `picture_page` first; without reduced copies and masks."""
    pages = list(_File(data).pages(_MOST_LISTED)) if len(data) >= 16 else []
    if not pages:
        return [0]
    first = _chosen(pages)
    return [first.offset] + [page.offset for page in pages if page is not first and not page.reduced and not page.mask]


def with_first_page(data: bytes, offset: int) -> bytes:
    """Return the file so that the page at ``offset``, one of `page_offsets`, is its first."""
    file = _File(data)
    size = struct.calcsize(file.offset_code)
    return data[: file.first_at] + struct.pack(file.offset_code, offset) + data[file.first_at + size :]


def _chosen(pages: list[_Page]) -> _Page:
    full = next((page for page in pages if not page.reduced and not page.mask), pages[0])
    return full if pages[0].reduced else pages[0]


def pixels_only(data: bytes) -> bytes:
    """Return the file as `picture_page` does, with only those tags that its pixels depend on."""
    file = _File(data := picture_page(data))
    offset = struct.unpack_from(file.offset_code, data, file.first_at)[0]
    start, size, count = file.rows(offset)
    entries = [data[at : at + size] for at in range(start, start + size * count, size)]
    kept = [entry for entry in entries if file.counts(entry)]
    head = struct.pack(file.order + ("Q" if file.big else "H"), len(kept))
    page = head + b"".join(kept) + struct.pack(file.offset_code, 0)
    return data[:offset] + page + data[offset + len(page) :]


def _check_layout(page: _Page, order: str) -> None:
    """Refuse what Pillow 13 reads without a complaint, but wrong."""
    photometric, planar = page.first(_PHOTOMETRIC, 0), page.first(_PLANAR, 1)
    packed = page.first(_COMPRESSION, _UNCOMPRESSED) != _UNCOMPRESSED
    bits, samples = page.first(_BITS, 1), page.first(_SAMPLES, 1)
    kind = page.first(_SAMPLE_FORMAT, _UNSIGNED)
    separate = planar == _SEPARATE and samples > 1
    swapped = packed and order == ">"  # the decoder unpacks numbers in the machine's own order, Pillow turns them again
    wrong = (
        (kind == _UNSIGNED and bits > 16)
        or (kind == _SIGNED and (bits == 8 or swapped))
        or (kind == _FLOAT and swapped)
        or (separate and (photometric not in (_RGB, _CMYK) or page.first(_FILL_ORDER, 1) != 1))
        or (separate and bits > 8 and not packed)
        or (photometric == _YCBCR and samples > 1 and not packed and page.tags.get(_SUBSAMPLING) != (1, 1))
        or (photometric == _CMYK and page.first(_INK_SET, 1) != 1)
    )
    if wrong:
        names = {_UNSIGNED: "unsigned", _SIGNED: "signed", _FLOAT: "float"}
        raise PictureError(
            Reason.UNSUPPORTED,
            f"TIFF of {samples} x {bits} bits {names.get(kind, f'(sample format {kind})')}, photometric {photometric}, "
            f"planar {planar}, {'big' if order == '>' else 'little'}-endian is not decoded: save it with 8 bits",
        )
