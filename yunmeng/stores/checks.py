"""Checks before anything is written or searched, the same for every store."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from yunmeng.errors import FilterError, StoreError
from yunmeng.stores.ids import encode_id
from yunmeng.stores.schema import conform, describe
from yunmeng.types import AttributeSchema, Record, Vector

__all__ = ["check_group", "check_query", "check_records"]

NORM_TOLERANCE = 1e-3
"""How far a vector's length may be from 1; FP16 encoders stay within it."""


def check_records(records: Sequence[Record], dim: int, schema: AttributeSchema) -> list[Record]:
    """Return ``records`` ready to be kept: ids that fit, attributes in their declared types, sound vectors.

    Raises `PictureError` (bad-id, bad-attribute), and `StoreError` for a vector that is missing, not float32 (dim,),
    not finite or not of length 1. Nothing has been written then.
    """
    checked = []
    for record in records:
        encode_id(record.id)
        _check_shape(record, dim)
        checked.append(replace(record, attributes=conform(record.attributes, schema)))
    _check_lengths(checked)
    return checked


def check_query(vector: NDArray[np.floating], dim: int) -> Vector:
    """Return the query vector as float32 (dim,), of any length but 0. Raises `StoreError`."""
    query = np.asarray(vector, dtype=np.float32)
    if query.shape != (dim,):
        raise StoreError(f"the query vector has the shape {query.shape}, the store's are ({dim},)")
    square = float(query @ query)  # one pass settles all but the odd case
    if not 0.0 < square < np.inf and not (np.isfinite(query).all() and query.any()):
        raise StoreError("the query vector has no direction: it is zero or not finite")
    return query


def check_group(group_by: str, schema: AttributeSchema) -> None:
    """Check that ``group_by`` is a declared str attribute. Raises `FilterError`."""
    if schema.get(group_by) != "str":
        declared = describe({name: type for name, type in schema.items() if type == "str"}) or "none"
        raise FilterError(
            f"cannot group by {group_by!r}: groups are the values of a declared str; declared: {declared}"
        )


def _check_shape(record: Record, dim: int) -> None:
    vector = record.vector
    if vector is None:
        raise StoreError(f"the record {record.id!r} has no vector")
    if vector.shape != (dim,) or vector.dtype != np.float32:
        raise StoreError(f"the vector of {record.id!r} is {vector.dtype} {vector.shape}, not float32 ({dim},)")


def _check_lengths(records: Sequence[Record]) -> None:
    if not records:
        return
    lengths = np.linalg.norm(np.stack([record.vector for record in records if record.vector is not None]), axis=1)
    sound = np.abs(lengths - 1) <= NORM_TOLERANCE  # false for NaN too
    if not sound.all():
        first = int(np.argmin(sound))
        raise StoreError(f"the vector of {records[first].id!r} has the length {lengths[first]:.4g}, not 1")
