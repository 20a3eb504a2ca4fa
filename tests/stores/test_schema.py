from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.stores.examples import FLOATS, INTS, STRINGS
from yunmeng.errors import PictureError, Reason, SchemaError
from yunmeng.stores import check_schema, coerce_text, conform, parse_schema
from yunmeng.types import AttributeType

TYPES: list[AttributeType] = ["str", "int", "float", "bool", "list[str]"]


@pytest.mark.parametrize(
    ("text", "schema"),
    [
        ("category:str, price:float, tags:list[str]", {"category": "str", "price": "float", "tags": "list[str]"}),
        (" 颜色 : str ", {"颜色": "str"}),
        ("a:b:int,list price:bool", {"a:b": "int", "list price": "bool"}),
        ("", {}),
        ("  ", {}),
    ],
)
def test_declarations(text: str, schema: dict[str, str]) -> None:
    assert parse_schema(text) == schema
    assert list(parse_schema(text)) == list(schema)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("price", "'price' is not name:type"),
        ("price:", "list\\[str\\]"),
        ("price:money", r"'price' has no type 'money'.*str, int, float, bool, list\[str\]"),
        (":str", "category:str"),
        ("a:str,", "'' is not name:type"),
        ("a:str,,b:int", "category:str"),
        ("a:str, a:int", "'a' is declared twice"),
        ("a\nb:str", "cannot name"),
    ],
)
def test_declarations_that_cannot_be(text: str, said: str) -> None:
    with pytest.raises(SchemaError, match=said) as error:
        parse_schema(text)
    assert "\n" not in str(error.value)


def test_a_schema_is_checked_and_copied() -> None:
    given = {"a": "str"}
    checked = check_schema(given)
    given["b"] = "nonsense"
    assert checked == {"a": "str"}
    for wrong in (
        {"": "str"},
        {" a": "str"},
        {"a": "String"},
        {"a\udc80": "str"},
        {str(n): "int" for n in range(1001)},
    ):
        with pytest.raises(SchemaError):
            check_schema(wrong)


@pytest.mark.parametrize(
    ("type", "value", "fitted"),
    [
        ("str", "", ""),
        ("int", 2**63 - 1, 2**63 - 1),
        ("int", np.int32(7), 7),
        ("float", 3, 3.0),
        ("float", np.float32(0.5), 0.5),
        ("float", 2**53 + 1, 2.0**53),
        ("bool", np.False_, False),
        ("list[str]", [], []),
        ("list[str]", ("a", "b"), ["a", "b"]),
        ("str", None, None),
    ],
)
def test_values_that_fit(type: AttributeType, value: Any, fitted: Any) -> None:
    found = conform({"a": value}, {"a": type})["a"]
    assert found == fitted
    assert found.__class__ is fitted.__class__


def test_a_value_that_does_not_fit_is_named() -> None:
    with pytest.raises(PictureError) as error:
        conform({"price": "9.99"}, {"price": "float"})
    assert error.value.reason is Reason.BAD_ATTRIBUTE
    assert str(error.value) == "bad-attribute: the attribute 'price' is '9.99', which does not fit float"
    with pytest.raises(PictureError) as error:
        conform({"price": "9" * 1000}, {"price": "float"})
    assert len(str(error.value)) < 200


@pytest.mark.parametrize(
    ("text", "type", "value"),
    [
        ("", "str", None), (" ", "str", " "), ("x", "str", "x"), ("12", "str", "12"),
        ("12", "int", 12), (" -3 ", "int", -3), ("+0", "int", 0), ("", "int", None), (" ", "int", None),
        ("12.5", "float", 12.5), ("1e3", "float", 1000.0), (".5", "float", 0.5), ("5.", "float", 5.0),
        ("7", "float", 7.0),
        ("true", "bool", True), ("FALSE", "bool", False), ("1", "bool", True), ("0", "bool", False),
        ("Yes", "bool", True), ("no", "bool", False),
        ("a|b", "list[str]", ["a", "b"]), ("a", "list[str]", ["a"]), (" a | 红 |", "list[str]", ["a", "红"]),
        ('["a|b", "c"]', "list[str]", ["a|b", "c"]), ("[]", "list[str]", []), ("", "list[str]", None),
    ],
)  # fmt: skip
def test_cells(text: str, type: AttributeType, value: object) -> None:
    found = coerce_text(text, type)
    assert found == value
    assert found.__class__ is value.__class__


@pytest.mark.parametrize(
    ("text", "type"),
    [
        ("1.0", "int"), ("1_000", "int"), ("9" * 19, "int"), ("9" * 5000, "int"), ("x", "int"), ("nan", "float"),
        ("inf", "float"), ("1e999", "float"), ("1,5", "float"), ("1_0", "float"), ("¥5", "float"), ("ja", "bool"),
        ("2", "bool"), ("[1]", "list[str]"), ("[", "list[str]"), ("[" * 100_000, "list[str]"), ("\ud800", "str"),
    ],
)  # fmt: skip
def test_cells_that_do_not_fit(text: str, type: AttributeType) -> None:
    with pytest.raises(PictureError, match="'price'") as error:
        coerce_text(text, type, "price")
    assert error.value.reason is Reason.BAD_ATTRIBUTE
    assert type in str(error.value)


@given(st.sampled_from(TYPES), st.text())
def test_any_cell_fits_or_is_told(type: AttributeType, text: str) -> None:
    try:
        value = coerce_text(text, type)
    except PictureError:
        return
    assert conform({"a": value}, {"a": type}) == {"a": value}


UNDECLARED: list[Any] = [*INTS, *FLOATS, *STRINGS, True, ["a"], None, {}, b"", object()]


@given(st.sampled_from(UNDECLARED))
def test_undeclared_values_are_kept_or_told(value: Any) -> None:
    attributes: dict[str, Any] = {"a": value}
    if isinstance(value, dict | bytes) or type(value) is object:
        with pytest.raises(PictureError, match=r"list\[str\]"):
            conform(attributes, {})
    else:
        assert conform(attributes, {}) == attributes
