"""Orders to ask ahead what people ask often."""

from pydantic import BaseModel, Field, model_validator

from yunmeng.schemas.common import Request
from yunmeng.schemas.searching import SearchQuery

__all__ = ["MAX_WARM", "WarmFailure", "WarmOrder", "WarmOut"]

MAX_WARM = 10_000


class WarmOrder(Request):
    """Questions that the server is to ask itself, so that their answers are at hand when people ask them."""

    top: int = Field(0, ge=0, le=MAX_WARM, description="So many of those that were asked most.")
    queries: list[SearchQuery] = Field([], max_length=MAX_WARM, description="And these.")

    @model_validator(mode="after")
    def _something(self) -> "WarmOrder":
        if not self.top and not self.queries:
            raise ValueError("name queries, or how many of the most popular ones")
        return self


class WarmFailure(BaseModel):
    """A question that could not be answered."""

    query: str
    reason: str


class WarmOut(BaseModel):
    """How far the server has come with what was ordered since it was last done with all."""

    running: bool
    total: int
    done: int = Field(description="Questions that are settled, those that failed among them.")
    failed: int
    failures: list[WarmFailure] = Field(description="The first hundred that failed.")
