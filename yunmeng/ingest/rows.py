"""Rows of tables: CSV in its dialects, JSONL and Parquet. A row that is badly written spoils no other."""

import csv
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, TypeAlias

from yunmeng.errors import MissingExtra, PictureError, Reason, SourceError
from yunmeng.ingest.tables import cells_of, records
from yunmeng.ingest.text import is_decoded, read_lines
from yunmeng.types import AttributeSchema

__all__ = ["DELIMITERS", "Row", "TableFormat", "is_textual", "read_rows"]

DELIMITERS: Final = {".csv": ",;\t|", ".tsv": "\t,;|"}
"""What parts the cells, the most probable first: the first line shows which it is."""
_PARQUET_ROWS: Final = 1000  # that are read together

Row: TypeAlias = Mapping[str, Any] | PictureError
"""The values of a row by the names of their columns, or what is wrong with it."""


@dataclass(frozen=True, slots=True)
class TableFormat:
    """What a reader of tables knows of their columns.

    Attributes:
        known: Names of columns that are recognised in any letter case.
        schema: Declared attributes; their names are known too, and decimal commas of floats are read.
        is_header: Whether columns are those of such a table.
        wanted: What the error says is needed where they are not.
        is_record: Whether a row is certainly a record of its own, and no part of a text that has several lines.
    """

    known: frozenset[str]
    schema: AttributeSchema
    is_header: Callable[[Sequence[str]], bool]
    wanted: str
    is_record: Callable[[Mapping[str, str]], bool]


def is_textual(file: Path) -> bool:
    """Return whether all values of a table are text, as in CSV."""
    return file.suffix.lower() in DELIMITERS


def read_rows(file: Path, format: TableFormat) -> Iterator[tuple[int, Row]]:
    """Yield the rows of a .csv, .tsv, .jsonl, .ndjson or .parquet file, each with its line, or with its number from 1.

    Raises `SourceError` if the file as a whole cannot be read, `MissingExtra` for Parquet without its extra.
    """
    if is_textual(file):
        return _delimited_rows(file, format)
    if file.suffix.lower() == ".parquet":
        return _parquet_rows(file, format)
    return _json_rows(file, format)


def _delimited_rows(file: Path, format: TableFormat) -> Iterator[tuple[int, Row]]:
    with closing(read_lines(file)) as text:
        lines = enumerate(text, 1)
        delimiter, columns = _header(file, lines, format)

        def is_record(cells: list[str]) -> bool:
            return len(cells) == len(columns) > 1 and format.is_record(dict(zip(columns, cells, strict=False)))

        for number, cells in records(lines, delimiter, len(columns), is_record):
            row = _of_cells(cells, columns)
            if isinstance(row, PictureError):
                yield number, row
            elif row is not None:
                yield number, _decimal_points(row, format.schema) if delimiter == ";" else row


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


def _header(file: Path, lines: Iterator[tuple[int, str]], format: TableFormat) -> tuple[str, list[str]]:
    """Return the separator of the cells and the names of the columns, from the first line. Raises `SourceError`."""
    first = next((line for _, line in lines if line.strip()), "")
    delimiters = DELIMITERS[file.suffix.lower()]
    if told := re.fullmatch(r"sep=(.)\s*", first):  # as Excel writes it
        delimiters, first = told[1], next((line for _, line in lines if line.strip()), "")
    for delimiter in delimiters:
        try:
            columns = _columns(cells_of(first, delimiter), format)
        except csv.Error:
            continue
        if format.is_header(columns):
            twice = {name for name in columns if name and columns.count(name) > 1}
            if twice:
                raise SourceError(f"{file} has two columns named {min(twice)}: rename or remove one")
            return delimiter, columns
    raise SourceError(f"{file} needs a first line with {format.wanted}")


def _columns(names: Iterable[str], format: TableFormat) -> list[str]:
    """Names without blanks around them, and in the letter case that is known where they differ in nothing else."""
    known = format.known | frozenset(format.schema)
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


def _json_rows(file: Path, format: TableFormat) -> Iterator[tuple[int, Row]]:
    columns = lru_cache(maxsize=256)(lambda names: _columns(names, format))
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


def _parquet_rows(file: Path, format: TableFormat) -> Iterator[tuple[int, Row]]:
    try:
        from pyarrow import ArrowException
        from pyarrow.parquet import ParquetFile
    except ImportError as exc:
        raise MissingExtra("reading Parquet", "shop") from exc
    number = 0
    try:
        with ParquetFile(file) as table:
            columns = _columns(table.schema_arrow.names, format)
            if not format.is_header(columns):
                raise SourceError(f"{file} needs {format.wanted}")
            for batch in table.iter_batches(_PARQUET_ROWS):
                for row in batch.to_pylist():
                    number += 1
                    yield number, dict(zip(columns, row.values(), strict=True))
    except (ArrowException, OSError) as exc:
        raise SourceError(f"{file} is no Parquet file that can be read: {exc}") from exc
