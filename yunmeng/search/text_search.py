"""Search by words: by their meaning, and by the names and attributes that contain them."""

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from yunmeng.encoders.text.bridge import NEIGHBOURS, NEIGHBOURS_OF_KINDS, Words
from yunmeng.errors import MissingExtra, QueryError, StateUnreachable
from yunmeng.search.fusing import fuse
from yunmeng.search.query import timed
from yunmeng.search.ranking import Candidates
from yunmeng.types import Hit, Vector

if TYPE_CHECKING:
    from yunmeng.encoders.protocol import TextEncoder
    from yunmeng.search.query import Timings
    from yunmeng.stores.filters import Filter
    from yunmeng.stores.protocol import Store

__all__ = ["NO_WORDS", "WHOLLY_NAMED", "WordSearch"]

FUSED_DEPTH: Final = 100
"""Least number of hits of each list that are fused: what both lists have deep down may well come first."""

PARTLY_NAMED: Final = 0.3
"""Weight of hits whose names hold only some of the words, where none has all: "photo" of "a photo of a chair" may stand
in every name."""

WHOLLY_NAMED: Final = 0.5
"""Score above which a name holds every word, see `Store.search_text`."""

NOTHING: Final = math.inf
"""The least score of what fits, where nothing does."""

NO_WORDS: Final = (
    "the library's encoder reads pictures, not words: search by a picture, or move the library to an encoder that "
    "reads them; see: yunmeng models list"
)

NO_FULL_TEXT: Final = (
    "; nor has its store full text, by which names and attributes would be found: keep its state in PostgreSQL, see "
    "docs/milvus.md"
)


class WordSearch:
    """One text, looked up in one library.

    ``nearest`` finds pictures by vector. ``by_name`` says whether names alone may answer where no encoder reads the
    text. ``without_colours`` is the text without its words for colours, where these are looked for in palettes.
    """

    def __init__(
        self,
        text: str,
        store: "Store",
        filter: "Filter | None",
        texts: "Callable[[], TextEncoder | None]",
        nearest: Callable[[Vector, int], list[Hit]],
        timings: "Timings",
        *,
        sharpens: bool,
        by_name: bool,
        without_colours: str | None = None,
    ) -> None:
        self._text = text
        self._meant_text = text if without_colours is None else without_colours
        self._store = store
        self._filter = filter
        self._texts = texts
        self._nearest = nearest
        self._timings = timings
        self._sharpens = sharpens
        self._by_name = by_name
        self._silent: StateUnreachable | None = None
        self._meaning: tuple[Vector, float | None] | None = None

    def find(self, depth: int) -> Candidates:
        """Return at least ``depth`` hits if there are so many, by meaning and by name; fused where there are both.

        Raises `QueryError` where no encoder reads words, and `MissingExtra`.
        """
        depth = max(FUSED_DEPTH, depth)
        named, whole = self._names(depth)
        try:
            texts = self._texts()
            if texts is None:
                if not self._store.capabilities.text:
                    raise QueryError(NO_WORDS + NO_FULL_TEXT)
                if not self._by_name:
                    raise QueryError(NO_WORDS)
                if self._silent is not None:
                    raise self._silent
                return self._named(named, depth, whole)
            vector, meant = self._meant(texts, depth)
        except MissingExtra:
            if not self._by_name or not named:
                raise
            return self._named(named, depth, whole)  # names and attributes answer without the text model
        if not named:
            return Candidates(meant, vector, {"meaning": meant})
        entirely = [hit for hit in named if hit.score > WHOLLY_NAMED]
        fused = fuse([meant, entirely or named], [1.0, 1.0 if entirely else PARTLY_NAMED], depth)
        return Candidates(fused, vector, {"meaning": meant, "name": entirely or named}, whole)

    def _names(self, depth: int) -> tuple[list[Hit], frozenset[str]]:
        """Return hits by name, and which of them have all words in it where some of these are for colours."""
        if not self._store.capabilities.text:
            return [], frozenset()
        try:
            with timed(self._timings, "search"):
                named = self._store.search_text(self._text, depth, self._filter)
                if self._meant_text == self._text:
                    return named, frozenset()
                whole = frozenset(hit.id for hit in named if hit.score > WHOLLY_NAMED)
                if not whole:
                    without = self._store.search_text(self._meant_text, depth, self._filter)
                    named = [hit for hit in without if hit.score > WHOLLY_NAMED] or named
        except StateUnreachable as exc:  # it has the words of some stores; meaning answers without them
            self._silent = exc
            return [], frozenset()
        return named, whole

    @staticmethod
    def _named(named: list[Hit], depth: int, whole: frozenset[str]) -> Candidates:
        return Candidates(fuse([named], [1.0], depth), None, {"name": named}, whole)

    def _meant(self, texts: "TextEncoder", depth: int) -> tuple[Vector, list[Hit]]:
        """The text's vector and the nearest pictures; over the bridge, those that fit, as `Words` tells."""
        if self._meaning is None:
            self._meaning = self._read(texts)
        vector, least = self._meaning
        with timed(self._timings, "search"):
            if least is None:
                return vector, self._nearest(vector, depth)
            if least == NOTHING:
                return vector, []
            return vector, [hit for hit in self._nearest(vector, depth) if hit.score >= least]

    def _read(self, texts: "TextEncoder") -> tuple[Vector, float | None]:
        """The text's vector, over the bridge as `Words` sharpens it, and the least score of what fits."""
        with timed(self._timings, "encode"):
            vector: Vector = texts.encode_texts([self._meant_text])[0]
            cut = texts.cut_off(self._meant_text) if isinstance(texts, Words) else None
        if not isinstance(texts, Words) or cut is None:
            return vector, None
        if cut.first == NOTHING:
            return vector, NOTHING
        with timed(self._timings, "search"):
            if self._sharpens and len(directions := texts.directions(self._meant_text)):
                return self._narrowed(texts, vector, directions)
            best = self._nearest(vector, NEIGHBOURS)
            if not best or best[0].score < cut.first:
                return vector, NOTHING
            if self._sharpens:
                vector = texts.sharpen(vector, self._vectors(best))
        return vector, cut.each

    def _narrowed(self, texts: Words, vector: Vector, directions: NDArray[np.float32]) -> tuple[Vector, float]:
        """A kind of things as the library shows it, and the least score of what fits."""
        found = [hit for one in (vector, *directions) for hit in self._nearest(one, NEIGHBOURS_OF_KINDS)]
        kind = texts.narrow(self._meant_text, self._vectors(found))
        return (vector, NOTHING) if kind is None else (kind.vector, kind.each)

    def _vectors(self, hits: Sequence[Hit]) -> NDArray[np.float32]:
        """The vectors of the pictures that were hit, each once, float32 (n, dim)."""
        records = self._store.get(list(dict.fromkeys(hit.id for hit in hits)), vectors=True).values()
        return np.array([record.vector for record in records], np.float32)
