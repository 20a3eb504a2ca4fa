"""Routes about imports, which are jobs that add pictures."""

from collections.abc import AsyncIterator
from typing import Annotated

from anyio import to_thread
from fastapi import APIRouter, Depends, Path, Query
from fastapi.sse import EventSourceResponse, ServerSentEvent

from yunmeng.schemas.imports import FailureList, ImportList, ImportOrder, ImportOut
from yunmeng.schemas.text import to_wire
from yunmeng.server.admission import Route
from yunmeng.server.context import IS_ADMIN, Context, Here
from yunmeng.server.errors import Refused, responses
from yunmeng.server.job_kinds import IMPORT
from yunmeng.server.jobs import failures_of, followed, following, ordered
from yunmeng.state.database import Job

__all__ = ["router"]

router = APIRouter(prefix="/v1/imports", tags=["imports"], dependencies=[IS_ADMIN], route_class=Route)

Number = Annotated[int, Path(ge=1, le=2**53, description="The import's number.")]


@router.post("", responses=responses(), status_code=202)
async def order_import(order: ImportOrder, here: Here) -> ImportOut:
    """Import folders, manifests and pictures on the server's disk, or URLs, in the background."""
    return await to_thread.run_sync(lambda: _view(ordered(here, IMPORT, order), here))


@router.get("", responses=responses())
async def list_imports(here: Here, limit: Annotated[int, Query(ge=1, le=100)] = 20) -> ImportList:
    """List imports, newest first."""
    found = await to_thread.run_sync(lambda: here.jobs.all(IMPORT, limit=limit))
    return ImportList(imports=[_view(job, here) for job in found])


@router.get("/{number}", responses=responses(404))
async def get_import(number: Number, here: Here) -> ImportOut:
    """Return an import and its progress."""
    return await to_thread.run_sync(lambda: _view(_found(number, here), here))


@router.get("/{number}/failures", responses=responses(404))
async def list_failures(
    number: Number, here: Here, limit: Annotated[int, Query(ge=1, le=10_000)] = 1000
) -> FailureList:
    """List the inputs that an import could not use, and why."""
    return await to_thread.run_sync(lambda: failures_of(_found(number, here), here, limit))


@router.post("/{number}/cancel", responses=responses(404, 409))
async def cancel_import(number: Number, here: Here) -> ImportOut:
    """Cancel an import; the pictures that it has added stay."""

    def cancel() -> ImportOut:
        job = _found(number, here)
        if not here.jobs.cancel(number):
            raise Refused("import-over", f"import {number} is over: it is {job.status}")
        return _view(_found(number, here), here)

    return await to_thread.run_sync(cancel)


@router.post("/{number}/resume", responses=responses(404, 409), status_code=202)
async def resume_import(number: Number, here: Here) -> ImportOut:
    """Continue an import that was cancelled, failed or was interrupted."""

    def resume() -> ImportOut:
        job = _found(number, here)
        if not here.jobs.resume(number):
            if job.status == "done":
                raise Refused("import-over", f"import {number} is done: order a new one to look for more")
            raise Refused("import-running", f"import {number} is under way already")
        return _view(_found(number, here), here)

    return await to_thread.run_sync(resume)


async def _followed(number: Number, here: Here) -> AsyncIterator[int]:
    """Check that the stream can begin; later its status can no longer be changed."""
    await to_thread.run_sync(_found, number, here)
    with followed(here):
        yield number


@router.get("/{number}/events", responses=responses(404), response_class=EventSourceResponse)
async def follow_import(number: Annotated[int, Depends(_followed)], here: Here) -> AsyncIterator[ServerSentEvent]:
    """Stream an import as server-sent events: ``progress`` whenever it changes, then ``end``, both an ImportOut."""
    async for event in following(number, here, lambda: _view(_found(number, here), here)):
        yield event


def _found(number: int, here: Context) -> Job:
    job = here.jobs.find(number, IMPORT)
    if job is None:
        raise Refused("not-found", f"there is no import {number}")
    return job


def _view(job: Job, here: Context) -> ImportOut:
    live, kept = here.jobs.progress(job), job.progress
    manifest = job.arguments.get("manifest")
    settled = kept.indexed + kept.skipped + kept.failed
    return ImportOut(
        number=job.id,
        sources=[to_wire(path) for path in [*job.arguments["paths"], *([manifest] if manifest else [])]],
        status=job.status if live is None else "running",
        phase="optimising" if live is not None and live.phase == "optimising" else "indexing",
        total=live.total if live is not None else settled if job.status == "done" else None,
        indexed=kept.indexed if live is None else live.done,
        skipped=kept.skipped if live is None else live.skipped,
        failed=kept.failed if live is None else live.failed,
        started_at=job.started_at,
        finished_at=job.finished_at if live is None else None,
        error=None if job.error is None else to_wire(job.error),
    )
