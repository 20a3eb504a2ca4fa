"""Database-side augmentation: pictures averaged with their neighbours, which makes one view of a thing find the others.

Here is which second vectors are stale, and how they are computed.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from enum import IntEnum
from hashlib import blake2s
from typing import Final

import numpy as np
from numpy.typing import NDArray

from yunmeng.stores.protocol import Store
from yunmeng.types import AttributeSchema, AttributeValue, Hit, Record, Vector

__all__ = [
    "BACKGROUND",
    "MARK",
    "NEIGHBOURS",
    "Augmenter",
    "Mark",
    "augment_all",
    "averaged",
    "contrasts",
    "done",
    "radius_of",
    "redescribed",
    "second_of",
    "second_schema",
    "tombstone",
]

NEIGHBOURS: Final = 10
"""Neighbours that a picture is averaged with."""

BACKGROUND: Final = 50
"""The neighbour whose similarity is taken for that of things of another kind."""

BLOCK: Final = 256
TINY: Final = 1e-6

MARK: Final = "yunmeng.mark"
"""The attribute of a second vector that says what is to be done about it; declared, so that it is found by filter."""

RADIUS: Final = "yunmeng.reach"
"""The attribute of its neighbourhood's radius: the least similarity of a neighbour. On disk it has its former name."""

ROUNDING: Final = 1e-5
"""By how much a store's similarities may be off."""


class Mark(IntEnum):
    """The state of a second vector."""

    DONE = 0
    STALE = 1
    """Its picture's neighbours have changed."""
    NEW = 2
    """Its picture is new, and those that it is a neighbour of do not know of it yet."""
    GONE = 3
    """Its picture is no more, or no more so, and those that it was a neighbour of do not know of it yet."""


def second_schema(schema: AttributeSchema) -> AttributeSchema:
    """Return the attributes that the store of second vectors is made with."""
    return {**schema, MARK: "int"}


def second_of(record: Record, schema: AttributeSchema, mark: Mark) -> Record:
    """Return the second record of ``record``, with its own vector at first. ``schema`` is what is declared."""
    declared = {name: record.attributes[name] for name in schema if name in record.attributes}
    return Record(
        id=record.id,
        uri="",
        sha256=record.sha256,
        phash="",
        pdq="",
        width=0,
        height=0,
        attributes={**declared, MARK: int(mark)},
        vector=record.vector,
    )


def done(record: Record, vector: Vector, schema: AttributeSchema, radius: float) -> Record:
    """Return the second record of ``record`` with ``vector``, its averaged one, marked as up to date."""
    second = second_of(record, schema, Mark.DONE)
    attributes: dict[str, AttributeValue] = {**second.attributes, RADIUS: radius}
    return replace(second, attributes=attributes, vector=vector)


def tombstone(record: Record) -> Record:
    """Return a mark for a picture whose vector goes, so that its neighbours are updated. Its uri is the picture's id.

    It has an id of its own, as the picture may come back before that.
    """
    assert record.vector is not None
    name = blake2s(record.id.encode("utf-8", "surrogatepass"), digest_size=16, person=b"gone")
    name.update(record.vector.tobytes())
    return replace(second_of(record, {}, Mark.GONE), id=name.hexdigest(), uri=record.id)


def redescribed(second: Record, record: Record, schema: AttributeSchema) -> Record:
    """Return ``second`` with the attributes of ``record``, whose vector it belongs to.

    It is marked as stale all the same: the process may be killed before ``record`` is written.
    """
    fresh = second_of(record, schema, max(_mark(second), Mark.STALE))
    radius = {RADIUS: second.attributes[RADIUS]} if RADIUS in second.attributes else {}
    return replace(fresh, attributes={**fresh.attributes, **radius}, vector=second.vector)


