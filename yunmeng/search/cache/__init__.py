"""What is kept so that a question is answered fast the second time, and never with what is no longer so."""

from yunmeng.search.cache.continuity import Continuity
from yunmeng.search.cache.digests import digest
from yunmeng.search.cache.ground import ground
from yunmeng.search.cache.hits import pack_hits, unpack_hits
from yunmeng.search.cache.levels import Cache, Caches, Figures, LevelName
from yunmeng.search.cache.memory import MemoryLevel
from yunmeng.search.cache.redis_level import RedisLevel

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
