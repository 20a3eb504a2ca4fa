"""One generation of a library: a configuration, the store that was filled by it, and the encoder that it names.

A library that moves to another encoder gets a new generation beside the old one, which answers until the new one is
whole.
"""

import threading
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Final, Self, TypeVar

from yunmeng.closing import Closing
from yunmeng.copies.comparison import Comparer
from yunmeng.copies.search import CopySearch
from yunmeng.errors import RecordNotFound
from yunmeng.ingest.additions import Additions
from yunmeng.ingest.intake import Intake, Outcome
from yunmeng.ingest.moves import Moves
from yunmeng.ingest.pipeline import OnTally, Pipeline
from yunmeng.library.calibrator import Calibrator
from yunmeng.library.encoding import Encoding
from yunmeng.library.opening import GenerationStore, create_store, open_store
from yunmeng.search.cache.cached import CachedEngine
from yunmeng.search.cache.continuity import Continuity
from yunmeng.search.cache.digests import digest
from yunmeng.search.cache.ground import ground
from yunmeng.search.engine import SearchEngine

if TYPE_CHECKING:
    from yunmeng.copies.verifying import Verifier
    from yunmeng.encoders.protocol import Encoder
    from yunmeng.ingest.naming import Names
    from yunmeng.ingest.roots import Roots
    from yunmeng.library.config import LibraryConfig
    from yunmeng.library.resources import LibraryResources
    from yunmeng.types import Record

__all__ = ["Generation"]

T = TypeVar("T")


class Generation(Closing):
    """An open generation: its store, and what reads, fills and searches it. Threads may share it."""

    def __init__(
        self,
        config: "LibraryConfig",
        store: GenerationStore,
        resources: "LibraryResources",
        encoding: Encoding,
        contents: Continuity | None = None,
    ) -> None:
        self.config: Final = config
        self.store: Final = store
        self.encoding: Final = encoding
        self.calibrator: Final = Calibrator(config, store, encoding, resources)
        self._resources = resources
        self._contents = contents or Continuity(resources.paths.contents, config.generation)
        self._contents.begin(lambda: store.changes.number)
        self._open = True

    @classmethod
    def create(cls, config: "LibraryConfig", resources: "LibraryResources", encoder: "Encoder | None" = None) -> Self:
        """Make a generation, still empty. Raises `EncoderMismatch`."""
        encoding = Encoding(config, resources, encoder)
        return cls(config, create_store(config, resources.paths), resources, encoding)

    @classmethod
    def open(cls, config: "LibraryConfig", resources: "LibraryResources", encoder: "Encoder | None" = None) -> Self:
        """Open a generation that there is. Raises as `ZvecStore.open` does, and `EncoderMismatch`."""
        contents = Continuity(resources.paths.contents, config.generation)
        store = open_store(config, resources.paths)
        try:
            return cls(config, store, resources, Encoding(config, resources, encoder), contents)
        except BaseException:
            store.close()
            raise

    def with_store(self, config: "LibraryConfig", store: GenerationStore) -> "Generation":
        """Return this generation with another store, which holds its own; the encoder is not loaded twice."""
        return Generation(config, store, self._resources, self.encoding)

    @cached_property
    def engine(self) -> CachedEngine:
        """What answers searches, faster the second time."""
        fixed = digest(self.config.model_dump_json(by_alias=True), ground(self._resources.settings))

        def version() -> str:
            learnt = self.calibrator.calibration
            told = "" if learnt is None else f"{learnt.slope!r} {learnt.offset!r}"
            return f"{fixed} {self._contents.name} {told}"

        plain = SearchEngine(
            self.store,
            self.config.encoder.dim,
            lambda: self.encoding.embedder,
            lambda: self.encoding.texts,
            self.read,
            lambda: self.calibrator.calibration,
            metric=self.config.metric,
            verify=lambda picture, ids: self.verifier.verify(picture, ids),
        )
        return CachedEngine(plain, self._resources.caches.results, version, self._resources.read)

    @cached_property
    def verifier(self) -> "Verifier":
        """What aligns pictures with those of the library. Needs the extra ``copies``."""
        from yunmeng.copies.verifying import Verifier

        return Verifier(self.read, max_pixels=self._resources.settings.max_pixels)

    @cached_property
    def copies(self) -> CopySearch:
        """What finds the originals of edited copies. Needs the extra ``copies``."""
        return CopySearch(
            self.store,
            lambda: self.encoding.query_encoder,
            lambda: self.encoding.views,
            lambda: self.verifier,
            self._resources.settings.max_pixels,
        )

    @cached_property
    def comparer(self) -> Comparer:
        """What compares two pictures."""
        return Comparer(self.encoding.embedder, self._resources.media.read, self._resources.settings.max_pixels)

    @cached_property
    def additions(self) -> Additions:
        """What takes in pictures one by one."""
        intake = self.intake(Moves(self.config.created), replace=True)
        return Additions(self.store, self.encoding.query_encoder, intake, self._resources.media)

    @property
    def reads_text(self) -> bool:
        """Whether words can be asked."""
        return self.config.encoder.reads_text or self.store.reads_text or self.encoding.texts is not None

    def find(self, id: str, *, vector: bool = False) -> "Record":
        """Return the record of a picture. Raises `RecordNotFound`."""
        found = self.store.get([id], vectors=vector).get(id)
        if found is None:
            raise RecordNotFound(f"no picture has the id {id}")
        return found

    def read(self, id: str) -> bytes:
        """Return the file of a picture. Raises `RecordNotFound`, and as `MediaStore.read` does."""
        return self._resources.media.read(self.find(id))

    def pipeline(
        self, look: Callable[[T], Outcome], workers: int, on_tally: OnTally, stop: threading.Event
    ) -> Pipeline[T]:
        """Return a run that brings in what ``look`` makes of its entries."""
        return Pipeline(
            look=look,
            encoder=self.encoding.encoder,
            store=self.store,
            state=self._resources.state,
            batch_size=max(1, self._resources.settings.batch_size // self.encoding.views.most),
            workers=workers,
            on_tally=on_tally,
            stop=stop,
        )

    def intake(
        self,
        moves: Moves,
        *,
        names: "Names | None" = None,
        tidy: bool = False,
        replace: bool = False,
        within: "Roots | None" = None,
    ) -> Intake:
        """Return what looks at pictures that come in."""
        resources = self._resources
        return Intake(
            self.store,
            self.encoding.views,
            resources.settings,
            lambda: resources.fetcher,
            moves,
            names=names,
            tidy=tidy,
            replace=replace,
            on_fetched=resources.media.remember,
            within=within,
            in_hand=resources.in_hand,
        )

    def close(self) -> None:
        """Write what is outstanding. Closing twice does no harm."""
        leaves = self._open and self.store.changes.sound
        self._open = False
        if leaves and (self._contents.found or self._resources.caches.redis is not None):
            with self._contents.leaving():  # what is in Redis outlives this process
                self.store.close()
        else:
            self.store.close()
