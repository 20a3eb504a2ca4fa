"""The application: routes, middleware and parts put together over one open library."""

import threading
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

import structlog
from anyio import to_thread
from fastapi import FastAPI
from starlette.middleware.gzip import GZipMiddleware

from yunmeng.config import ServerSettings, cores
from yunmeng.encoders.batching import BatchingEncoder
from yunmeng.encoders.protocol import Encoder
from yunmeng.errors import YunmengError
from yunmeng.ingest.roots import Roots
from yunmeng.server import (
    apps,
    copying,
    errors,
    imports,
    jobs,
    pages,
    pictures,
    query_pictures,
    saved_searches,
    searching,
    service_worker,
    session,
    status,
    warming,
)
from yunmeng.server.admission import CheckHeaders
from yunmeng.server.cache_metrics import CacheMetrics
from yunmeng.server.context import Context
from yunmeng.server.embedding import Embedding
from yunmeng.server.fetching import Fetching
from yunmeng.server.guard import Guard
from yunmeng.server.job_kinds import (
    DECLARE,
    IMPORT,
    REENCODE,
    augmenting,
    backing_up,
    declaring,
    importing,
    palettes,
    reencoding,
)
from yunmeng.server.jobs import log_event
from yunmeng.server.limits import Drain, WorkerPool
from yunmeng.server.methods import AnswerMethods
from yunmeng.server.observe import Metrics, Observe
from yunmeng.server.proxies import BehindProxy, Proxies
from yunmeng.server.query_log import QueryLog
from yunmeng.server.upkeep import Upkeep
from yunmeng.server.warmer import Warmer
from yunmeng.state.keys import Keys
from yunmeng.state.queries import Queries
from yunmeng.state.runner import JobRunner
from yunmeng.version import __version__

if TYPE_CHECKING:
    from yunmeng.library.library import Library

__all__ = ["create_app"]

SMALL_WORK = 40
"""Threads for what touches no pixels: lookups, lists, searches by vector."""

THUMBNAILS = 500
"""Requests for thumbnails that may wait: a browser that scrolls asks for dozens at a time."""

SMALL_ANSWER = 2_000
"""Bytes that are not worth compressing."""

UNCOMPRESSED = ("image/*", "video/*", "audio/*", "application/octet-stream", "text/event-stream")
"""Answers that are compressed already, or must leave at once."""

DESCRIPTION = "Find the pictures of one library by picture, by part of one, or by attributes. 云梦镜像图像搜索"


def create_app(
    library: "Library",
    settings: ServerSettings | None = None,
    *,
    keys_required: bool = False,
    open_to_others: bool = False,
) -> FastAPI:
    """Return the ASGI application over ``library``, which stays the caller's to close.

    Without ``keys_required`` everyone who can connect may do everything: use it for loopback only. With
    ``open_to_others``, imports may only read the folders that the settings name. Both are so if the settings trust a
    proxy.
    """
    settings = settings or ServerSettings.load()
    # What a proxy passes on comes from strangers, whatever address the proxy itself has.
    proxied = bool(settings.trusted_proxies)
    keys_required, open_to_others = keys_required or proxied, open_to_others or proxied
    roots = [] if settings.import_roots is None and open_to_others else settings.import_roots
    within = None if roots is None else Roots(roots, "YUNMENG_SERVER_IMPORT_ROOTS")
    library.resources.distrust_urls()
    metrics = Metrics()
    metrics.registry.register(CacheMetrics(library.resources.caches))
    workers = WorkerPool(4 * cores() + 4, settings.queue)
    queries = QueryLog(Queries(library.state))
    runner = JobRunner(library.state, log_event)
    runner.add(importing(library, metrics, within))
    runner.add(backing_up(library, settings.backups))
    for kind in (reencoding, declaring, augmenting, palettes):
        runner.add(kind(library))
    upkeep = Upkeep(library, queries, lambda: runner.at_work(IMPORT, REENCODE, DECLARE))
    context = Context(
        library=library,
        settings=settings,
        guard=Guard(
            Keys(library.state),
            required=keys_required,
            rate_limit=settings.rate_limit,
            allowed_hosts=settings.allowed_hosts,
            embed_origins=settings.embed_origins,
        ),
        workers=workers,
        metrics=metrics,
        jobs=runner,
        queries=queries if settings.log_queries else None,
        query_pictures=query_pictures.QueryPictures(library.resources.paths.cache / "query-pictures"),
        warmer=Warmer(library, runner, upkeep.write, workers, metrics),
        upkeep=upkeep,
        files=WorkerPool(2 * cores(), THUMBNAILS),
        fetching=Fetching(library.settings.url_timeout),
        within=within,
    )
    app = FastAPI(
        title="Yunmeng",
        version=__version__,
        description=DESCRIPTION,
        lifespan=_lifespan,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.context = context
    errors.install(app)
    for routes in (
        searching,
        query_pictures,
        saved_searches,
        copying,
        pictures,
        imports,
        jobs,
        session,
        status,
        warming,
    ):
        apps.add_routes(app, routes.router)
    apps.add_routes(app, jobs.encoders)
    apps.install(app, context)
    apps.add_routes(app, service_worker.router)
    pages.install(app, context.pages)
    app.add_middleware(GZipMiddleware, minimum_size=SMALL_ANSWER, compresslevel=5, exclude_content_types=UNCOMPRESSED)
    app.add_middleware(AnswerMethods, router=app.router)
    app.add_middleware(CheckHeaders, guard=context.guard)
    app.add_middleware(Drain)
    app.add_middleware(Observe, metrics=metrics)
    if settings.embed_origins:
        app.add_middleware(Embedding, origins=settings.embed_origins)
    app.add_middleware(BehindProxy, context=context, proxies=Proxies(settings.trusted_proxies))
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    context: Context = app.state.context
    to_thread.current_default_thread_limiter().total_tokens = SMALL_WORK
    async with AsyncExitStack() as stack:

        def batching(encoder: Encoder) -> Encoder:
            return BatchingEncoder(encoder, wait=context.settings.batch_wait, on_batch=context.metrics.batches.observe)

        context.library.resources.wrap_encoder = batching
        context.upkeep.start()
        stack.callback(context.upkeep.stop)
        context.jobs.start()
        loading = threading.Thread(target=_warm, args=(context,), name="yunmeng-loading")
        loading.start()
        stack.callback(loading.join)
        stack.callback(context.jobs.stop)
        try:
            yield
        finally:
            context.ready = False
            context.stopping.set()


def _warm(context: Context) -> None:
    """Load the encoder in the background at the start; all that needs no encoder answers meanwhile."""
    try:
        context.library.maintenance.warm()
        context.ready = True
    except YunmengError as exc:
        structlog.get_logger().error("the encoder cannot be loaded", error=str(exc))
        return
    context.warmer.begin(context.settings.warm)
