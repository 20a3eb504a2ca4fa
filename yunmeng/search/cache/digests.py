"""Digests of queries: equal queries have the same digest, different ones have different digests."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Final

import numpy as np

__all__ = ["digest"]

SIZE: Final = 20
"""Bytes of a digest: two of 2**60 questions meet with a chance of one in 2**40."""
_PLAIN: Final = frozenset({type(None), bool, int, float})  # not what is derived from them


def digest(*values: object) -> str:
    """Return 40 hex digits that identify ``values``: their types, and all that is in them, field by field.

    Values may be None, bool, int, float, str, bytes, tuples, lists, mappings, NumPy arrays and numbers, and dataclasses
    of these, of which all fields count. Raises TypeError for anything else, as it may have contents that do not show. A
    tuple and a list with equal items have the same digest, and so have two mappings that differ in order only.
    """
    told: list[bytes] = []
    _tell(told.append, values)
    return hashlib.blake2b(b"".join(told), digest_size=SIZE).hexdigest()


def _tell(add: Callable[[bytes], None], value: object) -> None:
    """Add a value to a digest so that no two values read alike: each part says its type and its length."""
    kind = type(value)
    if kind in _PLAIN:
        add(b"%r;" % (value,))
    elif isinstance(value, str):
        text = value.encode("utf-8", "surrogatepass")
        add(b"s%d:%b" % (len(text), text))
    elif isinstance(value, tuple | list):
        add(b"l%d:" % len(value))
        for item in value:
            _tell(add, item)
    elif isinstance(value, bytes):
        add(b"b" + hashlib.sha256(value).digest())
    elif isinstance(value, np.ndarray | np.generic):
        add(b"a%b%r" % (value.dtype.str.encode(), value.shape) + hashlib.sha256(_values(value)).digest())
    elif isinstance(value, Mapping):
        add(b"m%d:" % len(value))
        add(b"".join(sorted(digest(item).encode() for item in value.items())))
    elif is_dataclass(kind):
        head, names = _shape(kind)
        add(head)
        for name in names:
            _tell(add, getattr(value, name))
    else:
        raise TypeError(f"a {kind.__name__} has no digest")


def _values(array: "np.ndarray[tuple[int, ...], np.dtype[np.generic]] | np.generic") -> bytes:
    if array.dtype.hasobject:
        raise TypeError("an array of objects has no digest")
    return array.tobytes()


@cache
def _shape(kind: type) -> tuple[bytes, tuple[str, ...]]:
    names = tuple(field.name for field in fields(kind))
    head = f"{kind.__module__}.{kind.__qualname__}({','.join(names)})"
    return b"d%d:%b" % (len(head.encode()), head.encode()), names
