"""The methods of a library as calls of the API, built once for both clients. Nothing is sent here."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar, Unpack

from pydantic import BaseModel

from yunmeng import schemas
from yunmeng.client import answers
from yunmeng.client.uploads import content, field, file, floats, given, is_url, place, region_of
from yunmeng.errors import QueryError, ServerError
from yunmeng.schemas.call import Call, Pages, Part
from yunmeng.types import (
    Addition,
    Attributes,
    Comparable,
    Comparison,
    Evidence,
    Hit,
    Hits,
    LibraryInfo,
    QueryPart,
    Record,
    SearchKeywords,
    Subject,
    Why,
)

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from yunmeng.types import QueryPicture

# The functions are for the two clients only.
__all__ = ["EachOrAll", "SearchArguments"]

T = TypeVar("T")
EachOrAll: TypeAlias = Attributes | Sequence[Attributes]
"""One set of attributes for all pictures, or one for each."""

BATCH: Final = 16
"""Pictures in one request of add_many: a server's limit on bodies is then met by a few pictures, not by all."""
BATCH_BYTES: Final = 32_000_000
"""After which a request takes no further picture."""
PAGE: Final = 500
"""Records in one request of iterate."""


class SearchArguments(SearchKeywords, total=False):
    """The keyword arguments of `Client.search`, for `Client.search_page` and `Client.search_all`."""

    id: str | None
    vector: "ArrayLike | None"
    text: str | None
    mix: Sequence[QueryPart]
    region: Sequence[float] | None
    k: int
    offset: int
    filter: str | None
    rerank: str | Sequence[str]


# Asking


def search(image: "QueryPicture | None", **question: Unpack[SearchArguments]) -> Call[Hits]:
    return _search(answers.read_hits, image, ("attributes", "uri"), question)


def search_page(
    image: "QueryPicture | None", fields: Sequence[schemas.FieldName], **question: Unpack[SearchArguments]
) -> Call[schemas.SearchAnswer]:
    return _search(schemas.SearchAnswer.model_validate_json, image, fields, question)


def search_all(image: "QueryPicture | None", **question: Unpack[SearchArguments]) -> Pages[schemas.SearchAnswer, Hit]:
    first = search_page(image, ("attributes", "uri"), **question)

    def following(answer: schemas.SearchAnswer) -> Call[schemas.SearchAnswer] | None:
        return None if answer.next_offset is None else _turned(first, answer.next_offset)

    return Pages(first, answers.hits_of, following)


def _search(
    read: Callable[[bytes], T], image: "QueryPicture | None", fields: Sequence[str], question: SearchArguments
) -> Call[T]:
    options: dict[str, Any] = {**question}
    mix = list(options.pop("mix", ()))
    asked = {name: options.pop(name, None) for name in ("id", "vector", "text")}
    region = options.pop("region", None)
    if image is not None or region is not None or any(value is not None for value in asked.values()):
        mix.insert(0, QueryPart(image, **asked, region=region))  # which checks that it is one question
    if not mix and options.get("color") is None:
        raise QueryError("ask with a picture, an id, a vector, words or a colour")
    rerank = options.pop("rerank", ())
    steps = rerank.split(",") if isinstance(rerank, str) else rerank
    options["rerank"] = [step.strip() for step in steps if step.strip()]
    options["fields"] = list(fields)
    files: list[bytes] = []
    parts = [_part(part, files) for part in mix]
    if files:
        return Call("POST", "/v1/search/upload", read, parts=_form(parts, files, given(**options)))
    first = parts.pop(0) if mix and mix[0].weight == 1 else {}
    first.pop("weight", None)
    body = given(**options, **first, mix=parts or None)
    return Call("POST", "/v1/search", read, json=body)


def _part(part: QueryPart, files: list[bytes]) -> dict[str, Any]:
    """Return a part of a question as JSON has it; a picture that is here is added to ``files``."""
    shown = given(
        id=None if part.id is None else schemas.to_wire(part.id),
        url=part.image if is_url(part.image) else None,
        vector=floats(part.vector),
        text=part.text,
        region=region_of(part.region),
        weight=part.weight,
    )
    if part.image is not None and not is_url(part.image):
        shown["file"] = len(files)
        files.append(content(part.image))
    return shown


