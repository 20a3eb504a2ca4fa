"""Routes for operators: whether the server runs, whether it is ready, and its metrics."""

from anyio import to_thread
from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from yunmeng.schemas.about import Health
from yunmeng.server.admission import Route
from yunmeng.server.context import MAY_SEARCH, Here
from yunmeng.server.errors import Refused, responses
from yunmeng.server.job_kinds import IMPORT
from yunmeng.version import __version__

__all__ = ["router"]

router = APIRouter(tags=["status"], route_class=Route)


@router.get("/health", responses=responses())
async def health() -> Health:
    """Return ok if the process answers."""
    return Health(status="ok", version=__version__)


@router.get("/ready", responses=responses())
async def ready(here: Here) -> Health:
    """Return ok if requests may be sent: the encoder is loaded, and the server is not about to stop."""
    if not here.ready or here.draining:
        raise Refused("not-ready", "the encoder is being loaded, or the server is about to stop", {"Retry-After": "1"})
    return Health(status="ready", version=__version__)


@router.get(
    "/metrics",
    responses={**responses(), 200: {"content": {"text/plain": {}}, "description": "Prometheus text format"}},
    response_class=Response,
    dependencies=[MAY_SEARCH],
)
async def metrics(here: Here) -> Response:
    """Return the server's metrics."""
    here.metrics.pictures.set(await to_thread.run_sync(here.library.count))
    here.metrics.waiting.set(here.workers.waiting)
    here.metrics.importing.set(await to_thread.run_sync(here.jobs.unfinished, IMPORT))
    if here.library.resources.caches.redis is not None:
        await to_thread.run_sync(here.library.resources.caches.redis.look)
    return Response(generate_latest(here.metrics.registry), media_type=CONTENT_TYPE_LATEST)
