"""Bodies of searches and their answers."""

from typing import Annotated, Final, Literal, TypeAlias

from pydantic import BaseModel, BeforeValidator, Field, RootModel, model_validator

from yunmeng import types
from yunmeng.schemas.common import Attributes, Id, Region, Request, check_extent
from yunmeng.schemas.copies import AlignmentOut
from yunmeng.schemas.pictures import PaletteOut
from yunmeng.types import Band, StepName

__all__ = [
    "MAX_K",
    "MAX_OFFSET",
    "MAX_PARTS",
    "ContributionOut",
    "FieldName",
    "HeatMapOut",
    "HitOut",
    "Mix",
    "MixPart",
    "MixText",
    "SearchAnswer",
    "SearchOptions",
    "SearchQuery",
    "SubjectOut",
    "SubjectQuery",
    "WhyAnswer",
    "WhyQuery",
]


MAX_K: Final = 1000

MAX_OFFSET: Final = 100_000

MAX_PARTS: Final = 50

FieldName: TypeAlias = Literal["attributes", "uri", "width", "height", "sha256", "phash", "pdq", "quality", "palette"]


class SearchOptions(Request, types.SearchOptions):
    """The options of every search, and the page of hits that is wanted."""

    k: int = Field(10, ge=1, le=MAX_K, description="Hits on a page.")
    offset: int = Field(0, ge=0, le=MAX_OFFSET, description="Hits to pass over: next_offset of the page before.")
    filter: str | None = Field(
        None, max_length=10_000, description="Only pictures whose attributes pass: category = 'shoes' and price < 50"
    )
    rerank: list[StepName] = Field([], max_length=8, description="Steps that put the first hits in order, one by one.")
    fields: list[FieldName] = Field(["attributes"], max_length=16, description="What hits carry beside id and score.")


class MixPart(Request):
    """One part of a mixed query: exactly one of id, url, vector, text and file."""

    id: Id | None = Field(None, description="A picture of the library.")
    url: str | None = Field(None, min_length=1, max_length=4096, description="A picture on the web, http or https.")
    vector: list[float] | None = Field(
        None, fail_fast=True, min_length=1, max_length=16_384, description="An embedding."
    )
    text: str | None = Field(None, min_length=1, max_length=1000, description="Words.")
    file: int | None = Field(
        None, ge=0, lt=MAX_PARTS, description="A picture that is sent along: its place among the form's files, from 0."
    )
    region: Region | None = Field(None, description="This part of the picture only; with id, url or file.")
    weight: float = Field(1.0, ge=-10, le=10, description="How much it counts; below 0, hits are to be unlike it.")

    @model_validator(mode="after")
    def _sound(self) -> "MixPart":
        if sum(given is not None for given in (self.id, self.url, self.vector, self.text, self.file)) != 1:
            raise ValueError("a part is exactly one of id, url, vector, text and file")
        if self.region is not None and self.id is None and self.url is None and self.file is None:
            raise ValueError("a region goes with an id, a url or a file")
        if self.weight == 0:
            raise ValueError("a part with the weight 0 asks for nothing: leave it out")
        return self


class Mix(RootModel[Annotated[list[MixPart], Field(max_length=MAX_PARTS)]]):
    """The parts of a mixed query."""


def _as_mix(value: object) -> object:
    """The JSON of a form's field, for the model to check."""
    if not isinstance(value, str):
        return value
    check_extent(value)
    return Mix.model_validate_json(value)


MixText: TypeAlias = Annotated[Mix, BeforeValidator(_as_mix, json_schema_input_type=str)]


class SearchQuery(SearchOptions):
    """A search by one of id, url, vector and text, by a mixture, or by both."""

    id: Id | None = Field(None, description="A picture of the library, which is then the first hit.")
    url: str | None = Field(None, min_length=1, max_length=4096, description="A picture on the web, http or https.")
    vector: list[float] | None = Field(
        None, fail_fast=True, min_length=1, max_length=16_384, description="An embedding."
    )
    text: str | None = Field(None, min_length=1, max_length=1000, description="Words, where the encoder reads them.")
    region: Region | None = Field(None, description="Ask with this part of the picture only; with id or url.")
    mix: list[MixPart] = Field([], max_length=MAX_PARTS, description="What else hits are to be like, or unlike.")

    @property
    def named(self) -> str:
        """The query as the command line takes it."""
        return (
            f"id:{self.id}" if self.id is not None else self.url or self.text or self.color or "a vector or a mixture"
        )

    @model_validator(mode="after")
    def _one_question(self) -> "SearchQuery":
        given = sum(given is not None for given in (self.id, self.url, self.vector, self.text))
        if given > 1 or not (given or self.mix or self.color is not None):
            raise ValueError("ask with exactly one of id, url, vector and text, with a mix, or with a color")
        if self.region is not None and self.id is None and self.url is None:
            raise ValueError("a region goes with an id or a url")
        return self


