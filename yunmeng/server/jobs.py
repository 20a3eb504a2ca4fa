"""Routes about jobs of every kind, and functions that routes about one kind use too."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, Any, Final

import structlog
from anyio import to_thread
from fastapi import APIRouter, Depends, Path, Query
from fastapi.exceptions import RequestValidationError
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import BaseModel, ValidationError

from yunmeng.encoders.catalogue import specs
from yunmeng.errors import Busy, YunmengError
from yunmeng.schemas.imports import FailureList, ImportFailure, ImportOut
from yunmeng.schemas.jobs import EncoderOut, JobList, JobOrder, JobOut
from yunmeng.schemas.text import to_wire, wire_attributes
from yunmeng.server.admission import Route
from yunmeng.server.context import IS_ADMIN, Context, Here
from yunmeng.server.errors import Refused, responses
from yunmeng.state.database import Job

__all__ = ["encoders", "failures_of", "followed", "following", "log_event", "ordered", "router"]

router = APIRouter(prefix="/v1/jobs", tags=["jobs"], dependencies=[IS_ADMIN], route_class=Route)
encoders = APIRouter(prefix="/v1/encoders", tags=["jobs"], dependencies=[IS_ADMIN], route_class=Route)

MOST_STREAMS: Final = 32
"""Streams at once: each looks at the database all the time."""
LOOK_EVERY: Final = 0.25
"""Seconds between two looks at a job that is followed."""

Number = Annotated[int, Path(ge=1, le=2**53, description="The job's number.")]


@router.post("", responses=responses(), status_code=202)
async def order_job(order: JobOrder, here: Here) -> JobOut:
    """Start a job in the background."""
    kind = here.jobs.kind(order.kind)
    if kind is None or kind.arguments is None:
        raise Refused("invalid", f"there is no kind of job {order.kind} that can be ordered here")
    try:
        arguments = kind.arguments.model_validate(order.arguments)
    except ValidationError as exc:
        wrong = [{**one, "loc": ("body", "arguments", *one["loc"])} for one in exc.errors()]
        raise RequestValidationError(wrong) from exc
    return await to_thread.run_sync(lambda: _view(ordered(here, kind.name, arguments), here))


@router.get("", responses=responses())
async def list_jobs(
    here: Here,
    kind: Annotated[str | None, Query(max_length=32, description="Of this kind only.")] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> JobList:
    """List jobs, newest first."""
    found = await to_thread.run_sync(lambda: here.jobs.all(*([] if kind is None else [kind]), limit=limit))
    return JobList(jobs=[_view(job, here) for job in found])


@router.get("/{number}", responses=responses(404))
async def get_job(number: Number, here: Here) -> JobOut:
    """Return a job and its progress."""
    return await to_thread.run_sync(lambda: _view(_found(number, here), here))


@router.get("/{number}/failures", responses=responses(404))
async def list_job_failures(
    number: Number, here: Here, limit: Annotated[int, Query(ge=1, le=10_000)] = 1000
) -> FailureList:
    """List the inputs that a job could not use, and why."""
    return await to_thread.run_sync(lambda: failures_of(_found(number, here), here, limit))


@router.post("/{number}/cancel", responses=responses(404, 409))
async def cancel_job(number: Number, here: Here) -> JobOut:
    """Cancel a job; what it has done stays."""

    def cancel() -> JobOut:
        job = _found(number, here)
        if not here.jobs.cancel(number):
            raise Refused("job-over", f"job {number} is over: it is {job.status}")
        return _view(_found(number, here), here)

    return await to_thread.run_sync(cancel)


@router.post("/{number}/resume", responses=responses(404, 409), status_code=202)
async def resume_job(number: Number, here: Here) -> JobOut:
    """Continue a job that was cancelled, failed or was interrupted."""

    def resume() -> JobOut:
        job = _found(number, here)
        if not here.jobs.resume(number):
            if job.status in ("queued", "running"):
                raise Refused("job-running", f"job {number} is under way already")
            raise Refused("job-over", f"job {number} is over, and cannot go on: order a new one")
        return _view(_found(number, here), here)

    return await to_thread.run_sync(resume)


@encoders.get("", responses=responses())
async def list_encoders(here: Here) -> list[EncoderOut]:
    """List the encoders that a job can move the library to, its own among them."""
    found = await to_thread.run_sync(specs, here.library.settings)
    return [EncoderOut(name=spec.name, dim=spec.dim, reads_text=spec.reads_text) for spec in found]


async def _followed(number: Number, here: Here) -> AsyncIterator[int]:
    """Check that the stream can begin; later its status can no longer be changed."""
    await to_thread.run_sync(_found, number, here)
    with followed(here):
        yield number


@router.get("/{number}/events", responses=responses(404), response_class=EventSourceResponse)
async def follow_job(number: Annotated[int, Depends(_followed)], here: Here) -> AsyncIterator[ServerSentEvent]:
    """Stream a job as server-sent events: ``progress`` whenever it changes, then ``end``, both a JobOut."""
    async for event in following(number, here, lambda: _view(_found(number, here), here)):
        yield event


def ordered(here: Context, kind: str, arguments: BaseModel) -> Job:
    """Return a new job of a known kind. Raises what its kind raises for wrong arguments."""
    known = here.jobs.kind(kind)
    assert known is not None
    return here.jobs.order(kind, known.prepare(arguments))


def failures_of(job: Job, here: Context, limit: int) -> FailureList:
    """Return the inputs that a job could not use."""
    found = here.jobs.failures(job.id, limit)
    return FailureList(failures=[ImportFailure(path=to_wire(one.path), reason=to_wire(one.reason)) for one in found])


@contextmanager
def followed(here: Context) -> Iterator[None]:
    """Count one more stream of events. Raises `Busy` where there are too many."""
    if here.streams >= MOST_STREAMS:
        raise Busy(f"{MOST_STREAMS} clients follow jobs already: ask for its state instead, or again in a moment")
    here.streams += 1
    try:
        yield
    finally:
        here.streams -= 1


async def following(
    number: int, here: Context, view: Callable[[], ImportOut | JobOut]
) -> AsyncIterator[ServerSentEvent]:
    """Yield ``progress`` whenever the result of ``view`` changes, and ``end`` when the job is over."""
    last = None
    while not here.stopping.is_set():
        now = await to_thread.run_sync(view)
        over = now.status not in ("queued", "running") and not here.jobs.works_at(number)
        if over or now != last:
            yield ServerSentEvent(event="end" if over else "progress", data=now)
        if over:
            return
        last = now
        await asyncio.sleep(LOOK_EVERY)


def log_event(event: str, job: Job, error: Exception | None) -> None:
    """Write an event of a job to the server's log."""
    log = structlog.get_logger().bind(kind=job.kind, number=job.id)
    if error is None:
        log.info(f"job {event}")
    elif isinstance(error, YunmengError):
        log.warning(f"job {event}", error=str(error))
    else:
        log.exception(f"job {event}", exc_info=error)


