"""Routes about warming: the server runs frequent queries in advance."""

from anyio import to_thread
from fastapi import APIRouter

from yunmeng.schemas.warming import WarmOrder, WarmOut
from yunmeng.server.admission import Route
from yunmeng.server.context import IS_ADMIN, Here
from yunmeng.server.errors import responses

__all__ = ["router"]

router = APIRouter(prefix="/v1/warm", tags=["status"], route_class=Route)


@router.post("", responses=responses(), status_code=202, dependencies=[IS_ADMIN])
async def warm(order: WarmOrder, here: Here) -> WarmOut:
    """Run these queries in the background, so that their answers are in the cache when people ask."""
    return await to_thread.run_sync(here.warmer.order, order.queries, order.top)


@router.get("", responses=responses(), dependencies=[IS_ADMIN])
async def warming(here: Here) -> WarmOut:
    """Return the progress of warming."""
    return here.warmer.view()
