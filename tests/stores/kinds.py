"""The kinds of store that the conformance suites run over, and what their fixtures give."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from yunmeng.stores.protocol import Store
from yunmeng.types import AttributeSchema, Record


@dataclass(frozen=True)
class Kind:
    """A store to test. ``settle`` may do whatever the store does to its data over time; it must change no answer.

    It is called when the first (1) and when the second (2) of three parts of the records have been written.
    """

    make: Callable[[Path, AttributeSchema], Store]
    settle: Callable[[Store, int], None] = lambda store, step: None


class Odd:
    """A store of odd values that tests leave as they find it, and what is in it.

    No dataclass: Hypothesis would print it all.
    """

    def __init__(self, store: Store, records: Sequence[Record]) -> None:
        self.store = store
        self.records = {record.id: record for record in records}


Make: TypeAlias = Callable[[AttributeSchema], Store]
Fill: TypeAlias = Callable[[Store, Sequence[Record]], None]


def vector_of(record: Record) -> Any:
    assert record.vector is not None
    return record.vector


def same_record(found: Record, written: Record) -> None:
    assert replace(found, vector=None) == replace(written, vector=None)
    np.testing.assert_allclose(vector_of(found), vector_of(written), atol=1e-6)
