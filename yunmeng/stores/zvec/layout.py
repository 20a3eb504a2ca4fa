"""The layout of records in a zvec collection, and filters in zvec's language."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2s
from typing import Any, Final

import numpy as np

from yunmeng.errors import SchemaError
from yunmeng.stores.documents import attributes_text, decode_attributes, decode_record, facts_text
from yunmeng.stores.filters import (
    And,
    Compare,
    ContainsAll,
    ContainsAny,
    Filter,
    In,
    IsNull,
    Not,
    Or,
    Scalar,
)
from yunmeng.stores.fulltext import Phrase, share, text_of
from yunmeng.stores.ids import encode_id, escape, unescape
from yunmeng.stores.zvec.kinds import HNSW, IndexKind
from yunmeng.types import AttributeSchema, AttributeType, AttributeValue, Hit, Record

__all__ = [
    "EVERYTHING",
    "FIELDS_OF_HIT",
    "TEXT",
    "VECTOR",
    "Condition",
    "check_columns",
    "collection_schema",
    "condition",
    "encode_text",
    "has_text",
    "index_of",
    "sha256_condition",
    "to_doc",
    "to_hit",
    "to_record",
    "to_word_hit",
    "with_sha256_prefix",
    "wording",
]

VECTOR: Final = "vector"
TEXT: Final = "text"
FIELDS_OF_HIT: Final = ["uri", "attributes"]

MAX_LISTED: Final = 10_000
"""Values in one ``in (...)``; zvec takes 20,000."""
MAX_CONTAINED: Final = 32
"""Values in one ``contain_any (...)`` or ``contain_all (...)``: zvec takes no more."""

_DATA_TYPES: Final[dict[AttributeType, str]] = {
    "str": "STRING",
    "int": "INT64",
    "float": "DOUBLE",
    "bool": "BOOL",
    "list[str]": "ARRAY_STRING",
}


def collection_schema(
    zvec: Any, dim: int, schema: AttributeSchema, *, text: bool = True, index: IndexKind = HNSW
) -> Any:
    """Return the columns of a collection, whose vectors have an ``index``.

    They are ``sha256``, ``uri``, all attributes as JSON, the facts as JSON, and one for each declared attribute.
    ``present`` is true in every document, see `Condition`. ``text`` holds the words for full-text search; collections
    made before there was such a column cannot get one: zvec 0.8.0 adds columns of numbers only.
    """
    types, ranged, plain = zvec.DataType, zvec.InvertIndexParam(enable_range_optimization=True), zvec.InvertIndexParam()
    fields = [
        zvec.FieldSchema("sha256", types.STRING, index_param=ranged),
        *(zvec.FieldSchema(name, types.STRING) for name in ("uri", "attributes", "facts")),
        zvec.FieldSchema("present", types.BOOL),
    ]
    if text:  # the words come ready for comparing but for their English endings
        fields.append(zvec.FieldSchema(TEXT, types.STRING, index_param=zvec.FtsIndexParam("whitespace", ["stemmer"])))
    for name, type in schema.items():
        inverted = ranged if type in ("str", "int", "float") else plain
        fields.append(zvec.FieldSchema(_column(name), getattr(types, _DATA_TYPES[type]), True, inverted))
    vector = zvec.VectorSchema(VECTOR, types.VECTOR_FP32, dimension=dim, index_param=index.parameters(zvec))
    return zvec.CollectionSchema("yunmeng", fields=fields, vectors=[vector])


def check_columns(zvec: Any, found: Any, schema: AttributeSchema) -> int:
    """Return the dimension of the collection's vectors. Raises `SchemaError` if it was made for other attributes."""
    columns = {field.name: field.data_type for field in found.fields}
    vectors = [field.dimension for field in found.vectors if field.name == VECTOR]
    if not vectors or not {"sha256", "uri", "attributes", "facts", "present"} <= columns.keys():
        raise SchemaError("this collection was not made by Yunmeng")
    for name, type in schema.items():
        if columns.pop(_column(name), None) != getattr(zvec.DataType, _DATA_TYPES[type]):
            raise SchemaError(f"the store was not made with the attribute {name!r} of type {type}")
    if any(name.startswith("a_") for name in columns):
        raise SchemaError("the store was made with more attributes than are declared now")
    return int(vectors[0])


def index_of(found: Any) -> Any:
    """Return the parameters of the index of the collection's vectors."""
    return next(field.index_param for field in found.vectors if field.name == VECTOR)


def has_text(found: Any) -> bool:
    """Return whether the collection has the words of its records."""
    return any(field.name == TEXT for field in found.fields)


def to_doc(zvec: Any, record: Record, schema: AttributeSchema, *, text: bool) -> Any:
    """Return the document of a record that has been checked, with its words if there is a column for them."""
    fields: dict[str, Any] = {
        "sha256": record.sha256,
        "uri": escape(record.uri),
        "attributes": attributes_text(record),
        "facts": facts_text(record),
        "present": True,
    }
    if text:
        fields[TEXT] = text_of(record)
    for name in schema:
        if (value := record.attributes.get(name)) is not None:
            fields[_column(name)] = _stored(value)
    return zvec.Doc(encode_id(record.id), vectors={VECTOR: record.vector}, fields=fields)


def to_record(doc: Any, *, vectors: bool) -> Record:
    """Return the record of a document that was read with all of its fields."""
    vector = np.array(doc.vectors[VECTOR], dtype=np.float32) if vectors else None
    id, uri, fields = unescape(doc.id), unescape(doc.fields["uri"]), doc.fields
    return decode_record(id, uri, fields["sha256"], fields["attributes"], fields["facts"], vector)


