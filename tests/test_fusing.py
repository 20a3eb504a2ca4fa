"""Reciprocal rank fusion, against the formula in fractions."""

from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yunmeng.search.fusing import fuse
from yunmeng.types import Hit, Region


def listed(ids: str, score: float = 0.5) -> list[Hit]:
    return [Hit(id, score, f"/{id}", {"from": ids}) for id in ids]


answers = st.lists(
    st.tuples(st.lists(st.sampled_from("abcdefgh"), max_size=8, unique=True).map("".join), st.integers(0, 5)),
    max_size=4,
)


@given(answers, st.integers(-1, 10))
def test_scores_and_order_are_those_of_the_paper(answers: list[tuple[str, int]], k: int) -> None:
    counted = [(ids, weight) for ids, weight in answers if ids and weight]
    whole = sum(Fraction(weight, 61) for _, weight in counted)
    exact = {
        id: sum(Fraction(weight, 60 + ids.index(id) + 1) for ids, weight in counted if id in ids) / whole
        for id in {id for ids, _ in counted for id in ids}
    }
    fused = fuse([listed(ids) for ids, _ in answers], [weight for _, weight in answers], k)
    assert [hit.score for hit in fused] == pytest.approx(sorted(map(float, exact.values()), reverse=True)[: max(k, 0)])
    assert len({hit.id for hit in fused}) == len(fused)
    for hit in fused:
        assert hit.score == pytest.approx(float(exact[hit.id]))
        assert 0 < hit.score <= 1
    for one, other in pairwise(fused):
        assert exact[one.id] >= exact[other.id]
    assert fused == fuse([listed(ids) for ids, _ in answers], [weight for _, weight in answers], k)


@given(st.lists(st.floats(1e-3, 1e3), min_size=1, max_size=5))
def test_the_first_of_every_list_scores_one(weights: list[float]) -> None:
    fused = fuse([listed("ab") for _ in weights], weights, 5)
    assert [hit.id for hit in fused] == ["a", "b"]
    assert fused[0].score == 1.0
    assert fused[1].score == pytest.approx(61 / 62)


def test_weights_decide() -> None:
    lists = [listed("ab"), listed("ba")]
    assert [hit.id for hit in fuse(lists, [1, 2], 5)] == ["b", "a"]
    assert [hit.id for hit in fuse(lists, [2, 1], 5)] == ["a", "b"]


def test_lists_that_say_nothing_do_not_count() -> None:
    for lists, weights in (([listed("ab"), []], [1, 9]), ([listed("ab"), listed("cd")], [1, 0])):
        assert [(hit.id, hit.score) for hit in fuse(lists, weights, 9)] == [("a", 1.0), ("b", pytest.approx(61 / 62))]
    assert fuse([], [], 5) == fuse([[], []], [1, 1], 5) == fuse([listed("a")], [0], 5) == []


def test_equal_scores_go_by_the_first_list() -> None:
    assert [hit.id for hit in fuse([listed("ab"), listed("ba")], [1, 1], 5)] == ["a", "b"]
    assert [hit.id for hit in fuse([listed("ba"), listed("ab")], [1, 1], 5)] == ["b", "a"]
    assert [hit.id for hit in fuse([listed("z"), listed("y"), listed("x")], [1, 1, 1], 5)] == ["z", "y", "x"]


def test_a_hit_is_that_of_the_first_list_with_the_region_of_any() -> None:
    box = Region(0.1, 0.2, 0.3, 0.4)
    plain = Hit("a", 0.9, "/one", {"n": 1}, chance=0.7)
    boxed = Hit("a", 0.1, "/two", {"n": 2}, chance=0.2, region=box)
    assert fuse([[plain], [boxed]], [1, 1], 5) == [Hit("a", 1.0, "/one", {"n": 1}, chance=0.7, region=box)]


def test_a_hit_that_a_list_has_twice_counts_once_where_it_is_first() -> None:
    (a, b) = fuse([listed("aba")], [1], 5)
    assert (a.id, a.score, b.id) == ("a", 1.0, "b")


@pytest.mark.parametrize("weights", [[1], [1, 1, 1], [1, -1], [1, float("nan")], [1, float("inf")]])
def test_weights_that_cannot_be(weights: list[float]) -> None:
    with pytest.raises(ValueError, match="weight"):
        fuse([listed("a"), listed("b")], weights, 5)
