"""What every store must do, the finding by words. The fixtures are in conftest.py; ``kind`` comes from the test
module."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.stores.examples import DIM, SCHEMA, many, record
from tests.stores.kinds import Fill, Odd
from tests.stores.strategies import filters
from yunmeng.errors import FilterError, StoreError
from yunmeng.stores import MemoryStore
from yunmeng.stores.filters import Compare, Filter, evaluate
from yunmeng.stores.protocol import Store
from yunmeng.types import Record

HOSTILE = [
    "", " ", "!!!", '"', '""', '"""', "(", ")", "((((", "+", "-", "+ -", "*", "~", "^2", "and", "OR", "not not",
    "a AND",
    "NOT dress", "-dress", "+dress -dress", '"dress', 'dress"', "dress) OR (cat", "text:dress", "dress\\", "\\", "'",
    "dress' or sha256 is not null --", "😀", "👗 dress", "\x00", "dress\x00cat", "\ud800", "dress\udc80",
    "\u202edress",
    "x" * 100_000, "dress " * 20_000, "裙" * 50_000, '"' * 10_000, "(" * 10_000, "1", "%", "[dress]", "{dress}",
    "dress/cat", "\n\t\r", "\uffff", "ﷺ" * 1000,
]  # fmt: skip

words = st.sampled_from(
    ["red", "dress", "dresses", "cat", "红色", "连衣裙", "裙", "猫", "狗", "2024", "café", "和", "的"]
)
texts = st.lists(words | st.sampled_from([" ", "_", "-", "."]), max_size=8).map("".join)


