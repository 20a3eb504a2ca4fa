"""Kinds of background jobs of the server: imports, re-encoding, attributes, second vectors, palettes, backups."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from yunmeng.encoders.catalogue import get_spec
from yunmeng.errors import LibraryError, QueryError, SchemaError, UnknownEncoder
from yunmeng.ingest.sources import Sources
from yunmeng.library.reader import RUNS
from yunmeng.schemas.imports import ImportOrder
from yunmeng.schemas.jobs import AugmentOrder, BackupOrder, DeclareOrder, PalettesOrder, ReencodeOrder
from yunmeng.schemas.text import from_wire
from yunmeng.state.runner import JobKind, JobRun

if TYPE_CHECKING:
    from pathlib import Path

    from yunmeng.ingest.pipeline import Tally
    from yunmeng.ingest.roots import Roots
    from yunmeng.library.library import Library
    from yunmeng.server.observe import Metrics
    from yunmeng.state.database import Job

__all__ = [
    "AUGMENT",
    "BACKUP",
    "DECLARE",
    "IMPORT",
    "PALETTES",
    "REENCODE",
    "augmenting",
    "backing_up",
    "declaring",
    "importing",
    "palettes",
    "reencoding",
]

IMPORT = "import"
REENCODE = "reencode"
DECLARE = "declare"
AUGMENT = "augment"
PALETTES = "palettes"
BACKUP = "backup"


def importing(library: "Library", metrics: "Metrics", within: "Roots | None") -> JobKind:
    """Return the kind of job that adds pictures, from the folders ``within``; None for all of the disk."""

    def prepare(order: ImportOrder) -> Mapping[str, Any]:
        paths, manifest = [from_wire(path) for path in order.paths], order.manifest and from_wire(order.manifest)
        Sources(list(paths), manifest, library.schema, within)
        return {"paths": paths, "manifest": manifest, "frames": order.frames}

    def work(run: JobRun) -> bool:
        report = library.writer.index(
            run.job.arguments["paths"],
            manifest=run.job.arguments["manifest"],
            on_tally=lambda tally: _tell(run, tally),
            stop=run.stop,
            job=run.job,
            within=within,
            frames=run.job.arguments.get("frames", 1),  # jobs of before have none
        )
        counts = {"indexed": report.indexed, "skipped": report.skipped, "failed": len(report.failed)}
        for outcome, count in counts.items():
            metrics.imported.labels(outcome).inc(count)
        return not report.interrupted

    return JobKind(name=IMPORT, work=work, arguments=ImportOrder, prepare=prepare, beside=RUNS)


def reencoding(library: "Library") -> JobKind:
    """Return the kind of job that moves the library to another encoder or other parts of its pictures."""

    def prepare(order: ReencodeOrder) -> Mapping[str, Any]:
        if order.encoder is not None:
            try:
                get_spec(order.encoder, library.settings)
            except UnknownEncoder as exc:
                raise QueryError(str(exc)) from exc
        return order.model_dump(mode="json")

    def work(run: JobRun) -> bool:
        report = library.maintenance.reencode(
            **run.job.arguments, on_tally=lambda tally: _tell(run, tally), stop=run.stop, job=run.job
        )
        if report.failed and not report.interrupted and not run.job.arguments["drop_missing"]:
            raise LibraryError(
                f"{len(report.failed):,} pictures cannot be read any more, so the library stays as it was: bring their "
                "files back and resume this, or order it again with drop_missing"
            )
        return not report.interrupted

    def was_ordered(job: "Job") -> bool:
        return "drop_missing" in job.arguments  # a command leaves jobs of this kind, too, which say less

    return JobKind(name=REENCODE, work=work, arguments=ReencodeOrder, prepare=prepare, can_resume=was_ordered)


def declaring(library: "Library") -> JobKind:
    """Return the kind of job that declares attributes of the library, or declares some no longer."""

    def prepare(order: DeclareOrder) -> Mapping[str, Any]:
        attributes = {from_wire(name): type for name, type in order.attributes.items()}
        try:
            library.config.declaring(attributes)
        except SchemaError as exc:
            raise QueryError(str(exc)) from exc
        return {"attributes": attributes}

    def work(run: JobRun) -> bool:
        report = library.maintenance.declare(
            run.job.arguments["attributes"], on_tally=lambda tally: _tell(run, tally), stop=run.stop, job=run.job
        )
        if report.failed and not report.interrupted:
            raise LibraryError(
                f"{len(report.failed):,} pictures have values that do not fit, so the library stays as it was: give "
                "them other values, or declare another type"
            )
        return not report.interrupted

    def was_ordered(job: "Job") -> bool:
        return "attributes" in job.arguments  # a command leaves jobs of this kind, too, which say less

    return JobKind(name=DECLARE, work=work, arguments=DeclareOrder, prepare=prepare, can_resume=was_ordered)


def augmenting(library: "Library") -> JobKind:
    """Return the kind of job that gives the library second vectors, and computes stale ones again."""

    def work(run: JobRun) -> bool:
        report = library.augment(run.tell, run.stop)
        run.settle()
        return not report.interrupted

    return JobKind(name=AUGMENT, work=work, arguments=AugmentOrder)


def palettes(library: "Library") -> JobKind:
    """Return the kind of job that computes the palettes of pictures that have none."""

    def work(run: JobRun) -> bool:
        report = library.palettes(run.tell, run.stop)
        for failure in report.failed:
            run.fail(failure.path, failure.reason)
        run.tell(report.computed, failed=len(report.failed))
        run.settle()
        return not report.interrupted

    return JobKind(name=PALETTES, work=work, arguments=PalettesOrder)


def backing_up(library: "Library", folder: "Path | None") -> JobKind:
    """Return the kind of job that writes a backup into ``folder``."""

    def prepare(order: BackupOrder) -> Mapping[str, Any]:
        if folder is None:
            raise QueryError("the server has no folder for backups: set YUNMENG_SERVER_BACKUPS, and start it again")
        return {"name": order.name or f"{library.name}-{datetime.now(UTC):%Y%m%dT%H%M%S}"}

    def work(run: JobRun) -> bool:
        assert folder is not None  # or there would be no such job
        made = library.backup(folder / run.job.arguments["name"], run.tell, run.stop)
        run.settle()
        return made is not None

    return JobKind(name=BACKUP, work=work, arguments=BackupOrder, prepare=prepare)


def _tell(run: JobRun, tally: "Tally") -> None:
    run.tell(tally.indexed, tally.total, phase=tally.phase, skipped=tally.skipped, failed=tally.failed)
