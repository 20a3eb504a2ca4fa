"""The filter tree: the meaning of a filter, apart from how it is written or run.

Truth is SQL's, in three values: a comparison with a missing attribute is unknown, ``not unknown`` stays unknown,
and a record passes only where the whole is true. ``evaluate`` is the reference that every store is held to.
"""

import math
import operator
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

from yunmeng.errors import FilterError
from yunmeng.stores.schema import describe
from yunmeng.types import Attributes, AttributeSchema, AttributeType

__all__ = [
    "FALSE",
    "MAX_DEPTH",
    "TRUE",
    "And",
    "Compare",
    "ContainsAll",
    "ContainsAny",
    "Filter",
    "In",
    "IsNull",
    "Not",
    "Operator",
    "Or",
    "Scalar",
    "check",
    "evaluate",
    "fixed_truth",
]

Scalar: TypeAlias = str | int | float | bool
Operator: TypeAlias = Literal["=", "!=", "<", "<=", ">", ">="]

MAX_DEPTH: Final = 100
"""Levels that a filter may be nested, so that walking it needs a bounded stack."""


@dataclass(frozen=True, slots=True)
class Compare:
    """``field op value``; strings compare by code point, booleans only by ``=`` and ``!=``."""

    field: str
    op: Operator
    value: Scalar


@dataclass(frozen=True, slots=True)
class In:
    """``field in (values)``; an empty list matches nothing."""

    field: str
    values: tuple[Scalar, ...]


@dataclass(frozen=True, slots=True)
class ContainsAny:
    """The list attribute holds at least one of ``values``."""

    field: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ContainsAll:
    """The list attribute holds every one of ``values``."""

    field: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class IsNull:
    """The record has no value for ``field``."""

    field: str


@dataclass(frozen=True, slots=True)
class Not:
    """True where the operand is false; unknown where it is unknown."""

    operand: "Filter"


@dataclass(frozen=True, slots=True)
class And:
    """False where an operand is false, else unknown where one is unknown. Of none: true."""

    operands: tuple["Filter", ...]


@dataclass(frozen=True, slots=True)
class Or:
    """True where an operand is true, else unknown where one is unknown. Of none: false."""

    operands: tuple["Filter", ...]


Filter: TypeAlias = Compare | In | ContainsAny | ContainsAll | IsNull | Not | And | Or

TRUE: Final = And(())
FALSE: Final = Or(())

_OPERATORS: Final[dict[Operator, Callable[[Any, Any], bool]]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def evaluate(filter: Filter, attributes: Attributes) -> bool | None:
    """Return the truth of ``filter`` for one record: True, False, or None for unknown.

    The filter must have passed `check`, the attributes `yunmeng.stores.schema.conform`.
    """
    match filter:
        case And(operands):
            return _kleene((evaluate(operand, attributes) for operand in operands), decisive=False)
        case Or(operands):
            return _kleene((evaluate(operand, attributes) for operand in operands), decisive=True)
        case Not(operand):
            truth = evaluate(operand, attributes)
            return None if truth is None else not truth
        case IsNull(field):
            return attributes.get(field) is None
    value: Any = attributes.get(filter.field)
    if value is None:
        return None
    match filter:
        case Compare(_, op, literal):
            return _OPERATORS[op](value, literal)
        case In(_, values):
            return value in values
        case ContainsAny(_, values):
            return any(wanted in value for wanted in values)
        case ContainsAll(_, values):
            return all(wanted in value for wanted in values)


def fixed_truth(filter: Filter) -> bool | None:
    """Return the truth of ``filter`` for every record that has all attributes, or None where their values decide.

    Fixed are a constant, a list without values, and combinations of these: `TRUE`, ``not (category in ())``.
    """
    match filter:
        case And(operands):
            return _kleene(map(fixed_truth, operands), decisive=False)
        case Or(operands):
            return _kleene(map(fixed_truth, operands), decisive=True)
        case Not(operand):
            truth = fixed_truth(operand)
            return None if truth is None else not truth
        case In(_, ()) | ContainsAny(_, ()):
            return False
        case ContainsAll(_, ()):
            return True
    return None


def check(filter: Filter, schema: AttributeSchema) -> None:
    """Check that ``filter`` names only attributes of ``schema``, and compares each as its type allows.

    Raises `FilterError`.
    """
    _check(filter, schema, 0)


def _kleene(truths: Iterable[bool | None], *, decisive: bool) -> bool | None:
    result: bool | None = not decisive
    for truth in truths:
        if truth is decisive:
            return decisive
        if truth is None:
            result = None
    return result


def _check(filter: Filter, schema: AttributeSchema, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise FilterError(f"the filter is nested deeper than {MAX_DEPTH} levels: write it flatter")
    match filter:
        case And(operands) | Or(operands):
            for operand in operands:
                _check(operand, schema, depth + 1)
        case Not(operand):
            _check(operand, schema, depth + 1)
        case IsNull(field):
            _type_of(field, schema)
        case Compare(field, op, value):
            _check_operator(field, op, _type_of(field, schema))
            _check_value(field, value, _type_of(field, schema))
        case In(field, values):
            _check_operator(field, "=", _type_of(field, schema))
            for value in values:
                _check_value(field, value, _type_of(field, schema))
        case ContainsAny(field, strings) | ContainsAll(field, strings):
            if _type_of(field, schema) != "list[str]":
                raise FilterError(f"{field} is no list: write {field} = ... or {field} in (...)")
            for string in strings:
                _check_value(field, string, "str")
        case _:
            raise FilterError(f"{filter!r} is no filter: parse_filter makes one from text")


def _type_of(field: str, schema: AttributeSchema) -> AttributeType:
    if field in schema:
        return schema[field]
    if schema:
        raise FilterError(f"no attribute {field!r} is declared; declared: {describe(schema)}")
    raise FilterError(
        f"no attribute {field!r} is declared, nor any other: declare them when the library is created, "
        'as in --attributes "category:str"'
    )


def _check_operator(field: str, op: Operator, type: AttributeType) -> None:
    if type == "list[str]":
        raise FilterError(f"{field} is a list: write 'red' in {field}, or contains_any({field}, 'red', 'blue')")
    if op not in _OPERATORS:
        raise FilterError(f"{op!r} is no operator: use one of {' '.join(_OPERATORS)}")
    if type == "bool" and op not in ("=", "!="):
        raise FilterError(f"{field} is true or false, which {op} does not order: write {field} = true")


def _check_value(field: str, value: object, type: AttributeType) -> None:
    numeric = isinstance(value, int | float) and not isinstance(value, bool)
    match type:
        case "int" | "float":
            fits, wanted = numeric, "a number, without quotes"
        case "bool":
            fits, wanted = isinstance(value, bool), "true or false, without quotes"
        case _:
            fits, wanted = isinstance(value, str), "text in single quotes"
    if not fits:
        raise FilterError(f"{field} is {type}, so it compares with {wanted}, and not with {value!r}")
    if isinstance(value, float) and not math.isfinite(value):
        raise FilterError(f"{field} cannot be compared with {value}: no attribute is infinite or not a number")
    if isinstance(value, str) and any("\ud800" <= letter <= "\udfff" for letter in value):
        raise FilterError(f"{field} cannot be compared with {value!r}, which is not text")
