from tests.stores.examples import described
from yunmeng.stores.filters import Compare, Filter, evaluate
from yunmeng.stores.groups import search_others
from yunmeng.types import Attributes, Hit

GROUPS = ["big"] * 5000 + [f"g{n % 30}" for n in range(300)] + [None] * 50
ROWS: list[Attributes] = [described(str(n), {"group": group, "stock": n}).attributes for n, group in enumerate(GROUPS)]


class Library:
    """Hits that match, in the order of their numbers; notes how many were asked for."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def __call__(self, size: int, filter: Filter) -> list[Hit]:
        self.asked.append(size)
        rows = [n for n, row in enumerate(ROWS) if evaluate(filter, row)]
        return [Hit(str(n), -n, "", ROWS[n]) for n in rows[:size]]


def test_a_group_of_thousands_costs_one_more_search() -> None:
    library = Library()
    hits = search_others(library, 10, "group", None, most=100_000)
    assert [hit.attributes["group"] for hit in hits] == ["big", *(f"g{n}" for n in range(9))]
    assert len(library.asked) == 2
    assert sum(library.asked) < 300


def test_it_ends_when_there_are_no_more_groups() -> None:
    library = Library()
    hits = search_others(library, 100, "group", Compare("stock", ">=", 4990), most=150)
    assert len(hits) == 31
    assert max(library.asked) <= 150
    assert search_others(Library(), 3, "group", Compare("stock", ">=", 5300), most=150) == []
    assert search_others(Library(), 0, "group", None, most=150) == []
