"""The calls of the API, each built once for both clients. Nothing is sent here."""

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO, Final, TypeAlias, TypedDict, TypeVar
from urllib.parse import quote

from pydantic import BaseModel, TypeAdapter

from yunmeng import schemas
from yunmeng.errors import QueryError, ServerError
from yunmeng.schemas.call import Call, Part
from yunmeng.types import Metric, StepName

# The functions are for the two clients only.
__all__ = ["Attributes", "EachOrAll", "FilePath", "Id", "Picture", "Question"]

T = TypeVar("T")
M = TypeVar("M", bound=BaseModel)
FilePath: TypeAlias = str | os.PathLike[str]
Picture: TypeAlias = FilePath | bytes | BinaryIO
"""A picture that is here: the path of its file, its bytes, or an open file."""
Attributes: TypeAlias = Mapping[str, object]
EachOrAll: TypeAlias = Attributes | Sequence[Attributes]
"""One set of attributes for all pictures, or one for each."""

BATCH: Final = 16
"""Pictures in one request of add_many: a server's limit on bodies is then met by a few pictures, not by all."""
BATCH_BYTES: Final = 32_000_000
"""After which a request takes no further picture."""


class Id(str):
    """The id of a picture in the library, where a path or a URL would do as well: ``compare(Id("a"), "b.jpg")``."""

    __slots__ = ()


class Question(TypedDict, total=False):
    """What `Client.search` takes by name: one of ``id``, ``url``, ``vector`` and ``text``, or a ``mix``, if no picture
    is given."""

    id: str | None
    url: str | None
    vector: Iterable[float] | None
    """An embedding of the library's encoder, such as a NumPy array (dim,)."""
    text: str | None
    mix: Sequence[schemas.MixPart | Mapping[str, object]] | None
    """More parts of the question, with weights: ``{"text": "red", "weight": 0.5}``, ``{"id": "7", "weight": -1}``."""
    regions: bool
    """Whether the parts of pictures are searched too, in a library that keeps them."""
    subject: bool | None
    """Whether to ask with the main subject of the picture only; unless told, as the library's pictures are."""
    k: int
    """Hits on a page: 10 unless told, at most `schemas.MAX_K`."""
    offset: int
    """Hits to pass over."""
    filter: str | None
    """``category = 'shoes' and price < 50``"""
    min_score: float | None
    """In [-1, 1]: hits below are left out."""
    min_chance: float | None
    """In [0, 1]: hits that are less likely to be real are left out, in a library that knows."""
    region: schemas.Region | tuple[float, float, float, float] | None
    """x, y, w, h in fractions of the picture."""
    rerank: Sequence[StepName] | None
    """Steps that put the first hits in a better order, one upon the other, such as ``["geometry", "expand"]``."""
    metric: Metric | None
    """What the nearest are scored by anew: the library's metric unless told."""
    group_by: str | None
    """One hit for each value of this attribute, a declared str."""
    explain: bool
    """Whether hits say what each step made of their score."""
    fields: Sequence[schemas.FieldName] | None
    """What hits carry beside id and score: the attributes unless told."""


# Reading answers


def _model(model: type[M]) -> Callable[[bytes], M]:
    return model.model_validate_json


def _nothing(_: bytes) -> None:
    return None


def _raw(body: bytes) -> bytes:
    return body


class _OneAdded(BaseModel):
    results: tuple[schemas.Added]


_ATTRIBUTE_VALUES: Final = TypeAdapter(list[schemas.AttributeValues])


# Writing requests


def _place(collection: str, id: str) -> str:
    """The path of a picture."""
    if not id:
        raise QueryError("an id has at least one character")
    return f"/v1/{collection}/{quote(schemas.to_wire(id), safe='')}"


def _given(**fields: object) -> dict[str, object]:
    return {name: value for name, value in fields.items() if value is not None}


def _is_url(text: object) -> bool:
    return isinstance(text, str) and text.lower().startswith(("http://", "https://"))


def _bytes(picture: Picture) -> bytes:
    if isinstance(picture, bytes):
        return picture
    if isinstance(picture, str | os.PathLike):
        return Path(picture).read_bytes()
    content = picture.read()
    if not isinstance(content, bytes):
        raise QueryError('a picture is bytes: open its file with "rb"')
    return content


