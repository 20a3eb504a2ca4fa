"""Stores of vectors with attributes, which are searched by nearness and by filters."""

from yunmeng.concurrency import ReadWriteLock
from yunmeng.stores.augmented import AugmentedStore, augmented_in_memory, regional_in
from yunmeng.stores.changes import Changes
from yunmeng.stores.checks import check_group, check_query, check_records
from yunmeng.stores.dba import second_schema
from yunmeng.stores.filters import Filter, check, evaluate, fixed_truth
from yunmeng.stores.ids import check_ids
from yunmeng.stores.memory import MemoryStore
from yunmeng.stores.parse import format_filter, parse_filter
from yunmeng.stores.protocol import Capabilities, Store
from yunmeng.stores.regional import MAX_REGIONS, RegionalStore
from yunmeng.stores.registry import create, open, remove
from yunmeng.stores.schema import admit, check_schema, coerce_text, conform, parse_schema

__all__ = [
    "MAX_REGIONS",
    "AugmentedStore",
    "Capabilities",
    "Changes",
    "Filter",
    "MemoryStore",
    "ReadWriteLock",
    "RegionalStore",
    "Store",
    "admit",
    "augmented_in_memory",
    "check",
    "check_group",
    "check_ids",
    "check_query",
    "check_records",
    "check_schema",
    "coerce_text",
    "conform",
    "create",
    "evaluate",
    "fixed_truth",
    "format_filter",
    "open",
    "parse_filter",
    "parse_schema",
    "regional_in",
    "remove",
    "second_schema",
]
