"""The façade: one open library is an encoder, a store and a state database in one folder."""

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Self

from numpy.typing import ArrayLike

from yunmeng.closing import Closing
from yunmeng.config import Settings, cores
from yunmeng.encoders import DEFAULT_ENCODER, Encoder, get_spec, load
from yunmeng.errors import EncoderMismatch, QueryError, RecordNotFound, YunmengError
from yunmeng.fetch import Fetcher
from yunmeng.imaging import thumbnail
from yunmeng.ingest import OPTIMISE_FROM, Addition, Additions, IndexReport, Intake, OnTally, Pipeline, Sources
from yunmeng.layout import Card, EncoderCard, Layout
from yunmeng.originals import Originals
from yunmeng.retrieval import (
    Comparison,
    Embedder,
    Facet,
    QueryPicture,
    as_vector,
    check_region,
    collect_facets,
    compare_records,
    nearest,
    read_filter,
    timed,
)
from yunmeng.state import Job, State, Status
from yunmeng.stores import Filter, ZvecStore, check, check_schema, conform
from yunmeng.types import Attributes, AttributeSchema, Enhancement, Hits, Record, Region, Vector

__all__ = ["Library", "LibraryInfo"]

RUNS = ("index", "import")
"""The jobs that bring pictures in: by command or call, and by the server."""

FETCHING_WORKERS = 8
"""Intake threads where pictures come over the network: most of them wait."""


@dataclass(frozen=True, slots=True)
class LibraryInfo:
    """What a library is and holds. ``bytes`` is its size on disk; ``last_job`` the last run of ``index``."""

    path: str
    pictures: int
    encoder: str
    dim: int
    metric: str
    enhance: Sequence[Enhancement]
    attributes: AttributeSchema
    created: str
    bytes: int
    last_job: Job | None


