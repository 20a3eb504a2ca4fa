"""Caches: a query is answered fast the second time, and never with an answer that is out of date."""

from yunmeng.search.cache.content_version import ContentVersion
from yunmeng.search.cache.digests import digest
from yunmeng.search.cache.environment import environment
from yunmeng.search.cache.hits import pack_hits, unpack_hits
from yunmeng.search.cache.redis_tier import RedisTier
from yunmeng.search.cache.tiers import Cache, Caches, Figures, MemoryTier, TierName

__all__ = [
    "Cache",
    "Caches",
    "ContentVersion",
    "Figures",
    "MemoryTier",
    "RedisTier",
    "TierName",
    "digest",
    "environment",
    "pack_hits",
    "unpack_hits",
]
