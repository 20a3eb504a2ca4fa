"""What a library is and holds: all that can be looked at without asking a question."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from yunmeng.config import Settings
from yunmeng.imaging import thumbnail
from yunmeng.library.generation import Generation, LibraryResources
from yunmeng.library.paths import LibraryConfig
from yunmeng.search import Facet, collect_facets, read_filter
from yunmeng.search.cache import Caches
from yunmeng.state import Job, State
from yunmeng.stores import Filter
from yunmeng.types import AttributeSchema, Closing, Enhancement, Record

__all__ = ["RUNS", "LibraryInfo", "LibraryReader"]

RUNS: Final = ("index", "import")
"""The jobs that bring pictures in: by command or call, and by the server."""


@dataclass(frozen=True, slots=True)
class LibraryInfo:
    """What a library is and holds. ``bytes`` is its size on disk; ``last_job`` the last run of ``index``."""

    path: str
    pictures: int
    encoder: str
    dim: int
    metric: str
    enhance: Sequence[Enhancement]
    subject: bool
    regions: bool
    augmented: bool
    attributes: AttributeSchema
    created: str
    bytes: int
    last_job: Job | None


class LibraryReader(Closing):
    """The records of an open library, their files, and what is known of the whole."""

    def __init__(self, resources: LibraryResources, generation: Generation) -> None:
        self._resources = resources
        self._generation = generation

    @property
    def schema(self) -> AttributeSchema:
        """The declared attributes."""
        return self.config.attributes

    @property
    def config(self) -> LibraryConfig:
        """What the library is: its encoder, and what is done to its pictures."""
        return self._generation.config

    @property
    def settings(self) -> Settings:
        """The settings it was opened with."""
        return self._resources.settings

    @property
    def path(self) -> Path:
        """Its folder."""
        return self._resources.paths.folder

    @property
    def name(self) -> str:
        """The name of its folder."""
        return self.path.absolute().name

    @property
    def state(self) -> State:
        """The state database, opened when first needed: a search does without."""
        return self._resources.state

    @property
    def caches(self) -> Caches:
        """What is kept of questions that were asked before."""
        return self._resources.caches

    @property
    def reads_text(self) -> bool:
        """Whether `search` answers words: by what they mean, or by names and attributes."""
        return self._generation.reads_text

    @property
    def reads_meaning(self) -> bool:
        """Whether words are looked for by what they mean too, not by names and attributes alone. Loads the encoder."""
        return self._generation.texts is not None

    @property
    def calibrated(self) -> bool:
        """Whether hits tell their chance of being a real match."""
        return self._generation.calibration is not None

    def get(self, id: str, *, vector: bool = False) -> Record:
        """The record of a picture. Raises `RecordNotFound`."""
        return self._generation.find(id, vector=vector)

    def get_many(self, ids: Sequence[str]) -> dict[str, Record]:
        """The records that there are among ``ids``, by id."""
        return self._generation.store.get(ids)

    def page(
        self, limit: int, after: tuple[str, str] | None = None, filter: str | Filter | None = None
    ) -> list[Record]:
        """The next ``limit`` records (that pass ``filter``) by (sha256, id), behind ``after``, one such pair."""
        return self._generation.store.page(limit, after, read_filter(filter))

    def facets(self, limit: int = 20_000) -> list[Facet]:
        """What values the first ``limit`` pictures hold in the declared attributes."""
        return collect_facets(self._generation.store.iterate(), self.schema, limit)

    def original(self, picture: str | Record) -> bytes:
        """The file of a picture, by id or record. Raises `RecordNotFound`, `OriginalGone`, `FetchError`."""
        return self._resources.media.read(self.get(picture) if isinstance(picture, str) else picture)

    def thumbnail(self, picture: str | Record, side: int = 256) -> bytes:
        """A small upright copy as WebP; ``side`` is one of 128, 256, 512 and 1,024. Raises as `original` does."""
        return self._resources.media.thumbnail(self.get(picture) if isinstance(picture, str) else picture, side)

    def preview(self, url: str, side: int = 1024) -> bytes:
        """A small copy of a picture on the web, as WebP. Raises `PictureError`."""
        return thumbnail(self._resources.fetcher.fetch(url), side, max_pixels=self._resources.settings.max_pixels)

    def count(self, filter: str | Filter | None = None) -> int:
        """How many pictures there are (that pass ``filter``)."""
        return self._generation.store.count(read_filter(filter))

    def iterate(self, filter: str | Filter | None = None, *, vectors: bool = False) -> Iterator[Record]:
        """All records (that pass ``filter``), in no particular order."""
        return self._generation.store.iterate(read_filter(filter), vectors=vectors)

    def info(self) -> LibraryInfo:
        """What the library is and holds."""
        files = (Path(folder, name) for folder, _, names in os.walk(self._resources.paths.folder) for name in names)
        return LibraryInfo(
            path=str(self._resources.paths.folder.absolute()),
            pictures=self._generation.store.count(),
            encoder=self.config.encoder.name,
            dim=self.config.encoder.dim,
            metric=self.config.metric,
            enhance=self.config.enhance,
            subject=self.config.subject,
            regions=self.config.regions,
            augmented=self.config.augmented,
            attributes=dict(self.schema),
            created=self.config.created.isoformat(),
            bytes=sum(file.stat().st_size for file in files),
            last_job=self.state.last_job(*RUNS),
        )
