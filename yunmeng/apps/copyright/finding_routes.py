"""Routes about evidence and findings: reports, what a watch has found, false alarms, watches."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, Final

from anyio import to_thread
from fastapi import APIRouter, Form, Path, Query, Response, UploadFile
from pydantic import Field

from yunmeng.apps import Web
from yunmeng.apps.copyright.jobs import WatchJobs
from yunmeng.apps.copyright.schemas import (
    FindingOut,
    FindingPage,
    ReportOptions,
    ReportOrder,
    WatchList,
    WatchOrder,
    WatchOut,
)
from yunmeng.schemas.text import from_wire

if TYPE_CHECKING:
    from yunmeng.apps.copyright.service import Works

__all__ = ["add_finding_routes"]

_TYPES: Final = {"html": "text/html; charset=utf-8", "pdf": "application/pdf"}
_REPORT: Final[dict[int | str, dict[str, Any]]] = {
    200: {"content": {"text/html": {}, "application/pdf": {}}, "description": "The report."},
}


class ReportForm(ReportOptions):
    """A picture that is sent, and the options of the report about it."""

    file: UploadFile = Field(description="The picture.")


def add_finding_routes(router: APIRouter, service: "Works", web: Web) -> None:
    """Add the routes to those below ``/v1/copyright``."""
    responses = web.responses

    async def reported(make: Callable[[], bytes], options: ReportOptions) -> Response:
        # as a file: a page that is made of pictures and names of others must not run as one of this server's
        headers = {
            "Content-Disposition": f'attachment; filename="report.{options.format}"',
            "Content-Security-Policy": "default-src 'none'; img-src data:; style-src 'unsafe-inline'; sandbox",
            "Cache-Control": "no-store",
        }
        return Response(await web.run(make), media_type=_TYPES[options.format], headers=headers)

    @router.post(
        "/report",
        responses={**responses(404, 410, 501), **_REPORT},
        response_class=Response,
        dependencies=[web.writer],
    )
    async def report_picture(order: ReportOrder) -> Response:
        """Return the evidence that a picture of the library was made from a work: one HTML file, or PDF."""
        options = order.model_dump(exclude={"id"})
        return await reported(lambda: service.report(web.library.get(from_wire(order.id)), **options), order)

    @router.post(
        "/report/upload",
        responses={**responses(404, 410, 415, 501), **_REPORT},
        response_class=Response,
        dependencies=[web.writer],
    )
    async def report_upload(form: Annotated[ReportForm, Form(media_type="multipart/form-data")]) -> Response:
        """Return the evidence that a picture which is sent was made from a work: one HTML file, or PDF."""
        data, options = await form.file.read(), form.model_dump(exclude={"file"})
        options["name"] = options["name"] or form.file.filename or ""
        return await reported(lambda: service.report(data, **options), form)

    @router.get("/findings", responses=responses(), dependencies=[web.writer])
    async def list_findings(
        offset: Annotated[int, Query(ge=0, le=2**53)] = 0,
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
        dismissed: Annotated[bool, Query(description="Those that were false alarms instead.")] = False,
    ) -> FindingPage:
        """List what a watch has found, the newest first."""
        found = await to_thread.run_sync(lambda: service.findings.all(offset, limit + 1, dismissed=dismissed))
        following = offset + limit if len(found) > limit else None
        return FindingPage(findings=list(map(FindingOut.of, found[:limit])), next_offset=following)

    watches = WatchJobs(service, web.jobs)

    def listed() -> WatchList:
        return WatchList(watches=list(map(WatchOut.of, service.watches.all())), running=watches.running)

    @router.get("/watches", responses=responses(), dependencies=[web.writer])
    async def watched_urls() -> WatchList:
        """List the URLs that are watched, and how their last rounds went."""
        return await to_thread.run_sync(listed)

    @router.post("/watches", responses=responses(), status_code=201, dependencies=[web.admin])
    async def watch_url(order: WatchOrder) -> WatchOut:
        """Watch a sitemap, a feed or a list of URLs in the background, from now on."""
        return WatchOut.of(await to_thread.run_sync(lambda: watches.add(from_wire(order.url), order.every)))

    @router.delete("/watches/{number}", responses=responses(404), dependencies=[web.admin])
    async def unwatch_url(number: Annotated[int, Path(ge=1, le=2**53, description="The watch's number.")]) -> WatchList:
        """End a watch. What it found stays."""
        await to_thread.run_sync(service.watches.remove, number)
        return await to_thread.run_sync(listed)

    @router.post("/findings/{number}/dismiss", responses=responses(404), dependencies=[web.writer])
    async def dismiss_finding(
        number: Annotated[int, Path(ge=1, le=2**53, description="The finding's number.")],
    ) -> FindingOut:
        """Mark a finding as a false alarm: no check tells of this picture and this work again."""
        return FindingOut.of(await to_thread.run_sync(service.findings.dismiss, number))
