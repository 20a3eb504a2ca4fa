"""Figures of the caches, read when they are requested."""

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from yunmeng.search.cache.tiers import Caches

__all__ = ["CacheMetrics"]


class CacheMetrics(Collector):
    """Hits, misses, entries and bytes of a library's caches, and the state of Redis."""

    def __init__(self, caches: Caches) -> None:
        self._caches = caches

    def collect(self) -> Iterator[Metric]:
        hits = CounterMetricFamily("yunmeng_cache_hits", "What was found in a cache.", labels=["cache", "level"])
        misses = CounterMetricFamily("yunmeng_cache_misses", "What was not.", labels=["cache", "level"])
        entries = GaugeMetricFamily("yunmeng_cache_entries", "Entries of a cache in process.", labels=["cache"])
        taken = GaugeMetricFamily("yunmeng_cache_bytes", "Memory that a cache takes in process.", labels=["cache"])
        for cache in self._caches.all:
            for figures in cache.figures():
                hits.add_metric([figures.cache, figures.tier], figures.hits)
                misses.add_metric([figures.cache, figures.tier], figures.misses)
            count, size = cache.size()
            entries.add_metric([cache.name], count)
            taken.add_metric([cache.name], size)
        yield from (hits, misses, entries, taken)
        redis = self._caches.redis
        if redis is not None:
            yield GaugeMetricFamily("yunmeng_redis_up", "Whether Redis answered when it was asked last.", redis.up)
            yield CounterMetricFamily("yunmeng_redis_errors", "Commands that Redis has failed.", redis.errors)