def _file(field: str, content: bytes) -> Part:
    return field, ("picture", content)


def _field(field: str, value: object) -> Part:
    return field, (None, str(value).encode())


def _text(path: FilePath) -> str:
    return schemas.to_wire(os.fspath(path))


# The server and its library


def health() -> Call[schemas.Health]:
    return Call("GET", "/health", _model(schemas.Health))


def ready() -> Call[schemas.Health]:
    return Call("GET", "/ready", _model(schemas.Health))


def library() -> Call[schemas.LibraryOut]:
    return Call("GET", "/v1/library", _model(schemas.LibraryOut))


def attributes() -> Call[list[schemas.AttributeValues]]:
    return Call("GET", "/v1/attributes", _ATTRIBUTE_VALUES.validate_json)


# Asking


def search(picture: Picture | Id | None, question: Question) -> Call[schemas.SearchAnswer]:
    asked: dict[str, Any] = _given(**question)
    if isinstance(picture, Id):
        asked["id"], picture = picture, None
    elif _is_url(picture):
        asked["url"], picture = picture, None
    given = sum(name in asked for name in ("id", "url", "vector", "text")) + (picture is not None)
    if given > 1 or not (given or asked.get("mix")):
        raise QueryError("ask with exactly one of a picture, id, url, vector and text, or with a mix")
    if "mix" in asked:
        asked["mix"] = [_mixed(part) for part in asked["mix"]]
    if "region" in asked:
        asked["region"] = _region(asked["region"])
    return _ask(asked) if picture is None else _ask_upload(picture, asked)


def _mixed(part: schemas.MixPart | Mapping[str, Any]) -> dict[str, Any]:
    if isinstance(part, schemas.MixPart):
        return part.model_dump(exclude_none=True)
    shown = dict(part)
    if "vector" in shown:
        shown["vector"] = list(map(float, shown["vector"]))
    if "id" in shown:
        shown["id"] = schemas.to_wire(shown["id"])
    if "region" in shown:
        shown["region"] = _region(shown["region"])
    return shown


def _region(region: schemas.Region | Sequence[float]) -> dict[str, float]:
    """For the server to check: it alone says what is wrong with a region."""
    if isinstance(region, schemas.Region):
        return region.model_dump()
    if len(region) != 4:
        raise QueryError("a region is four numbers: x, y, width and height in fractions of the picture")
    return dict(zip("xywh", map(float, region), strict=True))


def _ask(asked: dict[str, Any]) -> Call[schemas.SearchAnswer]:
    if "id" in asked:
        asked["id"] = schemas.to_wire(asked["id"])
    if "vector" in asked:
        asked["vector"] = list(map(float, asked["vector"]))
    for name in ("fields", "rerank"):
        if name in asked:
            asked[name] = list(asked[name])
    return Call("POST", "/v1/search", _model(schemas.SearchAnswer), json=asked)


def _ask_upload(picture: Picture, asked: dict[str, Any]) -> Call[schemas.SearchAnswer]:
    if "region" in asked:
        asked["region"] = ",".join(map(str, asked["region"].values()))
    if "mix" in asked:
        asked["mix"] = json.dumps(asked["mix"])
    parts = [_field(name, value) for name in ("fields", "rerank") for value in asked.pop(name, ())]
    parts += [_field(name, value) for name, value in asked.items()]
    parts.append(_file("file", _bytes(picture)))
    return Call("POST", "/v1/search/upload", _model(schemas.SearchAnswer), parts=parts)


def turn_page(call: Call[schemas.SearchAnswer], offset: int) -> Call[schemas.SearchAnswer]:
    """``call``, for the page that begins at ``offset``."""
    if call.json is not None:
        return replace(call, json={**call.json, "offset": offset})
    others = [part for part in call.parts or () if part[0] != "offset"]
    return replace(call, parts=[_field("offset", offset), *others])


def subject(picture: Picture | Id) -> Call[schemas.SubjectOut]:
    read = _model(schemas.SubjectOut)
    if isinstance(picture, Id):
        return Call("POST", "/v1/subject", read, json={"id": schemas.to_wire(picture)})
    if _is_url(picture):
        return Call("POST", "/v1/subject", read, json={"url": picture})
    return Call("POST", "/v1/subject/upload", read, parts=[_file("file", _bytes(picture))])


