"""Routes of recommendation. What concerns a user needs a key that may write: names of users are no secrets."""

from typing import TYPE_CHECKING, Annotated

from anyio import to_thread
from fastapi import APIRouter, Query

from yunmeng.apps import Web
from yunmeng.apps.recommend.log import MOST_LETTERS, made_event
from yunmeng.apps.recommend.ranking import MOST
from yunmeng.apps.recommend.schemas import (
    BecauseOut,
    Erased,
    EventOut,
    EventsIn,
    EventsOut,
    FailedEvent,
    Forgotten,
    Mute,
    PickOut,
    Picks,
    TasteOut,
    Tastes,
    UserOut,
)
from yunmeng.apps.recommend.types import Method, Pick, Taste
from yunmeng.schemas.scopes import Caller
from yunmeng.schemas.text import from_wire, to_wire

if TYPE_CHECKING:
    from yunmeng.apps.recommend.service import Recommender

__all__ = ["routes"]

User = Annotated[str, Query(min_length=1, max_length=MOST_LETTERS, description="The name of a user.")]
K = Annotated[int, Query(ge=1, le=100)]
Offset = Annotated[int, Query(ge=0, lt=MOST)]
Condition = Annotated[str | None, Query(max_length=10_000, description="As in a search.")]


def routes(service: "Recommender", web: Web) -> APIRouter:
    """Return the routes below ``/v1/recommend``."""
    router, responses = web.router(), web.responses

    @router.post("/events", responses=responses(), dependencies=[web.writer])
    async def record_events(body: EventsIn) -> EventsOut:
        """Record events; the next recommendation knows them. Those of unknown pictures are listed as failed."""
        events = [made_event(one.user, from_wire(one.picture), one.kind, one.at, one.id) for one in body.events]
        report = await to_thread.run_sync(service.add, events)
        failed = [FailedEvent(picture=to_wire(one.path), reason=one.reason) for one in report.failed]
        return EventsOut(added=report.added, known=report.known, ids=[event.id for event in events], failed=failed)

    @router.delete("/events/{id:text}", responses=responses(), dependencies=[web.writer])
    async def forget_event(id: str) -> Forgotten:
        """Remove one event, as if it had not been."""
        return Forgotten(forgotten=await to_thread.run_sync(service.forget, from_wire(id)))

    @router.get("/picks", responses=responses())
    async def picks(
        caller: Annotated[Caller, web.writer],
        user: User,
        k: K = 20,
        offset: Offset = 0,
        filter: Condition = None,
        method: Annotated[Method, Query(description="tastes; the others are there to compare with.")] = "tastes",
    ) -> Picks:
        """Recommend pictures to a user, without those that the user has an event with. They end at 200."""
        wanted = min(k, MOST - offset)
        found = await to_thread.run_sync(
            lambda: service.recommend(user, wanted, offset=offset, filter=filter, method=method)
        )
        return _shown(found, wanted, offset, caller, web)

    @router.get("/similar/{id:text}", responses=responses(404))
    async def similar(
        id: str, caller: Annotated[Caller, web.searcher], k: K = 20, offset: Offset = 0, filter: Condition = None
    ) -> Picks:
        """Recommend pictures that are like one of the library. They end at 200."""
        wanted = min(k, MOST - offset)
        found = await to_thread.run_sync(lambda: service.similar(from_wire(id), wanted, offset=offset, filter=filter))
        return _shown(found, wanted, offset, caller, web)

    @router.get("/tastes", responses=responses(), dependencies=[web.writer])
    async def tastes(user: User) -> Tastes:
        """List the tastes of a user, those that count most first."""
        return _tastes(await to_thread.run_sync(service.tastes, user))

    @router.post("/tastes/mute", responses=responses(404), dependencies=[web.writer])
    async def mute_taste(body: Mute) -> Tastes:
        """Mute the taste that has a picture, or unmute it."""
        picture = from_wire(body.picture)
        return _tastes(await to_thread.run_sync(lambda: service.mute(body.user, picture, muted=body.muted)))

    @router.get("/user", responses=responses(), dependencies=[web.writer])
    async def export_user(user: User) -> UserOut:
        """Return all that is kept of a user."""
        data = await to_thread.run_sync(service.export, user)
        events = [EventOut(**{**event._asdict(), "picture": to_wire(event.picture)}) for event in data.events]
        return UserOut(user=data.user, events=events, muted=list(map(to_wire, data.muted)))

    @router.delete("/user", responses=responses(), dependencies=[web.writer])
    async def erase_user(user: User) -> Erased:
        """Erase all that is kept of a user. It cannot be undone."""
        return Erased(erased=await to_thread.run_sync(service.erase, user))

    return router


def _shown(found: list[Pick], wanted: int, offset: int, caller: Caller, web: Web) -> Picks:
    end = offset + wanted
    return Picks(
        picks=[
            PickOut(
                picture=web.shown(pick.record, caller),
                score=pick.score,
                source=pick.source,
                because=None
                if pick.because is None
                else BecauseOut(picture=to_wire(pick.because.picture), kind=pick.because.kind),
            )
            for pick in found
        ],
        next_offset=end if len(found) == wanted and end < MOST else None,
    )


def _tastes(found: list[Taste]) -> Tastes:
    return Tastes(
        tastes=[
            TasteOut(pictures=list(map(to_wire, taste.pictures)), share=taste.share, muted=taste.muted)
            for taste in found
        ]
    )
