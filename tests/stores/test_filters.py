"""What filters mean and what they may ask, without any store."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.stores.examples import SCHEMA, odd_records
from tests.stores.strategies import filters
from yunmeng.errors import FilterError
from yunmeng.stores.filters import (
    FALSE,
    TRUE,
    And,
    Compare,
    ContainsAll,
    ContainsAny,
    Filter,
    In,
    IsNull,
    Not,
    Or,
    check,
    evaluate,
    fixed_truth,
)
from yunmeng.stores.rewrite import plain
from yunmeng.stores.schema import INT64, conform

ROWS = [conform(record.attributes, SCHEMA) for record in odd_records(60, seed=5)]
KNOWN = Compare("price", "<", 10)
UNKNOWN = Compare("stock", "=", 1)
ROW: dict[str, Any] = {"price": 5.0, "category": "b", "tags": ["x", "y"], "sale": False}


@settings(max_examples=200, deadline=None)
@given(filters(SCHEMA))
def test_a_truth_that_is_fixed_holds_for_every_record_that_has_all(filter: Filter) -> None:
    truth = fixed_truth(filter)
    if truth is not None:
        rows = [row for row in ROWS if row.keys() >= SCHEMA.keys()]
        assert rows
        assert {evaluate(filter, row) for row in rows} == {truth}


@pytest.mark.parametrize(
    ("filter", "truth"),
    [
        (KNOWN, None),
        (IsNull("stock"), None),
        (TRUE, True),
        (Not(TRUE), False),
        (Or((KNOWN, TRUE)), True),
        (And((KNOWN, TRUE)), None),
        (And((KNOWN, In("stock", ()))), False),
        (Not(In("stock", ())), True),
        (ContainsAll("tags", ()), True),
        (ContainsAny("tags", ()), False),
    ],
)
def test_what_is_fixed(filter: Filter, truth: bool | None) -> None:
    assert fixed_truth(filter) is truth


@pytest.mark.parametrize(
    ("filter", "truth"),
    [
        (KNOWN, True),
        (UNKNOWN, None),
        (Not(UNKNOWN), None),
        (Compare("stock", "!=", 1), None),
        (And((KNOWN, UNKNOWN)), None),
        (And((Not(KNOWN), UNKNOWN)), False),
        (Or((KNOWN, UNKNOWN)), True),
        (Or((Not(KNOWN), UNKNOWN)), None),
        (IsNull("stock"), True),
        (Not(IsNull("stock")), False),
        (In("category", ("a", "b")), True),
        (Not(In("category", ())), True),
        (In("stock", ()), None),
        (Compare("category", "<", "红"), True),
        (Compare("category", "<", "B"), False),
        (ContainsAny("tags", ("z", "y")), True),
        (ContainsAll("tags", ("z", "y")), False),
        (ContainsAll("tags", ()), True),
        (ContainsAny("tags", ()), False),
        (Compare("sale", "!=", True), True),
        (TRUE, True),
        (FALSE, False),
    ],
)
def test_truth_has_three_values(filter: Filter, truth: bool | None) -> None:
    check(filter, SCHEMA)
    assert evaluate(filter, ROW) is truth


@pytest.mark.parametrize(
    ("filter", "said"),
    [
        (Compare("colour", "=", "red"), r"'colour' is declared; declared: category \(str\), price \(float\)"),
        (IsNull("colour"), "declared"),
        (Compare("sale", "<", True), "sale = true"),
        (Compare("sale", "=", "true"), "without quotes"),
        (Compare("sale", "=", 1), "true or false"),
        (Compare("price", "=", "5"), "price is float.*without quotes.*'5'"),
        (Compare("stock", ">", True), "a number"),
        (Compare("category", "=", 5), "single quotes"),
        (Compare("tags", "=", "x"), "'red' in tags"),
        (In("tags", ("x",)), "contains_any"),
        (In("price", (1, "x")), "price"),
        (ContainsAny("category", ("x",)), "category in"),
        (Compare("price", "=", float("nan")), "nan"),
        (Compare("price", "<", float("inf")), "inf"),
        (Compare("category", "=", "\ud800"), "not text"),
        (And((KNOWN, Not(Or((Compare("colour", "=", "red"),))))), "colour"),
    ],
)
def test_questions_that_cannot_be_asked(filter: Filter, said: str) -> None:
    with pytest.raises(FilterError, match=said) as error:
        check(filter, SCHEMA)
    assert "\n" not in str(error.value)


def test_mistakes_of_programs_are_told_too() -> None:
    wrong: list[Any] = [
        "price < 5",
        None,
        Compare("price", "~", 5),  # type: ignore[arg-type]
        ContainsAny("tags", (5,)),  # type: ignore[arg-type]
    ]
    for filter in wrong:
        with pytest.raises(FilterError):
            check(filter, SCHEMA)
    with pytest.raises(FilterError, match="--attributes"):
        check(KNOWN, {})


def test_depth_is_bounded() -> None:
    deep: Filter = KNOWN
    for _ in range(5000):
        deep = Not(deep)
    with pytest.raises(FilterError, match="flatter"):
        check(deep, SCHEMA)


@settings(max_examples=400, deadline=None)
@given(filters(SCHEMA), st.sampled_from(ROWS))
def test_the_plain_form_is_true_for_the_same_records(filter: Filter, row: dict[str, Any]) -> None:
    check(filter, SCHEMA)
    rewritten = plain(filter, SCHEMA)
    assert (evaluate(rewritten, row) is True) == (evaluate(filter, row) is True)
    assert_plain(rewritten)


@pytest.mark.parametrize(
    ("filter", "rewritten"),
    [
        (Compare("stock", ">", 3.5), Compare("stock", ">=", 4)),
        (Not(Compare("stock", ">", 3.5)), Compare("stock", "<=", 3)),
        (Compare("stock", "=", 3.5), FALSE),
        (Compare("stock", "!=", 3.5), Not(IsNull("stock"))),
        (Compare("stock", "=", 3.0), Compare("stock", "=", 3)),
        (Compare("stock", "<", 2**63), Not(IsNull("stock"))),
        (Compare("stock", ">=", 1e300), FALSE),
        (Compare("price", "<", 3), Compare("price", "<", 3.0)),
        (Compare("price", ">", 2**53 + 1), Compare("price", ">=", 2.0**53 + 2)),
        (Compare("price", ">", -(10**400)), Not(IsNull("price"))),
        (In("stock", (1, 1.5, 2**70)), Compare("stock", "=", 1)),
        (Not(In("sale", (True, False))), FALSE),
        (Not(And((KNOWN, Or((UNKNOWN, TRUE))))), Compare("price", ">=", 10.0)),
    ],
)
def test_plain_forms(filter: Filter, rewritten: Filter) -> None:
    assert plain(filter, SCHEMA) == rewritten


def assert_plain(filter: Filter, top: bool = True) -> None:
    match filter:
        case And(operands) | Or(operands):
            assert len(operands) >= 2 or (top and not operands)
            for operand in operands:
                assert_plain(operand, top=False)
        case Not(leaf):
            assert isinstance(leaf, In | IsNull | ContainsAny | ContainsAll)
            assert_plain(leaf, top=False)
        case Compare(field, _, value):
            assert_exact(field, value)
        case In(field, values):
            assert len(values) >= 2
            for value in values:
                assert_exact(field, value)
        case ContainsAny(_, strings) | ContainsAll(_, strings):
            assert strings


def assert_exact(field: str, value: object) -> None:
    match SCHEMA[field]:
        case "int":
            assert type(value) is int
            assert value in INT64
        case "float":
            assert type(value) is float
            assert str(value) != "-0.0"
