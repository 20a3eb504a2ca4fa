"""Asking a library: from a query to hits."""

from yunmeng.retrieval.comparison import Comparison, compare_records
from yunmeng.retrieval.facets import Facet, collect_facets
from yunmeng.retrieval.query import Embedder, QueryPicture, as_vector, check_region, timed
from yunmeng.retrieval.search import nearest, read_filter
from yunmeng.retrieval.sheet import draw_hits

__all__ = [
    "Comparison",
    "Embedder",
    "Facet",
    "QueryPicture",
    "as_vector",
    "check_region",
    "collect_facets",
    "compare_records",
    "draw_hits",
    "nearest",
    "read_filter",
    "timed",
]
