"""Attributes: how they are declared, and whether values fit what was declared."""

import json
import math
import numbers
import re
from collections.abc import Callable, Mapping
from typing import Any, Final, get_args

import numpy as np

from yunmeng.errors import PictureError, Reason, SchemaError
from yunmeng.types import Attributes, AttributeSchema, AttributeType, AttributeValue

__all__ = [
    "INT64",
    "MAX_BYTES",
    "admit",
    "check_schema",
    "coerce_text",
    "conform",
    "describe",
    "parse_schema",
    "refit",
]

TYPES: Final[tuple[AttributeType, ...]] = get_args(AttributeType)
EXAMPLE: Final = '"category:str, price:float, tags:list[str]"'
MAX_ATTRIBUTES: Final = 1000
"""A limit of the house: stores have a column for each, and columns of their own."""
MAX_BYTES: Final = 65_536
"""The most that a record's attributes may take, as JSON in UTF-8: they are read and sent with every hit."""
INT64: Final = range(-(2**63), 2**63)
"""The whole numbers that fit a column."""

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_WORDS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def parse_schema(text: str) -> dict[str, AttributeType]:
    """Read a declaration such as ``category:str, price:float, tags:list[str]``; blank text declares nothing.

    Raises `SchemaError` for an unknown type, and for a missing or repeated name.
    """
    schema: dict[str, Any] = {}
    for part in text.split(",") if text.strip() else ():
        name, colon, type = (piece.strip() for piece in part.rpartition(":"))
        if not colon:
            raise SchemaError(f"{part.strip()!r} is not name:type; attributes are declared as in {EXAMPLE}")
        if name in schema:
            raise SchemaError(f"the attribute {name!r} is declared twice")
        schema[name] = type
    return check_schema(schema)


def check_schema(schema: Mapping[str, str]) -> dict[str, AttributeType]:
    """Return ``schema`` as a new dict. Raises `SchemaError` for a name or type that is not valid."""
    checked: dict[str, AttributeType] = {}
    for name, type in schema.items():
        if not name or name != name.strip() or not name.isprintable():
            raise SchemaError(f"{name!r} cannot name an attribute; attributes are declared as in {EXAMPLE}")
        if type not in TYPES:
            raise SchemaError(f"the attribute {name!r} has no type {type!r}: use one of {', '.join(TYPES)}")
        checked[name] = type
    if len(checked) > MAX_ATTRIBUTES:
        raise SchemaError(f"{len(checked)} attributes are declared, at most {MAX_ATTRIBUTES} can be")
    return checked


def describe(schema: AttributeSchema) -> str:
    """Return the declared attributes for a message: ``category (str), price (float)``."""
    return ", ".join(f"{name} ({type})" for name, type in schema.items())


def conform(attributes: Attributes, schema: AttributeSchema) -> dict[str, AttributeValue]:
    """Return ``attributes`` with each value of a declared one in exactly its type; None stays and means missing.

    A whole number may stand for a float, and NumPy scalars for Python's. Undeclared attributes may be of any of the
    types. Raises `PictureError` (bad-attribute), which names the attribute, its value and the type wanted.
    """
    fitted: dict[str, AttributeValue] = {}
    for name, value in attributes.items():
        wanted = schema.get(name)
        fit = _FITS[wanted] if wanted else _fit_any
        fitted[name] = None if value is None else fit(value)
        if value is not None and fitted[name] is None:
            raise _bad(name, value, wanted or "a str, int, float, bool or list[str]")
    return fitted


def admit(attributes: Attributes, schema: AttributeSchema) -> dict[str, AttributeValue]:
    """Return the attributes of an incoming picture, as `conform` does, if they take no more than `MAX_BYTES`.

    Attributes that a library has already are not measured: earlier versions accepted more. Raises `PictureError`
    (bad-attribute).
    """
    fitted = conform(attributes, schema)
    size = len(json.dumps(fitted, ensure_ascii=False).encode("utf-8", "surrogatepass"))
    if size > MAX_BYTES:
        largest = max(fitted, key=lambda name: len(str(fitted[name])))
        raise PictureError(
            Reason.BAD_ATTRIBUTE,
            f"the attributes take {size:,} bytes, at most {MAX_BYTES:,} fit; the largest is {largest!r}",
        )
    return fitted


