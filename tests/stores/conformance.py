"""What every store must do. A store joins by a `Kind` that makes it, see test_conformance.py."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.stores.examples import DIM, FLOATS, INTS, SCHEMA, STRINGS, described, many, odd_records, record, unit
from tests.stores.strategies import filters
from yunmeng.errors import FilterError, PictureError, Reason, StoreError
from yunmeng.stores.filters import And, Compare, ContainsAny, Filter, In, IsNull, Not, evaluate
from yunmeng.stores.parse import parse_filter
from yunmeng.stores.protocol import Store
from yunmeng.types import AttributeSchema, Record

ODD_IDS = [
    "a.jpg", "目录/图 片.jpg", "it's", '"', "a\nb", "\x00", "\t", "\x7f", "back\\slash", "100%", "%41", "%uDC80", "%",
    "..", "/", " ", "\udc80.jpg", "\ud800", "%\udcff%", "é", "😀", "x" * 1024, "é" * 512, "a'; drop",
    "C:\\pictures\\a.jpg",
]  # fmt: skip


@dataclass(frozen=True)
class Kind:
    """A store to test. ``settle`` may do whatever the store does to its data over time; it must change no answer.

    It is called when the first (1) and when the second (2) of three parts of the records have been written.
    """

    make: Callable[[Path, AttributeSchema], Store]
    settle: Callable[[Store, int], None] = lambda store, step: None


class Odd:
    """A store of odd values that tests leave as they find it, and what is in it.

    No dataclass: Hypothesis would print it all.
    """

    def __init__(self, store: Store, records: Sequence[Record]) -> None:
        self.store = store
        self.records = {record.id: record for record in records}


Make: TypeAlias = Callable[[AttributeSchema], Store]
Fill: TypeAlias = Callable[[Store, Sequence[Record]], None]


class Conformance:
    """The suite. Its fixtures are in conftest.py; ``kind`` comes from the test module."""

    def test_what_was_written_is_read(self, store: Store, fill: Fill) -> None:
        records = [record("a", category="shoes", price=1.5), record("b"), record("c", tags=["x", "y"], sale=False)]
        fill(store, records)
        found = store.get(["c", "a", "missing", "b"], vectors=True)
        assert found.keys() == {"a", "b", "c"}
        for written in records:
            same_record(found[written.id], written)
        assert store.get(["a"])["a"].vector is None
        assert store.get([]) == {}
        assert dict(store.schema) == dict(SCHEMA)

    def test_upsert_replaces(self, store: Store, fill: Fill) -> None:
        before, after = unit(1)[0], unit(2)[0]
        fill(store, [record("a", before, category="old", price=1.0), record("b"), record("c")])
        store.upsert([replace(record("a", after, category="new"), uri="moved", sha256="f" * 64)])
        assert store.count() == 3
        assert store.get(["a"])["a"].attributes == {"category": "new"}
        assert store.count(Compare("category", "=", "old")) == 0
        assert store.count(Compare("price", "=", 1)) == 0
        assert [hit.id for hit in store.search(after, 1)] == ["a"]
        assert store.search(before, 3)[0].score < 0.999
        assert [found.uri for found in store.find_sha256(["f" * 64])["f" * 64]] == ["moved"]
        assert store.find_sha256([record("a").sha256]) == {}

    def test_the_last_of_two_records_with_one_id_stays(self, store: Store) -> None:
        store.upsert([record("a", category="first"), record("b"), record("a", category="last")])
        assert store.count() == 2
        assert store.get(["a"])["a"].attributes == {"category": "last"}

    def test_delete(self, store: Store, fill: Fill) -> None:
        records = many(30, category=["x"] * 30)
        fill(store, records)
        assert store.delete(["3", "29", "missing", "3"]) == 2
        assert store.delete(["3"]) == 0
        assert store.delete([]) == 0
        assert store.count() == store.count(Compare("category", "=", "x")) == 28
        assert store.get(["3", "4"]).keys() == {"4"}
        assert store.find_sha256([records[3].sha256]) == {}
        assert "3" not in {hit.id for hit in store.search(vector_of(records[3]), 30)}
        assert len(list(store.iterate())) == 28
        store.upsert([records[3]])
        assert store.count() == 29

    def test_many_at_once(self, store: Store) -> None:
        records = many(2500)
        store.upsert(records)
        assert store.count() == 2500
        ids = [record.id for record in records]
        assert store.get(ids).keys() == set(ids)
        digests = [record.sha256 for record in records]
        assert store.find_sha256(digests).keys() == set(digests)
        assert store.delete(ids) == 2500
        assert store.count() == 0

    def test_find_sha256(self, store: Store, fill: Fill) -> None:
        same = "ab" * 32
        fill(store, [replace(record(id), sha256=same) for id in "abc"] + [record("other")])
        found = store.find_sha256([same, "00" * 32, record("other").sha256], vectors=True)
        assert {digest: {each.id for each in records} for digest, records in found.items()} == {
            same: {"a", "b", "c"},
            record("other").sha256: {"other"},
        }
        same_record(found[record("other").sha256][0], record("other"))
        assert store.find_sha256([]) == {}
        assert store.find_sha256(["' or sha256 != '"]) == {}

    def test_search_gives_the_nearest_with_their_cosines(self, store: Store, fill: Fill) -> None:
        records = many(400, category=["even", "odd"] * 200)
        fill(store, records)
        matrix = np.stack([vector_of(record) for record in records])
        for seed in range(5):
            query = unit(100 + seed)[0]
            hits = store.search(query, 10)
            assert [hit.id for hit in hits] == [str(row) for row in np.argsort(-(matrix @ query))[:10]]
            assert [hit.score for hit in hits] == pytest.approx(sorted(matrix @ query, reverse=True)[:10], abs=1e-5)
            assert all(hit.uri == f"/pictures/{hit.id}" for hit in hits)
            assert all(hit.attributes == records[int(hit.id)].attributes for hit in hits)

    def test_scores_are_cosines_whatever_the_length_of_the_query(self, store: Store) -> None:
        store.upsert([record("a", unit(1)[0]), record("b", -unit(1)[0])])
        for scale in (1, 0.01, 100):
            hits = store.search(unit(1)[0] * np.float32(scale), 2)
            assert [hit.id for hit in hits] == ["a", "b"]
            assert [hit.score for hit in hits] == pytest.approx([1, -1], abs=1e-6)
            assert all(-1 <= hit.score <= 1 for hit in hits)

    def test_the_score_of_a_picture_with_itself_is_one_at_most(self, store: Store) -> None:
        vectors = unit(5, 200)
        store.upsert([record(str(n), vector) for n, vector in enumerate(vectors)])
        scores = [store.search(vector, 1)[0].score for vector in vectors]
        assert max(scores) <= 1
        assert min(scores) == pytest.approx(1, abs=1e-6)

    def test_search_gives_as_many_as_there_are(self, store: Store, fill: Fill) -> None:
        assert store.search(unit(0)[0], 5) == []
        fill(store, many(20, stock=list(range(20))))
        assert len(store.search(unit(0)[0], 21)) == 20
        assert len(store.search(unit(0)[0], 5_000_000)) == 20
        assert len(store.search(unit(0)[0], 5, Compare("stock", "<", 3))) == 3
        assert store.search(unit(0)[0], 5, Compare("stock", "<", -1)) == []
        assert store.search(unit(0)[0], 0) == []

    def test_a_filter_does_not_empty_the_page(self, store: Store, fill: Fill) -> None:
        """Of 2,000 records a filter leaves 20, or a fifth that lies on the far side of the query."""
        query = unit(7)[0]
        records = many(2000, stock=list(range(2000)))
        far = sorted(records, key=lambda record: float(vector_of(record) @ query))[:400]
        places = {record.id: "far" for record in far}
        records = [replace(r, attributes={**r.attributes, "category": places.get(r.id, "near")}) for r in records]
        fill(store, records)
        few = store.search(query, 20, Compare("stock", "<", 20))
        expected = sorted((vector_of(record) @ query for record in records[:20]), reverse=True)
        assert [hit.score for hit in few] == pytest.approx(expected, abs=1e-5)
        distant = store.search(query, 50, Compare("category", "=", "far"))
        assert len(distant) == 50
        assert {hit.attributes["category"] for hit in distant} == {"far"}
        assert len(store.search(query, 400, Compare("category", "=", "far"))) == 400
        assert len(store.search(query, 1600, Compare("category", "!=", "far"))) == 1600

    def test_filters_that_leave_nearly_all_here_and_few_there(self, store: Store, fill: Fill) -> None:
        """A store may run a filter in one way where nearly all matches and in another elsewhere."""
        categories = ["big"] * 280 + [None if n > 120 else f"x{n}" for n in range(140)]
        stocks = [*range(280), *(None if n % 2 else n - 200 for n in range(140))]
        records = many(420, category=categories, stock=stocks)
        fill(store, records)
        for text in (
            "category is not null", "category is not null and stock > 5", "stock > 5", "stock > -5 or category is null",
            "category = 'big'", "category != 'x3' and stock is not null", "category is null or stock < 1000",
        ):  # fmt: skip
            filter = parse_filter(text)
            expected = {each.id for each in records if evaluate(filter, each.attributes)}
            assert {hit.id for hit in store.search(unit(0)[0], 420, filter)} == expected
            assert store.count(filter) == len(expected)
            assert len(store.search(unit(0)[0], 10, filter)) == 10

    def test_groups(self, store: Store, fill: Fill) -> None:
        """A group of 300 close to the query does not hide 20 others, and records without a group are left out."""
        rng = np.random.default_rng(3)
        groups = [*["big"] * 300, *[f"it's {n % 20}" for n in range(100)], *[None] * 20]
        spread = [0.1] * 300 + [2.0] * 100 + [0.1] * 20
        rows = [np.ones(DIM) + rng.standard_normal(DIM) * each for each in spread]
        records = [
            record(str(n), (row / np.linalg.norm(row)).astype(np.float32), category=group, stock=n)
            for n, (row, group) in enumerate(zip(rows, groups, strict=True))
        ]
        fill(store, records)
        query = (np.ones(DIM) / np.sqrt(DIM)).astype(np.float32)
        for filter, kept in ((None, records), (Compare("stock", ">=", 295), records[295:])):
            expected = best_of_groups(kept, query)
            for k in (1, 5, 21, 50):
                hits = store.search_groups(query, k, "category", filter)
                assert [hit.id for hit in hits] == expected[:k]
        assert store.search_groups(query, 3, "颜色 名") == []
        for bad in ("nothing", "price", "tags"):
            with pytest.raises(FilterError, match="category"):
                store.search_groups(query, 3, bad)

    def test_iterate_gives_all_as_they_were_at_the_call(self, store: Store, fill: Fill) -> None:
        records = many(50, stock=list(range(50)))
        fill(store, records)
        iteration = store.iterate(vectors=True)
        store.delete(["3", "40"])
        store.upsert([record("7", category="changed"), record("new")])
        seen = {each.id: each for each in iteration}
        assert seen.keys() == {record.id for record in records}
        for written in records:
            same_record(seen[written.id], written)
        assert {each.id for each in store.iterate()} == ({record.id for record in records} | {"new"}) - {"3", "40"}

    def test_iterate_may_be_left_early_and_run_beside_another(self, store: Store, fill: Fill) -> None:
        fill(store, many(30, stock=list(range(30))))
        one, two = store.iterate(), store.iterate(Compare("stock", ">=", 10))
        first = next(one)
        assert first.vector is None
        assert len(list(two)) == 20
        assert len(list(one)) == 29
        del one, two
        store.optimise()

    @pytest.mark.parametrize("id", ODD_IDS)
    def test_odd_ids_and_uris(self, odd: Odd, id: str) -> None:
        store, before = odd.store, odd.store.count()
        written = replace(record(id), uri=f"/{id}")
        store.upsert([written])
        same_record(store.get([id], vectors=True)[id], written)
        assert [(hit.id, hit.uri) for hit in store.search(vector_of(written), 1)] == [(id, f"/{id}")]
        assert store.delete([id]) == 1
        assert store.count() == before

    def test_escaped_ids_do_not_meet(self, store: Store) -> None:
        store.upsert([record(id) for id in ODD_IDS])
        assert store.get(ODD_IDS).keys() == set(ODD_IDS) == {each.id for each in store.iterate()}
        assert store.count() == len(ODD_IDS)

    @pytest.mark.parametrize("id", ["", "x" * 1025, "é" * 513, "%" * 342])
    def test_impossible_ids(self, odd: Odd, id: str) -> None:
        store = odd.store
        for call in (
            lambda: store.upsert([record("a"), record(id)]),
            lambda: store.get([id]),
            lambda: store.delete([id]),
        ):
            with pytest.raises(PictureError) as error:
                call()
            assert error.value.reason is Reason.BAD_ID
            assert len(str(error.value)) < 200
        assert store.count() == len(odd.records)

    def test_odd_values_come_back_and_are_found(self, store: Store, fill: Fill) -> None:
        records = [record(f"s{n}", category=value, tags=["x", value]) for n, value in enumerate(STRINGS)]
        records += [record(f"i{n}", stock=value) for n, value in enumerate(INTS)]
        records += [record(f"f{n}", price=value) for n, value in enumerate(FLOATS)]
        fill(store, records)
        found = store.get([written.id for written in records])
        assert all(found[written.id].attributes == written.attributes for written in records)
        for n, value in enumerate(STRINGS):
            for filter in (Compare("category", "=", value), In("category", (value,)), ContainsAny("tags", (value,))):
                matching = {each.id for each in store.iterate(filter)}
                assert f"s{n}" in matching
                assert store.count(filter) == len(matching)
        for number in INTS:
            assert store.count(Compare("stock", "=", number)) == 1
        for price in FLOATS:
            assert store.count(Compare("price", "=", price)) == FLOATS.count(price)

    def test_undeclared_attributes_are_kept_and_returned(self, store: Store) -> None:
        kept: dict[str, Any] = {
            "名称": "连衣裙", "nested name.x": 1, "big": 2**200, "ratio": 0.1, "flag": True, "list": ["a", "\\"],
            "none": None, "path": "\udc80", "long": "长" * 100_000, "empty": "", "": "no name",
        }  # fmt: skip
        store.upsert([described("a", {**kept, "category": None, "stock": 3})])
        expected = {**kept, "category": None, "stock": 3}
        assert store.get(["a"])["a"].attributes == expected
        assert store.search(unit(0)[0], 1)[0].attributes == expected
        assert store.count(IsNull("category")) == 1
        with pytest.raises(FilterError, match=r"名称.*category \(str\)"):
            store.count(Compare("名称", "=", "连衣裙"))

    def test_types_come_back_as_declared(self, store: Store) -> None:
        store.upsert([described("a", {"price": 3, "stock": np.int64(4), "sale": np.True_, "tags": ("x",)})])
        found = store.get(["a"])["a"].attributes
        assert [(name, value, type(value)) for name, value in found.items()] == [
            ("price", 3.0, float),
            ("stock", 4, int),
            ("sale", True, bool),
            ("tags", ["x"], list),
        ]

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("category", 1), ("category", ["a"]), ("category", "\ud800"), ("price", "1"), ("price", True),
            ("price", float("nan")), ("price", float("inf")), ("price", 10**400), ("stock", 1.0), ("stock", True),
            ("stock", 2**63), ("stock", "1"), ("sale", 1), ("sale", "true"), ("tags", "a"), ("tags", [1]),
            ("tags", ["a", None]), ("undeclared", {"a": 1}), ("undeclared", float("nan")), ("undeclared", [[]]),
        ],
    )  # fmt: skip
    def test_values_that_do_not_fit(self, odd: Odd, name: str, value: object) -> None:
        store = odd.store
        with pytest.raises(PictureError, match=name) as error:
            store.upsert([record("fine"), described("bad", {name: value})])
        assert error.value.reason is Reason.BAD_ATTRIBUTE
        assert SCHEMA.get(name, "str") in str(error.value)
        assert store.count() == len(odd.records)

    @pytest.mark.parametrize(
        "vector",
        [
            None, unit(0, dim=DIM + 1)[0], unit(0), unit(0)[0].astype(np.float64), np.zeros(DIM, np.float32),
            unit(0)[0] * 2, np.full(DIM, np.nan, np.float32),
        ],
    )  # fmt: skip
    def test_vectors_that_cannot_be(self, odd: Odd, vector: Any) -> None:
        store = odd.store
        with pytest.raises(StoreError, match="'bad'"):
            store.upsert([record("fine"), replace(record("bad"), vector=vector)])
        assert store.count() == len(odd.records)

    @pytest.mark.parametrize("query", [unit(0, dim=DIM - 1)[0], np.zeros(DIM, np.float32), np.full(DIM, np.inf)])
    def test_queries_that_cannot_be(self, odd: Odd, query: Any) -> None:
        with pytest.raises(StoreError, match="query vector"):
            odd.store.search(query, 1)
        with pytest.raises(StoreError, match="query vector"):
            odd.store.search_groups(query, 1, "category")

    def test_a_filter_that_does_not_fit_is_told_at_once(self, store: Store) -> None:
        wrong: Any = Compare("colour", "=", "red")
        calls = (
            lambda: store.count(wrong),
            lambda: store.iterate(wrong),
            lambda: store.search(unit(0)[0], 1, wrong),
            lambda: store.search_groups(unit(0)[0], 1, "category", wrong),
        )
        for call in calls:
            with pytest.raises(FilterError, match="category"):
                call()

    def test_a_caller_may_change_what_it_was_given(self, store: Store) -> None:
        tags = ["x"]
        given = record("a", unit(1)[0].copy(), tags=tags)
        store.upsert([given])
        tags.append("y")
        vector_of(given)[:] = 0
        found = store.get(["a"], vectors=True)["a"]
        assert found.attributes == {"tags": ["x"]}
        vector_of(found)[:] = 0
        assert store.search(unit(1)[0], 1)[0].score == pytest.approx(1, abs=1e-6)

    def test_a_closed_store_says_so(self, make: Make) -> None:
        store = make(SCHEMA)
        store.upsert([record("a")])
        store.close()
        store.close()
        calls = (
            store.count, store.flush, store.optimise, store.iterate, store.unindexed, lambda: store.get(["a"]),
            lambda: store.delete(["a"]), lambda: store.upsert([record("a")]), lambda: store.search(unit(0)[0], 1),
            lambda: store.find_sha256(["0"]), lambda: store.search_groups(unit(0)[0], 1, "category"),
        )  # fmt: skip
        for call in calls:
            with pytest.raises(StoreError, match="closed"):
                call()

    def test_a_store_without_attributes(self, make: Make) -> None:
        store = make({})
        store.upsert([record("a", category="kept")])
        assert store.search(unit(0)[0], 1)[0].attributes == {"category": "kept"}
        with pytest.raises(FilterError, match="--attributes"):
            store.count(Compare("category", "=", "kept"))
        store.close()

    @settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
    @given(filter=filters(SCHEMA))
    def test_any_filter_means_what_it_says(self, odd: Odd, filter: Filter) -> None:
        store, records = odd.store, odd.records
        expected = {id for id, record in records.items() if evaluate(filter, record.attributes)}
        assert store.count(filter) == len(expected)
        assert {record.id for record in store.iterate(filter)} == expected
        assert {hit.id for hit in store.search(unit(0)[0], len(records), filter)} == expected

    @settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
    @given(seed=st.integers(0, 2**32), filter=filters(SCHEMA))
    def test_filters_hold_after_changes(self, store: Store, seed: int, filter: Filter, fill: Fill) -> None:
        records = odd_records(30, seed)
        fill(store, records)
        store.delete([record.id for record in records[::7]])
        left = {
            record.id for number, record in enumerate(records) if number % 7 and evaluate(filter, record.attributes)
        }
        assert {record.id for record in store.iterate(filter)} == left
        assert store.count(filter) == len(left)
        store.delete([record.id for record in records])

    def test_threads_search_while_another_writes(self, store: Store, fill: Fill) -> None:
        fill(store, many(300, category=["a", "b", "c"] * 100))
        target, problems, done = unit(0, 300)[5], [], threading.Event()

        def ask(filter: Filter | None) -> None:
            try:
                while not done.is_set():
                    assert store.search(target, 5, filter)[0].id == "5"
                    assert store.get(["5"])["5"].attributes == {"category": "c"}
                    assert store.count(Compare("category", "=", "c")) == 100
            except BaseException as error:
                problems.append(error)

        asking: list[Filter | None] = [None, Compare("category", "=", "c"), And((Not(IsNull("category")),)), None]
        threads = [threading.Thread(target=ask, args=(filter,)) for filter in asking]
        for thread in threads:
            thread.start()
        for number in range(40):
            store.upsert([record(f"new {number} {n}") for n in range(16)])
            store.delete([f"new {number} 3"])
            if number == 20:
                store.flush()
        done.set()
        for thread in threads:
            thread.join(timeout=60)
        assert not any(thread.is_alive() for thread in threads)
        assert problems == []
        assert store.count() == 300 + 40 * 15


def vector_of(record: Record) -> Any:
    assert record.vector is not None
    return record.vector


def same_record(found: Record, written: Record) -> None:
    assert replace(found, vector=None) == replace(written, vector=None)
    np.testing.assert_allclose(vector_of(found), vector_of(written), atol=1e-6)


def best_of_groups(records: Sequence[Record], query: Any) -> list[str]:
    """The id of the best record of each category, best first."""
    best: dict[object, str] = {}
    for each in sorted(records, key=lambda record: -float(vector_of(record) @ query)):
        if each.attributes["category"] is not None:
            best.setdefault(each.attributes["category"], each.id)
    return list(best.values())
