"""A store that finds pictures by their parts: two stores, one of pictures and one of the regions of each."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from hashlib import blake2s
from pathlib import Path
from typing import Final

from yunmeng.errors import StoreError
from yunmeng.stores.changes import Changes
from yunmeng.stores.filters import Filter
from yunmeng.stores.layered import LayeredStore
from yunmeng.stores.protocol import Capabilities, Store, both_frozen, joined, joined_version
from yunmeng.types import Attributes, Hit, Record, Region, RegionVector, Vector

__all__ = ["MAX_REGIONS", "RegionalStore"]

MAX_REGIONS: Final = 32
"""Parts of one picture. All of their ids are known by that, so that no list of them has to be kept."""

REGION: Final = "yunmeng.region"
"""The attribute of a part that says where in the picture it lies."""


class RegionalStore(LayeredStore):
    """Keeps pictures in ``plain`` and their regions in ``parts``, both made with the same attributes.

    A part is a record whose uri is the picture's id; it has the declared attributes of its picture, so that filters
    apply to it as well. Parts are written before their picture and removed after it: a picture that is found has all of
    its parts, whenever the process was killed.
    """

    def __init__(self, plain: Store, parts: Store) -> None:
        super().__init__(plain)
        self.parts: Final = parts
        self.changes = Changes()
        for store in (plain, parts):
            self.changes.watch_others(store.changes.overtaken)

    @property
    def capabilities(self) -> Capabilities:
        return joined(self.plain, self.parts)

    def version(self) -> str | None:
        return joined_version(self.plain, self.parts)

    def check_room(self, beside: int = 0) -> None:
        self.parts.check_room(beside)
        self.plain.check_room(beside)

    def upsert(self, records: Sequence[Record]) -> None:
        with self.changes.writing([record.id for record in records]):
            self._upsert(records)

    def delete(self, ids: Sequence[str]) -> int:
        with self.changes.writing(ids):
            deleted = self.plain.delete(ids)
            self.parts.delete([part_id(id, number) for id in ids for number in range(MAX_REGIONS)])
        return deleted

    def search_regions(self, vector: Vector, k: int, filter: Filter | None = None) -> list[Hit]:
        """Return the k pictures whose best part is nearest, best first, each with that part as its ``region``."""
        size = min(4 * k, MAX_REGIONS * k)
        best: dict[str, Hit] = {}
        while True:
            hits = self.parts.search(vector, size, filter)
            for hit in hits:
                best.setdefault(hit.uri, hit)
            if len(best) >= k or len(hits) < size or size == MAX_REGIONS * k:
                break
            size = min(2 * size, MAX_REGIONS * k)  # which holds k pictures even if all parts of each come first
        pictures = self.plain.get(list(best)[:k])
        return [
            Hit(id, best[id].score, picture.uri, picture.attributes, region=_region(best[id].attributes))
            for id, picture in ((id, pictures[id]) for id in best if id in pictures)
        ]

    def flush(self) -> None:
        self.parts.flush()
        self.plain.flush()

    def unindexed(self) -> int:
        return max(self.plain.unindexed(), self.parts.unindexed())

    def optimise(self) -> None:
        self.parts.optimise()
        self.plain.optimise()

    def frozen(self) -> AbstractContextManager[Callable[[Path], None]]:
        return both_frozen(self.parts, self.plain)

    def close(self) -> None:
        try:
            self.parts.close()
        finally:
            self.plain.close()

    def regions(self, digests: Sequence[str]) -> dict[str, tuple[RegionVector, ...]]:
        """Return the regions of each of ``digests`` that is in, from any one picture that has it."""
        known: dict[str, tuple[RegionVector, ...]] = {}
        for digest, parts in self.parts.find_sha256(digests, vectors=True).items():
            one = sorted((part for part in parts if part.uri == parts[0].uri), key=_number)
            known[digest] = tuple(
                RegionVector(_region(part.attributes), part.vector) for part in one if part.vector is not None
            )
        return known

    def _upsert(self, records: Sequence[Record]) -> None:
        for record in records:
            if record.regions is not None and len(record.regions) > MAX_REGIONS:
                raise StoreError(f"{record.id!r} has {len(record.regions)} regions, at most {MAX_REGIONS} can be")
        known = self.regions([record.sha256 for record in records if record.regions is None])
        complete = [
            record if record.regions is not None else replace(record, regions=known.get(record.sha256, ()))
            for record in records
        ]
        self.parts.upsert([part for record in complete for part in self._parts_of(record)])
        before = self.plain.get([record.id for record in records])
        self.plain.upsert(records)
        self.parts.delete(
            [
                part_id(record.id, number)
                for record in complete
                if record.id in before
                for number in range(len(record.regions or ()), MAX_REGIONS)
            ]
        )

    def _parts_of(self, record: Record) -> Iterator[Record]:
        declared = {name: record.attributes[name] for name in self.schema if name in record.attributes}
        for number, (region, vector) in enumerate(record.regions or ()):
            yield replace(
                record,
                id=part_id(record.id, number),
                uri=record.id,
                quality={},
                attributes={**declared, REGION: ",".join(f"{value:.6g}" for value in region)},
                vector=vector,
                regions=None,
            )


def part_id(id: str, number: int) -> str:
    """Return the id of a part: short, whatever the picture's is."""
    return f"{blake2s(id.encode('utf-8', 'surrogatepass'), digest_size=16).hexdigest()}/{number:02}"


def _number(part: Record) -> str:
    return part.id.rpartition("/")[2]


def _region(attributes: Attributes) -> Region:
    text = attributes[REGION]
    assert isinstance(text, str)
    return Region(*map(float, text.split(",")))
