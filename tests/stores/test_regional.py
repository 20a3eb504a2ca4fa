"""A store of pictures and their parts against plain Python."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.stores.examples import DIM
from yunmeng.errors import StoreError
from yunmeng.stores import MAX_REGIONS, MemoryStore, RegionalStore, parse_filter
from yunmeng.stores.zvec.store import ZvecStore
from yunmeng.types import Record, Region, RegionVector, Vector

SCHEMA = {"category": "str"}


def unit(seed: int) -> Vector:
    vector = np.random.default_rng(seed).standard_normal(DIM).astype(np.float32)
    length = np.float32(np.linalg.norm(vector))
    return vector / length


def record(id: str, seed: int, parts: int, category: str = "a") -> Record:
    regions = tuple(
        RegionVector(Region(number / 40, 0, 0.5, 0.25), unit(1000 * seed + number)) for number in range(parts)
    )
    return Record(
        id=id,
        uri=f"/pictures/{id}",
        sha256=f"{seed:064x}",
        phash="0" * 16,
        pdq="0" * 64,
        width=4,
        height=3,
        attributes={"category": category, "undeclared": seed},
        vector=unit(seed),
        regions=regions,
    )


def store() -> RegionalStore:
    return RegionalStore(MemoryStore(DIM, SCHEMA), MemoryStore(DIM, SCHEMA))  # type: ignore[arg-type]  # literals


def best(records: list[Record], query: Vector) -> list[tuple[str, float]]:
    scores = {
        record.id: max(float(part.vector @ query) for part in record.regions) for record in records if record.regions
    }
    return sorted(scores.items(), key=lambda item: -item[1])


@settings(deadline=None)
@given(
    st.lists(st.integers(1, MAX_REGIONS), min_size=1, max_size=12),
    st.integers(0, 100),
    st.integers(1, 15),
)
def test_one_hit_a_picture_by_its_best_part(parts: list[int], seed: int, k: int) -> None:
    records = [record(f"p{number}", number + 1, count) for number, count in enumerate(parts)]
    holding, query = store(), unit(10**6 + seed)
    holding.upsert(records)
    hits = holding.search_regions(query, k)
    expected = best(records, query)[:k]
    assert [hit.id for hit in hits] == [id for id, _ in expected]
    assert [hit.score for hit in hits] == pytest.approx([score for _, score in expected], abs=1e-5)
    for hit in hits:
        found = next(record for record in records if record.id == hit.id)
        part = max(found.regions or (), key=lambda part: float(part.vector @ query))
        assert hit.region == pytest.approx(part.region)
        assert (hit.uri, hit.attributes) == (found.uri, found.attributes)


def test_a_picture_with_fewer_parts_than_before_keeps_none_of_the_others() -> None:
    holding = store()
    holding.upsert([record("a", 1, 9)])
    holding.upsert([record("a", 1, 2)])
    assert holding.search_regions(unit(1008), 1)[0].region != Region(8 / 40, 0, 0.5, 0.25)


def test_new_attributes_leave_the_parts_and_reach_them() -> None:
    holding = store()
    holding.upsert([record("a", 1, 3), record("b", 2, 3)])
    changed = record("a", 1, 0, "z")
    holding.upsert([Record(**{name: getattr(changed, name) for name in changed.__slots__} | {"regions": None})])
    hits = holding.search_regions(unit(1001), 5, parse_filter("category = 'z'"))
    assert [hit.id for hit in hits] == ["a"]
    assert hits[0].region == pytest.approx((1 / 40, 0, 0.5, 0.25))


def test_too_many_parts_are_refused_and_nothing_is_written() -> None:
    holding = store()
    with pytest.raises(StoreError, match="33 regions"):
        holding.upsert([record("b", 2, 1), record("a", 1, MAX_REGIONS + 1)])
    assert holding.count() == 0


def test_on_disk_over_a_restart(tmp_path: Path) -> None:
    whole, parts = tmp_path / "store", tmp_path / "regions"
    with RegionalStore(ZvecStore.create(whole, DIM, SCHEMA), ZvecStore.create(parts, DIM, SCHEMA)) as holding:  # type: ignore[arg-type]
        holding.upsert([record(f"字/{number}", number + 1, 13) for number in range(30)])
        holding.optimise()
        assert holding.delete(["字/3"]) == 1
    with RegionalStore(ZvecStore.open(whole, SCHEMA), ZvecStore.open(parts, SCHEMA)) as holding:  # type: ignore[arg-type]
        records = [record(f"字/{number}", number + 1, 13) for number in range(30) if number != 3]
        hits = holding.search_regions(unit(7007), 10)
        assert [hit.id for hit in hits] == [id for id, _ in best(records, unit(7007))[:10]]
        assert hits[0].region == pytest.approx((7 / 40, 0, 0.5, 0.25))