def to_hit(doc: Any) -> Hit:
    """Return the hit of a document that was read with `FIELDS_OF_HIT`. zvec gives 1 - cosine, rounded."""
    fields, score = doc.fields, 1.0 - doc.score
    attributes = decode_attributes(fields["attributes"])
    return Hit(unescape(doc.id), min(1.0, max(-1.0, score)), unescape(fields["uri"]), attributes)


def to_word_hit(doc: Any, *, whole: bool) -> Hit:
    """Return the hit of a document that was found by its words; zvec gives BM25."""
    fields = doc.fields
    attributes = decode_attributes(fields["attributes"])
    return Hit(unescape(doc.id), share(doc.score, whole=whole), unescape(fields["uri"]), attributes)


def encode_text(value: str) -> str:
    r"""Return ``value`` without backslashes, in the same order by code point: a < b holds exactly if it held before.

    zvec's filters can escape a quote by ``\'`` but not the backslash itself, so no value may hold one. ``[`` becomes
    ``[a`` and the backslash, its neighbour in Unicode, ``[b``.
    """
    return value.replace("[", "[a").replace("\\", "[b")


@dataclass(frozen=True, slots=True)
class Condition:
    """A filter in zvec's language, and the columns that it names.

    In a segment where nearly all matches, zvec 0.8.0 scans columns instead of using the inverted index. It then reads
    other columns there than in the other segments and fails to put the parts together. A query without a vector is
    safe if it asks for all columns that its filter names, one with a vector if part of its filter has no index.
    """

    text: str
    columns: tuple[str, ...]

    @property
    def beside_vector(self) -> str:
        """The text for a query with a vector: ``present`` is true everywhere and has no index, so it is scanned."""
        return f"({self.text}) and present = true"


def condition(filter: Filter) -> Condition:
    """Return a filter that `yunmeng.stores.rewrite.plain` has made in zvec's language."""
    return Condition(_text(filter), tuple(dict.fromkeys(_columns(filter))))


def sha256_condition(digests: Sequence[str]) -> Condition:
    """Return the condition that a record's file has one of ``digests``, of which there must be at least one."""
    return Condition(_listed(" or ", "sha256 in", tuple(digests)), ("sha256",))


def with_sha256_prefix(whole: Condition, prefix: str) -> Condition:
    """Return the part of ``whole`` with digests that begin with ``prefix``, hexadecimal."""
    return Condition(f"({whole.text}) and sha256 >= '{prefix}' and sha256 < '{prefix}g'", (*whole.columns, "sha256"))


def wording(needed: Sequence[Phrase], helpful: Sequence[Phrase]) -> str:
    """Return zvec's full-text query for all of ``needed``; for any of ``helpful`` if nothing is needed.

    Each phrase is in quotes, as words such as ``or`` have a meaning of their own outside of quotes.
    """
    return " ".join([*(f'+"{" ".join(each)}"' for each in needed), *(f'"{" ".join(each)}"' for each in helpful)])


EVERYTHING: Final = Condition("sha256 is not null", ("sha256",))


def _columns(filter: Filter) -> Iterator[str]:
    match filter:
        case And(operands) | Or(operands):
            for operand in operands:
                yield from _columns(operand)
            if not operands:
                yield "sha256"
        case Not(operand):
            yield from _columns(operand)
        case _:
            yield _column(filter.field)


def _text(filter: Filter) -> str:
    """Return a filter as text. zvec has no constants: true and false are conditions on a column that is never null."""
    match filter:
        case And(operands):
            return _joined(" and ", operands) or EVERYTHING.text
        case Or(operands):
            return _joined(" or ", operands) or "sha256 is null"
        case Compare(field, op, value):
            return f"{_column(field)} {op} {_literal(value)}"
        case In(field, values):
            return _listed(" or ", f"{_column(field)} in", values)
        case Not(In(field, values)):
            return _listed(" and ", f"{_column(field)} not in", values)
        case ContainsAny(field, strings):
            return _listed(" or ", f"{_column(field)} contain_any", strings, MAX_CONTAINED)
        case Not(ContainsAny(field, strings)):
            return _listed(" and ", f"{_column(field)} not contain_any", strings, MAX_CONTAINED)
        case ContainsAll(field, strings):
            return _listed(" and ", f"{_column(field)} contain_all", strings, MAX_CONTAINED)
        case Not(ContainsAll(field, strings)):
            return _listed(" or ", f"{_column(field)} not contain_all", strings, MAX_CONTAINED)
        case IsNull(field):
            return f"{_column(field)} is null"
        case Not(IsNull(field)):
            return f"{_column(field)} is not null"
        case _:
            raise AssertionError(f"not made by plain: {filter!r}")


def _column(name: str) -> str:
    """A column takes 64 letters of ASCII, an attribute's name may be anything."""
    return f"a_{blake2s(name.encode(), digest_size=10).hexdigest()}"


def _stored(value: AttributeValue) -> AttributeValue:
    match value:
        case str():
            return encode_text(value)
        case list():
            return [encode_text(item) for item in value]
        case float():
            return value + 0.0  # -0.0 is another value to zvec's index
        case _:
            return value


def _joined(word: str, operands: Sequence[Filter]) -> str:
    return word.join(f"({_text(operand)})" for operand in operands)


def _listed(word: str, subject: str, values: Sequence[Scalar], most: int = MAX_LISTED) -> str:
    """Return ``subject (values)``, or several of them where there are more values than the ``most`` of one list."""
    starts = range(0, len(values), most)
    lists = (", ".join(map(_literal, values[start : start + most])) for start in starts)
    return word.join(f"{subject} ({one})" for one in lists)


def _literal(value: Scalar) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "'" + encode_text(value).replace("'", "\\'") + "'" if isinstance(value, str) else repr(value)
