"""Routes about pictures: add, view, change, delete."""

from collections import defaultdict
from collections.abc import Sequence
from functools import partial
from typing import Annotated, Any, Final, Literal
from urllib.parse import quote

import anyio
from anyio import to_thread
from fastapi import APIRouter, File, Form, Query, Request, Response, UploadFile
from pydantic import TypeAdapter, ValidationError

from yunmeng.errors import QueryError, YunmengError
from yunmeng.imaging.formats import recognise
from yunmeng.imaging.quality import problems
from yunmeng.net.fetch import checked_url
from yunmeng.schemas.about import AttributeValues, ColorCount, Colors, LibraryOut, ValueCount
from yunmeng.schemas.common import Attributes, ErrorBody
from yunmeng.schemas.paging import cursor_behind, position_of
from yunmeng.schemas.pictures import (
    Added,
    AddResult,
    AttributeChanges,
    Changed,
    Deleted,
    FolderOut,
    FromUrl,
    NewAttributes,
    PaletteOut,
    PictureOut,
    PicturePage,
    Selection,
)
from yunmeng.schemas.scopes import Caller
from yunmeng.schemas.text import from_wire, to_wire, wire_attributes
from yunmeng.search.colour.index import LEAST_SHARE
from yunmeng.search.colour.naming import EXAMPLE
from yunmeng.server.admission import Route
from yunmeng.server.context import MAY_SEARCH, MAY_WRITE, Context, Here, Searcher, Writer, visible
from yunmeng.server.errors import body_of, responses
from yunmeng.types import Record
from yunmeng.version import __version__

__all__ = ["router", "shown"]

router = APIRouter(prefix="/v1", tags=["pictures"], route_class=Route)

AT_ONCE: Final = 4
"""Pictures of one request that are worked on together: enough to fill a batch, and others have their turn."""

_attributes: Final = TypeAdapter[Attributes | list[Attributes | None]](Attributes | list[Attributes | None])

_PICTURE: Final[dict[int | str, dict[str, Any]]] = {
    304: {"description": "Not modified"},
    200: {"content": {"image/*": {}}, "description": "The picture"},
}


@router.get("/library", responses=responses(), dependencies=[MAY_SEARCH])
async def library(here: Here) -> LibraryOut:
    """Return what the library is, holds and can do."""
    info = await to_thread.run_sync(here.library.info)
    return LibraryOut(
        name=here.library.name,
        pictures=info.pictures,
        encoder=info.encoder,
        dim=info.dim,
        metric=info.metric,
        reads_text=here.library.reader.reads_text,
        missing_extras=list(here.library.reader.missing_extras),
        regions=info.regions,
        augmented=info.augmented,
        full_text=info.full_text,
        words_missing=info.words_missing,
        subject=info.subject,
        calibrated=here.library.reader.calibrated,
        enhance=list(info.enhance),
        attributes=dict(info.attributes),
        pages=list(here.pages),
        created=info.created,
        bytes=info.bytes,
        version=__version__,
    )


@router.get("/attributes", responses=responses(), dependencies=[MAY_SEARCH])
async def attributes(here: Here) -> list[AttributeValues]:
    """List the values that the pictures have in each declared attribute."""
    facets = await to_thread.run_sync(here.library.reader.facets)
    return [
        AttributeValues(
            name=facet.name,
            type=facet.type,
            values=[ValueCount(value=value, count=count) for value, count in facet.values.most_common()],
            min=facet.least,
            max=facet.greatest,
            complete=facet.complete,
        )
        for facet in facets
    ]


@router.get("/colors", responses=responses(), dependencies=[MAY_SEARCH])
async def colors(here: Here) -> Colors:
    """Count the pictures that have each basic colour."""
    found = await here.workers.run(here.library.reader.colours)
    return Colors(
        colors=[ColorCount(name=name, hex=EXAMPLE[name], count=count) for name, count in found.counts.items()],
        min_score=LEAST_SHARE,
        without=found.without,
    )


