"""The client for programs that do other things while they wait."""

import threading
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Unpack

from yunmeng import schemas
from yunmeng.client import answers, calls, server_calls
from yunmeng.client.building import built, each
from yunmeng.client.calls import EachOrAll, SearchArguments
from yunmeng.client.transport import AsyncTransport
from yunmeng.errors import ServerError
from yunmeng.types import (
    Addition,
    Attributes,
    Comparable,
    Comparison,
    Evidence,
    Hit,
    Hits,
    IndexReport,
    LibraryInfo,
    OnTally,
    QueryPart,
    Record,
    SearchKeywords,
    Subject,
    Why,
)

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from yunmeng.types import QueryPicture

__all__ = ["AsyncClient"]


class AsyncClient(AsyncTransport):
    """`Client` for asyncio and trio, with the same methods and arguments; they are described there.

    Await what `Client` returns at once, and use ``async for`` where it returns an iterator::

        async with AsyncClient("http://127.0.0.1:8000") as client:
            hits = await client.search("photo.jpg", k=5)
            async for hit in client.search_all("photo.jpg", min_score=0.8):
                print(hit.id, hit.score)

    Files are read without awaiting, as pictures are small.
    """

    # Asking, as a library is asked

    async def search(
        self,
        image: "QueryPicture | None" = None,
        *,
        id: str | None = None,
        vector: "ArrayLike | None" = None,
        text: str | None = None,
        mix: Sequence[QueryPart] = (),
        region: Sequence[float] | None = None,
        k: int = 10,
        offset: int = 0,
        filter: str | None = None,
        rerank: str | Sequence[str] = (),
        **options: Unpack[SearchKeywords],
    ) -> Hits:
        return await self._send(
            calls.search,
            image,
            id=id,
            vector=vector,
            text=text,
            mix=mix,
            region=region,
            k=k,
            offset=offset,
            filter=filter,
            rerank=rerank,
            **options,
        )

    async def match(
        self,
        image: "QueryPicture | Record",
        *,
        k: int = 10,
        filter: str | None = None,
        min_score: float = 0.0,
    ) -> Hits:
        return await self._send(calls.match, image, k, filter, min_score)

    async def compare(self, a: Comparable, b: Comparable) -> Comparison:
        return await self._send(calls.compare, a, b)

    async def evidence(self, a: Comparable, b: Comparable, names: tuple[str, str] = ("", "")) -> Evidence:
        return await self._send(calls.evidence, a, b, names)

    async def why(
        self,
        hit: str,
        image: "QueryPicture | None" = None,
        *,
        id: str | None = None,
        text: str | None = None,
        region: Sequence[float] | None = None,
    ) -> Why:
        return await self._send(calls.why, hit, image, id, text, region)

    async def subject(self, image: "QueryPicture | Record") -> Subject:
        return await self._send(calls.subject, image)

    async def get(self, id: str) -> Record:
        return await self._send(calls.get, id)

    def iterate(self, filter: str | None = None) -> AsyncIterator[Record]:
        return self.pages(built(calls.iterate, filter))

    async def count(self, filter: str | None = None) -> int:
        return await self._send(calls.count, filter)

    async def original(self, picture: str | Record) -> bytes:
        return await self._send(calls.original, picture)

    async def thumbnail(self, picture: str | Record, side: int = 256) -> bytes:
        return await self._send(calls.thumbnail, picture, side)

    async def info(self) -> LibraryInfo:
        return await self._send(calls.info)

    # Changing, as a library is changed

    async def index(
        self,
        paths: Sequence[str | Path] = (),
        *,
        manifest: str | Path | None = None,
        on_tally: OnTally | None = None,
        stop: threading.Event | None = None,
        frames: int = 1,
    ) -> IndexReport:
        started = await self.start_import(paths, manifest, frames)
        async for progress in self.follow_import(started.number):
            if on_tally is not None:
                on_tally(answers.as_tally(progress))
            if stop is not None and stop.is_set():
                with suppress(ServerError):  # it is over
                    await self.cancel_import(progress.number)
        failures = await self.import_failures(progress.number, server_calls.MOST_FAILURES)
        return answers.as_report(progress, failures)

    async def add(
        self, picture: bytes | Path | str, *, id: str | None = None, attributes: Attributes | None = None
    ) -> Addition:
        return await self._send(calls.add, picture, id, attributes)

    async def set_attributes(self, id: str, attributes: Attributes) -> Record:
        return await self._send(calls.set_attributes, id, attributes)

    async def update_attributes(
        self,
        ids: Sequence[str],
        values: Attributes = MappingProxyType({}),
        *,
        add: Mapping[str, Sequence[str]] = MappingProxyType({}),
    ) -> int:
        return await self._send(calls.update_attributes, ids, values, add)

    async def delete(
        self, ids: str | Sequence[str] | None = None, *, filter: str | None = None, all: bool = False
    ) -> int:
        return await self._send(calls.delete, ids, filter, all)

    # Asking and changing, as only a server lets

    async def search_page(
        self,
        image: "QueryPicture | None" = None,
        *,
        fields: Sequence[schemas.FieldName] = ("attributes",),
        **question: Unpack[SearchArguments],
    ) -> schemas.SearchAnswer:
        return await self._send(calls.search_page, image, fields, **question)

    def search_all(
        self, image: "QueryPicture | None" = None, **question: Unpack[SearchArguments]
    ) -> AsyncIterator[Hit]:
        return self.pages(built(calls.search_all, image, **question))

    async def add_many(
        self,
        pictures: Sequence[bytes | Path | str],
        ids: Sequence[str] | None = None,
        attributes: EachOrAll | None = None,
    ) -> list[Addition | schemas.ErrorBody]:
        results: list[Addition | schemas.ErrorBody] = []
        for count, call in each(calls.batches(pictures, ids, attributes)):
            try:
                results += calls.added(await self.send(call))
            except ServerError as exc:
                results += calls.failed(count, exc)
        return results

    # The server

    async def health(self) -> schemas.Health:
        return await self._send(server_calls.health)

    async def ready(self) -> schemas.Health:
        return await self._send(server_calls.ready)

    async def library(self) -> schemas.LibraryOut:
        return await self._send(server_calls.library)

    async def attributes(self) -> list[schemas.AttributeValues]:
        return await self._send(server_calls.attributes)

    async def warm(self, queries: Iterable[Mapping[str, object]] = (), top: int = 0) -> schemas.WarmOut:
        return await self._send(server_calls.warm, queries, top)

    async def warming(self) -> schemas.WarmOut:
        return await self._send(server_calls.warming)

    # Imports

    async def start_import(
        self, paths: str | Path | Iterable[str | Path] = (), manifest: str | Path | None = None, frames: int = 1
    ) -> schemas.ImportOut:
        return await self._send(server_calls.start_import, paths, manifest, frames)

    async def imports(self, limit: int = 20) -> list[schemas.ImportOut]:
        return (await self._send(server_calls.imports, limit)).imports

    async def get_import(self, number: int) -> schemas.ImportOut:
        return await self._send(server_calls.get_import, number)

    async def import_failures(self, number: int, limit: int = 1000) -> list[schemas.ImportFailure]:
        return (await self._send(server_calls.import_failures, number, limit)).failures

    async def cancel_import(self, number: int) -> schemas.ImportOut:
        return await self._send(server_calls.cancel_import, number)

    async def resume_import(self, number: int) -> schemas.ImportOut:
        return await self._send(server_calls.resume_import, number)

    def follow_import(self, number: int) -> AsyncIterator[schemas.ImportOut]:
        return self._follow(built(server_calls.import_events, number), schemas.ImportOut)

    # Jobs

    async def start_job(self, kind: str, **arguments: object) -> schemas.JobOut:
        return await self._send(server_calls.start_job, kind, arguments)

    async def jobs(self, kind: str | None = None, limit: int = 20) -> list[schemas.JobOut]:
        return (await self._send(server_calls.jobs, kind, limit)).jobs

    async def get_job(self, number: int) -> schemas.JobOut:
        return await self._send(server_calls.get_job, number)

    async def job_failures(self, number: int, limit: int = 1000) -> list[schemas.ImportFailure]:
        return (await self._send(server_calls.job_failures, number, limit)).failures

    async def cancel_job(self, number: int) -> schemas.JobOut:
        return await self._send(server_calls.cancel_job, number)

    async def resume_job(self, number: int) -> schemas.JobOut:
        return await self._send(server_calls.resume_job, number)

    def follow_job(self, number: int) -> AsyncIterator[schemas.JobOut]:
        return self._follow(built(server_calls.job_events, number), schemas.JobOut)
