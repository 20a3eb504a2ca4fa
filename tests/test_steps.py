"""The steps of re-ranking, each against the formulas of its paper written out, and what holds for all of them."""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from yunmeng.encoders.crops import Source
from yunmeng.errors import QueryError
from yunmeng.search.rerank import STEPS, RerankContext, Rescore, Step, read_steps
from yunmeng.search.rerank import diffusion as diffusion_step
from yunmeng.search.rerank import geometry as geometry_step
from yunmeng.search.rerank import reciprocal as reciprocal_step
from yunmeng.stores import MemoryStore, parse_filter
from yunmeng.types import Alignment, Hit, Metric, Record

DIM = 8
Matrix = NDArray[np.float64]


def clustered(seed: int, count: int, classes: int = 4) -> NDArray[np.float32]:
    """Unit vectors around a few centres, float32 (count, DIM)."""
    random = np.random.default_rng(seed)
    centres = random.normal(size=(classes, DIM))
    vectors = centres[random.integers(0, classes, count)] + 0.6 * random.normal(size=(count, DIM))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors.astype(np.float32)


def filled(vectors: NDArray[np.float32]) -> MemoryStore:
    store = MemoryStore(vectors.shape[1], {"kind": "str"})
    store.upsert(
        [
            Record(str(row), f"{row}.jpg", "", "", f"{row * 977:064x}", 1, 1, {}, {"kind": "ab"[row % 2]}, vector)
            for row, vector in enumerate(vectors)
        ]
    )
    return store


def asked_of(
    vectors: NDArray[np.float32], wanted: int = 10, **known: Any
) -> tuple[RerankContext, list[Hit], NDArray[np.float32]]:
    """A question after the first of ``vectors``, put to a store of the others; all its hits; the others."""
    store = filled(vectors[1:])
    return (
        RerankContext(vectors[0], store, wanted, **known),
        store.search(vectors[0], len(vectors), known.get("filter")),
        vectors[1:],
    )


def rows(hits: Sequence[Hit]) -> list[int]:
    return [int(hit.id) for hit in hits]


# Query expansion


@pytest.mark.parametrize(("name", "power"), [("average", 0), ("alpha", 3)])
def test_expansion_searches_with_the_weighted_mean_of_query_and_hits(name: str, power: int) -> None:
    vectors = clustered(1, 60)
    asked, hits, others = asked_of(vectors)
    reordered = STEPS[name].reorder(asked, hits)
    total = vectors[0].astype(float)
    for hit in hits[:5]:
        vector = others[int(hit.id)].astype(float)
        total = total + max(0.0, float(vector @ vectors[0])) ** power * vector
    mean = total / np.linalg.norm(total)
    expected = sorted(range(len(others)), key=lambda row: -float(others[row] @ mean))
    assert rows(reordered) == expected
    assert [hit.score for hit in reordered] == pytest.approx([float(others[row] @ mean) for row in expected], abs=1e-5)
    assert asked.vector == pytest.approx(mean, abs=1e-5)


def test_expansion_brings_in_what_the_search_had_not_and_loses_nothing() -> None:
    vectors = clustered(2, 200)
    asked, hits, _ = asked_of(vectors)
    reordered = STEPS["average"].reorder(asked, hits[:20])
    assert set(rows(reordered)) > set(rows(hits[:20]))
    assert [hit.id for hit in reordered[:20]] == [hit.id for hit in asked.store.search(asked.vector, 20)]


# k-reciprocal neighbours


def nearest(distances: Matrix, one: int, k: int) -> list[int]:
    """N(p, k) and p itself."""
    order = sorted(range(len(distances)), key=lambda other: (other != one, distances[one, other]))
    return order[: k + 1]


def mutual(distances: Matrix, one: int, k: int) -> set[int]:
    """R(p, k): equation 2."""
    return {other for other in nearest(distances, one, k) if one in nearest(distances, other, k)}


def robust(distances: Matrix, one: int, k: int) -> set[int]:
    """R*(p, k): equation 3."""
    base = mutual(distances, one, k)
    whole = set(base)
    for other in base:
        half = mutual(distances, other, round(k / 2))
        if len(base & half) >= 2 / 3 * len(half):
            whole |= half
    return whole


