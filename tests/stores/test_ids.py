import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.stores.examples import STRINGS
from yunmeng.errors import PictureError
from yunmeng.stores.ids import MAX_ID_BYTES, encode_id, escape, unescape
from yunmeng.stores.zvec.layout import encode_text

anything = st.text(st.characters() | st.sampled_from("%u0A\\[]ab'\ud800\udc80\udfff"), max_size=12)


@given(anything)
def test_escaped_text_can_be_written_and_comes_back(text: str) -> None:
    escaped = escape(text)
    escaped.encode()
    assert escaped.isprintable() or any(ord(letter) > 0x7F for letter in escaped)
    assert unescape(escaped) == text


def test_what_needs_no_escape_stays_readable() -> None:
    assert escape("目录/图 片's (1).jpg") == "目录/图 片's (1).jpg"
    assert escape("100%\n\udc80") == "100%25%0A%uDC80"


@given(anything, anything)
def test_ids_do_not_meet(one: str, other: str) -> None:
    assert (escape(one) == escape(other)) == (one == other)


text = st.sampled_from(STRINGS) | st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from("\\[]Zab"))


@given(text, text)
def test_encoded_text_has_no_backslash_and_keeps_its_order(one: str, other: str) -> None:
    assert "\\" not in encode_text(one)
    assert (encode_text(one) < encode_text(other)) == (one < other)
    assert (encode_text(one) == encode_text(other)) == (one == other)
    # stores compare bytes, which order as code points do
    assert (encode_text(one).encode() < encode_text(other).encode()) == (one < other)


@pytest.mark.parametrize("id", ["x" * MAX_ID_BYTES, "é" * 512, "%" * 341])
def test_ids_that_fit(id: str) -> None:
    assert unescape(encode_id(id)) == id


@pytest.mark.parametrize("id", ["", "x" * 1025, "é" * 513, "%" * 342])
def test_ids_that_do_not_fit(id: str) -> None:
    with pytest.raises(PictureError, match="id"):
        encode_id(id)