class Library(Closing):
    """Pictures that can be searched, in a folder of their own. One process at a time has it open.

    >>> with Library.create("my-library") as library:                      # doctest: +SKIP
    ...     library.index(["photos/"])
    ...     hits = library.search("query.jpg", k=5)
    """

    def __init__(
        self, layout: Layout, card: Card, store: ZvecStore, settings: Settings, encoder: Encoder | None
    ) -> None:
        self._layout = layout
        self._card = card
        self._store = store
        self._settings = settings
        self._public_only = settings.private_urls is False
        self._wrap: Callable[[Encoder], Encoder] = lambda encoder: encoder
        if encoder is not None:
            self._encoder = _bound(encoder, card)

    @classmethod
    def create(
        cls,
        path: str | Path,
        encoder: str | Encoder = DEFAULT_ENCODER,
        attributes: AttributeSchema | None = None,
        settings: Settings | None = None,
        *,
        enhance: Sequence[Enhancement] = (),
    ) -> Self:
        """Make a library at ``path``, a folder that is empty or not there yet, and open it.

        ``attributes`` declares what can be filtered on, such as ``{"category": "str", "price": "float"}``; types are
        str, int, float, bool and list[str]. ``encoder`` is a name of the catalogue, or an encoder of your own.
        ``enhance`` names what is done to every picture, and every query, before it is encoded: denoise, contrast,
        colour (grey-world balance).

        Raises `LibraryExists`, `UnknownEncoder`, `SchemaError`, or `LibraryError` if the folder cannot be used.
        """
        settings = settings or Settings.load()
        spec = get_spec(encoder) if isinstance(encoder, str) else encoder.spec
        schema = check_schema(attributes or {})
        layout = Layout(path).prepare()
        bound = EncoderCard(name=spec.name, dim=spec.dim, sha256=spec.sha256)
        card = Card(encoder=bound, enhance=tuple(enhance), attributes=schema)
        store = ZvecStore.create(layout.store, spec.dim, schema)
        layout.write_card(card)
        return cls(layout, card, store, settings, None if isinstance(encoder, str) else encoder)

    @classmethod
    def open(cls, path: str | Path, encoder: Encoder | None = None, settings: Settings | None = None) -> Self:
        """Open the library at ``path``; ``encoder`` only where it was created with one of your own.

        Raises `LibraryNotFound`, `LibraryLocked` if another process has it open, `LibraryFormatError`, and
        `EncoderMismatch` if ``encoder`` is not the one that the library is bound to.
        """
        layout = Layout(path)
        card = layout.read_card()
        store = ZvecStore.open(layout.store, card.attributes)
        return cls(layout, card, store, settings or Settings.load(), encoder)

    @staticmethod
    def exists(path: str | Path) -> bool:
        """Whether there is a library at ``path``."""
        return Layout(path).exists()

    @property
    def schema(self) -> AttributeSchema:
        """The declared attributes."""
        return self._card.attributes

    @property
    def enhancements(self) -> Sequence[Enhancement]:
        """What is done to pictures and queries before they are encoded."""
        return self._card.enhance

    @property
    def path(self) -> Path:
        """Its folder."""
        return self._layout.folder

    @property
    def name(self) -> str:
        """The name of its folder."""
        return self._layout.folder.absolute().name

    @property
    def reads_text(self) -> bool:
        """Whether `search` can answer words: no encoder of the catalogue reads them yet."""
        return False

    @property
    def encoder_name(self) -> str:
        return self._card.encoder.name

    def index(
        self,
        paths: Sequence[str | Path] = (),
        *,
        manifest: str | Path | None = None,
        on_tally: OnTally | None = None,
        stop: threading.Event | None = None,
        job: Job | None = None,
    ) -> IndexReport:
        """Bring pictures in: folders, files, manifests, lists of URLs and URLs.

        What the library has already is skipped, by the SHA-256 of its bytes; what was moved keeps its vector.
        ``on_tally`` is called as the run goes on. Setting ``stop`` ends it cleanly; running it again goes on from
        there, as it does after a crash. ``job`` is one that waits in the state database for this run, or has stopped
        before its end; without it, the run makes one.

        Raises `SourceError` if a path is not there. A picture that cannot be used raises nothing: it is in
        ``report.failed``.
        """
        sources = Sources([paths] if isinstance(paths, str | Path) else paths, manifest, self.schema)
        stop = stop or threading.Event()
        before = next((run for run in self.state.jobs(*RUNS) if job is None or run.id != job.id), job)
        if job is None:
            job = self.state.start_job("index", {"sources": sources.names})
        else:
            self.state.resume_job(job.id)
        status: Status = "failed"
        error = None
        try:
            pipeline = Pipeline(
                intake=self._intake(tidy=before is not None and before.status != "done"),
                encoder=self._encoder,
                store=self._store,
                state=self.state,
                batch_size=self._settings.batch_size,
                workers=_workers(fetches=sources.fetches),
                on_tally=on_tally or (lambda _: None),
                stop=stop,
            )
            report = pipeline.run(job.id, sources.entries(), sources.count)
            status = "interrupted" if report.interrupted else "done"
        except KeyboardInterrupt:
            status = "interrupted"
            raise
        except YunmengError as exc:
            error = str(exc)
            raise
        finally:
            self.state.finish_job(job.id, status, error)
        return report

    def add(
        self, picture: bytes | Path | str, *, id: str | None = None, attributes: Attributes | None = None
    ) -> Addition:
        """Bring in one picture: a file's bytes, which the library then keeps, a path, or a URL.

        Without ``id`` it is the SHA-256 of the bytes, or the path or URL. A picture with this id is replaced; where
        ``attributes`` is left out it keeps those that it had. Adding the same again changes nothing.

        Raises `PictureError`.
        """
        fitted = None if attributes is None else conform(attributes, self.schema)
        place = str(picture.absolute()) if isinstance(picture, Path) else picture
        return self._additions.add(place, id, fitted)

    def set_attributes(self, id: str, attributes: Attributes) -> Record:
        """Give a picture these attributes in place of its own.

        Raises `RecordNotFound`, and `PictureError` (bad-attribute).
        """
        changed = self._additions.set_attributes(id, conform(attributes, self.schema))
        if changed is None:
            raise _not_found(id)
        return changed

    def search(
        self,
        image: QueryPicture | None = None,
        *,
        id: str | None = None,
        vector: ArrayLike | None = None,
        text: str | None = None,
        region: Sequence[float] | None = None,
        k: int = 10,
        offset: int = 0,
        filter: str | Filter | None = None,
        min_score: float | None = None,
    ) -> Hits:
        """The k most similar pictures, best first. Ask with exactly one of the first four.

        ``image`` is a path, a URL, a file's bytes, a Pillow image or RGB pixels; ``id`` that of a picture in the
        library, which is then the first hit; ``vector`` an embedding of the library's encoder, (dim,). ``region`` is
        the part of the picture to ask with: x, y, width and height in fractions of it. ``offset`` passes over the
        best hits, for the next page. ``filter`` reads like SQL: ``"category = 'shoes' and price < 50"``. Hits that
        score below ``min_score`` are left out; scores are cosine similarities in [-1, 1].

        Raises `PictureError`, `RecordNotFound`, `FilterError`, or `QueryError` for words that the library's encoder
        cannot read.
        """
        parsed = read_filter(filter)
        if parsed is not None:
            check(parsed, self.schema)  # here too, so that it is told before the query is encoded
        timings: dict[str, float] = {}
        query = self._query(image, id, vector, text, None if region is None else check_region(region), timings)
        with timed(timings, "search"):
            hits = nearest(self._store, query, k, parsed, min_score, offset)
        return Hits(hits, timings)

    def embed(self, image: QueryPicture, region: Sequence[float] | None = None) -> Vector:
        """The embedding of a picture, or a region of it, float32 (dim,), L2-normalised."""
        return self._embedder.embed(image, None if region is None else check_region(region), {})

    def compare(self, a: Record | str | Path | bytes, b: Record | str | Path | bytes) -> Comparison:
        """How alike two pictures are, each a path, a URL, a file's bytes or a record that was got with its vector.

        Raises `PictureError`.
        """
        timings: dict[str, float] = {}
        one, other = (side if isinstance(side, Record) else self._embedder.portrait(side, timings) for side in (a, b))
        return compare_records(one, other, timings)

    def get(self, id: str, *, vector: bool = False) -> Record:
        """The record of a picture. Raises `RecordNotFound`."""
        found = self._store.get([id], vectors=vector).get(id)
        if found is None:
            raise _not_found(id)
        return found

    def get_many(self, ids: Sequence[str]) -> dict[str, Record]:
        """The records that there are among ``ids``, by id."""
        return self._store.get(ids)

    def page(
        self, limit: int, after: tuple[str, str] | None = None, filter: str | Filter | None = None
    ) -> list[Record]:
        """The next ``limit`` records (that pass ``filter``) by (sha256, id), behind ``after``, one such pair."""
        return self._store.page(limit, after, read_filter(filter))

    def facets(self, limit: int = 20_000) -> list[Facet]:
        """What values the first ``limit`` pictures hold in the declared attributes."""
        return collect_facets(self._store.iterate(), self.schema, limit)

    def original(self, picture: str | Record) -> bytes:
        """The file of a picture, by id or record. Raises `RecordNotFound`, `OriginalGone`, `FetchError`."""
        return self._originals.read(self.get(picture) if isinstance(picture, str) else picture)

    def thumbnail(self, picture: str | Record, side: int = 256) -> bytes:
        """A small upright copy as WebP; ``side`` is one of 128, 256, 512 and 1,024. Raises as `original` does."""
        return self._originals.thumbnail(self.get(picture) if isinstance(picture, str) else picture, side)

    def preview(self, url: str, side: int = 1024) -> bytes:
        """A small copy of a picture on the web, as WebP. Raises `PictureError`."""
        return thumbnail(self._fetcher.fetch(url), side, max_pixels=self._settings.max_pixels)

    def delete(self, ids: Sequence[str] = (), *, filter: str | Filter | None = None) -> int:
        """Remove pictures by id, or all that pass ``filter``. Returns how many there were.

        Their files stay, but for those that were sent to the library as bytes.
        """
        if isinstance(ids, str):
            ids = [ids]
        records = list(self._store.get(ids).values())
        if filter is not None:
            records += self.iterate(filter)
        deleted = self._store.delete(list(dict.fromkeys(record.id for record in records)))
        for record in records:
            self._originals.forget(record)
        self._store.flush()
        return deleted

    def count(self, filter: str | Filter | None = None) -> int:
        """How many pictures there are (that pass ``filter``)."""
        return self._store.count(read_filter(filter))

    def iterate(self, filter: str | Filter | None = None, *, vectors: bool = False) -> Iterator[Record]:
        """All records (that pass ``filter``), in no particular order."""
        return self._store.iterate(read_filter(filter), vectors=vectors)

    def info(self) -> LibraryInfo:
        """What the library is and holds."""
        files = (Path(folder, name) for folder, _, names in os.walk(self._layout.folder) for name in names)
        return LibraryInfo(
            path=str(self._layout.folder.absolute()),
            pictures=self._store.count(),
            encoder=self._card.encoder.name,
            dim=self._card.encoder.dim,
            metric=self._card.metric,
            enhance=self._card.enhance,
            attributes=dict(self.schema),
            created=self._card.created.isoformat(),
            bytes=sum(file.stat().st_size for file in files),
            last_job=self.state.last_job(*RUNS),
        )

    def warm(self) -> None:
        """Load the encoder now, so that the first question need not wait for it."""
        _ = self._asking

    def encode_with(self, wrap: Callable[[Encoder], Encoder]) -> None:
        """Have queries and added pictures encoded by ``wrap(encoder)``; to be called before the first of them."""
        self._wrap = wrap

    def distrust_urls(self) -> None:
        """Fetch from public addresses only, as strangers name the URLs; the setting private_urls may allow all."""
        self._public_only = self._settings.private_urls is not True

    def tend(self) -> None:
        """What a library that stays open needs from time to time: what was added is made durable and indexed."""
        if self._store.unindexed() >= OPTIMISE_FROM:
            self._store.optimise()
        self._store.flush()

    def close(self) -> None:
        """Write what is outstanding and let other processes in. Closing twice does no harm."""
        self._store.close()
        for name in ("state", "_fetcher"):
            opened = self.__dict__.pop(name, None)
            if opened is not None:
                opened.close()

    @cached_property
    def _encoder(self) -> Encoder:
        """Loaded when first needed: search by id and `info` do without."""
        return _bound(load(self._card.encoder.name, self._settings), self._card)

    @cached_property
    def _asking(self) -> Encoder:
        """The encoder of queries and added pictures."""
        return self._wrap(self._encoder)

    @cached_property
    def _embedder(self) -> Embedder:
        return Embedder(self._asking, self._settings, self._card.enhance, lambda: self._fetcher)

    @cached_property
    def state(self) -> State:
        """The state database, opened when first needed: a search does without."""
        return State.open(self._layout.state)

    @cached_property
    def _fetcher(self) -> Fetcher:
        return Fetcher(self._settings, public_only=self._public_only)

    @cached_property
    def _originals(self) -> Originals:
        return Originals(self._layout, self._settings, lambda: self._fetcher)

    @cached_property
    def _additions(self) -> Additions:
        return Additions(self._store, self._asking, self._intake(replace=True), self._originals)

    def _intake(self, *, tidy: bool = False, replace: bool = False) -> Intake:
        return Intake(
            self._store,
            self._encoder,
            self._settings,
            lambda: self._fetcher,
            enhance=self._card.enhance,
            tidy=tidy,
            replace=replace,
            on_fetched=self._originals.remember,
        )

    def _query(
        self,
        image: QueryPicture | None,
        id: str | None,
        vector: ArrayLike | None,
        text: str | None,
        region: Region | None,
        timings: dict[str, float],
    ) -> Vector:
        if sum(given is not None for given in (image, id, vector, text)) != 1:
            raise QueryError("ask with exactly one of image, id, vector and text")
        if region is not None and image is None and id is None:
            raise QueryError("a region goes with a picture: ask with image or id")
        if image is not None:
            return self._embedder.embed(image, region, timings)
        if id is not None:
            if region is not None:
                return self._embedder.embed(self.original(id), region, timings)
            stored = self.get(id, vector=True).vector
            assert stored is not None  # asked for above
            return stored
        if vector is not None:
            return as_vector(vector, self._card.encoder.dim)
        raise QueryError(f"the library's encoder, {self.encoder_name}, reads pictures, not words: search by a picture")


def _not_found(id: str) -> RecordNotFound:
    return RecordNotFound(f"no picture has the id {id}")


def _bound(encoder: Encoder, card: Card) -> Encoder:
    """``encoder``, if it is the one that ``card`` names. Vectors of another would be compared with no meaning."""
    spec, bound = encoder.spec, card.encoder
    if (spec.name, spec.dim, spec.sha256) != (bound.name, bound.dim, bound.sha256):
        raise EncoderMismatch(
            f"the library is bound to {bound.name} ({bound.dim}-d, weights {bound.sha256[:12]}), this is {spec.name} "
            f"({spec.dim}-d, weights {spec.sha256[:12]}): index into a new library to change"
        )
    return encoder


def _workers(*, fetches: bool) -> int:
    return max(cores(), FETCHING_WORKERS) if fetches else cores()
