"""Backups of a library: a folder with all that it keeps, and the SHA-256 of every file, which ``backup.json`` lists.

The pictures that were indexed in place are not in it: they lie where they lay. Those that were sent to the library are.
"""

import hashlib
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

import numpy as np
from pydantic import BaseModel, ValidationError

from yunmeng.errors import LibraryError, LibraryExists, LibraryFormatError, LibraryNotFound
from yunmeng.library.config import read_config, write_config
from yunmeng.library.paths import LibraryPaths
from yunmeng.state.backend import DEFAULT_STATE
from yunmeng.state.database import State
from yunmeng.state.urls import check_state, named_state
from yunmeng.version import __version__

if TYPE_CHECKING:
    from yunmeng.library.config import LibraryConfig
    from yunmeng.library.generations import Generations
    from yunmeng.library.resources import LibraryResources
    from yunmeng.stores.protocol import FileStore, Store

__all__ = ["MANIFEST", "Backup", "OnFile", "back_up", "check_backup", "copy_new", "move_state", "restore", "unsound"]

MANIFEST: Final = "backup.json"
PAGE: Final = 1000
BLOCK: Final = 1 << 20

OnFile = Callable[[int, int], None]
"""Is told how many steps are done, and of how many."""


class FileEntry(BaseModel):
    """One file of a backup."""

    bytes: int
    sha256: str


class Backup(BaseModel):
    """The content of ``backup.json``: when it was made, by which version, and the files by their path."""

    created: datetime
    version: str
    pictures: int
    files: dict[str, FileEntry]


def back_up(
    resources: "LibraryResources", generations: "Generations", target: Path, stop: threading.Event, on_file: OnFile
) -> Backup | None:
    """Write a backup to ``target``, a folder that is not there yet. Returns None if it was stopped.

    Searches go on; changes wait while the store is copied. Raises `LibraryExists`, `LibraryError` for a store that
    keeps no files, `StoreError`.
    """
    draft = _draft(target)
    try:
        with generations.moving():
            generation = generations.current
            if not generation.store.capabilities.files:
                raise LibraryError(f"the store {generation.config.store} keeps no files: back it up by its own means")
            draft.mkdir()
            uploads = resources.paths.uploads
            copy_new(uploads, draft / uploads.name)  # before and after the store, so that it has the files of both
            with cast("FileStore", generation.store).frozen() as copy:
                copy(draft)
                resources.state.copy_to(draft / resources.paths.state.name)
                pictures = generation.store.count()
            copy_new(uploads, draft / uploads.name)
            for small in (resources.paths.calibration, resources.paths.bands):
                if small.exists():
                    shutil.copyfile(small, draft / small.name)
            # Whatever database has the state, a backup has it in a file: nothing else is needed to restore it.
            write_config(LibraryPaths(draft), generation.config.model_copy(update={"state": DEFAULT_STATE}))
        files = _digests(draft, stop, on_file)
        if files is None:
            return None
        backup = Backup(created=datetime.now(UTC), version=__version__, pictures=pictures, files=files)
        (draft / MANIFEST).write_text(backup.model_dump_json(indent=1), encoding="utf-8")
        _sync(draft / MANIFEST)
        draft.rename(target)
    except OSError as exc:
        raise LibraryError(f"cannot write the backup to {target}: {exc}") from exc
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return backup


def restore(
    source: Path, folder: Path, on_file: OnFile = lambda _done, _all: None, state: str = DEFAULT_STATE
) -> Backup:
    """Make a library at ``folder``, which is not there yet, of the backup at ``source``. All files are checked.

    Its state lies in the folder, or in a new schema of the PostgreSQL at ``state``.

    Raises `LibraryNotFound`, `LibraryExists`, `LibraryFormatError` for a damaged backup, `LibraryError`, `StateError`.
    """
    backup = read_backup(source)
    check_state(state)
    draft = _draft(folder)
    try:
        draft.mkdir()
        for done, (name, entry) in enumerate(backup.files.items()):
            on_file(done, len(backup.files))
            place = draft / name
            place.parent.mkdir(parents=True, exist_ok=True)
            digest, size = _copied(_inside(source, name), place)
            if (digest, size) != (entry.sha256, entry.bytes):
                raise LibraryFormatError(f"{source / name} is damaged: it is not what was backed up")
        on_file(len(backup.files), len(backup.files))
        config = read_config(LibraryPaths(draft))
        if state != DEFAULT_STATE:
            move_state(LibraryPaths(draft), config, named_state(state, folder.absolute().name))
        draft.rename(folder)
    except OSError as exc:
        raise LibraryError(f"cannot restore {source} to {folder}: {exc}") from exc
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return backup


