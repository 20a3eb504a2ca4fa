"""Routes of queries: search, and the subject of a picture."""

from collections.abc import Mapping, Sequence
from time import perf_counter
from typing import TYPE_CHECKING, Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, Form, UploadFile
from pydantic import Field, model_validator

from yunmeng.net.fetch import checked_url
from yunmeng.schemas.common import Id, RegionText, Request, as_region
from yunmeng.schemas.common import Region as WireRegion
from yunmeng.schemas.pictures import PaletteOut
from yunmeng.schemas.scopes import Caller
from yunmeng.schemas.searching import (
    MAX_PARTS,
    ContributionOut,
    HeatMapOut,
    HitOut,
    MixText,
    SearchAnswer,
    SearchOptions,
    SearchQuery,
    SubjectOut,
    SubjectQuery,
    WhyAnswer,
    WhyQuery,
)
from yunmeng.schemas.text import from_wire, to_wire, wire_attributes
from yunmeng.server.admission import Route
from yunmeng.server.aligned import shown_alignment
from yunmeng.server.context import MAY_SEARCH, Context, Here, Searcher, visible
from yunmeng.server.errors import responses
from yunmeng.server.observe import milliseconds
from yunmeng.server.requests import as_part, ask, asked_with
from yunmeng.types import HeatMap, Hit, Hits, Record, Region

if TYPE_CHECKING:
    from yunmeng.library.library import Library

__all__ = ["router"]

router = APIRouter(prefix="/v1", tags=["search"], route_class=Route)

_OF_RECORD = ("width", "height", "sha256", "phash", "pdq", "quality")


class UploadedQuery(SearchOptions):
    """A search by pictures that come with the request."""

    file: UploadFile | None = Field(None, description="The picture; left out where the mix is all of the question.")
    files: list[UploadFile] = Field([], max_length=MAX_PARTS, description="Pictures that the mix names by their place.")
    region: RegionText | None = Field(None, description="Ask with this part of the picture only: x,y,w,h.")
    mix: MixText | None = Field(None, description="What else hits are to be like, or unlike: the parts as JSON.")

    @model_validator(mode="after")
    def _some_question(self) -> "UploadedQuery":
        if self.file is None and (self.mix is None or not self.mix.root) and self.color is None:
            raise ValueError("send a file, a mix, or a color")
        if self.file is None and self.region is not None:
            raise ValueError("a region needs a file; the region of a part of a mix is given in that part")
        return self


@router.post("/search", responses=responses(404, 410, 415), response_model_exclude_unset=True)
async def search(query: SearchQuery, here: Here, caller: Searcher) -> SearchAnswer:
    """Find the pictures that match best a picture of the library or the web, an embedding, words, or a mixture."""
    question = asked_with(query)
    plain = query.url is None and query.text is None and query.region is None and query.subject is None
    plain = plain and "geometry" not in query.rerank
    return await _answer(here, caller, query, question, encodes=not plain or bool(query.mix))


@router.post("/search/upload", responses=responses(415), response_model_exclude_unset=True)
async def search_by_upload(
    query: Annotated[UploadedQuery, Form(media_type="multipart/form-data")], here: Here, caller: Searcher
) -> SearchAnswer:
    """Find the pictures that are most similar to the picture that is sent, or to a mixture of such."""
    files = [await file.read() for file in query.files]
    question = {
        "image": None if query.file is None else await query.file.read(),
        "region": None if query.region is None else as_region(query.region),
        "mix": [as_part(part, files) for part in (query.mix.root if query.mix is not None else [])],
    }
    return await _answer(here, caller, query, question, encodes=True)


@router.post("/subject", responses=responses(404, 410, 415), dependencies=[MAY_SEARCH])
async def subject(query: SubjectQuery, here: Here) -> SubjectOut:
    """Return where the main subject lies in a picture of the library, or in one on the web."""
    if query.id is not None:
        picture = await here.files.run(here.library.original, from_wire(query.id))
        return await _subject(here, picture)
    return await _subject(here, checked_url(query.url or ""))


@router.post("/subject/upload", responses=responses(415), dependencies=[MAY_SEARCH])
async def subject_of_upload(file: UploadFile, here: Here) -> SubjectOut:
    """Return where the main subject lies in the picture that is sent."""
    return await _subject(here, await file.read())


class UploadedWhy(Request):
    """A question about one hit, by a picture that comes with it."""

    hit: Id = Field(description="The picture of the library to explain.")
    file: UploadFile = Field(description="The picture that was asked with.")
    region: RegionText | None = Field(None, description="Asked with this part of it only: x,y,w,h.")


