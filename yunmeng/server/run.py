"""The server as a process: its socket, its output, its end."""

import asyncio
import signal
import socket
from collections.abc import Callable
from types import FrameType
from typing import TYPE_CHECKING, Final
from urllib.parse import urlunsplit

import uvicorn

from yunmeng.config import ServerSettings
from yunmeng.errors import SettingsError
from yunmeng.server.app import create_app
from yunmeng.server.context import Context
from yunmeng.server.guard import is_loopback
from yunmeng.server.observe import configure_logs
from yunmeng.server.protocol import protocol
from yunmeng.server.proxies import Proxies
from yunmeng.state.keys import Keys

if TYPE_CHECKING:
    from yunmeng.library.library import Library

__all__ = ["listen", "serve"]

OTHER_FILES: Final = 500
"""Open files that are no connections: the store's, pictures', the database's."""


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens; ``port`` 0 takes a free one. Raises `SettingsError` where it cannot."""
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listening = socket.socket(family, kind)
    except OSError as exc:
        raise SettingsError(f"there is no address {host} to listen on: {exc.strerror}") from exc
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(512)
    except OSError as exc:
        listening.close()
        raise SettingsError(f"cannot listen on {host}:{port}: {exc.strerror}; choose another with --port") from exc
    return listening


def serve(
    library: "Library",
    listening: socket.socket,
    settings: ServerSettings,
    *,
    require_keys: bool,
    on_start: Callable[[str], None],
) -> None:
    """Serve until SIGINT or SIGTERM. Requests accepted by then are finished; an import goes on at the next start.

    After SIGTERM it first takes requests for as long as the settings say (``drain``), while it says that it is not
    ready. ``on_start`` is called with the console's address once it answers. Raises `SettingsError` if other machines
    can reach it and the library has no key.
    """
    host, port = listening.getsockname()[:2]
    proxied = bool(settings.trusted_proxies)
    open_to_others = proxied or not is_loopback(host)
    if open_to_others and not Keys(library.state).any():
        how = " through the proxies of YUNMENG_SERVER_TRUSTED_PROXIES" if proxied else ""
        raise SettingsError(
            f"other machines can reach {host}{how}, so callers need keys, and there is none yet: make one with "
            f"yunmeng keys create NAME --scope admin --db {library.path}, or listen on 127.0.0.1"
        )
    configure_logs()
    app = create_app(library, settings, keys_required=require_keys or open_to_others, open_to_others=open_to_others)
    config = uvicorn.Config(
        app,
        http=protocol(_room(settings.max_connections), Proxies(settings.trusted_proxies)),  # type: ignore[arg-type]  # it wants a class, and calls it
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # uvicorn would believe everybody on this machine: see proxies.py
        timeout_graceful_shutdown=settings.stop_timeout,
        lifespan="on",
    )
    shown = f"[{host}]" if ":" in host else "127.0.0.1" if host == "0.0.0.0" else host
    address = urlunsplit(("http", f"{shown}:{port}", "/", "", ""))
    server = _Server(config, app.state.context, lambda: on_start(address))
    # uvicorn raises the signal that ended it once more when it is done, which must not kill what comes after.
    before = {number: signal.signal(number, lambda *_: None) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        server.run(sockets=[listening])
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _room(most: int) -> int:
    """Return how many connections there may be: as many as wanted, if the process may open so many files."""
    try:
        import resource
    except ModuleNotFoundError:  # Windows has no such limit
        return most
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = most + OTHER_FILES
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        return max(soft - OTHER_FILES, soft // 2)
    return most


class _Server(uvicorn.Server):
    """uvicorn, which reports when it answers, drains before it stops, and warns streams."""

    def __init__(self, config: uvicorn.Config, context: Context, on_start: Callable[[], None]) -> None:
        super().__init__(config)
        self._context = context
        self._on_start = on_start
        self._loop: asyncio.AbstractEventLoop | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._loop = asyncio.get_running_loop()
        if self.started:
            self._on_start()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._context.ready = False
        seconds = self._context.settings.drain
        if sig == signal.SIGTERM and seconds and self._loop is not None and not self._context.draining:
            self._context.draining = True
            loop = self._loop
            loop.call_soon_threadsafe(lambda: loop.call_later(seconds, self._stop, sig))
        else:  # at once, as a second signal asks for too
            self._stop(sig, frame)

    def _stop(self, sig: int, frame: FrameType | None = None) -> None:
        self._context.stopping.set()
        super().handle_exit(sig, frame)
