"""The runner in this process: one thread feeds the encoder, which spreads a batch over the cores."""

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from threading import Event
from typing import Final

from yunmeng.encoders.protocol import Encoder
from yunmeng.ingest.decisions import New, Undecoded
from yunmeng.ingest.runners.protocol import Outcome, Runner

__all__ = ["LocalRunner"]

_AHEAD: Final = 2
"""Batches at the encoder: one that runs and one that waits, so that it never idles. More would only hold memory."""


class LocalRunner(Runner):
    """Encodes pictures that were decoded on the threads of the run."""

    decodes = False
    ahead = _AHEAD

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self._thread = ThreadPoolExecutor(1, "encoder")

    def begin(self, stop: Event) -> None:
        """Do nothing: a batch that has begun is encoded in no time."""

    def submit(self, batch: Sequence[New | Undecoded]) -> Future[list[Outcome]]:
        """Start to encode a batch of `New` pictures."""
        return self._thread.submit(self._encode, [new for new in batch if isinstance(new, New)])

    def close(self) -> None:
        """Wait for the batch that is being encoded."""
        self._thread.shutdown(cancel_futures=True)

    def _encode(self, batch: Sequence[New]) -> list[Outcome]:
        vectors = iter(self._encoder.encode([view.prepared for new in batch for view in new.views]))
        return [new.with_vectors(list(islice(vectors, len(new.views)))) for new in batch]
