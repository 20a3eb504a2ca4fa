"""Routes about duplicates: looking for them, deciding on each group, undoing that."""

from typing import Annotated

from anyio import to_thread
from fastapi import APIRouter, Path, Query

from yunmeng.apps.duplicates.service import FoundGroup
from yunmeng.schemas import (
    DuplicateDecision,
    DuplicateGroup,
    DuplicateGroups,
    DuplicateMember,
    DuplicateOrder,
    DuplicatesOut,
    from_wire,
)
from yunmeng.server.admission import Route
from yunmeng.server.context import MAY_WRITE, Here, Writer
from yunmeng.server.errors import responses
from yunmeng.server.guard import Caller
from yunmeng.server.pictures import shown

__all__ = ["router"]

router = APIRouter(prefix="/v1/duplicates", tags=["duplicates"], route_class=Route)

Number = Annotated[int, Path(ge=1, le=2**53, description="The group's number.")]


@router.post("", responses=responses(), status_code=202, dependencies=[MAY_WRITE])
async def find_duplicates(order: DuplicateOrder, here: Here) -> DuplicatesOut:
    """Look for pictures that are the same, in the background; a search that is under way goes on."""
    return await to_thread.run_sync(here.duplicates.order, order.keep)


@router.get("", responses=responses(), dependencies=[MAY_WRITE])
async def duplicates(here: Here) -> DuplicatesOut:
    """How far the search is, or how it ended, and how many groups there are."""
    return await to_thread.run_sync(here.duplicates.view)


@router.post("/cancel", responses=responses(), dependencies=[MAY_WRITE])
async def cancel_duplicates(here: Here) -> DuplicatesOut:
    """End the search that is under way; groups that were found before stay."""
    return await to_thread.run_sync(here.duplicates.cancel)


@router.get("/groups", responses=responses())
async def list_groups(
    here: Here,
    caller: Writer,
    offset: Annotated[int, Query(ge=0, le=2**53)] = 0,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    open: Annotated[bool | None, Query(description="true: those nobody has decided on; false: the others.")] = None,
) -> DuplicateGroups:
    """Groups of pictures that are the same, the largest first."""
    found = await to_thread.run_sync(lambda: here.library.duplicate_groups(offset, limit + 1, open=open))
    return DuplicateGroups(
        groups=[_shown(group, caller) for group in found[:limit]],
        next_offset=offset + limit if len(found) > limit else None,
    )


@router.post("/groups/{number}", responses=responses(404))
async def decide_group(number: Number, decision: DuplicateDecision, here: Here, caller: Writer) -> DuplicateGroup:
    """Take pictures of a group out of the library; all others stay. It can be undone."""
    ids = [from_wire(id) for id in decision.discard]
    return _shown(await to_thread.run_sync(here.library.decide_duplicates, number, ids), caller)


@router.post("/groups/{number}/undo", responses=responses(404, 410))
async def undo_group(number: Number, here: Here, caller: Writer) -> DuplicateGroup:
    """Bring back what was taken out of a group, which is then open again."""
    return _shown(await to_thread.run_sync(here.library.undo_duplicates, number), caller)


def _shown(group: FoundGroup, caller: Caller) -> DuplicateGroup:
    return DuplicateGroup(
        number=group.number,
        decided=group.decided,
        members=[
            DuplicateMember(
                picture=shown(member.record, caller),
                keep=member.keep,
                there=member.there,
                reason=member.reason,
                score=member.score,
            )
            for member in group.members
        ],
    )
