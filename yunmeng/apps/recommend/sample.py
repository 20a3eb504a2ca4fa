"""A sample of a library's pictures: its centre, and pictures for variety."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np

from yunmeng.search.rerank.protocol import RerankContext

if TYPE_CHECKING:
    from yunmeng.library.generation import Generation
    from yunmeng.library.library import Library
    from yunmeng.types import Record, Vector

__all__ = ["Sample", "Sampler", "new_context"]

_SIZE: Final = 2000
_OF_CENTRE: Final = 500  # pictures whose mean is taken: their vectors are read
_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class Sample:
    """The first pictures by SHA-256, which is as good as random, and ``centre``, the mean vector of some, (dim,)."""

    records: "Sequence[Record]"
    centre: "Vector"
    generation: "Generation" = field(repr=False)
    changes: int
    taken_at: float


class Sampler:
    """Takes a sample again where the library has changed: at once where all pictures are in it, else once a minute."""

    def __init__(self, library: "Library") -> None:
        self._library = library
        self._last: Sample | None = None

    def sample(self) -> Sample:
        """Return the sample; threads may call it."""
        last, generation = self._last, self._library.generation
        if last is None or last.generation is not generation or self._is_old(last):
            changes = generation.store.changes.number
            records = generation.store.page(_SIZE)
            vectors = new_context(generation).vectors([record.id for record in records[:_OF_CENTRE]])
            centre: Vector = vectors.mean(axis=0) if len(vectors) else vectors.sum(axis=0)
            self._last = last = Sample(records, centre, generation, changes, time.monotonic())
        return last

    @staticmethod
    def _is_old(sample: Sample) -> bool:
        if sample.changes == sample.generation.store.changes.number:
            return False
        return len(sample.records) < _SIZE or time.monotonic() > sample.taken_at + _SECONDS


def new_context(generation: "Generation") -> RerankContext:
    """Return a context without a query: for vectors by id, and for the step ``diverse``."""
    return RerankContext(np.zeros(generation.config.encoder.dim, np.float32), generation.store, 0)
