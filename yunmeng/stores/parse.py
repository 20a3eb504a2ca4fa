r"""Filters as text: an SQL condition, read by sqlglot into the tree of `yunmeng.stores.filters`, and written again.

::

    category = 'shoes' and price < 50        category in ('shoes', 'bags')      price between 10 and 50
    on_sale and not (stock = 0)              category not in ('shoes')          price is not null
    '红' in tags                             contains_all(tags, 'a', 'b')       name like '红%'
    discount like '100\%%' escape '\'        begins with 100%
    "list price" >= 10                       contains_any(tags, 'a', 'b')       颜色 = '红'

A quote within text is doubled (``'it''s'``). Double quotes name an attribute where one is expected, as in SQL. Where a
value is expected they hold text: ``category = "shoes"`` is what people write inside a shell's single quotes.
"""

import math
import re
from typing import Any, Final

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
    Operator,
    Or,
    Scalar,
)

__all__ = ["format_filter", "parse_filter", "read_filter"]

MAX_LENGTH: Final = 100_000
"""Characters that a filter may have, some 10,000 values in a list."""
EXAMPLE: Final = "category = 'shoes' and price < 50"

_FULL_WIDTH = frozenset("＜＞＝！（），；‘’“”")
_OPERATORS: Final[dict[str, Operator]] = {"eq": "=", "neq": "!=", "lt": "<", "lte": "<=", "gt": ">", "gte": ">="}
_MIRRORED: Final[dict[Operator, Operator]] = {"=": "=", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
_FUNCTIONS: Final[dict[str, type[ContainsAny] | type[ContainsAll]]] = {
    "contains_any": ContainsAny,
    "contains_all": ContainsAll,
}


def parse_filter(text: str) -> Filter:
    """Read a filter. `yunmeng.stores.filters.check` checks whether it fits a library's attributes.

    Raises `FilterError`, which names the place of the error and gives an example.
    """
    if not text.strip():
        raise FilterError(f"the filter is empty: leave it out, or write one such as {EXAMPLE}")
    if len(text) > MAX_LENGTH:
        raise FilterError(f"the filter has {len(text):,} characters, at most {MAX_LENGTH:,} are read")
    try:
        return _read(_parsed(text))
    except RecursionError:
        raise FilterError("the filter is nested too deep: write it flatter") from None


def read_filter(filter: str | Filter | None) -> Filter | None:
    """Return a filter given as text or as a tree. Raises `FilterError`, also for blank text: it is no filter at all."""
    return parse_filter(filter) if isinstance(filter, str) else filter


def format_filter(filter: Filter) -> str:
    """Return ``filter`` as text that `parse_filter` reads back to an equal tree; `And` and `Or` of one become that one.

    Raises `FilterError` if it is nested too deep.
    """
    try:
        return _write(filter)
    except RecursionError:
        raise FilterError("the filter is nested too deep: write it flatter") from None


def _parsed(text: str) -> Any:
    """sqlglot's tree. The one place that imports it: it takes a tenth of a second."""
    import sqlglot
    from sqlglot import exp
    from sqlglot.errors import ParseError, TokenError

    try:
        return sqlglot.parse_one(text, into=exp.Condition)
    except TokenError as exc:
        raise FilterError(f"the filter cannot be read: is a quote left open? It reads like {EXAMPLE}") from exc
    except ParseError as exc:
        place = f" at {_place(exc.errors[0])}" if exc.errors else ""
        raise FilterError(
            f"the filter cannot be read{place}; it reads like {EXAMPLE} "
            "(an attribute named by a word of SQL goes into double quotes)"
        ) from exc


def _place(error: dict[str, Any]) -> str:
    near = f"{error.get('highlight') or ''}{error.get('end_context') or ''}".split("\n")[0].strip()
    return f"character {error.get('col')}" + (f", near {near[:40]}" if near else "")


def _read(node: Any) -> Filter:
    """The filter that sqlglot's ``node`` says. Node kinds are told by their ``key``, so sqlglot need not be loaded."""
    key = node.key
    if key in _OPERATORS:
        return _read_comparison(node)
    match key:
        case "paren":
            return _read(node.this)
        case "and" | "or":
            operands = tuple(map(_read, _flat(node)))
            return And(operands) if key == "and" else Or(operands)
        case "not":
            return Not(_read(node.this))
        case "in":
            return _read_in(node)
        case "between":
            field = _field(node.this)
            low, high = _value(node.args["low"]), _value(node.args["high"])
            return And((Compare(field, ">=", low), Compare(field, "<=", high)))
        case "is" if node.expression.key == "null":
            return IsNull(_field(node.this))
        case "like":
            return _read_like(node)
        case "escape" if node.this.key == "like":
            return _read_like(node.this, _text(node.expression))
        case "anonymous" if node.name.lower() in _FUNCTIONS:
            return _read_function(node)
        case "column":
            return Compare(_field(node), "=", True)
        case "boolean":
            return TRUE if node.this else FALSE
    raise _unsupported(node)


def _flat(node: Any) -> list[Any]:
    """Return the operands of a chain such as ``a or b or c``, which sqlglot nests to the left, however long it is."""
    operands, left = [], node
    while left.key == node.key:
        operands.append(left.expression)
        left = left.this
    return [left, *reversed(operands)]


def _read_comparison(node: Any) -> Compare:
    op, left, right = _OPERATORS[node.key], node.this, node.expression
    if left.key != "column" and right.key == "column":
        left, right, op = right, left, _MIRRORED[op]
    return Compare(_field(left), op, _value(right))


def _read_in(node: Any) -> Filter:
    container = node.args.get("field")
    if container is not None and container.key == "column":
        return ContainsAny(_field(container), (_text(node.this),))
    if container is not None or node.args.get("query") or node.args.get("unnest"):
        raise _unsupported(node)
    return In(_field(node.this), tuple(map(_value, node.expressions)))


def _read_like(node: Any, escape: str | None = None) -> Filter:
    field, pattern = _field(node.this), _text(node.expression)
    text, rest = _literal_start(pattern, escape)
    if rest and (rest != "%" or not text):
        raise FilterError(
            f"like finds only what begins with some text, as in {field} like 'abc%', and not {pattern!r}; "
            rf"a % or _ of the text itself is escaped, as in {field} like '100\%%' escape '\'"
        )
    read = _begins(field, text) if rest else Compare(field, "=", text)
    return Not(read) if node.args.get("negate") else read


def _literal_start(pattern: str, escape: str | None) -> tuple[str, str]:
    """Return the text that ``pattern`` begins with, and the rest of it from its first wildcard on."""
    if escape is not None and len(escape) != 1:
        raise FilterError(rf"escape takes one character, as in name like '100\%%' escape '\', and not {escape!r}")
    text, letters = "", iter(pattern)
    for letter in letters:
        if letter == escape:
            letter = next(letters, "")
            if letter not in ("%", "_", escape):
                raise FilterError(f"behind {escape}, the escape of {pattern!r}, comes %, _ or {escape} itself")
        elif letter in "%_":
            return text, letter + "".join(letters)
        text += letter
    return text, ""


def _begins(field: str, start: str) -> Filter:
    """Return what holds for text that begins with ``start``: it sorts from there on, before the next such start."""
    first = Compare(field, ">=", start)
    stem = start.rstrip("\U0010ffff")  # the last of all characters has none behind it
    if not stem:
        return first
    after = 0xE000 if stem[-1] == "\ud7ff" else ord(stem[-1]) + 1  # no text holds a surrogate
    return And((first, Compare(field, "<", stem[:-1] + chr(after))))


def _read_function(node: Any) -> Filter:
    if not node.expressions:
        raise FilterError(f"{node.name} needs an attribute and values, as in {node.name}(tags, 'red', 'blue')")
    first, *others = node.expressions
    return _FUNCTIONS[node.name.lower()](_field(first), tuple(map(_text, others)))


def _field(node: Any) -> str:
    if node.key != "column" or node.this.key != "identifier":
        raise FilterError(f"{_shown(node)} stands where an attribute is expected; a filter reads like {EXAMPLE}")
    if node.args.get("table"):
        raise FilterError(
            f'{_shown(node)} is read as two names: put one with a dot into double quotes, "{_shown(node)}"'
        )
    name = str(node.name)
    if not node.this.args.get("quoted") and not _FULL_WIDTH.isdisjoint(name):
        raise FilterError(f"{name[:40]} holds a full-width sign: write operators and quotes as in {EXAMPLE}")
    return name


def _value(node: Any) -> Scalar:
    match node.key:
        case "literal":
            return str(node.this) if node.is_string else _number(str(node.this))
        case "neg" if node.this.key in ("literal", "neg"):
            negated = _value(node.this)
            if not isinstance(negated, str):
                return -negated
        case "boolean":
            return bool(node.this)
        case "column" if node.this.key == "identifier" and not node.args.get("table"):
            if node.this.args.get("quoted"):
                return str(node.name)
            raise FilterError(f"{node.name[:40]} stands where a value is expected: text goes into single quotes, '...'")
        case "null":
            raise FilterError("nothing equals null: write price is null, or price is not null")
    raise _unsupported(node)


def _text(node: Any) -> str:
    value = _value(node)
    if not isinstance(value, str):
        raise FilterError(f"{value} stands where text is expected: put it into single quotes")
    return value


def _number(digits: str) -> int | float:
    try:
        number = int(digits) if digits.isdigit() else float(digits)
    except ValueError:
        number = math.inf  # int() reads no more than some thousand digits
    if number == math.inf:
        raise FilterError(f"{digits[:40]} is too large a number")
    return number


def _unsupported(node: Any) -> FilterError:
    return FilterError(
        f"{_shown(node)} is not supported: filters compare attributes with values by = != < <= > >=, in, between, "
        "is null, like 'abc%', contains_any and contains_all, joined by and, or and not"
    )


def _shown(node: Any) -> str:
    """Return a part of the filter for a message: one line, and not long."""
    try:
        sql = " ".join(str(node.sql()).split())
    except Exception:  # a part that is not understood may not be writable either
        return str(node.key)
    return sql if len(sql) <= 60 else f"{sql[:60]}..."


def _write(filter: Filter) -> str:
    match filter:
        case Compare(field, op, value):
            return f"{_name(field)} {op} {_literal(value)}"
        case In(field, values):
            return f"{_name(field)} in ({_listed(values)})"
        case ContainsAny(field, strings):
            return f"contains_any({', '.join([_name(field), *map(_literal, strings)])})"
        case ContainsAll(field, strings):
            return f"contains_all({', '.join([_name(field), *map(_literal, strings)])})"
        case IsNull(field):
            return f"{_name(field)} is null"
        case Not(IsNull(field)):
            return f"{_name(field)} is not null"
        case Not(In(field, values)):
            return f"{_name(field)} not in ({_listed(values)})"
        case Not(operand):
            return f"not ({_write(operand)})"
        case And(operands):
            return " and ".join(map(_write_operand, operands)) or "true"
        case Or(operands):
            return " or ".join(map(_write_operand, operands)) or "false"


def _write_operand(filter: Filter) -> str:
    joined = isinstance(filter, And | Or) and filter.operands
    return f"({_write(filter)})" if joined else _write(filter)


def _name(field: str) -> str:
    """Return ``field``, in double quotes where it could be read as anything else."""
    from sqlglot.tokens import Tokenizer

    plain = re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", field) and field.upper() not in Tokenizer.KEYWORDS
    return field if plain else '"' + field.replace('"', '""') + '"'


def _listed(values: tuple[Scalar, ...]) -> str:
    return ", ".join(map(_literal, values))


def _literal(value: Scalar) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "'" + value.replace("'", "''") + "'" if isinstance(value, str) else repr(value)
