"""Pictures and other values in the form in which requests carry them."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast
from urllib.parse import quote

from yunmeng.errors import QueryError
from yunmeng.schemas.call import Part
from yunmeng.schemas.text import to_wire

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from yunmeng.types import QueryPicture

__all__ = ["content", "field", "file", "floats", "given", "is_url", "place", "region_of"]


def is_url(picture: object) -> bool:
    """Return whether this is an http or https URL, which the server will fetch."""
    return isinstance(picture, str) and picture.lower().startswith(("http://", "https://"))


def content(picture: "QueryPicture") -> bytes:
    """Return the bytes of a picture's file; those of a PNG for pixels and Pillow images. Raises `QueryError`."""
    if isinstance(picture, bytes):
        return picture
    if isinstance(picture, str | Path):
        return Path(picture).read_bytes()
    import numpy as np
    from PIL import Image

    from yunmeng.imaging.decode import from_array, from_pillow

    if isinstance(picture, Image.Image):
        pixels = from_pillow(picture)
    elif isinstance(picture, np.ndarray):
        pixels = from_array(picture)
    else:
        raise QueryError(
            f"a picture is a path, a URL, a file's bytes, a Pillow image or RGB pixels, not {type(picture).__name__}"
        )
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG", compress_level=1)
    return stream.getvalue()


def file(name: str, picture: bytes) -> Part:
    """Return the field of a form that holds a picture."""
    return name, ("picture", picture)


def field(name: str, value: object) -> Part:
    """Return a field of a form."""
    return name, (None, str(value).encode())


def place(collection: str, id: str) -> str:
    """Return the path of a picture. Raises `QueryError`."""
    if not id:
        raise QueryError("an id has at least one character")
    return f"/v1/{collection}/{quote(to_wire(id), safe='')}"


def given(**fields: object) -> dict[str, object]:
    """Return the fields that are not None."""
    return {name: value for name, value in fields.items() if value is not None}


def floats(vector: "ArrayLike | None") -> list[float] | None:
    """Return an embedding as JSON has it."""
    return None if vector is None else [float(value) for value in cast("Sequence[float]", vector)]


def region_of(region: Sequence[float] | None) -> dict[str, float] | None:
    """Return a region as JSON has it, for the server to check. Raises `QueryError`."""
    if region is None:
        return None
    if len(region) != 4:
        raise QueryError("a region is four numbers: x, y, width and height in fractions of the picture")
    return dict(zip("xywh", map(float, region), strict=True))
