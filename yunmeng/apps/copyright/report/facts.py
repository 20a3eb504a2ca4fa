"""What a report on one picture and one work says, without words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from yunmeng.apps.copyright.types import Entry, Verification, WorkMatch
from yunmeng.imaging.decode import decode
from yunmeng.imaging.fingerprint import sha256
from yunmeng.imaging.formats import recognise

if TYPE_CHECKING:
    from PIL import Image

    from yunmeng.library.library import Library
    from yunmeng.types import Comparison

__all__ = ["EvidenceFacts", "FileFacts", "gather"]

_SHOWN: Final = 900
"""Pixels of the longer side of a picture in a report: enough to see, not to use."""


@dataclass(frozen=True, slots=True)
class FileFacts:
    """A picture's file, and a small copy of the picture."""

    name: str
    sha256: str
    bytes: int
    format: str
    size: tuple[int, int]
    shown: "Image.Image"


@dataclass(frozen=True, slots=True)
class EvidenceFacts:
    """All that a report says.

    ``drawing`` is the drawn evidence of `Library.evidence`; ``proof`` is that of the work's first entry, ``history``
    all its entries; ``verification`` that of the whole register, at ``made_at`` (UTC).
    """

    made_at: datetime
    suspect: FileFacts
    original: FileFacts
    match: WorkMatch
    comparison: "Comparison"
    drawing: "Image.Image"
    proof: Mapping[str, Any]
    history: Sequence[Entry]
    verification: Verification


def gather(
    library: "Library",
    suspect: tuple[str, bytes],
    match: WorkMatch,
    proof: Mapping[str, Any],
    history: Sequence[Entry],
    verification: Verification,
) -> EvidenceFacts:
    """Compare a picture, as (name, bytes), with the work that ``match`` names, and collect what is known of both.

    Raises `PictureError`, and `OriginalGone` where the work's file cannot be read any more.
    """
    name, data = suspect
    record = library.get(match.id, vector=True)
    kept = library.original(record)
    title = match.work.details.title or match.id
    found = library.evidence(data, record, (name, title))
    pixels = library.settings.max_pixels
    return EvidenceFacts(
        made_at=datetime.now(UTC),
        suspect=_file(name, data, pixels),
        original=_file(title, kept, pixels),
        match=match,
        comparison=found.comparison,
        drawing=found.picture,
        proof=proof,
        history=history,
        verification=verification,
    )


def _file(name: str, data: bytes, max_pixels: int) -> FileFacts:
    from PIL import Image

    picture = decode(data, at_least=_SHOWN, max_pixels=max_pixels)
    shown = Image.fromarray(picture.pixels)
    shown.thumbnail((_SHOWN, _SHOWN), Image.Resampling.LANCZOS)
    return FileFacts(name, sha256(data), len(data), recognise(data), (picture.width, picture.height), shown)
