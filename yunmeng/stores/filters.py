"""The filter tree: what a filter means, apart from how it is written or run.

Truth is SQL's, in three values: a comparison with a missing attribute is unknown, ``not unknown`` stays unknown,
and a record passes only where the whole is true. ``evaluate`` is the reference that every store is held to.
"""

from dataclasses import dataclass
from typing import Literal, TypeAlias

__all__ = ["And", "Compare", "ContainsAll", "ContainsAny", "Filter", "In", "IsNull", "Not", "Or", "Scalar"]

Scalar: TypeAlias = str | int | float | bool
Operator: TypeAlias = Literal["=", "!=", "<", "<=", ">", ">="]


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
    operand: "Filter"


@dataclass(frozen=True, slots=True)
class And:
    operands: tuple["Filter", ...]


@dataclass(frozen=True, slots=True)
class Or:
    operands: tuple["Filter", ...]


Filter: TypeAlias = Compare | In | ContainsAny | ContainsAll | IsNull | Not | And | Or
