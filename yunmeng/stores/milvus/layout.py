"""The layout of records in a Milvus collection."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from yunmeng.errors import PictureError, Reason, SchemaError
from yunmeng.stores.documents import attributes_text, decode_attributes, decode_record, facts_text
from yunmeng.stores.ids import encode_id, escape, unescape
from yunmeng.stores.milvus.address import Address
from yunmeng.stores.milvus.expressions import MISSING, column, number
from yunmeng.types import AttributeSchema, AttributeType, AttributeValue, Hit, Record

__all__ = [
    "FIELDS",
    "FIELDS_OF_HIT",
    "VECTOR",
    "check_columns",
    "collection_schema",
    "digest_number",
    "index_params",
    "to_hit",
    "to_record",
    "to_row",
]

VECTOR: Final = "vector"
FIELDS_OF_HIT: Final = ["uri", "attributes"]
FIELDS: Final = ["id", "sha256", "uri", "attributes", "facts"]

MAX_BYTES: Final = 65_535
"""The longest text that Milvus takes, in bytes of UTF-8."""
MAX_LISTED: Final = 4096
"""The most elements of an array."""
PIECE: Final = 16_000
"""Letters of one piece of a record's attributes as JSON: no more than `MAX_BYTES`, whatever they are."""
LEADING: Final = 7
"""Letters of a SHA-256 by which records are found: as bytes, they are a number that fits a column."""

_DATA_TYPES: Final[dict[AttributeType, str]] = {
    "str": "VARCHAR",
    "int": "INT64",
    "float": "DOUBLE",
    "bool": "BOOL",
    "list[str]": "ARRAY",
}


def collection_schema(dim: int, schema: AttributeSchema) -> Any:
    """Return the columns of a collection.

    They are ``id``; ``sha256``, and ``digest``, a number in the same order, for ranges and look-ups; ``uri``;
    ``attributes``, all of them as JSON in pieces; ``facts`` as JSON; ``present``, the numbers of the attributes that
    are not missing; one for each declared attribute; and the vector.
    """
    from pymilvus import DataType, MilvusClient

    columns = MilvusClient.create_schema(auto_id=False, enable_dynamic_field=False)
    text, array = {"max_length": MAX_BYTES}, {"datatype": DataType.ARRAY, "max_capacity": MAX_LISTED}
    columns.add_field("id", DataType.VARCHAR, is_primary=True, **text)
    columns.add_field("digest", DataType.INT64)
    for name in ("sha256", "uri", "facts"):
        columns.add_field(name, DataType.VARCHAR, **text)
    columns.add_field("attributes", element_type=DataType.VARCHAR, **array, **text)
    columns.add_field("present", element_type=DataType.INT64, **array)
    for name, type in schema.items():
        if type == "list[str]":
            columns.add_field(column(name), element_type=DataType.VARCHAR, **array, **text)
        else:
            more = text if type == "str" else {}
            columns.add_field(column(name), getattr(DataType, _DATA_TYPES[type]), **more)
    columns.add_field(VECTOR, DataType.FLOAT_VECTOR, dim=dim)
    return columns


def index_params(address: Address) -> Any:
    """Return how the vectors are to be indexed."""
    from pymilvus import MilvusClient

    params = MilvusClient.prepare_index_params()
    params.add_index(
        VECTOR, index_type=address.index.kind, index_name=VECTOR, metric_type="COSINE", params=dict(address.index.build)
    )
    return params


def check_columns(described: Mapping[str, Any], dim: int, schema: AttributeSchema) -> None:
    """Raise `SchemaError` unless the collection was made for ``dim`` numbers and these attributes."""
    columns = {field["name"]: field for field in described["fields"]}
    if not {*FIELDS, "digest", "present", VECTOR} <= columns.keys():
        raise SchemaError("this collection was not made by Yunmeng")
    found = int(columns[VECTOR]["params"]["dim"])
    if found != dim:
        raise SchemaError(f"the store is for vectors of {found} numbers, not of {dim}")
    for name, type in schema.items():
        field = columns.pop(column(name), None)
        if field is None or field["type"].name != _DATA_TYPES[type]:
            raise SchemaError(f"the store was not made with the attribute {name!r} of type {type}")
    if any(name.startswith("a_") for name in columns):
        raise SchemaError("the store was made with more attributes than are declared now")


def digest_number(sha256: str, *, last: bool = False) -> int:
    """Return the number by which ``sha256``, or the beginning of one, is found; numbers are in the order of digests.

    It is the first such number, or the ``last`` that a digest with this beginning can have.
    """
    leading = sha256.encode("utf-8", "surrogatepass")[:LEADING]
    return int.from_bytes(leading.ljust(LEADING, b"\xff" if last else b"\0"))


def to_row(record: Record, schema: AttributeSchema) -> dict[str, Any]:
    """Return the row of a record that has been checked.

    Raises `PictureError` (bad-attribute) for more than 4,096 different values in a list, which Milvus cannot hold.
    """
    attributes = attributes_text(record)
    row: dict[str, Any] = {
        "id": encode_id(record.id),
        "digest": digest_number(record.sha256),
        "sha256": record.sha256,
        "uri": escape(record.uri),
        "facts": facts_text(record),
        "attributes": [attributes[start : start + PIECE] for start in range(0, len(attributes), PIECE)],
        "present": [number(name) for name in schema if record.attributes.get(name) is not None],
        VECTOR: record.vector,
    }
    for name, type in schema.items():
        value = record.attributes.get(name)
        row[column(name)] = MISSING[type] if value is None else _stored(name, value)
    return row


def to_record(row: Mapping[str, Any], *, vectors: bool) -> Record:
    """Return the record of a row that was read with all of `FIELDS`."""
    vector = np.array(row[VECTOR], dtype=np.float32) if vectors else None
    attributes = "".join(row["attributes"])
    return decode_record(unescape(row["id"]), unescape(row["uri"]), row["sha256"], attributes, row["facts"], vector)


def to_hit(found: Mapping[str, Any]) -> Hit:
    """Return the hit of what a search found with `FIELDS_OF_HIT`."""
    entity = found["entity"]
    score = min(1.0, max(-1.0, float(found["distance"])))
    return Hit(unescape(found["id"]), score, unescape(entity["uri"]), decode_attributes("".join(entity["attributes"])))


def _stored(name: str, value: AttributeValue) -> AttributeValue:
    if not isinstance(value, list):
        return value
    different: Sequence[str] = list(dict.fromkeys(value))
    if len(different) > MAX_LISTED:
        raise PictureError(
            Reason.BAD_ATTRIBUTE,
            f"the attribute {name!r} has {len(different):,} different values, Milvus holds at most {MAX_LISTED:,}",
        )
    return list(different)
