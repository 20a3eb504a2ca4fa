"""Second vectors: what they are, that they are found, kept up, and never lost."""

import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.forking import fork_server
from tests.stores.augmented_driver import opened
from tests.stores.examples import DIM, SCHEMA, described, many, record, unit
from tests.stores.kinds import vector_of
from yunmeng.errors import FilterError
from yunmeng.stores import (
    AugmentedStore,
    MemoryStore,
    RegionalStore,
    Store,
    augmented_in_memory,
    parse_filter,
    regional_in,
    second_schema,
)
from yunmeng.stores.zvec.store import ZvecStore
from yunmeng.types import Record, Region, RegionVector


def in_memory() -> AugmentedStore:
    return AugmentedStore(MemoryStore(DIM, SCHEMA), MemoryStore(DIM, second_schema(SCHEMA)))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[AugmentedStore]:
    with opened(tmp_path) as store:
        yield store


def clustered(count: int, seed: int = 0, kinds: int = 12) -> list[Record]:
    """Pictures of several kinds: directions around as many centres."""
    draw = np.random.default_rng(seed)
    centres = unit(99, kinds)
    vectors = centres[draw.integers(kinds, size=count)] + 0.15 * draw.standard_normal((count, DIM))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return [
        described(f"{seed}-{row}", {"category": "ab"[row % 2]}, vector.astype(np.float32))
        for row, vector in enumerate(vectors)
    ]


def by_definition(records: Sequence[Record]) -> dict[str, NDArray[np.float64]]:
    """Each picture with its ten nearest, weighted by how far they stand out from the fiftieth; in plain words."""
    vectors = {each.id: vector_of(each).astype(np.float64) for each in records}
    second = {}
    for id, vector in vectors.items():
        others = sorted(((float(vector @ v), v) for other, v in vectors.items() if other != id), key=lambda p: -p[0])
        ground = others[:50][-1][0] if others else 0.0
        total = vector.copy()
        for similarity, other in others[:10]:
            total += (similarity - ground) / max(1 - ground, 1e-6) * other
        second[id] = total / np.linalg.norm(total)
    return second


def same_vectors(store: AugmentedStore, wanted: dict[str, NDArray[np.float64]]) -> None:
    found = store.get_augmented(list(wanted))
    assert found.keys() == wanted.keys()
    for id, vector in wanted.items():
        np.testing.assert_allclose(found[id], vector, atol=2e-4)


def close_vectors(store: AugmentedStore, wanted: dict[str, NDArray[np.float64]], least: float = 0.998) -> None:
    """As they would be from the start, but for the background: a new one does not make all those anew it is a
    background of, only those that it is a neighbour of."""
    found = store.get_augmented(list(wanted))
    assert found.keys() == wanted.keys()
    assert min((float(found[id] @ vector) for id, vector in wanted.items()), default=1.0) > least


def finish(store: AugmentedStore, portion: int = 10**6) -> None:
    while store.refresh(portion):
        pass
    assert store.steps_left() == 0
    assert store.second.count() == store.count(), "something is left of pictures that are gone"


def everything(store: Store) -> list[Record]:
    return list(store.iterate(vectors=True))


@pytest.mark.parametrize("count", [1, 2, 9, 60, 200])
def test_they_are_what_the_definition_says(count: int) -> None:
    records, store = clustered(count), in_memory()
    store.upsert(records)
    finish(store)
    same_vectors(store, by_definition(records))
    same_vectors(augmented_in_memory(records), by_definition(records))


def test_in_zvec_too(store: AugmentedStore) -> None:
    records = clustered(200)
    store.upsert(records)
    store.optimise()
    finish(store, 30)
    same_vectors(store, by_definition(records))


def test_they_are_found_with_the_pictures_as_they_are(store: AugmentedStore) -> None:
    records = clustered(150)
    store.upsert(records)
    finish(store)
    wanted, query = by_definition(records), unit(5)[0]
    ranking = sorted(wanted, key=lambda id: -float(wanted[id] @ query))
    hits = store.search_augmented(query, 7)
    assert [hit.id for hit in hits] == ranking[:7]
    assert [hit.score for hit in hits] == pytest.approx([float(wanted[id] @ query) for id in ranking[:7]], abs=1e-3)
    assert {hit.uri for hit in hits} == {f"/pictures/{id}" for id in ranking[:7]}
    assert all(set(hit.attributes) == {"category"} for hit in hits)
    assert len(store.search_augmented(query, 1000)) == 150
    assert store.search_augmented(query, 0) == []


