"""What goes over HTTP between the server and its clients: the bodies of API version 1, as pydantic models."""

from yunmeng.wire.about import AttributeValues, Health, KeyIn, LibraryOut, SessionOut, ValueCount
from yunmeng.wire.common import Attributes, ErrorBody, ErrorDetail, Region, RegionText
from yunmeng.wire.copies import Comparison
from yunmeng.wire.imports import FailureList, ImportFailure, ImportList, ImportOrder, ImportOut, ImportStatus
from yunmeng.wire.pictures import Added, AddResult, Deleted, FromUrl, NewAttributes, PictureOut, PicturePage, Selection
from yunmeng.wire.searching import (
    MAX_K,
    MAX_OFFSET,
    MAX_PARTS,
    FieldName,
    HitOut,
    MixPart,
    MixText,
    SearchAnswer,
    SearchQuery,
    SubjectOut,
    SubjectQuery,
    Wanted,
)
from yunmeng.wire.text import from_wire, to_wire, wire_attributes

__all__ = [
    "MAX_K",
    "MAX_OFFSET",
    "MAX_PARTS",
    "AddResult",
    "Added",
    "AttributeValues",
    "Attributes",
    "Comparison",
    "Deleted",
    "ErrorBody",
    "ErrorDetail",
    "FailureList",
    "FieldName",
    "FromUrl",
    "Health",
    "HitOut",
    "ImportFailure",
    "ImportList",
    "ImportOrder",
    "ImportOut",
    "ImportStatus",
    "KeyIn",
    "LibraryOut",
    "MixPart",
    "MixText",
    "NewAttributes",
    "PictureOut",
    "PicturePage",
    "Region",
    "RegionText",
    "SearchAnswer",
    "SearchQuery",
    "Selection",
    "SessionOut",
    "SubjectOut",
    "SubjectQuery",
    "ValueCount",
    "Wanted",
    "from_wire",
    "to_wire",
    "wire_attributes",
]
