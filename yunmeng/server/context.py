"""The parts of a server that routes share, and the caller."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import anyio
from fastapi import Depends, Request
from starlette.convertors import Convertor, register_url_convertor

from yunmeng.config import ServerSettings
from yunmeng.net.fetch import is_url
from yunmeng.schemas.scopes import Caller, allows
from yunmeng.schemas.text import to_wire
from yunmeng.server.admission import admin, searcher, writer
from yunmeng.server.outgoing import Outgoing

if TYPE_CHECKING:
    from yunmeng.ingest.roots import Roots
    from yunmeng.library.library import Library
    from yunmeng.server.fetching import Fetching
    from yunmeng.server.guard import Guard
    from yunmeng.server.limits import WorkerPool
    from yunmeng.server.observe import Metrics
    from yunmeng.server.query_log import QueryLog
    from yunmeng.server.query_pictures import QueryPictures
    from yunmeng.server.upkeep import Upkeep
    from yunmeng.server.warmer import Warmer
    from yunmeng.state.runner import JobRunner

__all__ = [
    "IS_ADMIN",
    "MAY_SEARCH",
    "MAY_WRITE",
    "Context",
    "Here",
    "Searcher",
    "Writer",
    "here",
    "visible",
]


class _Text(Convertor[str]):
    """The rest of a path, with any characters: ids hold slashes and line breaks."""

    regex = "(?s:.+)"

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


register_url_convertor("text", _Text())


@dataclass(slots=True)
class Context:
    """The parts of one server."""

    library: "Library"
    settings: ServerSettings
    guard: "Guard"
    workers: "WorkerPool"
    metrics: "Metrics"
    jobs: "JobRunner"
    queries: "QueryLog | None"
    """Counts what is asked; None where that is turned off."""
    query_pictures: "QueryPictures"
    warmer: "Warmer"
    upkeep: "Upkeep"
    files: "WorkerPool"
    """Threads that read and shrink pictures for browsers, which ask for dozens at a time."""
    fetching: "Fetching"
    within: "Roots | None" = None
    """The folders that imports may read; None for all of the disk."""
    pages: dict[str, Path] = field(default_factory=dict)
    """Folders of the pages that apps have in the console."""
    outgoing: Outgoing = field(default_factory=Outgoing)
    parsing: anyio.CapacityLimiter = field(default_factory=lambda: anyio.CapacityLimiter(1))
    """The thread that parses large bodies of JSON."""
    streams: int = 0
    """Clients that follow a job."""
    ready: bool = False
    draining: bool = False
    """Whether the server is about to stop, and takes requests until load balancers have turned away."""
    stopping: anyio.Event = field(default_factory=anyio.Event)


async def here(request: Request) -> Context:
    """Return the server that a request came to. Async, like all dependencies here: others would change threads."""
    context: Context = request.app.state.context
    return context


Here = Annotated[Context, Depends(here)]


MAY_SEARCH: Final = Depends(searcher)
MAY_WRITE: Final = Depends(writer)
IS_ADMIN: Final = Depends(admin)
Searcher = Annotated[Caller, MAY_SEARCH]
Writer = Annotated[Caller, MAY_WRITE]


def visible(uri: str, caller: Caller) -> str | None:
    """Return ``uri`` as ``caller`` may see it: callers who may only search see no paths on the server's disk."""
    return to_wire(uri) if is_url(uri) or allows(caller.scope, "write") else None