def compare(a: Picture | Id, b: Picture | Id) -> Call[schemas.Comparison]:
    parts = [_side("a", a), _side("b", b)]
    return Call("POST", "/v1/compare", _model(schemas.Comparison), parts=parts)


def evidence(a: Picture | Id, b: Picture | Id) -> Call[bytes]:
    return Call("POST", "/v1/compare/evidence", _raw, parts=[_side("a", a), _side("b", b)])


def match(picture: Picture | Id, k: int, filter: str | None, min_score: float) -> Call[schemas.MatchAnswer]:
    read = _model(schemas.MatchAnswer)
    wanted = _given(k=k, filter=filter, min_score=min_score)
    if isinstance(picture, Id):
        return Call("POST", "/v1/match", read, json={"id": schemas.to_wire(picture), **wanted})
    if _is_url(picture):
        return Call("POST", "/v1/match", read, json={"url": picture, **wanted})
    parts = [*(_field(name, value) for name, value in wanted.items()), _file("file", _bytes(picture))]
    return Call("POST", "/v1/match/upload", read, parts=parts)


def _side(side: str, picture: Picture | Id) -> Part:
    if isinstance(picture, Id):
        return _field(f"{side}_id", schemas.to_wire(picture))
    if _is_url(picture):
        return _field(f"{side}_url", picture)
    return _file(side, _bytes(picture))


# Asking ahead


def warm(queries: Iterable[Mapping[str, object]], top: int) -> Call[schemas.WarmOut]:
    asked = [{**query, **({"id": schemas.to_wire(str(query["id"]))} if "id" in query else {})} for query in queries]
    return Call("POST", "/v1/warm", _model(schemas.WarmOut), json={"queries": asked, "top": top})


def warming() -> Call[schemas.WarmOut]:
    return Call("GET", "/v1/warm", _model(schemas.WarmOut))


# Pictures


def pictures(filter: str | None, limit: int, cursor: str | None) -> Call[schemas.PicturePage]:
    params: dict[str, str | int] = {"limit": limit}
    if filter is not None:
        params["filter"] = filter
    if cursor is not None:
        params["cursor"] = cursor
    return Call("GET", "/v1/pictures", _model(schemas.PicturePage), params=params)


def get(id: str) -> Call[schemas.PictureOut]:
    return Call("GET", _place("pictures", id), _model(schemas.PictureOut))


def original(id: str) -> Call[bytes]:
    return Call("GET", _place("originals", id), _raw)


def thumbnail(id: str, side: int) -> Call[bytes]:
    return Call("GET", _place("thumbnails", id), _raw, params={"side": side})


def add(picture: Picture, id: str | None, attributes: Attributes | None) -> Call[schemas.Added]:
    parts = add_some([_bytes(picture)], None if id is None else [id], attributes).parts
    return Call("POST", "/v1/pictures", lambda body: _OneAdded.model_validate_json(body).results[0], parts=parts)


def add_some(
    pictures: Sequence[bytes], ids: Sequence[str] | None, attributes: EachOrAll | None
) -> Call[schemas.AddResult]:
    parts = [_field("ids", schemas.to_wire(id)) for id in ids or ()]
    if attributes is not None:
        parts.append(_field("attributes", json.dumps(attributes if isinstance(attributes, Mapping) else [*attributes])))
    parts += [_file("files", content) for content in pictures]
    return Call("POST", "/v1/pictures", _model(schemas.AddResult), parts=parts)


def batches(
    pictures: Sequence[Picture], ids: Sequence[str] | None, attributes: EachOrAll | None
) -> Iterator[tuple[int, Call[schemas.AddResult]]]:
    """How many pictures, and the call that adds them, until all are added. Files are read when their call is due."""
    each = None if isinstance(attributes, Mapping) else attributes
    if any(given is not None and len(given) != len(pictures) for given in (ids, each)):
        raise QueryError("give one id and one set of attributes for each picture, or none")
    begin = 0
    while begin < len(pictures):
        some = list(_few(pictures[begin : begin + BATCH]))
        own = slice(begin, begin + len(some))
        yield len(some), add_some(some, ids and ids[own], each[own] if each is not None else attributes)
        begin += len(some)


