"""What goes over HTTP between the server and its clients: the bodies of API version 1, as pydantic models."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Final, Literal, TypeAlias

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    RootModel,
    StringConstraints,
    model_validator,
)

from yunmeng.scopes import Scope

__all__ = [
    "MAX_K",
    "MAX_OFFSET",
    "MAX_PARTS",
    "AddResult",
    "Added",
    "AttributeValues",
    "Attributes",
    "Comparison",
    "Deleted",
    "ErrorBody",
    "ErrorDetail",
    "FailureList",
    "FieldName",
    "FromUrl",
    "Health",
    "HitOut",
    "ImportFailure",
    "ImportList",
    "ImportOrder",
    "ImportOut",
    "ImportStatus",
    "KeyIn",
    "LibraryOut",
    "MixPart",
    "MixText",
    "NewAttributes",
    "PictureOut",
    "PicturePage",
    "Region",
    "RegionText",
    "SearchAnswer",
    "SearchQuery",
    "Selection",
    "SessionOut",
    "SubjectOut",
    "SubjectQuery",
    "ValueCount",
    "Wanted",
    "from_wire",
    "to_wire",
    "wire_attributes",
]

MAX_K: Final = 1000
MAX_OFFSET: Final = 100_000
MAX_PARTS: Final = 50

ImportStatus: TypeAlias = Literal["queued", "running", "done", "interrupted", "cancelled", "failed"]
FieldName: TypeAlias = Literal["attributes", "uri", "width", "height", "sha256", "phash", "pdq", "quality"]

_SURROGATE = re.compile("[\ud800-\udfff]")
_SPELT = re.compile("%u([Dd][89A-Fa-f][0-9A-Fa-f]{2})")


def to_wire(text: str) -> str:
    """``text`` in characters that JSON and URLs carry.

    A file name that is not UTF-8 holds lone surrogates, which become ``%uDC80``; all else stays as it is.
    """
    return text if text.isascii() else _SURROGATE.sub(lambda found: f"%u{ord(found[0]):04X}", text)


def from_wire(text: str) -> str:
    """What `to_wire` was given."""
    return _SPELT.sub(lambda found: chr(int(found[1], 16)), text) if "%u" in text else text


def wire_attributes(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Attributes in characters that JSON carries."""
    return {to_wire(name): _wired(value) for name, value in attributes.items()}


def _wired(value: Any) -> Any:
    if isinstance(value, list):
        return [_wired(item) for item in value]
    return to_wire(value) if isinstance(value, str) else value


Id: TypeAlias = Annotated[str, StringConstraints(min_length=1, max_length=1024)]
Attributes: TypeAlias = dict[str, JsonValue]


class _In(BaseModel):
    """A request: a field that nobody knows is a mistake, and said to be one."""

    model_config = ConfigDict(extra="forbid")


class ErrorDetail(BaseModel):
    """What went wrong."""

    code: str = Field(description="Stable, for programs: docs/http.md lists all of them.")
    message: str = Field(description="One line, for people.")
    request_id: str = Field(description="Names the request in the server's log.")
    details: list[JsonValue] = Field(default=[], description="Where several things are wrong, each of them.")


class ErrorBody(BaseModel):
    """The body of every answer that is an error."""

    error: ErrorDetail


class Region(_In):
    """A rectangle of the upright picture, in fractions of its width and height; (x, y) is the upper left corner."""

    x: float = Field(ge=0, lt=1)
    y: float = Field(ge=0, lt=1)
    w: float = Field(gt=0, le=1)
    h: float = Field(gt=0, le=1)

    @model_validator(mode="after")
    def _inside(self) -> "Region":
        if self.x + self.w > 1 + 1e-6 or self.y + self.h > 1 + 1e-6:
            raise ValueError("the region must lie inside the picture: x + w and y + h are at most 1")
        return self


class Wanted(_In):
    """What every search says about the hits that it wants."""

    k: int = Field(10, ge=1, le=MAX_K, description="Hits on a page.")
    offset: int = Field(0, ge=0, le=MAX_OFFSET, description="Hits to pass over: next_offset of the page before.")
    filter: str | None = Field(
        None, max_length=10_000, description="Only pictures whose attributes pass: category = 'shoes' and price < 50"
    )
    min_score: float | None = Field(None, ge=-1, le=1, description="Leave out hits that score less.")
    min_chance: float | None = Field(
        None, ge=0, le=1, description="Leave out hits that are less likely to be real, in a library that knows."
    )
    regions: bool = Field(False, description="Look at the parts of pictures too, in a library that keeps them.")
    subject: bool | None = Field(
        None, description="Ask with the main subject of the picture only. Left out: as the library's pictures are."
    )
    fields: list[FieldName] = Field(["attributes"], description="What hits carry beside id and score.")


