"""Records, files and facts of an open library: all that needs no search."""

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from yunmeng.library.folders import Folder, Folders
from yunmeng.search.facets import Facet, collect_facets
from yunmeng.stores.parse import read_filter
from yunmeng.types import LibraryInfo

if TYPE_CHECKING:
    from yunmeng.library.generations import Generations
    from yunmeng.library.resources import LibraryResources
    from yunmeng.search.colour.index import ColourCounts
    from yunmeng.stores.filters import Filter
    from yunmeng.types import Record

__all__ = ["RUNS", "LibraryInfo", "LibraryReader"]

RUNS: Final = ("index", "import")
"""The jobs that bring pictures in: by command or call, and by the server."""


class LibraryReader:
    """Reads records, files and facts of an open library. Threads may share it."""

    def __init__(self, resources: "LibraryResources", generations: "Generations") -> None:
        self._resources = resources
        self._generations = generations
        self._folders = Folders()

    @property
    def reads_text(self) -> bool:
        """True where a search answers words: by their meaning, or by names and attributes."""
        return self._generations.current.reads_text

    def same_as(self, id: str) -> list[str]:
        """Return the ids of other pictures with the same bytes as this one's; none where there is no such picture."""
        store = self._generations.fresh.store
        record = store.get([id]).get(id)
        if record is None:
            return []
        same = store.find_sha256([record.sha256]).get(record.sha256, [])
        return [other.id for other in same if other.id != id and other.part == record.part]

    @property
    def missing_extras(self) -> Sequence[str]:
        """The extras that are not installed, and without which questions fail that its encoder could answer."""
        from yunmeng.encoders.text.bridge import lacks_words

        encoder = self._generations.current.config.encoder
        return ["words"] if lacks_words(encoder.origin or encoder.name) else []

    @property
    def reads_meaning(self) -> bool:
        """True where words are found by their meaning too, not by names and attributes alone. Loads the encoder."""
        return self._generations.current.encoding.texts is not None

    @property
    def calibrated(self) -> bool:
        """True where hits have a chance of being a real match."""
        return self._generations.current.calibrator.calibration is not None

    def get(self, id: str, *, vector: bool = False) -> "Record":
        """Return the record of a picture. Raises `RecordNotFound`."""
        return self._generations.fresh.find(id, vector=vector)

    def get_many(self, ids: Sequence[str], *, vectors: bool = False) -> "dict[str, Record]":
        """Return the existing records among ``ids``, by id."""
        return self._generations.fresh.store.get(ids, vectors=vectors)

    def page(
        self, limit: int, after: tuple[str, str] | None = None, filter: "str | Filter | None" = None
    ) -> "list[Record]":
        """Return the next ``limit`` records (that pass ``filter``) by (sha256, id), behind ``after``, one such pair."""
        return self._generations.fresh.store.page(limit, after, read_filter(filter))

    def folders(self, folder: str = "") -> list[Folder]:
        """Return the folders that lie directly in ``folder``, by name; "" is the outermost."""
        return self._folders.below(self._generations.fresh.store, folder)

    def folder_page(
        self, folder: str, limit: int, after: str = "", filter: "str | Filter | None" = None
    ) -> "tuple[list[Record], int]":
        """Return the next ``limit`` pictures in a folder and below by id, behind ``after``, and how many there are.

        Both are of those that pass ``filter``.
        """
        return self._folders.page(self._generations.fresh.store, folder, limit, after, filter)

    def iterate(self, filter: "str | Filter | None" = None, *, vectors: bool = False) -> "Iterator[Record]":
        """Return all records (that pass ``filter``), in no particular order."""
        return self._generations.fresh.store.iterate(read_filter(filter), vectors=vectors)

    def count(self, filter: "str | Filter | None" = None) -> int:
        """Return how many pictures there are (that pass ``filter``)."""
        return self._generations.fresh.store.count(read_filter(filter))

    def facets(self, limit: int = 20_000) -> list[Facet]:
        """Return the values that the first ``limit`` pictures have in the declared attributes."""
        generation = self._generations.fresh
        return collect_facets(generation.store.iterate(), generation.config.attributes, limit)

    def colours(self) -> "ColourCounts":
        """Return how many pictures have each basic colour, and how many have no palette."""
        return self._generations.fresh.colours.counts()

    @property
    def lacks_palettes(self) -> bool:
        """True where pictures have no palette, see `ColourIndex.lacking`; `colours` counts them."""
        return self._generations.fresh.colours.lacking

    def original(self, picture: "str | Record") -> bytes:
        """Return the file of a picture, by id or record. Raises `RecordNotFound`, `OriginalGone`, `FetchError`."""
        return self._resources.media.read(self.get(picture) if isinstance(picture, str) else picture)

    def file_size(self, record: "Record") -> int:
        """Return the bytes of the picture's file; 0 where it is on the web, or gone."""
        return self._resources.media.size(record)

    def thumbnail(self, picture: "str | Record", side: int = 256) -> bytes:
        """Return a small upright copy as WebP; ``side`` is one of 128, 256, 512 and 1,024. Raises as `original`."""
        return self._resources.media.thumbnail(self.get(picture) if isinstance(picture, str) else picture, side)

    def info(self) -> LibraryInfo:
        """Return the facts of the library."""
        folder, generation = self._resources.paths.folder, self._generations.fresh
        config = generation.config
        return LibraryInfo(
            path=str(folder.absolute()),
            pictures=generation.store.count(),
            encoder=config.encoder.name,
            dim=config.encoder.dim,
            metric=config.metric,
            enhance=config.enhance,
            subject=config.subject,
            regions=config.regions,
            augmented=config.augmented,
            full_text=generation.full_text,
            words_missing=generation.words_missing(),
            attributes=dict(config.attributes),
            created=config.created.isoformat(),
            bytes=_size(folder),
            last_job=self._resources.state.last_job(*RUNS),
        )


def _size(folder: Path) -> int:
    """Return the bytes of all files below ``folder``; work in the background may remove some meanwhile."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with suppress(FileNotFoundError):
                total += Path(place, name).stat().st_size
    return total
