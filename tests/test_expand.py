"""The step ``expand`` and the expansion of a query, against their formulas."""

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.stores.examples import DIM, described, unit
from tests.stores.kinds import vector_of
from tests.stores.test_augmented import by_definition, clustered
from yunmeng.search.rerank import RerankContext
from yunmeng.search.rerank.expand import Expand
from yunmeng.search.rerank.expansion import expanded
from yunmeng.stores import MemoryStore, Store, augmented_in_memory, parse_filter
from yunmeng.types import Hit, Record, Vector

Make: TypeAlias = Callable[[Sequence[Record]], Store]


def in_memory(records: Sequence[Record]) -> MemoryStore:
    store = MemoryStore(DIM, {"category": "str"})
    store.upsert(records)
    return store


def asked_of(store: Store, query: Vector, k: int, filter: str | None = None) -> tuple[RerankContext, list[Hit]]:
    context = RerankContext(query, store, k, None if filter is None else parse_filter(filter))
    return context, Expand().reorder(context, store.search(query, k, context.filter))


def ranking(records: Sequence[Record], query: NDArray[np.float32]) -> list[tuple[str, float]]:
    """By the definition: the query and its five nearest second vectors, weighted by how far they stand out."""
    second = by_definition(records)
    near = sorted(((float(query @ vector), id) for id, vector in second.items()), reverse=True)
    ground = near[:50][-1][0]
    mean = query + sum((score - ground) / (1 - ground) * second[id] for score, id in near[:5])
    mean /= np.linalg.norm(mean)
    return sorted(((id, float(mean @ vector)) for id, vector in second.items()), key=lambda pair: -pair[1])


@pytest.mark.parametrize("make", [augmented_in_memory, in_memory])
def test_it_ranks_as_the_definition_says(make: Make) -> None:
    """The first hit but one on: it stays in its place. Two hundred pictures are all candidates: both ways are one."""
    records = clustered(200)
    store = make(records)
    for query in unit(40, 5):
        first = store.search(query, 1)[0].id
        wanted = [(id, score) for id, score in ranking(records, query) if id != first]
        context, hits = asked_of(store, query, 200)
        assert hits[0].id == first
        assert [hit.id for hit in hits[1:]] == [id for id, _ in wanted]
        assert [hit.score for hit in hits[1:]] == pytest.approx([score for _, score in wanted], abs=1e-4)
        assert not np.allclose(context.vector, query)
        assert np.linalg.norm(context.vector) == pytest.approx(1, abs=1e-5)


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 80), st.integers(1, 100), st.integers(0, 99), st.booleans())
def test_nothing_is_lost_and_scores_fall(count: int, k: int, seed: int, second: bool) -> None:
    records = clustered(count, seed)
    store: Store = augmented_in_memory(records) if second else in_memory(records)
    query = unit(seed)[0]
    found = store.search(query, k)
    _, hits = asked_of(store, query, k)
    assert {hit.id for hit in found} <= {hit.id for hit in hits}
    assert len({hit.id for hit in hits}) == len(hits)
    assert hits[0].id == found[0].id
    scores = [hit.score for hit in hits]
    assert scores == sorted(scores, reverse=True)
    assert -1 <= scores[-1] <= scores[0] <= 1


def copy_of(vector: Vector, cosine: float, seed: int) -> Vector:
    other = unit(seed)[0]
    other -= (other @ vector) * vector
    copy: Vector = (cosine * vector + (1 - cosine**2) ** 0.5 * other / np.linalg.norm(other)).astype(np.float32)
    return copy


@pytest.mark.parametrize("make", [augmented_in_memory, in_memory])
def test_copies_stay_before_what_is_of_the_same_kind(make: Make) -> None:
    """Alone in the one case, in a crowd of its kind in the other: it is the crowd that is averaged."""
    crowd = clustered(150, kinds=3)
    query = vector_of(crowd[0])
    copies = [described(f"copy {cosine}", {}, copy_of(query, cosine, 7)) for cosine in (0.99, 0.97, 0.96)]
    _, hits = asked_of(make([*crowd[1:], *copies]), query, 60)
    assert [hit.id for hit in hits[:3]] == ["copy 0.99", "copy 0.97", "copy 0.96"]


def test_without_hits_there_is_nothing_to_do() -> None:
    store = in_memory(clustered(5))
    assert asked_of(store, unit(1)[0], 5, "category = 'none'")[1] == []


def test_filters_hold() -> None:
    store = in_memory(clustered(60))
    _, hits = asked_of(store, unit(2)[0], 40, "category = 'a'")
    assert len(hits) == 30
    assert {hit.attributes["category"] for hit in hits} == {"a"}


@given(st.integers(0, 20), st.sampled_from([0.0, 0.5, 1.0, 3.0]), st.integers(0, 1000))
def test_expansion_is_the_weighted_mean(count: int, alpha: float, seed: int) -> None:
    query, neighbours = unit(seed)[0], unit(seed + 1, count) if count else np.zeros((0, DIM), np.float32)
    scores = neighbours @ query
    total = query.astype(np.float64)
    for score, neighbour in zip(scores, neighbours, strict=True):
        total = total + max(float(score), 0.0) ** alpha * neighbour
    np.testing.assert_allclose(expanded(query, neighbours, scores, alpha), total / np.linalg.norm(total), atol=1e-5)
