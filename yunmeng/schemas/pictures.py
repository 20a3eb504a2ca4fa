"""Bodies about pictures of a library: view, add, change, delete."""

from pydantic import BaseModel, Field, model_validator

from yunmeng.schemas.common import Attributes, ErrorBody, Id, Request
from yunmeng.types import AddStatus, Palette, Swatch

__all__ = [
    "AddResult",
    "Added",
    "AttributeChanges",
    "Changed",
    "Deleted",
    "FolderOut",
    "FromUrl",
    "KeptPicture",
    "NewAttributes",
    "PaletteOut",
    "PictureOut",
    "PicturePage",
    "Selection",
    "SwatchOut",
]


class SwatchOut(BaseModel):
    """One colour of a picture."""

    hex: str = Field(pattern="^#[0-9a-f]{6}$", description="The colour, sRGB.")
    share: float = Field(gt=0, le=1, description="How much of the subject, or of the picture, has it.")


class PaletteOut(BaseModel):
    """The colours of a picture, at most five each, the largest share first."""

    subject: list[SwatchOut] = Field(description="Of its subject: without the background, as far as that is told.")
    whole: list[SwatchOut] = Field(description="Of all of it.")

    @classmethod
    def of(cls, text: str) -> "PaletteOut | None":
        """Return a palette as `yunmeng.types.Record.palette` holds it; None where there is none."""
        return (
            cls(**{name: list(map(_shown, each)) for name, each in Palette.read(text)._asdict().items()})
            if text
            else None
        )

    @property
    def text(self) -> str:
        """The palette as `yunmeng.types.Record.palette` holds it."""
        return Palette(tuple(map(_swatch, self.subject)), tuple(map(_swatch, self.whole))).text()


def _shown(swatch: Swatch) -> SwatchOut:
    return SwatchOut(hex=swatch.hex, share=round(swatch.share, 4))


def _swatch(shown: SwatchOut) -> Swatch:
    red, green, blue = bytes.fromhex(shown.hex[1:])
    return Swatch(red, green, blue, shown.share)


class PictureOut(BaseModel):
    """One picture as the library keeps it."""

    id: str
    uri: str | None = Field(description="Where it came from; a path only for those who may write.")
    part: str = Field(description="The part of the file that it is, such as page:2; empty for a file of its own.")
    width: int
    height: int
    sha256: str
    phash: str
    pdq: str
    quality: dict[str, float]
    problems: list[str] = Field(description="What is wrong with its quality: blurred, dark, bright, flat, tiny, odd.")
    palette: PaletteOut | None = Field(None, description="Its colours; null where they were not computed yet.")
    attributes: Attributes


class PicturePage(BaseModel):
    """A page of pictures, in an order that does not change while others come and go."""

    pictures: list[PictureOut]
    total: int = Field(description="Pictures that pass the filter.")
    next_cursor: str | None = Field(description="Ask with it for the next page; null on the last one.")


class FolderOut(BaseModel):
    """A folder, as the ids of pictures tell it."""

    path: str
    pictures: int = Field(description="In it and below.")
    has_folders: bool = Field(description="Whether folders lie in it.")


class Added(BaseModel):
    """The result for one picture that was sent."""

    id: str
    status: AddStatus = Field(description="replaced: new content under a known id; updated: new attributes only.")
    same_as: list[str] = Field([], description="Other pictures of the library with the same bytes.")


class AddResult(BaseModel):
    """The results for all pictures that were sent, in their order: an `Added`, or an error."""

    results: list[Added | ErrorBody]


class FromUrl(Request):
    """A picture on the web to add to the library."""

    url: str = Field(min_length=1, max_length=4096)
    id: Id | None = Field(None, description="Left out, the URL is its id.")
    attributes: Attributes | None = Field(None, description="Left out, a known picture keeps its own.")


class NewAttributes(Request):
    """All attributes of a picture; they replace those that it had."""

    attributes: Attributes


class KeptPicture(BaseModel):
    """A picture that is kept for a day to search with."""

    sha256: str = Field(description="Of its bytes; it is fetched by it.")


class AttributeChanges(Request):
    """Changes to some attributes of several pictures; their others stay."""

    ids: list[Id] = Field(min_length=1, max_length=10_000)
    values: Attributes = Field({}, description="New values; null removes an attribute.")
    add: dict[str, list[str]] = Field({}, description="Values that join those of a list.")


class Changed(BaseModel):
    """The number of pictures that were changed."""

    changed: int


class Selection(Request):
    """Pictures by id, by filter, or both; or all pictures."""

    ids: list[Id] = Field([], max_length=10_000)
    filter: str | None = Field(None, max_length=10_000, description="As in a search; one that keeps all is refused.")
    all: bool = Field(False, strict=True, description="Every picture; without ids and filter.")

    @model_validator(mode="after")
    def _something(self) -> "Selection":
        if self.filter is not None and not self.filter.strip():
            raise ValueError("the filter is empty: leave it out, or write one")
        if not self.all and "ids" not in self.model_fields_set and self.filter is None:
            raise ValueError("name ids, give a filter, or say all")
        if self.all and (self.ids or self.filter is not None):
            raise ValueError("give all, or ids and filter, not both")
        return self


class Deleted(BaseModel):
    """The number of pictures that were removed."""

    deleted: int
