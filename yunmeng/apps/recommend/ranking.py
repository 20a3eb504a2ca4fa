"""Ranks the pictures of a library for a user."""

import hashlib
from collections.abc import Iterator, Sequence, Set
from dataclasses import replace
from datetime import datetime
from itertools import chain, islice, takewhile, zip_longest
from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from yunmeng.apps.recommend.clusters import centred
from yunmeng.apps.recommend.profile import Group, Judged, Profile, load_profile
from yunmeng.apps.recommend.types import Because, Method, Pick, Source
from yunmeng.search.rerank.diverse import Diverse
from yunmeng.search.rerank.protocol import RerankContext, by_scores
from yunmeng.stores.filters import Filter, evaluate
from yunmeng.types import Hit

if TYPE_CHECKING:
    from yunmeng.apps.recommend.tables import EventTables
    from yunmeng.library.generation import Generation
    from yunmeng.library.library import Library
    from yunmeng.types import Record, Vector

__all__ = ["MOST", "Ranker", "by_shares"]

MOST: Final = 200
"""Recommendations for one user, at most."""

AGAINST: Final = 0.3
"""How much disliked pictures count against a candidate: the outline's factor."""

_DEPTH: Final = 100  # candidates of a taste
_TASTES: Final = 8
_POPULAR: Final = 1000  # popular pictures that are looked at
_WALKED: Final = 10_000  # pictures that are looked at for variety
_NEAREST: Final = 20_000  # hits that are looked at where a user has seen most of them
_SAMPLE: Final = 500  # pictures whose mean is the library's centre
_SAME: Final = 0.9999  # cosine from which two pictures count as one

T = TypeVar("T")


class _Ranked(NamedTuple):
    """A picture before its record is read."""

    id: str
    source: Source
    score: float = 0.0
    because: Because | None = None


