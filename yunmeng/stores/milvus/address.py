"""URLs of the store: ``milvus://host:19530/name?index=HNSW&M=64&efConstruction=200&shards=2&replicas=1&database=x``."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from yunmeng.errors import StoreError

__all__ = ["Address", "Index"]

PORT: Final = 19530
EXAMPLE: Final = "milvus://localhost:19530/photos"

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,199}")


@dataclass(frozen=True, slots=True)
class Index:
    """A kind of index: the parameters that build it, and the one that says how far a search looks, with their values.

    ``reach`` is raised to the number of hits that are asked for where it counts candidates.
    """

    kind: str
    build: Mapping[str, int]
    reach: str = ""
    depth: int = 0
    candidates: bool = True


_INDEXES: Final = {
    index.kind: index
    for index in (
        Index("HNSW", {"M": 64, "efConstruction": 200}, "ef", 100),
        Index("IVF_FLAT", {"nlist": 1024}, "nprobe", 64, candidates=False),
        Index("IVF_SQ8", {"nlist": 1024}, "nprobe", 64, candidates=False),
        Index("IVF_PQ", {"nlist": 1024, "m": 32, "nbits": 8}, "nprobe", 64, candidates=False),
        Index("DISKANN", {}, "search_list", 100),
        Index("FLAT", {}),
        Index("AUTOINDEX", {}),
    )
}


@dataclass(frozen=True, slots=True)
class Address:
    """A library on a Milvus server: where it is, and how its collections are made.

    ``shards``, ``replicas`` and the parameters that build ``index`` count when a collection is made.
    """

    host: str
    port: int
    name: str
    database: str
    tls: bool
    index: Index
    shards: int
    replicas: int

    @classmethod
    def parse(cls, url: str) -> "Address":
        """Read a URL. Raises `StoreError` in one line, which never repeats a password."""
        try:
            parts = urlsplit(url)
            port = parts.port or PORT
        except ValueError as exc:
            raise StoreError(f"the URL of a Milvus store is wrong: {exc}; write it as in {EXAMPLE}") from exc
        if parts.username is not None or parts.password is not None:
            raise StoreError(
                "leave user and password out of the store's URL, which library.toml keeps: set YUNMENG_MILVUS_USER and "
                "YUNMENG_MILVUS_PASSWORD, or YUNMENG_MILVUS_TOKEN"
            )
        name = parts.path.strip("/")
        if not parts.hostname or not _NAME.fullmatch(name):
            raise StoreError(f"{url!r} names no server and library: write it as in {EXAMPLE}, the name in A-Z, 0-9, _")
        options = dict(parse_qsl(parts.query, keep_blank_values=True))
        index = _index(options)
        address = cls(
            host=parts.hostname,
            port=port,
            name=name,
            database=options.pop("database", ""),
            tls=_truth(options, "tls"),
            index=index,
            shards=_number(options, "shards", 1),
            replicas=_number(options, "replicas", 1),
        )
        if options:
            known = ", ".join([*index.build, *filter(None, [index.reach]), "index, shards, replicas, database, tls"])
            raise StoreError(f"a Milvus store has no option {min(options)!r} with {index.kind}: it has {known}")
        return address

    @property
    def server(self) -> str:
        """The server, for messages: ``host:port``."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    def collection(self, place: str) -> str:
        """Return the collection of the library's store ``place``, such as ``regions-2``."""
        return f"{self.name}_{re.sub('[^A-Za-z0-9_]', '_', place)}"


def _index(options: dict[str, str]) -> Index:
    kind = options.pop("index", "HNSW").upper()
    if kind not in _INDEXES:
        raise StoreError(f"Milvus has no index {kind!r} for these vectors: use one of {', '.join(_INDEXES)}")
    default = _INDEXES[kind]
    build = {name: _number(options, name, value) for name, value in default.build.items()}
    depth = _number(options, default.reach, default.depth) if default.reach else 0
    return Index(kind, build, default.reach, depth, default.candidates)


def _number(options: dict[str, str], name: str, default: int) -> int:
    text = options.pop(name, str(default))
    if not text.isascii() or not text.isdigit() or not 0 < int(text) < 2**31:
        raise StoreError(f"{name}={text} in the URL of a Milvus store is not a number above 0")
    return int(text)


def _truth(options: dict[str, str], name: str) -> bool:
    text = options.pop(name, "false")
    if text not in ("true", "false"):
        raise StoreError(f"{name}={text} in the URL of a Milvus store is neither true nor false")
    return text == "true"
