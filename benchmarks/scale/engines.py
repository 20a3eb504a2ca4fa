"""The engines that are compared, each with the parameters that its makers name for a high recall."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from yunmeng.config import Settings
from yunmeng.encoders.fake import FakeEncoder
from yunmeng.library import Library
from yunmeng.stores.zvec.kinds import LINKS
from yunmeng.types import Record

__all__ = ["ENGINES", "Engine", "Vectors"]

Vectors: TypeAlias = NDArray[np.float32]
AT_ONCE: Final = 1000
EF: Final = 100
"""Candidates that every HNSW index looks at."""


class Engine(ABC):
    """One engine with its files in ``folder``. Rows are numbered; ``group`` is a number of each, for filters."""

    filters = True
    most = 10**10
    """Vectors that it is meant for."""

    def __init__(self, folder: Path, dim: int) -> None:
        self.folder = folder
        self.dim = dim

    @abstractmethod
    def build(self, vectors: Vectors, groups: NDArray[np.int64]) -> None:
        """Insert everything into an empty engine and index it; leave it durable."""

    @abstractmethod
    def open(self) -> None:
        """Open what `build` has left."""

    @abstractmethod
    def search(self, query: Vectors, k: int, below: int | None = None) -> Sequence[int]:
        """Return the numbers of the k nearest; of those with a group below ``below``."""

    def add(self, first: int, vectors: Vectors, groups: NDArray[np.int64]) -> None:
        """Add rows, numbered from ``first`` on."""
        raise NotImplementedError

    def delete(self, numbers: Sequence[int]) -> None:
        """Delete rows."""
        raise NotImplementedError

    def close(self) -> None:  # noqa: B027  most have nothing to close
        """Close it."""


class Yunmeng(Engine):
    """A library over zvec: records with all that a library keeps."""

    store = "zvec:"

    def build(self, vectors: Vectors, groups: NDArray[np.int64]) -> None:
        settings = Settings.load().model_copy(update={"cache_entries": 0})
        with Library.create(
            self.folder / "library", FakeEncoder(self.dim), {"group": "int"}, settings, store=self.store
        ) as self._library:
            self.add(0, vectors, groups)
            self._library.generation.store.optimise()
            self._library.generation.store.flush()

    def open(self) -> None:
        settings = Settings.load().model_copy(update={"cache_entries": 0})
        self._library = Library.open(self.folder / "library", FakeEncoder(self.dim), settings)

    def search(self, query: Vectors, k: int, below: int | None = None) -> Sequence[int]:
        filter = None if below is None else f"group < {below}"
        return [int(hit.id) for hit in self._library.search(vector=query, k=k, filter=filter)]

    def add(self, first: int, vectors: Vectors, groups: NDArray[np.int64]) -> None:
        store = self._library.generation.store
        for start in range(0, len(vectors), AT_ONCE):
            store.upsert(
                [
                    Record(
                        str(first + row),
                        f"/pictures/{first + row}.jpg",
                        (digest := sha256(str(first + row).encode()).hexdigest()),
                        digest[:16],
                        digest,
                        1,
                        1,
                        {},
                        {"group": int(groups[row])},
                        vectors[row],
                    )
                    for row in range(start, min(start + AT_ONCE, len(vectors)))
                ]
            )

    def delete(self, numbers: Sequence[int]) -> None:
        self._library.generation.store.delete([str(number) for number in numbers])

    def close(self) -> None:
        self._library.close()


class YunmengInt8(Yunmeng):
    """The same with a graph of 8-bit vectors."""

    store = "zvec:?quantize=int8"


class Zvec(Engine):
    """The engine below the library, used bare."""

    def build(self, vectors: Vectors, groups: NDArray[np.int64]) -> None:
        import zvec

        index = zvec.HnswIndexParam(metric_type=zvec.MetricType.COSINE, m=LINKS, ef_construction=200)
        schema = zvec.CollectionSchema(
            "bare",
            fields=[zvec.FieldSchema("group", zvec.DataType.INT64, index_param=zvec.InvertIndexParam())],
            vectors=[zvec.VectorSchema("v", zvec.DataType.VECTOR_FP32, dimension=self.dim, index_param=index)],
        )
        self._collection = zvec.create_and_open(str(self.folder / "zvec"), schema)
        self.add(0, vectors, groups)
        self._collection.optimize()
        self._collection.flush()
        self._collection.close()

    def open(self) -> None:
        import zvec

        self._collection = zvec.open(str(self.folder / "zvec"))
        self._zvec = zvec

    def search(self, query: Vectors, k: int, below: int | None = None) -> Sequence[int]:
        asked = self._zvec.Query("v", vector=query, param=self._zvec.HnswQueryParam(ef=EF))
        filter = None if below is None else f"group < {below}"
        return [int(doc.id) for doc in self._collection.query(asked, topk=k, filter=filter)]

    def add(self, first: int, vectors: Vectors, groups: NDArray[np.int64]) -> None:
        import zvec

        for start in range(0, len(vectors), AT_ONCE):
            rows = range(start, min(start + AT_ONCE, len(vectors)))
            self._collection.upsert(
                [
                    zvec.Doc(str(first + row), vectors={"v": vectors[row]}, fields={"group": int(groups[row])})
                    for row in rows
                ]
            )

    def delete(self, numbers: Sequence[int]) -> None:
        self._collection.delete([str(number) for number in numbers])

    def close(self) -> None:
        self._collection.close()


class Faiss(Engine):
    """FAISS, HNSW32: vectors only, in memory; filters by a list of numbers."""

    def build(self, vectors: Vectors, groups: NDArray[np.int64]) -> None:
        import faiss

        index = faiss.IndexHNSWFlat(self.dim, 32, faiss.METRIC_INNER_PRODUCT)
        index.hnsw.efConstruction = 200
        index.add(vectors)
        faiss.write_index(index, str(self.folder / "index.faiss"))
        np.save(self.folder / "groups.npy", groups)

    def open(self) -> None:
        import faiss

        self._faiss: Any = faiss
        self._index = faiss.read_index(str(self.folder / "index.faiss"))
        self._groups = np.load(self.folder / "groups.npy")

    def search(self, query: Vectors, k: int, below: int | None = None) -> Sequence[int]:
        selector = None if below is None else self._faiss.IDSelectorBatch(np.flatnonzero(self._groups < below))
        parameters = self._faiss.SearchParametersHNSW(efSearch=EF, sel=selector)
        found: list[int] = self._index.search(query[None], k, params=parameters)[1][0].tolist()
        return found


class Lance(Engine):
    """LanceDB on disk, IVF_HNSW_SQ."""

    def build(self, vectors: Vectors, groups: NDArray[np.int64]) -> None:
        import lancedb
        import pyarrow as pa

        def rows() -> Any:
            for start in range(0, len(vectors), 50_000):
                some = vectors[start : start + 50_000]
                flat = pa.FixedSizeListArray.from_arrays(pa.array(some.reshape(-1)), self.dim)
                number = pa.array(np.arange(start, start + len(some)))
                yield pa.record_batch([number, pa.array(groups[start : start + len(some)]), flat], ["id", "group", "v"])

        first = next(rows())
        table = lancedb.connect(str(self.folder)).create_table("t", rows(), schema=first.schema)
        table.create_index(metric="cosine", vector_column_name="v", index_type="IVF_HNSW_SQ")
        table.create_scalar_index("group")

    def open(self) -> None:
        import lancedb

        self._table = lancedb.connect(str(self.folder)).open_table("t")

    def search(self, query: Vectors, k: int, below: int | None = None) -> Sequence[int]:
        search: Any = self._table.search(query, vector_column_name="v")
        asked = search.metric("cosine").ef(EF).nprobes(20).refine_factor(2)
        if below is not None:
            asked = asked.where(f"`group` < {below}", prefilter=True)
        found: list[int] = asked.select(["id", "_distance"]).limit(k).to_arrow()["id"].to_pylist()
        return found


class Usearch(Engine):
    """usearch in memory, float16; it has no filters."""

    filters = False

    def build(self, vectors: Vectors, groups: NDArray[np.int64]) -> None:  # noqa: ARG002
        from usearch.index import Index

        index = Index(ndim=self.dim, metric="cos", dtype="f16", connectivity=32, expansion_add=200, expansion_search=EF)
        index.add(np.arange(len(vectors)), vectors)
        index.save(str(self.folder / "index.usearch"))

    def open(self) -> None:
        from usearch.index import Index

        index: Any = Index.restore(str(self.folder / "index.usearch"))
        index.expansion_search = EF
        self._index = index

    def search(self, query: Vectors, k: int, below: int | None = None) -> Sequence[int]:  # noqa: ARG002
        found: list[int] = self._index.search(query, k).keys.tolist()
        return found


class Qdrant(Engine):
    """qdrant-client's local mode, which compares every vector; its makers mean it for tests and up to 20,000."""

    most = 20_000

    def build(self, vectors: Vectors, groups: NDArray[np.int64]) -> None:
        from qdrant_client import QdrantClient, models

        client = QdrantClient(path=str(self.folder / "qdrant"))
        client.create_collection("t", models.VectorParams(size=self.dim, distance=models.Distance.COSINE))
        for start in range(0, len(vectors), AT_ONCE):
            rows = range(start, min(start + AT_ONCE, len(vectors)))
            points = [
                models.PointStruct(id=row, vector=vectors[row].tolist(), payload={"group": int(groups[row])})
                for row in rows
            ]
            client.upsert("t", points)
        client.close()

    def open(self) -> None:
        from qdrant_client import QdrantClient, models

        self._models = models
        self._client = QdrantClient(path=str(self.folder / "qdrant"))

    def search(self, query: Vectors, k: int, below: int | None = None) -> Sequence[int]:
        models = self._models
        matching = None
        if below is not None:
            matching = models.Filter(must=[models.FieldCondition(key="group", range=models.Range(lt=below))])
        found = self._client.query_points("t", query=query.tolist(), limit=k, query_filter=matching)
        return [int(point.id) for point in found.points]

    def close(self) -> None:
        with suppress(Exception):
            self._client.close()


ENGINES: Final[dict[str, Callable[[Path, int], Engine]]] = {
    "yunmeng": Yunmeng,
    "yunmeng-int8": YunmengInt8,
    "zvec": Zvec,
    "faiss": Faiss,
    "lancedb": Lance,
    "usearch": Usearch,
    "qdrant-local": Qdrant,
}
