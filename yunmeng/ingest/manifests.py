"""Manifests: CSV or JSONL files that name pictures and their attributes; and plain lists of URLs."""

import csv
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from yunmeng.errors import PictureError, Reason, SourceError
from yunmeng.fetch import is_url
from yunmeng.ingest.entries import Entry
from yunmeng.stores.schema import coerce_text, conform
from yunmeng.types import Attributes, AttributeSchema

__all__ = ["MANIFEST_ENDINGS", "manifest_entries", "url_list_entries"]

MANIFEST_ENDINGS = frozenset({".csv", ".tsv", ".jsonl", ".ndjson"})

PLACE_COLUMNS = ("path", "url", "uri")
"""The columns that say where a picture is; the first that a row fills counts."""


def manifest_entries(file: Path, roots: Sequence[Path], schema: AttributeSchema) -> Iterator[Entry]:
    """The pictures of a manifest, row by row.

    A row names a picture in ``path`` or ``url`` (or ``uri``, for either), may give it an ``id``, and whatever else
    it holds are attributes: declared ones are brought to their type, others kept as they are. A relative path is
    looked for below each of ``roots`` and then beside the manifest. Without ``id`` a picture's id is its path as the
    manifest gives it, or its URL. A row that is wrong becomes an entry with a ``problem``.

    Raises `SourceError` if the manifest as a whole cannot be read.
    """
    folders = [*roots, file.parent]
    textual = file.suffix.lower() in (".csv", ".tsv")
    rows = _delimited_rows(file) if textual else _json_rows(file)
    for place, row in rows:
        yield _entry(row, place, folders, schema, textual=textual)


def url_list_entries(file: Path) -> Iterator[Entry]:
    """A list of URLs, one a line; blank lines and lines that begin with # are passed over. A URL is its own id."""
    for number, line in enumerate(_lines(file), 1):
        url = line.strip()
        if not url or url.startswith("#"):
            continue
        problem = None
        if not is_url(url):
            problem = PictureError(Reason.UNFETCHABLE, f"{file.name} line {number} is no http or https URL")
        yield Entry(id=url, uri=url, problem=problem)


def _entry(
    row: Mapping[str, Any] | PictureError,
    place: str,
    folders: Sequence[Path],
    schema: AttributeSchema,
    *,
    textual: bool,
) -> Entry:
    if isinstance(row, PictureError):
        return Entry(id=place, uri=place, problem=row)
    named = next((str(row[column]) for column in PLACE_COLUMNS if row.get(column)), "")
    if not named:
        problem = PictureError(Reason.UNREADABLE, f"{place} has none of the columns {', '.join(PLACE_COLUMNS)}")
        return Entry(id=place, uri=place, problem=problem)
    uri = named if is_url(named) else _locate(named, folders)
    key = str(row.get("id") or named.replace(os.sep, "/"))
    rest = {name: value for name, value in row.items() if name not in (*PLACE_COLUMNS, "id")}
    try:
        attributes = conform(_from_text(rest, schema) if textual else _present(rest), schema)
    except PictureError as exc:
        return Entry(id=key, uri=uri, problem=PictureError(exc.reason, f"{place}: {exc.detail}"))
    return Entry(id=key, uri=uri, attributes=attributes)


def _locate(named: str, folders: Sequence[Path]) -> str:
    """The absolute path of a picture that a manifest names; where it is nowhere, the first place it could be."""
    candidates = [os.path.abspath(folder / named) for folder in folders]  # noqa: PTH100  links stay as named
    return next((path for path in candidates if os.path.exists(path)), candidates[0])  # noqa: PTH110


def _from_text(values: Mapping[str, str], schema: AttributeSchema) -> Attributes:
    """Cells of a CSV file; an empty cell means no value."""
    cells = _present(values)
    return {name: coerce_text(text, schema[name], name) if name in schema else text for name, text in cells.items()}


def _present(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value not in (None, "")}


def _delimited_rows(file: Path) -> Iterator[tuple[str, Mapping[str, str] | PictureError]]:
    delimiter = "\t" if file.suffix.lower() == ".tsv" else ","
    reader = csv.DictReader(_lines(file), delimiter=delimiter, restkey="", restval="", strict=True)
    try:
        header = reader.fieldnames or ()
        if not set(PLACE_COLUMNS) & set(header):
            raise SourceError(f"{file} needs a first line with a column named {', '.join(PLACE_COLUMNS[:-1])} or uri")
        for row in reader:
            place = f"{file.name} line {reader.line_num}"
            if "" in row:
                yield place, PictureError(Reason.BAD_ATTRIBUTE, f"{place} has more cells than the first line")
            else:
                yield place, {name.strip(): cell.strip() for name, cell in row.items()}
    except csv.Error as exc:
        raise SourceError(f"{file} line {reader.line_num} is no CSV: {exc}") from exc


def _json_rows(file: Path) -> Iterator[tuple[str, Mapping[str, Any] | PictureError]]:
    for number, line in enumerate(_lines(file), 1):
        if not line.strip():
            continue
        place = f"{file.name} line {number}"
        try:
            row = json.loads(line)
        except ValueError as exc:
            yield place, PictureError(Reason.BAD_ATTRIBUTE, f"{place} is no JSON: {exc}")
            continue
        if isinstance(row, dict):
            yield place, row
        else:
            yield place, PictureError(Reason.BAD_ATTRIBUTE, f"{place} is no JSON object")


def _lines(file: Path) -> Iterator[str]:
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            yield from stream
    except OSError as exc:
        raise SourceError(f"cannot read {file}: {exc.strerror}") from exc
    except UnicodeDecodeError as exc:
        raise SourceError(f"{file} is not UTF-8: save it as UTF-8 and try again") from exc
