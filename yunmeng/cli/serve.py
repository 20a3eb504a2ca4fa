"""``yunmeng serve``."""

import os
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import click

from yunmeng.terminal.options import db_option, device_option, index_option

if TYPE_CHECKING:
    from yunmeng.types import Device

__all__ = ["serve", "serve_library"]


@click.command(
    epilog="""\b
Examples:
  yunmeng serve --db my-library
  yunmeng keys create shop --scope search --db my-library
  yunmeng serve --db my-library --host 0.0.0.0 --port 8080
\b
The console is at the address that is printed, the API's reference below it at /docs.
More settings are environment variables YUNMENG_SERVER_...: see docs/settings.md.
"""
)
@db_option
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on; 0.0.0.0 for all.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8000, show_default=True, help="Port; 0 takes one that is free."
)
@index_option
@click.option("--require-keys", is_flag=True, help="Demand keys of callers on this machine too, as behind a proxy.")
@device_option
def serve(db: str, host: str, port: int, index: str | None, require_keys: bool, device: "Device | None") -> None:
    """Serve a library: a console for the browser, and a JSON API.

    On 127.0.0.1 no key is needed. Where other machines can reach the server, every caller needs a key: see yunmeng
    keys. After Ctrl-C or SIGTERM it finishes the requests it has accepted and ends; an import continues at the next
    start.
    """
    serve_library(Path(db), host, port, index=index, require_keys=require_keys, device=device)


def serve_library(
    db: Path,
    host: str,
    port: int,
    *,
    index: str | None = None,
    require_keys: bool = False,
    device: "Device | None" = None,
) -> None:
    """Serve the library at ``db`` until a signal comes."""
    from yunmeng.errors import MissingExtra

    try:
        import fastapi
        import uvicorn
    except ModuleNotFoundError as exc:
        raise MissingExtra("the server", "server") from exc
    del fastapi, uvicorn

    from yunmeng.cli.beside import told_beside
    from yunmeng.config import ServerSettings, Settings
    from yunmeng.ingest.pipeline import INTAKE
    from yunmeng.library.library import Library
    from yunmeng.server.run import listen, serve
    from yunmeng.state.keys import Keys

    own = ServerSettings.load()
    settings = Settings.load(device=device)
    careful = {"max_pixels": min(settings.max_pixels, own.max_pixels)}
    with (
        listen(host, port) as listening,
        Library.open(db, settings=settings.model_copy(update=careful), index=index) as library,
    ):
        told_beside(library)
        if require_keys and not Keys(library.state).any():
            make = f"yunmeng keys create NAME --scope admin --db {db}"
            click.echo(f"There is no key yet, so nobody is let in: make one with {make}", err=True)
        serve(library, listening, own, require_keys=require_keys, on_start=_announce)
    click.echo("Stopped.", err=True)
    if any(thread.name.startswith(INTAKE) for thread in threading.enumerate()):
        # An import that was stopped waits for no picture that takes long to decode; Python would, for its threads.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)


def _announce(address: str) -> None:
    click.echo(f"Console:  {address}    API: {address}docs    Ctrl-C stops it.")
