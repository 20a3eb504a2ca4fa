"""Bodies about warming: queries that are run in advance, so that their answers are in the cache."""

from pydantic import BaseModel, Field, model_validator

from yunmeng.schemas.common import Request
from yunmeng.schemas.searching import SearchQuery

__all__ = ["MAX_WARM", "WarmFailure", "WarmOrder", "WarmOut"]

MAX_WARM = 10_000


class WarmOrder(Request):
    """Queries that the server runs itself, so that their answers are in the cache when people ask."""

    top: int = Field(0, ge=0, le=MAX_WARM, description="So many of those that were asked most.")
    queries: list[SearchQuery] = Field([], max_length=MAX_WARM, description="And these.")

    @model_validator(mode="after")
    def _something(self) -> "WarmOrder":
        if not self.top and not self.queries:
            raise ValueError("name queries, or how many of the most popular ones")
        return self


class WarmFailure(BaseModel):
    """A query that could not be answered."""

    query: str
    reason: str


class WarmOut(BaseModel):
    """The progress of warming, since it was last complete."""

    running: bool
    total: int
    done: int = Field(description="Questions that are settled, those that failed among them.")
    failed: int
    failures: list[WarmFailure] = Field(description="The first hundred that failed.")
