"""Backups of a library: a folder with all that it keeps, and the SHA-256 of every file, which ``backup.json`` lists.

The pictures that were indexed in place are not in it: they lie where they lay. Those that were sent to the library are.
"""

import hashlib
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

import numpy as np
from pydantic import BaseModel, ValidationError

from yunmeng.errors import LibraryError, LibraryExists, LibraryFormatError, LibraryNotFound
from yunmeng.library.config import write_config
from yunmeng.library.opening import create_store
from yunmeng.library.paths import LibraryPaths
from yunmeng.library.store_copy import compare_all, write
from yunmeng.state.backend import DEFAULT_STATE
from yunmeng.state.database import State
from yunmeng.stores.augmented import layers
from yunmeng.stores.pages import pages_with_vectors
from yunmeng.stores.registry import DEFAULT_STORE
from yunmeng.version import __version__

if TYPE_CHECKING:
    from yunmeng.library.config import LibraryConfig
    from yunmeng.library.generation import Generation
    from yunmeng.library.generations import Generations
    from yunmeng.library.resources import LibraryResources
    from yunmeng.stores.protocol import FileStore, Store

__all__ = [
    "MANIFEST",
    "Backup",
    "OnFile",
    "back_up",
    "check_backup",
    "copy_file",
    "copy_new",
    "inside",
    "move_state",
    "new_draft",
    "read_backup",
    "unsound",
]

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
    store: str = DEFAULT_STORE
    """The URL of the store that was backed up. Whatever it is, a backup holds its records in files."""
    digest: str = ""
    """SHA-256 of all records, as `yunmeng.library.store_copy` makes it; "" where the store's files were copied."""


def back_up(
    resources: "LibraryResources", generations: "Generations", target: Path, stop: threading.Event, on_file: OnFile
) -> Backup | None:
    """Write a backup to ``target``, a folder that is not there yet. Returns None if it was stopped.

    A store that keeps files has them copied; the records of any other are read, and written to an embedded store in the
    backup. Searches go on; changes wait while files are copied, or while records are compared at the end.

    Raises `LibraryExists`, `LibraryError`, `StoreError`, and `Busy` where another process moves or copies the library.
    """
    draft, digest = new_draft(target), ""
    state = draft / resources.paths.state.name
    try:
        with generations.moving():
            generation = generations.current
            config = generation.config.model_copy(update={"state": DEFAULT_STATE})
            draft.mkdir()
            uploads = resources.paths.uploads
            copy_new(uploads, draft / uploads.name)  # before and after the store, so that it has the files of both
            if generation.store.capabilities.files:
                with cast("FileStore", generation.store).frozen() as copy:
                    copy(draft)
                    resources.state.copy_to(state)
                    pictures = generation.store.count()
            else:
                config = config.model_copy(update={"store": DEFAULT_STORE})
                with closing(create_store(config, LibraryPaths(draft))) as filled:
                    digest = _fill(filled, generation, stop, on_file, lambda: resources.state.copy_to(state))
                    pictures = filled.count()
                if stop.is_set():
                    return None
            copy_new(uploads, draft / uploads.name)
            for small in (resources.paths.calibration, resources.paths.bands):
                if small.exists():
                    shutil.copyfile(small, draft / small.name)
            # Whatever database has the state, a backup has it in a file: nothing else is needed to restore it.
            write_config(LibraryPaths(draft), config)
        files = _digests(draft, stop, on_file)
        if files is None:
            return None
        backup = Backup(
            created=datetime.now(UTC),
            version=__version__,
            pictures=pictures,
            files=files,
            store=generation.config.store,
            digest=digest,
        )
        (draft / MANIFEST).write_text(backup.model_dump_json(indent=1), encoding="utf-8")
        _sync(draft / MANIFEST)
        draft.rename(target)
    except OSError as exc:
        raise LibraryError(f"cannot write the backup to {target}: {exc}") from exc
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
            digest, size = copy_file(inside(source, name), None)
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


def new_draft(target: Path) -> Path:
    """Return the folder beside ``target`` in which it is made. Raises `LibraryExists`, `LibraryError`."""
    if target.exists():
        raise LibraryExists(f"{target} is there already: choose another folder")
    if not target.absolute().parent.is_dir():
        raise LibraryError(f"the folder {target.absolute().parent} is not there")
    draft = target.absolute().with_name(f".{target.name}.draft")
    shutil.rmtree(draft, ignore_errors=True)
    return draft


def _fill(
    filled: "Store", generation: "Generation", stop: threading.Event, on_file: OnFile, at_the_end: Callable[[], None]
) -> str:
    """Write all records of a store that keeps no files to ``filled``, and return the digest of both.

    They are compared while no process writes; ``at_the_end`` is called then.
    """
    pairs = list(zip(layers(generation.store), layers(filled), strict=True))
    total, done = 2 * sum(old.count() for old, _ in pairs), 0

    def step(count: int) -> None:
        nonlocal done
        done += count
        on_file(min(done, total), total)

    for old, new in pairs:
        for page in pages_with_vectors(old, None, stop):
            step(write(new, page))
    with generation.still() as go_on:

        def compared(count: int) -> None:
            go_on()
            step(count)

        found = compare_all(pairs, stop, compared)
        if found is not None:
            at_the_end()
    for _, new in pairs:
        new.flush()
    return "" if found is None else found.digest


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
        digest, size = copy_file(folder / name, None)
        _sync(folder / name)
        entries[name.as_posix()] = FileEntry(bytes=size, sha256=digest)
    on_file(len(names), len(names))
    return entries


def _files(folder: Path) -> Iterator[Path]:
    """Yield the paths of all files in ``folder``, relative to it."""
    return (file.relative_to(folder) for file in folder.rglob("*") if file.is_file() and not file.is_symlink())


def inside(source: Path, name: str) -> Path:
    """The path of a file of a backup: never outside of it, whatever its manifest says."""
    path = source / name
    if not path.resolve().is_relative_to(source.resolve()):
        raise LibraryFormatError(f"{source / MANIFEST} names a file outside of the backup: {name}")
    return path


def copy_file(source: Path, target: Path | None) -> tuple[str, int]:
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
