"""The façade: an open library, which is an encoder, a store and a state database in one folder."""

import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Self, Unpack

from yunmeng.config import Settings
from yunmeng.encoders.catalogue import DEFAULT_ENCODER
from yunmeng.errors import QueryError
from yunmeng.library.config import LibraryConfig, read_config, write_config
from yunmeng.library.encoding import identify
from yunmeng.library.generation import Generation
from yunmeng.library.generations import Generations
from yunmeng.library.maintenance import Maintenance
from yunmeng.library.paths import LibraryPaths
from yunmeng.library.reader import LibraryReader
from yunmeng.library.resources import LibraryResources
from yunmeng.library.writer import LibraryWriter
from yunmeng.search.metrics import check_library_metric
from yunmeng.search.query import check_region
from yunmeng.search.request import SearchRequest
from yunmeng.search.rerank.registry import read_steps
from yunmeng.state.backend import DEFAULT_STATE
from yunmeng.state.urls import check_state, named_state
from yunmeng.stores.checks import check_group
from yunmeng.stores.filters import check
from yunmeng.stores.parse import read_filter
from yunmeng.stores.registry import DEFAULT_STORE, check_url
from yunmeng.stores.schema import check_schema
from yunmeng.types import Closing, LibraryInfo, QueryPart, Record

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from yunmeng.encoders.crops.views import Source
    from yunmeng.encoders.protocol import Encoder
    from yunmeng.library.backup import Backup, OnFile
    from yunmeng.library.dba import AugmentReport, OnStep
    from yunmeng.library.palettes import PaletteReport
    from yunmeng.search.calibration import Sample
    from yunmeng.state.database import State
    from yunmeng.stores.filters import Filter
    from yunmeng.types import (
        Addition,
        Attributes,
        AttributeSchema,
        AttributeType,
        Comparable,
        Comparison,
        Enhancement,
        Evidence,
        Hits,
        IndexReport,
        LibraryMetric,
        OnTally,
        QueryPicture,
        Record,
        RunnerName,
        SearchKeywords,
        Subject,
        Vector,
        Why,
    )

__all__ = ["Library", "LibraryInfo"]