def encoded(distances: Matrix, one: int, k: int) -> list[float]:
    """V_p: equation 7."""
    near = robust(distances, one, k)
    return [math.exp(-distances[one, other]) if other in near else 0.0 for other in range(len(distances))]


def jaccard(distances: Matrix, k1: int, k2: int) -> list[float]:
    """Similarities after the local query expansion of equation 11, by the sums of equation 10."""
    codes = [encoded(distances, one, k1) for one in range(len(distances))]
    spread = [
        [sum(column) / k2 for column in zip(*(codes[near] for near in nearest(distances, one, k2 - 1)), strict=True)]
        for one in range(len(distances))
    ]
    probe, *others = spread
    return [sum(map(min, probe, other)) / sum(map(max, probe, other)) for other in others]


@pytest.mark.parametrize(("seed", "count", "k1", "k2"), [(1, 40, 8, 3), (2, 60, 20, 6), (3, 31, 5, 1), (4, 25, 20, 6)])
def test_neighbours_in_common_are_counted_as_the_paper_does(seed: int, count: int, k1: int, k2: int) -> None:
    vectors = clustered(seed, count)
    cosines = np.clip(vectors @ vectors.T, -1, 1)
    expected = jaccard(1 - cosines.astype(float), k1, k2)
    assert reciprocal_step.jaccard(cosines, k1, k2) == pytest.approx(expected, abs=1e-5)


def test_reciprocal_weighs_neighbours_and_cosine_as_the_paper_does() -> None:
    vectors = clustered(5, 70)
    asked, hits, others = asked_of(vectors)
    reordered = STEPS["reciprocal"].reorder(asked, hits)
    looked = np.vstack([vectors[:1], others[rows(hits)]]).astype(float)
    common = jaccard(1 - looked @ looked.T, 20, 6)
    scores = {
        hit.id: 0.7 * part + 0.3 * float(others[int(hit.id)] @ vectors[0])
        for hit, part in zip(hits, common, strict=True)
    }
    assert {hit.id: hit.score for hit in reordered} == pytest.approx(scores, abs=1e-5)


# Diffusion


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_diffusion_is_the_solution_of_its_equation(seed: int) -> None:
    vectors = clustered(seed, 80)
    asked, hits, others = asked_of(vectors)
    reordered = STEPS["diffusion"].reorder(asked, hits)
    looked = others[rows(hits)].astype(float)
    n = len(looked)
    affinity = np.zeros((n, n))

    def edges_of(i: int) -> set[int]:
        others = [j for j in range(n) if j != i]
        others.sort(key=lambda j: -max(0.0, float(looked[i] @ looked[j])))
        return set(others[: diffusion_step.NEIGHBOURS])

    edges = [edges_of(i) for i in range(n)]
    for i in range(n):
        for j in edges[i]:
            if i in edges[j]:
                affinity[i, j] = max(0.0, float(looked[i] @ looked[j])) ** 3
    degrees = affinity.sum(axis=1)
    normal = np.diag([1 / math.sqrt(degree) if degree else 0.0 for degree in degrees])
    source = [max(0.0, float(vector @ vectors[0])) ** 3 for vector in looked]
    weakest = sorted(source, reverse=True)[diffusion_step.SOURCES - 1]
    source = [value if value >= weakest else 0.0 for value in source]
    flow = np.linalg.solve(np.eye(n) - diffusion_step.ALPHA * normal @ affinity @ normal, source)
    expected = {hit.id: value for hit, value in zip(hits, flow / flow.max(), strict=True)}
    assert {hit.id: hit.score for hit in reordered} == pytest.approx(expected, abs=1e-4)


def test_diffusion_reaches_along_a_chain_what_the_query_does_not_see() -> None:
    """A row of pictures, each like the next; strangers are nearer to the query than the end of the row."""
    angles = np.linspace(0, 2.0, 30)
    row = np.stack([np.cos(angles), np.sin(angles), np.zeros(30)], axis=1)
    strangers = np.tile([math.cos(1.2), 0.0, math.sin(1.2)], (5, 1))
    vectors = np.vstack([row, strangers]).astype(np.float32)
    asked, hits, _ = asked_of(vectors)
    before, after = rows(hits), rows(STEPS["diffusion"].reorder(asked, hits))
    assert before.index(28) > before.index(29)  # the end of the row is 28, the first stranger 29
    assert after.index(28) < after.index(29)


