"""Manifests: CSV or JSONL files that name pictures and their attributes; and plain lists of URLs."""

import csv
import json
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, TypeAlias

from yunmeng.errors import PictureError, Reason, SourceError
from yunmeng.ingest.entries import Entry
from yunmeng.ingest.paths import FileFinder
from yunmeng.ingest.tables import cells_of, records
from yunmeng.ingest.text import is_decoded, read_lines
from yunmeng.media.readers import claims
from yunmeng.net.fetch import is_url
from yunmeng.stores.schema import admit, coerce_text
from yunmeng.types import Attributes, AttributeSchema

__all__ = ["MANIFEST_ENDINGS", "manifest_entries", "url_list_entries"]

MANIFEST_ENDINGS = frozenset({".csv", ".tsv", ".jsonl", ".ndjson"})

PLACE_COLUMNS = ("path", "url", "uri")
"""The columns that say where a picture is; the first that a row fills counts."""

DELIMITERS: Final = {".csv": ",;\t|", ".tsv": "\t,;|"}
"""What parts the cells, the most probable first: the first line shows which it is."""

Row: TypeAlias = Mapping[str, Any] | PictureError


def manifest_entries(file: Path, roots: Sequence[Path], schema: AttributeSchema) -> Iterator[Entry]:
    """Yield the pictures of a manifest, row by row.

    A row names a picture in ``path`` or ``url`` (or ``uri``, for either) and may give it an ``id``. All other columns
    are attributes: declared ones are converted to their type, others kept as they are. A relative path is looked for
    below each of ``roots`` and then beside the manifest. Without ``id`` a picture's id is its path as the manifest
    gives it, or its URL. A row that is wrong becomes an entry with a ``problem``.

    Raises `SourceError` if the manifest as a whole cannot be read.
    """
    finder = FileFinder([*roots, file.parent])
    textual = file.suffix.lower() in DELIMITERS
    named: dict[str, int] = {}  # paths of rows without an id -> line
    for number, row in _delimited_rows(file, schema) if textual else _json_rows(file, schema):
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


def _delimited_rows(file: Path, schema: AttributeSchema) -> Iterator[tuple[int, Row]]:
    with closing(read_lines(file)) as text:
        lines = enumerate(text, 1)
        delimiter, columns = _header(file, lines, schema)

        def names_picture(cells: list[str]) -> bool:
            """Return whether these are certainly the cells of a row, and not part of a text that has several lines."""
            row = dict(zip(columns, cells, strict=False))
            places = [row[column].strip() for column in PLACE_COLUMNS if row.get(column)]
            return len(cells) == len(columns) > 1 and any(is_url(place) or claims(place) for place in places)

        for number, cells in records(lines, delimiter, len(columns), names_picture):
            row = _of_cells(cells, columns)
            if isinstance(row, PictureError):
                yield number, row
            elif row is not None:
                yield number, _decimal_points(row, schema) if delimiter == ";" else row


def _of_cells(cells: list[str] | str, columns: Sequence[str]) -> dict[str, str] | PictureError | None:
    """Return what a row says, or what is wrong with it; None for one that is empty."""
    if isinstance(cells, str):
        return PictureError(Reason.BAD_ATTRIBUTE, cells)
    filled = [cell.strip() for cell in cells]
    if not any(filled):
        return None
    row = dict(zip(columns, filled, strict=False))
    if any(filled[len(columns) :]) or row.pop("", ""):
        return PictureError(Reason.BAD_ATTRIBUTE, "there are more cells than in the first line")
    if not all(map(is_decoded, filled)):
        return PictureError(Reason.BAD_ATTRIBUTE, "it has bytes that are no text in the file's encoding")
    return row


def _header(file: Path, lines: Iterator[tuple[int, str]], schema: AttributeSchema) -> tuple[str, list[str]]:
    """Return the separator of the cells and the names of the columns, from the first line. Raises `SourceError`."""
    first = next((line for _, line in lines if line.strip()), "")
    delimiters = DELIMITERS[file.suffix.lower()]
    if told := re.fullmatch(r"sep=(.)\s*", first):  # as Excel writes it
        delimiters, first = told[1], next((line for _, line in lines if line.strip()), "")
    for delimiter in delimiters:
        try:
            columns = _columns(tuple(cells_of(first, delimiter)), frozenset(schema))
        except csv.Error:
            continue
        if not set(PLACE_COLUMNS).isdisjoint(columns):
            twice = {name for name in columns if name and columns.count(name) > 1}
            if twice:
                raise SourceError(f"{file} has two columns named {min(twice)}: rename or remove one")
            return delimiter, columns
    raise SourceError(f"{file} needs a first line with a column named {', '.join(PLACE_COLUMNS[:-1])} or uri")


def _columns(names: tuple[str, ...], declared: frozenset[str]) -> list[str]:
    """Names without blanks around them, and in the letter case that is known where they differ in nothing else."""
    known = {*PLACE_COLUMNS, "id", *declared}
    told = [name.strip() for name in names]
    cased = {name.casefold(): name for name in sorted(known, reverse=True)}
    return [
        name if name in known or cased.get(name.casefold()) in told else cased.get(name.casefold(), name)
        for name in told
    ]


def _decimal_points(row: Mapping[str, str], schema: AttributeSchema) -> Mapping[str, str]:
    """Turn decimal commas into points: cells separated by semicolons are so because numbers are written as 1,5."""
    return {
        name: cell.replace(",", ".") if schema.get(name) == "float" and re.fullmatch(r"[+-]?\d+,\d+", cell) else cell
        for name, cell in row.items()
    }


def _json_rows(file: Path, schema: AttributeSchema) -> Iterator[tuple[int, Row]]:
    columns = lru_cache(maxsize=256)(lambda names: _columns(names, frozenset(schema)))
    with closing(read_lines(file)) as text:
        yield from _of_json(text, columns)


def _of_json(text: Iterable[str], columns: Callable[[tuple[str, ...]], list[str]]) -> Iterator[tuple[int, Row]]:
    for number, line in enumerate(text, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line, object_pairs_hook=_each_once)
        except (ValueError, RecursionError) as exc:
            yield number, PictureError(Reason.BAD_ATTRIBUTE, f"this is no JSON: {exc}")
            continue
        if not isinstance(row, dict):
            yield number, PictureError(Reason.BAD_ATTRIBUTE, "this is no JSON object")
        elif not is_decoded(line):
            yield number, PictureError(Reason.BAD_ATTRIBUTE, "it has bytes that are no text in the file's encoding")
        else:
            yield number, dict(zip(columns(tuple(row)), row.values(), strict=True))


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(name for n, (name, _) in enumerate(pairs) if name in dict(pairs[:n]))
        raise ValueError(f"the key {twice!r} is there twice")
    return found