def test_filters_come_before_ranking(store: AugmentedStore) -> None:
    store.upsert(clustered(100))
    finish(store)
    some = parse_filter("category = 'b'")
    hits = store.search_augmented(unit(6)[0], 40, some)
    assert len(hits) == 40
    assert {hit.attributes["category"] for hit in hits} == {"b"}
    with pytest.raises(FilterError, match="yunmeng"):
        store.search_augmented(unit(6)[0], 3, parse_filter('"yunmeng.mark" = 0'))


def test_a_new_picture_is_found_before_it_is_averaged(store: AugmentedStore) -> None:
    store.upsert(clustered(30))
    finish(store)
    new = record("new", unit(7)[0], category="c")
    store.upsert([new])
    assert store.search_augmented(vector_of(new), 1)[0].id == "new"
    assert store.search_augmented(vector_of(new), 1, parse_filter("category = 'c'"))[0].id == "new"


def test_new_attributes_throw_no_second_vector_away(store: AugmentedStore) -> None:
    records = clustered(80)
    store.upsert(records)
    finish(store)
    before = store.get_augmented([records[3].id])[records[3].id]
    store.upsert([replace(records[3], attributes={"category": "new", "note": "x"})])
    np.testing.assert_allclose(store.get_augmented([records[3].id])[records[3].id], before, atol=1e-6)
    (hit,) = store.search_augmented(unit(1)[0], 5, parse_filter("category = 'new'"))
    assert (hit.id, hit.attributes) == (records[3].id, {"category": "new", "note": "x"})
    assert store.steps_left() == 1
    finish(store)
    (hit,) = store.search_augmented(unit(1)[0], 5, parse_filter("category = 'new'"))
    assert hit.attributes == {"category": "new", "note": "x"}


def test_what_is_deleted_is_gone_at_once(store: AugmentedStore) -> None:
    records = clustered(120)
    store.upsert(records)
    finish(store)
    gone = [each.id for each in records[:70]]
    assert store.delete([*gone, "unknown"]) == 70
    hits = store.search_augmented(vector_of(records[0]), 50)
    assert {hit.id for hit in hits} == {each.id for each in records[70:]}
    finish(store)
    close_vectors(store, by_definition(records[70:]))


def test_what_comes_back_stays() -> None:
    records, store = clustered(40), in_memory()
    store.upsert(records)
    finish(store)
    store.delete([records[0].id])
    store.upsert([replace(records[0], vector=unit(8)[0])])
    finish(store)
    close_vectors(store, by_definition([replace(records[0], vector=unit(8)[0]), *records[1:]]))


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("+-~*r"), st.integers(0, 59)), max_size=40), st.integers(0, 9))
def test_kept_up_in_a_small_library_is_what_a_rebuild_gives(changes: list[tuple[str, int]], seed: int) -> None:
    pool, store = clustered(60, seed), in_memory()
    store.upsert(pool[:20])
    for change, number in changes:
        if change == "+":
            store.upsert([pool[number]])
        elif change == "-":
            store.delete([pool[number].id])
        elif change == "~":
            store.upsert([replace(pool[number], vector=unit(number)[0])])
        elif change == "*":
            store.upsert([replace(pool[number], attributes={"category": "z"})])
        else:
            store.refresh(number)
    finish(store)
    close_vectors(store, by_definition(everything(store)), least=0.98)


def test_kept_up_through_many_changes_is_close_to_a_rebuild(store: AugmentedStore) -> None:
    draw, kept = random.Random(4), {each.id: each for each in clustered(300)}
    store.upsert(list(kept.values()))
    for round in range(4):
        gone = draw.sample(sorted(kept), 20)
        store.delete(gone)
        for id in gone:
            del kept[id]
        new = clustered(25, seed=round + 1)
        changed = [replace(kept[id], vector=unit(round)[0]) for id in draw.sample(sorted(kept), 2)]
        store.upsert([*new, *changed])
        kept.update((each.id, each) for each in [*new, *changed])
        finish(store)
    wanted = by_definition(list(kept.values()))
    found = store.get_augmented(list(wanted))
    alike = np.array([float(found[id] @ vector) for id, vector in wanted.items()])
    assert alike.min() > 0.99
    assert alike.mean() > 0.9995


class Failing(MemoryStore):
    """Writes so often, and then no more, as a process that is killed."""

    left = 10**9

    def upsert(self, records: Sequence[Record]) -> None:
        self._count()
        super().upsert(records)

    def delete(self, ids: Sequence[str]) -> int:
        self._count()
        return super().delete(ids)

    @staticmethod
    def _count() -> None:
        if Failing.left == 0:
            raise KeyboardInterrupt
        Failing.left -= 1


def _put_in(store: Store, records: list[Record]) -> None:
    store.upsert(records[90:])


def _exchanged(store: Store, records: list[Record]) -> None:
    store.upsert([replace(records[0], vector=unit(3)[0], attributes={"category": "z"})])


