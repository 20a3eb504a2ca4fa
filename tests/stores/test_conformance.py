"""The suites of conformance.py, conformance_search.py and conformance_text.py over the stores that are shipped."""

from pathlib import Path

import pytest

from tests.stores.conformance import KeepingConformance
from tests.stores.conformance_search import SearchConformance
from tests.stores.conformance_text import TextConformance
from tests.stores.examples import DIM
from tests.stores.kinds import Kind
from yunmeng.stores import AugmentedStore, MemoryStore, RegionalStore, second_schema
from yunmeng.stores.protocol import Store
from yunmeng.stores.zvec.kinds import IndexKind
from yunmeng.stores.zvec.store import ZvecStore
from yunmeng.types import AttributeSchema


def in_segments(store: Store, step: int) -> None:
    """A third in HNSW, a third in a segment on disk, a third being written: zvec goes through each in its own way."""
    if step == 1:
        store.optimise()
    else:
        store.flush()


def augmented(path: Path, schema: AttributeSchema) -> Store:
    plain = ZvecStore.create(path, DIM, schema)
    return AugmentedStore(plain, ZvecStore.create(f"{path}-2", DIM, second_schema(schema), text=False))


def renewed(store: Store, step: int) -> None:
    assert isinstance(store, AugmentedStore)
    store.refresh(70 * step)


LISTS, FLAT, INT8 = IndexKind("ivf", 8), IndexKind("flat"), IndexKind(quantize="int8")

KINDS = {
    "memory": Kind(lambda path, schema: MemoryStore(DIM, schema)),
    "zvec": Kind(lambda path, schema: ZvecStore.create(path, DIM, schema)),
    "with regions": Kind(lambda path, schema: RegionalStore(MemoryStore(DIM, schema), MemoryStore(DIM, schema))),
    "with second vectors": Kind(augmented, renewed),
    "zvec in segments": Kind(lambda path, schema: ZvecStore.create(path, DIM, schema), in_segments),
    "zvec by lists": Kind(lambda path, schema: ZvecStore.create(path, DIM, schema, index=LISTS), in_segments),
    "zvec without an index": Kind(lambda path, schema: ZvecStore.create(path, DIM, schema, index=FLAT), in_segments),
    "zvec of 8 bits": Kind(lambda path, schema: ZvecStore.create(path, DIM, schema, index=INT8), in_segments),
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