@router.post("/why", responses=responses(404, 410, 415, 501), dependencies=[MAY_SEARCH])
async def why(query: WhyQuery, here: Here) -> WhyAnswer:
    """Return what of a query and of a picture of the library is alike: places of both pictures, and words."""
    question = {"text": query.text, "region": None if query.region is None else as_region(query.region)}
    if query.id is not None:
        question["id"] = from_wire(query.id)
    if query.url is not None:
        question["image"] = checked_url(query.url)
    return await _why(here, query.hit, question)


@router.post("/why/upload", responses=responses(404, 410, 415), dependencies=[MAY_SEARCH])
async def why_by_upload(query: Annotated[UploadedWhy, Form(media_type="multipart/form-data")], here: Here) -> WhyAnswer:
    """Return what of the picture that is sent and of a picture of the library is alike."""
    region = None if query.region is None else as_region(query.region)
    return await _why(here, query.hit, {"image": await query.file.read(), "region": region})


async def _why(here: Context, hit: str, question: dict[str, Any]) -> WhyAnswer:
    began = perf_counter()
    found = await here.workers.run(lambda: here.library.why(from_wire(hit), **question))
    here.metrics.took(found.timings)
    return WhyAnswer(
        id=to_wire(found.id),
        score=found.score,
        band=found.band,
        chance=found.chance,
        hit=_heat(found.hit),
        query=_heat(found.query),
        words=list(map(to_wire, found.words)),
        timings=milliseconds({**found.timings, "total": perf_counter() - began}),
    )


def _heat(heat: HeatMap | None) -> HeatMapOut | None:
    return None if heat is None else HeatMapOut(region=_wire_region(heat.region), rows=[list(row) for row in heat.rows])


async def _subject(here: Context, picture: bytes | str) -> SubjectOut:
    found = await here.workers.run(lambda: here.library.subject(picture))
    return SubjectOut(region=_wire_region(found.region), method=found.method, confidence=found.confidence)


def _wire_region(region: Region) -> WireRegion:
    return WireRegion(**region._asdict())


async def _answer(
    here: Context, caller: Caller, wanted: SearchQuery | UploadedQuery, question: dict[str, Any], *, encodes: bool
) -> SearchAnswer:
    began = perf_counter()

    def work() -> tuple[Hits, Mapping[str, Record]]:
        hits = ask(here.library, wanted, question)
        if here.queries is not None:
            sent = question.get("image")
            here.queries.note(wanted, sent if isinstance(sent, bytes) else None)
        return hits, _records(here.library, hits[: wanted.k], wanted)

    hits, records = await (here.workers.run(work) if encodes else to_thread.run_sync(work))
    here.metrics.took(hits.timings)
    return SearchAnswer(
        hits=[_shown(hit, wanted, records.get(hit.id), caller) for hit in hits[: wanted.k]],
        next_offset=wanted.offset + wanted.k if len(hits) > wanted.k else None,
        cached=hits.cached,
        timings=milliseconds({**hits.timings, "total": perf_counter() - began}),
    )


def _records(library: "Library", hits: Sequence[Hit], wanted: SearchOptions) -> Mapping[str, Record]:
    if not set(wanted.fields) & {*_OF_RECORD, "palette"}:
        return {}
    return library.reader.get_many([hit.id for hit in hits])


def _shown(hit: Hit, wanted: SearchOptions, record: Record | None, caller: Caller) -> HitOut:
    shown: dict[str, Any] = {"id": to_wire(hit.id), "score": hit.score}
    if hit.chance is not None:
        shown["chance"] = hit.chance
    if hit.band is not None:
        shown["band"] = hit.band
    if hit.region is not None:
        shown["region"] = _wire_region(hit.region)
    if hit.alignment is not None:
        shown["alignment"] = shown_alignment(hit.alignment)
    if hit.explanation:
        shown["explanation"] = [ContributionOut(**part._asdict()) for part in hit.explanation]
    if "attributes" in wanted.fields:
        shown["attributes"] = wire_attributes(hit.attributes)
    if "uri" in wanted.fields:
        shown["uri"] = visible(hit.uri, caller)
    if record is not None:  # it may have been deleted since the search
        if "palette" in wanted.fields:
            shown["palette"] = PaletteOut.of(record.palette)
        shown.update((name, getattr(record, name)) for name in _OF_RECORD if name in wanted.fields)
    return HitOut(**shown)
