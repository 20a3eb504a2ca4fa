"""Bodies about the library and its server."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final, Literal, get_args

from pydantic import BaseModel, Field

from yunmeng.schemas.common import Request
from yunmeng.types import (
    UNLIKE_WEIGHT,
    AttributeType,
    Difference,
    EditName,
    Enhancement,
    FullText,
    LibraryMetric,
    Metric,
    Scope,
    StepName,
    Verdict,
)

__all__ = [
    "VOCABULARY",
    "AttributeValues",
    "ColorCount",
    "Colors",
    "Health",
    "KeyIn",
    "LibraryOut",
    "SessionOut",
    "ValueCount",
    "Vocabulary",
]


class Vocabulary(BaseModel):
    """The words that requests and answers choose from, for programs that show them as options or in sentences."""

    metrics: list[Metric]
    steps: list[StepName] = Field(description="Of re-ranking.")
    enhancements: list[Enhancement]
    verdicts: list[Verdict]
    differences: list[Difference]
    edits: list[EditName]
    scopes: list[Scope] = Field(description="Each includes those before it.")
    unlike: float = Field(description="The weight that is best for what hits are to be unlike.")


VOCABULARY: Final = Vocabulary(
    metrics=list(get_args(Metric)),
    steps=list(get_args(StepName)),
    enhancements=list(get_args(Enhancement)),
    verdicts=list(get_args(Verdict)),
    differences=list(get_args(Difference)),
    edits=list(get_args(EditName)),
    scopes=list(get_args(Scope)),
    unlike=UNLIKE_WEIGHT,
)


class LibraryOut(BaseModel):
    """Facts of the library."""

    name: str
    pictures: int
    encoder: str
    dim: int
    metric: LibraryMetric
    reads_text: bool = Field(description="Whether searches by text can be answered.")
    missing_extras: list[str] = Field(description="Extras that are not installed, and would let it answer more: words.")
    regions: bool = Field(description="Whether the parts of its pictures can be searched.")
    augmented: bool = Field(description="Whether a second vector of each picture is kept, for re-ranking by expand.")
    full_text: FullText = Field(description="What finds names and attributes by their words: if missing, nothing does.")
    words_missing: int = Field(description="Pictures that are not found by their words yet.")
    subject: bool = Field(description="Whether pictures are seen by their main subject only.")
    calibrated: bool = Field(description="Whether hits tell their chance of being the same picture.")
    enhance: list[Enhancement]
    attributes: Mapping[str, AttributeType]
    vocabulary: Vocabulary = VOCABULARY
    pages: list[str] = Field(description="Applications that have a page in the console.")
    created: datetime
    bytes: int
    version: str


class ValueCount(BaseModel):
    """A value and how many pictures have it."""

    value: str
    count: int


class AttributeValues(BaseModel):
    """The values of one declared attribute, for controls that filter by it."""

    name: str
    type: AttributeType
    values: list[ValueCount] = Field(description="The commonest values of a str or list[str], at most 100.")
    min: float | None = Field(description="Least value of an int or float.")
    max: float | None = Field(description="Greatest value of an int or float.")
    complete: bool = Field(description="Whether every picture was looked at, or only the first 20,000.")


class ColorCount(BaseModel):
    """A basic colour and how many pictures have it."""

    name: str = Field(description="As the option color of a search takes it.")
    hex: str = Field(description="An example of it.")
    count: int


class Colors(BaseModel):
    """The basic colours of the library's pictures; one picture may have several."""

    colors: list[ColorCount]
    min_score: float = Field(description="Share of the subject from which a picture counts: min_score of a search.")
    without: int = Field(description="Pictures without a palette yet: a job of the kind palettes computes them.")


class KeyIn(Request):
    """A key, in exchange for a session cookie."""

    key: str = Field(min_length=1, max_length=200)


class SessionOut(BaseModel):
    """The caller, and what it may do."""

    keys_required: bool
    scope: Scope | None = Field(description="What the caller may do; null without a valid key.")
    scopes: list[Scope] = Field(description="That one and those that it includes; none without a valid key.")
    name: str | None = Field(description="The name of the key.")


class Health(BaseModel):
    """The server is there."""

    status: Literal["ok", "ready"]
    version: str
