"""What every store must do, the finding: nearest, filtered, grouped, and from many threads."""

import threading
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.stores.examples import DIM, SCHEMA, many, odd_records, record, unit
from tests.stores.kinds import Fill, Odd, vector_of
from tests.stores.strategies import filters
from yunmeng.errors import FilterError, StoreError
from yunmeng.stores.filters import And, Compare, ContainsAll, ContainsAny, Filter, In, IsNull, Not, evaluate
from yunmeng.stores.groups import search_groups
from yunmeng.stores.parse import parse_filter
from yunmeng.stores.protocol import Store
from yunmeng.types import Record


class SearchConformance:
    """The suite. Its fixtures are in conftest.py; ``kind`` comes from the test module."""

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
                hits = search_groups(store, query, k, "category", filter)
                assert [hit.id for hit in hits] == expected[:k]
        assert search_groups(store, query, 3, "颜色 名") == []
        for bad in ("nothing", "price", "tags"):
            with pytest.raises(FilterError, match="category"):
                search_groups(store, query, 3, bad)

    @pytest.mark.parametrize("query", [unit(0, dim=DIM - 1)[0], np.zeros(DIM, np.float32), np.full(DIM, np.inf)])
    def test_queries_that_cannot_be(self, odd: Odd, query: Any) -> None:
        with pytest.raises(StoreError, match="query vector"):
            odd.store.search(query, 1)
        with pytest.raises(StoreError, match="query vector"):
            search_groups(odd.store, query, 1, "category")

    def test_a_filter_that_does_not_fit_is_told_at_once(self, store: Store) -> None:
        wrong: Any = Compare("colour", "=", "red")
        calls = (
            lambda: store.count(wrong),
            lambda: store.iterate(wrong),
            lambda: store.search(unit(0)[0], 1, wrong),
            lambda: search_groups(store, unit(0)[0], 1, "category", wrong),
        )
        for call in calls:
            with pytest.raises(FilterError, match="category"):
                call()

    @settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
    @given(filter=filters(SCHEMA))
    @example(filter=And((And(()), Not(Compare("category", "<", " a")))))  # zvec mixed up columns of two segments
    def test_any_filter_means_what_it_says(self, odd: Odd, filter: Filter) -> None:
        store, records = odd.store, odd.records
        expected = {id for id, record in records.items() if evaluate(filter, record.attributes)}
        assert store.count(filter) == len(expected)
        assert {record.id for record in store.iterate(filter)} == expected
        assert {hit.id for hit in store.search(unit(0)[0], len(records), filter)} == expected

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(
        text=st.text("a%_!\\\ud7ff\ue000\U0010ffff[", max_size=2), escape=st.sampled_from("!\\[_"), begins=st.booleans()
    )
    def test_like_finds_what_its_pattern_says(self, lettered: Odd, text: str, escape: str, begins: bool) -> None:
        if begins and not text:
            return  # "%" alone is refused
        pattern = "".join(escape + letter if letter in ("%", "_", escape) else letter for letter in text)
        filter = parse_filter(f"category like '{pattern}{'%' if begins else ''}' escape '{escape}'")
        values = {id: str(record.attributes["category"]) for id, record in lettered.records.items()}
        expected = {id for id, value in values.items() if (value.startswith(text) if begins else value == text)}
        assert {id for id, record in lettered.records.items() if evaluate(filter, record.attributes)} == expected
        assert {record.id for record in lettered.store.iterate(filter)} == expected
        assert {hit.id for hit in lettered.store.search(unit(0)[0], 1000, filter)} == expected
        assert lettered.store.count(Not(filter)) == len(values) - len(expected)

    @pytest.mark.parametrize("count", [33, 100])
    def test_long_lists_of_values(self, store: Store, fill: Fill, count: int) -> None:
        """Engines take only so many values at once, and the filter means the same."""
        names = [f"it's {number}" for number in range(count)]
        records = many(12, tags=[names[:-1], names, names[-1:], [], ["other"], None] * 2, category=names[:1] * 12)
        fill(store, records)
        others = tuple(f"none {number}" for number in range(count))
        filters: list[Filter] = [
            ContainsAny("tags", (*others, names[-1])),
            ContainsAny("tags", others),
            ContainsAll("tags", tuple(names)),
            In("category", (*others, names[0])),
        ]
        for filter in (*filters, *map(Not, filters), And((ContainsAny("tags", tuple(names)), filters[2]))):
            expected = {each.id for each in records if evaluate(filter, each.attributes)}
            assert store.count(filter) == len(expected)
            assert {hit.id for hit in store.search(unit(0)[0], 12, filter)} == expected

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


def best_of_groups(records: Sequence[Record], query: Any) -> list[str]:
    """The id of the best record of each category, best first."""
    best: dict[object, str] = {}
    for each in sorted(records, key=lambda record: -float(vector_of(record) @ query)):
        if each.attributes["category"] is not None:
            best.setdefault(each.attributes["category"], each.id)
    return list(best.values())