class MixPart(_In):
    """One part of a mixed query: exactly one of id, url, vector and text."""

    id: Id | None = Field(None, description="A picture of the library.")
    url: str | None = Field(None, min_length=1, max_length=4096, description="A picture on the web, http or https.")
    vector: list[float] | None = Field(None, min_length=1, max_length=16_384, description="An embedding.")
    text: str | None = Field(None, min_length=1, max_length=1000, description="Words.")
    region: Region | None = Field(None, description="This part of the picture only; with id or url.")
    weight: float = Field(1.0, ge=-10, le=10, description="How much it counts; below 0, hits are to be unlike it.")

    @model_validator(mode="after")
    def _sound(self) -> "MixPart":
        if sum(given is not None for given in (self.id, self.url, self.vector, self.text)) != 1:
            raise ValueError("a part is exactly one of id, url, vector and text")
        if self.region is not None and self.id is None and self.url is None:
            raise ValueError("a region goes with an id or a url")
        if self.weight == 0:
            raise ValueError("a part with the weight 0 asks for nothing: leave it out")
        return self


class Mix(RootModel[Annotated[list[MixPart], Field(max_length=MAX_PARTS)]]):
    """The parts of a mixed query."""


def _as_mix(value: object) -> object:
    """The JSON of a form's field, for the model to check."""
    return Mix.model_validate_json(value) if isinstance(value, str) else value


MixText: TypeAlias = Annotated[Mix, BeforeValidator(_as_mix, json_schema_input_type=str)]


class SearchQuery(Wanted):
    """A search by one of id, url, vector and text, by a mixture, or by both."""

    id: Id | None = Field(None, description="A picture of the library, which is then the first hit.")
    url: str | None = Field(None, min_length=1, max_length=4096, description="A picture on the web, http or https.")
    vector: list[float] | None = Field(None, min_length=1, max_length=16_384, description="An embedding.")
    text: str | None = Field(None, min_length=1, max_length=1000, description="Words, where the encoder reads them.")
    region: Region | None = Field(None, description="Ask with this part of the picture only; with id or url.")
    mix: list[MixPart] = Field([], max_length=MAX_PARTS, description="What else hits are to be like, or unlike.")

    @model_validator(mode="after")
    def _one_question(self) -> "SearchQuery":
        given = sum(given is not None for given in (self.id, self.url, self.vector, self.text))
        if given > 1 or not (given or self.mix):
            raise ValueError("ask with exactly one of id, url, vector and text, or with a mix")
        if self.region is not None and self.id is None and self.url is None:
            raise ValueError("a region goes with an id or a url")
        return self


def _as_region(value: object) -> object:
    """``"x,y,w,h"``, as forms give it, for the model to check."""
    if not isinstance(value, str):
        return value
    try:
        x, y, w, h = (float(part) for part in value.split(","))
    except ValueError:
        raise ValueError(
            "a region is four numbers x,y,w,h in fractions of the picture, such as 0.1,0.2,0.5,0.5"
        ) from None
    return {"x": x, "y": y, "w": w, "h": h}


RegionText: TypeAlias = Annotated[
    Region,
    BeforeValidator(_as_region, json_schema_input_type=str),
]


class HitOut(BaseModel):
    """One hit. Fields that were not asked for are left out."""

    id: str
    score: float = Field(description="Higher is better: cosine similarity in [-1, 1]; for words, in [0, 1].")
    chance: float | None = Field(None, description="That it is a real match, in a library that has learnt to tell.")
    region: Region | None = Field(None, description="The part of the picture that matches, where parts were searched.")
    attributes: Attributes = {}
    uri: str | None = None
    width: int | None = None
    height: int | None = None
    sha256: str | None = None
    phash: str | None = None
    pdq: str | None = None
    quality: dict[str, float] | None = None


class SearchAnswer(BaseModel):
    """One page of hits, best first."""

    hits: list[HitOut]
    next_offset: int | None = Field(description="Where the next page begins; null on the last one.")
    timings: dict[str, float] = Field(description="Milliseconds of each stage (read, encode, search), and total.")


class PictureOut(BaseModel):
    """One picture as the library keeps it."""

    id: str
    uri: str | None = Field(description="Where it came from; a path only for those who may write.")
    width: int
    height: int
    sha256: str
    phash: str
    pdq: str
    quality: dict[str, float]
    problems: list[str] = Field(description="What is wrong with its quality: blurred, dark, bright, flat, tiny, odd.")
    attributes: Attributes


class PicturePage(BaseModel):
    """Pictures, in an order that stays while others come and go."""

    pictures: list[PictureOut]
    total: int = Field(description="Pictures that pass the filter.")
    next_cursor: str | None = Field(description="Ask with it for the next page; null on the last one.")


class Added(BaseModel):
    """What became of one picture that was sent."""

    id: str
    status: Literal["added", "replaced", "updated", "unchanged"] = Field(
        description="replaced: new content under a known id; updated: new attributes only."
    )


class AddResult(BaseModel):
    """What became of each picture that was sent, in their order: an `Added`, or an error."""

    results: list[Added | ErrorBody]