def _few(pictures: Sequence[Picture]) -> Iterator[bytes]:
    size = 0
    for picture in pictures:
        content = _bytes(picture)
        yield content
        size += len(content)
        if size > BATCH_BYTES:
            return


def failed(count: int, error: ServerError) -> list[schemas.Added | schemas.ErrorBody]:
    """What became of ``count`` pictures where ``error`` says that each of them failed. Raises it if it does not."""
    details = [entry for entry in error.details if isinstance(entry, Mapping) and "error" in entry]
    if len(details) != count:
        raise error
    return [schemas.ErrorBody.model_validate(entry) for entry in details]


def add_url(url: str, id: str | None, attributes: Attributes | None) -> Call[schemas.Added]:
    body = _given(url=url, id=None if id is None else schemas.to_wire(id), attributes=attributes)
    return Call("POST", "/v1/pictures/url", _model(schemas.Added), json=body)


def set_attributes(id: str, attributes: Attributes) -> Call[schemas.PictureOut]:
    return Call("PUT", _place("attributes", id), _model(schemas.PictureOut), json={"attributes": attributes})


def delete(id: str) -> Call[None]:
    return Call("DELETE", _place("pictures", id), _nothing)


def delete_where(ids: Iterable[str], filter: str | None, every: bool) -> Call[schemas.Deleted]:
    named = [ids] if isinstance(ids, str) else list(ids)
    body = _given(ids=list(map(schemas.to_wire, named)), filter=filter, all=every or None)
    return Call("POST", "/v1/pictures/delete", _model(schemas.Deleted), json=body)


# Jobs


def start_job(kind: str, arguments: Mapping[str, object]) -> Call[schemas.JobOut]:
    body = {"kind": kind, "arguments": _given(**arguments)}
    return Call("POST", "/v1/jobs", _model(schemas.JobOut), json=body)


def jobs(kind: str | None, limit: int) -> Call[schemas.JobList]:
    params: dict[str, str | int] = {"limit": limit} if kind is None else {"limit": limit, "kind": kind}
    return Call("GET", "/v1/jobs", _model(schemas.JobList), params=params)


def get_job(number: int) -> Call[schemas.JobOut]:
    return Call("GET", f"/v1/jobs/{number}", _model(schemas.JobOut))


def job_events(number: int) -> Call[bytes]:
    return Call("GET", f"/v1/jobs/{number}/events", _raw)


def job_failures(number: int, limit: int) -> Call[schemas.FailureList]:
    return Call("GET", f"/v1/jobs/{number}/failures", _model(schemas.FailureList), params={"limit": limit})


def cancel_job(number: int) -> Call[schemas.JobOut]:
    return Call("POST", f"/v1/jobs/{number}/cancel", _model(schemas.JobOut))


def resume_job(number: int) -> Call[schemas.JobOut]:
    return Call("POST", f"/v1/jobs/{number}/resume", _model(schemas.JobOut))


# Imports


def start_import(
    paths: FilePath | Iterable[FilePath], manifest: FilePath | None, frames: int
) -> Call[schemas.ImportOut]:
    named = [paths] if isinstance(paths, str | os.PathLike) else list(paths)
    body = _given(paths=list(map(_text, named)), manifest=None if manifest is None else _text(manifest), frames=frames)
    return Call("POST", "/v1/imports", _model(schemas.ImportOut), json=body)


def imports(limit: int) -> Call[schemas.ImportList]:
    return Call("GET", "/v1/imports", _model(schemas.ImportList), params={"limit": limit})


def get_import(number: int) -> Call[schemas.ImportOut]:
    return Call("GET", f"/v1/imports/{number}", _model(schemas.ImportOut))


def import_events(number: int) -> Call[bytes]:
    return Call("GET", f"/v1/imports/{number}/events", _raw)


def import_failures(number: int, limit: int) -> Call[schemas.FailureList]:
    return Call("GET", f"/v1/imports/{number}/failures", _model(schemas.FailureList), params={"limit": limit})


def cancel_import(number: int) -> Call[schemas.ImportOut]:
    return Call("POST", f"/v1/imports/{number}/cancel", _model(schemas.ImportOut))


def resume_import(number: int) -> Call[schemas.ImportOut]:
    return Call("POST", f"/v1/imports/{number}/resume", _model(schemas.ImportOut))
