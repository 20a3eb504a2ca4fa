"""One pass over the documents of a zvec collection."""

from collections.abc import Iterator
from threading import Lock
from typing import Any

from yunmeng.errors import StoreError
from yunmeng.stores.zvec.engine import mapped

__all__ = ["Scan"]


class Scan(Iterator[Any]):
    """zvec's iterator, which another thread may close: the next step then raises `StoreError`."""

    def __init__(self, docs: Any) -> None:
        self._docs = docs
        self._lock = Lock()
        self._cut = False
        self.open = True

    def __next__(self) -> Any:
        with self._lock:
            if self._cut:
                raise StoreError("the store was closed during an iteration")
            if not self.open:
                raise StopIteration
            with mapped("cannot iterate"):
                doc = next(self._docs, None)
            if doc is None:
                self.open = False
                raise StopIteration
            return doc

    def close(self) -> None:
        """End the pass, if it has not come to its end."""
        with self._lock:
            self._cut = self.open
            self.open = False
            self._docs.close()
