"""Pictures of the user's own that a model is fitted on: of files and folders, and of a library."""

import heapq
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from yunmeng.config import Settings
    from yunmeng.encoders.fitting import Source

__all__ = ["in_files", "in_library"]


def in_files(paths: tuple[Path, ...], settings: "Settings") -> "list[Source]":
    """Return the pictures of files and folders."""
    from yunmeng.imaging.files import is_picture, read
    from yunmeng.ingest.folders import file_entry, folder_entries

    def source(path: Path) -> "Source":
        return str(path), lambda: read(path, max_bytes=settings.max_file_bytes)

    entries = [entry for path in paths for entry in (folder_entries(path) if path.is_dir() else [file_entry(path)])]
    return [
        source(Path(entry.uri))
        for entry in entries
        if entry.problem is None and (entry.certain or is_picture(Path(entry.uri)))
    ]


def in_library(db: str, settings: "Settings", opened: ExitStack, most: int) -> "list[Source]":
    """Return up to ``most`` pictures of a library, which is open as long as ``opened`` is."""
    from yunmeng.library.library import Library
    from yunmeng.types import Record

    library = opened.enter_context(Library.open(db, settings=settings))

    def source(record: Record) -> "Source":
        return record.id, lambda: library.original(record)

    # The order of the digests is a random one that is always the same.
    return [source(record) for record in heapq.nsmallest(most, library.iterate(), key=lambda r: r.sha256)]
