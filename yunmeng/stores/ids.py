"""Ids: how long they may be in any store, and how ids and URIs are escaped for stores that take clean text only."""

import re
from collections.abc import Iterable
from typing import Final

from yunmeng.errors import PictureError, Reason

__all__ = ["MAX_ID_BYTES", "check_ids", "encode_id", "escape", "is_storable", "unescape"]

MAX_ID_BYTES: Final = 1024
"""The longest id, escaped and in UTF-8: a limit of the house, which every store can keep."""

_UNSAFE = re.compile("[%\x00-\x1f\x7f\ud800-\udfff]")
_ESCAPED = re.compile("%(?:u([0-9A-F]{4})|([0-9A-F]{2}))")


def escape(text: str) -> str:
    """Return ``text`` without control characters and lone surrogates, the trace of file names that are not UTF-8.

    They become ``%0A`` or ``%uDC80``, and ``%`` itself ``%25``; everything else stays. `unescape` takes it back.
    """
    return _UNSAFE.sub(lambda found: _escaped(ord(found[0])), text)


def unescape(text: str) -> str:
    """Return what `escape` was given."""
    if "%" not in text:
        return text
    return _ESCAPED.sub(lambda found: chr(int(found[1] or found[2], 16)), text)


def is_storable(id: str) -> bool:
    """Return whether a record can have this id."""
    return 0 < len(escape(id).encode()) <= MAX_ID_BYTES


def check_ids(ids: Iterable[str]) -> None:
    """Raise `PictureError` (bad-id) if one of them is empty or too long for any record."""
    for id in ids:
        encode_id(id)


def encode_id(id: str) -> str:
    """Return the id escaped. Raises `PictureError` (bad-id) if it is empty or longer than 1,024 bytes."""
    if not id:
        raise PictureError(Reason.BAD_ID, "the id is empty")
    escaped = escape(id)
    size = len(escaped.encode())
    if size > MAX_ID_BYTES:
        raise PictureError(Reason.BAD_ID, f"the id {escaped[:40]}... takes {size} bytes, at most {MAX_ID_BYTES} fit")
    return escaped


def _escaped(code: int) -> str:
    return f"%{code:02X}" if code < 0x80 else f"%u{code:04X}"
