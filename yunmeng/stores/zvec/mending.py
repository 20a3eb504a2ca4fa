"""Repairs what zvec 0.8.0 does not survive when its process is killed, before it opens a collection again.

Before a record is acknowledged, only its line in the log is written. A flush writes the rest, in this order: the files
of the new part, the map of ids (a RocksDB, as are the indexes of attributes and words), the manifest that lists them;
then it removes the log. If the process is killed in between, the collection opens as its last manifest says and its log
is replayed; but

- with a map of ids that knows the records of the log already, each of them is taken for the successor of itself, and
  deleted: what was acknowledged would be gone;
- with indexes that were about to be closed for good, as optimising does before it begins a new part, nothing opens;
- with a log that has no header yet, or a manifest that is not whole, nothing opens either, though they hold nothing.

So a copy of the databases is *kept* as each manifest found them, and put back; files that were only begun are removed.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from yunmeng.errors import StoreError
from yunmeng.stores.zvec.disk import files_of_parts

__all__ = ["Snapshotter", "copy_collection", "mend"]

LOG_HEADER: Final = 64
"""Bytes at the beginning of a log, without which zvec cannot open it."""
ATTEMPTS: Final = 50
"""How often copying is begun anew when RocksDB, which merges its files in the background, got in between."""


class Snapshotter:
    """Keeps copies of an open collection's databases as its manifest found them, in a folder ``kept.N`` of manifest N.

    They are hard links where the file system has them, so a copy takes about a millisecond and hardly any room.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._kept: int | None = None

    def take(self) -> None:
        """Keep the databases, before anything is written. Does nothing until zvec has written another manifest.

        Later writes reach the databases on disk only by a flush. Raises `StoreError`.
        """
        newest = self._newest()
        if newest is None or newest == self._kept:
            return
        target = _kept(self._path, newest)
        if not target.exists():
            try:
                _copy(self._path, target)
            except OSError as exc:
                raise StoreError(f"cannot prepare the store at {self._path} for writing: {exc}") from exc
        _forget(self._path, but=target)
        self._kept = newest

    def current(self) -> bool:
        """Return whether the databases are kept as the newest manifest found them."""
        return self._newest() == self._kept

    @contextmanager
    def flushing(self) -> Iterator[None]:
        """Keep the databases before and after a block that makes zvec flush and writes nothing. Raises `StoreError`."""
        self.refresh()
        yield
        self.refresh()

    def refresh(self) -> None:
        """Keep the databases that a log needs, and drop copies that no log needs any more. Raises `StoreError`."""
        if _logs(self._path):
            self.take()
        elif not self.current():
            _forget(self._path)
            self._kept = None

    def _newest(self) -> int | None:
        return max(_numbered(self._path, "manifest"), default=None)


def mend(path: Path) -> None:
    """Repair what a killed process has left in the collection at ``path``, unless a process has it open.

    Raises `StoreError`.
    """
    try:
        with _locked(path / "LOCK") as alone:
            if alone:
                _remove_unbegun(path)
                _restore(path)
                Snapshotter(path).refresh()
    except OSError as exc:
        raise StoreError(f"cannot mend the store at {path} after its process was killed: {exc}") from exc


def copy_collection(path: Path, target: Path) -> None:
    """Copy a collection that was flushed, and that nobody writes to meanwhile. Raises `StoreError`."""
    databases = _databases(path)

    def others(folder: str, names: list[str]) -> list[str]:
        return [name for name in names if name.startswith("kept.") or Path(folder, name) in databases]

    try:
        shutil.copytree(path, target, ignore=others)
        for database in databases:
            _copy_database(path, database, target / database.relative_to(path))
    except (OSError, shutil.Error) as exc:
        raise StoreError(f"cannot copy the store at {path} to {target}: {exc}") from exc


