"""Imports of catalogues in the background, as jobs."""

import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Final

from yunmeng.apps.shop.columns import CATALOGUE_ENDINGS
from yunmeng.errors import QueryError, StoreError
from yunmeng.state.database import Failure, Progress
from yunmeng.state.runner import JobKind, JobRun

if TYPE_CHECKING:
    from yunmeng.apps import Web
    from yunmeng.apps.shop.service import Shop
    from yunmeng.types import Tally

__all__ = ["CatalogueJobs"]

KIND: Final = "shop-import"


class CatalogueJobs:
    """Runs imports as jobs, one at a time. What was sent is kept until its import is done."""

    def __init__(self, service: "Shop", web: "Web") -> None:
        self._service = service
        self._web = web
        self._folder = web.library.resources.paths.cache / "catalogues"
        web.jobs.add(JobKind(name=KIND, work=self._work))

    def order(self, name: str, data: bytes, *, currency: str, replace: bool, folder: str | None) -> int:
        """Start the import of a file that was sent, and return the number of its job. Raises `QueryError`."""
        ending = Path(name).suffix.lower()
        if ending not in CATALOGUE_ENDINGS:
            raise QueryError(f"the name of a catalogue must end in {', '.join(sorted(CATALOGUE_ENDINGS))}")
        file = self._folder / f"{uuid.uuid4().hex}{ending}"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)
        except OSError as exc:
            raise StoreError(f"cannot keep the catalogue in {self._folder}: {exc.strerror}") from exc
        arguments = {"name": name, "file": str(file), "currency": currency, "replace": replace, "folder": folder}
        return self._web.jobs.order(KIND, arguments).id

    def _work(self, run: JobRun) -> bool:
        wanted = run.job.arguments
        file = Path(wanted["file"])
        report = self._service.import_catalogue(
            file,
            currency=wanted["currency"],
            replace=wanted["replace"],
            folder=wanted["folder"],
            within=self._web.within,
            on_tally=lambda tally: _tell(run, tally),
            stop=run.stop,
        )
        if report.interrupted:
            run.settle()
            return False
        wrong = [*report.bad, *report.broken]
        run.tell(
            report.changed,
            report.pictures + len(report.bad),
            skipped=report.pictures - report.changed - len(report.broken),
            failed=len(wrong),
        )
        failures = [
            Failure(f"line {row.line}" + (f" ({row.product})" if row.product else ""), row.reason) for row in wrong
        ]
        run.state.checkpoint(run.job.id, Progress(run.progress.done, run.progress.skipped, len(wrong)), failures)
        file.unlink(missing_ok=True)
        return True


def _tell(run: JobRun, tally: "Tally") -> None:
    run.tell(tally.indexed, tally.total, phase=tally.phase, skipped=tally.skipped, failed=tally.failed)
