import re
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.stores.examples import SCHEMA
from tests.stores.strategies import filters
from yunmeng.errors import FilterError
from yunmeng.stores import format_filter, parse_filter
from yunmeng.stores.filters import FALSE, TRUE, And, Compare, ContainsAll, ContainsAny, Filter, In, IsNull, Not, Or
from yunmeng.types import AttributeSchema

A1, B2 = Compare("a", "=", 1), Compare("b", "=", 2)


@pytest.mark.parametrize(
    ("text", "filter"),
    [
        ("category = 'shoes' and price < 50", And((Compare("category", "=", "shoes"), Compare("price", "<", 50)))),
        ("a == 1", A1),
        ("a<>1", Compare("a", "!=", 1)),
        ("a != 1", Compare("a", "!=", 1)),
        ("a >= -1.5", Compare("a", ">=", -1.5)),
        ("a <= - 2", Compare("a", "<=", -2)),
        ("a > 1e3", Compare("a", ">", 1000.0)),
        ("a = .5", Compare("a", "=", 0.5)),
        ("a = 12345678901234567890", Compare("a", "=", 12345678901234567890)),
        ("50 > price", Compare("price", "<", 50)),
        ("'shoes' = category", Compare("category", "=", "shoes")),
        ("a in (1, -2.5)", In("a", (1, -2.5))),
        ("a not in ('x')", Not(In("a", ("x",)))),
        ("a in ()", In("a", ())),
        ("a between 1 and 5", And((Compare("a", ">=", 1), Compare("a", "<=", 5)))),
        ("a not between 1 and 5", Not(And((Compare("a", ">=", 1), Compare("a", "<=", 5))))),
        ("a is null", IsNull("a")),
        ("a is not null", Not(IsNull("a"))),
        ("not (a = 1)", Not(A1)),
        ("not a = 1 and b = 2", And((Not(A1), B2))),
        ("a = 1 and b = 2 and a = 1", And((A1, B2, A1))),
        ("a = 1 or b = 2 and a = 1", Or((A1, And((B2, A1))))),
        ("(a = 1 or b = 2) and a = 1", And((Or((A1, B2)), A1))),
        ("a like '红%'", And((Compare("a", ">=", "红"), Compare("a", "<", "纣")))),
        ("a not like 'x%'", Not(And((Compare("a", ">=", "x"), Compare("a", "<", "y"))))),
        ("a like 'x'", Compare("a", "=", "x")),
        (r"a like '100\%%' escape '\'", And((Compare("a", ">=", "100%"), Compare("a", "<", "100&")))),
        (r"a not like '100\%' escape '\'", Not(Compare("a", "=", "100%"))),
        ("a like 'a!!!_%' escape '!'", And((Compare("a", ">=", "a!_"), Compare("a", "<", "a!`")))),
        (r"a like 'c:\%'", And((Compare("a", ">=", "c:\\"), Compare("a", "<", "c:]")))),
        ("a like '\ud7ff%'", And((Compare("a", ">=", "\ud7ff"), Compare("a", "<", "\ue000")))),
        ("a like 'b\U0010ffff%'", And((Compare("a", ">=", "b\U0010ffff"), Compare("a", "<", "c")))),
        ("a like '\U0010ffff%'", Compare("a", ">=", "\U0010ffff")),
        ("on_sale", Compare("on_sale", "=", True)),
        ("not on_sale", Not(Compare("on_sale", "=", True))),
        ("on_sale = false", Compare("on_sale", "=", False)),
        ("TRUE", TRUE),
        ("false", FALSE),
        ("'red' in tags", ContainsAny("tags", ("red",))),
        ("'red' not in tags", Not(ContainsAny("tags", ("red",)))),
        ("contains_any(tags, 'a', 'b')", ContainsAny("tags", ("a", "b"))),
        ("CONTAINS_ALL(tags, 'a')", ContainsAll("tags", ("a",))),
        ("颜色 = '红'", Compare("颜色", "=", "红")),
        ("\"颜色\" = '红'", Compare("颜色", "=", "红")),
        ('"list price" > 5', Compare("list price", ">", 5)),
        ('category = "shoes"', Compare("category", "=", "shoes")),
        ("category in (\"a\", 'b')", In("category", ("a", "b"))),
        ('"a" = "b"', Compare("a", "=", "b")),
        ("a = 'it''s'", Compare("a", "=", "it's")),
        ("a = 'x\\'", Compare("a", "=", "x\\")),
        ("a = ''", Compare("a", "=", "")),
        ("a = '-- /* {{x}} \n'", Compare("a", "=", "-- /* {{x}} \n")),
        ("a = 1 -- a remark", A1),
        ("order = 1", Compare("order", "=", 1)),
        ("desc = 'x'", Compare("desc", "=", "x")),
        ("set = 1", Compare("set", "=", 1)),
        ("date > '2020-01-01'", Compare("date", ">", "2020-01-01")),
        ('"case" = 1', Compare("case", "=", 1)),
        ("a　= 1", A1),
    ],
)
def test_texts(text: str, filter: Filter) -> None:
    assert parse_filter(text) == filter
    assert parse_filter(format_filter(filter)) == filter


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "empty"),
        (" \n", "empty"),
        ("\u3000\xa0\u2029", "empty"),
        ("-- nothing", "cannot be read"),
        ("/* nothing */", "cannot be read"),
        ("category = = 'a'", "character 12"),
        ("a =", "character 3"),
        ("a = 'x", "quote left open"),
        ("a = 'it's'", "filter cannot be read"),
        ("(a = 1", "cannot be read"),
        ("a = 1)", r"near \)"),
        ("a = 1 b = 2", "near b"),
        ("a = 1; b = 2", "not supported"),
        ("case = 1", "double quotes"),
        ("a = null", "is null"),
        ("a = b", "single quotes"),
        ("a.b = 1", '"a.b"'),
        ("a like '%x'", "like 'abc%'"),
        ("a like 'a_b%'", "like 'abc%'"),
        ("a like '%'", "like 'abc%'"),
        (r"a like '%\%' escape '\'", "like 'abc%'"),
        (r"a like '100\%%'", r"escape '\\'"),
        (r"a like 'x\y%' escape '\'", "comes %, _"),
        ("a like 'xy%' escape 'x'", "comes %, _"),
        ("a like 'x!' escape '!'", "comes %, _"),
        ("a like 'x%' escape '!!'", "one character"),
        ("a like 'x%' escape ''", "one character"),
        ("a ilike 'x%' escape '!'", "not supported"),
        ("a like 5", "text is expected"),
        ("a ilike 'x%'", "not supported"),
        ("a is true", "not supported"),
        ("a + 1 = 2", "attribute is expected"),
        ("lower(a) = 'x'", "attribute is expected"),
        ("a = lower('X')", "not supported"),
        ("a in (select 1)", "not supported"),
        ("a in 'x'", "not supported"),
        ("exists (select 1)", "not supported"),
        ("select 1", "cannot be read"),
        ("drop table x", "cannot be read"),
        ("a = date '2020-01-01'", "not supported"),
        ("a < 1 < 2", "attribute is expected"),
        ("1 = 1", "attribute is expected"),
        ("'a'", "not supported"),
        ("contains_any()", "contains_any"),
        ("contains_any('a', tags)", "attribute is expected"),
        ("contains_any(tags, 5)", "text is expected"),
        ("a = -'x'", "not supported"),
        ("a = 1e999", "too large"),
        ("a = " + "9" * 5000, "too large"),
        ("价格＜50", "full-width"),
        ("category = ‘shoes’", "single quotes"),
        ("a = 1 or " * 20_000 + "a = 1", "180,005 characters"),
        ("(" * 3000 + "a" + ")" * 3000, "flatter"),
        ("not " * 5000 + "a", "flatter"),
    ],
)
def test_texts_that_cannot_be_read(text: str, said: str) -> None:
    with pytest.raises(FilterError, match=re.escape(said) if "\\" not in said else said) as error:
        parse_filter(text)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 400