def _described(store: Store, records: list[Record]) -> None:
    store.upsert([replace(records[0], attributes={"category": "z"})])


def _removed(store: Store, records: list[Record]) -> None:
    store.delete([each.id for each in records[:3]])


@pytest.mark.parametrize("change", [_put_in, _exchanged, _described, _removed])
@pytest.mark.parametrize("writes", range(8))
def test_cut_off_after_any_write(change: Callable[[Store, list[Record]], None], writes: int) -> None:
    """What the next process finds is what ``plain`` has, before or after the change, and nothing else."""
    records = clustered(100)
    plain, second = Failing(DIM, SCHEMA), Failing(DIM, second_schema(SCHEMA))
    store = AugmentedStore(plain, second)
    store.upsert(records[:90])
    finish(store)
    Failing.left = writes
    try:
        change(store, records)
        finish(store)
    except KeyboardInterrupt:
        pass
    finally:
        Failing.left = 10**9
    again = AugmentedStore(plain, second)
    hits = again.search_augmented(unit(2)[0], 1000)
    assert {hit.id for hit in hits} == {each.id for each in everything(plain)}
    finish(again)
    close_vectors(again, by_definition(everything(plain)))
    for filter in (parse_filter("category = 'z'"), parse_filter("category = 'a'")):
        found = {hit.id for hit in again.search_augmented(unit(2)[0], 1000, filter)}
        assert found == {each.id for each in plain.iterate(filter)}


def test_killed_at_any_moment(tmp_path: Path) -> None:
    moments = random.Random(8)
    safe: set[str] = set()
    gone: set[str] = set()
    for run in range(5):
        with fork_server().start("-m", "tests.stores.augmented_driver", tmp_path, run) as process:
            assert process.stdout.readline() == "open\n"
            told = [process.stdout.readline().rstrip("\n") for _ in range(moments.randrange(40))]
            time.sleep(moments.uniform(0.0, 0.05))
            process.kill()
            told += process.stdout.read().splitlines()
        for line in told if not told or told[-1].endswith(".jpg") else told[:-1]:
            sign, *ids = line.split()
            safe = safe | set(ids) if sign == "+" else safe - set(ids)
            gone |= set(ids) if sign == "-" else set()
        with opened(tmp_path) as store:
            found = {hit.id for hit in store.search_augmented(unit(1)[0], 10_000)}
            assert found == {each.id for each in store.iterate()}
            assert safe <= found
            assert not gone & found
            safe = found
    with opened(tmp_path) as store:
        finish(store)
        close_vectors(store, by_definition(everything(store)))
    assert len(safe) > 50, "the kills came too early to show anything"


def test_searches_and_changes_go_on_while_it_works(store: AugmentedStore) -> None:
    records = clustered(400)
    store.upsert(records)
    over = threading.Event()
    answered: list[int] = []

    def ask() -> None:
        while not over.is_set():
            assert len(store.search_augmented(unit(3)[0], 10)) == 10
            answered.append(store.changes.number)

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        new = clustered(40, seed=1)
        for start in range(0, 40, 8):
            before = len(answered)
            store.refresh(150)
            while len(answered) == before:
                asking.join(0.001)
                assert asking.is_alive()
            store.upsert(new[start : start + 8])
            store.delete([records[start].id])
        finish(store)
    finally:
        over.set()
        asking.join()
    assert len(set(answered)) > 1, "no search came between"


def test_work_is_seen_by_whoever_keeps_answers(store: AugmentedStore) -> None:
    store.upsert(clustered(30))
    before = store.changes.number
    assert store.refresh(1000) == 60
    worked = store.changes.number
    assert worked > before
    assert store.refresh(1000) == 0
    assert store.changes.number == worked, "nothing was done, so that answers that are kept hold on"


def test_parts_of_pictures_are_found_below_it() -> None:
    whole = RegionalStore(MemoryStore(DIM), MemoryStore(DIM))
    store = AugmentedStore(whole, MemoryStore(DIM, second_schema({})))
    parts = (RegionVector(Region(0, 0, 0.5, 0.5), unit(9)[0]),)
    store.upsert([replace(each, regions=parts if each.id == "3" else ()) for each in many(12)])
    finish(store)
    assert regional_in(store) is whole
    assert whole.search_regions(unit(9)[0], 1)[0].id == "3"
    assert regional_in(whole) is whole
    assert regional_in(MemoryStore(DIM)) is None
    store.delete(["3"])
    assert whole.search_regions(unit(9)[0], 1) == []


def test_the_second_store_is_not_taken_for_the_first(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        store.upsert(many(3))
    with pytest.raises(Exception, match="more attributes"):
        ZvecStore.open(tmp_path / "second", SCHEMA)
