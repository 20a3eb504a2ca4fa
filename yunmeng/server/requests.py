"""Queries of the API, run on an open library: for callers of the server, and in advance for the cache."""

from collections.abc import Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any, Final

from pydantic import ValidationError

from yunmeng import schemas
from yunmeng.errors import QueryError
from yunmeng.net.fetch import checked_url
from yunmeng.schemas.common import as_region
from yunmeng.state.queries import Queries, Query
from yunmeng.types import Hits, QueryPart, SearchKeywords, SearchOptions

if TYPE_CHECKING:
    from yunmeng.library.library import Library

__all__ = ["as_part", "ask", "asked_with", "popular"]

_OPTIONS: Final = [field.name for field in fields(SearchOptions)]


def ask(library: "Library", wanted: schemas.SearchOptions, question: dict[str, Any]) -> Hits:
    """Return the wanted page, and one hit more, which tells whether there is another page.

    ``question`` has the query's arguments, see `asked_with`. Raises as `Library.search` does.
    """
    options: SearchKeywords = {name: getattr(wanted, name) for name in _OPTIONS}  # type: ignore[assignment]
    return library.search(
        **question, k=wanted.k + 1, offset=wanted.offset, filter=wanted.filter, rerank=wanted.rerank, **options
    )


def asked_with(query: schemas.SearchQuery) -> dict[str, Any]:
    """Return the query's pictures and words as arguments of `Library.search`. Raises `QueryError`."""
    question: dict[str, Any] = {"vector": query.vector, "text": query.text}
    if query.region is not None:
        question["region"] = as_region(query.region)
    if query.id is not None:
        question["id"] = schemas.from_wire(query.id)
    if query.url is not None:
        question["image"] = checked_url(query.url)
    question["mix"] = [as_part(part) for part in query.mix]
    return question


def as_part(part: schemas.MixPart, files: Sequence[bytes] = ()) -> QueryPart:
    """Return one part of a mixture; ``files`` are the pictures that were sent with it. Raises `QueryError`."""
    image: bytes | str | None = None if part.url is None else checked_url(part.url)
    if part.file is not None:
        if part.file >= len(files):
            raise QueryError(f"the mix names file {part.file}, and {len(files)} came in the form's field files")
        image = files[part.file]
    return QueryPart(
        image=image,
        id=None if part.id is None else schemas.from_wire(part.id),
        vector=part.vector,
        text=part.text,
        weight=part.weight,
        region=None if part.region is None else as_region(part.region),
    )


def popular(library: "Library", limit: int) -> list[schemas.SearchQuery]:
    """Return the most frequent queries of the library's server that can be run again, best first."""
    found = Queries(library.state).popular(limit, "id", "url", "text") if limit else []
    return [query for query in map(_again, found) if query is not None]


def _again(query: Query) -> schemas.SearchQuery | None:
    try:
        return schemas.SearchQuery.model_validate({**query.wanted, query.kind: query.value})
    except ValidationError:  # it was asked of another version
        return None
