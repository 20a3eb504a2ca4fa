"""What is kept so that a question is answered fast the second time, and never with what is no longer so."""

from yunmeng.caching.continuity import Continuity
from yunmeng.caching.digests import digest
from yunmeng.caching.ground import ground
from yunmeng.caching.hits import pack_hits, unpack_hits
from yunmeng.caching.levels import Cache, Caches, Figures, LevelName
from yunmeng.caching.memory import MemoryLevel
from yunmeng.caching.redis_level import RedisLevel

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
