"""zvec itself: loaded once a process, kept quiet, and kept from hanging."""

import ctypes
import os
import platform
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any, Final

from yunmeng.errors import LibraryExists, LibraryLocked, LibraryNotFound, StoreError, YunmengError
from yunmeng.stores.zvec.mending import mend

__all__ = ["Engine", "abandon", "create", "engine", "mapped", "open_collection"]

MIN_THREADS: Final = 4
"""Fewest threads that zvec's Arrow pool may have, see `_start`."""

_THREADS = "OMP_NUM_THREADS"  # what sizes Arrow's pool
_LIMIT = "OMP_THREAD_LIMIT"

_lock = Lock()
_engine: "Engine | None" = None


@dataclass(frozen=True, slots=True)
class Engine:
    """The zvec module, and how many threads may query at a time."""

    zvec: Any
    readers: int


def engine() -> Engine:
    """Return zvec, initialised. Only here it is imported, which takes a tenth of a second."""
    global _engine
    with _lock:
        if _engine is None:
            _engine = _start()
        return _engine


def create(path: str | Path, schema: Any) -> Any:
    """Return a new collection at ``path``, open. Raises `LibraryExists`, or `StoreError`."""
    if Path(path).exists():
        raise LibraryExists(f"there is a store at {path} already: open it, or choose another folder")
    with mapped(f"cannot make a store at {path}"):
        return engine().zvec.create_and_open(os.fspath(path), schema)


def open_collection(path: str | Path) -> Any:
    """Return the collection at ``path``, open for reading and writing; zvec lets one process at a time open it.

    Readers cannot open it meanwhile. If its writer was killed and it is opened read-only, it shows nothing of the last
    writes.

    Raises `LibraryNotFound`, `LibraryLocked`, or `StoreError`.
    """
    if not Path(path).is_dir():
        raise LibraryNotFound(f"there is no store at {path}")
    mend(Path(path))
    try:
        with mapped(f"cannot open the store at {path}"):
            return engine().zvec.open(os.fspath(path))
    except StoreError as exc:
        if "Can't lock" in str(exc):
            raise LibraryLocked(_locked(Path(path))) from exc
        raise StoreError(f"{exc}; if it is damaged, restore the last backup: yunmeng restore") from exc


def abandon(collection: Any) -> None:
    """Leave ``collection`` open, even when the process ends.

    zvec's own end would write what there is no room for, and remove its log.
    """
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(collection))
    for part in vars(collection).values():
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(part))


@contextmanager
def mapped(what: str) -> Iterator[None]:
    """Turn whatever zvec raises into a `StoreError` that begins with ``what`` and is one line."""
    try:
        yield
    except YunmengError:
        raise
    except Exception as exc:
        lines = str(exc).splitlines() or [type(exc).__name__]
        raise StoreError(f"{what}: {lines[0][:300]}") from exc


def _start() -> Engine:
    """Load zvec and settle how many threads may query at a time.

    A query over several segments makes a thread of zvec's Arrow pool wait for another thread of that pool. With as many
    queries as threads, all wait and the process hangs for good; with ``OMP_NUM_THREADS=1`` a single query does (zvec
    0.8.0, seen by gdb). So a small pool is made larger, and only half as many queries as it has threads are let in. A
    program that has loaded zvec before may have queried it too, and then the pool cannot be changed.

    Raises `StoreError` on Windows: what `mend` relies on is POSIX's.
    """
    if platform.system() == "Windows":
        raise StoreError("libraries need Linux or macOS: on Windows, run Yunmeng in WSL (docs/platforms.md)")
    used = "zvec" in sys.modules
    import zvec

    with suppress(RuntimeError):  # the host program may have initialised it
        zvec.init(log_level=zvec.LogLevel.FATAL)  # errors are raised as well; the log would only repeat them
    threads = _pool_threads()
    if threads < MIN_THREADS and not used:
        with suppress(OSError), _environment(MIN_THREADS):
            _make_pool(zvec)
            threads = MIN_THREADS
    return Engine(zvec, max(1, threads // 2))


def _pool_threads() -> int:
    """Return the number of threads of Arrow's pool if nothing is changed."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    wanted = [os.environ[name] for name in (_THREADS, _LIMIT) if name in os.environ]
    if not all(number.isdigit() for number in wanted):
        return 1  # Arrow reads it in its own way; too few is the safe side
    asked = int(os.environ.get(_THREADS, cores)) or cores
    return min(asked, int(os.environ.get(_LIMIT, asked)) or asked)


@contextmanager
def _environment(threads: int) -> Iterator[None]:
    """Set ``OMP_NUM_THREADS`` for a short time only: other libraries must not see it."""
    before = {name: os.environ.pop(name, None) for name in (_THREADS, _LIMIT)}
    os.environ[_THREADS] = str(threads)
    try:
        yield
    finally:
        del os.environ[_THREADS]
        os.environ.update({name: value for name, value in before.items() if value is not None})


def _make_pool(zvec: Any) -> None:
    """Make Arrow create its pool now, by the smallest query that needs one: some 30 ms."""
    vector = zvec.VectorSchema("v", zvec.DataType.VECTOR_FP32, dimension=1)
    with tempfile.TemporaryDirectory() as folder:
        collection = zvec.create_and_open(f"{folder}/pool", zvec.CollectionSchema("pool", vectors=[vector]))
        collection.upsert([zvec.Doc("1", vectors={"v": [1.0]})])
        collection.query(topk=1)
        collection.close()


def _locked(path: Path) -> str:
    pid = _holder(path / "LOCK")
    if pid == os.getpid():
        return f"{path} is open in this process already: close it there first"
    who = f"another process ({pid})" if pid else "another process"
    return f"{path} is open in {who}: wait until it is done, or stop it"


def _holder(lock: Path) -> int | None:
    """Return the process that holds ``lock``, where the system can tell (Linux)."""
    with suppress(OSError, ValueError, IndexError):
        inode = str(lock.stat().st_ino)
        for line in Path("/proc/locks").read_text().splitlines():
            fields = line.split()
            if fields[1] == "FLOCK" and fields[5].split(":")[2] == inode:
                return int(fields[4]) if int(fields[4]) > 0 else None
    return None
