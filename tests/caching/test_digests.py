"""One name for each question."""

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from yunmeng.search import QueryPart, SearchRequest
from yunmeng.search.cache import digest
from yunmeng.stores import parse_filter
from yunmeng.types import Region

PART = QueryPart(text="red")
QUESTION = SearchRequest([PART])
VECTOR = np.arange(4, dtype=np.float32)

OTHER_QUESTIONS: dict[str, list[Any]] = {
    "parts": [
        [PART, PART],
        [QueryPart(text="rot")],
        [QueryPart(text="red", weight=2.0)],
        [QueryPart(text="red", weight=-1.0)],
        [QueryPart(id="red")],
        [QueryPart(id="red", region=Region(0, 0, 1, 0.5))],
        [QueryPart(image=b"red")],
        [QueryPart(image=b"red", region=Region(0, 0, 1, 0.5))],
        [QueryPart(image=np.zeros((2, 3, 3), np.uint8))],
        [QueryPart(image=np.zeros((3, 2, 3), np.uint8))],
        [QueryPart(vector=VECTOR)],
        [QueryPart(vector=VECTOR + 1)],
        [QueryPart(vector=VECTOR.astype(np.float64))],
    ],
    "k": [11],
    "offset": [1],
    "filter": [parse_filter(text) for text in ("a = '1'", "a = 1", "a = 1.0", "b = '1'", "not a = '1'", "a in (1, 2)")],
    "min_score": [0.0, 0.5],
    "min_chance": [0.0, 0.5],
    "regions": [True],
    "subject": [True, False],
    "rerank": [("average",), ("alpha",), ("average", "alpha"), ("alpha", "average")],
    "metric": ["cosine", "manhattan"],
    "group_by": ["a", "b"],
    "explain": [True],
    "color": ["red", "blue", "red:0.6,blue"],
}


def test_all_that_makes_another_question_makes_another_name() -> None:
    assert OTHER_QUESTIONS.keys() == {field.name for field in fields(SearchRequest)}, (
        "say how a new field makes another"
    )
    others = [_with(QUESTION, name, value) for name, values in OTHER_QUESTIONS.items() for value in values]
    names = {digest(question) for question in [QUESTION, *others]}
    assert len(names) == 1 + len(others)


def test_all_that_makes_another_part_is_among_them() -> None:
    tried = {"text", "weight", "id", "region", "image", "vector"}
    assert tried == {field.name for field in fields(QueryPart)}, "have a part with the new field in OTHER_QUESTIONS"


def test_a_field_that_is_yet_to_come_counts() -> None:
    @dataclass(frozen=True, slots=True)
    class Wider(SearchRequest):
        more: str | None = None

    assert len({digest(Wider([PART], more=more)) for more in (None, "a", "b")}) == 3


def test_equal_questions_have_one_name() -> None:
    def question() -> SearchRequest:
        return SearchRequest(
            (QueryPart(vector=VECTOR.copy()), QueryPart(image=bytes([1, 2, 3]))),
            filter=parse_filter("a = 1 and b in ('x', 'y')"),
        )

    assert digest(question()) == digest(replace(question(), parts=[*question().parts]))
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(VALUES, VALUES)
def test_names_are_the_same_where_values_are(one: Any, other: Any) -> None:
    assert (digest(one) == digest(other)) == (_typed(one) == _typed(other))
    assert (digest([one, other]) == digest([other, one])) == (_typed(one) == _typed(other))


@given(
    st.lists(st.text(alphabet="ab1:s", max_size=6), max_size=4),
    st.lists(st.text(alphabet="ab1:s", max_size=6), max_size=4),
)
def test_no_text_reads_as_the_border_between_two(one: list[str], other: list[str]) -> None:
    assert (digest(*one) == digest(*other)) == (one == other)


@pytest.mark.parametrize(
    "unknown", [object(), {1, 2}, np.array([object()]), int], ids=["object", "set", "array", "class"]
)
def test_what_cannot_be_seen_through_has_none(unknown: Any) -> None:
    with pytest.raises(TypeError, match="has no digest"):
        digest(unknown)


def _with(question: SearchRequest, name: str, value: Any) -> SearchRequest:
    if name == "parts" and not value:
        return replace(question, parts=[PART, QueryPart(text="")])
    return replace(question, **{name: value})


def _typed(value: Any) -> Any:
    """The value, in a form in which 1, 1.0 and True differ, and 0.0 and -0.0."""
    if isinstance(value, list):
        return [_typed(item) for item in value]
    if isinstance(value, dict):
        return {key: _typed(item) for key, item in value.items()}
    return type(value).__name__, repr(value)
