"""The values of declared attributes, which a filter can choose from."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import islice

from yunmeng.types import AttributeSchema, AttributeType, Record

__all__ = ["Facet", "collect_facets"]

LISTED = 100
"""Values that are named of one attribute: more than people read, and enough to complete what they type."""


@dataclass(slots=True)
class Facet:
    """The values of one attribute.

    ``values`` counts those of a str or list[str], the ``LISTED`` commonest; ``least`` and ``greatest`` are of an int
    or float, None where no picture has one. ``complete`` is False where not every picture was counted.
    """

    name: str
    type: AttributeType
    values: Counter[str] = field(default_factory=Counter)
    least: float | None = None
    greatest: float | None = None
    complete: bool = True

    def add(self, value: object) -> None:
        """Count one picture's value."""
        match value:
            case bool() | None:
                return
            case str():
                self.values[value] += 1
            case list():
                self.values.update(value)
            case int() | float():
                self.least = value if self.least is None else min(self.least, value)
                self.greatest = value if self.greatest is None else max(self.greatest, value)


def collect_facets(records: Iterable[Record], schema: AttributeSchema, limit: int) -> list[Facet]:
    """Return the facets of the declared attributes over the first ``limit`` of ``records``."""
    facets = [Facet(name, type) for name, type in schema.items()]
    records = iter(records)
    for record in islice(records, limit):
        for facet in facets:
            facet.add(record.attributes.get(facet.name))
    complete = next(records, None) is None
    for facet in facets:
        facet.values = Counter(dict(facet.values.most_common(LISTED)))
        facet.complete = complete
    return facets
