"""Changes to an open library: add pictures, change them, delete them."""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from yunmeng.config import cores
from yunmeng.errors import FilterError, PictureError, QueryError, Reason, RecordNotFound, SourceError
from yunmeng.ingest.moves import Moves, identify
from yunmeng.ingest.naming import Names
from yunmeng.ingest.pipeline import recorded
from yunmeng.ingest.runners.protocol import RunnerOptions
from yunmeng.ingest.runners.registry import remote_runner
from yunmeng.ingest.sources import Sources
from yunmeng.library.dba import refresh
from yunmeng.library.reader import RUNS
from yunmeng.stores.filters import check, fixed_truth
from yunmeng.stores.parse import read_filter
from yunmeng.stores.schema import admit
from yunmeng.types import MOST_PARTS

if TYPE_CHECKING:
    from yunmeng.ingest.additions import Addition
    from yunmeng.ingest.entries import Entry
    from yunmeng.ingest.pipeline import IndexReport, OnTally
    from yunmeng.ingest.roots import Roots
    from yunmeng.library.generations import Generations
    from yunmeng.library.resources import LibraryResources
    from yunmeng.state.database import Job
    from yunmeng.stores.filters import Filter
    from yunmeng.types import Attributes, AttributeSchema, Record, RunnerName

__all__ = ["LibraryWriter"]

CHANGED_AT_ONCE: Final = 1000
"""Records that are read and written together where attributes change."""
DELETED_AT_ONCE: Final = 1000
"""Records that are read, to find their files, before they are deleted."""

FETCHING_WORKERS: Final = 8
"""Intake threads where pictures come over the network: most of them wait."""


