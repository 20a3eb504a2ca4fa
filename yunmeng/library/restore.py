"""Restoring of backups, into a folder or over a store and a state on servers."""

import shutil
from pathlib import Path

from yunmeng.config import Settings
from yunmeng.errors import LibraryError, LibraryFormatError
from yunmeng.ingest.pipeline import OPTIMISE_FROM
from yunmeng.library.backup import Backup, OnFile, copy_file, inside, move_state, new_draft, read_backup
from yunmeng.library.config import read_config
from yunmeng.library.library import Library
from yunmeng.library.opening import open_store
from yunmeng.library.paths import LibraryPaths
from yunmeng.library.transfer import MARK, copy_library
from yunmeng.state.backend import DEFAULT_STATE
from yunmeng.state.urls import check_state, named_state
from yunmeng.stores.registry import DEFAULT_STORE, check_url

__all__ = ["restore"]


def restore(
    source: Path,
    folder: Path,
    on_file: OnFile = lambda _done, _all: None,
    state: str = DEFAULT_STATE,
    store: str = DEFAULT_STORE,
) -> Backup:
    """Make a library at ``folder``, which is not there yet, of the backup at ``source``. All files are checked.

    Its vectors lie in the folder, or in the store at the URL ``store``, and its state in the folder, or in a new schema
    of the PostgreSQL at ``state``. What is written to another store is compared with the backup, record by record. If
    that is stopped or killed, the same call goes on with it.

    Raises:
        LibraryNotFound, LibraryExists, LibraryError, StoreError, StateError.
        LibraryFormatError: The backup is damaged.
    """
    backup = read_backup(source)
    check_state(state)
    check_url(store)
    begun = (folder / MARK).exists()  # a restore to another store that was stopped
    draft = new_draft(folder.with_name(f"{folder.name}.restored") if begun else folder)
    try:
        _bring(source, backup, draft, on_file)
        if store == DEFAULT_STORE:
            if backup.digest:
                _index(draft)
            if state != DEFAULT_STATE:
                paths = LibraryPaths(draft)
                move_state(paths, read_config(paths), named_state(state, folder.absolute().name))
            draft.rename(folder)
        else:
            _fill(backup, draft, folder, on_file, state, store)
    except OSError as exc:
        raise LibraryError(f"cannot restore {source} to {folder}: {exc}") from exc
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return backup


def _bring(source: Path, backup: Backup, draft: Path, on_file: OnFile) -> None:
    """Copy all files. Raises `LibraryFormatError` for one that is not what was backed up."""
    draft.mkdir()
    for done, (name, entry) in enumerate(backup.files.items()):
        on_file(done, len(backup.files))
        place = draft / name
        place.parent.mkdir(parents=True, exist_ok=True)
        digest, size = copy_file(inside(source, name), place)
        if (digest, size) != (entry.sha256, entry.bytes):
            raise LibraryFormatError(f"{source / name} is damaged: it is not what was backed up")
    on_file(len(backup.files), len(backup.files))


def _index(folder: Path) -> None:
    """Index the records of a backup that were read from another store: to write a backup takes less time without."""
    paths = LibraryPaths(folder)
    store = open_store(read_config(paths), paths)
    try:
        if store.unindexed() >= OPTIMISE_FROM:
            store.optimise()
    finally:
        store.close()


def _fill(backup: Backup, draft: Path, folder: Path, on_file: OnFile, state: str, store: str) -> None:
    """Copy the library in ``draft`` to ``folder`` over other servers."""
    with Library.open(draft, settings=Settings.load()) as library:
        report = copy_library(library, folder, store, on_file, state=state)
    if backup.digest and report.digest != backup.digest:
        raise LibraryFormatError("the records of the backup are others than its manifest says: take an earlier backup")
