"""What is asked of a library: pictures, parts of them, and words, mixed by weights."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from yunmeng.errors import QueryError
from yunmeng.search.metrics import METRICS
from yunmeng.search.rerank.registry import read_steps
from yunmeng.types import QueryPart, SearchOptions

if TYPE_CHECKING:
    from yunmeng.stores.filters import Filter

__all__ = ["QueryPart", "SearchRequest"]


@dataclass(frozen=True, slots=True)
class SearchRequest(SearchOptions):
    """What is asked, and which of the hits are wanted, in which order; see `SearchOptions` for most of it.

    ``rerank`` names steps, see `yunmeng.search.rerank`; ``metric`` None is the library's. Raises `QueryError` if it
    is not sound.
    """

    parts: Sequence[QueryPart]
    k: int = 10
    offset: int = 0
    filter: "Filter | None" = None
    rerank: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.parts:
            raise QueryError("ask with a picture, an id, a vector or words")
        if self.k < 1 or self.offset < 0:
            raise QueryError(f"k must be at least 1 and offset at least 0, not {self.k} and {self.offset}")
        if self.metric is not None and self.metric not in METRICS:
            raise QueryError(f"there is no metric called {self.metric!r}: choose among {', '.join(METRICS)}")
        read_steps(self.rerank)

    @property
    def words(self) -> str | None:
        """The text of a question that is words and nothing else."""
        only = self._only
        return only.text if only is not None else None

    @property
    def pictured(self) -> QueryPart | None:
        """The one picture that is asked with, which may be a part of one; None for all other questions."""
        only = self._only
        return only if only is not None and (only.image is not None or only.id is not None) else None

    @property
    def known(self) -> str | None:
        """The id of the one whole picture of the library that is asked with: it is the first hit."""
        only = self._only
        return only.id if only is not None and only.region is None else None

    @property
    def one_picture(self) -> bool:
        """Whether one whole picture, or its vector, is asked with: what scores are calibrated for."""
        only = self._only
        return only is not None and only.text is None and only.region is None

    @property
    def wanted(self) -> int:
        """How many hits it takes to fill the page."""
        return self.offset + self.k

    @property
    def unwanted(self) -> frozenset[str]:
        """Pictures that hits are to be unlike, and that are no hits themselves."""
        return frozenset(part.id for part in self.parts if part.id is not None and part.weight < 0)

    @property
    def _only(self) -> QueryPart | None:
        return self.parts[0] if len(self.parts) == 1 and self.parts[0].weight > 0 else None
