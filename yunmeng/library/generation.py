"""One generation of a library: a configuration, the store that was filled by it, and the encoder that it names.

A library that moves to another encoder gets a new generation beside the old one, which answers until the new one is
complete.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from functools import cached_property
from typing import TYPE_CHECKING, Final, Self, TypeVar

from yunmeng.concurrency import ReadWriteLock
from yunmeng.copies.comparison import Comparer
from yunmeng.copies.search import CopySearch
from yunmeng.errors import RecordNotFound
from yunmeng.ingest.additions import Additions
from yunmeng.ingest.classifier import Classifier
from yunmeng.ingest.decisions import Decision
from yunmeng.ingest.moves import Moves
from yunmeng.ingest.pipeline import OnTally, Pipeline
from yunmeng.ingest.runners.local import LocalRunner
from yunmeng.library.calibrator import Calibrator
from yunmeng.library.encoding import Encoding
from yunmeng.library.opening import create_store, open_store
from yunmeng.search.cache.cached import CachedEngine
from yunmeng.search.cache.content_version import ContentVersion
from yunmeng.search.cache.digests import digest
from yunmeng.search.cache.environment import environment
from yunmeng.search.colour.index import ColourIndex
from yunmeng.search.engine import SearchEngine
from yunmeng.search.why import Explainer
from yunmeng.stores.augmented import layers
from yunmeng.types import Closing

if TYPE_CHECKING:
    from yunmeng.copies.verifier import Verifier
    from yunmeng.encoders.protocol import Encoder
    from yunmeng.ingest.naming import Names
    from yunmeng.ingest.roots import Roots
    from yunmeng.ingest.runners.protocol import Runner
    from yunmeng.library.config import LibraryConfig
    from yunmeng.library.resources import LibraryResources
    from yunmeng.library.words import WordedStore
    from yunmeng.stores.ann.file import IndexFile
    from yunmeng.stores.ann.indexed import IndexedStore
    from yunmeng.stores.protocol import Store
    from yunmeng.types import FullText, Record

__all__ = ["Generation"]

T = TypeVar("T")


class Generation(Closing):
    """An open generation: its store, and what reads, fills and searches it. Threads may share it."""

    def __init__(
        self,
        config: "LibraryConfig",
        store: "Store",
        resources: "LibraryResources",
        encoding: Encoding,
        contents: ContentVersion | None = None,
        index: str = "",
    ) -> None:
        self.config: Final = config
        self.store: Final = store
        self.encoding: Final = encoding
        self._changing = threading.Lock()
        self._writes = ReadWriteLock()
        self.calibrator: Final = Calibrator(config, store, encoding, resources)
        self._resources = resources
        self._index = index
        self.shared: Final = resources.contents is not None and not store.capabilities.exclusive
        """True where other processes write to the same store, and know of it by the state database."""
        self._contents = contents or _version(config, resources)
        self._contents.begin(store)
        store.changes.around = self._noted
        self._open = True

    @classmethod
    def create(cls, config: "LibraryConfig", resources: "LibraryResources", encoder: "Encoder | None" = None) -> Self:
        """Make a generation, still empty. Raises `EncoderMismatch`."""
        encoding = Encoding(config, resources, encoder)
        return cls(config, create_store(config, resources.paths, resources.shared_state), resources, encoding)

    @classmethod
    def open(
        cls,
        config: "LibraryConfig",
        resources: "LibraryResources",
        encoder: "Encoder | None" = None,
        index: "IndexFile | None" = None,
    ) -> Self:
        """Open an existing generation. Raises as `yunmeng.stores.open` does, and `EncoderMismatch`."""
        contents = _version(config, resources)
        store = open_store(config, resources.paths, resources.shared_state, index)
        try:
            encoding = Encoding(config, resources, encoder)
            generation = cls(config, store, resources, encoding, contents, "" if index is None else index.sha256)
        except BaseException:
            store.close()
            raise
        indexed = generation.indexed
        if indexed is not None and indexed.contents is not None and indexed.contents == contents.name:
            indexed.trust()
        return generation

    def with_store(self, config: "LibraryConfig", store: "Store") -> "Generation":
        """Return this generation with another store, which holds its own; the encoder is not loaded twice."""
        return Generation(config, store, self._resources, self.encoding, index=self._index)

    def following_one(self, config: "LibraryConfig") -> "Generation":
        """Open the generation to which another process has moved the library. Raises as `open` does.

        The encoder is not loaded twice where it is the same; an index in a file is not used any more.
        """
        if config.same_vectors(self.config):
            store = open_store(config, self._resources.paths, self._resources.shared_state)
            after = Generation(config, store, self._resources, self.encoding)
        else:
            after = Generation.open(config, self._resources, self.encoding.given_for(config))
        if self._resources.contents is not None:
            self._resources.contents.opened(config.generation)
        return after

    @property
    def indexed(self) -> "IndexedStore | None":
        """The part of the store that is searched by an index in a file, if there is one."""
        if not self._index:
            return None
        from yunmeng.stores.ann.indexed import IndexedStore

        first = layers(self.store)[0]
        return first if isinstance(first, IndexedStore) else None

    def keep_contents(self) -> str | None:
        """Return the name of the contents, which the next opening will know if nothing is written until then."""
        self._contents.keep()
        return self._contents.name

    @cached_property
    def engine(self) -> CachedEngine:
        """The search engine, with its cache of answers."""
        fixed = digest(self.config.model_dump_json(by_alias=True), environment(self._resources.settings), self._index)

        def version() -> str | None:
            contents, learnt, bands = self._contents.name, self.calibrator.calibration, self.calibrator.known_bands
            told = "" if learnt is None else f"{learnt.slope!r} {learnt.offset!r}"
            told += "" if bands is None else f" {bands.same!r} {bands.very_alike!r} {bands.alike!r}"
            return None if contents is None else f"{fixed} {contents} {told}"

        plain = SearchEngine(
            self.store,
            self.config.encoder.dim,
            self.encoding,
            read=self.read,
            calibration=lambda: self.calibrator.calibration,
            bands=lambda: self.calibrator.bands,
            metric=self.config.metric,
            verify=lambda picture, ids: self.verifier.align(picture, ids),
            colours=self.colours,
        )
        cache, read = self._resources.caches.results, self._resources.read
        return CachedEngine(plain, cache, version, read, lasts=self._contents.lasts)

    @cached_property
    def colours(self) -> ColourIndex:
        """The palettes of the pictures, read when first needed."""
        return ColourIndex(self.store, lambda: self._contents.name)

    @cached_property
    def verifier(self) -> "Verifier":
        """The verifier, which aligns pictures with those of the library. Needs the extra ``copies``."""
        from yunmeng.copies.verifier import Verifier

        return Verifier(self.read, max_pixels=self._resources.settings.max_pixels)

    @cached_property
    def copies(self) -> CopySearch:
        """The search for originals of edited copies. Needs the extra ``copies``."""
        return CopySearch(
            self.store,
            lambda: self.encoding.query_encoder,
            lambda: self.encoding.views,
            lambda: self.verifier,
            self._resources.settings.max_pixels,
        )

    @cached_property
    def explainer(self) -> Explainer:
        """The explanation of hits."""
        return Explainer(
            self.encoding,
            lambda id: self.find(id, vector=True),
            self._resources.media.read,
            lambda: self.calibrator.calibration,
            lambda: self.calibrator.bands,
        )

    @cached_property
    def comparer(self) -> Comparer:
        """The comparison of two pictures."""
        return Comparer(self.encoding.embedder, self._resources.media.read, self._resources.settings.max_pixels)

    @cached_property
    def additions(self) -> Additions:
        """The way in for single pictures. Threads may share it; it takes no lock of the library's."""
        classifier = self.classifier(Moves(self.config.created), replace=True)
        return Additions(self.store, self.encoding.query_encoder, classifier, self._resources.media, self.writing)

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Keep all others out while records are changed that were read before, in other processes as well."""
        with self._changing, self.across("records"):
            self.catch_up()
            yield

    def catch_up(self) -> None:
        """Have later reads show all that other processes have written by now.

        Raises `LibraryMoved` where they have moved the library to another generation.
        """
        if self.shared:
            _ = self._contents.name

    def across(self, what: str, *, wait: bool = True) -> AbstractContextManager[None]:
        """Return a context that one process at a time is in, see `State.exclusive`; all are where none are shared."""
        return self._resources.state.exclusive(what, wait=wait) if self.shared else nullcontext()

    @property
    def reads_text(self) -> bool:
        """True where a search answers words. May load the encoder."""
        return self.config.encoder.reads_text or self.store.capabilities.text or self.encoding.texts is not None

    @property
    def full_text(self) -> "FullText":
        """Return what has the words of names and attributes."""
        if not self.store.capabilities.text:
            return "missing"
        return "store" if self._worded is None else "state"

    def words_missing(self) -> int:
        """Return about how many pictures are not found by all of their words yet."""
        return 0 if self._worded is None else self._worded.unread()

    @cached_property
    def _worded(self) -> "WordedStore | None":
        """Return the part of the store that has its words in the state, if there is one."""
        if not self.config.state_shared:
            return None
        from yunmeng.library.words import worded_in

        return worded_in(self.store)

    def refresh_words(self, stop: threading.Event, portions: int | None = None) -> None:
        """Read the words of records that lack them, as `yunmeng.library.words` says: some portions, or all.

        For all, they are also counted, and read again where they cannot be those of the records.
        """
        worded, done = self._worded, 0
        if worded is None:
            return
        if portions is None and not worded.is_behind():
            before = self._contents.name
            if not worded.is_whole() and before is not None and before == self._contents.name:  # nobody has written
                worded.read_again()
        while worded.is_behind() and done != portions and not stop.is_set():
            with self.store.changes.writing(()):  # answers by words change
                if not worded.refresh():
                    break  # others are writing the rest
            done += 1

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
        self,
        classify: Callable[[T], Decision],
        workers: int,
        on_tally: OnTally,
        stop: threading.Event,
        runner: "Runner | None" = None,
    ) -> Pipeline[T]:
        """Return a run that indexes entries as ``classify`` decides; None encodes new pictures in this process."""
        return Pipeline(
            classify=classify,
            runner=runner or LocalRunner(self.encoding.encoder),
            store=self.store,
            state=self._resources.state,
            batch_size=max(1, self._resources.settings.batch_size // self.encoding.views.most),
            workers=workers,
            on_tally=on_tally,
            stop=stop,
        )

    def classifier(
        self,
        moves: Moves,
        *,
        names: "Names | None" = None,
        tidy: bool = False,
        replace: bool = False,
        within: "Roots | None" = None,
        frames: int = 1,
        decodes: bool = True,
    ) -> Classifier:
        """Return a classifier of pictures that come in, see `Classifier` for the options."""
        resources = self._resources
        return Classifier(
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
            frames=frames,
            in_hand=resources.in_hand,
            decodes=decodes,
        )

    @contextmanager
    def still(self) -> Iterator[Callable[[], None]]:
        """Hold all writes to the store, those of other processes too, and have reads show all that was written.

        Other processes are held only where they share the state. Gives a function to call at least once a minute; it
        raises `Busy` where others write again.
        """
        contents = self._resources.contents if self.shared else None
        with self._writes.exclusive(), nullcontext(_nothing) if contents is None else contents.still() as go_on:
            if not self.store.capabilities.exclusive:
                self.store.changes.overtaken()
            yield go_on

    @contextmanager
    def following(self) -> Iterator[Callable[[], None]]:
        """Keep other processes from writing to the generation before this one, which follows it at the end.

        Gives a function to call right before ``library.toml`` is written. Raises `Busy` as `SharedContents.moving`.
        """
        if self.shared and self._resources.contents is not None:
            with self._resources.contents.moving(self.config.generation) as about_to:
                yield about_to
        else:
            yield lambda: None

    @contextmanager
    def _noted(self) -> Iterator[None]:
        """Do a write to the store: none while `still` holds them, and one of which all processes know."""
        contents = self._resources.contents if self.shared else None
        with ExitStack() as stack:
            stack.enter_context(self._writes)
            if contents is not None:
                if self.config.augmented:  # whoever averages reads first what the others must not change
                    stack.enter_context(self.across("augmented"))
                stack.enter_context(contents.writing(self.config.generation))
            yield

    def close(self) -> None:
        """Write what is outstanding and close. Closing twice does no harm."""
        leaves = self._open and self.store.changes.sound and self._contents.by_files
        self._open = False
        if leaves and (self._contents.found or self._resources.caches.redis is not None):
            with self._contents.leaving():  # what is in Redis outlives this process
                self.store.close()
        else:
            self.store.close()


def _nothing() -> None:
    """Have nobody to tell."""


def _version(config: "LibraryConfig", resources: "LibraryResources") -> ContentVersion:
    return ContentVersion(resources.paths.contents, config.generation, resources.contents)
