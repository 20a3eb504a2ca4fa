"""A library behind its three faces: `Library`, `Client` and `AsyncClient`, the last one called as the others are."""

import inspect
import io
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, cast

from anyio.from_thread import BlockingPortal, start_blocking_portal

from tests.conftest import paint, write_pictures
from yunmeng.client import AsyncClient, Client
from yunmeng.config import Settings
from yunmeng.encoders.fake import FakeEncoder
from yunmeng.library import Library

END = object()


class Blocking:
    """An `AsyncClient` that is called as a `Client` is."""

    def __init__(self, client: AsyncClient, portal: BlockingPortal) -> None:
        self._client = client
        self._portal = portal

    def close(self) -> None:
        self._portal.call(self._client.aclose)

    def __getattr__(self, name: str) -> Callable[..., object]:
        return partial(self._do, getattr(self._client, name))

    def _do(self, method: Callable[..., Any], *args: object, **options: object) -> object:
        made = method(*args, **options)
        if inspect.isasyncgen(made):
            return self._items(made)

        async def wait() -> object:
            return await made

        return self._portal.call(wait)

    def _items(self, made: Any) -> Iterator[object]:
        async def following() -> object:
            return await anext(made, END)

        try:
            while (item := self._portal.call(following)) is not END:
                yield item
        finally:
            self._portal.call(made.aclose)


@contextmanager
def connecting(kind: type[Client] | type[AsyncClient]) -> Iterator[Callable[..., Client]]:
    """Make clients of this kind; they are closed at the end."""
    with ExitStack() as opened:
        if kind is Client:
            yield lambda *args, **options: opened.enter_context(Client(*args, **options))
        else:
            portal = opened.enter_context(start_blocking_portal())

            def blocking(*args: Any, **options: Any) -> Client:
                return cast("Client", opened.enter_context(closing(Blocking(AsyncClient(*args, **options), portal))))

            yield blocking


def open_shop(folder: Path, cache_dir: Path) -> Library:
    """Twelve pictures, 000.jpg to 011.jpg, half of them shoes and half of them hats."""
    write_pictures(folder / "shop", 12)
    rows = [{"path": f"{n:03}.jpg", "category": ("shoes", "hats")[n % 2], "price": n + 0.5} for n in range(12)]
    manifest = folder / "catalogue.jsonl"
    manifest.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    attributes: Any = {"category": "str", "price": "float", "tags": "list[str]"}
    settings = Settings(cache_dir=cache_dir, batch_size=4, private_urls=True)
    library = Library.create(folder / "library", FakeEncoder(), attributes, settings)
    library.index([folder / "shop"], manifest=manifest)
    return library


def jpeg(seed: int) -> bytes:
    file = io.BytesIO()
    paint(seed).save(file, "JPEG", quality=90)
    return file.getvalue()
