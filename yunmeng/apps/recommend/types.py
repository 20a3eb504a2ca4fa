"""Events, and what is recommended because of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from yunmeng.types import Failure, Record

__all__ = [
    "WEIGHTS",
    "Because",
    "Event",
    "EventKind",
    "EventReport",
    "Figures",
    "Method",
    "Pick",
    "Replay",
    "Source",
    "Taste",
    "UserData",
]

EventKind: TypeAlias = Literal["view", "like", "dislike", "buy", "hide"]

WEIGHTS: Final[Mapping[EventKind, float]] = {"buy": 1.5, "like": 1.0, "view": 0.2, "hide": -0.5, "dislike": -1.0}
"""How much an event speaks for its picture, and for what is like it; against it below 0."""

Method: TypeAlias = Literal["tastes", "mean", "popular", "random"]
"""How pictures are ranked: by the tastes of a user; by the mean of liked vectors - 0.3 x the mean of disliked ones, the
baseline; by popularity; at random."""

Source: TypeAlias = Literal["taste", "people", "similar", "popular", "varied"]
"""Where a pick comes from: it is like what the user liked; people who liked the same liked it; it is like the picture
that was asked with; many liked it; it is there for variety."""


class Event(NamedTuple):
    """What a user did with a picture, and when (UTC). ``id`` makes it count once, however often it is told."""

    user: str
    picture: str
    kind: EventKind
    at: datetime
    id: str


@dataclass(frozen=True, slots=True)
class EventReport:
    """The result of recording events: how many are new, how many were known, and those that could not be used."""

    added: int
    known: int
    failed: "Sequence[Failure]" = ()
    interrupted: bool = False


@dataclass(frozen=True, slots=True)
class UserData:
    """All that is kept of a user: events, the newest first, and the pictures of muted tastes."""

    user: str
    events: Sequence[Event]
    muted: Sequence[str]


class Because(NamedTuple):
    """The picture that explains a pick, and what the user did with it; None for the picture that was asked with."""

    picture: str
    kind: EventKind | None


@dataclass(frozen=True, slots=True)
class Pick:
    """A recommended picture.

    ``score`` is its cosine to the picture that explains it, in [-1, 1]; 0 where there is none.
    """

    record: "Record"
    score: float
    source: Source
    because: Because | None = None

    @property
    def id(self) -> str:
        """The id of the picture."""
        return self.record.id


@dataclass(frozen=True, slots=True)
class Taste:
    """Pictures that a user liked and that are like each other, those that count most first.

    ``share`` in [0, 1] is what it counts among all tastes of the user. Nothing is recommended for a ``muted`` one.
    """

    pictures: Sequence[str]
    share: float
    muted: bool


@dataclass(frozen=True, slots=True)
class Figures:
    """How well one method has predicted what users liked later; see `Replay`.

    ``recall`` and ``ndcg`` are means over users, in [0, 1]; ``coverage`` is the share of the library's pictures that
    were recommended to anybody; ``diversity`` is the mean of 1 - cosine over all pairs of one page.
    """

    recall: float
    ndcg: float
    coverage: float
    diversity: float


@dataclass(frozen=True, slots=True)
class Replay:
    """The result of an evaluation: figures of each method for the first ``k`` pictures.

    ``users`` is how many users were asked for: those who liked a picture after ``until`` that they had not seen before.
    ``events`` is how many events before that moment the methods knew.
    """

    k: int
    until: datetime
    users: int
    events: int
    methods: Mapping[str, Figures]