def move_state(paths: LibraryPaths, config: "LibraryConfig", url: str) -> None:
    """Write the rows of the file of the state to a new database at ``url``, and the configuration that names it.

    Raises `LibraryExists` where a library has that database already, `StateError`.
    """
    with State.create(paths.state, url) as state:
        state.fill_from(paths.state)
    write_config(paths, config.model_copy(update={"state": url}))
    paths.state.unlink()


def read_backup(source: Path) -> Backup:
    """Read ``backup.json``. Raises `LibraryNotFound`, or `LibraryFormatError` if it is broken."""
    try:
        return Backup.model_validate_json((source / MANIFEST).read_bytes())
    except OSError:
        raise LibraryNotFound(f"no backup at {source}: {MANIFEST} is missing") from None
    except ValidationError as exc:
        raise LibraryFormatError(f"{source / MANIFEST} is broken: {exc.errors()[0]['msg']}") from exc


def check_backup(source: Path, on_file: OnFile = lambda _done, _all: None) -> list[str]:
    """Return what is wrong with the backup at ``source``, a line each: files that are missing, damaged or too many.

    Raises as `read_backup` does.
    """
    backup = read_backup(source)
    found = []
    for done, (name, entry) in enumerate(backup.files.items()):
        on_file(done, len(backup.files))
        try:
            digest, size = _copied(_inside(source, name), None)
        except OSError as exc:
            found.append(f"{name}: {exc.strerror}")
            continue
        if (digest, size) != (entry.sha256, entry.bytes):
            found.append(f"{name}: it is not what was backed up")
    on_file(len(backup.files), len(backup.files))
    known = {*backup.files, MANIFEST}
    found += [f"{name}: it is no part of the backup" for name in map(str, _files(source)) if name not in known]
    return found


def unsound(store: "Store", dim: int, on_file: OnFile) -> Iterator[str]:
    """Yield what is wrong with the records of an open store, a line each."""
    after, seen, total = None, 0, store.count()
    while page := store.page(PAGE, after):
        vectors = store.get([record.id for record in page], vectors=True)
        for record in page:
            vector = vectors[record.id].vector if record.id in vectors else None
            if vector is None or vector.shape != (dim,):
                yield f"{record.id}: its vector cannot be read"
            elif not abs(float(np.linalg.norm(vector)) - 1) < 0.01:
                yield f"{record.id}: its vector has not the length 1"
        seen += len(page)
        after = (page[-1].sha256, page[-1].id)
        on_file(seen, total)
    if seen != store.count():
        yield f"{store.count():,} pictures are counted, {seen:,} can be read"


def _draft(target: Path) -> Path:
    """The folder beside ``target`` in which it is made. Raises `LibraryExists`, `LibraryError`."""
    if target.exists():
        raise LibraryExists(f"{target} is there already: choose another folder")
    if not target.absolute().parent.is_dir():
        raise LibraryError(f"the folder {target.absolute().parent} is not there")
    draft = target.absolute().with_name(f".{target.name}.draft")
    shutil.rmtree(draft, ignore_errors=True)
    return draft


def copy_new(source: Path, target: Path) -> None:
    """Copy the files that ``target`` lacks; those that were sent never change. One that is deleted meanwhile is not
    needed."""
    for name in _files(source):
        place = target / name
        if not place.exists() and name.suffix != ".draft":
            place.parent.mkdir(parents=True, exist_ok=True)
            try:
                shutil.copyfile(source / name, place)
            except FileNotFoundError:
                place.unlink(missing_ok=True)


def _digests(folder: Path, stop: threading.Event, on_file: OnFile) -> dict[str, FileEntry] | None:
    entries: dict[str, FileEntry] = {}
    names = sorted(_files(folder))
    for done, name in enumerate(names):
        if stop.is_set():
            return None
        on_file(done, len(names))
        digest, size = _copied(folder / name, None)
        _sync(folder / name)
        entries[name.as_posix()] = FileEntry(bytes=size, sha256=digest)
    on_file(len(names), len(names))
    return entries


def _files(folder: Path) -> Iterator[Path]:
    """Yield the paths of all files in ``folder``, relative to it."""
    return (file.relative_to(folder) for file in folder.rglob("*") if file.is_file() and not file.is_symlink())


def _inside(source: Path, name: str) -> Path:
    """The path of a file of a backup: never outside of it, whatever its manifest says."""
    path = source / name
    if not path.resolve().is_relative_to(source.resolve()):
        raise LibraryFormatError(f"{source / MANIFEST} names a file outside of the backup: {name}")
    return path


def _copied(source: Path, target: Path | None) -> tuple[str, int]:
    """Return the digest and the size of a file, which is copied where there is a ``target``."""
    digest, size = hashlib.sha256(), 0
    with source.open("rb") as file, open(target or os.devnull, "wb") as copy:  # noqa: PTH123  devnull is no Path
        while block := file.read(BLOCK):
            digest.update(block)
            copy.write(block)
            size += len(block)
    return digest.hexdigest(), size


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
