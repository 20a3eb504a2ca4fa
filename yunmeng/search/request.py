"""What is asked of a library: pictures, parts of them, and words, mixed by weights."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from numpy.typing import ArrayLike

from yunmeng.errors import QueryError
from yunmeng.search.metrics import METRICS
from yunmeng.search.rerank.registry import read_steps
from yunmeng.stores.parse import parse_filter
from yunmeng.types import Region, SearchOptions

if TYPE_CHECKING:
    from yunmeng.search.query import QueryPicture
    from yunmeng.stores.filters import Filter

__all__ = ["QueryPart", "SearchRequest", "read_filter"]


@dataclass(frozen=True, slots=True)
class QueryPart:
    """One part of a question: exactly one of ``image``, ``id``, ``vector`` and ``text``.

    ``weight`` says how much it counts; below 0, hits are to be unlike it. ``region`` is the part of the picture that is
    meant. Raises `QueryError` if it is not sound.
    """

    image: "QueryPicture | None" = None
    id: str | None = None
    vector: ArrayLike | None = None
    text: str | None = None
    weight: float = 1.0
    region: Region | None = None

    def __post_init__(self) -> None:
        if sum(given is not None for given in (self.image, self.id, self.vector, self.text)) != 1:
            raise QueryError("a part of a question is exactly one of image, id, vector and text")
        if (isinstance(self.image, str) and not self.image) or (self.text is not None and _is_blank(self.text)):
            raise QueryError("the question is empty: ask with the path or URL of a picture, an id, or words")
        if self.region is not None and self.image is None and self.id is None:
            raise QueryError("a region goes with a picture: ask with image or id")
        if not math.isfinite(self.weight) or self.weight == 0:
            raise QueryError(f"a part's weight must be a number other than 0, not {self.weight:g}")


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


def _is_blank(text: str) -> bool:
    """Return whether ``text`` shows nothing: spaces of any kind, and characters without a shape or a width."""
    return not any(letter.isprintable() and not letter.isspace() for letter in text)


def read_filter(filter: "str | Filter | None") -> "Filter | None":
    """Return a filter given as text or as a tree. Raises `FilterError`, also for blank text: it is no filter at all."""
    return parse_filter(filter) if isinstance(filter, str) else filter
