"""The store on a Milvus server: a collection for each of a library's stores, for many processes at once."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from threading import Lock
from typing import Any, Final, Self
from weakref import WeakSet

from yunmeng.errors import LibraryExists, LibraryNotFound, StoreError
from yunmeng.stores.changes import Changes
from yunmeng.stores.checks import check_group, check_query, check_records
from yunmeng.stores.filters import Filter, check
from yunmeng.stores.groups import search_others
from yunmeng.stores.ids import encode_id, unescape
from yunmeng.stores.milvus.address import Address
from yunmeng.stores.milvus.connection import Connection
from yunmeng.stores.milvus.expressions import EVERYTHING, expression, ids_expression
from yunmeng.stores.milvus.layout import (
    FIELDS,
    VECTOR,
    check_columns,
    collection_schema,
    index_params,
    to_hit,
    to_record,
    to_row,
)
from yunmeng.stores.milvus.query import MAX_TOP, SCANNED, Queries
from yunmeng.stores.milvus.scan import Scan
from yunmeng.stores.protocol import Capabilities
from yunmeng.stores.rewrite import plain
from yunmeng.stores.schema import check_schema
from yunmeng.types import AttributeSchema, Closing, Hit, Record, Vector

__all__ = ["MilvusStore"]

MAX_BATCH: Final = 1000
"""Records that are written at once."""
READ: Final = 100
"""Records that an iteration reads at once, at least; at most sixteen times as many."""
LOADING: Final = 600.0
"""Seconds that making a collection, loading it or writing it to disk may take."""
STALLED: Final = 300.0
"""Seconds without any progress after which `MilvusStore.optimise` leaves the rest to the server."""
PAUSE: Final = 0.5  # seconds


class MilvusStore(Closing):
    """Records in a Milvus collection. Made by `create` or `open`; threads may share it, and so may processes.

    What `upsert` and `delete` have written is in the server's log when they return, and is found by the next search of
    this store. Other processes see it some tenths of a second later, five seconds at most.

    An iteration shows the records as they were at its call, but for what other processes write meanwhile.
    """

    def __init__(self, connection: Connection, address: Address, dim: int, schema: AttributeSchema) -> None:
        self.dim = dim
        self.changes = Changes()
        self.changes.watch_others(self._catch_up)
        self._schema = schema
        self._connection = connection
        self._queries = Queries(connection, dim, address.index)
        self._writing = Lock()
        self._scans: WeakSet[Scan] = WeakSet()

    @classmethod
    def create(cls, url: str, place: str, dim: int, schema: AttributeSchema | None = None) -> Self:
        """Return a new store for vectors of ``dim`` numbers, in the collection that ``url`` and ``place`` name.

        Raises `LibraryExists`, `SchemaError`, `MissingExtra` or `StoreError`.
        """
        checked, address = check_schema(schema or {}), Address.parse(url)
        with _connected(address, place) as connection:
            _make(connection, address, dim, checked)
            return cls(connection, address, dim, checked)

    @classmethod
    def open(cls, url: str, place: str, dim: int, schema: AttributeSchema | None = None) -> Self:
        """Open the store that was made with the same arguments.

        Raises `LibraryNotFound`, `SchemaError`, `MissingExtra` or `StoreError`.
        """
        checked, address = check_schema(schema or {}), Address.parse(url)
        with _connected(address, place) as connection:
            _check(connection, dim, checked)
            _load(connection, address)
            return cls(connection, address, dim, checked)

    @property
    def schema(self) -> AttributeSchema:
        return self._schema

    @property
    def capabilities(self) -> Capabilities:
        """None of those that a store may have: words need another store, groups are found by repeated searches."""
        return Capabilities()

    def version(self) -> None:
        return None

    def check_room(self, beside: int = 0) -> None:
        pass

    def upsert(self, records: Sequence[Record]) -> None:
        checked = check_records(records, self.dim, self._schema)
        rows = list({record.id: to_row(record, self._schema) for record in checked}.values())
        with self.changes.writing([record.id for record in checked]), self._writing:
            self._settle()
            for start in range(0, len(rows), MAX_BATCH):
                self._written("cannot write records", "upsert", rows[start : start + MAX_BATCH])

    def delete(self, ids: Sequence[str]) -> int:
        keys = list(dict.fromkeys(encode_id(id) for id in ids))
        deleted = 0
        with self.changes.writing(ids), self._writing:
            self._settle()
            for start in range(0, len(keys), MAX_BATCH):
                there = [row["id"] for row in self._queries.fetch(keys[start : start + MAX_BATCH], ["id"])]
                if there:
                    self._written("cannot delete", "delete", filter=ids_expression(there))
                deleted += len(there)
        return deleted

    def get(self, ids: Sequence[str], *, vectors: bool = False) -> dict[str, Record]:
        keys = list(dict.fromkeys(encode_id(id) for id in ids))
        rows = self._queries.fetch(keys, _fields(vectors=vectors))
        self._check_open()
        return {unescape(row["id"]): to_record(row, vectors=vectors) for row in rows}

    def find_sha256(self, digests: Sequence[str], *, vectors: bool = False) -> dict[str, list[Record]]:
        self._check_open()
        found: dict[str, list[Record]] = {}
        for row in self._queries.copies(digests, _fields(vectors=vectors)):
            found.setdefault(row["sha256"], []).append(to_record(row, vectors=vectors))
        return found

    def search(self, vector: Vector, k: int, filter: Filter | None = None) -> list[Hit]:
        """Return the k nearest by cosine, best first; approximate as the index is, see `Queries.nearest`.

        Raises `FilterError`, or `QueryError` for more than 16,384 hits in a library that has more pictures.
        """
        query = check_query(vector, self.dim)
        where, k = self._expression(filter), self._queries.affordable(k)
        return [to_hit(found) for found in self._queries.nearest(query, k, where)]

    def search_groups(self, vector: Vector, k: int, group_by: str, filter: Filter | None = None) -> list[Hit]:
        check_group(group_by, self._schema)
        return search_others(lambda size, more: self.search(vector, size, more), k, group_by, filter, MAX_TOP)

    def search_text(self, query: str, k: int, filter: Filter | None = None) -> list[Hit]:  # noqa: ARG002
        self._check_open()
        self._expression(filter)
        return []

    def count(self, filter: Filter | None = None) -> int:
        return self._queries.count(self._expression(filter))

    def iterate(self, filter: Filter | None = None, *, vectors: bool = False) -> Iterator[Record]:
        where = self._expression(filter) or EVERYTHING
        with self._writing:
            self._check_open()
            scan = Scan(self._all(where, vectors=vectors))
            self._scans.add(scan)
        return scan

    def page(self, limit: int, after: tuple[str, str] | None = None, filter: Filter | None = None) -> list[Record]:
        """Return a page as the protocol says. Milvus does not sort, so one range of digests is read after the other."""
        where = self._expression(filter) or EVERYTHING
        found: list[Record] = []
        for rows in self._queries.by_digest(where, after[0] if after else "", min(limit, READ), FIELDS):
            records = (to_record(row, vectors=False) for row in rows)
            found += sorted(
                (record for record in records if after is None or (record.sha256, record.id) > after),
                key=lambda record: (record.sha256, record.id),
            )
            if len(found) >= limit:
                break
        return found[: max(limit, 0)]

    def flush(self) -> None:
        """Do nothing: what Milvus has acknowledged is in its log, and it writes segments when they are worth it.

        To have it write one each time would leave thousands of small ones. Besides, while Milvus 2.3 hands a segment
        over from memory to storage, it may show a record again that was replaced or deleted (Milvus's issue 32915).
        """
        self._check_open()

    def unindexed(self) -> int:
        return self._queries.unindexed()

    def optimise(self) -> None:
        """Make the server write what it holds in memory to its storage, and wait until it has indexed all but a few.

        Searches and writes go on meanwhile.
        """
        self._connection.call("cannot flush", "flush", timeout=LOADING)
        least, since = self._unindexed(), time.monotonic()
        while least > SCANNED and time.monotonic() - since < STALLED:
            time.sleep(PAUSE)
            if (left := self._unindexed()) < least:
                least, since = left, time.monotonic()

    def close(self) -> None:
        """Disconnect. Iterations that are under way end with an error."""
        self._connection.close()

    def _unindexed(self) -> int:
        self._queries.wrote()
        return self._queries.unindexed()

    def _all(self, where: str, *, vectors: bool) -> Iterator[Record]:
        for rows in self._queries.by_digest(where, "", READ, _fields(vectors=vectors)):
            for row in rows:
                yield to_record(row, vectors=vectors)

    def _catch_up(self) -> None:
        """Have later reads wait for all that other processes have written until now."""
        self._connection.wrote()
        self._queries.wrote()

    def _settle(self) -> None:
        for scan in list(self._scans):
            scan.settle()

    def _written(self, what: str, method: str, *arguments: Any, **options: Any) -> None:
        try:
            self._connection.call(what, method, *arguments, **options)
        finally:
            self._connection.wrote()
            self._queries.wrote()

    def _check_open(self) -> None:
        if self._connection.closed:
            raise StoreError("the store is closed")

    def _expression(self, filter: Filter | None) -> str | None:
        if filter is None:
            return None
        check(filter, self._schema)
        return expression(plain(filter, self._schema))


def _fields(*, vectors: bool) -> list[str]:
    return [*FIELDS, VECTOR] if vectors else FIELDS


@contextmanager
def _connected(address: Address, place: str) -> Iterator[Connection]:
    """Connect, and disconnect if the block fails."""
    connection = Connection(address, address.collection(place))
    try:
        yield connection
    except BaseException:
        connection.close()
        raise


def _check(connection: Connection, dim: int, schema: AttributeSchema) -> None:
    if not connection.exists():
        raise LibraryNotFound(f"{connection.name} is not there: a library of this name has no such collection")
    check_columns(connection.call("cannot open the collection", "describe_collection"), dim, schema)


def _make(connection: Connection, address: Address, dim: int, schema: AttributeSchema) -> None:
    if connection.exists():
        raise LibraryExists(f"{connection.name} is there already: choose another name in the store's URL")
    columns = collection_schema(dim, schema)
    what = "cannot make the collection"
    try:
        connection.call(what, "create_collection", schema=columns, num_shards=address.shards, timeout=LOADING)
        connection.call(what, "create_index", index_params(address), timeout=LOADING)
        _load(connection, address)
    except BaseException:
        with suppress(StoreError):
            connection.drop()
        raise


def _load(connection: Connection, address: Address) -> None:
    what = "cannot load the collection"
    connection.call(what, "load_collection", replica_number=address.replicas, timeout=LOADING)