def _copy_database(path: Path, database: Path, target: Path) -> None:
    """Copy a RocksDB, which may merge its files in the background. Raises OSError."""
    for _ in range(ATTEMPTS):
        shutil.rmtree(target, ignore_errors=True)
        with suppress(FileNotFoundError):
            before = _state(path)
            target.mkdir(parents=True)
            for file in database.iterdir():
                shutil.copyfile(file, target / file.name)
            if _state(path) == before:
                return
    raise OSError(f"its databases in {path} keep changing")


def _remove_unbegun(path: Path) -> None:
    """Remove logs and manifests that were created and never written."""
    for log in _logs(path):
        if log.stat().st_size < LOG_HEADER:
            log.unlink()
    *older, newest = sorted(_numbered(path, "manifest")) or [0]
    if older and not _manifest(path, newest).stat().st_size:
        _manifest(path, newest).unlink()


def _restore(path: Path) -> None:
    """Put back the databases as the last manifest that is no part of an interrupted flush found them."""
    manifests, number = _numbered(path, "manifest"), max(_numbered(path, "kept"), default=-1)
    if number not in manifests:  # the last flush was finished, or nothing was written since
        _forget(path)
        return
    for newer in manifests:
        if newer > number:  # zvec removes the older one as soon as the newer is whole
            _manifest(path, newer).unlink()
    kept = _kept(path, number)
    for database in _databases(kept):
        place = path / database.relative_to(kept)
        shutil.rmtree(place, ignore_errors=True)
        _link(database, place)


def _numbered(path: Path, what: str) -> list[int]:
    """Return the N of every ``what.N`` in ``path``."""
    return [int(place.suffix[1:]) for place in path.glob(f"{what}.*") if place.suffix[1:].isdigit()]


def _logs(path: Path) -> list[Path]:
    return files_of_parts(path, "*.wal")


def _manifest(path: Path, number: int) -> Path:
    return path / f"manifest.{number}"


def _kept(path: Path, number: int) -> Path:
    return path / f"kept.{number}"


def _forget(path: Path, but: Path | None = None) -> None:
    for kept in path.glob("kept.*"):
        if kept != but:
            shutil.rmtree(kept, ignore_errors=True)


def _databases(path: Path) -> list[Path]:
    """Return RocksDB's folders below ``path``, without the kept copies."""
    found = (file.parent for name in ("CURRENT", "*/CURRENT") for file in files_of_parts(path, name))
    return [folder for folder in found if not folder.relative_to(path).parts[0].startswith("kept.")]


def _copy(path: Path, target: Path) -> None:
    """Copy the databases of ``path`` to ``target``, whole or not at all. Raises OSError."""
    fresh = target.with_name("kept.new")
    for _ in range(ATTEMPTS):
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir()
        with suppress(FileNotFoundError):  # a file was merged into another and is gone
            before = _state(path)
            for database in _databases(path):
                _link(database, fresh / database.relative_to(path))
            if _state(path) == before:
                fresh.rename(target)
                return
    raise OSError(f"its databases in {path} keep changing")


def _state(path: Path) -> list[tuple[str, int]]:
    """Return what changes whenever a RocksDB adds or removes files: its own manifest grows, or is replaced."""
    return sorted((str(file), file.stat().st_size) for folder in _databases(path) for file in folder.glob("MANIFEST-*"))


def _link(database: Path, target: Path) -> None:
    """Copy a RocksDB. Its tables are never written again once they are whole, and are shared; the rest grows."""
    target.mkdir(parents=True)
    for file in database.iterdir():
        if file.suffix == ".sst":
            with suppress(OSError):  # no hard links on this file system
                os.link(file, target / file.name)
                continue
        shutil.copyfile(file, target / file.name)


@contextmanager
def _locked(lock: Path) -> Iterator[bool]:
    """Yield whether no process has the collection open, and none can open it meanwhile."""
    if not lock.exists():
        yield False
        return
    import fcntl  # not on Windows, where `stores.zvec.engine` refuses with a reason

    with lock.open("r+b") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
