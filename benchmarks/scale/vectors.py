"""Vectors made to look like those of real pictures, and figures that say how near they come.

Real embeddings are neither uniform nor a few round clusters: there are kinds of pictures, kinds within them, and
scenes of which a few pictures are nearly the same. So a vector here is a path through a tree: each level adds a
direction of its own, drawn once a branch, and branches are taken as often as Zipf's law says. What a picture has for
itself is the rest. `likeness` gives the quantiles by which both can be compared.
"""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["DIM", "likeness", "nearest", "sample"]

DIM: Final = 512
BLOCK: Final = 50_000
BRANCHES: Final = (1, 5, 5, 5, 5, 5, 5)
"""Children of the root, which all pictures share, of each of these, and so on."""
WEIGHTS: Final = (0.3, 0.484, 0.378, 0.296, 0.231, 0.18, 0.141)
"""Length of what each level adds."""
OWN: Final = (0.3, 0.83)
"""Length of what each picture has for itself, between these two."""
ZIPF: Final = 1.5
"""All four were chosen so that `likeness` of 1,100 vectors comes near that of 1,100 photographs of garments."""


def sample(count: int, seed: int = 0, dim: int = DIM) -> NDArray[np.float32]:
    """Return ``count`` vectors, float32 (count, dim) of length 1. The tree is the same for every ``seed``."""
    tree = np.random.default_rng(1)
    nodes, levels = 1, []
    for branches, weight in zip(BRANCHES, WEIGHTS, strict=True):
        nodes *= branches
        levels.append(tree.standard_normal((nodes, dim), np.float32) * np.float32(weight / dim**0.5))
    random = np.random.default_rng((2, seed))
    made = np.empty((count, dim), np.float32)
    for start in range(0, count, BLOCK):
        size = min(BLOCK, count - start)
        own = random.uniform(*OWN, (size, 1)).astype(np.float32) / np.float32(dim**0.5)
        block = random.standard_normal((size, dim), np.float32) * own
        path = np.zeros(size, np.intp)
        for branches, directions in zip(BRANCHES, levels, strict=True):
            path = path * branches + _drawn(random, branches, size)
            block += directions[path]
        made[start : start + size] = block / np.linalg.norm(block, axis=1, keepdims=True)
    return made


def _drawn(random: np.random.Generator, branches: int, size: int) -> NDArray[np.intp]:
    shares = 1 / np.arange(1, branches + 1) ** ZIPF
    return random.choice(branches, size, p=shares / shares.sum())


def nearest(vectors: NDArray[np.float32], queries: NDArray[np.float32], k: int) -> NDArray[np.intp]:
    """Return the places of the ``k`` nearest by cosine, exactly, best first: (n, k)."""
    best = np.full((len(queries), k), -np.inf, np.float32)
    places = np.zeros((len(queries), k), np.intp)
    for start in range(0, len(vectors), BLOCK):
        scores = np.hstack([best, queries @ vectors[start : start + BLOCK].T])
        found = np.argpartition(-scores, k - 1, axis=1)[:, :k]
        both = np.hstack(
            [
                places,
                np.broadcast_to(np.arange(start, start + scores.shape[1] - k), (len(queries), scores.shape[1] - k)),
            ]
        )
        best, places = np.take_along_axis(scores, found, 1), np.take_along_axis(both, found, 1)
    order = np.argsort(-best, axis=1, kind="stable")
    return np.take_along_axis(places, order, 1)


def likeness(vectors: NDArray[np.float32], most: int = 1000) -> dict[str, Any]:
    """Return quantiles of the cosine with the 1st and the 10th nearest other vector, and of all pairs."""
    some = np.random.default_rng(0).permutation(len(vectors))[:most]
    found = nearest(vectors, vectors[some], 11)
    scores = np.einsum("nd,nkd->nk", vectors[some], vectors[found])
    pairs = (vectors[some] @ vectors[some].T)[np.triu_indices(len(some), 1)]
    named = {"1st": scores[:, 1], "10th": scores[:, 10], "pairs": pairs}
    return {
        name: [round(float(one), 3) for one in np.quantile(values, (0.05, 0.25, 0.5, 0.75, 0.95))]
        for name, values in named.items()
    }
