"""Routes that ask: search and compare."""

from collections.abc import Mapping, Sequence
from time import perf_counter
from typing import Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, Form, UploadFile
from pydantic import Field

from yunmeng.errors import QueryError
from yunmeng.library import Library
from yunmeng.retrieval import Part
from yunmeng.server.context import MAY_SEARCH, Context, Here, Searcher, checked_url, visible
from yunmeng.server.errors import responses
from yunmeng.server.guard import Caller
from yunmeng.types import Hit, Record, Region
from yunmeng.wire import (
    Comparison,
    HitOut,
    MixPart,
    MixText,
    RegionText,
    SearchAnswer,
    SearchQuery,
    SubjectOut,
    SubjectQuery,
    Wanted,
    from_wire,
    to_wire,
    wire_attributes,
)
from yunmeng.wire import Region as WireRegion

__all__ = ["router"]

router = APIRouter(prefix="/v1", tags=["search"])

_OF_RECORD = ("width", "height", "sha256", "phash", "pdq", "quality")


class UploadedQuery(Wanted):
    """A search by a picture that comes with the request."""

    file: UploadFile = Field(description="The picture.")
    region: RegionText | None = Field(None, description="Ask with this part of the picture only: x,y,w,h.")
    mix: MixText | None = Field(None, description="What else hits are to be like, or unlike: the parts as JSON.")


@router.post("/search", responses=responses(404, 410, 415), response_model_exclude_unset=True)
async def search(query: SearchQuery, here: Here, caller: Searcher) -> SearchAnswer:
    """Find the pictures that fit best to a picture of the library or the web, an embedding, words, or a mixture."""
    question: dict[str, Any] = {"vector": query.vector, "text": query.text}
    if query.id is not None:
        question["id"] = from_wire(query.id)
    if query.url is not None:
        question["image"] = checked_url(query.url)
    question["mix"] = [_part(part) for part in query.mix]
    plain = query.url is None and query.text is None and query.region is None and query.subject is None
    return await _answer(here, caller, query, question, encodes=not plain or bool(query.mix))


@router.post("/search/upload", responses=responses(415), response_model_exclude_unset=True)
async def search_by_upload(
    query: Annotated[UploadedQuery, Form(media_type="multipart/form-data")], here: Here, caller: Searcher
) -> SearchAnswer:
    """Find the pictures that are most similar to the one that is sent."""
    mix = query.mix.root if query.mix is not None else []
    question = {"image": await query.file.read(), "mix": [_part(part) for part in mix]}
    return await _answer(here, caller, query, question, encodes=True)


@router.post("/subject", responses=responses(404, 410, 415), dependencies=[MAY_SEARCH])
async def subject(query: SubjectQuery, here: Here) -> SubjectOut:
    """Where the main subject is of a picture of the library, or of one on the web."""
    if query.id is not None:
        picture = await to_thread.run_sync(here.library.original, from_wire(query.id))
        return await _subject(here, picture)
    return await _subject(here, checked_url(query.url or ""))


@router.post("/subject/upload", responses=responses(415), dependencies=[MAY_SEARCH])
async def subject_of_upload(file: UploadFile, here: Here) -> SubjectOut:
    """Where the main subject is of the picture that is sent."""
    return await _subject(here, await file.read())


async def _subject(here: Context, picture: bytes | str) -> SubjectOut:
    found = await here.lanes.run(lambda: here.library.subject(picture))
    return SubjectOut(region=_wire_region(found.region), method=found.method)


def _part(part: MixPart) -> Part:
    return Part(
        image=None if part.url is None else checked_url(part.url),
        id=None if part.id is None else from_wire(part.id),
        vector=part.vector,
        text=part.text,
        weight=part.weight,
        region=None if part.region is None else _region(part.region),
    )


def _region(region: WireRegion) -> Region:
    return Region(region.x, region.y, region.w, region.h)


def _wire_region(region: Region) -> WireRegion:
    return WireRegion(**region._asdict())


