"""What all stores share that are built around another store of pictures."""

from collections.abc import Iterator, Sequence
from typing import Final

from yunmeng.stores.filters import Filter
from yunmeng.stores.protocol import Store
from yunmeng.types import AttributeSchema, Closing, Hit, Record, Vector

__all__ = ["LayeredStore"]


class LayeredStore(Closing):
    """Keeps pictures in ``plain``, and answers from it what a subclass does not answer otherwise.

    What writes, and what concerns all of its layers, is left to the subclass.
    """

    def __init__(self, plain: Store) -> None:
        self.plain: Final = plain

    @property
    def schema(self) -> AttributeSchema:
        return self.plain.schema

    def get(self, ids: Sequence[str], *, vectors: bool = False) -> dict[str, Record]:
        return self.plain.get(ids, vectors=vectors)

    def find_sha256(self, digests: Sequence[str], *, vectors: bool = False) -> dict[str, list[Record]]:
        return self.plain.find_sha256(digests, vectors=vectors)

    def search(self, vector: Vector, k: int, filter: Filter | None = None) -> list[Hit]:
        return self.plain.search(vector, k, filter)

    def search_groups(self, vector: Vector, k: int, group_by: str, filter: Filter | None = None) -> list[Hit]:
        return self.plain.search_groups(vector, k, group_by, filter)

    def search_text(self, query: str, k: int, filter: Filter | None = None) -> list[Hit]:
        return self.plain.search_text(query, k, filter)

    def count(self, filter: Filter | None = None) -> int:
        return self.plain.count(filter)

    def iterate(self, filter: Filter | None = None, *, vectors: bool = False) -> Iterator[Record]:
        return self.plain.iterate(filter, vectors=vectors)

    def page(self, limit: int, after: tuple[str, str] | None = None, filter: Filter | None = None) -> list[Record]:
        return self.plain.page(limit, after, filter)

    def unindexed(self) -> int:
        return self.plain.unindexed()

    def optimise(self) -> None:
        self.plain.optimise()
