"""The client for programs that wait for each answer."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import ParamSpec, TypeVar, Unpack

import httpx
from pydantic import BaseModel
from tenacity import Retrying, retry_if_exception, stop_after_attempt

from yunmeng import schemas
from yunmeng.client import calls
from yunmeng.client.answers import SSE_ENDED_EARLY, Server, built, each, is_transient, preparing, wait
from yunmeng.client.apps import AppCalls
from yunmeng.client.calls import Attributes, EachOrAll, FilePath, Id, Picture, Question
from yunmeng.errors import ServerError, ServerUnreachable
from yunmeng.schemas.call import Answer, Call, Item, Pages
from yunmeng.types import Closing

__all__ = ["Client"]

M = TypeVar("M", bound=BaseModel)
T = TypeVar("T")
P = ParamSpec("P")


class Client(AppCalls, Closing):
    """Asks the server at ``base_url``; threads may share it.

    ``key`` is what ``yunmeng keys`` gave. ``timeout`` is in seconds, for every step of a call; a call with a URL takes
    as long as the server takes to fetch it. A server that is busy (503) or was asked too often (429), and says for how
    long, is asked again after that, ``retries`` times. All methods raise `ServerError` and `ServerUnreachable`,
    `QueryError` for what cannot be asked, and `PictureError` for a file that cannot be read.

    ::

        with Client("http://127.0.0.1:8000") as client:
            answer = client.search("photo.jpg", k=5)
    """

    def __init__(self, base_url: str, key: str | None = None, timeout: float = 60.0, retries: int = 2) -> None:
        self._server = Server(base_url, key, timeout)
        with self._server.reachable():
            self._http = httpx.Client(base_url=base_url, headers=self._server.headers, timeout=self._server.timeout)
        self._retrying = Retrying(
            retry=retry_if_exception(is_transient),
            stop=stop_after_attempt(1 + retries),
            wait=wait,
            reraise=True,
        )

    def close(self) -> None:
        self._http.close()

    # The server and its library

    def health(self) -> schemas.Health:
        """That the server is there. Needs no key."""
        return self._send(calls.health)

    def ready(self) -> schemas.Health:
        """That the server can be asked; until then a `ServerError` with the code ``not-ready``. Needs no key."""
        return self._send(calls.ready)

    def library(self) -> schemas.LibraryOut:
        """What the library is and holds."""
        return self._send(calls.library)

    def attributes(self) -> list[schemas.AttributeValues]:
        """What the pictures hold in each declared attribute."""
        return self._send(calls.attributes)

    # Asking

    def search(self, picture: Picture | Id | None = None, **question: Unpack[Question]) -> schemas.SearchAnswer:
        """One page of the pictures most like ``picture``, or most like what ``question`` names.

        ``picture`` may be a path, bytes, an open file, an `Id` or a URL::

            client.search("photo.jpg", k=20, filter="price < 50", region=(0.1, 0.1, 0.5, 0.5))
            client.search(id="shoes/red", fields=["attributes", "uri"])
            client.search(text="红色连衣裙")
        """
        return self._send(calls.search, picture, question)

    def search_all(self, picture: Picture | Id | None = None, **question: Unpack[Question]) -> Iterator[schemas.HitOut]:
        """Every hit, best first, asked for ``k`` at a time as they are taken; ``min_score`` says where to end::

        for hit in client.search_all("photo.jpg", k=100, min_score=0.8):
            print(hit.id, hit.score)
        """
        call = built(calls.search, picture, question)
        while True:
            answer = self.send(call)
            yield from answer.hits
            if answer.next_offset is None:
                return
            call = calls.turn_page(call, answer.next_offset)

    def subject(self, picture: Picture | Id) -> schemas.SubjectOut:
        """Where the main subject of a picture is: its ``region`` can be searched with."""
        return self._send(calls.subject, picture)

    def compare(self, a: Picture | Id, b: Picture | Id) -> schemas.Comparison:
        """What was done to ``b``, an original, if ``a`` is a copy; each a path, bytes, an open file, a URL or an `Id`::

        client.compare("suspect.jpg", Id("shoes/red")).verdict
        """
        return self._send(calls.compare, a, b)

    def evidence(self, a: Picture | Id, b: Picture | Id) -> bytes:
        """The same comparison as a PNG for people: side by side, aligned, what matches outlined, what differs marked::

        Path("evidence.png").write_bytes(client.evidence("suspect.jpg", Id("shoes/red")))
        """
        return self._send(calls.evidence, a, b)

    def match(
        self, picture: Picture | Id, k: int = 10, filter: str | None = None, min_score: float = 0.0
    ) -> schemas.MatchAnswer:
        """The originals that ``picture`` may have been made from, likeliest first, each with its chance as score::

        for original in client.match("suspect.jpg", min_score=0.5).matches:
            print(original.id, original.score)
        """
        return self._send(calls.match, picture, k, filter, min_score)

    # Asking ahead

    def warm(self, queries: Iterable[Mapping[str, object]] = (), top: int = 0) -> schemas.WarmOut:
        """Have the server ask itself these questions in the background, and the ``top`` most popular ones::

        client.warm([{"id": "shoes/red"}, {"text": "red dress", "k": 24}], top=100)
        """
        return self._send(calls.warm, queries, top)

    def warming(self) -> schemas.WarmOut:
        """How far the server has come with that."""
        return self._send(calls.warming)

    # Pictures

    def pictures(self, filter: str | None = None, page: int = 100) -> Iterator[schemas.PictureOut]:
        """All pictures that pass ``filter``, in an order that stays, asked for ``page`` at a time."""
        cursor = None
        while True:
            answer = self._send(calls.pictures, filter, page, cursor)
            yield from answer.pictures
            cursor = answer.next_cursor
            if cursor is None:
                return

    def count(self, filter: str | None = None) -> int:
        """How many pictures pass ``filter``."""
        return self._send(calls.pictures, filter, 1, None).total

    def get(self, id: str) -> schemas.PictureOut:
        """The picture ``id``; a `ServerError` with the code ``not-found`` if there is none."""
        return self._send(calls.get, id)

    def original(self, id: str) -> bytes:
        """The file of the picture ``id``, as it was indexed."""
        return self._send(calls.original, id)

    def thumbnail(self, id: str, side: int = 256) -> bytes:
        """A WebP of the picture ``id``, its longest side at most ``side``: 128, 256, 512 or 1024."""
        return self._send(calls.thumbnail, id, side)

    def add(self, picture: Picture, id: str | None = None, attributes: Attributes | None = None) -> schemas.Added:
        """Adds one picture; without an id it gets the SHA-256 of its bytes. Adding it again changes nothing::

        client.add("red.jpg", id="shoes/red", attributes={"category": "shoes", "price": 49.9})
        """
        return self._send(calls.add, picture, id, attributes)

    def add_many(
        self,
        pictures: Sequence[Picture],
        ids: Sequence[str] | None = None,
        attributes: EachOrAll | None = None,
    ) -> list[schemas.Added | schemas.ErrorBody]:
        """Adds pictures, a few in each request; ``attributes`` are for all of them or one for each.

        What became of each, in their order: a picture that cannot be used is an `ErrorBody` in its place, and stops
        no other. What stops all (the key, the connection, a file that cannot be read) raises, and what was added stays.
        """
        results: list[schemas.Added | schemas.ErrorBody] = []
        for count, call in each(calls.batches(pictures, ids, attributes)):
            try:
                results += self.send(call).results
            except ServerError as exc:
                results += calls.failed(count, exc)
        return results

    def add_url(self, url: str, id: str | None = None, attributes: Attributes | None = None) -> schemas.Added:
        """Adds a picture that the server fetches from the web; without an id, the URL is its id."""
        return self._send(calls.add_url, url, id, attributes)

    def set_attributes(self, id: str, attributes: Attributes) -> schemas.PictureOut:
        """Puts ``attributes`` in place of all that the picture had."""
        return self._send(calls.set_attributes, id, attributes)

    def delete(self, id: str) -> None:
        """Removes a picture from the library; a `ServerError` with the code ``not-found`` if there is none."""
        self._send(calls.delete, id)

    def delete_where(self, ids: Iterable[str] = (), filter: str | None = None, *, all: bool = False) -> int:
        """Removes the pictures that are named, or that pass ``filter``, or both, or ``all``; how many they were."""
        return self._send(calls.delete_where, ids, filter, all).deleted

    # Imports

    def start_import(
        self, paths: FilePath | Iterable[FilePath] = (), manifest: FilePath | None = None, frames: int = 1
    ) -> schemas.ImportOut:
        """Starts to bring folders, manifests and URLs into the library. Paths are the server's.

        ``frames``: how many pictures to take of a file that holds several, as `Library.index` says.
        """
        return self._send(calls.start_import, paths, manifest, frames)

    def imports(self, limit: int = 20) -> list[schemas.ImportOut]:
        """The latest imports, newest first."""
        return self._send(calls.imports, limit).imports

    def get_import(self, number: int) -> schemas.ImportOut:
        """How far an import has come."""
        return self._send(calls.get_import, number)

    def import_failures(self, number: int, limit: int = 1000) -> list[schemas.ImportFailure]:
        """What an import could not use, and why."""
        return self._send(calls.import_failures, number, limit).failures

    def cancel_import(self, number: int) -> schemas.ImportOut:
        """Tells an import to end; what it has indexed stays."""
        return self._send(calls.cancel_import, number)

    def resume_import(self, number: int) -> schemas.ImportOut:
        """Goes on with an import that was cancelled, was interrupted, or failed."""
        return self._send(calls.resume_import, number)

    def follow_import(self, number: int) -> Iterator[schemas.ImportOut]:
        """How far an import has come, again and again until it is over::

        for progress in client.follow_import(client.start_import("/srv/photos").number):
            print(progress.indexed, "of", progress.total)
        """
        return self._follow(built(calls.import_events, number), schemas.ImportOut)

    # Jobs

    def start_job(self, kind: str, **arguments: object) -> schemas.JobOut:
        """Start a job of the background, such as ``start_job("reencode", encoder="efficientnet-lite0")``."""
        return self._send(calls.start_job, kind, arguments)

    def jobs(self, kind: str | None = None, limit: int = 20) -> list[schemas.JobOut]:
        """Return the latest jobs (of this kind), newest first."""
        return self._send(calls.jobs, kind, limit).jobs

    def get_job(self, number: int) -> schemas.JobOut:
        """Return how far a job has come."""
        return self._send(calls.get_job, number)

    def job_failures(self, number: int, limit: int = 1000) -> list[schemas.ImportFailure]:
        """Return what a job could not use, and why."""
        return self._send(calls.job_failures, number, limit).failures

    def cancel_job(self, number: int) -> schemas.JobOut:
        """Tell a job to end; what it has done stays."""
        return self._send(calls.cancel_job, number)

    def resume_job(self, number: int) -> schemas.JobOut:
        """Have a job go on that was cancelled, was interrupted, or failed."""
        return self._send(calls.resume_job, number)

    def follow_job(self, number: int) -> Iterator[schemas.JobOut]:
        """Iterate over how far a job has come, until it is over, as `follow_import` does."""
        return self._follow(built(calls.job_events, number), schemas.JobOut)

    # Anything else

    def send(self, call: Call[Answer]) -> Answer:
        """Send a call, such as an app's, and return its answer."""
        result: Answer = self._retrying.copy()(self._attempt, call)
        return result

    def pages(self, pages: Pages[Answer, Item]) -> Iterator[Item]:
        """Iterate over all that is on these pages, which are asked for as they are taken."""
        call: Call[Answer] | None = pages.first
        while call is not None:
            answer = self.send(call)
            yield from pages.items(answer)
            call = pages.following(answer)

    def _follow(self, call: Call[bytes], model: type[M]) -> Iterator[M]:
        from httpx_sse import EventSource

        response = self._retrying.copy()(self._open, call)
        try:
            with self._server.reachable():
                for event in EventSource(response).iter_sse():
                    if event.event in ("progress", "end"):
                        yield self._server.read(event.data.encode(), model.model_validate_json, 200)
                    if event.event == "end":
                        return
        finally:
            response.close()
        raise ServerUnreachable(SSE_ENDED_EARLY)

    def _send(self, build: Callable[P, Call[T]], *args: P.args, **options: P.kwargs) -> T:
        return self.send(built(build, *args, **options))

    def _attempt(self, call: Call[T]) -> T:
        request = self._request(call)
        with self._server.reachable():
            response = self._http.send(request)
        return self._server.value(response, call.read)

    def _open(self, call: Call[bytes]) -> httpx.Response:
        request = self._request(call)
        with self._server.reachable():
            response = self._http.send(request, stream=True)
            if not response.is_success:
                response.read()
        if not response.is_success:
            raise self._server.failure(response)
        return response

    def _request(self, call: Call[T]) -> httpx.Request:
        with preparing():
            return self._http.build_request(
                call.method, call.path, params=call.params, json=call.json, files=call.parts
            )