class Ranker:
    """Ranks pictures by the events in ``tables``. Threads may share it."""

    def __init__(self, library: "Library", tables: "EventTables") -> None:
        self._library = library
        self._tables = tables
        self._centre: tuple[Generation, int, Vector] | None = None

    def rank(self, user: str, wanted: int, filter: Filter | None, method: Method, now: datetime) -> list[Pick]:
        """Return pictures that ``user`` has not seen, the best first. More of them continue fewer of them.

        Where a method finds too little, popular and varied pictures follow.
        """
        profile = load_profile(self._library, self._tables, user, now)
        ranked: Iterator[_Ranked]
        if method == "tastes":
            ranked = chain(self._by_tastes(profile, filter), self._unknown(profile, filter))
        elif method == "mean":
            ranked = chain(self._by_mean(profile, filter), self._unknown(profile, filter))
        elif method == "popular":
            ranked = chain(self._popular(profile, filter), self._random(profile, filter))
        else:
            ranked = self._random(profile, filter)
        return self._picks(list(islice(_once(ranked), wanted)))

    def groups(self, user: str, now: datetime) -> tuple[Profile, list[Group]]:
        """Return what is known of ``user``, and the user's tastes."""
        profile = load_profile(self._library, self._tables, user, now)
        return profile, profile.groups(self.centre())

    def centre(self) -> "Vector":
        """Return the mean vector of the library, (dim,), from a sample; it is computed again after each change."""
        generation = self._library.generation
        number = generation.store.changes.number
        known = self._centre
        if known is None or known[0] is not generation or known[1] != number:
            ids = [record.id for record in generation.store.page(_SAMPLE)]
            vectors = self._context().vectors(ids)
            mean: Vector = vectors.mean(axis=0) if len(vectors) else vectors.sum(axis=0)
            self._centre = known = (generation, number, mean)
        return known[2]

    def _by_tastes(self, profile: Profile, filter: Filter | None) -> Iterator[_Ranked]:
        """Yield candidates of each taste that is not muted, in turns by what the tastes count."""
        if not profile.liked.opinions:
            return iter(())
        centre = self.centre()
        groups = [group for group in profile.groups(centre) if not group.muted][:_TASTES]
        context = self._context()
        lists = [self._of_taste(profile, group, context, centre, filter) for group in groups]
        return by_shares(lists, [group.weight for group in groups])

    def _of_taste(
        self, profile: Profile, group: Group, context: RerankContext, centre: "Vector", filter: Filter | None
    ) -> list[_Ranked]:
        """Return the candidates of a taste: near its weighted mean, far from what is disliked, unlike each other."""
        liked = _some(profile.liked, group.rows)
        weights = np.array([opinion.weight for opinion in liked.opinions], np.float32)
        direction = _direction(weights @ centred(liked.vectors, centre), weights @ liked.vectors)
        hits = self._near(direction, profile.seen, filter)
        vectors = context.vectors([hit.id for hit in hits])
        new = [
            row for row in range(len(hits)) if not any(_is_same(vectors[row], judged) for judged in _judged(profile))
        ]
        hits, vectors = [hits[row] for row in new], vectors[new]
        scores = centred(vectors, centre) @ direction - _against(profile, vectors, centre)
        return _explained(Diverse().reorder(context, by_scores(hits, scores)), context, liked)

    def _by_mean(self, profile: Profile, filter: Filter | None) -> Iterator[_Ranked]:
        """Yield pictures by the outline's formula: mean of liked vectors - 0.3 x mean of disliked ones."""
        liked, disliked = profile.liked.only({"like", "buy"}), profile.disliked.only({"dislike", "hide"})
        if not len(liked):
            return iter(())
        preferred = liked.mean(axis=0)
        if len(disliked):
            preferred = preferred - AGAINST * disliked.mean(axis=0)
        hits = self._near(_direction(preferred, liked[0]), profile.seen, filter)
        return iter(_explained(hits, self._context(), profile.liked))

    def _near(self, direction: "Vector", seen: Set[str], filter: Filter | None) -> list[Hit]:
        """Return the nearest pictures that are not ``seen``."""
        size = _DEPTH + min(len(seen), _DEPTH)
        while True:
            hits = self._library.search(vector=direction, k=size, filter=filter, metric="cosine")
            unseen = [hit for hit in hits if hit.id not in seen]
            if len(unseen) >= _DEPTH or len(hits) < size or size >= _NEAREST:
                return unseen[:_DEPTH]
            size = min(4 * size, _NEAREST)

    def _unknown(self, profile: Profile, filter: Filter | None) -> Iterator[_Ranked]:
        """Yield popular and varied pictures in turns: for users of whom too little is known."""
        return _in_turns(self._popular(profile, filter), self._varied(profile, filter))

    def _popular(self, profile: Profile, filter: Filter | None) -> Iterator[_Ranked]:
        ids = [id for id in self._tables.popular(_POPULAR) if id not in profile.seen]
        for begin in range(0, len(ids), _DEPTH):
            some = ids[begin : begin + _DEPTH]
            records = self._library.reader.get_many(some)
            for id in some:
                if id in records and (filter is None or evaluate(filter, records[id].attributes)):
                    yield _Ranked(id, "popular")

    def _varied(self, profile: Profile, filter: Filter | None) -> Iterator[_Ranked]:
        """Yield pictures that are unlike each other, and unlike what is disliked."""
        records = list(islice(self._walk(profile, filter), MOST))
        context, hits = self._context(), [Hit(one.id, 0.0, one.uri, one.attributes) for one in records]
        scores = -_against(profile, context.vectors([hit.id for hit in hits]), self.centre())
        for hit in Diverse().reorder(context, by_scores(hits, scores)):
            yield _Ranked(hit.id, "varied")

    def _random(self, profile: Profile, filter: Filter | None) -> Iterator[_Ranked]:
        return (_Ranked(record.id, "varied") for record in self._walk(profile, filter))

    def _walk(self, profile: Profile, filter: Filter | None) -> "Iterator[Record]":
        """Yield unseen pictures by SHA-256, from a place on that is another for each user and after each event."""
        begin = hashlib.sha256(f"{profile.user} {len(profile.seen)}".encode()).hexdigest()
        before = takewhile(lambda record: record.sha256 <= begin, self._pages(("", ""), filter))
        walked = islice(chain(self._pages((begin, "\U0010ffff"), filter), before), _WALKED)
        return (record for record in walked if record.id not in profile.seen)

    def _pages(self, after: tuple[str, str], filter: Filter | None) -> "Iterator[Record]":
        while page := self._library.reader.page(_DEPTH, after, filter):
            yield from page
            after = (page[-1].sha256, page[-1].id)

    def _context(self) -> RerankContext:
        generation = self._library.generation
        return RerankContext(np.zeros(generation.config.encoder.dim, np.float32), generation.store, MOST)

    def _picks(self, ranked: Sequence[_Ranked]) -> list[Pick]:
        records = self._library.reader.get_many([one.id for one in ranked])
        return [Pick(records[one.id], one.score, one.source, one.because) for one in ranked if one.id in records]


