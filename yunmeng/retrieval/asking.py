"""A question to a library: pictures, parts of them, and words, mixed by weights."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from yunmeng.encoders.protocol import TextEncoder
from yunmeng.errors import MissingExtra, QueryError, RecordNotFound
from yunmeng.retrieval.calibration import Calibration
from yunmeng.retrieval.fusing import fuse
from yunmeng.retrieval.query import Embedder, QueryPicture, Timings, as_vector, timed
from yunmeng.stores import Filter, RegionalStore, Store, parse_filter
from yunmeng.types import Hit, Hits, Region, Vector
from yunmeng.words import NEIGHBOURS, Words

__all__ = ["Asker", "Part", "Question", "read_filter"]

CANCELLED: Final = 1e-4
"""Length of a mixture, of parts of length 1, below which they have cancelled each other."""

FUSED_DEPTH: Final = 100
"""Least number of hits of each list that are fused: what both lists have deep down may well come first."""


PARTLY_NAMED: Final = 0.3
"""Weight of hits whose names hold only some of the words, where none has all: "photo" of "a photo of a chair" may stand
in every name."""


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a question: exactly one of ``image``, ``id``, ``vector`` and ``text``.

    ``weight`` says how much it counts; below 0, hits are to be unlike it. ``region`` is the part of the picture that is
    meant. Raises `QueryError` if it is not sound.
    """

    image: QueryPicture | None = None
    id: str | None = None
    vector: ArrayLike | None = None
    text: str | None = None
    weight: float = 1.0
    region: Region | None = None

    def __post_init__(self) -> None:
        if sum(given is not None for given in (self.image, self.id, self.vector, self.text)) != 1:
            raise QueryError("a part of a question is exactly one of image, id, vector and text")
        if self.region is not None and self.image is None and self.id is None:
            raise QueryError("a region goes with a picture: ask with image or id")
        if not math.isfinite(self.weight) or self.weight == 0:
            raise QueryError(f"a part's weight must be a number other than 0, not {self.weight:g}")


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, and which of the hits are wanted."""

    parts: Sequence[Part]
    k: int = 10
    offset: int = 0
    filter: Filter | None = None
    min_score: float | None = None
    min_chance: float | None = None
    regions: bool = False
    subject: bool | None = None

    def __post_init__(self) -> None:
        if not self.parts:
            raise QueryError("ask with a picture, an id, a vector or words")
        if self.k < 1 or self.offset < 0:
            raise QueryError(f"k must be at least 1 and offset at least 0, not {self.k} and {self.offset}")

    @property
    def words(self) -> str | None:
        """The text of a question that is words and nothing else."""
        only = self.parts[0] if len(self.parts) == 1 else None
        return only.text if only is not None and only.weight > 0 else None

    @property
    def one_picture(self) -> bool:
        """Whether one whole picture, or its vector, is asked with: what scores are calibrated for."""
        only = self.parts[0] if len(self.parts) == 1 else None
        return only is not None and only.text is None and only.region is None and only.weight > 0


def read_filter(filter: str | Filter | None) -> Filter | None:
    """A filter given as text or as a tree; blank text means none. Raises `FilterError`."""
    if isinstance(filter, str):
        return parse_filter(filter) if filter.strip() else None
    return filter


class Asker:
    """Answers questions from one store, by one encoder. Threads may share it."""

    def __init__(
        self,
        store: Store,
        dim: int,
        embedder: Callable[[], Embedder],
        texts: Callable[[], TextEncoder | None],
        original: Callable[[str], bytes],
        calibration: Callable[[], Calibration | None],
    ) -> None:
        self._store = store
        self._dim = dim
        self._embedder = embedder
        self._texts = texts
        self._original = original
        self._calibration = calibration

    def ask(self, question: Question) -> Hits:
        """The hits, best first. Raises what `yunmeng.library.Library.search` says."""
        if question.regions and not isinstance(self._store, RegionalStore):
            raise QueryError(
                "the library keeps no parts of its pictures: make it so with yunmeng reencode --regions --db DIR"
            )
        calibration = self._calibrated(question)
        timings: dict[str, float] = {}
        hits = self._by_words(question, timings) if question.words is not None else self._by_parts(question, timings)
        hits = hits[question.offset : question.offset + question.k]
        if question.min_score is not None:
            hits = [hit for hit in hits if hit.score >= question.min_score]
        if calibration is not None:
            hits = [replace(hit, chance=calibration.chance(hit.score)) for hit in hits]
        if question.min_chance is not None:
            hits = [hit for hit in hits if hit.chance is not None and hit.chance >= question.min_chance]
        return Hits(hits, timings)

    def _calibrated(self, question: Question) -> Calibration | None:
        found = self._calibration() if question.one_picture and not question.regions else None
        if question.min_chance is not None and found is None:
            raise QueryError(
                "the chance of a hit is known for whole single pictures, in a library that has learnt to tell "
                "it: run yunmeng calibrate --db DIR, or cut off by min_score"
            )
        return found

    def _by_parts(self, question: Question, timings: Timings) -> list[Hit]:
        unwanted = {part.id for part in question.parts if part.id is not None and part.weight < 0}
        vector = self._mixed(question, timings)
        with timed(timings, "search"):
            hits = self._nearest(vector, question, question.offset + question.k + len(unwanted))
        return [hit for hit in hits if hit.id not in unwanted]

    def _by_words(self, question: Question, timings: Timings) -> list[Hit]:
        """Hits by meaning and hits by name, fused where there are both."""
        assert question.words is not None
        depth = max(FUSED_DEPTH, question.offset + question.k)
        with timed(timings, "search"):
            named = self._store.search_text(question.words, depth, question.filter)
        try:
            texts = self._texts()
            if texts is None:
                if not self._store.reads_text:
                    raise QueryError(self._no_words())
                return fuse([named], [1.0], depth)
            meant = self._by_meaning(question, texts, depth, timings)
        except MissingExtra:
            if not named:
                raise
            return fuse([named], [1.0], depth)  # names and attributes answer without the text model
        if not named:
            return meant
        entirely = [hit for hit in named if hit.score > 0.5]
        return fuse([meant, entirely or named], [1.0, 1.0 if entirely else PARTLY_NAMED], depth)

    def _by_meaning(self, question: Question, texts: TextEncoder, depth: int, timings: Timings) -> list[Hit]:
        """The nearest pictures; over the bridge, those that fit, as `Words` tells and sharpens it."""
        assert question.words is not None
        with timed(timings, "encode"):
            vector = texts.encode_texts([question.words])[0]
            cut = texts.cut_off(question.words) if isinstance(texts, Words) else None
        with timed(timings, "search"):
            if not isinstance(texts, Words) or cut is None:
                return self._nearest(vector, question, depth)
            best = self._nearest(vector, question, NEIGHBOURS)
            if not best or best[0].score < cut.first:
                return []
            if not question.regions:  # a picture's own vector says little of what one of its parts shows
                found = self._store.get([hit.id for hit in best], vectors=True).values()
                vector = texts.sharpen(vector, np.array([record.vector for record in found], np.float32))
            return [hit for hit in self._nearest(vector, question, depth) if hit.score >= cut.each]

    def _nearest(self, vector: Vector, question: Question, k: int) -> list[Hit]:
        if question.regions and isinstance(self._store, RegionalStore):
            return self._store.search_regions(vector, k, question.filter)
        return self._store.search(vector, k, question.filter)

    def _mixed(self, question: Question, timings: Timings) -> Vector:
        """The parts' embeddings, each of length 1, summed by their weights (Rocchio, 1971) and brought to length 1."""
        if len(question.parts) == 1 and question.parts[0].weight > 0:
            return self._vector(question.parts[0], question, timings)
        total = np.zeros(self._dim, np.float32)
        for part in question.parts:
            total += np.float32(part.weight) * self._vector(part, question, timings)
        length = float(np.linalg.norm(total))
        if length < CANCELLED * max(abs(part.weight) for part in question.parts):
            raise QueryError("the parts of the question cancel each other: change their weights")
        return total / np.float32(length)

    def _vector(self, part: Part, question: Question, timings: Timings) -> Vector:
        if part.image is not None:
            return self._embedder().embed(part.image, part.region, timings, subject=question.subject)
        if part.id is not None:
            if part.region is not None or question.subject is not None:
                original = self._original(part.id)
                return self._embedder().embed(original, part.region, timings, subject=question.subject)
            return self._stored(part.id)
        if part.vector is not None:
            return as_vector(part.vector, self._dim)
        assert part.text is not None
        texts = self._texts()
        if texts is None:
            raise QueryError(self._no_words())
        with timed(timings, "encode"):
            vector: Vector = texts.encode_texts([part.text])[0]
        return vector

    def _stored(self, id: str) -> Vector:
        record = self._store.get([id], vectors=True).get(id)
        if record is None:
            raise RecordNotFound(f"no picture has the id {id}")
        assert record.vector is not None  # asked for above
        return record.vector

    @staticmethod
    def _no_words() -> str:
        return (
            "the library's encoder reads pictures, not words: search by a picture, or move the library to an "
            "encoder that reads them; see: yunmeng models list"
        )
