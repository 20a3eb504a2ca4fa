"""Opinions, tastes, shares and figures, against plain references."""

import math
from datetime import timedelta
from itertools import combinations, islice

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.recommend.conftest import NOW, group_vectors
from yunmeng.apps.recommend.clusters import ALIKE, centred, clusters
from yunmeng.apps.recommend.opinions import opinions
from yunmeng.apps.recommend.ranking import by_shares
from yunmeng.apps.recommend.replay import diversity, ndcg, recall
from yunmeng.apps.recommend.types import WEIGHTS, Event, EventKind


def event(picture: str, kind: EventKind, days: float) -> Event:
    return Event("ann", picture, kind, NOW - timedelta(days=days), f"{picture} {kind} {days}")


def test_the_newest_event_decides_and_counts_half_after_thirty_days() -> None:
    found = opinions([event("a", "dislike", 0), event("a", "like", 1), event("b", "like", 30)], NOW)
    assert [(one.picture, one.kind) for one in found] == [("a", "dislike"), ("b", "like")]
    assert [one.weight for one in found] == pytest.approx([-1.0, 0.5])


def test_a_view_does_not_take_back_a_like() -> None:
    viewed, liked = event("a", "view", 0), event("a", "like", 3)
    assert opinions([viewed, liked], NOW)[0].kind == "like"
    assert opinions([viewed], NOW)[0].weight == WEIGHTS["view"]


def test_an_event_of_a_clock_that_is_fast_counts_in_full() -> None:
    assert opinions([event("a", "like", -1)], NOW)[0].weight == 1.0


def merged(vectors: np.ndarray) -> set[frozenset[int]]:
    """Average linkage as textbooks have it: merge the two groups with the greatest mean cosine, while it is enough."""
    groups = [{row} for row in range(len(vectors))]

    def alike(pair: tuple[set[int], set[int]]) -> float:
        return float(np.mean([vectors[a] @ vectors[b] for a in pair[0] for b in pair[1]]))

    while len(groups) > 1:
        best = max(combinations(groups, 2), key=alike)
        if alike(best) < ALIKE:
            break
        groups = [group for group in groups if group not in best] + [best[0] | best[1]]
    return set(map(frozenset, groups))


@settings(deadline=None)  # the first one imports SciPy
@given(st.integers(0, 10_000), st.integers(1, 12), st.integers(2, 6))
def test_clusters_are_those_of_average_linkage(seed: int, count: int, dim: int) -> None:
    random = np.random.default_rng(seed)
    vectors = random.normal(size=(count, dim))
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    weights = random.random(count).tolist()
    found = clusters(vectors, weights)
    assert set(map(frozenset, found)) == merged(vectors.astype(np.float64))
    totals = [sum(weights[row] for row in rows) for rows in found]
    assert totals == sorted(totals, reverse=True)
    assert all(weights[rows[0]] == max(weights[row] for row in rows) for rows in found)


def test_groups_of_pictures_are_found_whatever_all_have_in_common() -> None:
    vectors = group_vectors(64, 4, 10)
    raw = clusters(vectors, [1.0] * 40)
    found = clusters(centred(vectors, vectors.mean(axis=0)), [1.0] * 40)
    assert len(raw) == 1  # they are all alike until what is common is taken away
    assert sorted(map(sorted, found)) == [list(range(begin, begin + 10)) for begin in range(0, 40, 10)]


def test_a_picture_that_is_the_centre_stays_zero() -> None:
    assert not centred(np.ones((1, 3), np.float32), np.ones(3, np.float32)).any()
    assert clusters(np.zeros((2, 3), np.float32), [1.0, 1.0]) == [[0], [1]]
    assert clusters(np.empty((0, 3), np.float32), []) == []


@given(st.lists(st.floats(0.01, 1), min_size=1, max_size=5))
def test_turns_follow_the_shares(shares: list[float]) -> None:
    lists = [[(number, item) for item in range(200)] for number in range(len(shares))]
    first = list(islice(by_shares(lists, shares), 100))
    for number, share in enumerate(shares):
        mine = [item for owner, item in first if owner == number]
        assert mine == list(range(len(mine)))
        assert abs(len(mine) - 100 * share / sum(shares)) <= len(shares)


def test_a_list_that_ends_leaves_the_rest_to_the_others() -> None:
    assert list(by_shares(["ab", "xyz"], [0.9, 0.1])) == ["a", "b", "x", "y", "z"]
    assert list(by_shares([], [])) == []


@given(st.permutations(list("abcdefgh")), st.sets(st.sampled_from("abcdefghij"), min_size=1), st.integers(1, 8))
def test_recall_and_ndcg(ranked: list[str], relevant: set[str], k: int) -> None:
    gain = sum(1 / math.log2(rank + 2) for rank in range(k) if ranked[rank] in relevant)
    best = sum(1 / math.log2(rank + 2) for rank in range(min(k, len(relevant))))
    assert ndcg(ranked, relevant, k) == pytest.approx(gain / best)
    assert recall(ranked[:k], relevant) == len([id for id in relevant if id in ranked[:k]]) / len(relevant)


def test_diversity() -> None:
    vectors = group_vectors(16, 3, 2)
    pairs = [1 - float(a @ b) for a, b in combinations(vectors, 2)]
    assert diversity(vectors) == pytest.approx(np.mean(pairs), abs=1e-5)
    assert diversity(vectors[:1]) == 0.0