class FromUrl(_In):
    """A picture on the web that is to come into the library."""

    url: str = Field(min_length=1, max_length=4096)
    id: Id | None = Field(None, description="Left out, the URL is its id.")
    attributes: Attributes | None = Field(None, description="Left out, a known picture keeps its own.")


class NewAttributes(_In):
    """All attributes of a picture, in place of those that it had."""

    attributes: Attributes


class Selection(_In):
    """Pictures by id, by filter, or both."""

    ids: list[Id] = Field([], max_length=10_000)
    filter: str | None = Field(None, min_length=1, max_length=10_000)

    @model_validator(mode="after")
    def _something(self) -> "Selection":
        if not self.ids and (self.filter is None or not self.filter.strip()):
            raise ValueError("name ids, or give a filter")
        return self


class Deleted(BaseModel):
    """How many pictures were removed."""

    deleted: int


class Comparison(BaseModel):
    """Two pictures, held against each other."""

    same_file: bool = Field(description="Byte for byte.")
    phash_distance: int = Field(description="Of 64 bits; up to 10 is the same picture as a rule.")
    pdq_distance: int = Field(description="Of 256 bits; up to 31 is the same picture as a rule.")
    score: float = Field(description="Cosine similarity of the embeddings in [-1, 1].")
    timings: dict[str, float] = Field(description="Milliseconds of each stage (read, encode), and total.")


class SubjectQuery(_In):
    """The picture whose subject is looked for: exactly one of id and url."""

    id: Id | None = Field(None, description="A picture of the library.")
    url: str | None = Field(None, min_length=1, max_length=4096, description="A picture on the web, http or https.")

    @model_validator(mode="after")
    def _one(self) -> "SubjectQuery":
        if (self.id is None) == (self.url is None):
            raise ValueError("name exactly one of id and url")
        return self


class SubjectOut(BaseModel):
    """Where the main subject of a picture is."""

    region: Region
    method: Literal["saliency", "centre"] = Field(description="centre: guessed, as the extra subject is missing.")


class ImportOrder(_In):
    """Places on the server, or URLs, to bring into the library."""

    paths: list[str] = Field([], max_length=1000, description="Folders, pictures, manifests, lists of URLs, URLs.")
    manifest: str | None = Field(None, min_length=1, description="One more manifest, with the pictures' attributes.")

    @model_validator(mode="after")
    def _something(self) -> "ImportOrder":
        if not self.paths and self.manifest is None:
            raise ValueError("name a path or a manifest")
        return self


class ImportOut(BaseModel):
    """An import and how far it has come."""

    number: int
    sources: list[str]
    status: ImportStatus = Field(description="interrupted: goes on when the server starts again.")
    phase: Literal["indexing", "optimising"]
    total: int | None = Field(description="Pictures to look at; null until they have been counted.")
    indexed: int
    skipped: int
    failed: int
    started_at: datetime
    finished_at: datetime | None
    error: str | None = Field(description="Why it failed as a whole.")


class ImportList(BaseModel):
    """Imports, newest first."""

    imports: list[ImportOut]


class ImportFailure(BaseModel):
    """One input that could not be used."""

    path: str
    reason: str


class FailureList(BaseModel):
    """What an import could not use."""

    failures: list[ImportFailure]


class LibraryOut(BaseModel):
    """What the library is and holds."""

    name: str
    pictures: int
    encoder: str
    dim: int
    metric: str
    reads_text: bool = Field(description="Whether searches by text can be answered.")
    regions: bool = Field(description="Whether the parts of its pictures can be searched.")
    subject: bool = Field(description="Whether pictures are seen by their main subject only.")
    calibrated: bool = Field(description="Whether hits tell their chance of being real.")
    enhance: list[str]
    attributes: Mapping[str, Literal["str", "int", "float", "bool", "list[str]"]]
    created: datetime
    bytes: int
    version: str


class ValueCount(BaseModel):
    """A value and how many pictures have it."""

    value: str
    count: int


class AttributeValues(BaseModel):
    """What the pictures hold in one declared attribute, for controls that filter by it."""

    name: str
    type: Literal["str", "int", "float", "bool", "list[str]"]
    values: list[ValueCount] = Field(description="The commonest values of a str or list[str], at most 100.")
    min: float | None = Field(description="Least value of an int or float.")
    max: float | None = Field(description="Greatest value of an int or float.")
    complete: bool = Field(description="Whether every picture was looked at, or only the first 20,000.")


class KeyIn(_In):
    """A key, in exchange for a session cookie."""

    key: str = Field(min_length=1, max_length=200)


class SessionOut(BaseModel):
    """Who is asking."""

    keys_required: bool
    scope: Scope | None = Field(description="What the caller may do; null without a valid key.")
    name: str | None = Field(description="The name of the key.")


class Health(BaseModel):
    """The server is there."""

    status: Literal["ok", "ready"]
    version: str
