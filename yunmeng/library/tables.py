"""Files of vectors and records: Parquet, or ``.npy`` with JSON lines beside it. Records come back as they were written.

The regions and second vectors of pictures are not in them: a library computes second vectors again, and
`yunmeng.library.transfer` copies both.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np

from yunmeng.errors import LibraryFormatError, LibraryNotFound, MissingExtra, SourceError
from yunmeng.stores.ids import escape, unescape
from yunmeng.types import AttributeSchema, Record, Vector

__all__ = ["FORMAT", "Table", "TableWriter", "read_table", "write_table"]

FORMAT: Final = 1
PAGE: Final = 1000
BLOCK: Final = 1 << 20
NAMED: Final = "attributes."
"""Begins the name of a declared attribute's column; what is not declared is JSON in the column ``others``."""


@dataclass(frozen=True, slots=True)
class Table:
    """A file that was opened: the ``facts`` of its header, how many records it has, and these, some at a time."""

    facts: dict[str, Any]
    count: int
    batches: Iterator[list[Record]]


class TableWriter(Protocol):
    """Writes records, and makes the file appear whole at the end, or not at all."""

    def write(self, records: Sequence[Record]) -> None: ...
    def finish(self) -> None: ...
    def abandon(self) -> None: ...


def write_table(place: Path, facts: dict[str, Any], dim: int, schema: AttributeSchema, count: int) -> TableWriter:
    """Return a writer by the ending of ``place``, for about ``count`` records. ``facts`` go into the header.

    Raises `SourceError` for another ending, and `MissingExtra`.
    """
    header = {"format": FORMAT, **facts}
    if place.suffix == ".parquet":
        return _ParquetWriter(place, header, dim, schema)
    if place.suffix == ".npy":
        return _ArrayWriter(place, header, dim, count)
    raise SourceError(f"{place.name} ends in neither .parquet nor .npy: the ending says what to write")


def read_table(place: Path) -> Table:
    """Open the file at ``place``.

    Raises `SourceError` for another ending, `LibraryNotFound`, `MissingExtra`, and `LibraryFormatError` where the file
    is damaged or none of ours.
    """
    if place.suffix not in (".parquet", ".npy"):
        raise SourceError(f"{place.name} ends in neither .parquet nor .npy")
    try:
        return _parquet_table(place) if place.suffix == ".parquet" else _array_table(place)
    except FileNotFoundError as exc:
        raise LibraryNotFound(f"{exc.filename or place} is not there") from None
    except (OSError, ValueError, KeyError, TypeError) as exc:
        raise LibraryFormatError(f"{place} cannot be read: {_line(exc)}") from exc


class _ParquetWriter:
    def __init__(self, place: Path, header: dict[str, Any], dim: int, schema: AttributeSchema) -> None:
        self._pa, self._parquet = _pyarrow()
        self._place, self._draft = place, _draft(place)
        self._schema = schema
        self._columns = _columns(self._pa, dim, schema, header)
        self._writer = self._parquet.ParquetWriter(self._draft, self._columns, compression="zstd")

    def write(self, records: Sequence[Record]) -> None:
        rows = [_row(record, self._schema) for record in records]
        self._writer.write_table(self._pa.Table.from_pylist(rows, self._columns))

    def finish(self) -> None:
        self._writer.close()
        _sync(self._draft)
        self._draft.replace(self._place)

    def abandon(self) -> None:
        with suppress(OSError):
            self._writer.close()
        self._draft.unlink(missing_ok=True)


class _ArrayWriter:
    """Writes ``NAME.npy``, ``NAME.jsonl`` and at last ``NAME.json``, without which there is no export."""

    def __init__(self, place: Path, header: dict[str, Any], dim: int, count: int) -> None:
        self._places = [place, place.with_suffix(".jsonl"), place.with_suffix(".json")]
        self._drafts = [_draft(each) for each in self._places]
        self._header, self._dim, self._count = header, dim, 0
        self._vectors = self._drafts[0].open("w+b")
        self._records = self._drafts[1].open("w", encoding="utf-8")
        self._begins = self._head(count)

    def write(self, records: Sequence[Record]) -> None:
        matrix = np.stack([record.vector for record in records if record.vector is not None])
        self._vectors.write(np.ascontiguousarray(matrix, "<f4").tobytes())
        for record in records:
            facts = asdict(replace(record, vector=None))
            del facts["vector"], facts["regions"]
            self._records.write(_json(facts) + "\n")
        self._count += len(records)

    def finish(self) -> None:
        self._vectors.seek(0)
        assert self._head(self._count) == self._begins  # NumPy leaves room for the number to grow
        self._vectors.close()
        self._records.close()
        digests = {place.suffix: _digest(draft) for place, draft in zip(self._places[:2], self._drafts, strict=False)}
        side = {**self._header, "count": self._count, "sha256": digests}
        self._drafts[2].write_text(json.dumps(side, indent=1), encoding="utf-8")
        for draft in self._drafts:
            _sync(draft)
        self._places[2].unlink(missing_ok=True)
        for draft, place in zip(self._drafts, self._places, strict=True):
            draft.replace(place)

    def abandon(self) -> None:
        self._vectors.close()
        self._records.close()
        for draft in self._drafts:
            draft.unlink(missing_ok=True)

    def _head(self, count: int) -> int:
        shape = {"descr": "<f4", "fortran_order": False, "shape": (count, self._dim)}
        np.lib.format.write_array_header_1_0(self._vectors, shape)
        return self._vectors.tell()


