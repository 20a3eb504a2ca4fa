"""The two files of an index: FAISS's own, and beside it, ``.json``, the ids of its rows and what it was made of."""

import hashlib
import json
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from yunmeng.errors import LibraryError, LibraryFormatError, LibraryNotFound
from yunmeng.stores.ann.factory import check_size, make_index, training_size
from yunmeng.stores.pages import pages_with_vectors
from yunmeng.stores.protocol import Store
from yunmeng.types import Record
from yunmeng.vectors.engine import faiss

__all__ = ["FORMAT", "IndexFile", "build", "read", "side_of"]

FORMAT: Final = 1
BLOCK: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class IndexFile:
    """An index that was read.

    ``ids`` are those of its rows, ``digests`` their pictures' SHA-256; ``sha256`` is of FAISS's file. ``contents`` is
    the name that the library's contents had when it was made, None where it had none.
    """

    index: Any
    factory: str
    ids: list[str]
    digests: list[str]
    sha256: str
    contents: str | None


def side_of(place: Path) -> Path:
    """Return the path of the file beside the index at ``place``."""
    return place.with_name(place.name + ".json")


def build(
    store: Store,
    dim: int,
    factory: str,
    place: Path,
    facts: dict[str, Any],
    contents: Callable[[], str | None],
    on_step: Callable[[int, int], None],
    stop: threading.Event,
) -> int | None:
    """Index the vectors of ``store`` into the file at ``place``, and return how many. None if it was stopped.

    ``facts`` say what the vectors are; ``contents`` names the contents of the library. Until both files are whole, what
    was there stays. Raises `QueryError` for a factory string that does not fit, `LibraryError` if it cannot be written.
    """
    index, total = make_index(dim, factory), store.count()
    check_size(factory, total)
    before = contents()
    if not index.is_trained:
        sample = _sample(store, min(training_size(factory), total), stop)
        if stop.is_set():
            return None
        index.train(sample)
    ids: list[str] = []
    digests: list[str] = []
    for records in pages_with_vectors(store):
        if stop.is_set():
            return None
        index.add(_matrix(records))
        ids += [record.id for record in records]
        digests += [record.sha256 for record in records]
        on_step(len(ids), max(total, len(ids)))
    named = before if before == contents() else None  # it has changed meanwhile
    side = {"format": FORMAT, **facts, "factory": factory, "contents": named, "ids": ids, "digests": digests}
    _write(place, index, side)
    return len(ids)


def read(place: Path, facts: dict[str, Any]) -> IndexFile:
    """Read the index at ``place``, made of vectors that ``facts`` describe.

    Raises `LibraryNotFound`, `LibraryFormatError` where its files are damaged or do not belong together, and
    `LibraryError` if it was made of other vectors.
    """
    again = f"export it again: yunmeng export {place}"
    try:
        side = json.loads(side_of(place).read_bytes())
        digest = _digest(place)
    except FileNotFoundError as exc:
        raise LibraryNotFound(f"no index at {place}: {exc.filename} is missing; {again}") from None
    except (OSError, ValueError) as exc:
        raise LibraryFormatError(f"the index {place} cannot be read: {exc}; {again}") from exc
    if not isinstance(side, dict) or side.get("format") != FORMAT:
        raise LibraryFormatError(f"{side_of(place)} is of another version; {again}")
    if side.get("sha256") != digest:
        raise LibraryFormatError(f"{place} is not the file that {side_of(place).name} describes; {again}")
    for name, value in facts.items():
        if side.get(name) != value:
            raise LibraryError(f"{place} was made of another library's vectors: its {name} is another; {again}")
    index = faiss("an index in a file", "faiss").read_index(str(place))
    if index.ntotal != len(side["ids"]):
        raise LibraryFormatError(f"{place} has {index.ntotal:,} vectors and {len(side['ids']):,} ids; {again}")
    return IndexFile(index, side["factory"], side["ids"], side["digests"], digest, side["contents"])


def _write(place: Path, index: Any, side: dict[str, Any]) -> None:
    """Write both files, the index first: without its side file it is no index, and one that fits no other is told."""
    draft, beside = place.with_name(f".{place.name}.draft"), side_of(place)
    drafted = draft.with_name(draft.name + ".json")
    try:
        faiss("an index in a file", "faiss").write_index(index, str(draft))
        drafted.write_text(json.dumps({**side, "sha256": _digest(draft)}), encoding="ascii")
        for each in (draft, drafted):
            with each.open("rb") as file:
                os.fsync(file.fileno())
        beside.unlink(missing_ok=True)
        draft.replace(place)
        drafted.replace(beside)
    except (OSError, RuntimeError) as exc:
        reason = exc.strerror if isinstance(exc, OSError) else str(exc).splitlines()[0][-200:]
        raise LibraryError(f"cannot write the index to {place}: {reason}") from exc
    finally:
        draft.unlink(missing_ok=True)
        drafted.unlink(missing_ok=True)


def _sample(store: Store, count: int, stop: threading.Event) -> NDArray[np.float32]:
    """Return the first vectors by digest, (count, dim): an order that is as good as random."""
    parts: list[NDArray[np.float32]] = []
    for records in pages_with_vectors(store):
        parts.append(_matrix(records))
        if stop.is_set() or sum(map(len, parts)) >= count:
            break
    return np.concatenate(parts)[:count]


def _matrix(records: list[Record]) -> NDArray[np.float32]:
    matrix = np.stack([record.vector for record in records if record.vector is not None])
    lengths: NDArray[np.float32] = np.linalg.norm(matrix, axis=1, keepdims=True)
    normal: NDArray[np.float32] = matrix / lengths
    return normal


def _digest(place: Path) -> str:
    digest = hashlib.sha256()
    with place.open("rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()