def test_what_is_like_nothing_keeps_its_order() -> None:
    vectors = np.vstack([np.eye(DIM), -np.eye(DIM)]).astype(np.float32)
    asked, hits, _ = asked_of(vectors)
    assert rows(STEPS["diffusion"].reorder(asked, hits)) == rows(hits)


# Diversity


@given(st.integers(0, 10_000), st.integers(2, 40))
@settings(max_examples=30, deadline=None)
def test_diversity_takes_the_best_trade_in_each_turn(seed: int, count: int) -> None:
    vectors = clustered(seed, count)
    asked, hits, others = asked_of(vectors)
    left = list(hits)
    taken: list[tuple[Hit, float]] = []
    while left:
        values = [
            0.7 * hit.score
            - 0.3 * max((max(0.0, float(others[int(hit.id)] @ others[int(other.id)])) for other, _ in taken), default=0)
            for hit in left
        ]
        best = int(np.argmax(values))
        taken.append((left.pop(best), values[best]))
    found = STEPS["diverse"].reorder(asked, hits)
    assert [hit.score for hit in found] == pytest.approx([value for _, value in taken], abs=1e-5)
    if len(set(np.round([value for _, value in taken], 5))) == len(taken):
        assert [hit.id for hit in found] == [hit.id for hit, _ in taken]


def test_copies_of_one_hit_do_not_fill_the_page() -> None:
    copy, others = np.array([0.8, 0.6, 0, 0, 0, 0, 0, 0]), np.full((DIM - 2, DIM), 0.0)
    for number, other in enumerate(others, 2):
        other[[0, number]] = 0.7, math.sqrt(1 - 0.49)
    vectors = np.vstack([np.eye(DIM)[:1], np.tile(copy, (6, 1)), others]).astype(np.float32)
    asked, hits, _ = asked_of(vectors)
    assert set(rows(hits)[:6]) == set(range(6))  # all copies before all others
    assert len(set(range(6)) & set(rows(STEPS["diverse"].reorder(asked, hits)[:7]))) == 1


# Geometry


def aligned(inliers: int, overlap: float = 0.5) -> Alignment:
    square = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0))
    return Alignment(inliers, (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0), False, square, overlap, overlap)


def verifying(found: dict[int, Alignment | None]) -> Callable[[Source, Sequence[str]], dict[str, Alignment | None]]:
    def verify(picture: Source, ids: Sequence[str]) -> dict[str, Alignment | None]:
        assert picture == b"query"
        assert len(ids) <= geometry_step.DEPTH
        return {id: found[int(id)] for id in ids if int(id) in found}

    return verify


def test_verified_pictures_come_first_by_inliers_then_by_overlap() -> None:
    vectors = clustered(4, 90)
    asked, hits, _ = asked_of(vectors)
    order = rows(hits)
    ten, more, wide, none, unseen = order[30], order[49], order[7], order[0], order[60]
    asked.picture = b"query"
    asked.verify = verifying(
        {ten: aligned(10), more: aligned(80), wide: aligned(10, 0.9), none: None, unseen: aligned(900)}
    )
    found = STEPS["geometry"].reorder(asked, hits)
    assert rows(found) == [more, wide, ten, *(row for row in order if row not in (more, wide, ten))]
    assert [hit.alignment.inliers for hit in found[:3] if hit.alignment] == [80, 10, 10]
    assert all(hit.score > 0.5 for hit in found[:3])
    assert all(hit.score <= 0.5 and hit.alignment is None for hit in found[3:])


def test_geometry_needs_one_picture() -> None:
    asked, hits, _ = asked_of(clustered(1, 5), verify=verifying({}))
    with pytest.raises(QueryError, match="one picture or id"):
        STEPS["geometry"].reorder(asked, hits)


# Metrics


@pytest.mark.parametrize(
    ("metric", "score"),
    [
        ("euclidean", lambda a, b: 1 / (1 + math.dist(a, b))),
        ("manhattan", lambda a, b: 1 / (1 + sum(abs(x - y) for x, y in zip(a, b, strict=True)))),
        ("hamming", lambda a, b: sum((x > 0) == (y > 0) for x, y in zip(a, b, strict=True)) / len(a)),
    ],
)
def test_another_metric_scores_anew(metric: Metric, score: Callable[[list[float], list[float]], float]) -> None:
    vectors = clustered(6, 50)
    asked, hits, others = asked_of(vectors)
    found = Rescore(metric).reorder(asked, hits)
    expected = {str(row): score(vectors[0].tolist(), vector.tolist()) for row, vector in enumerate(others)}
    assert {hit.id: hit.score for hit in found} == pytest.approx(expected, abs=1e-6)