async def _answer(
    here: Context, caller: Caller, wanted: SearchQuery | UploadedQuery, question: Mapping[str, Any], *, encodes: bool
) -> SearchAnswer:
    began = perf_counter()

    def ask() -> tuple[Sequence[Hit], Mapping[str, float], Mapping[str, Record]]:
        # One hit more than wanted tells whether there is another page.
        hits = here.library.search(
            **question,
            region=None if wanted.region is None else _region(wanted.region),
            subject=wanted.subject,
            regions=wanted.regions,
            k=wanted.k + 1,
            offset=wanted.offset,
            filter=wanted.filter,
            min_score=wanted.min_score,
            min_chance=wanted.min_chance,
        )
        return hits, hits.timings, _records(here.library, hits[: wanted.k], wanted)

    hits, timings, records = await (here.lanes.run(ask) if encodes else to_thread.run_sync(ask))
    for stage, seconds in timings.items():
        here.metrics.stages.labels(stage).observe(seconds)
    return SearchAnswer(
        hits=[_shown(hit, wanted, records.get(hit.id), caller) for hit in hits[: wanted.k]],
        next_offset=wanted.offset + wanted.k if len(hits) > wanted.k else None,
        timings=_milliseconds({**timings, "total": perf_counter() - began}),
    )


def _records(library: Library, hits: Sequence[Hit], wanted: Wanted) -> Mapping[str, Record]:
    if not set(wanted.fields) & set(_OF_RECORD):
        return {}
    return library.get_many([hit.id for hit in hits])


def _shown(hit: Hit, wanted: Wanted, record: Record | None, caller: Caller) -> HitOut:
    shown: dict[str, Any] = {"id": to_wire(hit.id), "score": hit.score}
    if hit.chance is not None:
        shown["chance"] = hit.chance
    if hit.region is not None:
        shown["region"] = _wire_region(hit.region)
    if "attributes" in wanted.fields:
        shown["attributes"] = wire_attributes(hit.attributes)
    if "uri" in wanted.fields:
        shown["uri"] = visible(hit.uri, caller)
    if record is not None:  # it may have been deleted since the search
        shown.update((name, getattr(record, name)) for name in _OF_RECORD if name in wanted.fields)
    return HitOut(**shown)


@router.post("/compare", responses=responses(404, 415), dependencies=[MAY_SEARCH])
async def compare(
    here: Here,
    a: UploadFile | None = None,
    b: UploadFile | None = None,
    a_id: Annotated[str | None, Form(max_length=1024)] = None,
    b_id: Annotated[str | None, Form(max_length=1024)] = None,
    a_url: Annotated[str | None, Form(max_length=4096)] = None,
    b_url: Annotated[str | None, Form(max_length=4096)] = None,
) -> Comparison:
    """Hold two pictures against each other; each is a file that is sent, an id or a URL."""
    sides = [await _side(*given) for given in (("a", a, a_id, a_url), ("b", b, b_id, b_url))]
    began = perf_counter()

    def work() -> Comparison:
        one, other = (here.library.get(side, vector=True) if kind == "id" else side for kind, side in sides)
        found = here.library.compare(one, other)
        return Comparison(
            same_file=found.same_file,
            phash_distance=found.phash_distance,
            pdq_distance=found.pdq_distance,
            score=found.score,
            timings=_milliseconds({**found.timings, "total": perf_counter() - began}),
        )

    return await here.lanes.run(work)


async def _side(name: str, file: UploadFile | None, id: str | None, url: str | None) -> tuple[str, Any]:
    if sum(given is not None for given in (file, id, url)) != 1:
        raise QueryError(f"give exactly one of the fields {name} (a file), {name}_id and {name}_url")
    if file is not None:
        return "file", await file.read()
    return ("id", from_wire(id)) if id is not None else ("url", checked_url(url or ""))


def _milliseconds(seconds: Mapping[str, float]) -> dict[str, float]:
    return {stage: round(value * 1000, 3) for stage, value in seconds.items()}
