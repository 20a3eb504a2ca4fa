"""The embedded store: a zvec collection in a folder, HNSW over cosine, inverted indexes for attributes and words."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Lock
from typing import Any, Final, Self
from weakref import WeakSet

from yunmeng.allocator import give_memory_back
from yunmeng.concurrency import ReadWriteLock
from yunmeng.errors import StoreError
from yunmeng.stores.changes import Changes
from yunmeng.stores.checks import check_group, check_query, check_records
from yunmeng.stores.filters import Filter, check, evaluate
from yunmeng.stores.fulltext import text_query
from yunmeng.stores.groups import search_others
from yunmeng.stores.ids import encode_id, unescape
from yunmeng.stores.protocol import Capabilities
from yunmeng.stores.rewrite import plain
from yunmeng.stores.schema import check_schema
from yunmeng.stores.zvec.disk import ROOM_TO_DELETE, check_room, files_of_parts, has_room
from yunmeng.stores.zvec.engine import abandon, create, engine, mapped, open_collection
from yunmeng.stores.zvec.kinds import HNSW, IndexKind, found_kind
from yunmeng.stores.zvec.layout import (
    Condition,
    check_columns,
    collection_schema,
    condition,
    has_text,
    index_of,
    to_doc,
    to_hit,
    to_record,
    to_word_hit,
)
from yunmeng.stores.zvec.mending import Snapshotter, copy_collection
from yunmeng.stores.zvec.query import MAX_TOP, Queries, Scan
from yunmeng.stores.zvec.written import Written
from yunmeng.types import AttributeSchema, Closing, Hit, Record, Vector

__all__ = ["ZvecStore"]

MAX_BATCH: Final = 1024
"""Most documents that zvec writes at once; also how many are read at once, for an even use of memory."""
MAX_PARTS: Final = 64
"""Parts on disk that are let be: a search takes twice as long with so many."""
QUICKLY_INDEXED: Final = 10_000
"""Records that are indexed in seconds."""
_PAGE: Final = 10_000
"""Records that are read at once where they are read by pages: each page costs a count."""
_A_MOMENT: Final = 0.005  # seconds


class ZvecStore(Closing):
    """Records in a zvec collection. Made by `create` or `open`; threads may share it, processes may not.

    What `upsert` and `delete` have written survives the process being killed, through zvec's write-ahead log, and is
    found by the next search. Searches, counts and writes go on while `optimise` works. An iteration holds off
    `optimise`, which raises `StoreError` meanwhile; one begun during `optimise` waits for its end.

    Each `flush`, `iterate` or `close` after a write leaves a new part on disk, which every query has to visit: call
    `flush` at the end of a run, and not after every batch. When there are many parts, `flush` merges them.
    """

    def __init__(
        self, collection: Any, path: Path, dim: int, schema: AttributeSchema, written: Written | None = None
    ) -> None:
        """``written``: what is in it, where all that is comes through this object; None where it may hold anything."""
        self.path = path
        self.dim = dim
        self.changes = Changes()
        self._schema = schema
        self._written = written
        self._text = has_text(collection.schema)
        self._collection: Any = collection
        self._readers = ReadWriteLock(engine().readers)
        self.index = found_kind(engine().zvec, index_of(collection.schema))
        self._queries = Queries(self._opened, self._readers, self.index, self.changes)
        self._writing = Lock()
        self._snapshots = Snapshotter(path)
        self._maintenance = Lock()
        self._scans: WeakSet[Scan] = WeakSet()
        self._damaged = False  # a write has failed

    @classmethod
    def create(
        cls,
        path: str | Path,
        dim: int,
        schema: AttributeSchema | None = None,
        *,
        text: bool = True,
        index: IndexKind = HNSW,
    ) -> Self:
        """Return a new store at ``path``, a folder that is not there yet, for vectors of ``dim`` numbers.

        Without ``text`` it keeps no words, and `search_text` finds nothing. ``index`` is of the vectors.

        Raises `LibraryExists`, `SchemaError` or `StoreError`.
        """
        checked = check_schema(schema or {})
        collection = create(path, collection_schema(engine().zvec, dim, checked, text=text, index=index))
        return cls(collection, Path(path), dim, checked, Written())

    @classmethod
    def open(cls, path: str | Path, schema: AttributeSchema | None = None) -> Self:
        """Open the store at ``path``, with the attributes it was made with. Everything written before a crash is there.

        Raises `LibraryNotFound`, `LibraryLocked` while another process has it open, `SchemaError` if the attributes
        differ, or `StoreError`.
        """
        checked = check_schema(schema or {})
        collection = open_collection(path)
        try:
            dim = check_columns(engine().zvec, collection.schema, checked)
        except BaseException:
            collection.close()
            raise
        return cls(collection, Path(path), dim, checked)

    @property
    def schema(self) -> AttributeSchema:
        return self._schema

    @property
    def capabilities(self) -> Capabilities:
        """All capabilities; a store that was made before full-text search was added lacks that one."""
        return Capabilities(text=self._text, groups=True, exclusive=True, version="files", files=True)

    def version(self) -> None:
        return None

    def check_room(self, beside: int = 0) -> None:
        check_room(self.path, beside + ROOM_TO_DELETE)

    def upsert(self, records: Sequence[Record]) -> None:
        checked = check_records(records, self.dim, self._schema)
        check_room(self.path)
        with self.changes.writing([record.id for record in checked]), self._writing:
            collection = self._opened()
            if self._written is not None:
                self._written.add(name for record in checked for name in (encode_id(record.id), record.sha256))
            for start in range(0, len(checked), MAX_BATCH):
                self._write(collection, checked[start : start + MAX_BATCH])

    def delete(self, ids: Sequence[str]) -> int:
        deleted = 0
        keys = [encode_id(id) for id in ids]
        with self.changes.writing(ids), self._writing, mapped("cannot delete"):
            collection = self._opened()
            for start in range(0, len(keys), MAX_BATCH):
                part = keys[start : start + MAX_BATCH]
                check_room(self.path, ROOM_TO_DELETE)
                self._snapshots.take()
                for key, status in zip(part, collection.delete(part), strict=True):
                    deleted += status.ok()
                    if not status.ok() and status.code() != engine().zvec.StatusCode.NOT_FOUND:
                        raise StoreError(f"cannot delete {key!r}: {status.message()}")
        return deleted

    def get(self, ids: Sequence[str], *, vectors: bool = False) -> dict[str, Record]:
        found: dict[str, Record] = {}
        keys = self._perhaps([encode_id(id) for id in ids])
        for start in range(0, len(keys), MAX_BATCH):
            docs = self._queries.fetch(keys[start : start + MAX_BATCH], vectors=vectors)
            found.update((unescape(key), to_record(doc, vectors=vectors)) for key, doc in docs.items())
        return found

    def find_sha256(self, digests: Sequence[str], *, vectors: bool = False) -> dict[str, list[Record]]:
        found: dict[str, list[Record]] = {}
        wanted = self._perhaps(dict.fromkeys(digests))
        for start in range(0, len(wanted), MAX_BATCH):
            for doc in self._queries.copies(wanted[start : start + MAX_BATCH], vectors=vectors):
                record = to_record(doc, vectors=vectors)
                found.setdefault(record.sha256, []).append(record)
        return found

    def search(self, vector: Vector, k: int, filter: Filter | None = None) -> list[Hit]:
        """Return the k nearest by cosine, best first; as exact as the index is, and exact from k = 2,049 on.

        Raises `FilterError`, or `QueryError` for more than 100,000 hits in a library that has more pictures.
        """
        query = check_query(vector, self.dim)
        k = self._queries.affordable(k)
        return [to_hit(doc) for doc in self._queries.nearest(query, k, self._condition(filter))]

    def search_groups(self, vector: Vector, k: int, group_by: str, filter: Filter | None = None) -> list[Hit]:
        check_group(group_by, self._schema)
        query = check_query(vector, self.dim)

        def nearest(size: int, filter: Filter) -> list[Hit]:
            return [to_hit(doc) for doc in self._queries.nearest(query, size, self._condition(filter))]

        return search_others(nearest, self._queries.affordable(k), group_by, filter, MAX_TOP)

    def search_text(self, query: str, k: int, filter: Filter | None = None) -> list[Hit]:
        """Search by words as the protocol says, as far as zvec 0.8.0 can.

        zvec weighs a word by how rare it is in its part on disk. So hits that have every word of the query always come
        before the others, but among themselves they may be out of order until `optimise` has merged the parts.

        Raises `FilterError`, or `QueryError` for more than 100,000 hits in a library that has more pictures.
        """
        self._opened()
        where, k = self._condition(filter), self._queries.affordable(k)
        if not self._text:
            return []
        whole, partly = self._queries.worded(text_query(query), k, where)
        hits = {doc.id: to_word_hit(doc, whole=True) for doc in whole}
        for doc in partly:
            hits.setdefault(doc.id, to_word_hit(doc, whole=False))
        return list(hits.values())[: max(k, 0)]

    def count(self, filter: Filter | None = None) -> int:
        return self._queries.count(self._condition(filter))

    def iterate(self, filter: Filter | None = None, *, vectors: bool = False) -> Iterator[Record]:
        """Return all records (that match), as they were at the call, in no particular order and in constant memory.

        On a nearly full disk they come by pages instead, without those that are deleted meanwhile: for the state at the
        call, zvec would have to write what it holds in memory.
        """
        if filter is not None:
            check(filter, self._schema)
        if self._collection is not None and not has_room(self.path):
            return self._paged(filter, vectors=vectors)
        with self._maintenance, self._writing, mapped("cannot iterate"), self._snapshots.flushing():
            scan = Scan(self._opened().iter_docs(include_vector=vectors))
            self._scans.add(scan)
        records = (to_record(doc, vectors=vectors) for doc in scan)
        return (record for record in records if filter is None or evaluate(filter, record.attributes))

    def page(self, limit: int, after: tuple[str, str] | None = None, filter: Filter | None = None) -> list[Record]:
        """Return a page as the protocol says. zvec cannot sort, so it reads one range of digests after the other."""
        where = self._condition(filter)
        found: list[Record] = []
        for docs in self._queries.by_digest(where, after[0] if after else "", limit):
            records = (to_record(doc, vectors=False) for doc in docs)
            found += sorted(
                (record for record in records if after is None or (record.sha256, record.id) > after),
                key=lambda record: (record.sha256, record.id),
            )
            if len(found) >= limit:
                break
        return found[: max(limit, 0)]

    def flush(self) -> None:
        check_room(self.path)
        with self._writing, mapped("cannot flush"), self._snapshots.flushing():
            self._opened().flush()
        self._queries.reindexed()
        if self._parts() > MAX_PARTS and self.unindexed() < QUICKLY_INDEXED:
            self._optimised()

    def unindexed(self) -> int:
        return self._queries.unindexed()

    def optimise(self) -> None:
        """Merge and index what was written since the last call. Searches go on meanwhile, one at a time.

        Raises `StoreError` while an iteration is under way.
        """
        if not self._optimised():
            raise StoreError("cannot optimise while records are being iterated: finish or drop the iteration first")

    @contextmanager
    def frozen(self) -> Iterator[Callable[[Path], None]]:
        """Hold writes, as `FileStore.frozen` says. Iterations and `optimise` wait as well."""
        with self._maintenance, self._writing:
            with mapped("cannot flush"), self._snapshots.flushing():
                self._opened().flush()
            yield lambda folder: copy_collection(self.path, folder / self.path.name)

    def close(self) -> None:
        """Write what is outstanding and unlock the store for other processes. Iterations that are under way end with an
        error.

        On a full disk, and after a write that failed, the collection is left as a killed process leaves it: its log
        restores all that was acknowledged. It is unlocked when this process ends.
        """
        with self._maintenance, self._writing, self._readers.exclusive():
            collection, self._collection = self._collection, None
            for scan in list(self._scans):
                scan.close()
            if collection is None:
                return
            if self._damaged or not has_room(self.path):
                abandon(collection)
            else:
                with mapped(f"cannot close the store at {self.path}"), self._snapshots.flushing():
                    collection.close()

    def _paged(self, filter: Filter | None, *, vectors: bool) -> Iterator[Record]:
        after: tuple[str, str] | None = None
        while found := self.page(_PAGE, after, filter):
            after = found[-1].sha256, found[-1].id
            yield from self.get([record.id for record in found], vectors=True).values() if vectors else found

    def _perhaps(self, names: Iterable[str]) -> list[str]:
        """Return keys or digests without those that are certainly in no record: zvec takes 0.3 ms to look for one."""
        self._opened()
        return [*names] if self._written is None else self._written.among(names)

    def _opened(self) -> Any:
        if self._collection is None:
            raise StoreError(f"the store at {self.path} is closed")
        return self._collection

    def _optimised(self) -> bool:
        """Merge and index, unless an iteration is under way, which zvec does not allow."""
        check_room(self.path)
        # zvec needs a moment without readers, at the beginning and at the end, and would wait for it for ever.
        with self._maintenance, self._readers.limited(1), mapped("cannot optimise"):
            collection = self._opened()
            if any(scan.open for scan in self._scans):
                return False
            self._merge(collection)
            self._queries.reindexed()
        give_memory_back()  # a merge of 340 records leaves 50 MB in arenas that the next one does not use
        return True

    def _merge(self, collection: Any) -> None:
        """Make zvec optimise, and hold back writes until it has begun a new part for them.

        Before that it closes the indexes of the present part for good. `mend` can only undo this if the kept copies
        hold all that the indexes held.
        """
        with ThreadPoolExecutor(1) as pool, ExitStack() as until:
            until.enter_context(self._writing)
            with self._snapshots.flushing():
                collection.flush()
            self._snapshots.take()
            working = pool.submit(collection.optimize)
            while not wait([working], _A_MOMENT).done and self._snapshots.current():
                pass
            until.close()
            working.result()
        with self._writing:
            self._snapshots.refresh()

    def _parts(self) -> int:
        """Return how many parts the vectors have on disk; zvec has a file for each and does not report their number."""
        return len(files_of_parts(self.path, "*.proxima"))

    def _condition(self, filter: Filter | None) -> Condition | None:
        if filter is None:
            return None
        check(filter, self._schema)
        return condition(plain(filter, self._schema))

    def _write(self, collection: Any, records: Sequence[Record]) -> None:
        docs = [to_doc(engine().zvec, record, self._schema, text=self._text) for record in records]
        self._snapshots.take()
        self._damaged, before = True, self._damaged
        with mapped("cannot write records"):
            statuses = collection.upsert(docs)
        for record, status in zip(records, statuses, strict=True):
            if not status.ok():
                raise StoreError(f"cannot write {record.id!r}: {status.message()}")
        self._damaged = before
