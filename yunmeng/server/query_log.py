"""The log of queries, counted in memory and written to disk now and then, never while somebody waits for an answer."""

import hashlib
import threading
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

from yunmeng.schemas.searching import SearchOptions, SearchQuery
from yunmeng.state.queries import Queries, Query, QueryKind

__all__ = ["QueryLog"]

MOST: Final = 10_000
"""Queries in memory between two writings; what comes beyond them is not counted."""
_ONCE: Final = frozenset({"id", "url", "text", "vector", "mix", "fields", "offset", "file", "files"})
"""What is not said again when a query is asked again."""


class QueryLog:
    """The ids, URLs and words of queries, and how often each was used; of pictures that are sent only the digest.

    Vectors and mixtures are not counted, and callers are not recorded. Threads may share it.
    """

    def __init__(self, queries: Queries) -> None:
        self._queries = queries
        self._lock = threading.Lock()
        self._asked: dict[str, Query] = {}

    def note(self, wanted: SearchOptions, picture: bytes | None) -> None:
        """Count a query that was answered; ``picture`` is the file that was sent with it."""
        if wanted.offset:  # a further page of what was counted already
            return
        if picture is not None:
            self._count("sha256", hashlib.sha256(picture).hexdigest(), wanted)
        elif isinstance(wanted, SearchQuery) and not wanted.mix:
            kinds: dict[QueryKind, str | None] = {"id": wanted.id, "url": wanted.url, "text": wanted.text}
            for kind, value in kinds.items():
                if value is not None:
                    self._count(kind, value, wanted)

    def write(self) -> None:
        """Write to disk what was counted since the last time. Raises `StateError`; the counts are dropped then."""
        with self._lock:
            asked, self._asked = self._asked, {}
        if asked:
            self._queries.add(asked.values())

    def _count(self, kind: QueryKind, value: str, wanted: SearchOptions) -> None:
        said: Mapping[str, Any] = wanted.model_dump(mode="json", exclude=set(_ONCE), exclude_defaults=True)
        query = Query(kind, value, said, 1, datetime.now(UTC))
        with self._lock:
            known = self._asked.get(query.picture)
            if known is not None:
                self._asked[query.picture] = replace(query, count=known.count + 1)
            elif len(self._asked) < MOST:
                self._asked[query.picture] = query
