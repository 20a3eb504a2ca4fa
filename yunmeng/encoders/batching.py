"""One encoder for many callers: pictures that arrive at about the same time go through the network in one batch."""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from time import monotonic
from typing import Final, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray
from PIL.Image import Image

from yunmeng.encoders.protocol import Encoder, TextEncoder
from yunmeng.errors import EncoderError
from yunmeng.types import Closing, Pixels

__all__ = ["BatchingEncoder"]

GREATEST: Final = 16
"""Pictures in one batch. More would make the first of them wait, and the network is no faster for it."""


class _Asked(NamedTuple):
    pictures: Sequence[Pixels]
    answer: Future[NDArray[np.float32]]


class BatchingEncoder(Closing):
    """Gathers the pictures of concurrent `encode` calls into batches for ``encoder``.

    A batch leaves when it has ``GREATEST`` pictures, or ``wait`` seconds after its first one came; while a batch is at
    the network the next one gathers, so that under load nobody waits for the clock. A call waits on its own thread, so
    no more calls wait than there are threads. ``on_batch`` is called with the size of each batch.
    """

    def __init__(
        self,
        encoder: Encoder,
        *,
        wait: float = 0.003,
        on_batch: Callable[[int], None] = lambda _: None,
    ) -> None:
        self.spec: Final = encoder.spec
        self._encoder = encoder
        self._wait = wait
        self._on_batch = on_batch
        self._waiting: deque[_Asked] = deque()
        self._size = 0  # pictures in _waiting
        self._changed = threading.Condition()
        self._closed = False
        self._worker = threading.Thread(target=self._work, name="yunmeng-batches", daemon=True)
        self._worker.start()

    def prepare(self, picture: Pixels | Image) -> Pixels:
        """Prepare a picture as the encoder does, on the caller's thread."""
        return self._encoder.prepare(picture)

    def encode(self, batch: Sequence[Pixels]) -> NDArray[np.float32]:
        """Return embeddings, float32 (n, dim), L2-normalised. Raises what the encoder raises."""
        prepared = [self.prepare(picture) for picture in batch]
        asked = _Asked(prepared, Future())
        with self._changed:
            if self._closed:
                raise EncoderError("the encoder is closed")
            self._waiting.append(asked)
            self._size += len(prepared)
            self._changed.notify()
        return asked.answer.result()

    def encode_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Encode texts as the encoder does, on the caller's thread: a text is quick and does not wait behind pictures.

        Only where ``spec.reads_text``; EncoderError elsewhere.
        """
        if not self.spec.reads_text:
            raise EncoderError(f"the encoder {self.spec.name} reads no text")
        return cast(TextEncoder, self._encoder).encode_texts(texts)

    def close(self) -> None:
        """Encode what waits, and accept nothing more."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._worker.join()

    def _work(self) -> None:
        while batch := self._next():
            pictures = [picture for asked in batch for picture in asked.pictures]
            self._on_batch(len(pictures))
            try:
                vectors = self._encoder.encode(pictures)
            except BaseException as exc:  # each caller gets it, and the next batch its chance
                for asked in batch:
                    asked.answer.set_exception(exc)
                continue
            start = 0
            for asked in batch:
                asked.answer.set_result(vectors[start : start + len(asked.pictures)])
                start += len(asked.pictures)

    def _next(self) -> list[_Asked]:
        """The calls whose pictures go together; none when all is done."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closed)
            leaves = monotonic() + self._wait
            while self._size < GREATEST and not self._closed and (left := leaves - monotonic()) > 0:
                self._changed.wait(left)
            batch: list[_Asked] = []
            taken = 0
            while self._waiting and (not batch or taken + len(self._waiting[0].pictures) <= GREATEST):
                batch.append(self._waiting.popleft())
                taken += len(batch[-1].pictures)
            self._size -= taken
            return batch
