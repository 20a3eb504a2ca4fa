"""Stores: vectors with their attributes, kept on disk, found again by nearness and by filters."""

from yunmeng.concurrency import ReadWriteLock
from yunmeng.stores.augmented import AugmentedStore, augmented_in_memory, regional_in
from yunmeng.stores.changes import Changes
from yunmeng.stores.checks import check_group
from yunmeng.stores.dba import second_schema
from yunmeng.stores.filters import Filter, check, evaluate, fixed_truth
from yunmeng.stores.memory import MemoryStore
from yunmeng.stores.parse import format_filter, parse_filter
from yunmeng.stores.protocol import Store
from yunmeng.stores.regional import MAX_REGIONS, RegionalStore
from yunmeng.stores.schema import admit, check_schema, coerce_text, conform, parse_schema
from yunmeng.stores.zvec.store import ZvecStore

__all__ = [
    "MAX_REGIONS",
    "AugmentedStore",
    "Changes",
    "Filter",
    "MemoryStore",
    "ReadWriteLock",
    "RegionalStore",
    "Store",
    "ZvecStore",
    "admit",
    "augmented_in_memory",
    "check",
    "check_group",
    "check_schema",
    "coerce_text",
    "conform",
    "evaluate",
    "fixed_truth",
    "format_filter",
    "parse_filter",
    "parse_schema",
    "regional_in",
    "second_schema",
]
