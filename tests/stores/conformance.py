"""What every store must do, the keeping: write, read, delete, iterate, ids and values of all sorts, errors.

A store joins by a `Kind` that makes it, see test_conformance.py.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.stores.examples import DIM, FLOATS, INTS, SCHEMA, STRINGS, described, many, record, unit
from tests.stores.kinds import Fill, Make, Odd, same_record, vector_of
from yunmeng.errors import FilterError, PictureError, Reason, StoreError
from yunmeng.stores.filters import Compare, ContainsAny, In, IsNull
from yunmeng.stores.groups import search_groups
from yunmeng.stores.protocol import Store

ODD_IDS = [
    "a.jpg", "目录/图 片.jpg", "it's", '"', "a\nb", "\x00", "\t", "\x7f", "back\\slash", "100%", "%41", "%uDC80", "%",
    "..", "/", " ", "\udc80.jpg", "\ud800", "%\udcff%", "é", "😀", "x" * 1024, "é" * 512, "a'; drop",
    "C:\\pictures\\a.jpg",
]  # fmt: skip


class KeepingConformance:
    """The suite. Its fixtures are in conftest.py; ``kind`` comes from the test module."""

    def test_what_was_written_is_read(self, store: Store, fill: Fill) -> None:
        records = [record("a", category="shoes", price=1.5), record("b"), record("c", tags=["x", "y"], sale=False)]
        records[1] = replace(records[1], palette="c0392bff-ffffff99c0392b66")
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

    def test_writes_are_counted_and_told_when_they_are_done(self, store: Store) -> None:
        told: list[tuple[list[str], set[str], int]] = []

        def watch(ids: Sequence[str]) -> None:
            told.append((list(ids), set(store.get(["a", "b"])), store.changes.number))

        store.changes.watch(watch)
        before = store.changes.number
        store.upsert([record("a"), record("b")])
        written = store.changes.number
        store.delete(["a", "missing"])
        deleted = store.changes.number
        assert before < written < deleted
        assert told == [(["a", "b"], {"a", "b"}, written), (["a", "missing"], {"b"}, deleted)]
        store.search(vector_of(record("b")), 1)
        assert store.changes.number == deleted

    def test_delete(self, store: Store, fill: Fill) -> None:
        records = many(30, category=["x"] * 30)
        fill(store, records)
        assert store.search(vector_of(records[20]), 1)[0].id == "20"
        assert store.delete(["3", "29", "missing", "3"]) == 2
        assert store.search(vector_of(records[20]), 1)[0].id == "20"
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

    @pytest.mark.parametrize("limit", [1, 7, 100, 1000])
    def test_pages_hold_every_record_once_in_order(self, store: Store, fill: Fill, limit: int) -> None:
        records = many(300, category=["even", "odd"] * 150)
        twins = [replace(record(f"twin {number}"), sha256=records[5].sha256) for number in range(9)]
        fill(store, records + twins)
        for filter, wanted in ((None, records + twins), (Compare("category", "=", "odd"), records[1::2])):
            seen: list[tuple[str, str]] = []
            while page := store.page(limit, seen[-1] if seen else None, filter):
                seen += [(each.sha256, each.id) for each in page]
                assert len(page) == limit or len(seen) == len(wanted)
            assert seen == sorted((each.sha256, each.id) for each in wanted)

    def test_pages_go_on_over_writes(self, store: Store) -> None:
        records = sorted(many(60), key=lambda each: (each.sha256, each.id))
        store.upsert(records[:50])
        first = store.page(20)
        assert first[0] == replace(records[0], vector=None)
        store.delete([each.id for each in first[10:]])
        store.upsert(records[50:])
        last = first[-1]
        rest = store.page(100, (last.sha256, last.id))
        assert [each.id for each in rest] == [each.id for each in records[20:]]
        with pytest.raises(FilterError):
            store.page(5, None, Compare("nothing", "=", "x"))

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
            lambda: store.find_sha256(["0"]), lambda: search_groups(store, unit(0)[0], 1, "category"),
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
