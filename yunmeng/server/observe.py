"""Observability of the server: request ids, structured logs, Prometheus metrics."""

import logging
import re
import sys
import time
import uuid
from collections.abc import Mapping, MutableMapping
from typing import Any, Final

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, PlatformCollector, ProcessCollector
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from yunmeng.server.errors import bug

__all__ = ["Metrics", "Observe", "configure_logs", "milliseconds"]

_GIVEN_ID: Final = re.compile(rb"[A-Za-z0-9_.-]{1,64}")
_UNMATCHED: Final = "unmatched"  # a label for each wrong path would be a label for each attacker's idea

_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Frame-Options": "DENY",
}
_CLOSED_POLICY: Final = "default-src 'none'; frame-ancestors 'none'; sandbox"


class Metrics:
    """The figures of one server, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        self.requests = Counter(
            "yunmeng_requests", "Requests by route and status.", ["method", "route", "status"], registry=self.registry
        )
        self.seconds = Histogram(
            "yunmeng_request_seconds", "Time from request to answer.", ["route"], registry=self.registry
        )
        self.stages = Histogram(
            "yunmeng_stage_seconds", "Time of each stage of a search.", ["stage"], registry=self.registry
        )
        self.batches = Histogram(
            "yunmeng_batch_pictures",
            "Pictures encoded together.",
            buckets=(1, 2, 4, 8, 12, 16),
            registry=self.registry,
        )
        self.waiting = Gauge("yunmeng_waiting_requests", "Requests that wait for their turn.", registry=self.registry)
        self.pictures = Gauge("yunmeng_pictures", "Pictures in the library.", registry=self.registry)
        self.imported = Counter(
            "yunmeng_imported_pictures", "Pictures of imports by outcome.", ["outcome"], registry=self.registry
        )
        self.warmed = Counter(
            "yunmeng_warmed_questions", "Questions asked ahead by outcome.", ["outcome"], registry=self.registry
        )
        self.importing = Gauge("yunmeng_imports_waiting", "Imports that run or wait.", registry=self.registry)

    def took(self, timings: Mapping[str, float]) -> None:
        """Record the seconds that each stage of an answer took."""
        for stage, seconds in timings.items():
            self.stages.labels(stage).observe(seconds)


def milliseconds(seconds: Mapping[str, float]) -> dict[str, float]:
    """Return timings in milliseconds, as answers have them."""
    return {stage: round(value * 1000, 3) for stage, value in seconds.items()}


class Observe:
    """ASGI middleware around all others: a request's id, its line in the log, its metrics, headers for safety."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics
        self._log = structlog.get_logger()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = next((value for name, value in scope["headers"] if name == b"x-request-id"), b"")
        request_id = given.decode() if _GIVEN_ID.fullmatch(given) else uuid.uuid4().hex
        scope.setdefault("state", {})["request_id"] = request_id
        status = 500
        answered = False
        began = time.perf_counter()

        async def marked(message: Message) -> None:
            nonlocal status, answered
            if message["type"] == "http.response.start":
                answered = True
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Request-ID"] = request_id
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("Content-Security-Policy", _CLOSED_POLICY)
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                await self._app(scope, receive, marked)
            except Exception as exc:
                self._log.exception("bug", exc_info=exc)
                if not answered:
                    await bug(request_id)(scope, receive, marked)
            finally:
                self._note(scope, status, time.perf_counter() - began)

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", _UNMATCHED)
        self._metrics.requests.labels(scope["method"], route, status).inc()
        self._metrics.seconds.labels(route).observe(seconds)
        state = scope["state"]
        self._log.info(
            "request",
            method=scope["method"],
            route=route,
            status=status,
            ms=round(seconds * 1000, 1),
            key=state.get("key_id"),
            error=state.get("error_code"),
            client=(scope.get("client") or (None,))[0],
        )


def _printable(_: object, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Spell out what would move a terminal's cursor, or begin a line of its own: ids and addresses are strangers'."""
    for name, value in event.items():
        if isinstance(value, str) and not value.isprintable() and name != "exception":
            event[name] = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in value)
    return event


def configure_logs() -> None:
    """Configure logs: one line an event on stderr, as JSON, or for people on a terminal; with uvicorn's lines."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _printable,
    ]
    watched = sys.stderr.isatty()
    renderer = (
        structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
        if watched
        else structlog.processors.JSONRenderer(ensure_ascii=False)
    )
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
