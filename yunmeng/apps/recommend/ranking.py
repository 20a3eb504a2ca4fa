"""Ranks the pictures of a library for a user."""

import hashlib
from collections.abc import Callable, Iterator, Sequence, Set
from dataclasses import replace
from datetime import datetime
from itertools import chain, islice, zip_longest
from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from yunmeng.apps.recommend.clusters import centred
from yunmeng.apps.recommend.profile import Group, Judged, Profile, load_profile
from yunmeng.apps.recommend.sample import Sampler, new_context
from yunmeng.apps.recommend.types import Because, Method, Pick, Source
from yunmeng.search.rerank.diverse import Diverse
from yunmeng.search.rerank.protocol import RerankContext, by_scores
from yunmeng.stores.filters import Filter, evaluate
from yunmeng.types import Hit

if TYPE_CHECKING:
    from yunmeng.apps.recommend.people import People
    from yunmeng.apps.recommend.tables import EventTables
    from yunmeng.library.library import Library
    from yunmeng.types import Record, Vector

__all__ = ["MOST", "Ranker", "by_shares"]

MOST: Final = 200
"""Recommendations for one user, at most."""

AGAINST: Final = 0.3
"""How much disliked pictures count against a candidate: the outline's factor."""

_CANDIDATES: Final = 100  # of all tastes together, each by its share
_LEAST: Final = 10  # candidates of one taste
_TASTES: Final = 5
_OF_PEOPLE: Final = 0.5  # what others liked counts half as much as all tastes together
_VARIED: Final = 60  # pictures that are put in an order of variety
_PAGE: Final = 50  # records that are read at once
_POPULAR: Final = 1000  # popular pictures that are looked at
_WALKED: Final = 10_000  # pictures that are looked at for variety
_NEAREST: Final = 20_000  # hits that are looked at where a user has seen most of them
_SAME: Final = 0.9999  # cosine from which two pictures count as one

T = TypeVar("T")


class _Ranked(NamedTuple):
    """A picture before its record is read."""

    id: str
    source: Source
    score: float = 0.0
    because: Because | None = None


