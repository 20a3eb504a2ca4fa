"""Filters simplified for stores: no ``not`` above a leaf, and every number exact in its column's type.

The result is true for the same records. Where it is not true it may be false instead of unknown, which makes no
difference to a store.
"""

import math
from typing import Final

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
    Operator,
    Or,
    Scalar,
)
from yunmeng.stores.schema import INT64
from yunmeng.types import AttributeSchema

__all__ = ["plain"]

_OPPOSITE: Final[dict[Operator, Operator]] = {"=": "!=", "!=": "=", "<": ">=", "<=": ">", ">": "<=", ">=": "<"}


def plain(filter: Filter, schema: AttributeSchema) -> Filter:
    """Return ``filter``, which must have passed `check`, in a simple form that every store can express.

    What is left is `And` and `Or` over leaves, with `Not` only around `In`, `IsNull`, `ContainsAny` and `ContainsAll`,
    none of them with an empty list; or `TRUE` or `FALSE` alone. Numbers are ints within 64 bits for an int attribute
    and floats for a float one.
    """
    return _plain(filter, schema, negated=False)


def _plain(filter: Filter, schema: AttributeSchema, *, negated: bool) -> Filter:
    match filter:
        case Not(operand):
            return _plain(operand, schema, negated=not negated)
        case And(operands) | Or(operands):
            parts = [_plain(operand, schema, negated=negated) for operand in operands]
            return _all(parts) if isinstance(filter, And) != negated else _any(parts)
        case Compare(field, op, value):
            return _exact(Compare(field, _OPPOSITE[op] if negated else op, value), schema[field])
        case In(field, values):
            type = schema[field]
            exact = (_exact(Compare(field, "=", value), type) for value in values)
            kept = In(field, tuple(dict.fromkeys(leaf.value for leaf in exact if isinstance(leaf, Compare))))
            if len(kept.values) == 1:
                return Compare(field, "!=" if negated else "=", kept.values[0])
            return _leaf(kept, negated=negated, never=not kept.values, always=len(kept.values) == 2 and type == "bool")
        case ContainsAny(field, strings):
            return _leaf(filter, negated=negated, never=not strings)
        case ContainsAll(field, strings):
            return _leaf(filter, negated=negated, always=not strings)
        case IsNull():
            return Not(filter) if negated else filter


def _leaf(leaf: In | ContainsAny | ContainsAll, *, negated: bool, never: bool = False, always: bool = False) -> Filter:
    """Return ``leaf`` or its negation; ``never`` and ``always`` say that it holds for no value, or for any."""
    if never or always:
        return FALSE if never != negated else Not(IsNull(leaf.field))
    return Not(leaf) if negated else leaf


def _all(parts: list[Filter]) -> Filter:
    kept = tuple(part for part in parts if part != TRUE)
    if FALSE in kept:
        return FALSE
    return kept[0] if len(kept) == 1 else And(kept)


def _any(parts: list[Filter]) -> Filter:
    kept = tuple(part for part in parts if part != FALSE)
    if TRUE in kept:
        return TRUE
    return kept[0] if len(kept) == 1 else Or(kept)


def _exact(compare: Compare, type: str) -> Filter:
    """Return ``compare`` with its number in the column's type, or an equal condition if the type has no such number."""
    if type == "int":
        return _exact_int(compare.field, compare.op, compare.value)
    if type == "float":
        return _exact_float(compare.field, compare.op, compare.value)
    return compare


def _exact_int(field: str, op: Operator, value: Scalar) -> Filter:
    assert not isinstance(value, str)  # `check` has seen to it
    if isinstance(value, float) and not value.is_integer():
        return _between(field, op, math.floor(value), math.ceil(value))
    number = int(value)
    if number in INT64:
        return Compare(field, op, number)
    return _beyond(field, op, above=number > 0)


def _exact_float(field: str, op: Operator, value: Scalar) -> Filter:
    assert not isinstance(value, str)  # `check` has seen to it
    try:
        nearest = float(value) + 0.0  # turns -0.0 into 0.0, which a store may tell apart
    except OverflowError:
        return _beyond(field, op, above=value > 0)
    if nearest == value:
        return Compare(field, op, nearest)
    if nearest < value:
        return _between(field, op, nearest, math.nextafter(nearest, math.inf))
    return _between(field, op, math.nextafter(nearest, -math.inf), nearest)


def _between(field: str, op: Operator, below: float, above: float) -> Filter:
    """Return a comparison with a value that lies between two neighbours of the column's type."""
    if op in ("<", "<="):
        return _within(Compare(field, "<=", below))
    if op in (">", ">="):
        return _within(Compare(field, ">=", above))
    return FALSE if op == "=" else Not(IsNull(field))


def _within(compare: Compare) -> Filter:
    """Return ``compare``, unless its bound has left what the column can hold."""
    bound = compare.value
    assert isinstance(bound, int | float)
    if isinstance(bound, int):
        return compare if bound in INT64 else _beyond(compare.field, compare.op, above=bound > 0)
    return compare if math.isfinite(bound) else _beyond(compare.field, compare.op, above=bound > 0)


def _beyond(field: str, op: Operator, *, above: bool) -> Filter:
    """Return a comparison with a value above (or below) all that the column can hold."""
    holds = op == "!=" or (op in ("<", "<=") if above else op in (">", ">="))
    return Not(IsNull(field)) if holds else FALSE
