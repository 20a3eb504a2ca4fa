"""Facts and views of a picture: what its bytes are turned into before the encoder sees it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from yunmeng.encoders.crops.views import View, Views
from yunmeng.errors import PictureError, Reason
from yunmeng.imaging.describe import describe

__all__ = ["Extracted", "Facts", "extract"]


class Facts(NamedTuple):
    """What a record says of a picture's pixels; each field is that of `yunmeng.types.Record`."""

    width: int
    height: int
    phash: str
    pdq: str
    quality: Mapping[str, float]
    palette: str


class Extracted(NamedTuple):
    """A decoded picture: its facts, and the pixels for the encoder, the main view first."""

    facts: Facts
    views: Sequence[View]


def extract(pictures: Iterator[bytes], views: Views) -> Extracted:
    """Decode the next of a file's ``pictures``, which a reader of `yunmeng.media` yields. Raises `PictureError`."""
    data = next(pictures, None)
    if data is None:
        raise PictureError(Reason.CORRUPT, "a picture before it in the file is broken")
    picture = views.decode(data)
    prints, quality, colours = describe(picture)
    facts = Facts(picture.width, picture.height, prints.phash, prints.pdq, quality, colours)
    return Extracted(facts, views.all(data, picture))
