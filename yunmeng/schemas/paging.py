"""Cursors: where the next page of a list begins, as the API gives it and takes it back."""

import base64
import binascii
import json
from typing import TYPE_CHECKING

from yunmeng.errors import QueryError

if TYPE_CHECKING:
    from yunmeng.types import Record

__all__ = ["cursor_behind", "position_of"]


def cursor_behind(record: "Record") -> str:
    """Return the cursor of the page that begins behind a record."""
    return base64.urlsafe_b64encode(json.dumps([record.sha256, record.id]).encode()).decode()


def position_of(cursor: str) -> tuple[str, str]:
    """Return SHA-256 and id of the record behind which the page begins. Raises `QueryError`."""
    try:
        digest, id = json.loads(base64.urlsafe_b64decode(cursor.encode()))
        int(digest, 16)
    except (ValueError, TypeError, binascii.Error):
        raise QueryError("this server did not give this cursor: begin without one") from None
    return str(digest), str(id)
