"""Calls about the server itself: its state, imports, jobs, and warming. Nothing is sent here."""

import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Final, TypeVar

from pydantic import BaseModel, TypeAdapter

from yunmeng import schemas
from yunmeng.client.uploads import given
from yunmeng.schemas.call import Call

# The functions are for the two clients only.
__all__ = ["MOST_FAILURES"]

M = TypeVar("M", bound=BaseModel)

MOST_FAILURES: Final = 10_000
"""Failures of one import that a server tells."""

_ATTRIBUTE_VALUES: Final = TypeAdapter(list[schemas.AttributeValues])


def _model(model: type[M]) -> Callable[[bytes], M]:
    return model.model_validate_json


def _text(path: str | Path) -> str:
    return schemas.to_wire(os.fspath(path))


def health() -> Call[schemas.Health]:
    return Call("GET", "/health", _model(schemas.Health))


def ready() -> Call[schemas.Health]:
    return Call("GET", "/ready", _model(schemas.Health))


def library() -> Call[schemas.LibraryOut]:
    return Call("GET", "/v1/library", _model(schemas.LibraryOut))


def attributes() -> Call[list[schemas.AttributeValues]]:
    return Call("GET", "/v1/attributes", _ATTRIBUTE_VALUES.validate_json)


def warm(queries: Iterable[Mapping[str, object]], top: int) -> Call[schemas.WarmOut]:
    asked = [{**query, **({"id": schemas.to_wire(str(query["id"]))} if "id" in query else {})} for query in queries]
    return Call("POST", "/v1/warm", _model(schemas.WarmOut), json={"queries": asked, "top": top})


def warming() -> Call[schemas.WarmOut]:
    return Call("GET", "/v1/warm", _model(schemas.WarmOut))


# Jobs


def start_job(kind: str, arguments: Mapping[str, object]) -> Call[schemas.JobOut]:
    body = {"kind": kind, "arguments": given(**arguments)}
    return Call("POST", "/v1/jobs", _model(schemas.JobOut), json=body)


def jobs(kind: str | None, limit: int) -> Call[schemas.JobList]:
    params: dict[str, str | int] = {"limit": limit} if kind is None else {"limit": limit, "kind": kind}
    return Call("GET", "/v1/jobs", _model(schemas.JobList), params=params)


def get_job(number: int) -> Call[schemas.JobOut]:
    return Call("GET", f"/v1/jobs/{number}", _model(schemas.JobOut))


def job_events(number: int) -> Call[bytes]:
    return Call("GET", f"/v1/jobs/{number}/events", bytes)


def job_failures(number: int, limit: int) -> Call[schemas.FailureList]:
    return Call("GET", f"/v1/jobs/{number}/failures", _model(schemas.FailureList), params={"limit": limit})


def cancel_job(number: int) -> Call[schemas.JobOut]:
    return Call("POST", f"/v1/jobs/{number}/cancel", _model(schemas.JobOut))


def resume_job(number: int) -> Call[schemas.JobOut]:
    return Call("POST", f"/v1/jobs/{number}/resume", _model(schemas.JobOut))


# Imports


def start_import(
    paths: str | Path | Iterable[str | Path], manifest: str | Path | None, frames: int
) -> Call[schemas.ImportOut]:
    named = [paths] if isinstance(paths, str | Path) else list(paths)
    body = given(paths=list(map(_text, named)), manifest=None if manifest is None else _text(manifest), frames=frames)
    return Call("POST", "/v1/imports", _model(schemas.ImportOut), json=body)


def imports(limit: int) -> Call[schemas.ImportList]:
    return Call("GET", "/v1/imports", _model(schemas.ImportList), params={"limit": limit})


def get_import(number: int) -> Call[schemas.ImportOut]:
    return Call("GET", f"/v1/imports/{number}", _model(schemas.ImportOut))


def import_events(number: int) -> Call[bytes]:
    return Call("GET", f"/v1/imports/{number}/events", bytes)


def import_failures(number: int, limit: int) -> Call[schemas.FailureList]:
    return Call("GET", f"/v1/imports/{number}/failures", _model(schemas.FailureList), params={"limit": limit})


def cancel_import(number: int) -> Call[schemas.ImportOut]:
    return Call("POST", f"/v1/imports/{number}/cancel", _model(schemas.ImportOut))


def resume_import(number: int) -> Call[schemas.ImportOut]:
    return Call("POST", f"/v1/imports/{number}/resume", _model(schemas.ImportOut))
