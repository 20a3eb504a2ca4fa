"""The protocol of re-ranking steps, and the context that they can use."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from yunmeng.types import Alignment, Hit, Vector

if TYPE_CHECKING:
    from yunmeng.encoders.crops.views import Source
    from yunmeng.stores.filters import Filter
    from yunmeng.stores.protocol import Store

__all__ = ["RerankContext", "Step", "Verify", "behind", "by_scores"]

Verify: TypeAlias = "Callable[[Source, Sequence[str]], dict[str, Alignment | None]]"
"""How a picture lies in each of those with these ids: None where they do not agree; ids that cannot be read are left
out. `yunmeng.copies.Verifier.align` is one."""


@dataclass(slots=True)
class RerankContext:
    """The context of a query while steps re-rank its hits.

    ``vector`` is the query's embedding, which a step may replace for the steps after it; ``wanted`` how many hits will
    be left in the end, one for each value of ``group_by`` where that is given; ``picture`` the one picture of the query
    and ``pdq`` its fingerprint, 64 hex digits, both None for mixtures, words and vectors. ``own`` are the ids of
    pictures that are the query's own file.
    """

    vector: Vector
    store: "Store"
    wanted: int
    filter: "Filter | None" = None
    group_by: str | None = None
    picture: "Source | None" = None
    verify: "Verify | None" = None
    pdq: str | None = None
    own: frozenset[str] = frozenset()
    _vectors: dict[str, Vector] = field(default_factory=dict)

    def vectors(self, ids: Sequence[str]) -> NDArray[np.float32]:
        """Return the embeddings of pictures, (n, dim); those that have been deleted meanwhile are all zeros."""
        missing = [id for id in ids if id not in self._vectors]
        found = self.store.get(missing, vectors=True)
        for id in missing:
            vector = found[id].vector if id in found else None
            self._vectors[id] = np.zeros_like(self.vector) if vector is None else vector
        return np.array([self._vectors[id] for id in ids], np.float32).reshape(len(ids), len(self.vector))

    def cosines(self, ids: Sequence[str]) -> NDArray[np.float32]:
        """Return the query's similarity to pictures, (n,)."""
        cosines: NDArray[np.float32] = np.clip(self.vectors(ids) @ self.vector, -1, 1)
        return cosines


class Step(Protocol):
    """Puts hits in a better order. Threads may share a step: what belongs to one query is in `RerankContext`."""

    @property
    def name(self) -> str: ...

    def depth(self, wanted: int, /) -> int:
        """Return how many hits the step needs to look at, if ``wanted`` are to be left in the end.

        It should be the same for a whole range of numbers: if a step looked at more hits for the second page, that page
        would not continue the first.
        """
        ...

    def reorder(self, context: RerankContext, hits: list[Hit]) -> list[Hit]:
        """Return the hits in a new order, best first, each with its new score, which falls from hit to hit.

        ``hits`` may be more than the step needs to look at: the rest stays behind, see `behind`. A step may add
        pictures that were not among ``hits``.
        """
        ...


def behind(hits: Sequence[Hit], last: float, scale: float = 1.0) -> list[Hit]:
    """Return hits that a step did not look at, in their order: ``scale`` times their scores, none above ``last``."""
    return [replace(hit, score=min(scale * hit.score, last)) for hit in hits]


def by_scores(hits: Sequence[Hit], scores: NDArray[np.floating]) -> list[Hit]:
    """Return hits with new ``scores`` (n,), best first; equal ones keep their order."""
    return [replace(hits[row], score=float(scores[row])) for row in np.argsort(-scores, kind="stable")]
