"""From files, folders and manifests to pictures of the library, with what is said about each."""

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar

from yunmeng.apps.copyright.types import Details
from yunmeng.errors import PictureError
from yunmeng.imaging.files import read
from yunmeng.imaging.fingerprint import sha256
from yunmeng.ingest.entries import Entry
from yunmeng.ingest.sources import Sources
from yunmeng.net.fetch import is_url
from yunmeng.types import Failure, OnTally, Record

if TYPE_CHECKING:
    from yunmeng.library.library import Library

__all__ = ["Named", "batches", "named_pictures"]

_COLUMNS: Final = {name: name for name in ("owner", "title", "licence", "date", "notes")} | {"license": "licence"}
_BATCH: Final = 500

T = TypeVar("T")


class Named(NamedTuple):
    """A picture that was named, its record, and what is said about it."""

    source: str
    record: Record
    details: Details


def named_pictures(
    library: "Library",
    paths: Sequence[str | Path],
    manifest: str | Path | None,
    defaults: Details,
    on_tally: OnTally | None,
    stop: threading.Event,
) -> tuple[Iterator[Named], list[Failure]]:
    """Return the pictures that ``paths`` and ``manifest`` name, and a list of those that could not be used.

    Those that the library lacks, by the SHA-256 of their bytes, are indexed first; the records of the others stay as
    they are. Columns of a manifest take the place of ``defaults``. The list grows while the pictures are read.
    """
    failures: list[Failure] = []
    entries: list[tuple[Entry, str]] = []
    for entry in Sources(paths, manifest, library.schema).entries():
        if stop.is_set():
            return iter(()), failures
        try:
            entries.append((entry, _key(entry, library.settings.max_file_bytes)))
        except PictureError as exc:
            failures.append(Failure(entry.source, str(exc)))
    found = _records(library, entries)
    missing = {entry.uri for entry, key in entries if key not in found}
    if missing:
        report = library.writer.index(
            paths, manifest=manifest, on_tally=on_tally, stop=stop, wanted=lambda entry: entry.uri in missing
        )
        failures += report.failed
        found |= _records(library, [(entry, key) for entry, key in entries if key not in found])
    return _with_details(entries, found, defaults, failures), failures


def batches(items: Iterable[T], size: int = _BATCH) -> Iterator[list[T]]:
    """Yield the items in lists."""
    rest = iter(items)
    while batch := list(islice(rest, size)):
        yield batch


def _key(entry: Entry, max_bytes: int) -> str:
    """Return the URL of a picture, or the SHA-256 of its file: it is looked up by that. Raises `PictureError`."""
    if entry.problem is not None:
        raise entry.problem
    return entry.uri if is_url(entry.uri) else sha256(read(Path(entry.uri), max_bytes=max_bytes))


def _records(library: "Library", entries: Sequence[tuple[Entry, str]]) -> dict[str, Record]:
    """Return the records of those that the library has, by key."""
    found: dict[str, Record] = {}
    for batch in batches(entries):
        of_web = {entry.id: key for entry, key in batch if is_url(entry.uri)}
        digests = dict.fromkeys(key for entry, key in batch if not is_url(entry.uri))
        records = library.reader.get_many(list(of_web))
        found.update((of_web[id], record) for id, record in records.items() if record.uri == of_web[id])
        uris = {entry.uri for entry, _ in batch}
        twins = library.generation.store.find_sha256(list(digests))
        for digest, same in twins.items():
            whole = sorted((record for record in same if not record.part), key=lambda record: record.id)
            if whole:
                found[digest] = next((record for record in whole if record.uri in uris), whole[0])
    return found


def _with_details(
    entries: Sequence[tuple[Entry, str]], found: Mapping[str, Record], defaults: Details, failures: list[Failure]
) -> Iterator[Named]:
    told = {failure.path for failure in failures}
    for entry, key in entries:
        if key in found:
            yield Named(entry.source, found[key], _details(entry, defaults))
        elif entry.certain and entry.source not in told:
            failures.append(Failure(entry.source, "it was not indexed"))


def _details(entry: Entry, defaults: Details) -> Details:
    columns = ((_COLUMNS.get(name.casefold()), value) for name, value in (entry.attributes or {}).items())
    given = {name: _text(value) for name, value in columns if name is not None and value not in (None, "", [])}
    return replace(defaults, **given)


def _text(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
