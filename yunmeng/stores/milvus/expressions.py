"""Filters in the language of Milvus's expressions.

Milvus 2.3 has no missing values: a missing attribute is stored as `MISSING` says, and its number is not in ``present``.
"""

import json
from collections.abc import Iterator, Sequence
from hashlib import blake2s
from typing import Final

from yunmeng.stores.filters import And, Compare, ContainsAll, ContainsAny, Filter, In, IsNull, Not, Or, Scalar
from yunmeng.types import AttributeType, AttributeValue

__all__ = ["EVERYTHING", "MISSING", "column", "expression", "ids_expression", "number", "range_expression"]

MISSING: Final[dict[AttributeType, AttributeValue]] = {
    "str": "",
    "int": 0,
    "float": 0.0,
    "bool": False,
    "list[str]": [],
}
EVERYTHING: Final = 'id != ""'
NOTHING: Final = 'id == ""'
LOWEST: Final = -(2**63)
"""An int that Milvus's parser takes for a number too large, negated."""


def number(name: str) -> int:
    """Return the number of an attribute in ``present``: it depends on nothing but the name."""
    return int.from_bytes(blake2s(name.encode(), digest_size=7).digest())


def column(name: str) -> str:
    """Return the column of an attribute: Milvus takes letters of ASCII, a name may be anything."""
    return f"a_{number(name):014x}"


def expression(filter: Filter) -> str:
    """Return a filter that `yunmeng.stores.rewrite.plain` has made as an expression."""
    match filter:
        case And(operands):
            return _joined(" and ", operands) or EVERYTHING
        case Or(operands):
            return _joined(" or ", operands) or NOTHING
        case IsNull(field):
            return f"not {_present(field)}"
        case Not(IsNull(field)):
            return _present(field)
        case Compare(field, op, value):
            text = f"{column(field)} {'==' if op == '=' else op} {_literal(value)}"
            return text if op == "=" and value not in _FILLERS else f"({text} and {_present(field)})"
        case In(field, values):
            return f"({column(field)} in {_listed(values)} and {_present(field)})"
        case Not(In(field, values)):
            return f"({column(field)} not in {_listed(values)} and {_present(field)})"
        case ContainsAny(field, strings):
            return f"array_contains_any({column(field)}, {_listed(strings)})"
        case ContainsAll(field, strings):
            return f"array_contains_all({column(field)}, {_listed(strings)})"
        case Not(ContainsAny(field, _) | ContainsAll(field, _) as operand):
            return f"(not {expression(operand)} and {_present(field)})"
        case _:
            raise AssertionError(f"not made by plain: {filter!r}")


def ids_expression(keys: Sequence[str]) -> str:
    """Return the condition that a record has one of these escaped ids."""
    return f"id in {_listed(tuple(keys))}"


def range_expression(whole: str, first: int, last: int) -> str:
    """Return the part of ``whole`` with digests from ``first`` to ``last``, see `yunmeng.stores.milvus.layout`."""
    return f"({whole}) and digest >= {first} and digest <= {last}"


_FILLERS: Final = ("", 0, 0.0, False)


def _joined(word: str, operands: Sequence[Filter]) -> str:
    return word.join(f"({expression(operand)})" for operand in operands)


def _present(field: str) -> str:
    return f"array_contains(present, {number(field)})"


def _listed(values: Sequence[Scalar]) -> str:
    return f"[{', '.join(_literals(values))}]"


def _literals(values: Sequence[Scalar]) -> Iterator[str]:
    for value in values:
        yield _literal(value)


def _literal(value: Scalar) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    return f"({LOWEST + 1} - 1)" if value == LOWEST and isinstance(value, int) else repr(value)
