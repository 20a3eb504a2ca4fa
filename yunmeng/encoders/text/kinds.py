"""Texts that name a whole kind: where to search for its members, and which of them a library has.

The directions of a kind's classes cancel each other: the mean of 118 breeds has a cosine of 0.05 with a picture of one.
So the search for such a text goes along several directions. The pictures that it finds are judged by the share of their
class probabilities that belongs to the kind, and the direction is narrowed to the classes that they show.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["Kind"]

_LEAST: Final = 16
"""Classes that make a kind too wide for one direction."""
_MEMBER: Final = 0.3
"""From which on a class counts."""
_DIRECTIONS: Final = 8
_ROUNDS: Final = 8
_SHARPNESS: Final = 25
"""Of the softmax over a picture's cosines with the class directions: nearest to the network's own probabilities."""
_TIMES: Final = 6
"""The odds that the best picture is of the kind must be so many times those of any class to be."""
_BEST: Final = 10
"""Pictures that say which classes the library shows."""
_PULL: Final = 0.7

Matrix = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Kind:
    """``members`` are float32 (1000,) in [0, 1], ``classes`` the directions of the classes, float32 (1000, dim)."""

    members: NDArray[np.float32]
    classes: Matrix

    @property
    def wide(self) -> bool:
        """Return whether the text means so many classes that one direction is not enough."""
        return int(np.count_nonzero(self.members > _MEMBER)) >= _LEAST

    def directions(self) -> Matrix:
        """Return at most 8 directions that together lie near all members, float32 (n, dim), L2-normalised.

        Spherical k-means (Dhillon and Modha, 2001), from members that are far from each other.
        """
        counted = self.members > _MEMBER
        points, weights = self.classes[counted], self.members[counted, None]
        chosen = [int(weights.argmax())]
        while len(chosen) < min(_DIRECTIONS, len(points)):
            chosen.append(int((points @ points[chosen].T).max(axis=1).argmin()))
        centres = points[chosen]
        for _ in range(_ROUNDS):
            nearest = (points @ centres.T).argmax(axis=1)
            for number in np.unique(nearest):
                centres[number] = _unit((weights * points)[nearest == number].sum(axis=0))
        return centres

    def narrowed(self, pictures: Matrix) -> tuple[Matrix, NDArray[np.float32]] | None:
        """Return the kind as pictures, float32 (n, dim), show it; None where none of them is of the kind.

        That is a direction, float32 (dim,), drawn to the best of the pictures, and the weights of the classes in it,
        float32 (1000,), both of length 1.
        """
        if not len(pictures):
            return None
        chances = np.exp(_SHARPNESS * (pictures @ self.classes.T))
        chances *= self.members / chances.sum(axis=1, keepdims=True)
        of_kind = chances.sum(axis=1)
        share = self.members.mean()
        if of_kind.max() < _TIMES * share / (_TIMES * share + 1 - share):
            return None
        best = np.argsort(-of_kind, kind="stable")[:_BEST]
        weights = _unit(chances[best].sum(axis=0))
        drawn = _unit(weights @ self.classes) + _PULL * _unit(of_kind[best] @ pictures[best])
        return _unit(drawn), weights


def _unit(vector: NDArray[np.floating]) -> NDArray[np.float32]:
    return np.asarray(vector / np.linalg.norm(vector), np.float32)
