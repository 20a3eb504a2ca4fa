"""Bodies about near-duplicates: the search for them, and the decisions on them."""

from datetime import datetime
from typing import get_args

from pydantic import BaseModel, Field, model_validator

from yunmeng.apps.duplicates.types import KeepRule, Phase, Reason, SearchStatus
from yunmeng.schemas.common import Id, Request
from yunmeng.schemas.pictures import PictureOut

__all__ = [
    "DuplicateDecision",
    "DuplicateGroup",
    "DuplicateGroups",
    "DuplicateMember",
    "DuplicateOrder",
    "DuplicatesOut",
]


class DuplicateOrder(Request):
    """The options of a search for pictures that are the same."""

    keep: KeepRule = Field("largest", description="Which picture of each group is proposed to stay.")


class DuplicatesOut(BaseModel):
    """The last search for duplicates, or the one under way."""

    status: SearchStatus = Field(description="none: not looked yet.")
    phase: Phase | None = None
    done: int = Field(0, description="Of this phase.")
    total: int | None = Field(None, description="Of this phase; null until it is known.")
    groups: int = 0
    pictures: int = Field(0, description="In all groups together.")
    open: int = Field(0, description="Groups that nobody has decided on yet.")
    finished_at: datetime | None = None
    error: str | None = None
    rules: list[KeepRule] = Field(list(get_args(KeepRule)), description="What keep of an order can be.")


class DuplicateMember(BaseModel):
    """One picture of a group."""

    picture: PictureOut
    keep: bool = Field(description="Whether it stays: proposed, or decided.")
    there: bool = Field(description="Whether it is in the library now.")
    reason: Reason = Field(description="What makes it one of the group.")
    score: float = Field(description="Cosine to the nearest other picture of the group.")


class DuplicateGroup(BaseModel):
    """Pictures that are the same."""

    number: int
    decided: bool
    members: list[DuplicateMember]


class DuplicateGroups(BaseModel):
    """A page of groups, the largest first."""

    groups: list[DuplicateGroup]
    next_offset: int | None


class DuplicateDecision(Request):
    """The pictures of a group that go; all others stay."""

    discard: list[Id] = Field(max_length=10_000)

    @model_validator(mode="after")
    def _each_once(self) -> "DuplicateDecision":
        if len(set(self.discard)) < len(self.discard):
            raise ValueError("name each picture once")
        return self