def _form(parts: list[dict[str, Any]], files: list[bytes], options: dict[str, Any]) -> list[Part]:
    form: list[Part] = []
    if parts[0].get("file") == 0 and parts[0]["weight"] == 1:  # the picture that is asked with, as most questions are
        first, parts = parts[0], [{**part, "file": part["file"] - 1} if "file" in part else part for part in parts[1:]]
        form.append(file("file", files[0]))
        if "region" in first:
            form.append(field("region", ",".join(map(str, first["region"].values()))))
        files = files[1:]
    if parts:
        form.append(field("mix", json.dumps(parts, allow_nan=False)))
    form += [field(name, value) for name in ("fields", "rerank") for value in options.pop(name)]
    form += [field(name, value) for name, value in options.items()]
    return [*form, *(file("files", picture) for picture in files)]


def _turned(call: Call[T], offset: int) -> Call[T]:
    """Return ``call`` for the page that begins at ``offset``."""
    if call.json is not None:
        return replace(call, json={**call.json, "offset": offset})
    others = [part for part in call.parts or () if part[0] != "offset"]
    return replace(call, parts=[field("offset", offset), *others])


def match(image: "QueryPicture | Record", k: int, filter: str | None, min_score: float) -> Call[Hits]:
    wanted = given(k=k, filter=filter, min_score=min_score)
    return _of_one("/v1/match", image, answers.read_matches, wanted)


def why(
    hit: str,
    image: "QueryPicture | None",
    id: str | None,
    text: str | None,
    region: Sequence[float] | None,
) -> Call[Why]:
    files: list[bytes] = []
    part: Any = region  # for the server to check
    asked = _part(QueryPart(image, id, text=text, region=part), files)
    named = schemas.to_wire(hit)
    if not files:
        del asked["weight"]
        return Call("POST", "/v1/why", answers.read_why, json={"hit": named, **asked})
    parts = [field("hit", named), file("file", files[0])]
    if "region" in asked:
        parts.append(field("region", ",".join(map(str, asked["region"].values()))))
    return Call("POST", "/v1/why/upload", answers.read_why, parts=parts)


def subject(image: "QueryPicture | Record") -> Call[Subject]:
    return _of_one("/v1/subject", image, answers.read_subject, {})


def _of_one(
    path: str, image: "QueryPicture | Record", read: Callable[[bytes], T], wanted: dict[str, object]
) -> Call[T]:
    """Return the question about one picture: a record is sent as its id."""
    if isinstance(image, Record):
        return Call("POST", path, read, json={"id": schemas.to_wire(image.id), **wanted})
    if is_url(image):
        return Call("POST", path, read, json={"url": image, **wanted})
    parts = [*(field(name, value) for name, value in wanted.items()), file("file", content(image))]
    return Call("POST", f"{path}/upload", read, parts=parts)


def compare(a: Comparable, b: Comparable) -> Call[Comparison]:
    return Call("POST", "/v1/compare", answers.read_comparison, parts=[_side("a", a), _side("b", b)])


def evidence(a: Comparable, b: Comparable, names: tuple[str, str]) -> Call[Evidence]:
    parts = [_side("a", a), _side("b", b)]
    parts += [field(side, schemas.to_wire(name)) for side, name in zip(("a_name", "b_name"), names, strict=True)]
    return Call("POST", "/v1/compare/evidence", answers.read_evidence, parts=parts)


def _side(side: str, picture: Comparable) -> Part:
    if isinstance(picture, Record):
        return field(f"{side}_id", schemas.to_wire(picture.id))
    if is_url(picture):
        return field(f"{side}_url", picture)
    return file(side, content(picture))


# Looking


def get(id: str) -> Call[Record]:
    return Call("GET", place("pictures", id), answers.read_record)


def iterate(filter: str | None) -> Pages[schemas.PicturePage, Record]:
    def page(**cursor: str) -> Call[schemas.PicturePage]:
        params = {**_filtered(filter, PAGE), **cursor}
        return Call("GET", "/v1/pictures", schemas.PicturePage.model_validate_json, params=params)

    return Pages(
        page(),
        items=lambda answer: map(answers.as_record, answer.pictures),
        following=lambda answer: None if answer.next_cursor is None else page(cursor=answer.next_cursor),
    )


def count(filter: str | None) -> Call[int]:
    return Call("GET", "/v1/pictures", answers.read_count, params=_filtered(filter, 1))


