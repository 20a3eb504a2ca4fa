"""Hits weighed by colours that are asked for beside words or pictures."""

from collections.abc import Set
from typing import TYPE_CHECKING, Final

import numpy as np

from yunmeng.search.rerank.protocol import RerankContext, by_scores
from yunmeng.types import Hit

if TYPE_CHECKING:
    from yunmeng.search.colour.index import ColourIndex
    from yunmeng.search.colour.question import ColourQuestion

__all__ = ["ByColour"]

FEWEST: Final = 1_000
"""Candidates that are weighed: what is of the right kind and of the right colour may be far down among its kind."""
TIMES: Final = 10
"""Candidates for each hit that is wanted, where that is more."""
_LEAST: Final = 0.01
"""Score of a colour that is missing altogether: such hits come last, and keep their order."""


_POWER: Final = 2 / 3
"""Below 1, the kind of thing counts for more than its colour: that was best on garments (docs/benchmarks.md)."""


class ByColour:
    """Multiplies the score of each hit by that of its colours, to the power of 2/3.

    The number of candidates is doubled until it is enough, so that it stays the same over several pages. ``named`` are
    hits whose names say all that was asked for, colours too: their scores stay as they are.
    """

    name: Final = "colour"

    def __init__(self, question: "ColourQuestion", index: "ColourIndex", named: Set[str] = frozenset()) -> None:
        self._question = question
        self._index = index
        self._named = named

    def depth(self, wanted: int) -> int:
        enough = FEWEST
        while enough < TIMES * wanted:
            enough *= 2
        return enough

    def reorder(self, _context: RerankContext, hits: list[Hit]) -> list[Hit]:
        colours = np.maximum(self._index.scores(self._question, [hit.id for hit in hits]), _LEAST)
        scores = np.array([max(hit.score, 0.0) for hit in hits])
        named = np.array([hit.id in self._named for hit in hits], np.bool_)
        return by_scores(hits, np.where(named, scores, scores * colours**_POWER))
