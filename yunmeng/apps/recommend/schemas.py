"""Bodies of recommendation: events, picks, tastes."""

from datetime import datetime
from typing import Annotated, TypeAlias

from pydantic import BaseModel, Field, StringConstraints

from yunmeng.apps.recommend.types import EventKind, Source
from yunmeng.schemas.common import Id, Request
from yunmeng.schemas.pictures import PictureOut

__all__ = [
    "BecauseOut",
    "Erased",
    "EventIn",
    "EventOut",
    "EventsIn",
    "EventsOut",
    "FailedEvent",
    "Forgotten",
    "Mute",
    "PickOut",
    "Picks",
    "TasteOut",
    "Tastes",
    "UserOut",
]

Name: TypeAlias = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class EventIn(Request):
    """What a user did with a picture."""

    user: Name
    picture: Id
    kind: EventKind
    at: datetime | None = Field(None, description="When; left out: now. Without a time zone it is UTC.")
    id: Name | None = Field(None, description="A name for the event; the same name counts once.")


class EventsIn(Request):
    """Events to record."""

    events: list[EventIn] = Field(min_length=1, max_length=10_000)


class FailedEvent(BaseModel):
    """An event that was not recorded."""

    picture: str
    reason: str


class EventsOut(BaseModel):
    """The result of recording events."""

    added: int
    known: int = Field(description="Their ids were known already.")
    ids: list[str] = Field(description="The name of each event of the request, in their order.")
    failed: list[FailedEvent]


class Forgotten(BaseModel):
    """Whether there was an event to forget."""

    forgotten: bool


class BecauseOut(BaseModel):
    """The picture that explains a pick."""

    picture: str
    kind: EventKind | None = Field(description="What the user did with it; null: it was asked with.")


class PickOut(BaseModel):
    """A recommended picture."""

    picture: PictureOut
    score: float = Field(description="Cosine to the picture that explains it; 0 where there is none.")
    source: Source = Field(
        description="taste: like what the user liked; people: liked by others who liked the same; similar; popular; "
        "varied: for variety."
    )
    because: BecauseOut | None


class Picks(BaseModel):
    """Recommended pictures, the best first."""

    picks: list[PickOut]
    next_offset: int | None = Field(description="Ask with it for the next page; null on the last one.")


class TasteOut(BaseModel):
    """Pictures that a user liked and that are like each other, those that count most first."""

    pictures: list[str]
    share: float = Field(description="What it counts among all tastes of the user, in [0, 1].")
    muted: bool = Field(description="Nothing is recommended for a muted one.")


class Tastes(BaseModel):
    """The tastes of a user, those that count most first."""

    tastes: list[TasteOut]


class Mute(Request):
    """Mutes or unmutes the taste that has a picture."""

    user: Name
    picture: Id
    muted: bool = True


class EventOut(BaseModel):
    """An event that is kept."""

    user: str
    picture: str
    kind: EventKind
    at: datetime
    id: str


class UserOut(BaseModel):
    """All that is kept of a user."""

    user: str
    events: list[EventOut] = Field(description="The newest first.")
    muted: list[str] = Field(description="Pictures of muted tastes.")


class Erased(BaseModel):
    """The number of events that were erased."""

    erased: int
