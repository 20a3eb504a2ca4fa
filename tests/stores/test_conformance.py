"""The suites of conformance.py, conformance_search.py and conformance_text.py over the stores that are shipped."""

import pytest

from tests.stores.conformance import KeepingConformance
from tests.stores.conformance_search import SearchConformance
from tests.stores.conformance_text import TextConformance
from tests.stores.examples import DIM
from tests.stores.kinds import Kind
from yunmeng.stores import MemoryStore, RegionalStore, ZvecStore
from yunmeng.stores.protocol import Store


def in_segments(store: Store, step: int) -> None:
    """A third in HNSW, a third in a segment on disk, a third being written: zvec goes through each in its own way."""
    if step == 1:
        store.optimise()
    else:
        store.flush()


KINDS = {
    "memory": Kind(lambda path, schema: MemoryStore(DIM, schema)),
    "zvec": Kind(lambda path, schema: ZvecStore.create(path, DIM, schema)),
    "with regions": Kind(lambda path, schema: RegionalStore(MemoryStore(DIM, schema), MemoryStore(DIM, schema))),
    "zvec in segments": Kind(lambda path, schema: ZvecStore.create(path, DIM, schema), in_segments),
}


@pytest.fixture(scope="module", params=KINDS)
def kind(request: pytest.FixtureRequest) -> Kind:
    return KINDS[request.param]


class TestKeeping(KeepingConformance):
    """All of it, for each kind."""


class TestSearch(SearchConformance):
    """All of it, for each kind."""


class TestText(TextConformance):
    """All of it, for each kind."""
