"""The client for programs that do other things while they wait."""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from types import TracebackType
from typing import ParamSpec, Self, TypeVar, Unpack

import httpx
from pydantic import BaseModel
from tenacity import AsyncRetrying, retry_if_exception, stop_after_attempt

from yunmeng import schemas
from yunmeng.client import calls
from yunmeng.client.answers import SSE_ENDED_EARLY, Server, built, each, is_transient, preparing, wait
from yunmeng.client.apps import AppCalls
from yunmeng.client.calls import Attributes, EachOrAll, FilePath, Id, Picture, Question
from yunmeng.errors import ServerError, ServerUnreachable
from yunmeng.schemas.call import Answer, Call, Item, Pages

__all__ = ["AsyncClient"]

M = TypeVar("M", bound=BaseModel)
T = TypeVar("T")
P = ParamSpec("P")


class AsyncClient(AppCalls):
    """`Client`, for asyncio and trio: every method and argument is the same, and told there.

    What `Client` answers at once is to be awaited; what it iterates over is for ``async for``::

        async with AsyncClient("http://127.0.0.1:8000") as client:
            answer = await client.search("photo.jpg", k=5)
            async for hit in client.search_all("photo.jpg", min_score=0.8):
                print(hit.id, hit.score)

    Files are read on the way, without awaiting: they are pictures, and small.
    """

    def __init__(self, base_url: str, key: str | None = None, timeout: float = 60.0, retries: int = 2) -> None:
        self._server = Server(base_url, key, timeout)
        with self._server.reachable():
            self._http = httpx.AsyncClient(
                base_url=base_url, headers=self._server.headers, timeout=self._server.timeout
            )
        self._retrying = AsyncRetrying(
            retry=retry_if_exception(is_transient),
            stop=stop_after_attempt(1 + retries),
            wait=wait,
            reraise=True,
        )

    async def aclose(self) -> None:
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    # The server and its library

    async def health(self) -> schemas.Health:
        return await self._send(calls.health)

    async def ready(self) -> schemas.Health:
        return await self._send(calls.ready)

    async def library(self) -> schemas.LibraryOut:
        return await self._send(calls.library)

    async def attributes(self) -> list[schemas.AttributeValues]:
        return await self._send(calls.attributes)

    # Asking

    async def search(self, picture: Picture | Id | None = None, **question: Unpack[Question]) -> schemas.SearchAnswer:
        return await self._send(calls.search, picture, question)

    async def search_all(
        self, picture: Picture | Id | None = None, **question: Unpack[Question]
    ) -> AsyncIterator[schemas.HitOut]:
        call = built(calls.search, picture, question)
        while True:
            answer = await self.send(call)
            for hit in answer.hits:
                yield hit
            if answer.next_offset is None:
                return
            call = calls.turn_page(call, answer.next_offset)

    async def subject(self, picture: Picture | Id) -> schemas.SubjectOut:
        """Where the main subject of a picture is: its ``region`` can be searched with."""
        return await self._send(calls.subject, picture)

    async def compare(self, a: Picture | Id, b: Picture | Id) -> schemas.Comparison:
        return await self._send(calls.compare, a, b)

    async def evidence(self, a: Picture | Id, b: Picture | Id) -> bytes:
        return await self._send(calls.evidence, a, b)

    async def match(
        self, picture: Picture | Id, k: int = 10, filter: str | None = None, min_score: float = 0.0
    ) -> schemas.MatchAnswer:
        return await self._send(calls.match, picture, k, filter, min_score)

    # Asking ahead

    async def warm(self, queries: Iterable[Mapping[str, object]] = (), top: int = 0) -> schemas.WarmOut:
        return await self._send(calls.warm, queries, top)

    async def warming(self) -> schemas.WarmOut:
        return await self._send(calls.warming)

    # Pictures

    async def pictures(self, filter: str | None = None, page: int = 100) -> AsyncIterator[schemas.PictureOut]:
        cursor = None
        while True:
            answer = await self._send(calls.pictures, filter, page, cursor)
            for picture in answer.pictures:
                yield picture
            cursor = answer.next_cursor
            if cursor is None:
                return

    async def count(self, filter: str | None = None) -> int:
        return (await self._send(calls.pictures, filter, 1, None)).total

    async def get(self, id: str) -> schemas.PictureOut:
        return await self._send(calls.get, id)

    async def original(self, id: str) -> bytes:
        return await self._send(calls.original, id)

    async def thumbnail(self, id: str, side: int = 256) -> bytes:
        return await self._send(calls.thumbnail, id, side)

    async def add(self, picture: Picture, id: str | None = None, attributes: Attributes | None = None) -> schemas.Added:
        return await self._send(calls.add, picture, id, attributes)

    async def add_many(
        self,
        pictures: Sequence[Picture],
        ids: Sequence[str] | None = None,
        attributes: EachOrAll | None = None,
    ) -> list[schemas.Added | schemas.ErrorBody]:
        results: list[schemas.Added | schemas.ErrorBody] = []
        for count, call in each(calls.batches(pictures, ids, attributes)):
            try:
                results += (await self.send(call)).results
            except ServerError as exc:
                results += calls.failed(count, exc)
        return results

    async def add_url(self, url: str, id: str | None = None, attributes: Attributes | None = None) -> schemas.Added:
        return await self._send(calls.add_url, url, id, attributes)

    async def set_attributes(self, id: str, attributes: Attributes) -> schemas.PictureOut:
        return await self._send(calls.set_attributes, id, attributes)

    async def delete(self, id: str) -> None:
        await self._send(calls.delete, id)

    async def delete_where(self, ids: Iterable[str] = (), filter: str | None = None, *, all: bool = False) -> int:
        return (await self._send(calls.delete_where, ids, filter, all)).deleted

    # Imports

    async def start_import(
        self, paths: FilePath | Iterable[FilePath] = (), manifest: FilePath | None = None, frames: int = 1
    ) -> schemas.ImportOut:
        return await self._send(calls.start_import, paths, manifest, frames)

    async def imports(self, limit: int = 20) -> list[schemas.ImportOut]:
        return (await self._send(calls.imports, limit)).imports

    async def get_import(self, number: int) -> schemas.ImportOut:
        return await self._send(calls.get_import, number)

    async def import_failures(self, number: int, limit: int = 1000) -> list[schemas.ImportFailure]:
        return (await self._send(calls.import_failures, number, limit)).failures

    async def cancel_import(self, number: int) -> schemas.ImportOut:
        return await self._send(calls.cancel_import, number)

    async def resume_import(self, number: int) -> schemas.ImportOut:
        return await self._send(calls.resume_import, number)

    def follow_import(self, number: int) -> AsyncIterator[schemas.ImportOut]:
        return self._follow(built(calls.import_events, number), schemas.ImportOut)

    # Jobs

    async def start_job(self, kind: str, **arguments: object) -> schemas.JobOut:
        return await self._send(calls.start_job, kind, arguments)

    async def jobs(self, kind: str | None = None, limit: int = 20) -> list[schemas.JobOut]:
        return (await self._send(calls.jobs, kind, limit)).jobs

    async def get_job(self, number: int) -> schemas.JobOut:
        return await self._send(calls.get_job, number)

    async def job_failures(self, number: int, limit: int = 1000) -> list[schemas.ImportFailure]:
        return (await self._send(calls.job_failures, number, limit)).failures

    async def cancel_job(self, number: int) -> schemas.JobOut:
        return await self._send(calls.cancel_job, number)

    async def resume_job(self, number: int) -> schemas.JobOut:
        return await self._send(calls.resume_job, number)

    def follow_job(self, number: int) -> AsyncIterator[schemas.JobOut]:
        return self._follow(built(calls.job_events, number), schemas.JobOut)

    # Anything else

    async def send(self, call: Call[Answer]) -> Answer:
        return await self._retrying.copy()(self._attempt, call)

    async def pages(self, pages: Pages[Answer, Item]) -> AsyncIterator[Item]:
        call: Call[Answer] | None = pages.first
        while call is not None:
            answer = await self.send(call)
            for item in pages.items(answer):
                yield item
            call = pages.following(answer)

    async def _follow(self, call: Call[bytes], model: type[M]) -> AsyncIterator[M]:
        from httpx_sse import EventSource

        response: httpx.Response = await self._retrying.copy()(self._open, call)
        try:
            with self._server.reachable():
                async for event in EventSource(response).aiter_sse():
                    if event.event in ("progress", "end"):
                        yield self._server.read(event.data.encode(), model.model_validate_json, 200)
                    if event.event == "end":
                        return
        finally:
            await response.aclose()
        raise ServerUnreachable(SSE_ENDED_EARLY)

    async def _send(self, build: Callable[P, Call[T]], *args: P.args, **options: P.kwargs) -> T:
        return await self.send(built(build, *args, **options))

    async def _attempt(self, call: Call[T]) -> T:
        request = self._request(call)
        with self._server.reachable():
            response = await self._http.send(request)
        return self._server.value(response, call.read)

    async def _open(self, call: Call[bytes]) -> httpx.Response:
        request = self._request(call)
        with self._server.reachable():
            response = await self._http.send(request, stream=True)
            if not response.is_success:
                await response.aread()
        if not response.is_success:
            raise self._server.failure(response)
        return response

    def _request(self, call: Call[T]) -> httpx.Request:
        with preparing():
            return self._http.build_request(
                call.method, call.path, params=call.params, json=call.json, files=call.parts
            )
