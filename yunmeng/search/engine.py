"""From a query to hits: find near pictures, order them, cut a page, and say what scores mean."""

from collections.abc import Callable, Sequence, Set
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np

from yunmeng.encoders.crops.views import WHOLE
from yunmeng.errors import QueryError, RecordNotFound, StateUnreachable
from yunmeng.imaging.fingerprint import fingerprint, sha256
from yunmeng.search.colour.asked import AskedColour, colour_asked
from yunmeng.search.colour.index import ColourIndex
from yunmeng.search.fusing import fuse, merged
from yunmeng.search.grouping import group_heads, one_each
from yunmeng.search.query import as_vector, timed
from yunmeng.search.ranking import Candidates, deep_enough, depth_of, in_front, ranked
from yunmeng.search.rerank.protocol import RerankContext
from yunmeng.search.rerank.registry import STEPS, WITHOUT_VECTOR, steps_of
from yunmeng.search.text_search import NO_WORDS, WHOLLY_NAMED, WordSearch
from yunmeng.stores.augmented import regional_in
from yunmeng.stores.filters import evaluate
from yunmeng.types import Hit, Hits, Metric, Record, Vector

if TYPE_CHECKING:
    from yunmeng.encoders.crops.views import Source
    from yunmeng.encoders.protocol import TextEncoder
    from yunmeng.search.bands import Bands
    from yunmeng.search.calibration import Calibration
    from yunmeng.search.query import Embedder, Timings
    from yunmeng.search.request import QueryPart, SearchRequest
    from yunmeng.search.rerank.protocol import Step, Verify
    from yunmeng.stores.protocol import Store

__all__ = ["QueryEncoding", "SearchEngine"]

CANCELLED: Final = 1e-4
"""Length of a mixture, of parts of length 1, below which they have cancelled each other."""


class QueryEncoding(Protocol):
    """Turns queries into vectors, (dim,). Both encoders are loaded when first needed; search by id needs none."""

    @property
    def embedder(self) -> "Embedder": ...
    @property
    def texts(self) -> "TextEncoder | None": ...


