"""Any filter, for Hypothesis."""

from hypothesis import strategies as st

from tests.stores.examples import FLOATS, INTS, STRINGS
from yunmeng.stores.filters import And, Compare, ContainsAll, ContainsAny, Filter, In, IsNull, Not, Or
from yunmeng.types import AttributeSchema

strings = st.sampled_from(STRINGS) | st.text(st.characters(exclude_categories=["Cs"]), max_size=4)
numbers = (
    st.sampled_from([*INTS, 2**63, -(2**63) - 1, 10**400, -(10**400)])
    | st.sampled_from(FLOATS)
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from([number + shift for number in INTS for shift in (-1, 0.5, 1)])
)
orders = st.sampled_from(["=", "!=", "<", "<=", ">", ">="])


def filters(schema: AttributeSchema, max_leaves: int = 12) -> st.SearchStrategy[Filter]:
    """Trees over ``schema`` that pass `check`."""
    leaves: list[st.SearchStrategy[Filter]] = []
    for name, type in schema.items():
        field = st.just(name)
        leaves.append(st.builds(IsNull, field))
        match type:
            case "str":
                leaves += [st.builds(Compare, field, orders, strings), st.builds(In, field, _tuples(strings))]
            case "int" | "float":
                leaves += [st.builds(Compare, field, orders, numbers), st.builds(In, field, _tuples(numbers))]
            case "bool":
                leaves.append(st.builds(Compare, field, st.sampled_from(["=", "!="]), st.booleans()))
                leaves.append(st.builds(In, field, _tuples(st.booleans())))
            case "list[str]":
                leaves += [st.builds(kind, field, _tuples(strings)) for kind in (ContainsAny, ContainsAll)]
    return st.recursive(st.one_of(leaves), _joined, max_leaves=max_leaves)


def _tuples(values: st.SearchStrategy[object]) -> st.SearchStrategy[tuple[object, ...]]:
    return st.lists(values, max_size=4).map(tuple)


def _joined(filters: st.SearchStrategy[Filter]) -> st.SearchStrategy[Filter]:
    # none, or two and more: one operand alone is written as itself
    operands = st.just(()) | st.lists(filters, min_size=2, max_size=4).map(tuple)
    return st.builds(And, operands) | st.builds(Or, operands) | st.builds(Not, filters)
