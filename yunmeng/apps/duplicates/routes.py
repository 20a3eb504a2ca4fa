"""Routes about duplicates: find them, decide on each group, undo a decision."""

from typing import TYPE_CHECKING, Annotated

from anyio import to_thread
from fastapi import APIRouter, Path, Query

from yunmeng.apps import Web
from yunmeng.apps.duplicates.jobs import DuplicateJobs
from yunmeng.apps.duplicates.schemas import (
    DuplicateDecision,
    DuplicateGroup,
    DuplicateGroups,
    DuplicateMember,
    DuplicateOrder,
    DuplicatesOut,
)
from yunmeng.schemas.scopes import Caller
from yunmeng.schemas.text import from_wire

if TYPE_CHECKING:
    from yunmeng.apps.duplicates.service import Duplicates, FoundGroup

__all__ = ["routes"]

Number = Annotated[int, Path(ge=1, le=2**53, description="The group's number.")]


def routes(service: "Duplicates", web: Web) -> APIRouter:
    """Return the routes below ``/v1/duplicates``."""
    router, responses = web.router(), web.responses
    searches = DuplicateJobs(service, web.jobs)

    @router.post("", responses=responses(), status_code=202, dependencies=[web.writer])
    async def find_duplicates(order: DuplicateOrder) -> DuplicatesOut:
        """Look for pictures that are the same, in the background. If a search is running already, it goes on."""
        return await to_thread.run_sync(searches.order, order.keep)

    @router.get("", responses=responses(), dependencies=[web.writer])
    async def duplicates() -> DuplicatesOut:
        """Return the state of the search, or its outcome, and the number of groups."""
        return await to_thread.run_sync(searches.view)

    @router.post("/cancel", responses=responses(), dependencies=[web.writer])
    async def cancel_duplicates() -> DuplicatesOut:
        """Cancel the search that is running; groups that were found before stay."""
        return await to_thread.run_sync(searches.cancel)

    @router.get("/groups", responses=responses())
    async def list_groups(
        caller: Annotated[Caller, web.writer],
        offset: Annotated[int, Query(ge=0, le=2**53)] = 0,
        limit: Annotated[int, Query(ge=1, le=100)] = 20,
        open: Annotated[bool | None, Query(description="true: those nobody has decided on; false: the others.")] = None,
    ) -> DuplicateGroups:
        """List groups of pictures that are the same, the largest first."""
        found = await to_thread.run_sync(lambda: service.groups(offset, limit + 1, open=open))
        return DuplicateGroups(
            groups=[_shown(group, caller, web) for group in found[:limit]],
            next_offset=offset + limit if len(found) > limit else None,
        )

    @router.post("/groups/{number}", responses=responses(404))
    async def decide_group(
        number: Number, decision: DuplicateDecision, caller: Annotated[Caller, web.writer]
    ) -> DuplicateGroup:
        """Take pictures of a group out of the library; all others stay. It can be undone."""
        ids = [from_wire(id) for id in decision.discard]
        return _shown(await to_thread.run_sync(service.decide, number, ids), caller, web)

    @router.post("/groups/{number}/undo", responses=responses(404, 410))
    async def undo_group(number: Number, caller: Annotated[Caller, web.writer]) -> DuplicateGroup:
        """Bring back what was taken out of a group, which is then open again."""
        return _shown(await to_thread.run_sync(service.undo, number), caller, web)

    return router


def _shown(group: "FoundGroup", caller: Caller, web: Web) -> DuplicateGroup:
    return DuplicateGroup(
        number=group.number,
        decided=group.decided,
        members=[
            DuplicateMember(
                picture=web.shown(member.record, caller),
                keep=member.keep,
                there=member.there,
                reason=member.reason,
                score=member.score,
            )
            for member in group.members
        ],
    )
