"""Pictures averaged with their neighbours: what makes one view of a thing find the others."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["BACKGROUND", "NEIGHBOURS", "augment_all", "averaged", "contrasts", "reach_of"]

NEIGHBOURS: Final = 10
"""Neighbours that a picture is averaged with."""

BACKGROUND: Final = 50
"""The neighbour whose similarity is taken for that of things of another kind."""

BLOCK: Final = 256
TINY: Final = 1e-6


def averaged(
    vectors: NDArray[np.float32], neighbours: NDArray[np.float32], weights: NDArray[np.floating]
) -> NDArray[np.float32]:
    """Each of ``vectors`` (..., dim) and its ``neighbours`` (..., n, dim) by their ``weights`` (..., n), summed.

    Brought to length 1; where they cancel each other, as it was.
    """
    total = vectors + (weights.astype(np.float32)[..., None, :] @ neighbours)[..., 0, :]
    lengths = np.linalg.norm(total, axis=-1, keepdims=True)
    return np.where(lengths < TINY, vectors, total / np.maximum(lengths, np.float32(TINY)))


def contrasts(similarities: NDArray[np.floating], count: int = NEIGHBOURS) -> NDArray[np.floating]:
    """What the first ``count`` neighbours count, in [0, 1], by their ``similarities`` (..., n), best first.

    How far each stands out from the background, which is the fiftieth neighbour, or the last. Encoders differ in what
    they give to strangers, 0.2 or 0.7: a power of the cosine itself, which is alpha expansion (Radenović, Tolias and
    Chum, "Fine-tuning CNN Image Retrieval with No Human Annotation", TPAMI 2019, section 3.3), needs another power for
    each.
    """
    if not similarities.shape[-1]:
        return similarities
    background = similarities[..., :BACKGROUND][..., -1:]
    above = similarities[..., :count] - background
    shares: NDArray[np.floating] = np.clip(above / np.maximum(1 - background, TINY), 0, 1)
    return shares


def reach_of(similarities: NDArray[np.floating]) -> float:
    """How like a picture another must be to be among its neighbours, from its ``similarities`` (n,), best first.

    -1 where there are no more pictures than it may have neighbours.
    """
    return float(similarities[NEIGHBOURS - 1]) if len(similarities) >= NEIGHBOURS else -1.0


def augment_all(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """``vectors`` (n, dim), each averaged with its nearest ones: what `AugmentedStore` keeps of them, but exact.

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
        rows = np.take_along_axis(near, order, axis=1)[:, :NEIGHBOURS]
        weights = contrasts(np.take_along_axis(similarities, order, axis=1))
        second[start : start + BLOCK] = averaged(vectors[start : start + BLOCK], vectors[rows], weights)
    return second
