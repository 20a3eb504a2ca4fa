"""Expansion on both sides: the query averaged with its neighbours, among pictures averaged with theirs."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import takewhile
from typing import Final

import numpy as np

from yunmeng.search.rerank.protocol import RerankContext, behind, by_scores
from yunmeng.stores.augmented import AugmentedStore
from yunmeng.stores.dba import BACKGROUND, augment_all, averaged, contrasts
from yunmeng.types import Hit, Vector

__all__ = ["Expand"]

DEPTH: Final = 400
"""Hits that are looked at: what a class may have, and a neighbourhood for each where there are no second vectors."""

NEIGHBOURS: Final = 5
"""Second vectors that the query is averaged with: each stands for a neighbourhood already."""

COPIES: Final = 20
"""Copies of the query that are looked for."""

COPY: Final = 0.95
"""The cosine from which a picture is taken for a copy of the query."""


class Expand:
    """Searches with the mean of the query and its neighbours, among the second vectors of the library's pictures.

    Database-side augmentation and average query expansion together (Arandjelović and Zisserman, "Three things everyone
    should know to improve object retrieval", CVPR 2012, section 5; Chum, Philbin, Sivic, Isard and Zisserman, "Total
    Recall", ICCV 2007, section 5.2). In a library without second vectors, the first 400 hits are averaged with each
    other instead, and put in order.

    It finds things of one kind, and gives little weight to what distinguishes a picture from others of its kind. So the
    first hit stays first, and those that look like copies stay before the others. Scores are cosines with the mean, in
    [-1, 1].
    """

    name: Final = "expand"

    def depth(self, _wanted: int) -> int:
        return DEPTH

    def reorder(self, context: RerankContext, hits: list[Hit]) -> list[Hit]:
        if not hits:
            return []
        front = _front(context, hits)
        store = context.store
        found = _far(context, store, hits) if isinstance(store, AugmentedStore) else _near(context, hits[:DEPTH])
        known = {hit.id: hit for hit in hits}
        scores = {hit.id: hit.score for hit in found}
        best = max(scores.values())
        first = [replace(hit, score=max(best, scores.get(hit.id, -1.0))) for hit in front]
        in_front = {hit.id for hit in front}
        rest = [replace(known.get(hit.id, hit), score=hit.score) for hit in found if hit.id not in in_front]
        missed = [hit for hit in hits if hit.id not in scores and hit.id not in in_front]
        return [*first, *rest, *behind(missed, found[-1].score)]


def _front(context: RerankContext, hits: Sequence[Hit]) -> list[Hit]:
    """The first hit, and those right behind it that look like copies of the query too."""
    cosines = context.cosines([hit.id for hit in hits[:COPIES]])
    others = takewhile(lambda pair: pair[1] >= COPY, zip(hits[1:], cosines[1:], strict=False))
    return [hits[0], *(hit for hit, _ in others)]


def _far(context: RerankContext, store: AugmentedStore, hits: Sequence[Hit]) -> list[Hit]:
    """Search all of the library for as many hits as before; the mean takes the query's place."""
    near = store.search_augmented(context.vector, BACKGROUND, context.filter)
    seconds = store.get_augmented([hit.id for hit in near[:NEIGHBOURS]])
    context.vector = _mean(context.vector, near, seconds)
    found = store.search_augmented(context.vector, max(len(hits), DEPTH), context.filter)
    return found[: len(hits)] or list(hits)


def _near(context: RerankContext, hits: Sequence[Hit]) -> list[Hit]:
    """The hits themselves, by second vectors that they would have if they were all there is."""
    ids = [hit.id for hit in hits]
    second = augment_all(context.vectors(ids))
    near = by_scores(hits, second @ context.vector)[:BACKGROUND]
    context.vector = _mean(context.vector, near, dict(zip(ids, second, strict=True)))
    return by_scores(hits, np.clip(second @ context.vector, -1, 1))


def _mean(query: Vector, near: Sequence[Hit], seconds: Mapping[str, Vector]) -> Vector:
    weights = contrasts(np.array([hit.score for hit in near], np.float32), NEIGHBOURS)
    gone = np.zeros_like(query)  # one that has been deleted since it was found
    neighbours = [seconds.get(hit.id, gone) for hit in near[:NEIGHBOURS]]
    return averaged(query, np.array(neighbours, np.float32).reshape(-1, len(query)), weights)
