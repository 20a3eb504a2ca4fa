"""Applications in the server: their routes, each over one service, and their pages."""

from collections.abc import Callable
from dataclasses import dataclass
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any, TypeVar

from fastapi import APIRouter, FastAPI, params

from yunmeng import apps
from yunmeng.server.admission import Route
from yunmeng.server.context import IS_ADMIN, MAY_SEARCH, MAY_WRITE, Context
from yunmeng.server.errors import responses
from yunmeng.server.pages import Files
from yunmeng.server.pictures import shown
from yunmeng.types import Record

if TYPE_CHECKING:
    from yunmeng.apps import App
    from yunmeng.ingest.roots import Roots
    from yunmeng.library.library import Library
    from yunmeng.schemas.pictures import PictureOut
    from yunmeng.schemas.scopes import Caller
    from yunmeng.state.runner import JobRunner

__all__ = ["add_routes", "install"]

T = TypeVar("T")


def add_routes(app: FastAPI, router: APIRouter) -> None:
    """Add the routes of ``router`` as they are.

    `FastAPI.include_router` makes each of them a second time, at the first request that passes it: for all of ours that
    takes a tenth of a second of a core, in every server and in most tests.
    """
    app.router.routes.extend(router.routes)


def install(app: FastAPI, context: Context) -> None:
    """Serve the routes and the page of every app. Call it before the console, in whose folder the pages appear."""
    for one in apps.installed():
        if one.routes is not None:
            service = resolve_name(one.service)(context.library)
            add_routes(app, resolve_name(one.routes)(service, _Web(one, context)))
        if one.page is not None:
            app.mount(f"/console/pages/{one.name}", Files(directory=one.page))
            context.pages[one.name] = one.page


@dataclass(frozen=True)
class _Web:
    """The parts that the routes of one app get, see `yunmeng.apps.Web`."""

    app: "App"
    context: Context
    searcher: params.Depends = MAY_SEARCH
    writer: params.Depends = MAY_WRITE
    admin: params.Depends = IS_ADMIN

    @property
    def library(self) -> "Library":
        return self.context.library

    @property
    def jobs(self) -> "JobRunner":
        return self.context.jobs

    @property
    def within(self) -> "Roots | None":
        return self.context.within

    async def run(self, work: Callable[[], T]) -> T:
        return await self.context.workers.run(work)

    def router(self) -> APIRouter:
        return APIRouter(prefix=f"/v1/{self.app.name}", tags=[self.app.name], route_class=Route)

    def responses(self, *statuses: int) -> dict[int | str, dict[str, Any]]:
        return responses(*statuses)

    def shown(self, record: Record, caller: "Caller") -> "PictureOut":
        return shown(record, caller)
