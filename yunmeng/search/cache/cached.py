"""Answers that are cached until the library changes."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Protocol

import numpy as np
from PIL import Image

from yunmeng.imaging.decode import from_pillow
from yunmeng.search.cache.digests import digest
from yunmeng.search.cache.hits import pack_hits, unpack_hits
from yunmeng.search.query import timed
from yunmeng.types import Hits

if TYPE_CHECKING:
    from yunmeng.search.cache.tiers import Cache
    from yunmeng.search.query import Timings
    from yunmeng.search.request import QueryPart, SearchRequest

__all__ = ["Answers", "CachedEngine"]


class Answers(Protocol):
    """An engine that answers queries."""

    def ask(self, request: "SearchRequest") -> Hits: ...


class CachedEngine:
    """Answers as ``asker`` does, and at once if the same query was answered before from the same contents.

    ``version`` names all that answers depend on except the query. The name changes when a write begins and again when
    it ends. An answer is kept only if the name was the same before and after it was found, and it is found again only
    under that name; without a name nothing is kept. ``lasts`` says whether other processes would use the same name:
    only then is the answer shared with them. ``read`` returns the bytes at a path or URL.
    """

    def __init__(
        self,
        asker: Answers,
        cache: "Cache",
        version: Callable[[], str | None],
        read: Callable[[str | Path], bytes],
        *,
        lasts: bool = True,
    ) -> None:
        self._asker = asker
        self._cache = cache
        self._version = version
        self._read = read
        self._lasts = lasts

    def ask(self, request: "SearchRequest") -> Hits:
        """Return the hits, best first. Raises what `yunmeng.library.library.Library.search` says."""
        version = self._version()  # also where nothing is kept: it has the store look for what others have written
        if version is None or not self._cache.on:
            return self._asker.ask(request)
        timings: dict[str, float] = {}
        asked = replace(request, parts=[self._at_hand(part, timings) for part in request.parts])
        began = perf_counter()
        try:
            key = digest(version, asked)
        except TypeError:  # something that cannot be told apart from others is not kept
            return _timed(self._asker.ask(asked), timings)
        kept = self._cache.get(key, shared=self._lasts)
        if kept is not None:
            hits = unpack_hits(kept)
            return Hits(hits, {**timings, "cache": perf_counter() - began}, cached=True)
        found = self._asker.ask(asked)
        if self._version() == version:
            self._cache.put(key, pack_hits(found), shared=self._lasts)
        return _timed(found, timings)

    def _at_hand(self, part: "QueryPart", timings: "Timings") -> "QueryPart":
        """Return the part with the picture's bytes in place of its path or URL: a file may change under its name."""
        if isinstance(part.image, str | Path):
            with timed(timings, "read"):
                return replace(part, image=self._read(part.image))
        if isinstance(part.image, Image.Image):
            with timed(timings, "read"):
                return replace(part, image=from_pillow(part.image))
        if part.vector is not None and not isinstance(part.vector, np.ndarray):
            return replace(part, vector=np.array(part.vector))
        return part


def _timed(hits: Hits, timings: "Timings") -> Hits:
    """``hits``, with the seconds that passed before they were asked for."""
    if timings:
        names = timings.keys() | hits.timings.keys()
        hits.timings = {name: timings.get(name, 0.0) + hits.timings.get(name, 0.0) for name in names}
    return hits
