"""The façade: one open library is an encoder, a store and a state database in one folder."""

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Final, Self

from yunmeng.config import Settings, cores
from yunmeng.encoders import DEFAULT_ENCODER, Encoder, get_spec
from yunmeng.errors import DiskFull, FilterError, QueryError, RecordNotFound
from yunmeng.ingest import (
    OPTIMISE_FROM,
    Addition,
    IndexReport,
    Moves,
    Names,
    OnTally,
    Roots,
    Sources,
    identify,
    recorded,
)
from yunmeng.library.answering import Answering
from yunmeng.library.dba import Augmentation, AugmentReport, OnStep, keep_up, work_off
from yunmeng.library.generation import Generation, LibraryResources
from yunmeng.library.paths import EncoderIdentity, LibraryConfig, LibraryPaths
from yunmeng.library.reader import RUNS, LibraryInfo
from yunmeng.library.reencode import Reencoding
from yunmeng.search import Sample, check_library_metric, read_filter
from yunmeng.state import Job
from yunmeng.stores import Filter, Gate, admit, check, check_schema, fixed_truth
from yunmeng.types import Attributes, AttributeSchema, Enhancement, LibraryMetric, Record

__all__ = ["Library", "LibraryInfo"]

MOST_CHANGES: Final = 1_000_000
"""Changes at a time that a library lets in: as many as there are threads."""

DELETED_AT_ONCE: Final = 1000
"""Records that are read, to find their files, before they are deleted."""

FETCHING_WORKERS = 8
"""Intake threads where pictures come over the network: most of them wait."""


