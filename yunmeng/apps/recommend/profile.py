"""What is known of one user when pictures are ranked."""

from collections.abc import Sequence, Set
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from yunmeng.apps.recommend.clusters import centred, clusters
from yunmeng.apps.recommend.opinions import Opinion, opinions

if TYPE_CHECKING:
    from yunmeng.apps.recommend.tables import EventTables
    from yunmeng.library.library import Library
    from yunmeng.types import Vector

__all__ = ["Group", "Judged", "Profile", "load_profile"]

_EVENTS: Final = 2000
_LIKED: Final = 50  # pictures, at most: so a long history costs no more than a short one
_DISLIKED: Final = 25


@dataclass(frozen=True, slots=True)
class Judged:
    """Pictures that a user liked, or disliked, the strongest opinion first, and their vectors, float32 (n, dim)."""

    opinions: Sequence[Opinion]
    vectors: NDArray[np.float32]

    def only(self, kinds: Set[str]) -> NDArray[np.float32]:
        """Return the vectors of those with an event of these kinds."""
        rows = [row for row, opinion in enumerate(self.opinions) if opinion.kind in kinds]
        found: NDArray[np.float32] = self.vectors[rows]
        return found


class Group(NamedTuple):
    """A taste: rows of the liked pictures, the heaviest first; its weight; whether it is muted."""

    rows: Sequence[int]
    weight: float
    muted: bool


@dataclass(frozen=True, slots=True)
class Profile:
    """What is known of a user: newest opinions, all pictures with an event, and pictures of muted tastes."""

    user: str
    liked: Judged
    disliked: Judged
    seen: Set[str]
    muted: Set[str]

    def groups(self, centre: "Vector") -> list[Group]:
        """Return the tastes, the heaviest first. One is muted where at least half of its weight is."""
        weights = [opinion.weight for opinion in self.liked.opinions]
        found = []
        for rows in clusters(centred(self.liked.vectors, centre), weights):
            total = sum(weights[row] for row in rows)
            muted = sum(weights[row] for row in rows if self.liked.opinions[row].picture in self.muted)
            found.append(Group(rows, total, 2 * muted >= total))
        return found


def load_profile(library: "Library", tables: "EventTables", user: str, now: datetime) -> Profile:
    """Return what is known of ``user``. Pictures that the library has no more do not count."""
    found = opinions(tables.of_user(user, _EVENTS), now)
    liked = [opinion for opinion in found if opinion.weight > 0][:_LIKED]
    disliked = [opinion for opinion in found if opinion.weight < 0][:_DISLIKED]
    records = library.reader.get_many([opinion.picture for opinion in liked + disliked], vectors=True)

    def judged(opinions: Sequence[Opinion]) -> Judged:
        left = [opinion for opinion in opinions if opinion.picture in records]
        vectors = [records[opinion.picture].vector for opinion in left]
        return Judged(left, np.array(vectors, np.float32).reshape(len(left), library.config.encoder.dim))

    return Profile(user, judged(liked), judged(disliked), tables.seen(user), tables.muted(user))
