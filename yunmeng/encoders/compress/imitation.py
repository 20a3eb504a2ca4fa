"""The vectors that a student is to have, and a first, linear step towards them.

Retrieval compares vectors with each other only, so the teacher's may be turned as one likes. They are turned to lie as
near to the student's as they can; then the student's own space needs no projection in front of a loss, and the student
keeps its dimension whatever the teacher's is.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from yunmeng.encoders.heads import Head

__all__ = ["Likeness", "fit_map", "likeness", "turned"]

_SHORTEST: Final = 1e-12
_STRENGTHS: Final = (0.03, 0.1, 0.3, 1.0, 3.0)  # of the pull to no change, in mean squares of a vector's component
_NEAREST: Final = 10


@dataclass(frozen=True, slots=True)
class Likeness:
    """How alike a student and a teacher see pictures: what ranks them the same way is the same to a search.

    ``correlation`` is that of a picture's cosines to the others by the one and by the other, in [-1, 1], the mean over
    all pictures; ``overlap`` the share of its ten nearest by the teacher that are among the student's, in [0, 1].
    """

    correlation: float
    overlap: float


def likeness(vectors: NDArray[np.float32], teacher: NDArray[np.float32]) -> Likeness:
    """Compare a student's vectors of some pictures with the teacher's, both L2-normalised, (n, dim), n at least 3."""
    ours, theirs = _others(vectors @ vectors.T), _others(teacher @ teacher.T)
    rows = [each - each.mean(axis=1, keepdims=True) for each in (ours, theirs)]
    lengths = [np.maximum(np.linalg.norm(row, axis=1), _SHORTEST) for row in rows]
    correlation = (rows[0] * rows[1]).sum(axis=1) / (lengths[0] * lengths[1])
    count = min(_NEAREST, ours.shape[1] - 1)
    nearest = [np.argsort(-each, axis=1, kind="stable")[:, :count] for each in (ours, theirs)]
    shared = (nearest[0][:, :, None] == nearest[1][:, None, :]).any(axis=2)
    return Likeness(float(correlation.mean()), float(shared.mean()))


def turned(teacher: NDArray[np.float32], student: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the teacher's vectors of some pictures in the space of the student's, float32 (n, dim of the student).

    Where the teacher has more dimensions they are brought to as many as the student has, along the directions that keep
    the inner products best (Eckart and Young, "The approximation of one matrix by another of lower rank", Psychometrika
    1936). Then they are rotated, which changes no cosine (Schönemann, "A generalized solution of the orthogonal
    Procrustes problem", Psychometrika 1966).
    """
    wide, dim = teacher.astype(np.float64), student.shape[1]
    if wide.shape[1] > dim:
        _, _, axes = np.linalg.svd(wide, full_matrices=False)
        wide = wide @ axes[:dim].T
    wide = np.pad(wide, ((0, 0), (0, dim - wide.shape[1])))
    left, _, right = np.linalg.svd(wide.T @ student)
    return _unit(wide @ left @ right)


def fit_map(
    vectors: NDArray[np.float32], targets: NDArray[np.float32], held: Sequence[int] | NDArray[np.int64]
) -> Head:
    """Return the linear map by which vectors, float32 (n, dim), come nearest to their targets, (n, dim).

    Ridge regression with a pull to the map that changes nothing (Hoerl and Kennard, "Ridge Regression", Technometrics
    1970), as strong as is best on the rows ``held``, which the map is not fitted on.
    """
    rest = np.setdiff1d(np.arange(len(vectors)), held)
    x, y, dim = vectors[rest].astype(np.float64), targets[rest].astype(np.float64), vectors.shape[1]
    heads = []
    for strength in _STRENGTHS:
        pull = strength * len(rest) / dim * np.eye(dim)
        matrix = np.linalg.solve(x.T @ x + pull, x.T @ y + pull)
        heads.append(Head(np.zeros(dim, np.float32), np.ascontiguousarray(matrix, np.float32)))
    return max(heads, key=lambda head: float((head(vectors[held]) * targets[held]).sum()))


def _others(cosines: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return a square matrix without its diagonal, (n, n - 1)."""
    count = len(cosines)
    return cosines[~np.eye(count, dtype=bool)].reshape(count, count - 1)


def _unit(vectors: NDArray[np.floating]) -> NDArray[np.float32]:
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), _SHORTEST), np.float32)
