"""What is kept so that a question is answered fast the second time, and never with what is no longer so."""

from yunmeng.search.cache.content_version import Continuity
from yunmeng.search.cache.digests import digest
from yunmeng.search.cache.environment import ground
from yunmeng.search.cache.hits import pack_hits, unpack_hits
from yunmeng.search.cache.redis_tier import RedisLevel
from yunmeng.search.cache.tiers import Cache, Caches, Figures, LevelName, MemoryLevel

__all__ = [
    "Cache",
    "Caches",
    "Continuity",
    "Figures",
    "LevelName",
    "MemoryLevel",
    "RedisLevel",
    "digest",
    "ground",
    "pack_hits",
    "unpack_hits",
]
