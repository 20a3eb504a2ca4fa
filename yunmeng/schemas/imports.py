"""Bodies about imports: folders, manifests and URLs that are indexed in the background."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field, model_validator

from yunmeng.schemas.common import Request
from yunmeng.types import MOST_PARTS, JobStatus

__all__ = ["FailureList", "ImportFailure", "ImportList", "ImportOrder", "ImportOut"]


class ImportOrder(Request):
    """Places on the server, or URLs, to bring into the library."""

    paths: list[str] = Field([], max_length=1000, description="Folders, pictures, manifests, lists of URLs, URLs.")
    manifest: str | None = Field(None, min_length=1, description="One more manifest, with the pictures' attributes.")
    frames: int = Field(1, ge=1, le=MOST_PARTS, description="Pictures to take of a file that holds several.")

    @model_validator(mode="after")
    def _something(self) -> "ImportOrder":
        if not self.paths and self.manifest is None:
            raise ValueError("name a path or a manifest")
        return self


class ImportOut(BaseModel):
    """An import and its progress."""

    number: int
    sources: list[str]
    status: JobStatus = Field(description="interrupted: goes on when the server starts again.")
    phase: Literal["indexing", "optimising"]
    total: int | None = Field(description="Pictures to look at; null until they have been counted.")
    indexed: int
    skipped: int
    failed: int
    started_at: datetime
    finished_at: datetime | None
    error: str | None = Field(description="Why it failed as a whole.")


class ImportList(BaseModel):
    """Imports, newest first."""

    imports: list[ImportOut]


class ImportFailure(BaseModel):
    """One input that could not be used."""

    path: str
    reason: str


class FailureList(BaseModel):
    """Inputs that an import could not use."""

    failures: list[ImportFailure]