def test_long_chains_are_read() -> None:
    chain = parse_filter(" or ".join(f"a = {n}" for n in range(5000)))
    assert isinstance(chain, Or)
    assert [operand.value for operand in chain.operands if isinstance(operand, Compare)] == list(range(5000))
    many = parse_filter(f"a in ({', '.join(map(str, range(10_000)))})")
    assert many == In("a", tuple(range(10_000)))


ODDLY_NAMED: AttributeSchema = {
    **SCHEMA, "a b": "str", 'say "x"': "int", "case": "bool", "contains_any": "list[str]", "null": "float",
    "价格": "int", "a.b": "str", "1st": "int", "in": "str", "any": "list[str]", "'": "str", "year": "int", "＜": "str",
}  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(filters(ODDLY_NAMED))
def test_what_is_written_is_read_back(filter: Filter) -> None:
    assert parse_filter(format_filter(filter)) == filter


def test_written_filters_are_readable() -> None:
    text = "category in ('a', 'it''s') and (price < 5.0 or price is not null) and not (\"颜色\" = '红')"
    assert format_filter(parse_filter(text)) == text


PIECES = [
    "a", "b", "tags", "=", "!=", "<", "<=", "in", "not", "and", "or", "(", ")", ",", "'x'", '"y"', "1", "-2.5", "null",
    "true", "like", "'x%'", "is", "between", "contains_any(", ";", "--", "/*", ".", "*", "+", "[", "]", "{", "}", "@",
    ":", "::", "$", "?", "select", "case", "when", "颜色", "＜", "\n", "\x00",
]  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=12).map(" ".join) | st.text(max_size=20))
def test_any_text_is_read_or_told(text: str) -> None:
    filter, told = None, ""
    try:
        filter = parse_filter(text)
    except FilterError as error:
        told = str(error)
    assert "\n" not in told
    assert filter is None or parse_filter(format_filter(filter)) == filter


def test_sqlglot_is_loaded_only_when_a_filter_is_read() -> None:
    code = "import sys, yunmeng.stores; sys.exit(bool({'sqlglot', 'zvec'} & sys.modules.keys()))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
