"""From a question to hits: what is near is found, put in order, cut to a page, and told its chance."""

from collections.abc import Callable, Sequence, Set
from dataclasses import replace
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np

from yunmeng.encoders.crops.views import WHOLE
from yunmeng.errors import QueryError, RecordNotFound
from yunmeng.imaging.fingerprint import fingerprint
from yunmeng.search.grouping import group_heads, merged, one_each
from yunmeng.search.query import as_vector, timed
from yunmeng.search.ranking import Candidates, deep_enough, depth_of, in_front, ranked
from yunmeng.search.rerank.protocol import Asked
from yunmeng.search.rerank.registry import STEPS, WITHOUT_VECTOR, steps_of
from yunmeng.search.wording import NO_WORDS, WordSearch
from yunmeng.stores.augmented import regional_in
from yunmeng.stores.filters import evaluate
from yunmeng.types import Hit, Hits, Metric, Record, Vector

if TYPE_CHECKING:
    from yunmeng.encoders.crops.views import Source
    from yunmeng.encoders.protocol import TextEncoder
    from yunmeng.search.calibration import Calibration
    from yunmeng.search.query import Embedder, Timings
    from yunmeng.search.question import Part, Question
    from yunmeng.search.rerank.protocol import Step, Verify
    from yunmeng.stores.protocol import Store

__all__ = ["QueryEncoding", "SearchEngine"]

CANCELLED: Final = 1e-4
"""Length of a mixture, of parts of length 1, below which they have cancelled each other."""


class QueryEncoding(Protocol):
    """Turns queries into vectors, (dim,). Both are loaded when first needed: search by id does without."""

    @property
    def embedder(self) -> "Embedder": ...
    @property
    def texts(self) -> "TextEncoder | None": ...


