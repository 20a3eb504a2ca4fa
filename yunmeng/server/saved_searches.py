"""Routes of searches that are saved under a name, for everybody who uses the library."""

from typing import Annotated

from anyio import to_thread
from fastapi import APIRouter, Path

from yunmeng.errors import RecordNotFound
from yunmeng.schemas.saved_searches import NewSearch, SavedSearchOut
from yunmeng.schemas.text import from_wire, to_wire
from yunmeng.server.admission import Route
from yunmeng.server.context import MAY_SEARCH, MAY_WRITE, Here
from yunmeng.server.errors import responses
from yunmeng.state.saved_searches import SavedSearch, SavedSearches

__all__ = ["router"]

router = APIRouter(prefix="/v1/saved-searches", tags=["search"], route_class=Route)

Name = Annotated[str, Path(min_length=1, max_length=200)]


@router.get("", responses=responses(), dependencies=[MAY_SEARCH])
async def saved_searches(here: Here) -> list[SavedSearchOut]:
    """List the saved searches, by name."""
    return [_shown(one) for one in await to_thread.run_sync(SavedSearches(here.library.state).all)]


@router.put("/{name:text}", responses=responses(), dependencies=[MAY_WRITE])
async def save_search(name: Name, new: NewSearch, here: Here) -> SavedSearchOut:
    """Save a search of the console under a name, in place of the one that has it."""
    return _shown(await to_thread.run_sync(SavedSearches(here.library.state).save, from_wire(name), new.query))


@router.delete("/{name:text}", responses=responses(404), status_code=204, dependencies=[MAY_WRITE])
async def delete_search(name: Name, here: Here) -> None:
    """Forget a saved search."""
    if not await to_thread.run_sync(SavedSearches(here.library.state).delete, from_wire(name)):
        raise RecordNotFound("no search is saved under this name")


def _shown(saved: SavedSearch) -> SavedSearchOut:
    return SavedSearchOut(name=to_wire(saved.name), query=saved.query, saved_at=saved.saved_at)
