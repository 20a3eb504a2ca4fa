"""Decisions on what comes in: each entry is unchanged, a duplicate, new, no picture, or cannot be indexed."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self, TypeAlias

from yunmeng.encoders.crops.views import View
from yunmeng.errors import PictureError
from yunmeng.ingest.entries import Entry
from yunmeng.ingest.extraction import Facts
from yunmeng.types import Attributes, Record, Region, RegionVector, Vector

__all__ = [
    "Decision",
    "Duplicate",
    "Failed",
    "New",
    "NewPicture",
    "NoPicture",
    "Several",
    "Single",
    "Unchanged",
    "Undecoded",
    "with_vectors",
]


@dataclass(frozen=True, slots=True)
class Unchanged:
    """The library has it as it is."""


@dataclass(frozen=True, slots=True)
class NoPicture:
    """A file that is no picture and has no picture's name. ``format`` names its format, if that may hold pictures."""

    format: str | None = None


@dataclass(frozen=True, slots=True)
class Failed:
    """It cannot be indexed."""

    uri: str
    reason: str

    @classmethod
    def of(cls, entry: Entry, error: PictureError) -> Self:
        """Return the failure of ``entry``; the reason names its line of a manifest, if it has one."""
        told = error.detail if entry.place in error.detail else f"{entry.place}: {error.detail}"
        return cls(entry.source, str(PictureError(error.reason, told)))


@dataclass(frozen=True, slots=True)
class Duplicate:
    """Its bytes are in the library, so its vector is too: only the record changes. ``stale`` are ids to remove."""

    record: Record
    stale: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class New:
    """A new picture to encode: a record without vectors, and the pixels for the encoder, the main view first."""

    record: Record
    views: Sequence[View]

    def with_vectors(self, vectors: Sequence[Vector]) -> Record:
        """Return the record, with the vectors that the encoder has made of its views."""
        return with_vectors(self.record, [view.region for view in self.views], vectors)


@dataclass(frozen=True, slots=True)
class NewPicture:
    """A picture that is still to be decoded. ``attributes`` are those of its record if the entry says nothing."""

    entry: Entry
    digest: str
    attributes: Attributes

    def record(self, facts: Facts) -> Record:
        """Return its record, without vectors."""
        entry = self.entry
        return Record(
            id=entry.id,
            uri=entry.uri,
            sha256=self.digest,
            attributes=self.attributes if entry.attributes is None else entry.attributes,
            part=entry.part,
            **facts._asdict(),
        )


@dataclass(frozen=True, slots=True)
class Undecoded:
    """New pictures of one file, of which another process decodes ``data``."""

    data: bytes
    pictures: Sequence[NewPicture]


Single: TypeAlias = Unchanged | Failed | Duplicate | New


@dataclass(frozen=True, slots=True)
class Several:
    """A file with more than one picture, and the decisions on them."""

    decisions: Sequence[Single | Undecoded]


Decision: TypeAlias = Single | NoPicture | Several | Undecoded


def with_vectors(record: Record, regions: Sequence[Region], vectors: Sequence[Vector]) -> Record:
    """Return a record with the vectors of its views, of which ``regions`` says where they are, the main one first."""
    parts = zip(regions, vectors, strict=True) if len(regions) > 1 else ()
    return replace(record, vector=vectors[0], regions=tuple(RegionVector(region, vector) for region, vector in parts))
