"""Pictures held against each other: two of them, or one against all."""

from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, Field

from yunmeng.wire.common import Attributes

__all__ = ["AlignmentOut", "Comparison", "EditOut", "MatchAnswer", "MatchOut", "Verdict"]

Verdict: TypeAlias = Literal["same-file", "same-picture", "edited-copy", "different"]
Point: TypeAlias = tuple[float, float]
Share: TypeAlias = Annotated[float, Field(ge=0, le=1)]


class AlignmentOut(BaseModel):
    """How one picture lies in another, by their local features."""

    inliers: int = Field(description="Features that agree on how.")
    mirrored: bool
    outline: list[Point] = Field(description="Where it lies: a polygon in fractions of the other picture.")
    query_overlap: Share = Field(description="Share of the query (or a) that the other picture shows.")
    target_overlap: Share = Field(description="Share of the hit (or b) that the query shows.")


class EditOut(BaseModel):
    """One thing that was done to a picture."""

    name: Literal["crop", "flip", "rotation", "scale", "stretch", "colour", "grey", "overlay", "blur", "inset"]
    amount: float | None = Field(None, description="How much, in the edit's own measure.")
    detail: str = Field(description="For people, in English: 'cropped to 64 %', 'turned by 12 degrees'.")


class Comparison(BaseModel):
    """Two pictures, held against each other."""

    verdict: Verdict
    edits: list[EditOut] = Field(description="What was done to b to make a, where a is an edited copy of it.")
    alignment: AlignmentOut | None = Field(description="How a lies in b, where their local features agree.")
    same_file: bool = Field(description="Byte for byte.")
    phash_distance: int = Field(description="Of 64 bits; up to 10 is the same picture as a rule.")
    pdq_distance: int = Field(description="Of 256 bits; up to 31 is the same picture as a rule.")
    score: float = Field(description="Cosine similarity of the embeddings in [-1, 1].")
    timings: dict[str, float] = Field(description="Milliseconds of each stage (read, encode, align), and total.")


class MatchOut(BaseModel):
    """A picture of the library that a suspect picture may be made from."""

    id: str
    score: Share = Field(description="The chance that it is a copy, learnt from edited copies and strangers.")
    alignment: AlignmentOut | None = None
    attributes: Attributes = {}
    uri: str | None = Field(None, description="Where it came from; a path only for those who may write.")


class MatchAnswer(BaseModel):
    """Originals of a suspect picture, likeliest first."""

    matches: list[MatchOut]
    timings: dict[str, float] = Field(description="Milliseconds of each stage, and total.")
