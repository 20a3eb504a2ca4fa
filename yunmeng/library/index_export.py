"""Export of a library's vectors as a FAISS index, which `yunmeng.Library.open` takes to be searched by."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from yunmeng.stores.ann.factory import default_factory
from yunmeng.stores.ann.file import build
from yunmeng.stores.augmented import layers

if TYPE_CHECKING:
    from yunmeng.library.library import Library

__all__ = ["IndexExport", "export_index"]


@dataclass(frozen=True, slots=True)
class IndexExport:
    """Result of an export: how many ``pictures`` the index has, its ``factory`` string, and the ``seconds``."""

    pictures: int
    factory: str
    seconds: float


def export_index(
    library: "Library",
    place: str | Path,
    factory: str | None = None,
    on_step: Callable[[int, int], None] = lambda _done, _all: None,
    stop: threading.Event | None = None,
) -> IndexExport | None:
    """Write a FAISS index of the pictures' vectors to ``place``, with their ids beside it.

    Returns None if it was stopped: what was at ``place`` is then as it was. Searches and changes go on meanwhile.

    Args:
        library: The library; the index is trained on its own vectors.
        place: The file, by custom ``.faiss``; a second file beside it is named so with ``.json``.
        factory: FAISS's description, such as "Flat", "HNSW64", "IVF256,Flat" or "IVF256,PQ32". None takes Flat up to
            10,000 pictures, HNSW64 up to a million, and inverted lists beyond.
        on_step: Called with how many pictures are in, and how many there are.
        stop: Ends it when set.

    Raises:
        MissingExtra: The extra ``faiss`` is not installed.
        QueryError: The description is wrong, or the library is too small to train it.
        LibraryError: The file cannot be written.
    """
    began = time.monotonic()
    with library.generations.moving():
        generation = library.generation
        store, config = layers(generation.store)[0], generation.config
        chosen = factory or default_factory(store.count())
        made = build(
            store,
            config.encoder.dim,
            chosen,
            Path(place),
            config.vector_facts(),
            generation.keep_contents,
            on_step,
            stop or threading.Event(),
        )
    return None if made is None else IndexExport(made, chosen, time.monotonic() - began)
