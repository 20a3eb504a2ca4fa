"""Filters in SQL, over the declared attributes of a record in a column of JSON (PostgreSQL)."""

from collections.abc import Callable, Sequence
from typing import Any, Final

from sqlalchemy import BigInteger, Boolean, Column, ColumnElement, Double, Text, and_, any_, bindparam, cast, or_
from sqlalchemy import false as sql_false
from sqlalchemy import true as sql_true
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import TypeEngine

from yunmeng.stores.filters import And, Compare, ContainsAll, ContainsAny, Filter, In, IsNull, Not, Operator, Or, Scalar
from yunmeng.types import Attributes, AttributeSchema, AttributeType

__all__ = ["condition", "filterable"]

_TYPES: Final[dict[AttributeType, TypeEngine[Any]]] = {
    "str": Text(collation="C"),  # by code point, as filters compare
    "int": BigInteger(),
    "float": Double(),
    "bool": Boolean(),
}
_OPERATORS: Final[dict[Operator, Callable[[Any, Any], Any]]] = {
    "=": lambda one, other: one == other,
    "!=": lambda one, other: one != other,
    "<": lambda one, other: one < other,
    "<=": lambda one, other: one <= other,
    ">": lambda one, other: one > other,
    ">=": lambda one, other: one >= other,
}


def filterable(attributes: Attributes, schema: AttributeSchema) -> dict[str, Any]:
    """Return what is kept of the attributes of a record, which conform to ``schema``: the declared ones it has."""
    return {name: _storable(value) for name in schema if (value := attributes.get(name)) is not None}


def condition(filter: Filter, schema: AttributeSchema, column: Column[Any]) -> ColumnElement[bool]:
    """Return a filter that `yunmeng.stores.rewrite.plain` has made as a condition on ``column``, as `filterable` says.

    It is true for the same records; elsewhere it may be null.
    """
    match filter:
        case And(operands):
            return and_(sql_true(), *(condition(operand, schema, column) for operand in operands))
        case Or(operands):
            return or_(sql_false(), *(condition(operand, schema, column) for operand in operands))
        case IsNull(field):
            return ~column.has_key(field)  # type: ignore[no-any-return]
        case Not(IsNull() as operand):
            return ~condition(operand, schema, column)
        case Compare(field, op, value):
            found: ColumnElement[bool] = _OPERATORS[op](_value(column, field, schema), _literal(value, schema[field]))
            return found
        case In(field, values):
            return _value(column, field, schema) == any_(_array(values, _TYPES[schema[field]]))
        case ContainsAny(field, strings):
            return column[field].has_any(_array(strings, Text()))  # type: ignore[no-any-return]
        case ContainsAll(field, strings):
            return column[field].has_all(_array(strings, Text()))  # type: ignore[no-any-return]
        case Not(In() | ContainsAny() | ContainsAll() as operand):
            return ~condition(operand, schema, column)  # null where the attribute is missing
        case _:
            raise AssertionError(f"not made by plain: {filter!r}")


def _value(column: Column[Any], field: str, schema: AttributeSchema) -> ColumnElement[Any]:
    return cast(column[field].astext, _TYPES[schema[field]])


def _literal(value: Scalar, type: AttributeType) -> ColumnElement[Any]:
    return cast(bindparam(None, _storable(value), unique=True), _TYPES[type])


def _array(values: Sequence[Scalar], of: TypeEngine[Any]) -> ColumnElement[Any]:
    kind: ARRAY[Any] = ARRAY(of)
    return cast(bindparam(None, [_storable(value) for value in values], type_=kind, unique=True), kind)


def _storable(value: Any) -> Any:
    """Return text without NUL, which PostgreSQL cannot hold, in the same order: it and its neighbour become two."""
    if isinstance(value, list):
        return [_storable(each) for each in value]
    if not isinstance(value, str) or ("\0" not in value and "\1" not in value):
        return value
    return value.replace("\1", "\1\2").replace("\0", "\1\1")
