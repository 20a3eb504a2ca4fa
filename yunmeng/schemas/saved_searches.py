"""Bodies about saved searches."""

from datetime import datetime

from pydantic import BaseModel, Field

from yunmeng.schemas.common import Request

__all__ = ["NewSearch", "SavedSearchOut"]


class NewSearch(Request):
    """A search to be saved."""

    query: str = Field(
        min_length=2, max_length=8000, pattern="^/", description="What follows # in the console's address."
    )


class SavedSearchOut(BaseModel):
    """A search that was saved."""

    name: str
    query: str
    saved_at: datetime