def _filtered(filter: str | None, limit: int) -> dict[str, str | int]:
    return {"limit": limit} if filter is None else {"limit": limit, "filter": filter}


def original(picture: str | Record) -> Call[bytes]:
    return Call("GET", place("originals", _id(picture)), bytes)


def thumbnail(picture: str | Record, side: int) -> Call[bytes]:
    return Call("GET", place("thumbnails", _id(picture)), bytes, params={"side": side})


def _id(picture: str | Record) -> str:
    return picture.id if isinstance(picture, Record) else picture


def info() -> Call[LibraryInfo]:
    return Call("GET", "/v1/library", answers.read_info)


# Changing


class _OneAdded(BaseModel):
    results: tuple[schemas.Added]


def add(picture: bytes | Path | str, id: str | None, attributes: Attributes | None) -> Call[Addition]:
    if is_url(picture):
        body = given(url=picture, id=None if id is None else schemas.to_wire(id), attributes=attributes)
        return Call("POST", "/v1/pictures/url", answers.read_addition, json=body)
    parts = _add_some([content(picture)], None if id is None else [id], attributes).parts

    def read(body: bytes) -> Addition:
        return answers.as_addition(_OneAdded.model_validate_json(body).results[0])

    return Call("POST", "/v1/pictures", read, parts=parts)


def batches(
    pictures: Sequence[bytes | Path | str], ids: Sequence[str] | None, attributes: EachOrAll | None
) -> Iterator[tuple[int, Call[schemas.AddResult]]]:
    """Yield the number of pictures and the call that adds them, until all are added.

    Files are read when their call is due.
    """
    each = None if isinstance(attributes, Mapping) else attributes
    if any(given is not None and len(given) != len(pictures) for given in (ids, each)):
        raise QueryError("give one id and one set of attributes for each picture, or none")
    begin = 0
    while begin < len(pictures):
        some = list(_few(pictures[begin : begin + BATCH]))
        own = slice(begin, begin + len(some))
        yield len(some), _add_some(some, ids and ids[own], each[own] if each is not None else attributes)
        begin += len(some)


def _few(pictures: Sequence[bytes | Path | str]) -> Iterator[bytes]:
    size = 0
    for picture in pictures:
        read = content(picture)
        yield read
        size += len(read)
        if size > BATCH_BYTES:
            return


def _add_some(
    pictures: Sequence[bytes], ids: Sequence[str] | None, attributes: EachOrAll | None
) -> Call[schemas.AddResult]:
    parts = [field("ids", schemas.to_wire(id)) for id in ids or ()]
    if attributes is not None:
        parts.append(field("attributes", json.dumps(attributes if isinstance(attributes, Mapping) else [*attributes])))
    parts += [file("files", picture) for picture in pictures]
    return Call("POST", "/v1/pictures", schemas.AddResult.model_validate_json, parts=parts)


def added(result: schemas.AddResult) -> list[Addition | schemas.ErrorBody]:
    """Return what became of each picture of a batch."""
    return [one if isinstance(one, schemas.ErrorBody) else answers.as_addition(one) for one in result.results]


def failed(count: int, error: ServerError) -> list[Addition | schemas.ErrorBody]:
    """Return ``error`` for each of ``count`` pictures if it says that each failed; raise it otherwise."""
    details = [entry for entry in error.details if isinstance(entry, Mapping) and "error" in entry]
    if len(details) != count:
        raise error
    return [schemas.ErrorBody.model_validate(entry) for entry in details]


def set_attributes(id: str, attributes: Attributes) -> Call[Record]:
    return Call("PUT", place("attributes", id), answers.read_record, json={"attributes": attributes})


def update_attributes(ids: Sequence[str], values: Attributes, add: Mapping[str, Sequence[str]]) -> Call[int]:
    named = list(map(schemas.to_wire, ids))
    body = {"ids": named, "values": dict(values), "add": {name: [*more] for name, more in add.items()}}
    return Call("POST", "/v1/attributes", answers.read_changed, json=body)


def delete(ids: str | Sequence[str] | None, filter: str | None, all: bool) -> Call[int]:
    named = [ids] if isinstance(ids, str) else ids
    body = given(ids=None if named is None else list(map(schemas.to_wire, named)), filter=filter, all=all or None)
    return Call("POST", "/v1/pictures/delete", answers.read_deleted, json=body)