class SearchEngine:
    """Answers questions from one store, by one encoder. Threads may share it.

    ``read`` gives the file of a picture by its id; ``calibration`` what scores are worth, where it is known; ``metric``
    is that of questions which name none; ``verify`` is for the step ``geometry``.
    """

    def __init__(
        self,
        store: "Store",
        dim: int,
        encoding: QueryEncoding,
        *,
        read: Callable[[str], bytes],
        calibration: "Callable[[], Calibration | None]",
        metric: Metric = "cosine",
        verify: "Verify | None" = None,
    ) -> None:
        self._store = store
        self._dim = dim
        self._encoding = encoding
        self._read = read
        self._calibration = calibration
        self._metric = metric
        self._verify = verify

    def ask(self, question: "Question") -> Hits:
        """Return the hits, best first. Raises what `yunmeng.library.library.Library.search` says."""
        if question.regions and regional_in(self._store) is None:
            raise QueryError(
                "the library keeps no parts of its pictures: make it so with yunmeng reencode --regions --db DIR"
            )
        calibration = self._calibrated(question)
        steps = self._steps(question)
        timings: dict[str, float] = {}
        if question.pictured is not None and any(step.name in ("geometry", "fingerprint") for step in steps):
            question = self._at_hand(question, timings)
        found = self._found(question, steps, timings)
        first = self._asked_picture(question, found)
        found = replace(found, hits=in_front(first, found.hits))
        hits = self._ranked(question, found, first, steps, timings)
        if steps:  # which may have brought some in again
            hits = _without(hits, question.unwanted)
        if question.group_by is not None:
            hits = one_each(hits, question.group_by)
        hits = hits[question.offset : question.offset + question.k]
        if question.min_score is not None:
            hits = [hit for hit in hits if hit.score >= question.min_score]
        if calibration is not None:
            hits = self._with_chances(hits, found, calibration)
        if question.min_chance is not None:
            hits = [hit for hit in hits if hit.chance is not None and hit.chance >= question.min_chance]
        return Hits(hits, timings)

    def _calibrated(self, question: "Question") -> "Calibration | None":
        found = self._calibration() if question.one_picture and not question.regions else None
        if question.min_chance is not None and found is None:
            raise QueryError(
                "the chance of a hit is known for whole single pictures, in a library that has learnt to tell "
                "it: run yunmeng calibrate --db DIR, or cut off by min_score"
            )
        return found

    def _steps(self, question: "Question") -> "list[Step]":
        """Return the steps. The library's metric counts where vectors of whole pictures are compared."""
        metric = question.metric
        if metric is None and question.words is None and not question.regions:
            metric = self._metric
        steps = steps_of(question.rerank, metric)
        by_whole = [step.name for step in steps if step.name not in WITHOUT_VECTOR]
        if question.regions and by_whole:
            raise QueryError(f"{by_whole[0]} looks at whole pictures: leave it out, or do not search parts of pictures")
        return steps

    def _at_hand(self, question: "Question", timings: "Timings") -> "Question":
        """Return the question with its picture read, as it is looked at more than once."""
        (part,) = question.parts
        if part.image is None:
            return question
        with timed(timings, "read"):
            return replace(question, parts=[replace(part, image=self._encoding.embedder.source(part.image))])

    def _found(self, question: "Question", steps: "Sequence[Step]", timings: "Timings") -> Candidates:
        """Enough candidates for the page, for every step, and for as many groups as are wanted."""
        depth = depth_of(steps, question.wanted) + len(question.unwanted)
        if question.words is not None:
            by_name = all(step.name in WITHOUT_VECTOR for step in steps)
            return self._by_words(question.words, question, depth, timings, by_name=by_name)
        vector, group_by = self._mixed(question, timings), question.group_by

        def near(size: int) -> Candidates:
            return Candidates(_without(self._nearest(vector, question, size), question.unwanted), vector)

        with timed(timings, "search"):
            if group_by is None:
                return near(depth)
            if question.regions:
                return deep_enough(near, depth, question.wanted, group_by)
            heads = group_heads(self._store, vector, question.wanted, group_by, question.filter, question.unwanted)
            return Candidates(merged(near(depth).hits, heads) if steps else heads, vector)

    def _by_words(
        self, words: str, question: "Question", depth: int, timings: "Timings", *, by_name: bool
    ) -> Candidates:
        search = WordSearch(
            words,
            self._store,
            question.filter,
            lambda: self._encoding.texts,
            lambda vector, size: self._nearest(vector, question, size),
            timings,
            sharpens=not question.regions,  # a picture's own vector says little of what one of its parts shows
            by_name=by_name,
        )
        if question.group_by is None:
            return search.find(depth)
        return deep_enough(search.find, depth, question.wanted, question.group_by)

    def _nearest(self, vector: Vector, question: "Question", k: int) -> list[Hit]:
        if question.regions and (regional := regional_in(self._store)) is not None:
            return regional.search_regions(vector, k, question.filter)
        return self._store.search(vector, k, question.filter)

    def _asked_picture(self, question: "Question", found: Candidates) -> Hit | None:
        """Return the hit of the picture that is asked with by its id, if it passes the filter.

        The search need not have found it, where others have the same vector.
        """
        if question.known is None:
            return None
        for hit in found.hits:
            if hit.id == question.known:
                return hit
        record = self._store.get([question.known], vectors=True).get(question.known)
        if record is None or not (question.filter is None or evaluate(question.filter, record.attributes)):
            return None
        assert record.vector is not None  # asked for above
        assert found.vector is not None  # it is asked with a picture
        score = float(np.clip(record.vector @ found.vector, -1, 1))
        region = WHOLE if question.regions else None
        return Hit(record.id, score, record.uri, record.attributes, region=region)

    def _ranked(
        self, question: "Question", found: Candidates, first: Hit | None, steps: "Sequence[Step]", timings: "Timings"
    ) -> list[Hit]:
        if not steps:
            return ranked(found, self._asked(question, found), steps, explain=question.explain)
        with timed(timings, "rerank"):
            asked = self._asked(question, found)
            if question.pictured is not None:
                asked.picture = self._picture(question.pictured) if STEPS["geometry"] in steps else None
                asked.pdq = self._pdq(question.pictured) if question.metric == "fingerprint" else None
            return ranked(found, asked, steps, first=first, explain=question.explain)

    def _asked(self, question: "Question", found: Candidates) -> Asked:
        vector = np.zeros(self._dim, np.float32) if found.vector is None else found.vector
        return Asked(vector, self._store, question.wanted, question.filter, question.group_by, verify=self._verify)

    def _picture(self, part: "Part") -> "Source":
        source = self._source(part)
        return source if part.region is None else self._encoding.embedder.pixels(source, part.region)

    def _pdq(self, part: "Part") -> str:
        if part.id is not None and part.region is None:
            return self._record(part.id).pdq
        return fingerprint(self._encoding.embedder.pixels(self._source(part), part.region)).pdq

    def _source(self, part: "Part") -> "Source":
        if part.id is not None:
            return self._read(part.id)
        assert part.image is not None  # a picture is asked with
        return self._encoding.embedder.source(part.image)

    def _with_chances(self, hits: Sequence[Hit], found: Candidates, calibration: "Calibration") -> list[Hit]:
        """Each with the chance that its cosine with the query gives it, whatever steps made of its score."""
        scores = {hit.id: hit.score for hit in found.hits}
        brought = [hit.id for hit in hits if hit.id not in scores]
        if brought and found.vector is not None:
            cosines = Asked(found.vector, self._store, 0).cosines(brought)
            scores.update(zip(brought, cosines.tolist(), strict=True))
        return [replace(hit, chance=calibration.chance(scores[hit.id])) for hit in hits]

    def _mixed(self, question: "Question", timings: "Timings") -> Vector:
        """Return the sum of the parts' embeddings by their weights (Rocchio, 1971), brought to length 1."""
        if len(question.parts) == 1 and question.parts[0].weight > 0:
            return self._vector(question.parts[0], question, timings)
        total = np.zeros(self._dim, np.float32)
        for part in question.parts:
            total += np.float32(part.weight) * self._vector(part, question, timings)
        length = float(np.linalg.norm(total))
        if length < CANCELLED * max(abs(part.weight) for part in question.parts):
            raise QueryError("the parts of the question cancel each other: change their weights")
        return total / np.float32(length)

    def _vector(self, part: "Part", question: "Question", timings: "Timings") -> Vector:
        if part.image is not None:
            return self._encoding.embedder.embed(part.image, part.region, timings, subject=question.subject)
        if part.id is not None:
            if part.region is not None or question.subject is not None:
                original = self._read(part.id)
                return self._encoding.embedder.embed(original, part.region, timings, subject=question.subject)
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