class TextConformance:
    """The suite, for stores that find by words."""

    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ("连衣裙", "chinese caption"), ("裙", "chinese caption"), ("红色", "chinese"), ("红色的连衣裙", "chinese caption"),  # noqa: E501
            ("猫和狗", "mixed"), ("猫", "mixed"), ("DRESS", "camel caption snake"), ("dresses", "camel caption snake"),
            ("Dress", "camel caption snake"), ("cats", "mixed"), ("red", "camel snake"), ("20240101", "snake"),
            ("img", "snake"), ("redDress", "camel caption snake"), ("cafe", "accent"), ("Café", "accent"),
            ("ＣＡＦＥ", "accent"), ("beach", "url"), ("海滩", "url"), ("jpg", ""), ("example", ""), ("pictures", ""),
            ("7", ""), ("sku77", "sku"), ("kept", "undeclared"), ("listed", "undeclared"), ("12345", ""), ("true", ""),
            ("衣连", ""), ("zebra", ""), ("the", ""),
        ],
    )  # fmt: skip
    def test_words_find_what_holds_them(self, worded: Store, query: str, found: str) -> None:
        hits = worded.search_text(query, 100)
        assert {hit.id.split("/")[-1].split("|")[0] for hit in hits} == set(found.split())

    def test_hits_hold_what_the_record_holds(self, worded: Store) -> None:
        (hit,) = worded.search_text("sku77", 5)
        kept = worded.get([hit.id])[hit.id]
        assert (hit.uri, hit.attributes) == (kept.uri, kept.attributes)
        assert worded.capabilities.text

    def test_records_with_all_words_come_first(self, store: Store, fill: Fill) -> None:
        """Also the youngest, in a part of the store where every record has the word."""
        records = [record(f"{n}", category="red") for n in range(40)]
        records += [record(f"{n}", category="blue dress") for n in range(40, 80)]
        records += [record(f"{n}", category="red", tags=["dress"]) for n in range(80, 90)]
        fill(store, records)
        store.upsert([record("last", category="a dress, not a red one")])
        hits = store.search_text("red dress", 1000)
        assert {hit.id for hit in hits[:11]} == {*map(str, range(80, 90)), "last"}
        assert len(hits) == len({hit.id for hit in hits}) == 91
        scores = [hit.score for hit in hits]
        assert scores == sorted(scores, reverse=True)
        assert all(0.5 < score < 1 for score in scores[:11])
        assert all(0 < score < 0.5 for score in scores[11:])
        assert {hit.id for hit in store.search_text("red dress", 5)} <= {hit.id for hit in hits[:11]}
        assert len(store.search_text("red dress", 20)) == 20
        assert store.search_text("red dress", 0) == store.search_text("red dress", -1) == []

    def test_rare_words_and_short_texts_count_more(self, store: Store) -> None:
        store.upsert([record(f"{n}", category="common") for n in range(20)])
        store.upsert([record("rare", category="rare"), record("long", category="rare " + "filling " * 30)])
        assert [hit.id for hit in store.search_text("common rare", 2)] == ["rare", "long"]

    def test_text_follows_writes(self, store: Store, fill: Fill) -> None:
        fill(store, [record("a", category="alpha"), record("b", category="beta"), record("c", category="alpha")])
        store.upsert([replace(record("a", category="gamma"), uri="/moved/delta.jpg")])
        assert [hit.id for hit in store.search_text("alpha", 9)] == ["c"]
        assert [hit.id for hit in store.search_text("gamma", 9)] == [hit.id for hit in store.search_text("delta", 9)]
        assert [hit.id for hit in store.search_text("delta", 9)] == ["a"]
        store.delete(["c", "b"])
        assert store.search_text("alpha", 9) == store.search_text("beta", 9) == []
        store.optimise()
        assert [hit.id for hit in store.search_text("gamma alpha", 9)] == ["a"]

    def test_a_filter_leaves_k_hits(self, store: Store, fill: Fill) -> None:
        records = many(400, category=["dress", "red dress"] * 200, stock=list(range(400)))
        fill(store, records)
        hits = store.search_text("red dress", 30, Compare("stock", "<", 40))
        assert len(hits) == 30
        assert {hit.id for hit in hits[:20]} == {str(n) for n in range(1, 40, 2)}
        assert all(int(hit.id) < 40 for hit in hits)
        assert store.search_text("dress", 5, Compare("stock", "<", 0)) == []
        with pytest.raises(FilterError, match="category"):
            store.search_text("dress", 5, Compare("colour", "=", "red"))

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(filter=filters(SCHEMA))
    def test_any_filter_means_what_it_says(self, odd: Odd, filter: Filter) -> None:
        everything = {hit.id for hit in odd.store.search_text("odd", 1000)}
        matching = {id for id, each in odd.records.items() if evaluate(filter, each.attributes)}
        assert {hit.id for hit in odd.store.search_text("odd", 1000, filter)} == everything & matching

    @pytest.mark.parametrize("query", HOSTILE, ids=range(len(HOSTILE)))
    def test_hostile_questions_are_only_words(self, worded: Store, query: str) -> None:
        hits = worded.search_text(query, 100)
        dress = {hit.id for hit in worded.search_text("dress", 100)}
        expected = dress if "dress" in query else set()
        assert expected <= {hit.id for hit in hits}
        if not any(word in query for word in ("cat", "裙", "null", "1", "2", "a AND")):  # which other texts hold
            assert {hit.id for hit in hits} == expected

    @settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
    @given(values=st.lists(texts, min_size=1, max_size=6), query=texts | st.text(max_size=12))
    def test_the_same_is_found_as_in_memory(self, store: Store, values: list[str], query: str) -> None:
        records: list[Record] = [record(f"r{n}", category=value) for n, value in enumerate(values)]
        reference: Any = MemoryStore(DIM, SCHEMA)
        for each in (store, reference):
            each.upsert(records)
        expected = {hit.id: hit.score > 0.5 for hit in reference.search_text(query, 100)}
        assert {hit.id: hit.score > 0.5 for hit in store.search_text(query, 100)} == expected
        store.delete([each.id for each in records])

    def test_a_closed_store_says_so_to_words(self, store: Store) -> None:
        store.close()
        with pytest.raises(StoreError, match="closed"):
            store.search_text("dress", 1)
