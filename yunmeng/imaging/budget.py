"""Limits of decoding: memory over all threads of the process at once, and time for each picture.

What a picture will take is told from its header. Bytes a pixel were measured as the peak of the whole process over flat
and noisy pictures of 25 to 170 million pixels, and rounded up.
"""

import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import TYPE_CHECKING, Final

from yunmeng.errors import PictureError, Reason

if TYPE_CHECKING:
    from PIL import Image

    from yunmeng.imaging.formats import Format

__all__ = ["TimedBytes", "check_time", "limit_decoding", "memory_of", "room", "webp_memory"]

DECODE_MEMORY: Final = 768_000_000
DECODE_SECONDS: Final = 10.0

_STORED: Final = {"1": 1, "L": 1, "P": 1, "I;16": 2, "I;16B": 2, "I;16L": 2, "I;16N": 2}  # else 4: Pillow pads to it
_WHOLE: Final = {"AVIF": 12, "HEIC": 11}  # planes, colours, the codec's own and Pillow's copy, all of the whole picture
_WEBP: Final = 17
_BANDS: Final = 32_000_000
"""Bytes beside a large picture, for work on bands of it."""

_ROWS_PER_STRIP, _TILE_WIDTH, _TILE_LENGTH, _ORIENTATION = 278, 322, 323, 274  # tags of TIFF


class _Budget:
    """Memory that is handed out in the order of asking, so that a large picture is not kept waiting by small ones."""

    def __init__(self) -> None:
        self.memory = DECODE_MEMORY
        self.seconds = DECODE_SECONDS
        self._used = 0
        self._changed = threading.Condition()
        self._queue: list[object] = []

    def take(self, cost: int) -> None:
        ticket = object()
        with self._changed:
            self._queue.append(ticket)
            try:
                while self._queue[0] is not ticket or (self._used and self._used + cost > self.memory):
                    self._changed.wait()
                self._used += cost
            finally:
                self._queue.remove(ticket)
                self._changed.notify_all()

    def give_back(self, cost: int) -> None:
        with self._changed:
            self._used -= cost
            self._changed.notify_all()


_BUDGET: Final = _Budget()  # one for the process: what one thread takes, the others lack


def limit_decoding(*, memory: int, seconds: float) -> None:
    """Limit what decoding may take from now on, in the whole process: bytes over all threads, seconds for each picture.

    These are the settings YUNMENG_DECODE_MEMORY and YUNMENG_DECODE_SECONDS.
    """
    _BUDGET.memory, _BUDGET.seconds = memory, seconds


@contextmanager
def room(cost: int) -> Iterator[float]:
    """Hold ``cost`` bytes of the budget, waiting until they are free; yields the moment at which time is up.

    Raises PictureError (TOO_COSTLY) where the whole budget would not be enough.
    """
    if cost > _BUDGET.memory:
        raise PictureError(
            Reason.TOO_COSTLY,
            f"decoding it takes about {cost / 1e6:,.0f} MB, over the limit of {_BUDGET.memory / 1e6:,.0f} MB "
            "(YUNMENG_DECODE_MEMORY)",
        )
    _BUDGET.take(cost)
    try:
        yield time.monotonic() + _BUDGET.seconds
    finally:
        _BUDGET.give_back(cost)


def check_time(estimate: float) -> None:
    """Refuse a picture whose decoding takes about ``estimate`` seconds. Raises PictureError (TOO_COSTLY)."""
    if estimate > _BUDGET.seconds:
        raise PictureError(
            Reason.TOO_COSTLY,
            f"decoding it takes about {estimate:,.0f} seconds, over the limit of {_BUDGET.seconds:g} "
            "(YUNMENG_DECODE_SECONDS)",
        )


class TimedBytes(BytesIO):
    """A file in memory that can no longer be read when time is up, which stops decoders that read block by block."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.ends = time.monotonic() + _BUDGET.seconds

    def read(self, size: int | None = -1, /) -> bytes:
        """Read as `BytesIO` does. Raises PictureError (TOO_COSTLY) when time is up."""
        if time.monotonic() > self.ends:
            raise PictureError(
                Reason.TOO_COSTLY, f"decoding it took more than {_BUDGET.seconds:g} seconds (YUNMENG_DECODE_SECONDS)"
            )
        return super().read(size)


def memory_of(image: "Image.Image", kind: "Format", factor: int) -> int:
    """Return the bytes needed to decode an opened picture, of any kind but WebP, and reduce it by ``factor``."""
    pixels = image.width * image.height
    reduced = 8 * pixels // factor**2  # a picture and its turned or converted copy
    banded = min(_BANDS, 32 * pixels)
    return pixels * _WHOLE.get(kind, _STORED.get(image.mode, 4)) + _of_tiff(image) + reduced + banded


def _of_tiff(image: "Image.Image") -> int:
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
