"""Query expansion: the query averaged with what it has found."""

import numpy as np
from numpy.typing import NDArray

from yunmeng.stores.dba import averaged
from yunmeng.types import Vector

__all__ = ["expanded"]


def expanded(query: Vector, neighbours: NDArray[np.float32], scores: NDArray[np.floating], alpha: float) -> Vector:
    """Return the query (dim,) and its best hits (n, dim), summed and brought to length 1.

    A hit's weight is its score, a cosine, to the power ``alpha``, and 0 below 0 but where ``alpha`` is 0, which is
    average expansion (Chum, Philbin, Sivic, Isard and Zisserman, "Total Recall", ICCV 2007, section 5.2); above 0 it is
    alpha expansion (Radenović, Tolias and Chum, TPAMI 2019, section 3.3).
    """
    return averaged(query, neighbours, np.maximum(scores, 0) ** alpha)
