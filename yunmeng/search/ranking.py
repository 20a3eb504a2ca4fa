"""From candidates to the final order: steps of re-ranking one after the other, and their explanation for each hit."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from yunmeng.search.grouping import one_each
from yunmeng.types import Contribution, Hit, Vector

if TYPE_CHECKING:
    from yunmeng.search.rerank.protocol import RerankContext, Step

__all__ = ["Candidates", "deep_enough", "depth_of", "in_front", "ranked"]

FIRST: Final = 400
"""Hits that are looked through first,"""
MOST: Final = 10_000
"""and those that are at the most, for groups, where the store cannot be asked for groups themselves."""


@dataclass(frozen=True, slots=True)
class Candidates:
    """The result of a search before any re-ranking, best first.

    ``vector`` is the query's embedding, None for words that were looked up by name. ``lists`` are the lists that
    ``hits`` were fused from, by name, each best first. ``named`` are hits whose names say all that was asked for.
    """

    hits: list[Hit]
    vector: Vector | None
    lists: Mapping[str, Sequence[Hit]] = field(default_factory=dict)
    named: frozenset[str] = frozenset()


def depth_of(steps: "Sequence[Step]", wanted: int) -> int:
    """Return how many candidates are needed so that ``wanted`` hits are left in the end."""
    return max([wanted, *(step.depth(wanted) for step in steps)])


def in_front(first: Hit | None, hits: list[Hit]) -> list[Hit]:
    """Return ``hits`` with the picture of ``first`` before all others: its own hit if it is among them, else ``first``.

    Where another has a higher score, it gets that score too: scores fall from hit to hit.
    """
    if first is None or (hits and hits[0].id == first.id):
        return hits
    own = next((hit for hit in hits if hit.id == first.id), first)
    best = max(own.score, hits[0].score) if hits else own.score
    return [replace(own, score=best), *(hit for hit in hits if hit.id != first.id)]


def ranked(
    found: Candidates,
    context: "RerankContext",
    steps: "Sequence[Step]",
    *,
    first: Hit | None = None,
    explain: bool = False,
) -> list[Hit]:
    """Return the candidates after all steps, applied left to right; explained if ``explain``.

    ``first`` stays in front after every step, see `in_front`. A hit's explanation begins with the lists that it was
    fused from, or with the search, or with the step that added it, and ends with its final score.
    """
    told: defaultdict[str, list[Contribution]] = defaultdict(list)

    def tell(name: str, hits: Sequence[Hit]) -> None:
        for rank, hit in enumerate(hits, 1):
            told[hit.id].append(Contribution(name, hit.score, rank))

    hits = found.hits
    if explain:
        for name, listed in found.lists.items():
            tell(name, listed)
        tell("search", hits)
    for step in steps:
        hits = in_front(first, step.reorder(context, hits))
        if explain:
            tell(step.name, hits)
    return [replace(hit, explanation=tuple(told[hit.id])) for hit in hits] if explain else hits


def deep_enough(fetch: Callable[[int], Candidates], depth: int, wanted: int, group_by: str) -> Candidates:
    """Return the candidates of ``fetch`` for a number, at least ``depth``, that has ``wanted`` groups among them.

    The number grows as long as more candidates come. Fewer groups are returned where the first 10,000 hits do not have
    so many.
    """
    last, depth = -1, max(depth, FIRST)
    while True:
        found = fetch(depth)
        if len(found.hits) <= last or depth >= MOST or len(one_each(found.hits, group_by)) >= wanted:
            return found
        last, depth = len(found.hits), min(4 * depth, MOST)
