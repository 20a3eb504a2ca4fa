"""Routes about copies: the comparison of two pictures, and the originals of a suspect one."""

import io
from collections.abc import Callable, Mapping
from time import perf_counter
from typing import TYPE_CHECKING, Annotated, NamedTuple, TypeAlias

from fastapi import APIRouter, Depends, Form, Response, UploadFile
from PIL.PngImagePlugin import PngInfo
from pydantic import Field

from yunmeng.errors import QueryError
from yunmeng.net.fetch import checked_url
from yunmeng.schemas.copies import Comparison, EditOut, MatchAnswer, MatchOut, MatchQuery, MatchWanted
from yunmeng.schemas.scopes import Caller
from yunmeng.schemas.text import from_wire, to_wire, wire_attributes
from yunmeng.server.admission import Route
from yunmeng.server.aligned import shown_alignment
from yunmeng.server.context import MAY_SEARCH, Context, Here, Searcher, visible
from yunmeng.server.errors import responses
from yunmeng.server.observe import milliseconds
from yunmeng.types import Comparison as Compared
from yunmeng.types import Hit, Record

if TYPE_CHECKING:
    from yunmeng.library.library import Library

__all__ = ["router"]

IdText: TypeAlias = Annotated[str | None, Form(max_length=1024)]
UrlText: TypeAlias = Annotated[str | None, Form(max_length=4096)]
NameText: TypeAlias = Annotated[
    str | None, Form(max_length=1024, description="What the evidence calls it; its id or address unless told.")
]

router = APIRouter(prefix="/v1", tags=["copies"], route_class=Route)


class Side(NamedTuple):
    """One of two pictures: the bytes of a file, an id, or a URL."""

    file: bytes | None
    id: str | None
    url: str | None
    called: str | None

    def of(self, library: "Library") -> Record | bytes | str:
        """Return it in the form that `Library.compare` takes."""
        if self.id is not None:
            return library.get(self.id, vector=True)
        return self.file if self.file is not None else self.url or ""

    @property
    def name(self) -> str:
        """Its label in the evidence."""
        return self.called or self.id or self.url or ""


class UploadedSuspect(MatchWanted):
    """A search for the originals of a picture that comes with the request."""

    file: UploadFile = Field(description="The picture.")


async def _sides(
    a: UploadFile | None = None,
    b: UploadFile | None = None,
    a_id: IdText = None,
    b_id: IdText = None,
    a_url: UrlText = None,
    b_url: UrlText = None,
    a_name: NameText = None,
    b_name: NameText = None,
) -> tuple[Side, Side]:
    return await _side("a", a, a_id, a_url, a_name), await _side("b", b, b_id, b_url, b_name)


async def _side(name: str, file: UploadFile | None, id: str | None, url: str | None, called: str | None) -> Side:
    if sum(given is not None for given in (file, id, url)) != 1:
        raise QueryError(f"give exactly one of the fields {name} (a file), {name}_id and {name}_url")
    return Side(
        None if file is None else await file.read(),
        None if id is None else from_wire(id),
        None if url is None else checked_url(url),
        called,
    )


Sides: TypeAlias = Annotated[tuple[Side, Side], Depends(_sides)]


@router.post("/compare", responses=responses(404, 410, 415, 501), dependencies=[MAY_SEARCH])
async def compare(here: Here, sides: Sides) -> Comparison:
    """Compare a, a suspect picture, with b, an original; each is a file that is sent, an id or a URL."""
    began = perf_counter()
    found = await here.workers.run(lambda: here.library.compare(*(side.of(here.library) for side in sides)))
    here.metrics.took(found.timings)
    return _shown_comparison(found, perf_counter() - began)


@router.post(
    "/compare/evidence",
    responses={**responses(404, 410, 415, 501), 200: {"content": {"image/png": {}}, "description": "The picture."}},
    response_class=Response,
    dependencies=[MAY_SEARCH],
)
async def compare_evidence(here: Here, sides: Sides) -> Response:
    """Compare in the same way and return a picture: side by side, aligned, matches outlined, differences marked.

    The PNG holds the comparison as well, in its text ``comparison``, as ``/v1/compare`` returns it.
    """
    began = perf_counter()

    def draw() -> tuple[bytes, Mapping[str, float]]:
        one, other = sides
        found = here.library.evidence(one.of(here.library), other.of(here.library), (one.name, other.name))
        stream = io.BytesIO()
        said = PngInfo()
        said.add_itxt("comparison", _shown_comparison(found.comparison, perf_counter() - began).model_dump_json())
        found.picture.save(stream, "PNG", pnginfo=said)
        return stream.getvalue(), found.comparison.timings

    data, timings = await here.workers.run(draw)
    here.metrics.took(timings)
    return Response(data, media_type="image/png", headers={"Cache-Control": "no-store"})


@router.post("/match", responses=responses(404, 410, 415, 501))
async def match(query: MatchQuery, here: Here, caller: Searcher) -> MatchAnswer:
    """Find the originals that a picture of the library, or of the web, may have been made from."""
    id, url = query.id, query.url
    if id is None:
        address = checked_url(url or "")
        return await _matched(here, caller, query, lambda: address)
    key = from_wire(id)
    return await _matched(here, caller, query, lambda: here.library.original(key))


@router.post("/match/upload", responses=responses(415, 501))
async def match_by_upload(
    query: Annotated[UploadedSuspect, Form(media_type="multipart/form-data")], here: Here, caller: Searcher
) -> MatchAnswer:
    """Find the originals that the picture that is sent may have been made from."""
    data = await query.file.read()
    return await _matched(here, caller, query, lambda: data)


async def _matched(
    here: Context, caller: Caller, wanted: MatchWanted, suspect: Callable[[], bytes | str]
) -> MatchAnswer:
    began = perf_counter()
    hits = await here.workers.run(
        lambda: here.library.match(suspect(), k=wanted.k, filter=wanted.filter, min_score=wanted.min_score)
    )
    here.metrics.took(hits.timings)
    return MatchAnswer(
        matches=[_shown_match(hit, caller) for hit in hits],
        timings=milliseconds({**hits.timings, "total": perf_counter() - began}),
    )


def _shown_match(hit: Hit, caller: Caller) -> MatchOut:
    return MatchOut(
        id=to_wire(hit.id),
        score=hit.score,
        alignment=None if hit.alignment is None else shown_alignment(hit.alignment),
        recoloured=hit.recoloured,
        attributes=wire_attributes(hit.attributes),
        uri=visible(hit.uri, caller),
    )


def _shown_comparison(found: Compared, total: float) -> Comparison:
    return Comparison(
        verdict=found.verdict,
        difference=found.difference,
        edits=[EditOut(name=edit.name, amount=edit.amount, detail=edit.detail) for edit in found.edits],
        alignment=None if found.alignment is None else shown_alignment(found.alignment),
        same_file=found.same_file,
        phash_distance=found.phash_distance,
        pdq_distance=found.pdq_distance,
        score=found.score,
        timings=milliseconds({**found.timings, "total": total}),
    )