def _array_table(place: Path) -> Table:
    facts = _checked(json.loads(place.with_suffix(".json").read_bytes()), place)
    for suffix, digest in facts.pop("sha256").items():
        if _digest(place.with_suffix(suffix)) != digest:
            raise LibraryFormatError(f"{place.with_suffix(suffix)} is not the file that was exported")
    vectors = np.load(place, mmap_mode="r", allow_pickle=False)

    def batches() -> Iterator[list[Record]]:
        with place.with_suffix(".jsonl").open(encoding="utf-8") as lines:
            batch: list[Record] = []
            for row, line in enumerate(lines):
                batch.append(Record(**json.loads(line), vector=np.array(vectors[row])))
                if len(batch) == PAGE:
                    yield batch
                    batch = []
            if batch:
                yield batch

    return Table(facts, facts.pop("count"), batches())


def _parquet_table(place: Path) -> Table:
    _, parquet = _pyarrow()
    file = parquet.ParquetFile(place)
    told = (file.schema_arrow.metadata or {}).get(b"yunmeng")
    if told is None:
        raise LibraryFormatError(f"{place} was not made by yunmeng export: it names no encoder")

    def batches() -> Iterator[list[Record]]:
        with file:
            for batch in file.iter_batches(PAGE):
                vectors = batch.column("vector").flatten().to_numpy().reshape(batch.num_rows, -1)
                rows = batch.drop_columns(["vector"]).to_pylist()
                yield [_record(row, np.array(vector)) for row, vector in zip(rows, vectors, strict=True)]

    return Table(_checked(json.loads(told), place), file.metadata.num_rows, batches())


def _checked(facts: Any, place: Path) -> dict[str, Any]:
    if not isinstance(facts, dict) or facts.pop("format", None) != FORMAT:
        raise LibraryFormatError(f"{place} is of another version of Yunmeng, or none of its files")
    return facts


def _columns(pa: Any, dim: int, schema: AttributeSchema, header: dict[str, Any]) -> Any:
    types = {
        "str": pa.string(),
        "int": pa.int64(),
        "float": pa.float64(),
        "bool": pa.bool_(),
        "list[str]": pa.list_(pa.string()),
    }
    texts = ("id", "uri", "sha256", "phash", "pdq", "part", "palette")
    fields = [pa.field(name, pa.string()) for name in texts]
    fields += [pa.field("escaped", pa.bool_()), pa.field("width", pa.int64()), pa.field("height", pa.int64())]
    fields += [pa.field("quality", pa.string())]
    fields += [pa.field(NAMED + name, types[type]) for name, type in schema.items()]
    fields += [pa.field("others", pa.string()), pa.field("vector", pa.list_(pa.float32(), dim))]
    return pa.schema(fields, metadata={"yunmeng": json.dumps(header)})


def _row(record: Record, schema: AttributeSchema) -> dict[str, Any]:
    names = {"id": record.id, "uri": record.uri}
    escaped = not all(_is_text(value) for value in names.values())
    if escaped:  # file names that are not UTF-8
        names = {name: escape(value) for name, value in names.items()}
    declared = {name: record.attributes[name] for name in schema if record.attributes.get(name) is not None}
    others = {name: value for name, value in record.attributes.items() if name not in declared}
    return {
        **names,
        **{name: getattr(record, name) for name in ("sha256", "phash", "pdq", "part", "palette", "width", "height")},
        "escaped": escaped,
        "quality": _json(record.quality),
        **{NAMED + name: value for name, value in declared.items()},
        "others": _json(others),
        "vector": record.vector,
    }


def _record(row: dict[str, Any], vector: Vector) -> Record:
    read = unescape if row.pop("escaped") else str
    columns = [name for name in row if name.startswith(NAMED)]
    declared = {name.removeprefix(NAMED): row.pop(name) for name in columns}
    attributes = {name: value for name, value in declared.items() if value is not None}
    attributes |= json.loads(row.pop("others"))
    names = {"id": read(row.pop("id")), "uri": read(row.pop("uri")), "quality": json.loads(row.pop("quality"))}
    return Record(**names, **row, attributes=attributes, vector=vector)


def _pyarrow() -> tuple[Any, Any]:
    try:
        import pyarrow as pa
        import pyarrow.parquet as parquet
    except ImportError as exc:
        raise MissingExtra("Parquet", "shop") from exc
    return pa, parquet


def _json(value: object) -> str:
    """JSON as it is read by people; escaped where it holds what no UTF-8 can."""
    text = json.dumps(value, ensure_ascii=False)
    return text if _is_text(text) else json.dumps(value)


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _draft(place: Path) -> Path:
    return place.with_name(f".{place.name}.draft")


def _digest(place: Path) -> str:
    digest = hashlib.sha256()
    with place.open("rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _sync(place: Path) -> None:
    with place.open("rb") as file:
        os.fsync(file.fileno())


def _line(exc: Exception) -> str:
    return (str(exc).splitlines() or [type(exc).__name__])[0][:200]
