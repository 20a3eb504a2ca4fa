"""Passes over all records of a store in the order of their digests, in steps that can be taken one at a time."""

import threading
from collections.abc import Iterator
from typing import Final

from yunmeng.stores.protocol import Store
from yunmeng.types import Record

__all__ = ["digest_prefixes", "pages_with_vectors"]

PAGE: Final = 1000
"""Records that are read at once."""


def pages_with_vectors(
    store: Store, after: tuple[str, str] | None = None, stop: threading.Event | None = None
) -> Iterator[list[Record]]:
    """Yield all records behind ``after``, a pair as `Store.page` takes it, with their vectors, a page at a time.

    A record that is deleted between the two reads of its page is left out. Ends early once ``stop`` is set.
    """
    while not (stop is not None and stop.is_set()) and (page := store.page(PAGE, after)):
        after = (page[-1].sha256, page[-1].id)
        found = store.get([record.id for record in page], vectors=True)
        if records := [found[record.id] for record in page if record.id in found]:
            yield records


def digest_prefixes(count: int, start: str, size: int) -> Iterator[str]:
    """Yield the first hex digits that split ``count`` records into ranges of about ``size``, from that of ``start`` on.

    The ranges ascend. A digest's first digits are as good as random, so that each holds about as many.
    """
    wanted = max(count // max(size, 1), 1)
    digits = (wanted.bit_length() - 1) // 4  # so that 16 ** digits ranges are no more than wanted
    for number in range(int(start[:digits] or "0", 16), 16**digits):
        yield f"{number:0{digits}x}" if digits else ""
