"""Routes about imports."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Final

from anyio import to_thread
from fastapi import APIRouter, Depends, Path, Query
from fastapi.sse import EventSourceResponse, ServerSentEvent

from yunmeng.errors import Busy
from yunmeng.schemas import FailureList, ImportFailure, ImportList, ImportOrder, ImportOut, from_wire, to_wire
from yunmeng.server.admission import Route
from yunmeng.server.context import IS_ADMIN, Here
from yunmeng.server.errors import responses

__all__ = ["router"]

router = APIRouter(prefix="/v1/imports", tags=["imports"], dependencies=[IS_ADMIN], route_class=Route)

MOST_STREAMS: Final = 32
"""Streams at once: each looks at the database all the time."""
LOOK_EVERY: Final = 0.25
"""Seconds between two looks at an import that is followed."""

Number = Annotated[int, Path(ge=1, le=2**53, description="The import's number.")]


@router.post("", responses=responses(), status_code=202)
async def order_import(order: ImportOrder, here: Here) -> ImportOut:
    """Bring in folders, manifests and pictures on the server's disk, or URLs, in the background."""
    paths = [from_wire(path) for path in order.paths]
    return await to_thread.run_sync(
        here.imports.order, paths, order.manifest and from_wire(order.manifest), order.frames
    )


@router.get("", responses=responses())
async def list_imports(here: Here, limit: Annotated[int, Query(ge=1, le=100)] = 20) -> ImportList:
    """Imports, newest first."""
    return ImportList(imports=await to_thread.run_sync(here.imports.all, limit))


@router.get("/{number}", responses=responses(404))
async def get_import(number: Number, here: Here) -> ImportOut:
    """An import and how far it has come."""
    return await to_thread.run_sync(here.imports.view, number)


@router.get("/{number}/failures", responses=responses(404))
async def list_failures(
    number: Number, here: Here, limit: Annotated[int, Query(ge=1, le=10_000)] = 1000
) -> FailureList:
    """What an import could not use, and why."""
    found = await to_thread.run_sync(here.imports.failures, number, limit)
    return FailureList(failures=[ImportFailure(path=to_wire(one.path), reason=to_wire(one.reason)) for one in found])


@router.post("/{number}/cancel", responses=responses(404, 409))
async def cancel_import(number: Number, here: Here) -> ImportOut:
    """Stop an import; what it has brought in stays."""
    return await to_thread.run_sync(here.imports.cancel, number)


@router.post("/{number}/resume", responses=responses(404, 409), status_code=202)
async def resume_import(number: Number, here: Here) -> ImportOut:
    """Have an import that was cancelled, failed or was interrupted go on."""
    return await to_thread.run_sync(here.imports.resume, number)


async def _followed(number: Number, here: Here) -> AsyncIterator[int]:
    """What keeps a stream from being is told before it begins: its status cannot be changed afterwards."""
    await to_thread.run_sync(here.imports.find, number)
    if here.streams >= MOST_STREAMS:
        raise Busy(f"{MOST_STREAMS} clients follow imports already: ask for its state instead, or again in a moment")
    here.streams += 1
    try:
        yield number
    finally:
        here.streams -= 1


@router.get("/{number}/events", responses=responses(404), response_class=EventSourceResponse)
async def follow_import(number: Annotated[int, Depends(_followed)], here: Here) -> AsyncIterator[ServerSentEvent]:
    """An import's progress as server-sent events: ``progress`` whenever it changes, and ``end``, both an ImportOut."""
    last = None
    while not here.stopping.is_set():
        now = await to_thread.run_sync(here.imports.view, number)
        over = now.status not in ("queued", "running") and not here.imports.works_at(number)
        if over or now != last:
            yield ServerSentEvent(event="end" if over else "progress", data=now)
        if over:
            return
        last = now
        await asyncio.sleep(LOOK_EVERY)
