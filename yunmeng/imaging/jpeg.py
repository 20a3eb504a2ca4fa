"""Facts of a JPEG file that Pillow does not report: the cost of its scans, and how much of a cut file is there.

ITU-T T.81 is the format. Markers are looked for as byte pairs: within the data of a scan none can come up by chance.
"""

from collections.abc import Iterator
from io import BytesIO
from typing import Final, NamedTuple

import numpy as np
from PIL import Image, ImageChops, JpegImagePlugin

__all__ = ["MOST_MISSING", "Mended", "Work", "mended", "missing_share", "work"]

MOST_MISSING: Final = 0.05
"""Share of its rows that a picture may lack and still be taken."""

_SOS: Final = b"\xff\xda"
_EOI: Final = b"\xff\xd9"
_WANTED: Final = ((b"Exif\0\0", 10), (b"ICC_PROFILE\0", 18), (b"Adobe", 16))
"""Application segments that change how a picture looks, and how long each is at least."""
_COEFFICIENT_BYTES: Final = 2
_SECONDS_A_BLOCK: Final = 1.5e-7
"""What each scan costs for each block of 8 x 8 samples, be there data or not."""

_MISSING_LEVEL: Final = 128  # what the decoder makes of blocks that are not there
_COEFFICIENTS: Final = 64


class Work(NamedTuple):
    """The cost of decoding beside the pixels: bytes for coefficients that are kept, and seconds for scans."""

    memory: int
    seconds: float


def work(image: JpegImagePlugin.JpegImageFile, data: bytes) -> Work:
    """Return the work that decoding an opened JPEG file would be, before any of it is done."""
    start = image.fp.tell() if image.fp is not None else 0
    end = data.find(_EOI, start)
    scans = 1 + data.count(_SOS, start, end if end >= 0 else len(data))
    factors = [across * down for _, across, down, _ in image.layer]
    samples = image.width * image.height * sum(factors) // max([1, *factors])
    kept = scans > 1 or "progressive" in image.info
    return Work(_COEFFICIENT_BYTES * samples if kept else 0, scans * samples / _COEFFICIENTS * _SECONDS_A_BLOCK)


class Mended(NamedTuple):
    """A file that Pillow refused, without the parts that may be the reason; ``cut``: its end was missing."""

    data: bytes
    cut: bool


def mended(data: bytes) -> Mended | None:
    """Return the file with an end marker and with its picture data only; None where it has no picture data at all."""
    pieces, at = [data[:2]], 2
    while data[at : at + 2] != _SOS:
        marker, length = _segment(data, at)
        if length is None:
            return None
        segment = data[at : at + length]
        if not 0xE0 <= marker < 0xFF or any(segment[4:].startswith(name) and length >= of for name, of in _WANTED):
            pieces.append(segment)
        at += length
    cut = data.rfind(_EOI) < at
    pieces.append(data[at:].removesuffix(b"\xff") + _EOI if cut else data[at:])
    return Mended(b"".join(pieces), cut)


def _segment(data: bytes, at: int) -> tuple[int, int | None]:
    """The marker at a place before the first scan, and the bytes up to the next; None where there is none."""
    if at + 4 > len(data) or data[at] != 0xFF:
        return 0, None
    marker = data[at + 1]
    if marker == 0xFF:
        return marker, 1  # a fill byte
    if marker == 0x01 or 0xD0 <= marker <= 0xD9:
        return marker, 2
    return marker, 2 + int.from_bytes(data[at + 2 : at + 4])


def missing_share(data: bytes) -> float:
    """Return the share of its rows, 0 to 1, that are missing from a cut file that was `mended`.

    In a file of one scan these rows are grey. In a file of several scans they lack what the last scan adds, so the
    picture is decoded with and without it. 1 where whole scans are missing.
    """
    with _opened(data) as whole:
        # Opening has gone over the headers, in which there may be other pictures.
        scans = [] if whole.fp is None else list(_scans(data, whole.fp.tell()))
        if not _all_told(scans, whole.layers):
            return 1.0
        if len(scans) == 1:
            return _grey_share(whole)
        with _opened(data[: scans[-1].at] + _EOI) as before:
            return _unrefined_share(before.convert("RGB"), whole.convert("RGB"))


class _Scan(NamedTuple):
    at: int
    components: tuple[int, ...]
    first: int
    last: int
    low_bit: int  # 0 where nothing is left for later scans


def _opened(data: bytes) -> JpegImagePlugin.JpegImageFile:
    return JpegImagePlugin.JpegImageFile(BytesIO(data))


def _scans(data: bytes, headers: int) -> Iterator[_Scan]:
    """The scans of a file whose ``headers`` are so many bytes long."""
    at = data.rfind(_SOS, 0, headers)
    while at >= 0:
        count = data[at + 4]
        end = at + 5 + 2 * count
        if end + 3 > len(data):
            return
        yield _Scan(at, tuple(data[at + 5 : end : 2]), data[end], data[end + 1], data[end + 2] & 15)
        at = data.find(_SOS, end)


def _all_told(scans: list[_Scan], components: int) -> bool:
    """Return whether the scans hold every coefficient of every component to its last bit."""
    told = {
        (component, index)
        for scan in scans
        if scan.low_bit == 0
        for component in scan.components
        for index in range(scan.first, min(scan.last + 1, _COEFFICIENTS))
    }
    return len(told) == components * _COEFFICIENTS


def _grey_share(image: Image.Image) -> float:
    """The share of the picture, in reading order, behind the last block that is not grey."""
    pixels = np.asarray(image.convert("L")).astype(np.int16)
    coloured = np.abs(pixels - _MISSING_LEVEL) > 1
    tails = np.where(coloured.any(axis=1), np.argmax(coloured[:, ::-1], axis=1), image.width)
    rows = int(np.argmin(np.append(tails[::-1] > 0, False)))  # from below, those that end in grey
    return float(tails[len(tails) - rows :].sum() / pixels.size)


def _unrefined_share(before: Image.Image, whole: Image.Image) -> float:
    """Rows count by their detail: where there is none, a scan has nothing to add."""
    box = ImageChops.difference(before, whole).getbbox()
    detail = np.abs(np.diff(np.asarray(before.convert("L")).astype(np.int16), axis=1)).sum(axis=1)
    if not detail.any():
        return 0.0
    return float(detail[0 if box is None else box[3] :].sum() / detail.sum())