class LibraryWriter:
    """Adds, changes and deletes pictures. Threads may share it."""

    def __init__(self, resources: "LibraryResources", generations: "Generations") -> None:
        self._resources = resources
        self._generations = generations

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
        job: "Job | None" = None,
        within: "Roots | None" = None,
        wanted: "Callable[[Entry], bool] | None" = None,
    ) -> "IndexReport":
        """Bring pictures in, as `yunmeng.Library.index` says.

        ``job`` is a job of the state database that waits, or that stopped before its end; without it, the run makes
        one. ``within`` limits the run to some folders, ``wanted`` to some of the pictures; None sets no limit.
        """
        if not 1 <= frames <= MOST_PARTS:
            raise SourceError(f"frames must be 1 to {MOST_PARTS}, not {frames}")
        options = RunnerOptions(address, workers)
        sources = Sources([paths] if isinstance(paths, str | Path) else paths, manifest, self._schema, within, wanted)
        state, stop = self._resources.state, stop or threading.Event()
        runs = state.jobs(*RUNS)
        before = next((run for run in runs if job is None or run.id != job.id), job)
        if job is None:
            job = state.start_job("index", {"sources": sources.names}, RUNS if self._generations.current.shared else ())
        else:
            state.resume_job(job.id)
        folders = identify(sources.folders)
        state.note(job.id, {"folders": folders})
        created = self._generations.current.config.created
        moves = Moves(created, folders, [run.arguments.get("folders", {}) for run in runs])
        tidy, number = before is not None and before.status != "done", job.id
        return recorded(
            state,
            number,
            lambda: self._indexed(sources, moves, number, tidy, within, frames, on_tally, stop, runner, options),
            stop,
        )

    def add(
        self, picture: bytes | Path | str, *, id: str | None = None, attributes: "Attributes | None" = None
    ) -> "Addition":
        """Bring in one picture, as `yunmeng.Library.add` says. Raises `PictureError`."""
        fitted = None if attributes is None else admit(attributes, self._schema)
        place = str(picture.absolute()) if isinstance(picture, Path) else picture
        with self._generations.changing():
            return self._generations.current.additions.add(place, id, fitted)

    def set_attributes(self, id: str, attributes: "Attributes") -> "Record":
        """Give a picture these attributes in place of its own. Raises `RecordNotFound`, and `PictureError`."""
        with self._generations.changing():
            changed = self._generations.current.additions.set_attributes(id, admit(attributes, self._schema))
        if changed is None:
            raise RecordNotFound(f"no picture has the id {id}")
        return changed

    def update_attributes(
        self,
        ids: Sequence[str],
        values: "Attributes" = MappingProxyType({}),
        *,
        add: "Mapping[str, Sequence[str]]" = MappingProxyType({}),
    ) -> int:
        """Change some attributes of pictures, as `yunmeng.Library.update_attributes` says. Raises `PictureError`."""
        schema = self._schema
        fitted = admit({name: value for name, value in values.items() if value is not None}, schema)
        for name in add:
            if schema.get(name, "list[str]") != "list[str]":
                raise PictureError(Reason.BAD_ATTRIBUTE, f"{name} is a {schema[name]}: values are added to lists only")

        def changed(attributes: "Attributes") -> "Attributes":
            kept = {name: value for name, value in attributes.items() if name not in values}
            longer = {name: _lengthened(kept.get(name), more) for name, more in add.items()}
            return admit({**kept, **fitted, **longer}, schema)

        names, count = list(dict.fromkeys(ids)), 0
        with self._generations.changing():
            generation = self._generations.current
            for start in range(0, len(names), CHANGED_AT_ONCE):
                with generation.writing():  # as in `Additions.set_attributes`
                    records = generation.store.get(names[start : start + CHANGED_AT_ONCE], vectors=True).values()
                    generation.store.upsert([replace(one, attributes=changed(one.attributes)) for one in records])
                count += len(records)
        return count

    def delete(
        self, ids: str | Sequence[str] | None = None, *, filter: "str | Filter | None" = None, all: bool = False
    ) -> int:
        """Remove pictures, as `yunmeng.Library.delete` says. Returns how many there were."""
        if all and (ids or filter is not None):
            raise QueryError("all=True deletes every picture: leave ids and filter out")
        if not all and ids is None and filter is None:
            raise QueryError("say what to delete: ids, a filter, or all=True")
        wanted = read_filter(filter)
        if wanted is not None:
            check(wanted, self._schema)
            if fixed_truth(wanted):
                raise FilterError("the filter lets every picture through: to delete all, say --all (all=True)")
        with self._generations.changing():
            store, deleted = self._generations.current.store, 0
            named = dict.fromkeys([ids] if isinstance(ids, str) else ids or ())
            if all or wanted is not None:
                named.update((record.id, None) for record in store.iterate(wanted))
            names = list(named)
            for start in range(0, len(names), DELETED_AT_ONCE):
                records = store.get(names[start : start + DELETED_AT_ONCE])
                deleted += store.delete(list(records))
                for record in records.values():
                    self._resources.media.forget(record)
            return deleted

    @property
    def _schema(self) -> "AttributeSchema":
        return self._generations.current.config.attributes

    def _indexed(
        self,
        sources: Sources,
        moves: Moves,
        job_id: int,
        tidy: bool,
        within: "Roots | None",
        frames: int,
        on_tally: "OnTally | None",
        stop: threading.Event,
        runner: "RunnerName",
        options: RunnerOptions,
    ) -> "IndexReport":
        names = Names()
        workers = max(cores(), FETCHING_WORKERS) if sources.fetches else cores()
        with self._generations.changing():
            generation = self._generations.current
            remote = remote_runner(runner, lambda: generation.encoding.setup, options)
            classifier = generation.classifier(
                moves, names=names, tidy=tidy, within=within, frames=frames, decodes=remote is None
            )
            pipeline = generation.pipeline(classifier, workers, on_tally or (lambda _: None), stop, remote)
            report = pipeline.run(job_id, names.apart(sources.entries()), sources.count)
            refresh(generation.store, stop)
            generation.refresh_words(stop)
            if not report.interrupted:
                generation.calibrator.keep_up()
        return report


def _lengthened(value: object, more: Sequence[str]) -> list[str]:
    """Return a list of text with ``more`` behind its own values, each once."""
    return list(dict.fromkeys([*(value if isinstance(value, list) else []), *more]))
