"""How records and questions become words, and BM25 against its formula."""

import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.stores.examples import described
from yunmeng.stores import bm25
from yunmeng.stores.fulltext import MAX_LETTERS, MAX_PHRASES, TextQuery, share, text_of, text_query


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("photos/summer/IMG_20240101-red.dress.JPG", "img 20240101 red dress"),
        ("/p/redDress2.jpeg", "red dress 2 reddress2"),
        ("HTMLPage", "html page htmlpage"),
        ("Mr.Smith", "mr smith"),
        ("Mr.Smith.png", "mr smith"),
        ("C:\\pictures\\a b.jpg", "a b"),
        ("https://example.com/x/%E7%BA%A2-Dress.jpg?b=c.jpg#d", "红 dress"),
        ("https://example.com", ""),
        ("HTTPS://example.com/one/", ""),
        ("红色连衣裙v2.webp", "红 色 连 衣 裙 v 2 v2"),
        ("Café Ｄｒｅｓｓ ﬁsh Straße.jpg", "cafe dress fish strasse"),
        ("서울시 ワンピース", "서 울 시 ワ ン ピ ー ス"),
        ("हिन्दी", "हिन्दी"),
        ("0a1b2c3d4e5f0a1b2c3d4e5f.jpg", "0a1b2c3d4e5f0a1b2c3d4e5f"),
        (".jpg", "jpg"),
        ("\udc80_\x00😀.jpg", ""),
    ],
)
def test_words_of_names(place: str, words: str) -> None:
    assert text_of(replace(described(place, {}), uri=place)) == words


def test_words_of_attributes() -> None:
    attributes = {"a": "Red", "b": ["Blue Jeans", "猫"], "n": 5, "f": 1.5, "t": True, "none": None}
    named = replace(described("sku-1/SKU9", attributes), uri="https://example.com/p.jpg")
    assert text_of(named) == "p sku 9 sku9 red blue jeans 猫"
    assert len(text_of(described("x", {"long": "长" * (MAX_LETTERS + 5)})).split()) == MAX_LETTERS + 1


@pytest.mark.parametrize(
    ("text", "needed", "helpful"),
    [
        ("a red Dress!", ["red", "dress"], []),
        ("the", ["the"], []),
        ("5", ["5"], []),
        ("红色连衣裙", ["红 色", "色 连", "连 衣", "衣 裙"], []),
        ("裙", ["裙"], []),
        ("红色的连衣裙", ["红 色", "连 衣", "衣 裙"], ["色 的", "的 连"]),
        ("猫和狗", ["猫", "狗"], ["猫 和", "和 狗"]),
        ("和服", ["和 服"], []),
        ("redDress", ["red", "dress"], ["reddress"]),
        ("red red RED", ["red"], []),
        ('"red" OR (dress', ["red", "dress"], []),
        ("", [], []),
        ("?! 😀 \ud800", [], []),
    ],
)
def test_phrases_of_questions(text: str, needed: list[str], helpful: list[str]) -> None:
    asked = text_query(text)
    assert [" ".join(phrase) for phrase in asked.needed] == needed
    assert [" ".join(phrase) for phrase in asked.helpful] == helpful


@given(st.text(st.characters() | st.sampled_from('"+-()\\的和红aB2 ')))
def test_phrases_hold_nothing_that_a_query_language_reads(text: str) -> None:
    asked = text_query(text)
    words = [word for phrase in asked.phrases for word in phrase]
    assert all(word and not set(word) & set('"\\+-()*~^:\x00 \n\t_') for word in words)
    assert len(set(asked.phrases)) == len(asked.phrases) <= MAX_PHRASES
    assert asked.needed or not asked.helpful
    "".join(words).encode()


@given(st.text(max_size=30))
def test_a_record_answers_the_question_for_its_own_text(text: str) -> None:
    words = text_of(described("x", {"caption": text}))
    asked = text_query(text)
    found = bm25.rank({"x": bm25.stemmed(words)}, asked)
    assert found == {} if not asked.phrases else found["x"][1]


def test_bm25_is_the_formula_of_the_paper() -> None:
    texts = {"a": ["red", "dress", "red"], "b": ["red", "cat"], "c": ["dog"], "d": ["dress", "red"]}
    asked = TextQuery((("red",), ("red", "dress")))
    mean = 8 / 4

    def term(count: int, length: int, holding: int) -> float:
        rarity = math.log(1 + (4 - holding + 0.5) / (holding + 0.5))
        return rarity * count * 2.2 / (count + 1.2 * (0.25 + 0.75 * length / mean))

    found: dict[str, Any] = {**bm25.rank(texts, asked)}
    assert found.keys() == {"a", "b", "d"}
    assert found["a"] == (pytest.approx(term(2, 3, 3) + term(1, 3, 1)), True)
    assert found["b"] == (pytest.approx(term(1, 2, 3)), False)
    assert found["d"] == (pytest.approx(term(1, 2, 3)), False)


@pytest.mark.parametrize(
    ("one", "many"),
    [
        ("dress", "dresses"),
        ("box", "boxes"),
        ("shoe", "shoes"),
        ("city", "cities"),
        ("horse", "horses"),
        ("cat", "cats"),
    ],
)
def test_plurals_meet(one: str, many: str) -> None:
    assert bm25.stemmed(one) == bm25.stemmed(many)


@given(st.floats(1e-6, 1e6), st.floats(1e-6, 1e6))
def test_scores_keep_the_order_and_put_whole_answers_first(one: float, other: float) -> None:
    assert 0 < share(one, whole=False) < 0.5 < share(other, whole=True) < 1
    assert (share(one, whole=True) <= share(other, whole=True)) or one > other