@router.get("/pictures", responses=responses())
async def list_pictures(
    here: Here,
    caller: Searcher,
    limit: Annotated[int, Query(ge=1, le=1000)] = 50,
    cursor: Annotated[str | None, Query(max_length=4096, description="next_cursor of the page before.")] = None,
    filter: Annotated[str | None, Query(max_length=10_000)] = None,
    folder: Annotated[
        str | None, Query(max_length=1024, description="Only what lies in it, by id: photos/2026")
    ] = None,
) -> PicturePage:
    """List pictures, page by page, in an order that does not change while others come and go."""
    after = None if cursor is None else position_of(cursor)

    def work() -> tuple[list[Record], int]:
        if folder:
            return here.library.reader.folder_page(from_wire(folder), limit + 1, after[1] if after else "", filter)
        return here.library.reader.page(limit + 1, after, filter), here.library.count(filter)

    records, total = await to_thread.run_sync(work)
    return PicturePage(
        pictures=[shown(record, caller) for record in records[:limit]],
        total=total,
        next_cursor=cursor_behind(records[limit - 1]) if len(records) > limit else None,
    )


@router.get("/folders", responses=responses(), dependencies=[MAY_SEARCH])
async def folders(
    here: Here, under: Annotated[str, Query(max_length=1024, description="Empty: the outermost ones.")] = ""
) -> list[FolderOut]:
    """List the folders that lie directly in a folder, as the ids of pictures tell them."""
    found = await to_thread.run_sync(here.library.reader.folders, from_wire(under))
    return [FolderOut(path=to_wire(one.path), pictures=one.pictures, has_folders=one.has_folders) for one in found]


@router.post("/pictures", responses=responses(415), dependencies=[MAY_WRITE])
async def add_pictures(
    request: Request,
    here: Here,
    files: Annotated[list[UploadFile], File(description="Picture files.", min_length=1)],
    ids: Annotated[list[str] | None, Form(description="One for each file; else the SHA-256 of its bytes.")] = None,
    attributes: Annotated[
        str | None, Form(description="JSON: an object for all files, or a list with one for each.")
    ] = None,
) -> AddResult:
    """Add pictures that are sent, or replace those with the same ids. A bad one does not stop the others."""
    if ids is not None and len(ids) != len(files):
        raise QueryError(f"{len(files)} files came with {len(ids)} ids: give one for each file, or none")
    each = _for_each(attributes, len(files))
    results: list[Added | ErrorBody | None] = [None] * len(files)
    errors: dict[int, YunmengError] = {}
    turns = anyio.CapacityLimiter(AT_ONCE)
    one_by_one = defaultdict[str, anyio.Lock](anyio.Lock)  # files with the same id, in their order

    async def add(index: int) -> None:
        async with one_by_one[str(index) if ids is None else ids[index]], turns:
            try:
                id = from_wire(ids[index]) if ids is not None else None
                results[index] = await _add(here, await files[index].read(), id, each[index])
            except YunmengError as exc:
                errors[index] = exc
                results[index] = body_of(exc, request.state.request_id)

    async with anyio.create_task_group() as group:
        for index in range(len(files)):
            group.start_soon(add, index)
    done = [result for result in results if result is not None]
    if len(errors) == len(files):
        request.state.error_details = [result.model_dump(mode="json") for result in done]
        raise errors[0]
    return AddResult(results=done)


@router.post("/pictures/url", responses=responses(415), dependencies=[MAY_WRITE])
async def add_from_url(order: FromUrl, here: Here) -> Added:
    """Add a picture on the web, or replace the one that has its id."""
    return await _add(here, checked_url(order.url), None if order.id is None else from_wire(order.id), order.attributes)


@router.post("/pictures/delete", responses=responses(), dependencies=[MAY_WRITE])
async def delete_pictures(selection: Selection, here: Here) -> Deleted:
    """Delete pictures by id, by filter, or both, or all. Files that were not sent to the server stay where they are."""
    ids = [from_wire(id) for id in selection.ids]

    def work() -> int:
        return here.library.delete(ids, filter=selection.filter, all=selection.all)

    return Deleted(deleted=await to_thread.run_sync(work))


@router.get("/previews", responses={**responses(415), **_PICTURE}, response_class=Response, dependencies=[MAY_SEARCH])
async def preview(
    here: Here,
    url: Annotated[str, Query(min_length=1, max_length=4096)],
    side: Literal["128", "256", "512", "1024"] = "1024",
) -> Response:
    """Return a small copy of a picture on the web, as WebP: for a page that may not load it from there itself."""
    data = await here.files.run(here.library.resources.media.preview, checked_url(url), int(side))
    return Response(data, media_type="image/webp", headers={"Cache-Control": "private, max-age=60"})


@router.get("/pictures/{id:text}", responses=responses(404))
async def get_picture(id: str, here: Here, caller: Searcher) -> PictureOut:
    """Return a picture's record."""
    return shown(await to_thread.run_sync(here.library.get, from_wire(id)), caller)


