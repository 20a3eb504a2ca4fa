"""PNG files without the parts that no pixel depends on.

Text, XMP, an unknown chunk or a bad checksum in one of them never makes a picture unreadable: Pillow would read them
all and stop at the first bad one, so it does not get them.
"""

import struct
import zlib
from typing import Final, NamedTuple

from yunmeng.errors import PictureError, Reason

__all__ = ["Stripped", "animated", "stripped"]

_SIGNATURE: Final = 8
_PIXELS: Final = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"})
_FRAMES: Final = frozenset({b"acTL", b"fcTL", b"fdAT"})
_MOST_DROPPED: Final = 100_000
_PROFILE_BYTES: Final = 4_000_000  # of an ICC profile, unpacked: printers' profiles with tables take 3 MB


class Stripped(NamedTuple):
    """The chunks that make the pixels, as a file, and the ICC profile of these if it has one that can be read."""

    data: bytes
    profile: bytes | None


def stripped(data: bytes) -> Stripped:
    """Return a PNG file without the chunks that no pixel depends on. Of an animation the first picture is left.

    From the first broken chunk on, bytes are kept as they are, for the decoder to judge.
    """
    return _stripped(data, _PIXELS)


def animated(data: bytes) -> bytes:
    """Return a PNG file as `stripped` does, with all pictures of its animation."""
    return _stripped(data, _PIXELS | _FRAMES).data


def _stripped(data: bytes, pixels: frozenset[bytes]) -> Stripped:
    pieces: list[tuple[int, int]] = []
    profile = None
    at, kept_from = _SIGNATURE, 0
    while at + 12 <= len(data):
        length, name = struct.unpack_from(">I4s", data, at)
        end = at + 12 + length
        if end > len(data):
            break
        if name not in pixels and not (name == b"eXIf" and _sound(data, at, end)):
            if not name.isalpha():
                break  # no chunk at all: the decoder says what is wrong
            if name == b"iCCP" and profile is None:
                profile = _profile(data[at + 8 : end - 4])
            pieces.append((kept_from, at))
            kept_from = end
            if len(pieces) > _MOST_DROPPED:
                raise PictureError(Reason.TOO_COSTLY, f"the PNG has more than {_MOST_DROPPED:,} chunks of metadata")
        at = end
        if name == b"IEND":
            break
    if not pieces:
        return Stripped(data, None)
    pieces.append((kept_from, len(data)))
    return Stripped(b"".join(data[start:stop] for start, stop in pieces), profile)


def _sound(data: bytes, at: int, end: int) -> bool:
    return zlib.crc32(data[at + 4 : end - 4]) == int.from_bytes(data[end - 4 : end])


def _profile(body: bytes) -> bytes | None:
    name, _, packed = body.partition(b"\0")
    if len(name) > 79 or packed[:1] != b"\0":  # the only method of compression that there is
        return None
    unpacking = zlib.decompressobj()
    try:
        profile = unpacking.decompress(packed[1:], _PROFILE_BYTES)
    except zlib.error:
        return None
    return profile if unpacking.eof and profile else None
