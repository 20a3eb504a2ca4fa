"""The façade: one open library is an encoder, a store and a state database in one folder."""

import os
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Self

from numpy.typing import ArrayLike

from yunmeng.config import Settings, cores
from yunmeng.encoders import DEFAULT_ENCODER, Encoder, get_spec, load
from yunmeng.errors import EncoderMismatch, QueryError, RecordNotFound
from yunmeng.fetch import Fetcher
from yunmeng.ingest import IndexReport, Intake, OnTally, Pipeline, Sources
from yunmeng.layout import Card, EncoderCard, Layout
from yunmeng.retrieval import QueryPicture, as_vector, nearest, read_filter, read_picture
from yunmeng.state import Job, State, Status
from yunmeng.stores import Filter, ZvecStore, check_schema
from yunmeng.types import AttributeSchema, Enhancement, Hit, Record, Vector

__all__ = ["Library", "LibraryInfo"]

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


class Library:
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
    def encoder_name(self) -> str:
        return self._card.encoder.name

    def index(
        self,
        paths: Sequence[str | Path] = (),
        *,
        manifest: str | Path | None = None,
        on_tally: OnTally | None = None,
        stop: threading.Event | None = None,
    ) -> IndexReport:
        """Bring pictures in: folders, files, manifests, lists of URLs and URLs.

        What the library has already is skipped, by the SHA-256 of its bytes; what was moved keeps its vector.
        ``on_tally`` is called as the run goes on. Setting ``stop`` ends it cleanly; running it again goes on from
        there, as it does after a crash.

        Raises `SourceError` if a path is not there. A picture that cannot be used raises nothing: it is in
        ``report.failed``.
        """
        sources = Sources([paths] if isinstance(paths, str | Path) else paths, manifest, self.schema)
        stop = stop or threading.Event()
        before = self._state.last_job("index")
        job = self._state.start_job("index", {"sources": sources.names})
        status: Status = "failed"
        fetcher = Fetcher(self._settings) if sources.fetches else None
        try:
            tidy = before is not None and before.status != "done"
            pipeline = Pipeline(
                intake=Intake(
                    self._store, self._encoder, self._settings, fetcher, enhance=self._card.enhance, tidy=tidy
                ),
                encoder=self._encoder,
                store=self._store,
                state=self._state,
                batch_size=self._settings.batch_size,
                workers=_workers(fetches=fetcher is not None),
                on_tally=on_tally or (lambda _: None),
                stop=stop,
            )
            report = pipeline.run(job.id, sources.entries(), sources.count)
            status = "interrupted" if report.interrupted else "done"
        except KeyboardInterrupt:
            status = "interrupted"
            raise
        finally:
            self._state.finish_job(job.id, status)
            if fetcher is not None:
                fetcher.close()
        return report

    def search(
        self,
        image: QueryPicture | None = None,
        *,
        id: str | None = None,
        vector: ArrayLike | None = None,
        text: str | None = None,
        k: int = 10,
        filter: str | Filter | None = None,
        min_score: float | None = None,
    ) -> list[Hit]:
        """The k most similar pictures, best first. Ask with exactly one of the first four.

        ``image`` is a path, a URL, a file's bytes, a Pillow image or RGB pixels; ``id`` that of a picture in the
        library, which is then the first hit; ``vector`` an embedding of the library's encoder, (dim,).
        ``filter`` reads like SQL: ``"category = 'shoes' and price < 50"``. Hits that score below ``min_score`` are
        left out; scores are cosine similarities in [-1, 1].

        Raises `PictureError`, `RecordNotFound`, `FilterError`, or `QueryError` for words that the library's encoder
        cannot read.
        """
        filter = read_filter(filter)  # a bad filter is told before the query is encoded
        query = self._query(image, id, vector, text)
        return nearest(self._store, query, k, filter, min_score)

    def embed(self, image: QueryPicture) -> Vector:
        """The embedding of a picture, float32 (dim,), L2-normalised."""
        pixels = read_picture(image, self._encoder, self._settings, self._card.enhance)
        embedding: Vector = self._encoder.encode([pixels])[0]
        return embedding

    def get(self, id: str, *, vector: bool = False) -> Record:
        """The record of a picture. Raises `RecordNotFound`."""
        found = self._store.get([id], vectors=vector).get(id)
        if found is None:
            raise RecordNotFound(f"no picture has the id {id}")
        return found

    def delete(self, ids: Sequence[str] = (), *, filter: str | Filter | None = None) -> int:
        """Remove pictures by id, or all that pass ``filter``; their files stay. Returns how many there were."""
        if isinstance(ids, str):
            ids = [ids]
        if filter is not None:
            ids = [*ids, *(record.id for record in self.iterate(filter))]
        deleted = self._store.delete(ids)
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
            last_job=self._state.last_job("index"),
        )

    def close(self) -> None:
        """Write what is outstanding and let other processes in. Closing twice does no harm."""
        self._store.close()
        state = self.__dict__.pop("_state", None)
        if state is not None:
            state.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @cached_property
    def _encoder(self) -> Encoder:
        """Loaded when first needed: search by id and `info` do without."""
        return _bound(load(self._card.encoder.name, self._settings), self._card)

    @cached_property
    def _state(self) -> State:
        """Opened when first needed: a search does without."""
        return State.open(self._layout.state)

    def _query(self, image: QueryPicture | None, id: str | None, vector: ArrayLike | None, text: str | None) -> Vector:
        if sum(given is not None for given in (image, id, vector, text)) != 1:
            raise QueryError("ask with exactly one of image, id, vector and text")
        if image is not None:
            return self.embed(image)
        if id is not None:
            stored = self.get(id, vector=True).vector
            assert stored is not None  # asked for above
            return stored
        if vector is not None:
            return as_vector(vector, self._card.encoder.dim)
        raise QueryError(f"the library's encoder, {self.encoder_name}, reads pictures, not words: search by a picture")


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
