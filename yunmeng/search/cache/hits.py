"""Hits as text, which can be stored anywhere and is never run as code."""

import json
from collections.abc import Iterable
from dataclasses import fields
from operator import attrgetter
from typing import Any, Final

from yunmeng.types import Alignment, Contribution, Hit, Region

__all__ = ["pack_hits", "unpack_hits"]

_NAMES: Final = [field.name for field in fields(Hit)]
_fields: Final = attrgetter(*_NAMES)
_of_alignment: Final = attrgetter(*(field.name for field in fields(Alignment)))
_REGION, _ALIGNMENT, _EXPLANATION = map(_NAMES.index, ("region", "alignment", "explanation"))


def pack_hits(hits: Iterable[Hit]) -> bytes:
    """Return hits as JSON: a list of the fields of each, in their order."""
    return _JSON.encode([_fields(hit) for hit in hits]).encode()


def unpack_hits(packed: bytes) -> list[Hit]:
    """Return new hits, equal to those that `pack_hits` was given."""
    return [_hit(row) for row in json.loads(packed)]


def _hit(row: list[Any]) -> Hit:
    if row[_REGION] is not None:
        row[_REGION] = Region(*row[_REGION])
    if row[_ALIGNMENT] is not None:
        inliers, transform, mirrored, outline, *overlaps = row[_ALIGNMENT]
        row[_ALIGNMENT] = Alignment(inliers, tuple(transform), mirrored, tuple(map(tuple, outline)), *overlaps)
    row[_EXPLANATION] = tuple(Contribution(*one) for one in row[_EXPLANATION])
    return Hit(*row)


def _plain(value: Any) -> Any:
    """Return a value that JSON knows for one that it does not: alignments, and numbers of NumPy."""
    return _of_alignment(value) if isinstance(value, Alignment) else value.item()


_JSON: Final = json.JSONEncoder(default=_plain, separators=(",", ":"))