def refit(attributes: Attributes, schema: AttributeSchema) -> dict[str, AttributeValue]:
    """Return attributes of before with the types that are declared now: text is read as `coerce_text` does.

    Numbers become text where text is declared. Raises `PictureError` (bad-attribute) for what does not fit.
    """
    read: dict[str, AttributeValue] = {}
    for name, value in attributes.items():
        wanted = schema.get(name)
        if isinstance(value, str) and wanted not in (None, "str"):
            value = coerce_text(value, wanted, name)
        elif isinstance(value, bool) and wanted == "str":
            value = str(value).lower()
        elif isinstance(value, int | float) and wanted == "str":
            value = str(value)
        read[name] = value
    return conform(read, schema)


def coerce_text(value: str, type: AttributeType, name: str = "") -> AttributeValue:
    """Return the cell of a table as a value of ``type``: ``12.5``, ``yes``, ``a|b`` or ``["a", "b"]``; empty is None.

    Raises `PictureError` (bad-attribute); ``name`` is for its message.
    """
    if not value:
        return None
    read = _READS[type](value if type == "str" else value.strip())
    fitted = None if read is None else _FITS[type](read)
    if fitted is None and value.strip():
        raise _bad(name, value, type)
    return fitted


def _bad(name: str, value: object, wanted: str) -> PictureError:
    shown = repr(value)
    shown = shown if len(shown) <= 60 else f"{shown[:60]}..."
    subject = f"the attribute {name!r}" if name else "an attribute"
    return PictureError(Reason.BAD_ATTRIBUTE, f"{subject} is {shown}, which does not fit {wanted}")


def _fit_str(value: object) -> str | None:
    return str(value) if isinstance(value, str) and _is_unicode(value) else None


def _fit_int(value: object) -> int | None:
    return int(value) if _is_int(value) and int(value) in INT64 else None  # type: ignore[call-overload]  # narrowed


def _fit_float(value: object) -> float | None:
    if not isinstance(value, numbers.Real) or isinstance(value, bool):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _fit_bool(value: object) -> bool | None:
    return bool(value) if isinstance(value, bool | np.bool_) else None


def _fit_list(value: object) -> list[str] | None:
    if not isinstance(value, list | tuple):
        return None
    return [str(item) for item in value] if all(_fit_str(item) is not None for item in value) else None


def _fit_any(value: object) -> AttributeValue:
    """An undeclared value is only kept, so text from a file name and very large numbers may pass."""
    if isinstance(value, str):
        return value
    if _is_int(value):
        return int(value) if int(value).bit_length() <= 4096 else None  # type: ignore[call-overload]  # narrowed
    for fit in (_fit_bool, _fit_float, _fit_list):
        if (fitted := fit(value)) is not None:
            return fitted
    return None


def _is_int(value: object) -> bool:
    return isinstance(value, numbers.Integral) and not isinstance(value, bool)


def _is_unicode(text: str) -> bool:
    return text.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in text)


def _read_int(text: str) -> int | None:
    return int(text) if re.fullmatch(r"[+-]?\d{1,30}", text) else None


def _read_float(text: str) -> float | None:
    return float(text) if _NUMBER.fullmatch(text) else None


def _read_list(text: str) -> object:
    if not text.startswith("["):
        return [item.strip() for item in text.split("|") if item.strip()]
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


_FITS: Final[dict[AttributeType, Callable[[object], AttributeValue]]] = {
    "str": _fit_str,
    "int": _fit_int,
    "float": _fit_float,
    "bool": _fit_bool,
    "list[str]": _fit_list,
}
_READS: Final[dict[AttributeType, Callable[[str], object]]] = {
    "str": str,
    "int": _read_int,
    "float": _read_float,
    "bool": lambda text: _WORDS.get(text.lower()),
    "list[str]": _read_list,
}
