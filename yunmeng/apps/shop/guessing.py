"""The category of a photo, told from the products that are like it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from yunmeng.apps.shop.types import Guess, levels

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from yunmeng.types import Record, Vector

__all__ = ["NEIGHBOURS", "guess"]

NEIGHBOURS: Final = 50
"""Products that tell the category: the nearest."""
RIDGE: Final = 0.3
TEMPERATURE: Final = 0.12
"""Turns the answers of the regression into chances: in docs/benchmarks.md they are right as often as they say."""
LIKELY: Final = 0.5
"""Chance from which a category is certain enough to go on to those below it."""
MOST_GUESSES: Final = 4
LEAST_CHANCE: Final = 0.03
"""Of an alternative that is worth telling."""
SUREST: Final = 0.99
"""No photo is certain: it may show what the shop does not sell."""


def guess(vector: "Vector", neighbours: "Sequence[Record]") -> list[Guess]:
    """Return the likeliest categories of a photo, given the nearest products with their vectors.

    The first is the deepest category that is likelier than not, or the likeliest at the top; the others are the most
    likely alternatives. There are none where no neighbour has a category.

    Ridge regression on the neighbours alone is as local as their votes (Bottou and Vapnik, "Local Learning
    Algorithms", Neural Computation, 1992), and is right more often: neighbours that say the same count once.
    """
    labelled = [
        (str(category), record.vector)
        for record in neighbours
        if (category := record.attributes.get("category")) and record.vector is not None
    ]
    if not labelled:
        return []
    names, vectors = zip(*labelled, strict=True)
    chances = _with_levels(_chances(vector, np.stack(vectors), names))
    best = _deepest(chances)
    leaves = [name for name in set(names) if name != best and not best.startswith(f"{name}/")]
    others = sorted((name for name in leaves if chances[name] >= LEAST_CHANCE), key=lambda name: -chances[name])
    return [Guess(name, min(chances[name], SUREST)) for name in (best, *others[: MOST_GUESSES - 1])]


def _chances(vector: "Vector", vectors: "NDArray[np.float32]", names: Sequence[str]) -> Mapping[str, float]:
    """Return the chance of each category, from neighbours' ``vectors``, float32 (n, dim), and categories."""
    categories, members = np.unique(names, return_inverse=True)
    targets = np.eye(len(categories), dtype=np.float32)[members]
    kernel = vectors @ vectors.T + RIDGE * np.eye(len(names), dtype=np.float32)
    answers = (vectors @ vector) @ np.linalg.solve(kernel, targets)
    weights = np.exp((answers - answers.max()) / TEMPERATURE)
    return dict(zip(map(str, categories), (weights / weights.sum()).tolist(), strict=True))


def _with_levels(chances: Mapping[str, float]) -> Mapping[str, float]:
    """Add the chances of the categories above, which are the sums of those below."""
    whole: Counter[str] = Counter()
    for name, chance in chances.items():
        for level in levels(name):
            whole[level] += chance  # type: ignore[assignment]  # sums, not counts
    return whole


def _deepest(chances: Mapping[str, float]) -> str:
    best = ""
    while below := [name for name in chances if name.rpartition("/")[0] == best]:
        likeliest = max(below, key=lambda name: chances[name])
        if best and chances[likeliest] < LIKELY:
            break
        best = likeliest
    return best
