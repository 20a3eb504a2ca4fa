"""Bodies about comparing pictures: two of them, or one with all."""

from typing import Annotated, TypeAlias

from pydantic import BaseModel, Field, model_validator

from yunmeng.schemas.common import Attributes, Id, Request
from yunmeng.types import Difference, EditName, Verdict

__all__ = [
    "AlignmentOut",
    "Comparison",
    "EditOut",
    "MatchAnswer",
    "MatchOut",
    "MatchQuery",
    "MatchWanted",
]

Point: TypeAlias = tuple[float, float]
Share: TypeAlias = Annotated[float, Field(ge=0, le=1)]


class AlignmentOut(BaseModel):
    """The position of one picture in another, by their local features."""

    inliers: int = Field(description="Features that agree on how; 0 where the whole frames fit on each other.")
    transform: tuple[float, float, float, float, float, float, float, float, float] = Field(
        description="A 3 x 3 homography by rows, from points of the query (or a) to points of the other, in fractions."
    )
    mirrored: bool = Field(description="Points of the query go through the transform mirrored left to right.")
    outline: list[Point] = Field(description="Where it lies: a polygon in fractions of the other picture.")
    query_overlap: Share = Field(description="Share of the query (or a) that the other picture shows.")
    target_overlap: Share = Field(description="Share of the hit (or b) that the query shows.")


class EditOut(BaseModel):
    """One thing that was done to a picture."""

    name: EditName
    amount: float | None = Field(None, description="How much, in the edit's own measure; see docs/copies.md.")
    detail: str = Field(description="For people, in English: 'turned by 12° clockwise'.")


class Comparison(BaseModel):
    """The comparison of two pictures."""

    verdict: Verdict
    difference: Difference | None = Field(
        None,
        description="What makes two different that agree otherwise: other content on one template, or another moment.",
    )
    edits: list[EditOut] = Field(description="What was done to b to make a, where a is an edited copy of it.")
    alignment: AlignmentOut | None = Field(description="How a lies in b; null where they are different.")
    same_file: bool = Field(description="Byte for byte.")
    phash_distance: int = Field(description="Of 64 bits; up to 10 is the same picture as a rule.")
    pdq_distance: int = Field(description="Of 256 bits; up to 31 is the same picture as a rule.")
    score: float = Field(description="Cosine similarity of the embeddings in [-1, 1].")
    timings: dict[str, float] = Field(description="Milliseconds of each stage (read, encode, align), and total.")


class MatchWanted(Request):
    """Options of every search for originals."""

    k: int = Field(10, ge=1, le=100, description="Originals at the most.")
    filter: str | None = Field(
        None, max_length=10_000, description="Only pictures whose attributes pass: category = 'shoes' and price < 50"
    )
    min_score: Share = Field(0.0, description="Leave out pictures that are less likely to be an original.")


class MatchQuery(MatchWanted):
    """A search for the originals of one picture: exactly one of id and url."""

    id: Id | None = Field(None, description="A picture of the library, which is then its own first original.")
    url: str | None = Field(None, min_length=1, max_length=4096, description="A picture on the web, http or https.")

    @model_validator(mode="after")
    def _one(self) -> "MatchQuery":
        if (self.id is None) == (self.url is None):
            raise ValueError("name exactly one of id and url")
        return self


class MatchOut(BaseModel):
    """A picture of the library that a suspect picture may be made from."""

    id: str
    score: Share = Field(description="The chance that it is a copy, learnt from edited copies and strangers.")
    alignment: AlignmentOut | None = None
    recoloured: bool = Field(False, description="The same shape in other colours, as a garment that comes in several.")
    attributes: Attributes = {}
    uri: str | None = Field(None, description="Where it came from; a path only for those who may write.")


class MatchAnswer(BaseModel):
    """Originals of a suspect picture, likeliest first."""

    matches: list[MatchOut]
    timings: dict[str, float] = Field(description="Milliseconds of each stage, and total.")