class Augmenter:
    """Updates the records of ``second`` from those of ``plain``; nobody may write to either meanwhile.

    The pictures' own records are read from ``plain`` alone, so it does not matter at which write a process was killed.
    """

    def __init__(self, plain: Store, second: Store) -> None:
        self._plain = plain
        self._second = second

    def mark_stale(self, ids: Sequence[str], *, averaged: bool) -> None:
        """Mark as stale every averaged picture that has, or had, one of ``ids`` as a neighbour, and those that are new.

        Without ``averaged`` there are no averaged pictures to look for.
        """
        marked = self._second.get(ids, vectors=True)
        new = {id for id, record in marked.items() if _mark(record) is Mark.NEW}
        gone = {id: record for id, record in marked.items() if _mark(record) is Mark.GONE}
        present = self._plain.get([*new, *(record.uri for record in gone.values())], vectors=True)
        comers = [present[id] for id in new if id in present]
        near: dict[str, float] = {}
        for record in (*comers, *gone.values()) if averaged else ():
            for hit in self._nearest(record):
                near[hit.id] = max(near.get(hit.id, -1.0), hit.score)
        seconds = [second_of(record, self._plain.schema, Mark.STALE) for record in comers]
        self._second.upsert([*self._stale(near), *seconds])
        lost = [*(record.uri for record in gone.values()), *new]
        self._second.delete([*(id for id in lost if id not in present), *gone])

    def average(self, ids: Sequence[str]) -> None:
        """Average the stale ones among these with their neighbours, which a search in ``plain`` finds."""
        stale = [id for id, record in self._second.get(ids).items() if _mark(record) is Mark.STALE]
        present = self._plain.get(stale, vectors=True)
        near = {id: self._nearest(record) for id, record in present.items()}
        wanted = {hit.id for hits in near.values() for hit in hits[:NEIGHBOURS]}
        around = {**present, **self._plain.get([id for id in wanted if id not in present], vectors=True)}
        self._second.upsert([self._averaged(record, near[id], around) for id, record in present.items()])
        self._second.delete([id for id in stale if id not in present])

    def _averaged(self, record: Record, near: Sequence[Hit], around: Mapping[str, Record]) -> Record:
        similarities = np.array([hit.score for hit in near], np.float32)
        vectors = [around[hit.id].vector for hit in near[:NEIGHBOURS]]
        assert record.vector is not None
        neighbours = np.array(vectors, np.float32).reshape(-1, len(record.vector))
        vector = averaged(record.vector, neighbours, contrasts(similarities))
        return done(record, vector, self._plain.schema, radius_of(similarities))

    def _nearest(self, record: Record) -> list[Hit]:
        """Return its neighbours, and as many others as it takes to tell that they stand out."""
        assert record.vector is not None
        hits = self._plain.search(record.vector, BACKGROUND + 1)
        return [hit for hit in hits if hit.id != record.id][:BACKGROUND]

    def _stale(self, near: Mapping[str, float]) -> Iterable[Record]:
        """Return those of ``near``, ids with similarities, that were averaged and have it within their radius."""
        within = [
            id
            for id, second in self._second.get(list(near)).items()
            if _mark(second) is Mark.DONE and near[id] >= _radius(second) - ROUNDING
        ]
        for second in self._second.get(within, vectors=True).values():
            yield replace(second, attributes={**second.attributes, MARK: int(Mark.STALE)})


def _radius(second: Record) -> float:
    value = second.attributes[RADIUS]
    assert isinstance(value, float)
    return value


def _mark(second: Record) -> Mark:
    value = second.attributes[MARK]
    assert isinstance(value, int)
    return Mark(value)


def averaged(
    vectors: NDArray[np.float32], neighbours: NDArray[np.float32], weights: NDArray[np.floating]
) -> NDArray[np.float32]:
    """Return each of ``vectors`` (..., dim) and its ``neighbours`` (..., n, dim) by their ``weights`` (..., n), summed.

    Brought to length 1; where they cancel each other, as it was.
    """
    total = vectors + (weights.astype(np.float32)[..., None, :] @ neighbours)[..., 0, :]
    lengths = np.linalg.norm(total, axis=-1, keepdims=True)
    return np.where(lengths < TINY, vectors, total / np.maximum(lengths, np.float32(TINY)))


def contrasts(similarities: NDArray[np.floating], count: int = NEIGHBOURS) -> NDArray[np.floating]:
    """Return the weights of the first ``count`` neighbours, in [0, 1], by their ``similarities`` (..., n), best first.

    A weight is how far a neighbour stands out from the background, which is the fiftieth neighbour, or the last.
    Encoders differ in what they give to strangers, 0.2 or 0.7: a power of the cosine itself, which is alpha expansion
    (Radenović, Tolias and Chum, "Fine-tuning CNN Image Retrieval with No Human Annotation", TPAMI 2019, section 3.3),
    needs another power for each.
    """
    if not similarities.shape[-1]:
        return similarities
    background = similarities[..., :BACKGROUND][..., -1:]
    above = similarities[..., :count] - background
    shares: NDArray[np.floating] = np.clip(above / np.maximum(1 - background, TINY), 0, 1)
    return shares


def radius_of(similarities: NDArray[np.floating]) -> float:
    """Return the radius of a neighbourhood: the similarity of the last neighbour of ``similarities`` (n,), best first.

    -1 where there are no more pictures than it may have neighbours.
    """
    return float(similarities[NEIGHBOURS - 1]) if len(similarities) >= NEIGHBOURS else -1.0


def augment_all(vectors: NDArray[np.float32], neighbours: int = NEIGHBOURS) -> NDArray[np.float32]:
    """Return ``vectors`` (n, dim), each averaged with its nearest ones: what `AugmentedStore` keeps of them, but exact.

    Database-side augmentation (Arandjelović and Zisserman, "Three things everyone should know to improve object
    retrieval", CVPR 2012, section 5). Takes n by n products, in blocks: for thousands of pictures, not for millions.
    """
    second = np.array(vectors, np.float32)
    count = min(BACKGROUND, len(vectors) - 1)
    for start in range(0, len(vectors) if count > 0 else 0, BLOCK):
        products = vectors[start : start + BLOCK] @ vectors.T
        own = np.arange(len(products))
        products[own, start + own] = -np.inf
        near = np.argpartition(-products, count - 1, axis=1)[:, :count]
        similarities = np.take_along_axis(products, near, axis=1)
        order = np.argsort(-similarities, axis=1, kind="stable")
        rows = np.take_along_axis(near, order, axis=1)[:, :neighbours]
        weights = contrasts(np.take_along_axis(similarities, order, axis=1), neighbours)
        second[start : start + BLOCK] = averaged(vectors[start : start + BLOCK], vectors[rows], weights)
    return second
