"""Options and results of a search for duplicates."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

__all__ = [
    "DuplicateGroup",
    "DuplicateReport",
    "DuplicateTally",
    "KeepRule",
    "Member",
    "OnTally",
    "Phase",
    "Reason",
    "SearchStatus",
]

Reason: TypeAlias = Literal["same-file", "same-picture", "edited-copy"]
"""What makes a picture a duplicate: it has the bytes of another, or its fingerprint, or is made from it."""

KeepRule: TypeAlias = Literal["largest", "smallest", "oldest", "newest", "sharpest"]
"""Which picture of a group stays: by pixels (for the largest those within a plain frame), then bytes; by the time of
its file; by sharpness, then pixels."""

Phase: TypeAlias = Literal["reading", "pairing", "verifying"]

SearchStatus: TypeAlias = Literal["none", "running", "done", "cancelled", "failed"]
"""How the last search ended; ``none``: there was none yet."""


@dataclass(slots=True)
class DuplicateTally:
    """Progress of a search: records read, vectors paired, pairs compared. ``total`` is of the current phase."""

    phase: Phase = "reading"
    done: int = 0
    total: int | None = None


OnTally: TypeAlias = Callable[[DuplicateTally], None]


@dataclass(frozen=True, slots=True)
class Member:
    """One picture of a group. ``score`` is its cosine to the nearest other picture of the group, in [-1, 1].

    ``width`` and ``height`` are in pixels, ``bytes`` is the size of its file, None where that is not at hand.
    """

    id: str
    reason: Reason
    score: float
    width: int
    height: int
    bytes: int | None


@dataclass(frozen=True, slots=True)
class DuplicateGroup:
    """Pictures that are the same; the first of ``members`` is the one that the rule keeps."""

    members: Sequence[Member]

    @property
    def keep(self) -> str:
        """The id of the picture that stays."""
        return self.members[0].id

    @property
    def discard(self) -> Sequence[Member]:
        """The others."""
        return self.members[1:]


@dataclass(frozen=True, slots=True)
class DuplicateReport:
    """The result of a search among ``pictures``: the groups, the largest first.

    ``numbers`` are the numbers under which the library keeps the groups; decisions need them. A search that was
    ``interrupted`` has no groups.
    """

    groups: Sequence[DuplicateGroup]
    pictures: int
    seconds: float
    interrupted: bool = False
    numbers: Sequence[int] = field(default=())

    @property
    def duplicates(self) -> int:
        """Number of pictures that would go."""
        return sum(len(group.discard) for group in self.groups)
