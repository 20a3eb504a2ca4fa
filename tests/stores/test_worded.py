"""The suites of every store over words in PostgreSQL, around a store in memory that has no full text of its own."""

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.postgres_server import PostgresServer
from tests.stores.conformance import KeepingConformance
from tests.stores.conformance_search import SearchConformance
from tests.stores.conformance_text import TextConformance
from tests.stores.examples import DIM, SCHEMA, many, record
from tests.stores.kinds import Kind
from tests.stores.strategies import filters
from tests.stores.worded import Wordless, worded_kind, wordless
from yunmeng.errors import StateError
from yunmeng.library.words import PORTION, WordedStore
from yunmeng.state import State
from yunmeng.state.words import RecordWords
from yunmeng.stores import MemoryStore
from yunmeng.stores.filters import Filter
from yunmeng.stores.protocol import Store
from yunmeng.types import Record


@pytest.fixture(scope="module")
def kind(postgres: PostgresServer) -> Iterator[Kind]:
    with worded_kind(postgres, wordless) as kind:
        yield kind


class TestKeeping(KeepingConformance):
    """All of it."""


class TestSearch(SearchConformance):
    """All of it."""


class TestText(TextConformance):
    """All of it."""


@pytest.fixture(scope="module")
def states(postgres: PostgresServer) -> Iterator[tuple[State, State]]:
    """Two processes, as far as the database can tell."""
    url = postgres.database()
    with State.open(Path("not used"), url) as one, State.open(Path("not used"), url) as other:
        yield one, other


@pytest.fixture
def name() -> str:
    return f"store-{next(_NUMBERS)}"


_NUMBERS = count()


def opened(plain: Store, state: State, name: str, *, new: bool = False) -> WordedStore:
    words = RecordWords(lambda: state, name)
    if new:
        words.begin()
    return WordedStore(plain, words)


def found(store: Store, query: str) -> set[str]:
    return {hit.id for hit in store.search_text(query, 10_000)}


def brought_up(store: WordedStore) -> int:
    """Read all words that are missing; returns in how many portions."""
    portions = 0
    while store.is_behind() and store.refresh():
        portions += 1
    return portions


_WORDS = st.lists(
    st.sampled_from(["red", "dress", "cat", "summer", "sku77", "2024", "红色", "连衣裙", "海滩", "猫"]),
    max_size=6,
    unique=True,
).map(" ".join)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    texts=st.lists(st.tuples(_WORDS, st.integers(0, 3)), min_size=1, max_size=12),
    query=_WORDS,
    filter=st.none() | filters(SCHEMA),
    k=st.integers(1, 12),
)
def test_scores_are_those_of_the_memory_store_where_no_word_stands_twice(
    states: tuple[State, State], texts: list[tuple[str, int]], query: str, filter: Filter | None, k: int
) -> None:
    records = [replace(record(f"r{n}", category=text, stock=stock), uri="/") for n, (text, stock) in enumerate(texts)]
    store, reference = opened(Wordless(DIM, SCHEMA), states[0], "scored", new=True), MemoryStore(DIM, SCHEMA)
    for each in (store, reference):
        each.upsert(records)
    expected = {hit.id: hit.score for hit in reference.search_text(query, 100, filter)}
    hits = store.search_text(query, k, filter)
    assert {hit.id: hit.score for hit in store.search_text(query, 100, filter)} == pytest.approx(expected)
    assert [hit.score for hit in hits] == pytest.approx(sorted(expected.values(), reverse=True)[:k])


class Killed(BaseException):
    """Ends a write where a kill would: nothing after it is done, and what the database has not committed is lost."""


class Dying(Wordless):
    """Dies in its next write, before it or after."""

    dies: str = ""

    def upsert(self, records: Sequence[Record]) -> None:
        self._die("before")
        super().upsert(records)
        self._die("after")

    def delete(self, ids: Sequence[str]) -> int:
        self._die("before")
        deleted = super().delete(ids)
        self._die("after")
        return deleted

    def _die(self, when: str) -> None:
        if self.dies == when:
            self.dies = ""
            raise Killed


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("step", ["new", "replaced", "deleted"])
def test_what_a_killed_process_has_left_is_found_by_its_words_after_a_repair(
    states: tuple[State, State], name: str, when: str, step: str
) -> None:
    plain = Dying(DIM, SCHEMA)
    one, other = (opened(plain, state, name, new=new) for state, new in zip(states, (True, False), strict=True))
    one.upsert([record("a", category="alpha"), record("b", category="beta")])
    steps: dict[str, Callable[[], object]] = {
        "new": lambda: one.upsert([record("c", category="gamma")]),
        "replaced": lambda: one.upsert([record("a", category="gamma")]),
        "deleted": lambda: one.delete(["a"]),
    }
    plain.dies = when
    with pytest.raises(Killed):
        steps[step]()
    there = {each.id: each.attributes["category"] for each in plain.iterate()}
    assert found(other, "beta") == {"b"}
    assert other.unread() == 1
    assert brought_up(other) == 1
    for word in ("alpha", "beta", "gamma"):
        assert found(other, word) == {id for id, category in there.items() if category == word}
    assert other.unread() == brought_up(other) == 0


