"""Running a graph: how a batch is spread over sessions and threads. It knows nothing of what the graph computes.

`onnx_opener` opens the sessions on a device, `splits` has the ways to cut a batch.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from yunmeng.config import Settings, cores
from yunmeng.encoders.foreign import one_line
from yunmeng.encoders.onnx_opener import GraphValue, Opener, available_devices, graph_values, runtime_version
from yunmeng.encoders.splits import Place, Split, saved, usual
from yunmeng.errors import EncoderError

__all__ = ["GraphValue", "OnnxSession", "available_devices", "place_of"]


class OnnxSession:
    """One loaded graph, of which one input is fed. Safe to call from several threads.

    Args:
        model: A serialised graph, or the file of one that may keep weights in other files beside it.
        settings: Name the device, and the threads in all.
        source: The input that is fed; the first by default.
        encoder: Digest of the encoder whose pictures it takes; a split that was saved for it is used.
        split: The split to use, in place of a saved one.

    Raises:
        ProviderError: The device is not available on this machine.
        EncoderError: The runtime refuses the model, or it has no such input.
    """

    def __init__(
        self,
        model: bytes | Path,
        settings: Settings,
        source: str | None = None,
        *,
        encoder: str | None = None,
        split: Split | None = None,
    ) -> None:
        opener = Opener(model, settings, source)
        self.device, first = opener.open_best(lambda device: (split or _chosen(device, settings, encoder)).threads)
        self.split: Final = split or _chosen(self.device, settings, encoder)
        more = self.split.sessions - 1 if self.split.threads > 1 else 0  # one on one thread each serves all its callers
        sessions = [first, *(opener.open(self.device, self.split.threads) for _ in range(more))]
        self._next = cycle(sessions)
        self.inputs: Final = graph_values(first.get_inputs())
        self.outputs: Final = graph_values(first.get_outputs())
        self.input: Final = next(value for value in self.inputs if source in (None, value.name))
        self._fixed_to_one = self.input.shape[:1] == (1,)  # many published graphs take one picture at a time
        self._pool = ThreadPoolExecutor(self.split.sessions, "yunmeng-encoder")

    def run(self, outputs: Sequence[str], batch: NDArray[Any]) -> list[NDArray[np.float32]]:
        """Return the named outputs for a batch of any length above 0, in the order of ``outputs``, each (n, ...)."""
        parts = list(self._parts(batch))
        if len(parts) == 1:
            return self._run(outputs, parts[0])  # on the caller's thread: a search need not queue behind an index run
        results = self._pool.map(lambda part: self._run(outputs, part), parts)
        return [np.concatenate(output) for output in zip(*results, strict=True)]

    def _parts(self, batch: NDArray[Any]) -> Iterator[NDArray[Any]]:
        even = -(-len(batch) // self.split.sessions)  # a short batch still goes to every session
        size = 1 if self._fixed_to_one else min(even, self.split.batch)
        return (batch[start : start + size] for start in range(0, len(batch), size))

    def _run(self, outputs: Sequence[str], part: NDArray[Any]) -> list[NDArray[np.float32]]:
        try:
            return list(next(self._next).run(list(outputs), {self.input.name: part}))
        except Exception as error:  # the runtime's own classes share no base below Exception
            raise EncoderError(f"the encoder failed on a batch of {len(part)}: {one_line(error)}") from error


def place_of(encoder: str, device: str, settings: Settings) -> Place:
    """Return what a split is kept for: ``encoder`` is the digest of one, ``device`` not auto."""
    return Place(encoder, device, runtime_version(), settings.threads or cores())


def _chosen(device: str, settings: Settings, encoder: str | None) -> Split:
    if encoder is not None and (kept := saved(place_of(encoder, device, settings), settings)):
        return kept.split
    return usual(device, settings.threads or cores())
