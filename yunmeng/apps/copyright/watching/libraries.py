"""All pictures of a library checked against the works, so that a run that was stopped goes on where it was."""

import threading
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

from yunmeng.errors import OriginalGone, PictureError, StoreError

if TYPE_CHECKING:
    from yunmeng.apps.copyright.watching.findings import Findings
    from yunmeng.apps.copyright.watching.inspector import Inspector
    from yunmeng.library.library import Library
    from yunmeng.types import Record

__all__ = ["LibraryTally", "OnCheck", "check_library"]


@dataclass(frozen=True, slots=True)
class LibraryTally:
    """The progress of a check of ``total`` pictures.

    ``skipped`` were checked before, or are registered works themselves; ``interrupted``: it was stopped before its end.
    """

    total: int
    checked: int = 0
    skipped: int = 0
    failed: int = 0
    interrupted: bool = False


OnCheck: TypeAlias = Callable[[LibraryTally], None]


def check_library(
    library: "Library",
    name: Callable[["Record"], str],
    registered: Collection[str],
    findings: "Findings",
    inspector: "Inspector",
    on_check: OnCheck,
    stop: threading.Event,
) -> LibraryTally:
    """Check the pictures of ``library``, each named by ``name``, that are not ``registered``, by their SHA-256."""
    tally = LibraryTally(library.count())
    on_check(tally)
    for record in library.iterate():
        if stop.is_set():
            return replace(tally, interrupted=True)
        if record.sha256 in registered or findings.was_seen(record.sha256):
            tally = replace(tally, skipped=tally.skipped + 1)
        elif _check(library, record, name(record), inspector):
            tally = replace(tally, checked=tally.checked + 1)
        else:
            tally = replace(tally, failed=tally.failed + 1)
        on_check(tally)
    inspector.deliver()
    return tally


def _check(library: "Library", record: "Record", name: str, inspector: "Inspector") -> bool:
    """Check a picture; return False where its file cannot be read."""
    try:
        picture = library.original(record)
    except (OriginalGone, PictureError, StoreError) as exc:
        inspector.fail(name, str(exc))
        return False
    return inspector.check(name, picture)
