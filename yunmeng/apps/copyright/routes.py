"""Routes about registered works: register, correct, withdraw, list, prove, verify, check."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from anyio import to_thread
from fastapi import APIRouter, Form, Path, Query, UploadFile
from pydantic import Field

from yunmeng.apps import Web
from yunmeng.apps.copyright.finding_routes import add_finding_routes
from yunmeng.apps.copyright.jobs import CheckJobs
from yunmeng.apps.copyright.schemas import (
    CheckAnswer,
    CheckOptions,
    CheckOrder,
    CheckStarted,
    EntryOut,
    HeadOut,
    RegisterOut,
    VerificationOut,
    VerifyOrder,
    WithdrawOrder,
    WorkChanges,
    WorkHistory,
    WorkMatchOut,
    WorkOrder,
    WorkOut,
    WorkPage,
    WorkUpload,
)
from yunmeng.apps.copyright.types import TreeHead
from yunmeng.schemas.text import from_wire

if TYPE_CHECKING:
    from yunmeng.apps.copyright.service import Works
    from yunmeng.types import Record

__all__ = ["routes"]

T = TypeVar("T")
Number = Annotated[int, Path(ge=1, le=2**53, description="The work's number.")]


class CheckForm(CheckOptions):
    """A picture that is sent to be checked, and the options."""

    file: UploadFile = Field(description="The picture.")


class UploadedWork(WorkUpload):
    """A picture that is sent to be registered, and its details."""

    file: UploadFile = Field(description="The picture.")


def routes(service: "Works", web: Web) -> APIRouter:
    """Return the routes below ``/v1/copyright``."""
    router, responses = web.router(), web.responses

    @router.get("", responses=responses(), dependencies=[web.searcher])
    async def register() -> RegisterOut:
        """Return how much is registered, the tree head, and when it was stamped last."""
        return await _run(lambda: _register(service))

    @router.get("/works", responses=responses(), dependencies=[web.searcher])
    async def list_works(
        offset: Annotated[int, Query(ge=0, le=2**53)] = 0,
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
        owner: Annotated[str | None, Query(max_length=1000, description="Only the works of this owner.")] = None,
        withdrawn: Annotated[bool, Query(description="Also those that were withdrawn.")] = False,
    ) -> WorkPage:
        """List works by number."""
        found = await _run(lambda: service.all(offset, limit + 1, owner=owner, withdrawn=withdrawn))
        following = offset + limit if len(found) > limit else None
        return WorkPage(works=list(map(WorkOut.of, found[:limit])), next_offset=following)

    @router.post("/works", responses=responses(404, 410, 415), status_code=201, dependencies=[web.writer])
    async def register_work(order: WorkOrder) -> WorkOut:
        """Register a picture of the library as a work. What is registered stays registered."""
        details = order.model_dump(exclude={"id"}, exclude_none=True)

        def work() -> WorkOut:
            return WorkOut.of(service.register(web.library.get(from_wire(order.id)), **details))

        return await web.run(work)

    @router.post("/works/upload", responses=responses(415), status_code=201, dependencies=[web.writer])
    async def register_upload(form: Annotated[UploadedWork, Form(media_type="multipart/form-data")]) -> WorkOut:
        """Register a picture that is sent. It joins the library, unless a picture with the same bytes is there."""
        data, details = await form.file.read(), form.model_dump(exclude={"file"}, exclude_none=True)
        return await web.run(lambda: WorkOut.of(service.register(data, **details)))

    @router.get("/works/{number}", responses=responses(404), dependencies=[web.searcher])
    async def show_work(number: Number) -> WorkHistory:
        """Return a work, and all its entries."""

        def work() -> WorkHistory:
            entries = list(map(EntryOut.of, service.history(number)))
            return WorkHistory(work=WorkOut.of(service.get(number)), entries=entries)

        return await _run(work)

    @router.post("/works/{number}/correct", responses=responses(404), dependencies=[web.writer])
    async def correct_work(number: Number, changes: WorkChanges) -> WorkOut:
        """Say something else about a work: a new entry; the old one stays."""
        given = changes.model_dump(exclude_none=True)
        return await _run(lambda: WorkOut.of(service.correct(number, **given)))

    @router.post("/works/{number}/withdraw", responses=responses(404), dependencies=[web.writer])
    async def withdraw_work(number: Number, order: WithdrawOrder) -> WorkOut:
        """Take a work back: a new entry; the old one stays."""
        return await _run(lambda: WorkOut.of(service.withdraw(number, order.notes)))

    @router.get("/works/{number}/proof", responses=responses(404), dependencies=[web.searcher])
    async def prove_work(number: Number) -> dict[str, Any]:
        """Return the proof that the entry of this number is in the register; docs/copyright.md checks it."""
        return await _run(lambda: service.prove(number))

    @router.get("/register", responses=responses(), dependencies=[web.searcher])
    async def export_register() -> dict[str, Any]:
        """Return the whole register, so that it can be checked without Yunmeng."""
        return await _run(service.export)

    @router.post("/verify", responses=responses(), dependencies=[web.writer])
    async def verify_register(order: VerifyOrder) -> VerificationOut:
        """Recompute the whole register, and tell what was touched, and where."""
        kept = order.earlier
        earlier = None if kept is None else TreeHead(kept.size, bytes.fromhex(kept.root))
        return await _run(lambda: VerificationOut.of(service.verify(earlier)))

    @router.post("/stamp", responses=responses(), dependencies=[web.writer])
    async def stamp_register() -> EntryOut:
        """Ask the authority that the settings name to confirm the time of the tree head (RFC 3161)."""
        return await _run(lambda: EntryOut.of(service.stamp()))

    @router.post("/check", responses=responses(404, 410, 415, 501), dependencies=[web.searcher])
    async def check_picture(order: CheckOrder) -> CheckAnswer:
        """Return the works that a picture of the library was made from."""
        return await web.run(lambda: _checked(service, web.library.get(from_wire(order.id)), order))

    @router.post("/check/upload", responses=responses(410, 415, 501), dependencies=[web.searcher])
    async def check_upload(form: Annotated[CheckForm, Form(media_type="multipart/form-data")]) -> CheckAnswer:
        """Return the works that a picture which is sent was made from."""
        data = await form.file.read()
        return await web.run(lambda: _checked(service, data, form))

    checks = CheckJobs(service, web.jobs)

    @router.post("/check/library", responses=responses(), status_code=202, dependencies=[web.admin])
    async def check_library() -> CheckStarted:
        """Check all pictures of the library in the background; those that were checked before are left out."""
        return CheckStarted(job=await _run(checks.order))

    add_finding_routes(router, service, web)
    return router


async def _run(work: Callable[[], T]) -> T:
    return await to_thread.run_sync(work)


def _register(service: "Works") -> RegisterOut:
    stamp = service.last_stamp
    return RegisterOut(
        works=len(service.all()),
        head=HeadOut.of(service.head()),
        stamped_at=None if stamp is None else stamp.content["stamped_at"],
        stamps=service.stamps,
    )


def _checked(service: "Works", picture: "bytes | Record", options: CheckOptions) -> CheckAnswer:
    found = service.check(picture, k=options.k, min_chance=options.min_chance)
    return CheckAnswer(matches=list(map(WorkMatchOut.of, found)))