class Library(Closing):
    """Pictures that can be searched, in a folder of their own.

    Only one process at a time can have it open, unless its store and its state are on servers, see docs/cluster.md.

    >>> with Library.create("my-library") as library:                      # doctest: +SKIP
    ...     library.index(["photos/"])
    ...     hits = library.search("query.jpg", k=5)

    Every method forwards to one of the parts, which applications and servers may use too: ``reader``, ``writer``,
    ``maintenance``; ``resources`` (paths, settings, state database, media, caches); and ``generations``, of which
    ``generation`` is the current one (store, encoder and search engine).
    """

    def __init__(self, resources: LibraryResources, generation: Generation, *, pinned: bool = False) -> None:
        """Compose an open library; it stays at ``generation`` where it is ``pinned``."""
        self.resources = resources
        self.generations = Generations(resources.paths, generation, pinned=pinned, state=resources.shared_state)
        self.reader: Final = LibraryReader(resources, self.generations)
        self.writer: Final = LibraryWriter(resources, self.generations)
        self.maintenance: Final = Maintenance(resources, self.generations)

    @classmethod
    def create(
        cls,
        path: str | Path,
        encoder: "str | Encoder" = DEFAULT_ENCODER,
        attributes: "AttributeSchema | None" = None,
        settings: Settings | None = None,
        *,
        enhance: "Sequence[Enhancement]" = (),
        subject: bool = False,
        regions: bool = False,
        augmented: bool = False,
        metric: "LibraryMetric" = "cosine",
        store: str = DEFAULT_STORE,
        state: str = DEFAULT_STATE,
    ) -> Self:
        """Make a library at ``path``, a folder that is empty or not there yet, and open it.

        Args:
            path: The folder.
            encoder: A name of the catalogue, or an encoder of your own.
            attributes: What can be filtered on, such as ``{"category": "str", "price": "float"}``; types are str, int,
                float, bool and list[str].
            settings: None reads them from the environment.
            enhance: What is done to every picture, and every query, before it is encoded: denoise, contrast, colour
                (grey-world balance).
            subject: Cut pictures and queries to their main subject first.
            regions: Encode a grid of each picture's parts as well, so that they can be searched.
            augmented: Keep a second vector of each picture, see `augment`.
            metric: The metric of scores unless a query names another: cosine, euclidean, manhattan or hamming.
            store: The URL of what keeps the vectors: ``zvec:`` in the library's folder, ``milvus://host:19530/name``
                on a server, ``memory:`` until it is closed, or one of another package.
            state: The URL of what keeps jobs, keys and what applications note: ``sqlite:`` in the library's folder, or
                ``postgresql://user@host/database``, in a schema of its own, see docs/cluster.md.

        Raises:
            LibraryExists, UnknownEncoder, UnknownStore, SchemaError, StateError.
            QueryError: The library cannot have this metric.
            LibraryError: The folder cannot be used.
        """
        check_library_metric(metric)
        check_url(store)
        check_state(state)
        settings = settings or Settings.load()
        bound = identify(encoder, settings)
        schema = check_schema(attributes or {})
        paths = LibraryPaths(path).prepare()
        config = LibraryConfig(
            encoder=bound,
            enhance=tuple(enhance),
            attributes=schema,
            subject=subject,
            regions=regions,
            augmented=augmented,
            metric=metric,
            store=store,
            state=named_state(state, paths.folder.absolute().name),
        )
        resources = LibraryResources(paths, settings, config)
        if config.state_shared:
            resources.make_state()
        generation = Generation.create(config, resources, None if isinstance(encoder, str) else encoder)
        write_config(paths, config)
        return cls(resources, generation)

    @classmethod
    def open(
        cls,
        path: str | Path,
        encoder: "Encoder | None" = None,
        settings: Settings | None = None,
        *,
        index: str | Path | None = None,
    ) -> Self:
        """Open the library at ``path``; ``encoder`` only where it was created with one of your own.

        ``index`` is the file of a FAISS index that `yunmeng.library.index_export.export_index` has made of this
        library: searches then go through it. One that was made of other vectors raises `LibraryError`.

        Raises `LibraryNotFound`, `LibraryLocked` if another process has it open, `LibraryFormatError`, and
        `EncoderMismatch` if ``encoder`` is not the one that the library is bound to.
        """
        paths = LibraryPaths(path)
        config = read_config(paths)
        resources = LibraryResources(paths, settings or Settings.load(), config)
        if index is None:
            return cls(resources, Generation.open(config, resources, encoder))
        from yunmeng.stores.ann.file import read

        return cls(resources, Generation.open(config, resources, encoder, read(Path(index), config.vector_facts())))

    @staticmethod
    def exists(path: str | Path) -> bool:
        """Return whether there is a library at ``path``."""
        return LibraryPaths(path).exists()

    @property
    def generation(self) -> Generation:
        """The current generation: configuration, store, encoder. Take it once for what belongs together."""
        return self.generations.current

    def pinned(self) -> "Library":
        """Return this library as it is now, for questions that belong together: a later generation does not answer."""
        return Library(self.resources, self.generations.fresh, pinned=True)

    @property
    def config(self) -> LibraryConfig:
        """The configuration: the encoder, and what is done to pictures."""
        return self.generation.config

    @property
    def schema(self) -> "AttributeSchema":
        """The declared attributes."""
        return self.config.attributes

    @property
    def settings(self) -> Settings:
        """The settings it was opened with."""
        return self.resources.settings

    @property
    def state(self) -> "State":
        """The state database, opened when first needed."""
        return self.resources.state

    @property
    def path(self) -> Path:
        """Its folder."""
        return self.resources.paths.folder

    @property
    def name(self) -> str:
        """The name of its folder."""
        return self.path.absolute().name

    def index(
        self,
        paths: Sequence[str | Path] = (),
        *,
        manifest: str | Path | None = None,
        on_tally: "OnTally | None" = None,
        stop: threading.Event | None = None,
        frames: int = 1,
        runner: "RunnerName" = "local",
        address: str | None = None,
        workers: int | None = None,
    ) -> "IndexReport":
        """Bring pictures in: folders, files, manifests, lists of URLs and URLs.

        Files that the library has already, by the SHA-256 of their bytes, are skipped; moved files keep their vectors.
        A picture that cannot be used raises no error: it is listed in ``report.failed``.

        Args:
            paths: What to index.
            manifest: A table of pictures with their ids and attributes.
            on_tally: Called as the run goes on.
            stop: Ends the run cleanly when set; running it again goes on from there, as it does after a crash.
            frames: How many pictures, 1 to 256, to take of a file that holds several: the pages of a TIFF from the
                first on, the frames of an animation evenly spread. Each is a record of its own: clip.gif#frame:7.
            runner: Where new pictures are decoded and encoded: in this process, or by workers on a Ray cluster, which
                make the same vectors. Needs the extra ``ray``.
            address: The cluster's address, such as 10.0.0.1:6379. None is that in RAY_ADDRESS, or this machine alone.
            workers: How many workers; None takes as many as the cluster has cores, or GPUs where they are needed.

        Raises:
            SourceError: A path is not there.
            ClusterError: The cluster cannot be reached, or none of its workers starts. What was indexed stays.
        """
        return self.writer.index(
            paths,
            manifest=manifest,
            on_tally=on_tally,
            stop=stop,
            frames=frames,
            runner=runner,
            address=address,
            workers=workers,
        )

    def add(
        self, picture: bytes | Path | str, *, id: str | None = None, attributes: "Attributes | None" = None
    ) -> "Addition":
        """Add one picture: a file's bytes, which the library then keeps, a path, or a URL.

        The default ``id`` is the SHA-256 of the bytes, or the path or URL. A picture with this id is replaced; without
        ``attributes`` it keeps those that it had. Adding the same again changes nothing.

        Raises `PictureError`.
        """
        return self.writer.add(picture, id=id, attributes=attributes)

    def set_attributes(self, id: str, attributes: "Attributes") -> "Record":
        """Give a picture these attributes in place of its own.

        Raises `RecordNotFound`, and `PictureError` (bad-attribute).
        """
        return self.writer.set_attributes(id, attributes)

    def update_attributes(
        self,
        ids: Sequence[str],
        values: "Attributes" = MappingProxyType({}),
        *,
        add: "Mapping[str, Sequence[str]]" = MappingProxyType({}),
    ) -> int:
        """Change some attributes of many pictures, and leave their others. Returns how many pictures there were.

        Unknown ids are ignored.

        Args:
            ids: The pictures.
            values: New values; None removes an attribute.
            add: Values that join those of a list, such as ``{"tags": ["summer"]}``.

        Raises:
            PictureError: A value does not fit its attribute (bad-attribute). What was changed before that stays.
        """
        return self.writer.update_attributes(ids, values, add=add)

    def delete(
        self, ids: str | Sequence[str] | None = None, *, filter: "str | Filter | None" = None, all: bool = False
    ) -> int:
        """Remove the pictures with these ids and those that pass ``filter``, or ``all``. Returns how many there were.

        Unknown ids are ignored. Files stay where they are, except those that were sent to the library as bytes.

        Raises `QueryError` where neither ids nor ``filter`` nor ``all`` is given, and `FilterError` also for a filter
        that is empty or true for every picture, whatever its attributes are: only ``all=True`` empties a library.
        """
        return self.writer.delete(ids, filter=filter, all=all)

    def search(
        self,
        image: "QueryPicture | None" = None,
        *,
        id: str | None = None,
        vector: "ArrayLike | None" = None,
        text: str | None = None,
        mix: Sequence[QueryPart] = (),
        region: Sequence[float] | None = None,
        k: int = 10,
        offset: int = 0,
        filter: "str | Filter | None" = None,
        rerank: str | Sequence[str] = (),
        **options: "Unpack[SearchKeywords]",
    ) -> "Hits":
        """Return the k pictures that fit best, best first.

        Search with one of ``image``, ``id``, ``vector`` and ``text``, with a ``mix``, or with both. Scores are cosine
        similarities in [-1, 1]; for words that also match names or attributes they are in (0, 1], by rank.

        Args:
            image: A path, a URL, a file's bytes, a Pillow image or RGB pixels.
            id: The id of a picture in the library, which is then the first hit if it passes the filter.
            vector: An embedding of the library's encoder, (dim,).
            text: Words, in Chinese or English.
            mix: More such parts with weights: ``QueryPart(text="red", weight=0.5)``, or
                ``QueryPart(id="7", weight=-0.5)``, which hits are to be unlike.
            region: The part of the picture to search with: x, y, width and height in fractions of it.
            k: How many hits are wanted.
            offset: How many of the best hits are passed over, for the next page.
            filter: A condition on attributes that reads like SQL: ``"category = 'shoes' and price < 50"``.
            rerank: Steps that put the first hits in a better order, applied left to right: average, alpha, expand,
                reciprocal, diffusion, geometry, diverse, see docs/ranking.md. Hits then have the score of the last
                step, and an ``alignment`` after geometry; their chance is still computed from the cosine.
            **options: Which hits are wanted, such as ``min_score=0.3``, each as `yunmeng.types.SearchOptions` says.

        Raises:
            PictureError, RecordNotFound, FilterError, MissingExtra.
            QueryError: The library cannot answer this.
        """
        given = image is not None or id is not None or vector is not None or text is not None
        part = None if region is None else check_region(region)
        parts = [QueryPart(image, id, vector, text, region=part), *mix] if given or part is not None else mix
        steps = read_steps(rerank)

        def ask(generation: Generation) -> "Hits":
            declared = generation.config.attributes  # checked here, so that it is told before the query is encoded
            parsed = _filter(filter, declared)
            if (group_by := options.get("group_by")) is not None:
                check_group(group_by, declared)
            return generation.engine.ask(
                SearchRequest(parts, k=k, offset=offset, filter=parsed, rerank=steps, **options)
            )

        return self.generations.answer(ask)

    def why(
        self,
        hit: str,
        image: "QueryPicture | None" = None,
        *,
        id: str | None = None,
        text: str | None = None,
        region: Sequence[float] | None = None,
    ) -> "Why":
        """Return what of a query and of the picture ``hit`` is alike: places of both, and words.

        Ask with one of ``image``, ``id`` and ``text``, as in `search`; the picture need not be among its hits. The
        steps behind a score are told by ``search(..., explain=True)``.

        Args:
            hit: The id of a picture in the library.
            image: A path, a URL, a file's bytes, a Pillow image or RGB pixels.
            id: The id of a picture in the library.
            text: Words, in Chinese or English.
            region: The part of the picture that is asked with: x, y, width and height in fractions of it.

        Raises:
            PictureError, RecordNotFound, OriginalGone, QueryError, MissingExtra.
        """
        query = QueryPart(image, id, text=text, region=None if region is None else check_region(region))
        return self.generations.fresh.explainer.explain(query, hit)

    def match(
        self,
        image: "QueryPicture | Record",
        *,
        k: int = 10,
        filter: "str | Filter | None" = None,
        min_score: float = 0.0,
    ) -> "Hits":
        """Return the k likeliest originals of a suspect picture, which may be an edited copy, the likeliest first.

        A hit's ``score`` is the chance in [0, 1] that the suspect was made from it, and its ``alignment`` is how the
        suspect lies in it, if that was found. If all scores are below 0.5, the library most likely holds no original.

        Args:
            image: A path, a URL, a file's bytes, a Pillow image, RGB pixels, or the record of a picture of the library.
            k: How many hits are wanted.
            filter: As in `search`.
            min_score: Leave out hits below it.

        Raises:
            PictureError, OriginalGone, FilterError, QueryError.
            MissingExtra: The extra ``copies`` is not installed.
        """
        if k < 1:
            raise QueryError(f"k must be at least 1, not {k}")
        generation = self.generations.fresh
        parsed = _filter(filter, generation.config.attributes)
        return generation.copies.match(self._source(image), k, parsed, min_score)

    def compare(self, a: "Comparable", b: "Comparable") -> "Comparison":
        """Return whether and how ``a``, a suspect picture, was made from ``b``, an original.

        Each is a path, a URL, a file's bytes, or the record of a picture of the library. Raises `PictureError`,
        `RecordNotFound`, `OriginalGone`, and `MissingExtra` where local features are needed.
        """
        return self.generations.fresh.comparer.compare(self._with_vector(a), self._with_vector(b))

    def evidence(self, a: "Comparable", b: "Comparable", names: tuple[str, str] = ("", "")) -> "Evidence":
        """Compare as `compare` does, and draw a picture that shows what matches where.

        ``names`` are the labels of the two in the drawing.
        """
        return self.generations.fresh.comparer.evidence(self._with_vector(a), self._with_vector(b), names)

    def embed(self, image: "QueryPicture", region: Sequence[float] | None = None) -> "Vector":
        """Return the embedding of a picture, or a region of it, float32 (dim,), L2-normalised."""
        return self.generations.fresh.encoding.embedder.embed(
            image, None if region is None else check_region(region), {}
        )

    def subject(self, image: "QueryPicture | Record") -> "Subject":
        """Return where the main subject of a picture is. Raises `PictureError`, and `OriginalGone` for a record."""
        return self.generation.encoding.views.subject_of(self._source(image))

    def get(self, id: str, *, vector: bool = False) -> "Record":
        """Return the record of a picture. Raises `RecordNotFound`."""
        return self.reader.get(id, vector=vector)

    def iterate(self, filter: "str | Filter | None" = None, *, vectors: bool = False) -> "Iterator[Record]":
        """Return all records (that pass ``filter``), in no particular order."""
        return self.reader.iterate(filter, vectors=vectors)

    def count(self, filter: "str | Filter | None" = None) -> int:
        """Return how many pictures there are (that pass ``filter``)."""
        return self.reader.count(filter)

    def original(self, picture: "str | Record") -> bytes:
        """Return the file of a picture, by id or record. Raises `RecordNotFound`, `OriginalGone`, `FetchError`."""
        return self.reader.original(picture)

    def thumbnail(self, picture: "str | Record", side: int = 256) -> bytes:
        """Return a small upright copy as WebP; ``side`` is one of 128, 256, 512 and 1,024. Raises as `original`."""
        return self.reader.thumbnail(picture, side)

    def info(self) -> LibraryInfo:
        """Return the facts of the library."""
        return self.reader.info()

    def calibrate(self) -> "Sample | None":
        """Learn again what scores mean here, from the library's own pictures; `index` does it as the library grows.

        Returns None where too few pictures are there or readable, or where scores mean nothing because most pictures
        have copies.
        """
        return self.maintenance.calibrate()

    def augment(self, on_step: "OnStep | None" = None, stop: threading.Event | None = None) -> "AugmentReport":
        """Keep a second vector of each picture, averaged with its neighbours: database-side augmentation.

        The re-ranking step ``expand`` searches by these vectors. In a library that has them already, only stale ones
        are computed, as `index` does at its end. Searches and changes go on meanwhile. If it is stopped or killed, the
        same call continues from there.
        """
        return self.maintenance.augment(on_step, stop)

    def palettes(self, on_step: "OnStep | None" = None, stop: threading.Event | None = None) -> "PaletteReport":
        """Compute the palettes of pictures that have none: those that were indexed before Yunmeng knew colours.

        Their files are read again; searches and changes go on meanwhile. If it is stopped or killed, the same call
        continues from there.
        """
        return self.maintenance.palettes(on_step, stop)

    def reencode(
        self,
        encoder: "str | Encoder | None" = None,
        *,
        subject: bool | None = None,
        regions: bool | None = None,
        drop_missing: bool = False,
        on_tally: "OnTally | None" = None,
        stop: threading.Event | None = None,
    ) -> "IndexReport":
        """Move the library to another encoder, or change which parts of its pictures are encoded; None changes nothing.

        Every picture is read and encoded again. The old vectors answer queries until all is done; only then does the
        library change. If it is stopped or killed, the same call continues from there. Pictures whose files cannot be
        read any more are listed in ``report.failed``, and the library stays as it is, unless ``drop_missing`` says to
        go on without them.

        Raises `UnknownEncoder`, or `LibraryError` if this would change nothing.
        """
        return self.maintenance.reencode(
            encoder, subject=subject, regions=regions, drop_missing=drop_missing, on_tally=on_tally, stop=stop
        )

    def declare(
        self,
        attributes: "Mapping[str, AttributeType | None]",
        *,
        on_tally: "OnTally | None" = None,
        stop: threading.Event | None = None,
    ) -> "IndexReport":
        """Declare attributes, beside those that are declared already: what is declared can be filtered and counted.

        ``attributes`` are names and types, such as ``{"price": "float"}``; another type for a known name changes it,
        and None declares it no longer. Values that pictures have are kept; text is read as the new type, such as
        ``"12.50"`` as a number. No picture is read. The library changes only when all is done. If it is stopped or
        killed, the same call continues from there. Values that do not fit are listed in ``report.failed``, and the
        library stays as it is.

        Raises `SchemaError`, or `LibraryError` if this would change nothing.
        """
        return self.maintenance.declare(attributes, on_tally=on_tally, stop=stop)

    def backup(
        self, target: str | Path, on_file: "OnFile | None" = None, stop: threading.Event | None = None
    ) -> "Backup | None":
        """Write a copy of all that the library keeps into ``target``, a folder that is not there yet.

        Searches go on meanwhile; changes wait while the store is copied. Pictures that were indexed in place are not
        copied, those that were sent to the library are. `yunmeng.library.restore.restore` makes a library of it again.
        Returns what was written; None if it was stopped, which leaves nothing behind.

        Raises `LibraryExists`, and `LibraryError` where the disk or the store does not allow it.
        """
        return self.maintenance.backup(target, on_file, stop)

    def verify(self, on_file: "OnFile | None" = None) -> list[str]:
        """Read every record and the state database, and return what is wrong with them, a line each."""
        return self.maintenance.verify(on_file)

    def close(self) -> None:
        """Write what is outstanding and unlock the library for other processes. Closing twice does no harm."""
        self.generations.close()
        self.resources.close()

    def _source(self, image: "QueryPicture | Record") -> "Source":
        if isinstance(image, Record):
            return self.original(image)
        return self.generation.encoding.embedder.source(image)

    def _with_vector(self, picture: "Comparable") -> "Comparable":
        if isinstance(picture, Record) and picture.vector is None:
            return self.get(picture.id, vector=True)
        return picture


def _filter(filter: "str | Filter | None", schema: "AttributeSchema") -> "Filter | None":
    parsed = read_filter(filter)
    if parsed is not None:
        check(parsed, schema)
    return parsed