class Ranker:
    """Ranks pictures by the events in ``tables``; ``people`` gives what was learnt of others. Threads may share it."""

    def __init__(self, library: "Library", tables: "EventTables", people: Callable[[], "People | None"]) -> None:
        self._library = library
        self._tables = tables
        self._people = people
        self._sampler = Sampler(library)

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
        return profile, profile.groups(self._sampler.sample().centre)

    def _by_tastes(self, profile: Profile, filter: Filter | None) -> Iterator[_Ranked]:
        """Yield candidates of each taste that is not muted, in turns by what the tastes count."""
        if not profile.liked.opinions:
            return iter(())
        centre = self._sampler.sample().centre
        groups = [group for group in profile.groups(centre) if not group.muted][:_TASTES]
        context = new_context(self._library.generation)
        total = sum(group.weight for group in groups)
        depths = [_LEAST + round(_CANDIDATES * group.weight / total) for group in groups]
        lists = [
            self._of_taste(profile, group, depth, context, centre, filter)
            for group, depth in zip(groups, depths, strict=True)
        ]
        shares = [group.weight for group in groups]
        return by_shares([*lists, self._by_people(profile, groups, filter)], [*shares, _OF_PEOPLE * total])

    def _by_people(self, profile: Profile, groups: Sequence[Group], filter: Filter | None) -> list[_Ranked]:
        """Return what people liked who liked the same pictures, those of ``groups``."""
        people = self._people()
        if people is None:
            return []
        liked = [profile.liked.opinions[row] for group in groups for row in group.rows]
        found = people.ranked(liked, profile.seen, _CANDIDATES)
        if filter is not None:
            records = self._library.reader.get_many([one.picture for one in found])
            found = [one for one in found if one.picture in records and _passes(records[one.picture], filter)]
        return [
            _Ranked(one.picture, "people", one.score, Because(one.because.picture, one.because.kind)) for one in found
        ]

    def _of_taste(
        self,
        profile: Profile,
        group: Group,
        depth: int,
        context: RerankContext,
        centre: "Vector",
        filter: Filter | None,
    ) -> list[_Ranked]:
        """Return the candidates of a taste: near its weighted mean, far from what is disliked, unlike each other."""
        liked = _some(profile.liked, group.rows)
        # as shares of the taste, which also old likes have: their weights would be 0 in float32
        weights = np.array([opinion.weight / group.weight for opinion in liked.opinions], np.float32)
        direction = _direction(weights @ centred(liked.vectors, centre), weights @ liked.vectors)
        hits = self._near(direction, depth, profile.seen, filter)
        vectors = context.vectors([hit.id for hit in hits])
        new = [row for row, known in enumerate(_known(vectors, profile)) if not known]
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
        hits = self._near(_direction(preferred, liked[0]), MOST, profile.seen, filter)
        return iter(_explained(hits, new_context(self._library.generation), profile.liked))

    def _near(self, direction: "Vector", depth: int, seen: Set[str], filter: Filter | None) -> list[Hit]:
        """Return the ``depth`` nearest pictures that are not ``seen``."""
        size = depth + min(len(seen), _LEAST)
        while True:
            hits = self._library.search(vector=direction, k=size, filter=filter, metric="cosine")
            unseen = [hit for hit in hits if hit.id not in seen]
            if len(unseen) >= depth or len(hits) < size or size >= _NEAREST:
                return unseen[:depth]
            size = min(4 * size, _NEAREST)

    def _unknown(self, profile: Profile, filter: Filter | None) -> Iterator[_Ranked]:
        """Yield popular and varied pictures in turns: for users of whom too little is known."""
        return _in_turns(self._popular(profile, filter), self._varied(profile, filter))

    def _popular(self, profile: Profile, filter: Filter | None) -> Iterator[_Ranked]:
        ids = [id for id in self._tables.popular(_POPULAR) if id not in profile.seen]
        for begin in range(0, len(ids), _PAGE):
            some = ids[begin : begin + _PAGE]
            records = self._library.reader.get_many(some)
            for id in some:
                if id in records and _passes(records[id], filter):
                    yield _Ranked(id, "popular")

    def _varied(self, profile: Profile, filter: Filter | None) -> Iterator[_Ranked]:
        """Yield pictures of which the first are unlike each other, and unlike what is disliked."""
        walk = self._walk(profile, filter)
        records = list(islice(walk, _VARIED))
        context = new_context(self._library.generation)
        hits = [Hit(one.id, 0.0, one.uri, one.attributes) for one in records]
        scores = -_against(profile, context.vectors([hit.id for hit in hits]), self._sampler.sample().centre)
        for hit in Diverse().reorder(context, by_scores(hits, scores)):
            yield _Ranked(hit.id, "varied")
        yield from (_Ranked(record.id, "varied") for record in walk)

    def _random(self, profile: Profile, filter: Filter | None) -> Iterator[_Ranked]:
        return (_Ranked(record.id, "varied") for record in self._walk(profile, filter))

    def _walk(self, profile: Profile, filter: Filter | None) -> "Iterator[Record]":
        """Yield unseen pictures in no order: of the sample, from another place for each user and event; then all."""
        records = self._sampler.sample().records
        number = int(hashlib.sha256(f"{profile.user} {len(profile.seen)}".encode()).hexdigest(), 16)
        begin = number % max(len(records), 1)
        sampled = (one for one in (*records[begin:], *records[:begin]) if _passes(one, filter))
        rest = self._pages((records[-1].sha256, records[-1].id), filter) if records else iter(())
        return (one for one in islice(chain(sampled, rest), _WALKED) if one.id not in profile.seen)

    def _pages(self, after: tuple[str, str], filter: Filter | None) -> "Iterator[Record]":
        while page := self._library.reader.page(MOST, after, filter):
            yield from page
            after = (page[-1].sha256, page[-1].id)

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


def _passes(record: "Record", filter: Filter | None) -> bool:
    return filter is None or bool(evaluate(filter, record.attributes))


def _some(judged: Judged, rows: Sequence[int]) -> Judged:
    return replace(judged, opinions=[judged.opinions[row] for row in rows], vectors=judged.vectors[list(rows)])


def _known(vectors: NDArray[np.float32], profile: Profile) -> NDArray[np.bool_]:
    """Return which pictures, (n,), are the same as one that is liked or disliked, under another id."""
    judged = np.concatenate([profile.liked.vectors, profile.disliked.vectors])
    known: NDArray[np.bool_] = (vectors @ judged.T > _SAME).any(axis=1)
    return known


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