@router.delete("/pictures/{id:text}", responses=responses(404), status_code=204, dependencies=[MAY_WRITE])
async def delete_picture(id: str, here: Here) -> None:
    """Delete a picture."""

    def work() -> None:
        here.library.get(from_wire(id))
        here.library.delete([from_wire(id)])

    await to_thread.run_sync(work)


@router.put("/attributes/{id:text}", responses=responses(404))
async def set_attributes(id: str, new: NewAttributes, here: Here, caller: Writer) -> PictureOut:
    """Set the attributes of a picture; they replace all that it had."""
    values: Any = new.attributes
    return shown(await to_thread.run_sync(here.library.set_attributes, from_wire(id), values), caller)


@router.post("/attributes", responses=responses(), dependencies=[MAY_WRITE])
async def update_attributes(changes: AttributeChanges, here: Here) -> Changed:
    """Change some attributes of several pictures; their other attributes stay. Unknown ids are ignored."""
    values: Any = changes.values

    def work() -> int:
        return here.library.update_attributes([from_wire(id) for id in changes.ids], values, add=changes.add)

    return Changed(changed=await to_thread.run_sync(work))


@router.get(
    "/originals/{id:text}",
    responses={**responses(404, 410, 415), **_PICTURE},
    response_class=Response,
    dependencies=[MAY_SEARCH],
)
async def original(id: str, request: Request, here: Here) -> Response:
    """Return the picture's file, as it was indexed."""
    record = await to_thread.run_sync(here.library.get, from_wire(id))
    tag = f'"{record.sha256[:32]}"'
    if request.headers.get("If-None-Match") == tag:
        return Response(status_code=304, headers=_caching(tag))
    size = await to_thread.run_sync(here.library.reader.file_size, record)
    data = await here.outgoing.read(size, partial(here.files.run, here.library.original, record))
    name = quote(record.id.rpartition("/")[2].encode(errors="replace")[-100:])
    headers = {**_caching(tag), "Content-Disposition": f"inline; filename*=UTF-8''{name}"}
    return here.outgoing.file(data, f"image/{recognise(data).lower()}", headers)


@router.get(
    "/thumbnails/{id:text}",
    responses={**responses(404, 410, 415), **_PICTURE},
    response_class=Response,
    dependencies=[MAY_SEARCH],
)
async def thumbnail(
    id: str, request: Request, here: Here, side: Literal["128", "256", "512", "1024"] = "256"
) -> Response:
    """Return a small upright copy of the picture, as WebP; its longer side has at most ``side`` pixels."""
    record = await to_thread.run_sync(here.library.get, from_wire(id))
    tag = f'"{record.sha256[:32]}-{side}"'
    if request.headers.get("If-None-Match") == tag:
        return Response(status_code=304, headers=_caching(tag))
    data = await here.files.run(here.library.thumbnail, record, int(side))
    return Response(data, media_type="image/webp", headers=_caching(tag))


async def _add(here: Context, picture: bytes | str, id: str | None, attributes: Attributes | None) -> Added:
    values: Any = attributes

    def work() -> Added:
        done = here.library.add(picture, id=id, attributes=values)
        same = here.library.reader.same_as(done.id) if done.status == "added" else []
        return Added(id=to_wire(done.id), status=done.status, same_as=[to_wire(other) for other in same])

    return await here.workers.run(work)


def _for_each(text: str | None, count: int) -> Sequence[Attributes | None]:
    """The attributes of each of ``count`` files."""
    if text is None or not text.strip():
        return [None] * count
    try:
        given = _attributes.validate_json(text)
    except ValidationError as exc:
        raise QueryError("attributes must be JSON: an object for all files, or a list with one for each") from exc
    if not isinstance(given, list):
        return [given] * count
    if len(given) != count:
        raise QueryError(f"{count} files came with {len(given)} sets of attributes: give one for each, or one for all")
    return given


def shown(record: Record, caller: Caller) -> PictureOut:
    """Return a record as ``caller`` may see it."""
    return PictureOut(
        id=to_wire(record.id),
        uri=visible(record.uri, caller),
        part=record.part,
        width=record.width,
        height=record.height,
        sha256=record.sha256,
        phash=record.phash,
        pdq=record.pdq,
        quality=dict(record.quality),
        problems=list(problems(record.quality)),
        palette=PaletteOut.of(record.palette),
        attributes=wire_attributes(record.attributes),
    )


def _caching(tag: str) -> dict[str, str]:
    """Kept by the browser, and asked for again each time: behind an id there may be another picture by then."""
    return {"ETag": tag, "Cache-Control": "private, no-cache"}
