"""Search requests: pictures, parts of them, and words, mixed by weights."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from yunmeng.errors import QueryError
from yunmeng.search.colour.question import read_color
from yunmeng.search.metrics import METRICS
from yunmeng.search.rerank.registry import read_steps
from yunmeng.types import QueryPart, SearchOptions

if TYPE_CHECKING:
    from yunmeng.stores.filters import Filter

__all__ = ["QueryPart", "SearchRequest"]


@dataclass(frozen=True, slots=True)
class SearchRequest(SearchOptions):
    """One search: the query, which hits are wanted, and in which order; most of it is described at `SearchOptions`.

    ``rerank`` names steps, see `yunmeng.search.rerank`; ``metric`` None is the library's. Raises `QueryError` if it is
    not valid.
    """

    parts: Sequence[QueryPart]
    k: int = 10
    offset: int = 0
    filter: "Filter | None" = None
    rerank: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.color is not None:
            read_color(self.color)
        elif not self.parts:
            raise QueryError("ask with a picture, an id, a vector, words or a colour")
        if self.k < 1 or self.offset < 0:
            raise QueryError(f"k must be at least 1 and offset at least 0, not {self.k} and {self.offset}")
        if self.metric is not None and self.metric not in METRICS:
            raise QueryError(f"there is no metric called {self.metric!r}: choose among {', '.join(METRICS)}")
        read_steps(self.rerank)

    @property
    def words(self) -> str | None:
        """The text of a query that is words and nothing else."""
        only = self._only
        return only.text if only is not None else None

    @property
    def pictured(self) -> QueryPart | None:
        """The one picture of the query, or one part of a picture; None for all other queries."""
        only = self._only
        return only if only is not None and (only.image is not None or only.id is not None) else None

    @property
    def known(self) -> str | None:
        """The id of the query's one whole picture, if it is of the library, and no colour is given: the first hit."""
        only = self._only
        return only.id if only is not None and only.region is None and self.color is None else None

    @property
    def one_picture(self) -> bool:
        """True where the query is one whole picture, or its vector: scores are calibrated for these."""
        only = self._only
        return only is not None and only.text is None and only.region is None and self.color is None

    @property
    def banded(self) -> bool:
        """True where the query is one picture, a part of one, or a vector, and hits are whole pictures."""
        only = self._only
        return only is not None and only.text is None and not self.regions

    @property
    def wanted(self) -> int:
        """Number of hits needed to fill the page."""
        return self.offset + self.k

    @property
    def unwanted(self) -> frozenset[str]:
        """Pictures of the query with negative weight; they are not hits themselves."""
        return frozenset(part.id for part in self.parts if part.id is not None and part.weight < 0)

    @property
    def _only(self) -> QueryPart | None:
        return self.parts[0] if len(self.parts) == 1 and self.parts[0].weight > 0 else None
