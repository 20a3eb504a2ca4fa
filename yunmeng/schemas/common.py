"""Parts of several bodies: ids, attributes, regions, errors."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, JsonValue, StringConstraints, model_validator

from yunmeng import types

__all__ = [
    "Attributes",
    "ErrorBody",
    "ErrorDetail",
    "Id",
    "Region",
    "RegionText",
    "Request",
    "as_region",
    "check_extent",
]


Id: TypeAlias = Annotated[str, StringConstraints(min_length=1, max_length=1024)]

Attributes: TypeAlias = dict[str, JsonValue]


MOST_VALUES: Final = 200_000
"""Values in one body, at most: fifty vectors of 2,048 numbers have half as many. Each takes fifty times its bytes."""
MOST_FIELDS: Final = 64
"""Fields of one object, at most: each that nobody knows would be an error of its own, larger than the field."""


def check_extent(body: bytes | str) -> None:
    """Refuse a JSON body with more values than any request has, raising ValueError. It is not parsed for that."""
    separators: tuple[Any, ...] = (b",", b"[", b"{") if isinstance(body, bytes) else (",", "[", "{")
    if sum(map(body.count, separators)) > MOST_VALUES:
        raise ValueError(f"more than {MOST_VALUES:,} values in one body")


class Request(BaseModel):
    """A request: an unknown field is an error, which names the field."""

    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _few_fields(cls, value: Any) -> Any:
        if isinstance(value, Mapping) and len(value) > MOST_FIELDS:
            raise ValueError(f"{len(value):,} fields, where {MOST_FIELDS} are more than enough")
        return value


class ErrorDetail(BaseModel):
    """An error: its code and message."""

    code: str = Field(description="Stable, for programs: docs/http.md lists all of them.")
    message: str = Field(description="One line, for people.")
    request_id: str = Field(description="Names the request in the server's log.")
    details: list[JsonValue] = Field(default=[], description="Where several things are wrong, each of them.")


class ErrorBody(BaseModel):
    """The body of every answer that is an error."""

    error: ErrorDetail


class Region(Request):
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


def as_region(region: Region) -> types.Region:
    """Return the same region as the library's type."""
    return types.Region(region.x, region.y, region.w, region.h)


def _from_text(value: object) -> object:
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
    BeforeValidator(_from_text, json_schema_input_type=str),
]
