"""Copies of stores, record by record, and their comparison: for copies of libraries, and for backups."""

import hashlib
import json
import threading
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from yunmeng.errors import LibraryError
from yunmeng.stores.pages import pages_with_vectors

if TYPE_CHECKING:
    from yunmeng.stores.protocol import Store
    from yunmeng.types import Record

__all__ = ["Compared", "compare_all", "write"]

ROUNDING: Final = 1e-6
"""By how much a number of a vector may differ between two stores, as a store's vectors come back within rounding."""

OnRecords = Callable[[int], None]
"""Called with how many records were compared, after each page."""


@dataclass(frozen=True, slots=True)
class Compared:
    """Result of a comparison in which all records are the same.

    Args:
        records: Records of all stores.
        written: Records that had to be written first, as they were missing or others.
        exact: Records whose vectors are the same bit for bit; the others are within rounding.
        digest: SHA-256 of all records but their vectors, in their order.
    """

    records: int
    written: int
    exact: int
    digest: str


def write(store: "Store", records: "Sequence[Record]") -> int:
    """Write records, if there are any. Returns how many."""
    if records:
        store.upsert(records)
    return len(records)


def compare_all(
    pairs: "Sequence[tuple[Store, Store]]", stop: threading.Event, on_records: OnRecords
) -> Compared | None:
    """Compare pairs of stores, an original and its copy, and write again to the copies what differs.

    Returns None if it was stopped. Raises `LibraryError` where a copy still differs.
    """
    compared = [_compared(old, new, stop, on_records) for old, new in pairs]
    if stop.is_set():
        return None
    return Compared(
        records=sum(one.records for one in compared),
        written=sum(one.written for one in compared),
        exact=sum(one.exact for one in compared),
        digest=hashlib.sha256("".join(one.digest for one in compared).encode()).hexdigest(),
    )


def _compared(old: "Store", new: "Store", stop: threading.Event, on_records: OnRecords) -> Compared:
    digest, exact, written, seen = hashlib.sha256(), 0, 0, 0
    for page in pages_with_vectors(old, None, stop):
        there = new.get([record.id for record in page], vectors=True)
        different = [record for record in page if not _same(record, there.get(record.id))]
        written += write(new, different)
        there.update(new.get([record.id for record in different], vectors=True))
        for record in page:
            if not _same(record, there.get(record.id)):
                raise LibraryError(f"the new store gives {record.id} back as another one than was written")
            digest.update(_facts(record))
            exact += np.array_equal(record.vector, there[record.id].vector)  # type: ignore[arg-type]  # just read
        seen += len(page)
        on_records(len(page))
    if not stop.is_set():
        _drop_others(old, new)
        if not seen == old.count() == new.count():
            raise LibraryError(
                f"{seen:,} records were compared, the library has {old.count():,} now, the copy {new.count():,}: "
                "run the same command again"
            )
    return Compared(seen, written, exact, digest.hexdigest())


def _drop_others(old: "Store", new: "Store") -> None:
    """Delete what was copied and is no more in the library."""
    if new.count() == old.count():
        return
    for page in pages_with_vectors(new):
        ids = [record.id for record in page]
        kept = old.get(ids)
        new.delete([id for id in ids if id not in kept])


def _same(record: "Record", other: "Record | None") -> bool:
    if other is None or record.vector is None or other.vector is None:
        return False
    return _facts(record) == _facts(other) and np.allclose(record.vector, other.vector, rtol=0, atol=ROUNDING)


def _facts(record: "Record") -> bytes:
    """Return all that a record says but its vector, in a form that is the same for the same."""
    facts = asdict(replace(record, vector=None, regions=None))
    return json.dumps(facts, sort_keys=True, separators=(",", ":")).encode()
