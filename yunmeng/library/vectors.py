"""Vectors and records of a library out into a file, and into a library again: no picture is read or encoded."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from yunmeng.config import Settings
from yunmeng.errors import EncoderMismatch, LibraryError, LibraryFormatError, PictureError
from yunmeng.ingest.pipeline import OPTIMISE_FROM
from yunmeng.library.config import LibraryConfig, write_config
from yunmeng.library.dba import refresh
from yunmeng.library.generation import Generation
from yunmeng.library.library import Library
from yunmeng.library.paths import LibraryPaths
from yunmeng.library.resources import LibraryResources
from yunmeng.library.tables import read_table, write_table
from yunmeng.stores.pages import pages_with_vectors
from yunmeng.stores.registry import DEFAULT_STORE, check_url
from yunmeng.types import Failure, IndexReport

if TYPE_CHECKING:
    from yunmeng.stores.protocol import Store
    from yunmeng.types import Record

__all__ = ["export_vectors", "import_vectors"]

BOUND: Final = ("encoder", "enhance", "subject")
"""What must be the same for vectors to be comparable."""

OnStep = Callable[[int, int], None]
"""Called with how many records are done, and how many there are."""


def export_vectors(
    library: Library,
    place: str | Path,
    on_step: OnStep = lambda _done, _all: None,
    stop: threading.Event | None = None,
) -> int | None:
    """Write the vectors and records of all pictures to ``place``, whose ending says how: .parquet or .npy.

    With .npy, the records are JSON lines in a file beside it, and facts of the library in another. Returns how many
    pictures were written; None if it was stopped, which leaves what was there. Searches and changes go on meanwhile.

    Raises `SourceError` for another ending, `MissingExtra`, and `LibraryError` where the file cannot be written.
    """
    config, store = library.config, library.generation.store
    stop, total, done = stop or threading.Event(), store.count(), 0
    facts = {**config.vector_facts(), "attributes": dict(config.attributes), "metric": config.metric}
    try:
        writer = write_table(Path(place), facts, config.encoder.dim, config.attributes, total)
        try:
            for records in pages_with_vectors(store, stop=stop):
                writer.write([replace(record, regions=None) for record in records])
                done += len(records)
                on_step(done, max(total, done))
            if stop.is_set():
                return None
            writer.finish()
        finally:
            writer.abandon()
    except OSError as exc:
        raise LibraryError(f"cannot write to {place}: {exc.strerror or exc}") from exc
    return done


def import_vectors(
    place: str | Path,
    db: str | Path,
    store: str | None = None,
    on_step: OnStep = lambda _done, _all: None,
    stop: threading.Event | None = None,
    settings: Settings | None = None,
) -> IndexReport:
    """Bring what `export_vectors` has written into the library at ``db``, which is made if there is none.

    Records with an id that the library has are replaced, those that it has as they are skipped. A record that does not
    fit the declared attributes is listed in ``failed``. If it is stopped, the same call goes on from there.

    Args:
        place: The file, .parquet or .npy.
        db: The library's folder.
        store: The URL of a new library's store.
        on_step: Called as it goes on.
        stop: Ends it cleanly when set.
        settings: None reads them from the environment.

    Raises:
        LibraryNotFound, LibraryFormatError: The file is not there, damaged or none of ours.
        EncoderMismatch: The library is bound to another encoder, or prepares pictures in another way.
    """
    began, stop = time.monotonic(), stop or threading.Event()
    table = read_table(Path(place))
    indexed, skipped, failed = 0, 0, list[Failure]()
    with _opened(table.facts, db, store, settings or Settings.load()) as library:
        target = library.generation.store
        try:
            for records in table.batches:
                if stop.is_set():
                    break
                with library.generations.changing():
                    fresh = _unlike(target, records)
                    lost = _written(target, fresh)
                skipped += len(records) - len(fresh)
                indexed += len(fresh) - len(lost)
                failed += lost
                on_step(indexed + skipped + len(failed), table.count)
        except (OSError, ValueError, KeyError, TypeError) as exc:
            raise LibraryFormatError(f"{place} is damaged behind record {indexed + skipped:,}: {exc}") from exc
        if not stop.is_set() and target.unindexed() >= OPTIMISE_FROM:
            target.optimise()
        target.flush()
        refresh(target, stop)
    return IndexReport(indexed, skipped, failed, time.monotonic() - began, interrupted=stop.is_set())


def _opened(facts: dict[str, Any], db: str | Path, store: str | None, settings: Settings) -> Library:
    if not Library.exists(db):
        return _created(facts, db, store or DEFAULT_STORE, settings)
    library = Library.open(db, settings=settings)
    own = library.config.vector_facts()
    for name in BOUND:
        if own[name] != facts.get(name):
            library.close()
            raise EncoderMismatch(f"{db} cannot take these vectors: its {name} is {_told(own, name)}, theirs "
                                  f"{_told(facts, name)}")  # fmt: skip
    if store not in (None, library.config.store):
        library.close()
        raise LibraryError(f"{db} keeps its vectors in {library.config.store}: leave --store out, or use a new --db")
    return library


def _told(facts: dict[str, Any], name: str) -> str:
    value = facts.get(name)
    return str(value.get("name") if isinstance(value, dict) else value)


def _created(facts: dict[str, Any], db: str | Path, store: str, settings: Settings) -> Library:
    """Make a library for these vectors. Its encoder is looked for when a picture is to be encoded."""
    check_url(store)
    wanted = {name: facts[name] for name in (*BOUND, "attributes", "metric")}
    config = LibraryConfig.model_validate({**wanted, "store": store})
    paths = LibraryPaths(db).prepare()
    resources = LibraryResources(paths, settings, config)
    generation = Generation.create(config, resources)
    write_config(paths, config)
    return Library(resources, generation)


def _unlike(store: "Store", records: "Sequence[Record]") -> "list[Record]":
    """Return those that the store does not have just so."""
    there = store.get([record.id for record in records], vectors=True)
    return [record for record in records if not _same(record, there.get(record.id))]


def _same(record: "Record", other: "Record | None") -> bool:
    if other is None or replace(other, vector=None, regions=None) != replace(record, vector=None):
        return False
    return np.array_equal(record.vector, other.vector)  # type: ignore[arg-type]  # both were read


def _written(store: "Store", records: "Sequence[Record]") -> list[Failure]:
    """Write records; those that do not fit are returned, with the reason."""
    if not records:
        return []
    try:
        store.upsert(records)
    except PictureError:
        pass
    else:
        return []
    failed = []
    for record in records:
        try:
            store.upsert([record])
        except PictureError as exc:
            failed.append(Failure(record.id, str(exc)))
    return failed