def test_fingerprints_are_compared_by_their_bits_and_deleted_pictures_come_last() -> None:
    asked, hits, _ = asked_of(clustered(6, 30), pdq=f"{12 * 977:064x}")
    asked.store.delete(["3"])
    found = Rescore("fingerprint").reorder(asked, hits)
    assert found[0].id == "12"
    assert found[0].score == 1
    assert found[-1].id == "3"
    with pytest.raises(QueryError, match="one picture or id"):
        Rescore("fingerprint").reorder(replace(asked, pdq=None), hits)


def test_four_candidates_are_scored_for_each_hit_that_is_wanted_in_steps_that_last() -> None:
    depths = {wanted: Rescore("hamming").depth(wanted) for wanted in range(1, 2000)}
    assert all(depth >= max(200, 4 * wanted) for wanted, depth in depths.items())
    assert all(depth < max(201, 8 * wanted) for wanted, depth in depths.items())
    assert len(set(depths.values())) == 7


# What holds for every step

verified = verifying({row: aligned(row + 5) for row in range(0, 400, 7)})
EVERY: list[Step] = [*STEPS.values(), Rescore("manhattan"), Rescore("hamming"), Rescore("fingerprint")]


@pytest.mark.parametrize("step", EVERY, ids=lambda step: step.name)
@given(seed=st.integers(0, 10_000), count=st.integers(2, 60), shown=st.integers(1, 60))
@settings(max_examples=25, deadline=None)
def test_nothing_is_lost_or_twice_and_scores_fall(step: Step, seed: int, count: int, shown: int) -> None:
    asked, hits, _ = asked_of(clustered(seed, count), picture=b"query", verify=verified, pdq="0" * 64)
    found = step.reorder(asked, hits[:shown])
    assert set(rows(found)) >= set(rows(hits[:shown]))
    assert len(set(rows(found))) == len(found)
    scores = [hit.score for hit in found]
    assert scores == sorted(scores, reverse=True)
    assert all(-1 - 1e-6 <= score <= 1 + 1e-6 and isinstance(score, float) for score in scores)


@pytest.mark.parametrize("step", list(STEPS.values()), ids=lambda step: step.name)
def test_more_candidates_change_nothing_before_them(step: Step) -> None:
    vectors = clustered(9, 700, classes=12)
    few, hits, _ = asked_of(vectors, wanted=10, picture=b"query", verify=verified)
    many = replace(few, wanted=600, _vectors={})
    depth = max(step.depth(10), 10)
    assert step.depth(600) == step.depth(10)
    first = step.reorder(few, hits[:depth])
    every = step.reorder(many, hits)
    assert rows(every)[:depth] == rows(first)[:depth]
    scores = [hit.score for hit in every]
    assert scores == sorted(scores, reverse=True)


@pytest.mark.parametrize("step", EVERY, ids=lambda step: step.name)
def test_filters_hold(step: Step) -> None:
    kept = parse_filter("kind = 'a'")
    asked, hits, _ = asked_of(clustered(8, 120), filter=kept, picture=b"query", verify=verified, pdq="0" * 64)
    assert {hit.attributes["kind"] for hit in step.reorder(asked, hits[:30])} == {"a"}


@pytest.mark.parametrize("step", EVERY, ids=lambda step: step.name)
def test_nothing_stays_nothing(step: Step) -> None:
    asked = RerankContext(
        np.eye(DIM, dtype=np.float32)[0], filled(clustered(1, 1)[:0]), 5, picture=b"query", pdq="0" * 64
    )
    asked.verify = verified
    assert step.reorder(asked, []) == []


def test_steps_are_named_in_a_list_or_a_line() -> None:
    assert read_steps(" geometry, diverse,") == read_steps(["geometry", "diverse"]) == ("geometry", "diverse")
    assert read_steps("") == ()
    with pytest.raises(QueryError, match=r"'geometri'.*average, alpha, .*diverse"):
        read_steps("geometri")
