"""Every error as one shape with a stable code; the only place that knows HTTP status codes of errors."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import JsonValue
from starlette.exceptions import HTTPException

from yunmeng.errors import (
    Busy,
    EncoderError,
    EncoderMismatch,
    FilterError,
    LibraryError,
    MissingExtra,
    OriginalGone,
    QueryError,
    Reason,
    RecordNotFound,
    SchemaError,
    SourceError,
    StateError,
    StoreError,
    YunmengError,
)
from yunmeng.schemas.common import ErrorBody, ErrorDetail
from yunmeng.schemas.text import to_wire
from yunmeng.server.methods import allowed

__all__ = ["CODES", "Refused", "body_of", "bug", "describe", "install", "refusal", "responses"]

RETRY_AFTER: Final = "1"
"""Seconds after which a request that found the server busy has a fair chance."""

_REFERENCE: Final = "#/components/schemas/{model}"

_STATUS: Final[Mapping[type[YunmengError], int]] = {
    RecordNotFound: 404,
    OriginalGone: 410,
    FilterError: 422,
    QueryError: 422,
    SourceError: 422,
    SchemaError: 422,
    EncoderMismatch: 422,
    Busy: 503,
    StoreError: 503,
    StateError: 503,
    LibraryError: 503,
    EncoderError: 500,
    MissingExtra: 501,
}
_REASONS: Final = {
    Reason.NOT_A_PICTURE: 415,
    Reason.UNSUPPORTED: 415,
    Reason.TOO_LARGE: 413,
    Reason.TOO_MANY_PIXELS: 413,
    Reason.TOO_COSTLY: 413,
}
SHOWN_DETAILS: Final = 20
"""Of a body in which much is wrong, so many faults are told."""
_HTTP: Final = {400: "bad-request", 404: "not-found", 405: "method", 413: "too-large"}

CODES: Final[Mapping[str, int]] = {
    "bad-json": 400,
    "bad-request": 400,
    "no-key": 401,
    "wrong-key": 401,
    "cross-origin": 403,
    "host": 403,
    "proxy": 403,
    "scope": 403,
    "not-found": 404,
    "method": 405,
    "slow-body": 408,
    "slow-header": 408,
    "import-over": 409,
    "import-running": 409,
    "job-over": 409,
    "job-running": 409,
    "gone": 410,
    "content-encoding": 415,
    "invalid": 422,
    "rate-limit": 429,
    "large-header": 431,
    "internal": 500,
    "not-ready": 503,
    **{kind.code: status for kind, status in _STATUS.items()},
    **{reason.value: _REASONS.get(reason, 422) for reason in Reason},
}
"""Every code that an answer may hold, and its HTTP status."""


class Refused(HTTPException):
    """A request that the server itself turns down, with one of the codes."""

    def __init__(self, code: str, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(CODES[code], message, headers)
        self.code = code


def describe(error: Exception) -> tuple[int, str, str]:
    """Return status, code and message of an error that was raised on purpose."""
    code = error.code if isinstance(error, YunmengError) and error.code in CODES else "internal"
    return CODES[code], code, str(error)


def body_of(error: Exception, request_id: str) -> ErrorBody:
    """Return the error as part of an answer that is about several things."""
    _, code, message = describe(error)
    return ErrorBody(error=ErrorDetail(code=code, message=to_wire(message), request_id=request_id))


def responses(*statuses: int) -> dict[int | str, dict[str, object]]:
    """Return the errors of a route for the OpenAPI document; those that all routes can give are added.

    They only point to their shape, which `install` adds to the document: from a model, FastAPI would build a validator
    for each status of each route, a quarter of a second of a core at every start.
    """
    every = {400, 401, 403, 408, 413, 422, 429, 500, 503, *statuses}
    content = {"application/json": {"schema": {"$ref": _REFERENCE.format(model="ErrorBody")}}}
    return {status: {"description": HTTPStatus(status).phrase, "content": content} for status in sorted(every)}


def install(app: FastAPI) -> None:
    """Make ``app`` answer all errors in the one shape, and its document describe them so."""
    described = app.openapi
    app.openapi = lambda: _with_errors(described())  # type: ignore[method-assign]  # FastAPI's own way to change it
    app.add_exception_handler(YunmengError, _on_error)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(HTTPException, _on_http)


def _with_errors(document: dict[str, Any]) -> dict[str, Any]:
    """Add the shape of errors, to which `responses` points."""
    shape = ErrorBody.model_json_schema(ref_template=_REFERENCE)
    document["components"]["schemas"] |= {**shape.pop("$defs"), "ErrorBody": shape}
    return document


def _answer(
    request: Request,
    status: int,
    code: str,
    message: str,
    details: list[JsonValue] | None = None,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    request_id = str(getattr(request.state, "request_id", ""))
    detail = ErrorDetail(
        code=code,
        message=to_wire(" ".join(message.split())),
        request_id=request_id,
        details=details or getattr(request.state, "error_details", []),
    )
    request.state.error_code = code
    return JSONResponse(ErrorBody(error=detail).model_dump(mode="json"), status, dict(headers or {}))


async def _on_error(request: Request, error: Exception) -> JSONResponse:
    status, code, message = describe(error)
    if status >= 500 and not isinstance(error, Busy):
        structlog.get_logger().error("failed", code=code, message=message)
    return _answer(request, status, code, message, headers={"Retry-After": RETRY_AFTER} if status == 503 else None)


async def _on_invalid(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    found = [
        (".".join(map(str, one["loc"])), str(one["msg"]), str(one["type"])) for one in error.errors()[:SHOWN_DETAILS]
    ]
    if any(kind == "json_invalid" for _, _, kind in found):
        return _answer(request, 400, "bad-json", "the body is no JSON")
    details: list[JsonValue] = [{"where": to_wire(where), "what": to_wire(what)} for where, what, _ in found]
    first = f"{found[0][0]}: {found[0][1]}" if found else "the request is not as it should be"
    return _answer(request, 422, "invalid", first, details)


def refusal(request: Request, error: Refused) -> JSONResponse:
    """Return the answer to a request that is turned down."""
    return _answer(request, error.status_code, error.code, error.detail, headers=error.headers)


async def _on_http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    if isinstance(error, Refused):
        return refusal(request, error)
    code = _HTTP.get(error.status_code, "bad-request")
    headers = dict(error.headers or {})
    if error.status_code == 405:  # Starlette names the methods of one route, and a path may have several
        headers["Allow"] = ", ".join(allowed(request.app.router, request.scope))
    message = f"there is nothing at {request.url.path[:200]}" if error.status_code == 404 else error.detail
    return _answer(request, error.status_code, code, message, headers=headers)


def bug(request_id: str) -> JSONResponse:
    """Return the answer to an unexpected error, without details, which are in the log."""
    message = "an error inside the server: its log has more under the request id"
    detail = ErrorDetail(code="internal", message=message, request_id=request_id)
    return JSONResponse(ErrorBody(error=detail).model_dump(mode="json"), 500)
