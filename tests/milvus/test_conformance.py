"""The suites that every store passes, over a real Milvus."""

from tests.stores.conformance import KeepingConformance
from tests.stores.conformance_search import SearchConformance


class TestKeeping(KeepingConformance):
    """All of it."""


class TestSearch(SearchConformance):
    """All of it; for words see test_words.py."""