class ContributionOut(BaseModel):
    """The score and rank of a hit after one step of a search."""

    step: str = Field(description="search, or the name of the step.")
    score: float = Field(description="The hit's score after this step.")
    rank: int = Field(description="Its place after this step, from 1.")


class HitOut(BaseModel):
    """One hit. Fields that were not requested are left out."""

    id: str
    score: float = Field(
        description="Higher is better: cosine similarity in [-1, 1]; for words, in [0, 1]; or by the last step."
    )
    chance: float | None = Field(None, description="That it is the same picture, in a library that has learnt to tell.")
    band: Band | None = Field(
        None, description="How alike it is, against what is usual in the library; for single pictures, not for words."
    )
    region: Region | None = Field(None, description="The part of the picture that matches, where parts were searched.")
    alignment: AlignmentOut | None = Field(None, description="How the query lies in it, where geometry was looked at.")
    explanation: list[ContributionOut] | None = Field(None, description="The steps behind the score, with explain.")
    attributes: Attributes = {}
    uri: str | None = None
    width: int | None = None
    height: int | None = None
    sha256: str | None = None
    phash: str | None = None
    pdq: str | None = None
    quality: dict[str, float] | None = None
    palette: PaletteOut | None = None


class SearchAnswer(BaseModel):
    """One page of hits, best first."""

    hits: list[HitOut]
    next_offset: int | None = Field(description="Where the next page begins; null on the last one.")
    cached: bool = Field(False, description="True for an answer from the cache; it is as fresh as the library.")
    timings: dict[str, float] = Field(description="Milliseconds by stage (read, encode, search, rerank) and total.")


class SubjectQuery(Request):
    """The picture to find the subject of: exactly one of id and url."""

    id: Id | None = Field(None, description="A picture of the library.")
    url: str | None = Field(None, min_length=1, max_length=4096, description="A picture on the web, http or https.")

    @model_validator(mode="after")
    def _one(self) -> "SubjectQuery":
        if (self.id is None) == (self.url is None):
            raise ValueError("name exactly one of id and url")
        return self


class SubjectOut(BaseModel):
    """The place of the main subject of a picture."""

    region: Region
    method: Literal["saliency", "centre"] = Field(description="centre: guessed, as the extra subject is missing.")
    confidence: float = Field(ge=0, le=1, description="How far it stands out; 0 goes with the whole picture.")


class WhyQuery(Request):
    """A picture of the library, and the question that it answers: exactly one of id, url and text."""

    hit: Id = Field(description="The picture of the library to explain.")
    id: Id | None = Field(None, description="A picture of the library.")
    url: str | None = Field(None, min_length=1, max_length=4096, description="A picture on the web, http or https.")
    text: str | None = Field(None, min_length=1, max_length=1000, description="Words.")
    region: Region | None = Field(None, description="Asked with this part of the picture only; with id or url.")

    @model_validator(mode="after")
    def _one(self) -> "WhyQuery":
        if sum(given is not None for given in (self.id, self.url, self.text)) != 1:
            raise ValueError("ask with exactly one of id, url and text")
        if self.region is not None and self.text is not None:
            raise ValueError("a region goes with an id or a url")
        return self


class HeatMapOut(BaseModel):
    """How alike each place of a picture is to the other side."""

    region: Region = Field(description="The part of the picture that the rows cover evenly.")
    rows: list[list[float]] = Field(description="From the upper left: 0 where nothing is alike, 1 where most is.")


class WhyAnswer(BaseModel):
    """What of a query and of a picture of the library is alike."""

    id: str
    score: float | None = Field(description="Cosine similarity in [-1, 1]; null for words.")
    band: Band | None = Field(description="How alike they are, against what is usual in the library.")
    chance: float | None = Field(description="That it is the same picture, in a library that has learnt to tell.")
    hit: HeatMapOut | None = Field(description="Heat over the hit; null with an encoder that shows no places.")
    query: HeatMapOut | None = Field(description="Heat over the query's picture; null for words too.")
    words: list[str] = Field(description="Words of the query that the hit's name or attributes have.")
    timings: dict[str, float] = Field(description="Milliseconds by stage (read, encode) and total.")
