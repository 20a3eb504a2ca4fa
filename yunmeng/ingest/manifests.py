"""Manifests: CSV or JSONL files that name pictures and their attributes; and plain lists of URLs."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from yunmeng.errors import PictureError, Reason
from yunmeng.ingest.entries import Entry
from yunmeng.ingest.paths import FileFinder
from yunmeng.ingest.rows import Row, TableFormat, is_textual, read_rows
from yunmeng.ingest.text import read_lines
from yunmeng.media.readers import claims
from yunmeng.net.fetch import is_url
from yunmeng.stores.schema import admit, coerce_text
from yunmeng.types import Attributes, AttributeSchema

__all__ = ["MANIFEST_ENDINGS", "manifest_entries", "url_list_entries"]

MANIFEST_ENDINGS = frozenset({".csv", ".tsv", ".jsonl", ".ndjson"})

PLACE_COLUMNS = ("path", "url", "uri")
"""The columns that say where a picture is; the first that a row fills counts."""


def manifest_entries(file: Path, roots: Sequence[Path], schema: AttributeSchema) -> Iterator[Entry]:
    """Yield the pictures of a manifest, row by row.

    A row names a picture in ``path`` or ``url`` (or ``uri``, for either) and may give it an ``id``. All other columns
    are attributes: declared ones are converted to their type, others kept as they are. A relative path is looked for
    below each of ``roots`` and then beside the manifest. Without ``id`` a picture's id is its path as the manifest
    gives it, or its URL. A row that is wrong becomes an entry with a ``problem``.

    Raises `SourceError` if the manifest as a whole cannot be read.
    """
    finder = FileFinder([*roots, file.parent])
    textual = is_textual(file)
    named: dict[str, int] = {}  # paths of rows without an id -> line
    for number, row in read_rows(file, _format(schema)):
        entry = _entry(row, f"{file.name} line {number}", finder, schema, textual=textual)
        if entry.path and (first := named.setdefault(entry.uri, number)) != number:
            entry = _refused(entry, PictureError(Reason.BAD_ID, f"line {first} names the same picture, without an id"))
        yield entry


def url_list_entries(file: Path) -> Iterator[Entry]:
    """Yield the URLs of a list, one a line, except blank lines and lines that begin with #. A URL is its own id."""
    for number, line in enumerate(read_lines(file), 1):
        url = line.strip()
        if not url or url.startswith("#"):
            continue
        problem = None
        if not is_url(url):
            problem = PictureError(Reason.UNFETCHABLE, f"{file.name} line {number} is no http or https URL")
        yield Entry(id=url, uri=url, problem=problem)


def _format(schema: AttributeSchema) -> TableFormat:
    return TableFormat(
        known=frozenset({*PLACE_COLUMNS, "id"}),
        schema=schema,
        is_header=lambda columns: not set(PLACE_COLUMNS).isdisjoint(columns),
        wanted=f"a column named {', '.join(PLACE_COLUMNS[:-1])} or uri",
        is_record=lambda row: any(
            is_url(place) or claims(place) for column in PLACE_COLUMNS if (place := row.get(column, "").strip())
        ),
    )


def _entry(row: Row, place: str, finder: FileFinder, schema: AttributeSchema, *, textual: bool) -> Entry:
    entry = Entry(id=place, uri=place, place=place)
    try:
        if isinstance(row, PictureError):
            raise row
        named = _named(row)
        uri, path = (named, "") if is_url(named) else finder.find(named)
        entry = Entry(id=path or named, uri=uri, path=path, place=place)
        key = _key(row)
        if key:
            entry = Entry(id=key, uri=uri, place=place)
        rest = {name: value for name, value in row.items() if name not in (*PLACE_COLUMNS, "id")}
        attributes = admit(_from_text(rest, schema) if textual else _present(rest), schema)
    except PictureError as exc:
        return _refused(entry, exc)
    return replace(entry, attributes=attributes)


def _refused(entry: Entry, problem: PictureError) -> Entry:
    return replace(entry, problem=PictureError(problem.reason, f"{entry.place}: {problem.detail}"))


def _named(row: Mapping[str, Any]) -> str:
    """The path or URL of a row. Raises `PictureError`."""
    for column in PLACE_COLUMNS:
        value = row.get(column)
        if isinstance(value, str) and value.strip():
            return value
        if value not in (None, "") and not isinstance(value, str):
            raise PictureError(Reason.UNREADABLE, f"{column} is {_shown(value)}, which is no text")
    raise PictureError(Reason.UNREADABLE, f"none of the columns {', '.join(PLACE_COLUMNS)} has a value")


def _key(row: Mapping[str, Any]) -> str:
    """The id that a row gives, or "". Raises `PictureError` (bad-id) for what is neither text nor a number."""
    value = row.get("id")
    if value is None or isinstance(value, str):
        return value or ""
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        return str(value)
    raise PictureError(Reason.BAD_ID, f"the id is {_shown(value)}: give text or a number")


def _shown(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:60]}..."


def _from_text(values: Mapping[str, str], schema: AttributeSchema) -> Attributes:
    """Cells of a CSV file; an empty cell means no value."""
    cells = _present(values)
    return {name: coerce_text(text, schema[name], name) if name in schema else text for name, text in cells.items()}


def _present(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value not in (None, "")}
