"""Asking a library: from a query to hits."""

from yunmeng.retrieval.query import QueryPicture, as_vector, read_picture
from yunmeng.retrieval.search import nearest, read_filter
from yunmeng.retrieval.sheet import draw_hits

__all__ = ["QueryPicture", "as_vector", "draw_hits", "nearest", "read_filter", "read_picture"]
