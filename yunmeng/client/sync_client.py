"""The client for programs that wait for each answer."""

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Unpack

from yunmeng import schemas
from yunmeng.client import answers, calls, server_calls
from yunmeng.client.building import built, each
from yunmeng.client.calls import EachOrAll, SearchArguments
from yunmeng.client.transport import Transport
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

__all__ = ["Client"]


class Client(Transport):
    """Calls the library behind the server at ``base_url``, with the methods of `yunmeng.Library`; threads may share it.

    ::

        with Client("http://127.0.0.1:8000") as client:
            for hit in client.search("photo.jpg", k=5):
                print(hit.id, hit.score)

    Names, arguments, answers and errors are those of `Library`. Each error that comes from the server is a
    `ServerError` as well, with its code and status; `ServerUnreachable` means that no answer came. The differences are:

    - Pictures that are here are sent: paths are read on this machine, URLs are fetched by the server. Only `index`
      takes paths of the server. It keeps what `add` is given; without ``id`` that gets the SHA-256 of its bytes.
    - Filters are text. Vectors of the library's pictures stay there, and `embed` with them.
    - At most 1,000 hits come at a time (`search_all` has all), and 100 originals; at most 10,000 ids are deleted.
    - ``uri`` of a picture is empty where it is a path and the key may only search; `evidence` calls a picture by its id
      or address unless told how.

    Args:
        base_url: The server's address.
        key: What ``yunmeng keys`` gave.
        timeout: Seconds for every step of a call; one with a URL takes as long as the server takes to fetch it.
        retries: How often a request is repeated if the server is busy (503) or was asked too often (429) and says when
            to retry.
    """

    # Asking, as a library is asked

    def search(
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
        """Return the k pictures that fit best, best first, as `Library.search` does.

        ::

            client.search("photo.jpg", k=20, filter="price < 50", region=(0.1, 0.1, 0.5, 0.5))
            client.search(id="shoes/red", rerank="expand,diverse", explain=True)
            client.search(text="红色连衣裙", mix=[QueryPart(image="dress.jpg", weight=0.5)])

        Args:
            image: A path, a URL, a file's bytes, a Pillow image or RGB pixels.
            id: The id of a picture in the library, which is then the first hit if it passes the filter.
            vector: An embedding of the library's encoder, (dim,).
            text: Words, in Chinese or English.
            mix: More such parts with weights.
            region: The part of the picture to search with: x, y, width and height in fractions of it.
            k: How many hits are wanted.
            offset: How many of the best hits are passed over, for the next page.
            filter: A condition on attributes that reads like SQL: ``"category = 'shoes' and price < 50"``.
            rerank: Steps that put the first hits in a better order, applied left to right, see docs/ranking.md.
            **options: Which hits are wanted, such as ``min_score=0.3``, each as `yunmeng.types.SearchOptions` says.
        """
        return self._send(
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

    def match(
        self,
        image: "QueryPicture | Record",
        *,
        k: int = 10,
        filter: str | None = None,
        min_score: float = 0.0,
    ) -> Hits:
        """Return the k likeliest originals of a suspect picture, as `Library.match` does. A record is sent as its id.

        ::

            for original in client.match("suspect.jpg", min_score=0.5):
                print(original.id, original.score)
        """
        return self._send(calls.match, image, k, filter, min_score)

    def compare(self, a: Comparable, b: Comparable) -> Comparison:
        """Return whether and how ``a``, a suspect picture, was made from ``b``, an original, as `Library.compare` does.

        A record is sent as its id::

            client.compare("suspect.jpg", client.get("shoes/red")).verdict
        """
        return self._send(calls.compare, a, b)

    def evidence(self, a: Comparable, b: Comparable, names: tuple[str, str] = ("", "")) -> Evidence:
        """Compare as `compare` does, and get a picture that shows what matches where. Needs Pillow.

        ::

            client.evidence("suspect.jpg", client.get("shoes/red")).picture.save("evidence.png")
        """
        return self._send(calls.evidence, a, b, names)

    def why(
        self,
        hit: str,
        image: "QueryPicture | None" = None,
        *,
        id: str | None = None,
        text: str | None = None,
        region: Sequence[float] | None = None,
    ) -> Why:
        """Return what of a query and of the picture ``hit`` is alike, as `Library.why` does.

        ::

            client.why("shoes/red", "photo.jpg").words
        """
        return self._send(calls.why, hit, image, id, text, region)

    def subject(self, image: "QueryPicture | Record") -> Subject:
        """Return where the main subject of a picture is: its ``region`` can be searched with."""
        return self._send(calls.subject, image)

    def get(self, id: str) -> Record:
        """Return the record of a picture, without its vector. Raises `RecordNotFound`."""
        return self._send(calls.get, id)

    def iterate(self, filter: str | None = None) -> Iterator[Record]:
        """Yield all records (that pass ``filter``), in an order that does not change while others come and go."""
        return self.pages(built(calls.iterate, filter))

    def count(self, filter: str | None = None) -> int:
        """Return how many pictures there are (that pass ``filter``)."""
        return self._send(calls.count, filter)

    def original(self, picture: str | Record) -> bytes:
        """Return the file of a picture, by id or record. Raises `RecordNotFound`, `OriginalGone`, `FetchError`."""
        return self._send(calls.original, picture)

    def thumbnail(self, picture: str | Record, side: int = 256) -> bytes:
        """Return a small upright copy as WebP; ``side`` is one of 128, 256, 512 and 1,024. Raises as `original`."""
        return self._send(calls.thumbnail, picture, side)

    def info(self) -> LibraryInfo:
        """Return the facts of the library; its ``path`` is its folder's name alone, and ``last_job`` None."""
        return self._send(calls.info)

    # Changing, as a library is changed

    def index(
        self,
        paths: Sequence[str | Path] = (),
        *,
        manifest: str | Path | None = None,
        on_tally: OnTally | None = None,
        stop: threading.Event | None = None,
        frames: int = 1,
    ) -> IndexReport:
        """Bring pictures in, as `Library.index` does, and wait for the end. Paths are the server's.

        ``stop`` is checked at each report of progress. If the client ends before that, the import goes on. To start one
        without waiting, use `start_import`.
        """
        for progress in self.follow_import(self.start_import(paths, manifest, frames).number):
            if on_tally is not None:
                on_tally(answers.as_tally(progress))
            if stop is not None and stop.is_set():
                with suppress(ServerError):  # it is over
                    self.cancel_import(progress.number)
        return answers.as_report(progress, self.import_failures(progress.number, server_calls.MOST_FAILURES))

    def add(
        self, picture: bytes | Path | str, *, id: str | None = None, attributes: Attributes | None = None
    ) -> Addition:
        """Add one picture, as `Library.add` does: a path, a file's bytes, or a URL, which is its id if none is given.

        ::

            client.add("red.jpg", id="shoes/red", attributes={"category": "shoes", "price": 49.9})
        """
        return self._send(calls.add, picture, id, attributes)

    def set_attributes(self, id: str, attributes: Attributes) -> Record:
        """Give a picture these attributes in place of its own. Raises `RecordNotFound` and `PictureError`."""
        return self._send(calls.set_attributes, id, attributes)

    def update_attributes(
        self,
        ids: Sequence[str],
        values: Attributes = MappingProxyType({}),
        *,
        add: Mapping[str, Sequence[str]] = MappingProxyType({}),
    ) -> int:
        """Change some attributes of many pictures, as `Library.update_attributes` does. Returns how many there were.

        ::

            client.update_attributes(["a.jpg", "b.jpg"], {"season": "summer", "price": None}, add={"tags": ["sale"]})
        """
        return self._send(calls.update_attributes, ids, values, add)

    def delete(self, ids: str | Sequence[str] | None = None, *, filter: str | None = None, all: bool = False) -> int:
        """Remove the pictures with these ids and those that pass ``filter``, or ``all``. Returns how many there were.

        Unknown ids are ignored. Raises `QueryError` where neither ids nor ``filter`` nor ``all`` is given.
        """
        return self._send(calls.delete, ids, filter, all)

    # Asking and changing, as only a server lets

    def search_page(
        self,
        image: "QueryPicture | None" = None,
        *,
        fields: Sequence[schemas.FieldName] = ("attributes",),
        **question: Unpack[SearchArguments],
    ) -> schemas.SearchAnswer:
        """Return one page as the server sends it: hits with these ``fields``, the offset of the next page, timings.

        The arguments are those of `search`::

            client.search_page("photo.jpg", fields=["uri", "width", "height", "quality"], k=100)
        """
        return self._send(calls.search_page, image, fields, **question)

    def search_all(self, image: "QueryPicture | None" = None, **question: Unpack[SearchArguments]) -> Iterator[Hit]:
        """Iterate over every hit, best first, requested ``k`` at a time as they are needed.

        Give ``min_score`` to end there::

            for hit in client.search_all("photo.jpg", k=100, min_score=0.8):
                print(hit.id, hit.score)
        """
        return self.pages(built(calls.search_all, image, **question))

    def add_many(
        self,
        pictures: Sequence[bytes | Path | str],
        ids: Sequence[str] | None = None,
        attributes: EachOrAll | None = None,
    ) -> list[Addition | schemas.ErrorBody]:
        """Add pictures of this machine, a few in each request; ``attributes`` are for all of them or one for each.

        Returns one result for each, in their order. A picture that cannot be used has an `ErrorBody` in its place and
        does not stop the others. Raises what stops all of them (a wrong key, a lost connection, a file that cannot be
        read); pictures that were added before that stay.
        """
        results: list[Addition | schemas.ErrorBody] = []
        for count, call in each(calls.batches(pictures, ids, attributes)):
            try:
                results += calls.added(self.send(call))
            except ServerError as exc:
                results += calls.failed(count, exc)
        return results

    # The server

    def health(self) -> schemas.Health:
        """Return the health of the server; any answer means that it runs. Needs no key."""
        return self._send(server_calls.health)

    def ready(self) -> schemas.Health:
        """Return the health of a server that can take requests. Needs no key.

        Raises `ServerError` (``not-ready``) until the server can take them.
        """
        return self._send(server_calls.ready)

    def library(self) -> schemas.LibraryOut:
        """Return what the library is, holds and can do, as the server sends it: more than `info`."""
        return self._send(server_calls.library)

    def attributes(self) -> list[schemas.AttributeValues]:
        """Return the values that the pictures have in each declared attribute."""
        return self._send(server_calls.attributes)

    def warm(self, queries: Iterable[Mapping[str, object]] = (), top: int = 0) -> schemas.WarmOut:
        """Run these queries on the server in the background, and the ``top`` most popular ones.

        ::

            client.warm([{"id": "shoes/red"}, {"text": "red dress", "k": 24}], top=100)
        """
        return self._send(server_calls.warm, queries, top)

    def warming(self) -> schemas.WarmOut:
        """Return the progress of warming."""
        return self._send(server_calls.warming)

    # Imports

    def start_import(
        self, paths: str | Path | Iterable[str | Path] = (), manifest: str | Path | None = None, frames: int = 1
    ) -> schemas.ImportOut:
        """Start to bring folders, manifests and URLs into the library. Paths are the server's.

        ``frames``: how many pictures to take of a file that holds several, as `Library.index` says.
        """
        return self._send(server_calls.start_import, paths, manifest, frames)

    def imports(self, limit: int = 20) -> list[schemas.ImportOut]:
        """Return the latest imports, newest first."""
        return self._send(server_calls.imports, limit).imports

    def get_import(self, number: int) -> schemas.ImportOut:
        """Return the progress of an import."""
        return self._send(server_calls.get_import, number)

    def import_failures(self, number: int, limit: int = 1000) -> list[schemas.ImportFailure]:
        """Return what an import could not use, and why."""
        return self._send(server_calls.import_failures, number, limit).failures

    def cancel_import(self, number: int) -> schemas.ImportOut:
        """Cancel an import; what it has indexed stays."""
        return self._send(server_calls.cancel_import, number)

    def resume_import(self, number: int) -> schemas.ImportOut:
        """Continue an import that was cancelled, was interrupted, or failed."""
        return self._send(server_calls.resume_import, number)

    def follow_import(self, number: int) -> Iterator[schemas.ImportOut]:
        """Yield the progress of an import until it is over.

        ::

            for progress in client.follow_import(client.start_import("/srv/photos").number):
                print(progress.indexed, "of", progress.total)
        """
        return self._follow(built(server_calls.import_events, number), schemas.ImportOut)

    # Jobs

    def start_job(self, kind: str, **arguments: object) -> schemas.JobOut:
        """Start a background job, such as ``start_job("reencode", encoder="efficientnet-lite0")``."""
        return self._send(server_calls.start_job, kind, arguments)

    def jobs(self, kind: str | None = None, limit: int = 20) -> list[schemas.JobOut]:
        """Return the latest jobs (of this kind), newest first."""
        return self._send(server_calls.jobs, kind, limit).jobs

    def get_job(self, number: int) -> schemas.JobOut:
        """Return the progress of a job."""
        return self._send(server_calls.get_job, number)

    def job_failures(self, number: int, limit: int = 1000) -> list[schemas.ImportFailure]:
        """Return what a job could not use, and why."""
        return self._send(server_calls.job_failures, number, limit).failures

    def cancel_job(self, number: int) -> schemas.JobOut:
        """Cancel a job; what it has done stays."""
        return self._send(server_calls.cancel_job, number)

    def resume_job(self, number: int) -> schemas.JobOut:
        """Continue a job that was cancelled, was interrupted, or failed."""
        return self._send(server_calls.resume_job, number)

    def follow_job(self, number: int) -> Iterator[schemas.JobOut]:
        """Yield the progress of a job until it is over, as `follow_import` does."""
        return self._follow(built(server_calls.job_events, number), schemas.JobOut)
