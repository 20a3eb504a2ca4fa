"""Applications built on a library, one folder each, all of one shape. `APPS` lists them.

The server, the command line, the clients and the console are built from this list, and name no app themselves. What a
row names is imported when it is needed: ``yunmeng --help`` lists an app's command and imports none of it.
docs/extending.md shows how to write one.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

if TYPE_CHECKING:
    from fastapi import APIRouter, params

    from yunmeng.library import Library
    from yunmeng.schemas.pictures import PictureOut
    from yunmeng.schemas.scopes import Caller
    from yunmeng.state.runner import JobRunner
    from yunmeng.types import Record

__all__ = ["APPS", "App", "Web", "installed"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """One application. Each part is named as ``module`` or ``module:name``; it is None where the app has no such part.

    Attributes:
        name: A word; its routes are below ``/v1/NAME``.
        help: One line: what it is for.
        service: A class over an open library, ``Service(library)``: all that the app does.
        tables: The module that declares what it keeps in the state database, see `yunmeng.state.tables`.
        command: A click command or group, named like the function.
        routes: A function of the service and a `Web`; it returns an ``APIRouter``.
        client: A module; each function in its ``__all__`` makes a ``Call`` or ``Pages``, and is a method of clients.
        page: A folder of files for browsers, served below ``/console/pages/NAME``; its ``page.js`` is a page of the
            console.
    """

    name: str
    help: str
    service: str
    tables: str | None = None
    command: str | None = None
    routes: str | None = None
    client: str | None = None
    page: Path | None = None


class Web(Protocol):
    """The parts of a server that the routes of an app may use.

    ``searcher``, ``writer`` and ``admin`` go into ``Annotated[Caller, web.writer]`` or ``dependencies=[web.writer]``:
    the route then needs a key with that scope. Errors that derive from `YunmengError` are answered in the one shape.
    ``jobs`` takes kinds of work for the background, see `yunmeng.state.runner.JobKind`.
    """

    searcher: "params.Depends"
    writer: "params.Depends"
    admin: "params.Depends"

    @property
    def library(self) -> "Library":
        """The library that is served."""

    @property
    def jobs(self) -> "JobRunner":
        """The runner of background jobs; an app adds its kinds of jobs before the server starts."""

    async def run(self, work: Callable[[], T]) -> T:
        """Run what reads or compares pictures on one of the server's workers, of which there are few.

        Raises `Busy`, which is answered 503, where too many calls wait for one.
        """

    def router(self) -> "APIRouter":
        """Return a router below ``/v1/NAME``, which looks at keys and sizes before it reads a body."""

    def responses(self, *statuses: int) -> dict[int | str, dict[str, Any]]:
        """Return ``responses`` of a route: the errors that all have, and those with these statuses."""

    def shown(self, record: "Record", caller: "Caller") -> "PictureOut":
        """Return a record as ``caller`` may see it."""


APPS: Final[list[App]] = [
    App(
        name="duplicates",
        help="Find pictures that are the same: same file, same picture, or edited copies.",
        service="yunmeng.apps.duplicates.service:Duplicates",
        tables="yunmeng.apps.duplicates.tables",
        command="yunmeng.apps.duplicates.commands:dedupe",
        routes="yunmeng.apps.duplicates.routes:routes",
        client="yunmeng.apps.duplicates.client",
        page=Path(__file__).parent / "duplicates" / "page",
    ),
    App(
        name="copyright",
        help="Register works, prove when and what, and find copies of them.",
        service="yunmeng.apps.copyright.service:Works",
        tables="yunmeng.apps.copyright.tables",
        command="yunmeng.apps.copyright.commands:copyright",
        routes="yunmeng.apps.copyright.routes:routes",
        client="yunmeng.apps.copyright.client",
        page=Path(__file__).parent / "copyright" / "page",
    ),
]


def installed() -> list[App]:
    """Return `APPS`, and those that other packages bring by entry points of the group ``yunmeng.apps``.

    Looking for them takes a tenth of a second, so ``yunmeng --help`` does without.
    """
    from yunmeng.plugins import usable

    return [*APPS, *(app for _, app in usable("apps", [app.name for app in APPS]))]