def by_shares(lists: Sequence[Sequence[T]], shares: Sequence[float]) -> Iterator[T]:
    """Yield the items of ``lists``, each in its order, in turns by their shares (Sainte-Laguë's method)."""
    taken = [0] * len(lists)
    while left := [number for number in range(len(lists)) if taken[number] < len(lists[number])]:
        chosen = max(left, key=lambda number: shares[number] / (2 * taken[number] + 1))
        yield lists[chosen][taken[chosen]]
        taken[chosen] += 1


def _in_turns(one: Iterator[T], other: Iterator[T]) -> Iterator[T]:
    missing = object()
    pairs = zip_longest(one, other, fillvalue=missing)
    return (item for pair in pairs for item in pair if item is not missing)  # type: ignore[misc]  # no `missing` is left


def _once(ranked: Iterator[_Ranked]) -> Iterator[_Ranked]:
    known: set[str] = set()
    for one in ranked:
        if one.id not in known:
            known.add(one.id)
            yield one


def _some(judged: Judged, rows: Sequence[int]) -> Judged:
    return replace(judged, opinions=[judged.opinions[row] for row in rows], vectors=judged.vectors[list(rows)])


def _judged(profile: Profile) -> list[Judged]:
    return [judged for judged in (profile.liked, profile.disliked) if judged.opinions]


def _is_same(vector: "Vector", judged: Judged) -> bool:
    return bool((judged.vectors @ vector).max() > _SAME)


def _direction(vector: "Vector", otherwise: "Vector") -> "Vector":
    """Return ``vector`` with length 1, or ``otherwise`` where nothing is left of it."""
    chosen = vector if np.linalg.norm(vector) > 1e-4 else otherwise
    length = np.linalg.norm(chosen)
    return np.asarray(chosen / (length if length else 1.0), np.float32)


def _against(profile: Profile, vectors: NDArray[np.float32], centre: "Vector") -> "Vector":
    """Return what speaks against pictures, (n,): 0.3 x the greatest centred cosine to a disliked one, 0 at least."""
    if not profile.disliked.opinions or not len(vectors):
        return np.zeros(len(vectors), np.float32)
    cosines = centred(vectors, centre) @ centred(profile.disliked.vectors, centre).T
    return np.asarray(AGAINST * np.maximum(cosines.max(axis=1), 0.0), np.float32)


def _explained(hits: Sequence[Hit], context: RerankContext, liked: Judged) -> list[_Ranked]:
    """Return hits, each with the liked picture that is most like it."""
    cosines = np.clip(context.vectors([hit.id for hit in hits]) @ liked.vectors.T, -1, 1)
    explained = []
    for hit, row in zip(hits, cosines, strict=True):
        best = int(row.argmax())
        opinion = liked.opinions[best]
        explained.append(_Ranked(hit.id, "taste", float(row[best]), Because(opinion.picture, opinion.kind)))
    return explained