class Library(Answering):
    """Pictures that can be searched, in a folder of their own. One process at a time has it open.

    >>> with Library.create("my-library") as library:                      # doctest: +SKIP
    ...     library.index(["photos/"])
    ...     hits = library.search("query.jpg", k=5)
    """

    def __init__(self, resources: LibraryResources, generation: Generation) -> None:
        super().__init__(resources, generation)
        self._replaced: list[Generation] = []  # searches may still be at them
        self._changes = Gate(MOST_CHANGES)
        self._moving = threading.Lock()  # held while the library is made into another one

    @classmethod
    def create(
        cls,
        path: str | Path,
        encoder: str | Encoder = DEFAULT_ENCODER,
        attributes: AttributeSchema | None = None,
        settings: Settings | None = None,
        *,
        enhance: Sequence[Enhancement] = (),
        subject: bool = False,
        regions: bool = False,
        augmented: bool = False,
        metric: LibraryMetric = "cosine",
    ) -> Self:
        """Make a library at ``path``, a folder that is empty or not there yet, and open it.

        ``attributes`` declares what can be filtered on, such as ``{"category": "str", "price": "float"}``; types are
        str, int, float, bool and list[str]. ``encoder`` is a name of the catalogue, or an encoder of your own.
        ``enhance`` names what is done to every picture, and every query, before it is encoded: denoise, contrast,
        colour (grey-world balance). With ``subject``, pictures and queries are cut to their main subject first. With
        ``regions``, a grid of each picture's parts is encoded as well, so that they can be searched. With
        ``augmented``, a second vector of each picture is kept up, see `augment`. ``metric`` is what hits are scored by
        unless a question names another: cosine, euclidean, manhattan or hamming.

        Raises `LibraryExists`, `UnknownEncoder`, `SchemaError`, `QueryError` for a metric that it cannot have, or
        `LibraryError` if the folder cannot be used.
        """
        check_library_metric(metric)
        settings = settings or Settings.load()
        bound = _encoder_identity(encoder, settings)
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
        )
        resources = LibraryResources(paths, settings)
        generation = Generation.create(config, resources, None if isinstance(encoder, str) else encoder)
        paths.write_config(config)
        return cls(resources, generation)

    @classmethod
    def open(cls, path: str | Path, encoder: Encoder | None = None, settings: Settings | None = None) -> Self:
        """Open the library at ``path``; ``encoder`` only where it was created with one of your own.

        Raises `LibraryNotFound`, `LibraryLocked` if another process has it open, `LibraryFormatError`, and
        `EncoderMismatch` if ``encoder`` is not the one that the library is bound to.
        """
        paths = LibraryPaths(path)
        config = paths.read_config()
        resources = LibraryResources(paths, settings or Settings.load())
        return cls(resources, Generation.open(config, resources, encoder))

    @staticmethod
    def exists(path: str | Path) -> bool:
        """Whether there is a library at ``path``."""
        return LibraryPaths(path).exists()

    def index(
        self,
        paths: Sequence[str | Path] = (),
        *,
        manifest: str | Path | None = None,
        on_tally: OnTally | None = None,
        stop: threading.Event | None = None,
        job: Job | None = None,
        within: Roots | None = None,
    ) -> IndexReport:
        """Bring pictures in: folders, files, manifests, lists of URLs and URLs.

        What the library has already is skipped, by the SHA-256 of its bytes; what was moved keeps its vector.
        ``on_tally`` is called as the run goes on. Setting ``stop`` ends it cleanly; running it again goes on from
        there, as it does after a crash. ``job`` is one that waits in the state database for this run, or has stopped
        before its end; without it, the run makes one. ``within`` confines it to some folders; None to none.

        Raises `SourceError` if a path is not there. A picture that cannot be used raises nothing: it is in
        ``report.failed``.
        """
        sources = Sources([paths] if isinstance(paths, str | Path) else paths, manifest, self.schema, within)
        stop = stop or threading.Event()
        runs = self.state.jobs(*RUNS)
        before = next((run for run in runs if job is None or run.id != job.id), job)
        if job is None:
            job = self.state.start_job("index", {"sources": sources.names})
        else:
            self.state.resume_job(job.id)
        folders = identify(sources.folders)
        self.state.note(job.id, {"folders": folders})
        moves = Moves(self.config.created, folders, [run.arguments.get("folders", {}) for run in runs])
        tidy = before is not None and before.status != "done"
        return recorded(self.state, job.id, lambda: self._indexed(sources, moves, job.id, tidy, within, on_tally, stop))

    def add(
        self, picture: bytes | Path | str, *, id: str | None = None, attributes: Attributes | None = None
    ) -> Addition:
        """Bring in one picture: a file's bytes, which the library then keeps, a path, or a URL.

        Without ``id`` it is the SHA-256 of the bytes, or the path or URL. A picture with this id is replaced; where
        ``attributes`` is left out it keeps those that it had. Adding the same again changes nothing.

        Raises `PictureError`.
        """
        fitted = None if attributes is None else admit(attributes, self.schema)
        place = str(picture.absolute()) if isinstance(picture, Path) else picture
        with self._changes:
            return self._generation.additions.add(place, id, fitted)

    def set_attributes(self, id: str, attributes: Attributes) -> Record:
        """Give a picture these attributes in place of its own.

        Raises `RecordNotFound`, and `PictureError` (bad-attribute).
        """
        with self._changes:
            changed = self._generation.additions.set_attributes(id, admit(attributes, self.schema))
        if changed is None:
            raise RecordNotFound(f"no picture has the id {id}")
        return changed

    def tag(self, ids: Sequence[str], attributes: Attributes) -> None:
        """Give pictures these attributes beside their own. Unknown ids are passed over. Raises `PictureError`."""
        fitted = admit(attributes, self.schema)
        with self._changes:
            records = self._generation.store.get(ids, vectors=True).values()
            self._generation.store.upsert(
                [replace(record, attributes={**record.attributes, **fitted}) for record in records]
            )

    def delete(
        self, ids: str | Sequence[str] | None = None, *, filter: str | Filter | None = None, all: bool = False
    ) -> int:
        """Remove the pictures with these ids and those that pass ``filter``, or ``all``. Returns how many there were.

        Unknown ids are passed over. Files stay, but for those that were sent to the library as bytes.

        Raises `QueryError` unless it is said what to delete, and `FilterError` also for a filter that is empty or lets
        every picture through whatever its attributes are: only ``all=True`` empties a library.
        """
        if all and (ids or filter is not None):
            raise QueryError("all=True deletes every picture: leave ids and filter out")
        if not all and ids is None and filter is None:
            raise QueryError("say what to delete: ids, a filter, or all=True")
        wanted = read_filter(filter)
        if wanted is not None:
            check(wanted, self.schema)
            if fixed_truth(wanted):
                raise FilterError("the filter lets every picture through: to delete all, say --all (all=True)")
        with self._changes:
            store, deleted = self._generation.store, 0
            named = dict.fromkeys([ids] if isinstance(ids, str) else ids or ())
            if all or wanted is not None:
                named.update((record.id, None) for record in store.iterate(wanted))
            names = list(named)
            for start in range(0, len(names), DELETED_AT_ONCE):
                records = store.get(names[start : start + DELETED_AT_ONCE])
                deleted += store.delete(list(records))
                for record in records.values():
                    self._resources.media.forget(record)
            with suppress(DiskFull):  # the store's log has it, and is written out when there is room again
                store.flush()
            return deleted

    def calibrate(self) -> Sample | None:
        """Learn anew what scores are worth here, by the library's own pictures; `index` does it as the library grows.

        None where too few pictures are there, or can be read, or where scores tell nothing: most pictures have copies.
        """
        return self._generation.calibrate()

    def augment(self, on_step: OnStep | None = None, stop: threading.Event | None = None) -> AugmentReport:
        """Keep a second vector of each picture, averaged with its neighbours: the re-ranking ``expand`` is for them.

        In a library that has them it works out those that are stale, as `index` does at its end and `tend` in portions.
        Searches go on meanwhile, and so do changes. Stopped or killed, the same call goes on where it was.
        """
        began, stop = time.monotonic(), stop or threading.Event()
        with self._moving:
            if not self.config.augmented:
                self._take_over(stop)
        with self._changes:
            taken = work_off(self._generation.store, stop, on_step)
        return AugmentReport(self.count(), taken, time.monotonic() - began, stop.is_set())

    def reencode(
        self,
        encoder: str | Encoder | None = None,
        *,
        subject: bool | None = None,
        regions: bool | None = None,
        drop_missing: bool = False,
        on_tally: OnTally | None = None,
        stop: threading.Event | None = None,
    ) -> IndexReport:
        """Move the library to another encoder, or to another way to see its pictures; None leaves each as it is.

        Every picture is read and encoded again, beside the old vectors, which answer until all is done; only then is
        the library a new one. Stopped or killed, the same call goes on where it was. Pictures whose files cannot be
        read any more are named in ``report.failed``, and the library stays as it is, unless ``drop_missing`` says
        that it shall go on without them.

        Raises `UnknownEncoder`, or `LibraryError` if the library is so already.
        """
        stop = stop or threading.Event()
        with self._moving:
            report = self._reencoded(encoder, subject, regions, drop_missing, on_tally or (lambda _: None), stop)
        with self._changes:
            work_off(self._generation.store, stop)
        return report

    def warm(self) -> None:
        """Load the encoder now, so that the first question need not wait for it."""
        _ = self._generation.asking

    def encode_with(self, wrap: Callable[[Encoder], Encoder]) -> None:
        """Have queries and added pictures encoded by ``wrap(encoder)``; to be called before the first of them."""
        self._resources.wrap = wrap

    def distrust_urls(self) -> None:
        """Fetch from public addresses only, as strangers name the URLs; the setting private_urls may allow all."""
        self._resources.public_only = self._resources.settings.private_urls is not True

    def tend(self) -> None:
        """What a library that stays open needs from time to time: what was added is made durable and indexed."""
        generation = self._generation
        if generation.store.unindexed() >= OPTIMISE_FROM:
            generation.store.optimise()
        generation.store.flush()
        keep_up(generation.store)
        if generation.outgrown:
            generation.calibrate()

    def close(self) -> None:
        """Write what is outstanding and let other processes in. Closing twice does no harm."""
        for generation in (*self._replaced, self._generation):
            generation.close()
        if self._replaced:
            self._resources.paths.clear_generations(self.config.generation)
            self._replaced.clear()
        self._resources.close()

    def _indexed(
        self,
        sources: Sources,
        moves: Moves,
        job_id: int,
        tidy: bool,
        within: Roots | None,
        on_tally: OnTally | None,
        stop: threading.Event,
    ) -> IndexReport:
        names = Names()
        with self._changes:
            intake = self._generation.intake(moves, names=names, tidy=tidy, within=within)
            workers = _workers(fetches=sources.fetches)
            pipeline = self._generation.pipeline(intake, workers, on_tally or (lambda _: None), stop)
            report = pipeline.run(job_id, names.apart(sources.entries()), sources.count)
            work_off(self._generation.store, stop)
            if not report.interrupted and self._generation.outgrown:
                self._generation.calibrate()
        return report

    def _reencoded(
        self,
        encoder: str | Encoder | None,
        subject: bool | None,
        regions: bool | None,
        drop_missing: bool,
        on_tally: OnTally,
        stop: threading.Event,
    ) -> IndexReport:
        while self._replaced:  # by an earlier move, so that nobody searches them any more
            self._replaced.pop().close()
        given = None if encoder is None or isinstance(encoder, str) else encoder
        bound = self.config.encoder if encoder is None else _encoder_identity(encoder, self._resources.settings)
        config = self.config.following(bound, subject=subject, regions=regions)
        move = Reencoding(self._generation, config, self._resources, given, on_tally, stop)
        try:
            report = move.run()
            if report.interrupted or (report.failed and not drop_missing):
                return report
            with self._changes.narrowed(0):  # what came and went meanwhile is brought over while nothing changes
                self._replaced.append(self._generation)
                self._generation = move.finish()
        finally:
            move.close()
        self._generation.calibrate()
        return report

    def _take_over(self, stop: threading.Event) -> None:
        with Augmentation(self._generation, self._resources.paths) as move:
            if move.run(stop):
                with self._changes.narrowed(0):
                    self._generation = move.finish()


def _encoder_identity(encoder: str | Encoder, settings: Settings) -> EncoderIdentity:
    spec = get_spec(encoder, settings) if isinstance(encoder, str) else encoder.spec
    return EncoderIdentity(name=spec.name, dim=spec.dim, sha256=spec.sha256, reads_text=spec.reads_text)


def _workers(*, fetches: bool) -> int:
    return max(cores(), FETCHING_WORKERS) if fetches else cores()