class SearchEngine:
    """Answers queries from one store, by one encoder. Threads may share it.

    ``read`` returns the file of a picture by its id; ``calibration`` and ``bands`` say what scores mean, if that is
    known; ``metric`` is used by queries that name none; ``verify`` is for the step ``geometry``; ``colours`` has the
    palettes.
    """

    def __init__(
        self,
        store: "Store",
        dim: int,
        encoding: QueryEncoding,
        *,
        read: Callable[[str], bytes],
        calibration: "Callable[[], Calibration | None]",
        bands: "Callable[[], Bands | None]",
        metric: Metric = "cosine",
        verify: "Verify | None" = None,
        colours: ColourIndex | None = None,
    ) -> None:
        self._store = store
        self._dim = dim
        self._encoding = encoding
        self._read = read
        self._calibration = calibration
        self._bands = bands
        self._metric = metric
        self._verify = verify
        self._colours = colours or ColourIndex(store)

    def ask(self, request: "SearchRequest") -> Hits:
        """Return the hits, best first. Raises what `yunmeng.library.library.Library.search` says."""
        if request.regions and regional_in(self._store) is None:
            raise QueryError(
                "the library keeps no parts of its pictures: make it so with yunmeng reencode --regions --db DIR"
            )
        calibration = self._calibrated(request)
        request, colour = colour_asked(request, self._colours, self._encoding)
        steps = self._steps(request, colour)
        timings: dict[str, float] = {}
        if request.pictured is not None and any(step.name in ("geometry", "fingerprint") for step in steps):
            request = self._at_hand(request, timings)
        found = self._found(request, colour, steps, timings)
        if colour is not None and not colour.alone:
            steps = self._weighing(colour, found, steps)
        first = self._asked_picture(request, found)
        found = replace(found, hits=in_front(first, found.hits))
        hits = self._ranked(request, found, first, steps, timings)
        if steps:  # which may have brought some in again
            hits = _without(hits, request.unwanted)
        if request.group_by is not None:
            hits = one_each(hits, request.group_by)
        hits = hits[request.offset : request.offset + request.k]
        if request.min_score is not None:
            hits = [hit for hit in hits if hit.score >= request.min_score]
        if hits and (calibration is not None or request.banded):
            hits = self._with_meaning(hits, found, calibration, self._bands() if request.banded else None)
        if request.min_chance is not None:
            hits = [hit for hit in hits if hit.chance is not None and hit.chance >= request.min_chance]
        return Hits(hits, timings)

    def _calibrated(self, request: "SearchRequest") -> "Calibration | None":
        found = self._calibration() if request.one_picture and not request.regions else None
        if request.min_chance is not None and found is None:
            raise QueryError(
                "the chance of a hit is known for whole single pictures, in a library that has learnt to tell "
                "it: run yunmeng calibrate --db DIR, or cut off by min_score"
            )
        return found

    def _steps(self, request: "SearchRequest", colour: AskedColour | None) -> "list[Step]":
        """Return the steps. The library's metric counts where vectors of whole pictures are compared."""
        metric, alone = request.metric, colour is not None and colour.alone
        if metric is None and request.words is None and not request.regions and not alone:
            metric = self._metric
        steps = steps_of(request.rerank, metric)
        if alone and steps:
            raise QueryError(f"{steps[0].name} orders hits by a picture or words: ask with one beside the colour")
        by_whole = [step.name for step in steps if step.name not in WITHOUT_VECTOR]
        if request.regions and by_whole:
            raise QueryError(f"{by_whole[0]} looks at whole pictures: leave it out, or do not search parts of pictures")
        return steps

    def _at_hand(self, request: "SearchRequest", timings: "Timings") -> "SearchRequest":
        """Return the query with its picture read, as it is used more than once."""
        (part,) = request.parts
        if part.image is None:
            return request
        with timed(timings, "read"):
            return replace(request, parts=[replace(part, image=self._encoding.embedder.source(part.image))])

    @staticmethod
    def _weighing(colour: AskedColour, found: Candidates, steps: "Sequence[Step]") -> "list[Step]":
        """Return the steps with that by colour: after those that look at embeddings, and before `Diverse`."""
        last = len(steps) - bool(steps and steps[-1].name == "diverse")
        return [*steps[:last], colour.step(found.named), *steps[last:]]

    def _found(
        self, request: "SearchRequest", colour: AskedColour | None, steps: "Sequence[Step]", timings: "Timings"
    ) -> Candidates:
        """Enough candidates for the page, for every step, and for as many groups as are wanted."""
        weighing = [] if colour is None or colour.alone else [colour.step()]
        depth = depth_of([*steps, *weighing], request.wanted) + len(request.unwanted)
        if colour is not None and colour.alone:
            return self._by_colour(colour, request, depth, timings)
        if request.words is not None:
            by_name = all(step.name in WITHOUT_VECTOR for step in steps)
            return self._by_words(request.words, request, colour, depth, timings, by_name=by_name)
        vector, group_by = self._mixed(request, timings), request.group_by

        def near(size: int) -> Candidates:
            return Candidates(_without(self._nearest(vector, request, size), request.unwanted), vector)

        with timed(timings, "search"):
            if group_by is None:
                return near(depth)
            if request.regions or colour is not None:
                return deep_enough(near, depth, request.wanted, group_by)
            heads = group_heads(self._store, vector, request.wanted, group_by, request.filter, request.unwanted)
            return Candidates(merged(near(depth).hits, heads) if steps else heads, vector)

    def _by_colour(self, colour: AskedColour, request: "SearchRequest", depth: int, timings: "Timings") -> Candidates:
        """Return the pictures with the colours, those with the words for them in their names first."""
        words = request.words if request.color is None and self._store.capabilities.text else None

        def find(size: int) -> Candidates:
            hits = colour.search(size, request.filter)
            named = []
            if words is not None:
                with suppress(StateUnreachable):  # it has the words of some stores
                    named = self._store.search_text(words, size, request.filter)
            named = [hit for hit in named if hit.score > WHOLLY_NAMED]
            fused = fuse([hits, named], [1.0, 1.0], size) if named else hits
            return Candidates(fused, None, {"colour": hits, **({"name": named} if named else {})})

        with timed(timings, "search"):
            if request.group_by is None:
                return find(depth)
            return deep_enough(find, depth, request.wanted, request.group_by)

    def _by_words(
        self,
        words: str,
        request: "SearchRequest",
        colour: AskedColour | None,
        depth: int,
        timings: "Timings",
        *,
        by_name: bool,
    ) -> Candidates:
        search = WordSearch(
            words,
            self._store,
            request.filter,
            lambda: self._encoding.texts,
            lambda vector, size: self._nearest(vector, request, size),
            timings,
            sharpens=not request.regions,  # a picture's own vector says little of what one of its parts shows
            by_name=by_name,
            without_colours=None if colour is None else colour.words,
        )
        if request.group_by is None:
            return search.find(depth)
        return deep_enough(search.find, depth, request.wanted, request.group_by)

    def _nearest(self, vector: Vector, request: "SearchRequest", k: int) -> list[Hit]:
        if request.regions and (regional := regional_in(self._store)) is not None:
            return regional.search_regions(vector, k, request.filter)
        return self._store.search(vector, k, request.filter)

    def _asked_picture(self, request: "SearchRequest", found: Candidates) -> Hit | None:
        """Return the hit for the picture that the query names by its id, if it passes the filter.

        The search need not have found it, where others have the same vector.
        """
        if request.known is None:
            return None
        for hit in found.hits:
            if hit.id == request.known:
                return hit
        record = self._store.get([request.known], vectors=True).get(request.known)
        if record is None or not (request.filter is None or evaluate(request.filter, record.attributes)):
            return None
        assert record.vector is not None  # asked for above
        assert found.vector is not None  # it is asked with a picture
        score = float(np.clip(record.vector @ found.vector, -1, 1))
        region = WHOLE if request.regions else None
        return Hit(record.id, score, record.uri, record.attributes, region=region)

    def _ranked(
        self,
        request: "SearchRequest",
        found: Candidates,
        first: Hit | None,
        steps: "Sequence[Step]",
        timings: "Timings",
    ) -> list[Hit]:
        if not steps:
            return ranked(found, self._asked(request, found), steps, explain=request.explain)
        with timed(timings, "rerank"):
            asked = self._asked(request, found)
            if request.pictured is not None:
                if STEPS["geometry"] in steps:
                    asked.picture, asked.own = self._picture(request.pictured), self._own(request.pictured)
                asked.pdq = self._pdq(request.pictured) if request.metric == "fingerprint" else None
            return ranked(found, asked, steps, first=first, explain=request.explain)

    def _asked(self, request: "SearchRequest", found: Candidates) -> RerankContext:
        vector = np.zeros(self._dim, np.float32) if found.vector is None else found.vector
        return RerankContext(vector, self._store, request.wanted, request.filter, request.group_by, verify=self._verify)

    def _picture(self, part: "QueryPart") -> "Source":
        source = self._source(part)
        return source if part.region is None else self._encoding.embedder.pixels(source, part.region)

    def _own(self, part: "QueryPart") -> frozenset[str]:
        """Return the ids of the pictures that are the query's own file: none for a part of one, or for pixels."""
        if part.region is not None:
            return frozenset()
        if part.id is not None:
            digest = self._record(part.id).sha256
        elif isinstance(source := self._source(part), bytes):
            digest = sha256(source)
        else:
            return frozenset()
        return frozenset(record.id for record in self._store.find_sha256([digest]).get(digest, []))

    def _pdq(self, part: "QueryPart") -> str:
        if part.id is not None and part.region is None:
            return self._record(part.id).pdq
        return fingerprint(self._encoding.embedder.pixels(self._source(part), part.region)).pdq

    def _source(self, part: "QueryPart") -> "Source":
        if part.id is not None:
            return self._read(part.id)
        assert part.image is not None  # a picture is asked with
        return self._encoding.embedder.source(part.image)

    def _with_meaning(
        self, hits: Sequence[Hit], found: Candidates, calibration: "Calibration | None", bands: "Bands | None"
    ) -> list[Hit]:
        """Each with the chance and the band that its cosine with the query gives it, whatever steps made of it."""
        if calibration is None and bands is None:
            return list(hits)
        scores = {hit.id: hit.score for hit in found.hits}
        brought = [hit.id for hit in hits if hit.id not in scores]
        if brought and found.vector is not None:
            cosines = RerankContext(found.vector, self._store, 0).cosines(brought)
            scores.update(zip(brought, cosines.tolist(), strict=True))
        return [
            replace(
                hit,
                chance=None if calibration is None else calibration.chance(scores[hit.id]),
                band=None if bands is None else bands.band(scores[hit.id]),
            )
            for hit in hits
        ]

    def _mixed(self, request: "SearchRequest", timings: "Timings") -> Vector:
        """Return the sum of the parts' embeddings by their weights (Rocchio, 1971), brought to length 1."""
        if len(request.parts) == 1 and request.parts[0].weight > 0:
            return self._vector(request.parts[0], request, timings)
        total = np.zeros(self._dim, np.float32)
        for part in request.parts:
            total += np.float32(part.weight) * self._vector(part, request, timings)
        length = float(np.linalg.norm(total))
        if length < CANCELLED * max(abs(part.weight) for part in request.parts):
            raise QueryError("the parts of the question cancel each other: change their weights")
        return total / np.float32(length)

    def _vector(self, part: "QueryPart", request: "SearchRequest", timings: "Timings") -> Vector:
        if part.image is not None:
            return self._encoding.embedder.embed(part.image, part.region, timings, subject=request.subject)
        if part.id is not None:
            if part.region is not None or request.subject is not None:
                original = self._read(part.id)
                return self._encoding.embedder.embed(original, part.region, timings, subject=request.subject)
            record = self._record(part.id, vector=True)
            assert record.vector is not None  # asked for above
            return record.vector
        if part.vector is not None:
            return as_vector(part.vector, self._dim)
        assert part.text is not None
        texts = self._encoding.texts
        if texts is None:
            raise QueryError(NO_WORDS)
        with timed(timings, "encode"):
            vector: Vector = texts.encode_texts([part.text])[0]
        return vector

    def _record(self, id: str, *, vector: bool = False) -> Record:
        record = self._store.get([id], vectors=vector).get(id)
        if record is None:
            raise RecordNotFound(f"no picture has the id {id}")
        return record


def _without(hits: list[Hit], unwanted: Set[str]) -> list[Hit]:
    return [hit for hit in hits if hit.id not in unwanted] if unwanted else hits