def test_what_is_being_written_is_left_alone_by_repairs(states: tuple[State, State], name: str) -> None:
    begun, go_on = threading.Event(), threading.Event()

    class Slow(Wordless):
        def upsert(self, records: Sequence[Record]) -> None:
            begun.set()
            assert go_on.wait(60)
            super().upsert(records)

    plain = Slow(DIM, SCHEMA)
    one, other = (opened(plain, state, name, new=new) for state, new in zip(states, (True, False), strict=True))
    writer = threading.Thread(target=one.upsert, args=([record("a", category="alpha")],))
    writer.start()
    try:
        assert begun.wait(60)
        assert other.is_behind()
        assert not other.refresh()
    finally:
        go_on.set()
        writer.join()
    assert found(other, "alpha") == {"a"}
    assert not other.is_behind()


TURNS = [f"turn{one}{other}" for one in "abcdfg" for other in "klmnopqrtu"]


def test_words_are_those_of_the_last_of_many_writers(states: tuple[State, State], name: str) -> None:
    """Two processes write the same records over and over, while a third repairs what seems to be left."""
    plain, ids = Wordless(DIM, SCHEMA), [f"{n}" for n in range(6)]
    two = [opened(plain, state, name, new=new) for state, new in zip(states, (True, False), strict=True)]
    over, failed = threading.Event(), []

    def write(store: WordedStore, word: str) -> None:
        try:
            for turn in range(len(TURNS)):
                some = ids[turn % 6 :] if word == "alpha" else ids[turn % 6 :: -1]
                if turn % 5 == 4:
                    store.delete(some)
                else:
                    store.upsert([record(id, category=f"{word} {TURNS[turn]}") for id in some])
        except BaseException as exc:
            failed.append(exc)

    def repair() -> None:
        while not over.is_set():
            two[1].refresh()

    writers = [threading.Thread(target=write, args=pair) for pair in zip(two, ("alpha", "beta"), strict=True)]
    repairing = threading.Thread(target=repair)
    for thread in (*writers, repairing):
        thread.start()
    for thread in writers:
        thread.join()
    over.set()
    repairing.join()
    assert failed == []
    assert not two[0].is_behind()
    there = {each.id: str(each.attributes["category"]).split() for each in plain.iterate()}
    for word in ("alpha", "beta", *TURNS):
        assert found(two[0], word) == {id for id, words in there.items() if word in words}


def test_a_store_that_was_filled_without_words_gets_them_in_portions(states: tuple[State, State], name: str) -> None:
    records = many(2 * PORTION + 10, category=["odd", "even"] * (PORTION + 5))
    plain = Wordless(DIM, SCHEMA)
    plain.upsert(records)
    store = opened(plain, states[0], name)
    assert found(store, "odd") == set()
    assert store.unread() == len(records)
    store.refresh()
    assert store.unread() == len(records) - PORTION
    store.upsert([record("new", category="odd")])
    store.delete(["0"])
    assert found(store, "odd") < {each.id for each in plain.iterate() if each.attributes["category"] == "odd"}
    other = opened(plain, states[1], name)
    assert brought_up(other) == 3
    assert found(other, "odd") == {each.id for each in plain.iterate() if each.attributes["category"] == "odd"}
    assert other.unread() == 0


def test_a_new_store_has_nothing_of_an_old_one_of_its_name(states: tuple[State, State], name: str) -> None:
    opened(Wordless(DIM, SCHEMA), states[0], name, new=True).upsert([record("a", category="alpha")])
    plain = Wordless(DIM, SCHEMA)
    plain.upsert([record("a", category="beta")])
    assert found(opened(plain, states[0], name, new=True), "alpha") == set()


def test_very_long_words_and_texts_are_found(states: tuple[State, State], name: str) -> None:
    store: Any = opened(Wordless(DIM, SCHEMA), states[0], name, new=True)
    long, other = "x" * 9000, "x" * 8999 + "y"
    store.upsert([record("a", category=long), record("b", category=other), record("c", tags=["裙" * 9999] * 3)])
    assert (found(store, long), found(store, other), found(store, "裙裙")) == ({"a"}, {"b"}, {"c"})


def test_nothing_is_written_where_the_words_cannot_be(postgres: PostgresServer, name: str) -> None:
    plain = Wordless(DIM, SCHEMA)
    with State.open(Path("not used"), postgres.database()) as state:
        store = opened(plain, state, name, new=True)
        with state.transaction() as session:
            session.connection().exec_driver_sql("DROP TABLE record_words_unsettled")
        with pytest.raises(StateError):
            store.upsert([record("a")])
        with pytest.raises(StateError):
            store.delete(["a"])
    assert plain.count() == 0