def _found(number: int, here: Context) -> Job:
    job = here.jobs.find(number)
    if job is None:
        raise Refused("not-found", f"there is no job {number}")
    return job


def _view(job: Job, here: Context) -> JobOut:
    live, kept = here.jobs.progress(job), job.progress
    settled = kept.indexed + kept.skipped + kept.failed
    return JobOut(
        number=job.id,
        kind=job.kind,
        arguments=_arguments(job, here),
        status=job.status if live is None else "running",
        phase=None if live is None else live.phase,
        done=settled if live is None else live.done + live.skipped + live.failed,
        total=live.total if live is not None else settled if job.status == "done" else None,
        skipped=kept.skipped if live is None else live.skipped,
        failed=kept.failed if live is None else live.failed,
        resumable=live is None and here.jobs.can_resume(job),
        started_at=job.started_at,
        finished_at=job.finished_at if live is None else None,
        error=None if job.error is None else to_wire(job.error),
    )


def _arguments(job: Job, here: Context) -> dict[str, Any]:
    """Return the arguments of a job without the notes that it has added to them."""
    kind = here.jobs.kind(job.kind)
    known = job.arguments if kind is None or kind.arguments is None else kind.arguments.model_fields
    return wire_attributes({name: job.arguments[name] for name in known if name in job.arguments})
